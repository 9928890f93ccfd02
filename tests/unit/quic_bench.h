/* quic_bench.h: a conversation over QUIC as two endpoints would hold it, and the dissector that
 * listens.
 */
#ifndef TESTS_QUIC_BENCH_H
#define TESTS_QUIC_BENCH_H

#include "dissectors/keylog.h"
#include "dissectors/quic.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

enum { CLIENT, SERVER }; /* ends of the flow */
enum { V1 = 1, V2 = 0x6b3343cf, RESERVED = 0x1a2a3a4a };

static const uint8_t first_dcid[] = { 0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08 };
static const uint8_t client_cid[] = { 1, 2, 3, 4, 5 };
static const uint8_t server_cid[] = { 0xf0, 0x67, 0xa5, 0x50, 0x2a, 0x42, 0x62, 0xb5 };
static const uint8_t retry_cid[] = { 9, 9, 9, 9, 9, 9, 9, 9, 9 };

#define BYTES(array) ((struct bytes){ array, sizeof array })

struct datagram {
	unsigned end;
	struct buffer wire;
};

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct quic q;
	int64_t now_ns;
	uint64_t number;
	bool ours;
	struct buffer client_hello, server_hello; /* whole messages */
	struct datagram sent[32];
	unsigned sent_count;
};

static inline struct bench *open_bench(void)
{
	struct bench *b = calloc(1, sizeof *b);
	struct buffer client = wire_hex(vector_client_frame),
		      server = wire_hex(vector_server_frames);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->env.base_ns = 1000;
	b->now_ns = 1000;
	quic_init(&b->q);
	b->ours = true;
	buffer_add(&b->client_hello, client.at + 4, client.len - 4);
	/* An ACK frame of five bytes, then the CRYPTO frame's four. */
	buffer_add(&b->server_hello, server.at + 9, server.len - 9);
	buffer_finish(&client);
	buffer_finish(&server);
	return b;
}

static inline void close_bench(struct bench *b)
{
	for (unsigned i = 0; i < b->sent_count; i++)
		buffer_finish(&b->sent[i].wire);
	buffer_finish(&b->client_hello);
	buffer_finish(&b->server_hello);
	quic_finish(&b->q, &b->env);
	assert_int_equal(b->env.message_bytes, 0);
	tls_env_finish(&b->env);
	free(b);
}

/* ---- what the two sides send ---- */

static inline struct buffer *new_datagram(struct bench *b, unsigned end)
{
	struct datagram *d = &b->sent[b->sent_count++];

	assert_true(b->sent_count <= sizeof b->sent / sizeof b->sent[0]);
	d->end = end;
	return &d->wire;
}

static inline void initial_keys(struct bench *b, uint32_t version, struct bytes dcid,
				struct quic_keys keys[2])
{
	assert_true(quic_keys_initial(b->env.crypto, quic_version_find(version), dcid, keys));
}

static inline void add_initial(struct bench *b, struct buffer *out, enum sender sender,
			       uint32_t version, struct bytes secret_dcid, struct wire_packet p)
{
	struct quic_keys keys[2];

	initial_keys(b, version, secret_dcid, keys);
	p.version = version;
	p.type = QUIC_INITIAL;
	wire_seal(out, &keys[sender], &p);
}

/* A client's Initial with a part of its hello. */
static inline void add_hello_part(struct bench *b, struct buffer *out, uint32_t version,
				  struct bytes dcid, struct bytes token, size_t from, size_t to,
				  uint32_t number)
{
	struct buffer frames = { 0 };

	wire_crypto_frame(&frames, from, (struct bytes){ b->client_hello.at + from, to - from });
	add_initial(b, out, SENDER_CLIENT, version, dcid,
		    (struct wire_packet){ .dcid = dcid,
					  .scid = BYTES(client_cid),
					  .token = token,
					  .frames = buffer_bytes(&frames),
					  .number = number,
					  .pad_to = 900 });
	buffer_finish(&frames);
}

static inline void send_hello(struct bench *b, uint32_t version)
{
	add_hello_part(b, new_datagram(b, CLIENT), version, BYTES(first_dcid), (struct bytes){ 0 },
		       0, b->client_hello.len, 0);
}

static inline void add_server_hello(struct bench *b, struct buffer *out, uint32_t version,
				    struct bytes secret_dcid)
{
	struct buffer frames = { 0 };
	static const uint8_t ack[] = { 2, 0, 0, 0, 0 };

	buffer_add(&frames, ack, sizeof ack);
	wire_crypto_frame(&frames, 0, buffer_bytes(&b->server_hello));
	add_initial(b, out, SENDER_SERVER, version, secret_dcid,
		    (struct wire_packet){ .dcid = BYTES(client_cid),
					  .scid = BYTES(server_cid),
					  .frames = buffer_bytes(&frames) });
	buffer_finish(&frames);
}

static inline void add_sealed(struct buffer *out, enum sender sender, enum quic_type type,
			      size_t len)
{
	struct quic_keys unknown = { .aead = AEAD_AES_128_GCM, .key = { 42 } };
	struct wire_packet p = {
		.version = V1,
		.type = type,
		.pad_to = len,
		.dcid = sender == SENDER_CLIENT ? BYTES(server_cid) : BYTES(client_cid),
		.scid = sender == SENDER_CLIENT ? BYTES(client_cid) : BYTES(server_cid)
	};

	wire_seal(out, &unknown, &p);
}

static inline void add_short(struct buffer *out, enum sender sender)
{
	static const uint8_t body[40] = { 7 };

	wire_int(out, 0x43, 1);
	if (sender == SENDER_CLIENT)
		buffer_add(out, server_cid, sizeof server_cid);
	else
		buffer_add(out, client_cid, sizeof client_cid);
	buffer_add(out, body, sizeof body);
}

static inline void send_flights(struct bench *b, uint32_t version, struct bytes secret_dcid)
{
	struct buffer *server = new_datagram(b, SERVER);

	add_server_hello(b, server, version, secret_dcid);
	add_sealed(server, SENDER_SERVER, QUIC_HANDSHAKE, 700);
	struct buffer *client = new_datagram(b, CLIENT);
	add_sealed(client, SENDER_CLIENT, QUIC_HANDSHAKE, 45);
	add_short(client, SENDER_CLIENT);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
}

static inline void send_conversation(struct bench *b)
{
	send_hello(b, V1);
	send_flights(b, V1, BYTES(first_dcid));
}

/* ---- what the dissector sees ---- */

static inline void pass(struct bench *b, unsigned end, struct bytes data)
{
	struct chunk c = { .data = data, .time_ns = b->now_ns += 1000, .number = ++b->number };

	if (!quic_is_over(&b->q))
		b->ours = quic_push(&b->q, &b->env, end, &c) && b->ours;
}

static inline void pass_sent(struct bench *b, unsigned which)
{
	pass(b, b->sent[which].end, buffer_bytes(&b->sent[which].wire));
}

static inline void pass_all(struct bench *b)
{
	for (unsigned i = 0; i < b->sent_count; i++)
		pass_sent(b, i);
}

static inline struct handshake *finish(struct bench *b, enum exchange_end how)
{
	quic_end(&b->q, &b->env, how, -1);
	return b->env.finished_count ? b->env.finished[b->env.finished_count - 1] : NULL;
}

/* The one handshake, whether it was handed on already or is so at the end. */
static inline const struct handshake *the_row(struct bench *b)
{
	if (!b->env.finished_count)
		quic_end(&b->q, &b->env, EXCHANGE_END_IDLE, -1);
	assert_int_equal(b->env.finished_count, 1);
	return b->env.finished[0];
}

static inline void assert_text(const struct handshake *h, struct text t, const char *expected)
{
	struct bytes b = handshake_text(h, t);

	assert_int_equal(b.len, strlen(expected));
	assert_memory_equal(b.at, expected, b.len);
}

/* What must not depend on how the bytes came. */
static inline void assert_whole_row(const struct handshake *h)
{
	assert_non_null(h);
	assert_int_equal(h->transport, TRANSPORT_QUIC);
	assert_int_equal(h->quic_version, V1);
	assert_text(h, h->server_name, "example.com");
	assert_int_equal(h->version, 0x0304);
	assert_int_equal(h->cipher, 0x1301);
	assert_int_equal(h->named_group, 29);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->stage, STAGE_FINISHED);
	assert_int_equal(h->quic_retry, 0);
	assert_int_equal(h->round_trips, 1);
	assert_int_equal(h->reassembly, 0);
	assert_non_null(h->client_hello);
	assert_null(h->client_hello_second);
}

#endif
