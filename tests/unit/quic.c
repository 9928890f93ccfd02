#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/keylog.h"
#include "dissectors/quic.h"
#include "tests/unit/quic_vectors.h"
#include "tests/unit/quic_wire.h"

enum { CLIENT, SERVER };	/* ends of the flow */
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
	struct buffer client_hello, server_hello;	/* whole messages */
	struct datagram sent[32];
	unsigned sent_count;
};

static struct bench *open_bench(void)
{
	struct bench *b = calloc(1, sizeof *b);
	struct buffer client = wire_hex(vector_client_frame), server = wire_hex(vector_server_frames);

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

static void close_bench(struct bench *b)
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

static struct buffer *new_datagram(struct bench *b, unsigned end)
{
	struct datagram *d = &b->sent[b->sent_count++];

	assert_true(b->sent_count <= sizeof b->sent / sizeof b->sent[0]);
	d->end = end;
	return &d->wire;
}

static void initial_keys(struct bench *b, uint32_t version, struct bytes dcid, struct quic_keys keys[2])
{
	assert_true(quic_keys_initial(b->env.crypto, quic_version_find(version), dcid, keys));
}

static void add_initial(struct bench *b, struct buffer *out, enum sender sender, uint32_t version, struct bytes secret_dcid, struct wire_packet p)
{
	struct quic_keys keys[2];

	initial_keys(b, version, secret_dcid, keys);
	p.version = version;
	p.type = QUIC_INITIAL;
	wire_seal(out, &keys[sender], &p);
}

/* A client's Initial with a part of its hello. */
static void add_hello_part(struct bench *b, struct buffer *out, uint32_t version, struct bytes dcid, struct bytes token, size_t from, size_t to, uint32_t number)
{
	struct buffer frames = { 0 };

	wire_crypto_frame(&frames, from, (struct bytes){ b->client_hello.at + from, to - from });
	add_initial(b, out, SENDER_CLIENT, version, dcid, (struct wire_packet){ .dcid = dcid, .scid = BYTES(client_cid), .token = token,
		.frames = buffer_bytes(&frames), .number = number, .pad_to = 900 });
	buffer_finish(&frames);
}

static void send_hello(struct bench *b, uint32_t version)
{
	add_hello_part(b, new_datagram(b, CLIENT), version, BYTES(first_dcid), (struct bytes){ 0 }, 0, b->client_hello.len, 0);
}

static void add_server_hello(struct bench *b, struct buffer *out, uint32_t version, struct bytes secret_dcid)
{
	struct buffer frames = { 0 };
	static const uint8_t ack[] = { 2, 0, 0, 0, 0 };

	buffer_add(&frames, ack, sizeof ack);
	wire_crypto_frame(&frames, 0, buffer_bytes(&b->server_hello));
	add_initial(b, out, SENDER_SERVER, version, secret_dcid, (struct wire_packet){ .dcid = BYTES(client_cid), .scid = BYTES(server_cid),
		.frames = buffer_bytes(&frames) });
	buffer_finish(&frames);
}

static void add_sealed(struct buffer *out, enum sender sender, enum quic_type type, size_t len)
{
	struct quic_keys unknown = { .aead = AEAD_AES_128_GCM, .key = { 42 } };
	struct wire_packet p = { .version = V1, .type = type, .pad_to = len, .dcid = sender == SENDER_CLIENT ? BYTES(server_cid) : BYTES(client_cid),
		.scid = sender == SENDER_CLIENT ? BYTES(client_cid) : BYTES(server_cid) };

	wire_seal(out, &unknown, &p);
}

static void add_short(struct buffer *out, enum sender sender)
{
	static const uint8_t body[40] = { 7 };

	wire_int(out, 0x43, 1);
	if (sender == SENDER_CLIENT)
		buffer_add(out, server_cid, sizeof server_cid);
	else
		buffer_add(out, client_cid, sizeof client_cid);
	buffer_add(out, body, sizeof body);
}

static void send_flights(struct bench *b, uint32_t version, struct bytes secret_dcid)
{
	struct buffer *server = new_datagram(b, SERVER);

	add_server_hello(b, server, version, secret_dcid);
	add_sealed(server, SENDER_SERVER, QUIC_HANDSHAKE, 700);
	struct buffer *client = new_datagram(b, CLIENT);
	add_sealed(client, SENDER_CLIENT, QUIC_HANDSHAKE, 45);
	add_short(client, SENDER_CLIENT);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
}

static void send_conversation(struct bench *b)
{
	send_hello(b, V1);
	send_flights(b, V1, BYTES(first_dcid));
}

/* ---- what the dissector sees ---- */

static void pass(struct bench *b, unsigned end, struct bytes data)
{
	struct chunk c = { .data = data, .time_ns = b->now_ns += 1000, .number = ++b->number };

	if (!quic_is_over(&b->q))
		b->ours = quic_push(&b->q, &b->env, end, &c) && b->ours;
}

static void pass_sent(struct bench *b, unsigned which)
{
	pass(b, b->sent[which].end, buffer_bytes(&b->sent[which].wire));
}

static void pass_all(struct bench *b)
{
	for (unsigned i = 0; i < b->sent_count; i++)
		pass_sent(b, i);
}

static struct handshake *finish(struct bench *b, enum exchange_end how)
{
	quic_end(&b->q, &b->env, how, -1);
	return b->env.finished_count ? b->env.finished[b->env.finished_count - 1] : NULL;
}

/* The one handshake, whether it was handed on already or is so at the end. */
static const struct handshake *the_row(struct bench *b)
{
	if (!b->env.finished_count)
		quic_end(&b->q, &b->env, EXCHANGE_END_IDLE, -1);
	assert_int_equal(b->env.finished_count, 1);
	return b->env.finished[0];
}

static void assert_text(const struct handshake *h, struct text t, const char *expected)
{
	struct bytes b = handshake_text(h, t);

	assert_int_equal(b.len, strlen(expected));
	assert_memory_equal(b.at, expected, b.len);
}

/* What must not depend on how the bytes came. */
static void assert_whole_row(const struct handshake *h)
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

/* ---- facts ---- */

static void the_packets_of_rfc_9001_give_names_and_choice(void **state)
{
	struct bench *b = open_bench();
	struct buffer client = wire_hex(vector_v1_client), server = wire_hex(vector_v1_server);

	(void)state;
	pass(b, CLIENT, buffer_bytes(&client));
	pass(b, SERVER, buffer_bytes(&server));
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_non_null(h);
	assert_text(h, h->server_name, "example.com");
	assert_int_equal(h->cipher, 0x1301);
	assert_int_equal(h->quic_version, V1);
	assert_int_equal(h->outcome, OUTCOME_OPEN);
	assert_int_equal(h->server_hello_ns, 1000);
	buffer_finish(&client);
	buffer_finish(&server);
	close_bench(b);
}

static void the_packets_of_rfc_9369_are_version_2(void **state)
{
	struct bench *b = open_bench();
	struct buffer client = wire_hex(vector_v2_client), server = wire_hex(vector_v2_server);

	(void)state;
	pass(b, SERVER, buffer_bytes(&client));	/* whichever end it is that sends it */
	pass(b, CLIENT, buffer_bytes(&server));
	assert_int_equal(quic_client(&b->q), SERVER);
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_int_equal(h->quic_version, V2);
	assert_int_equal(h->cipher, 0x1301);
	buffer_finish(&client);
	buffer_finish(&server);
	close_bench(b);
}

static void both_sides_with_short_headers_have_completed(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	pass_all(b);
	assert_false(quic_is_over(&b->q));
	assert_whole_row(the_row(b));
	assert_int_equal(b->env.finished[0]->inferred, INFERRED_OUTCOME | INFERRED_TLS_MS | INFERRED_TOTAL_MS);
	/* From the first datagram to the third. */
	assert_int_equal(b->env.finished[0]->tls_ns, 2000);
	assert_int_equal(b->env.finished[0]->packets, 3);
	close_bench(b);
}

static void an_answer_to_what_the_client_said_last_settles_it(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	add_short(new_datagram(b, CLIENT), SENDER_CLIENT);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
	pass_all(b);
	assert_true(quic_is_over(&b->q));
	assert_int_equal(b->env.finished_count, 1);
	close_bench(b);
}

static void a_server_that_speaks_early_has_not_completed(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	pass_sent(b, 0);
	pass_sent(b, 1);
	pass_sent(b, 3);
	assert_int_equal(finish(b, EXCHANGE_END_CAPTURE)->outcome, OUTCOME_OPEN);
	close_bench(b);
}

static void zeros_behind_a_packet_are_no_packet(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t zeros[200];

	(void)state;
	send_hello(b, V1);
	struct buffer *server = new_datagram(b, SERVER), *client = new_datagram(b, CLIENT);
	add_server_hello(b, server, V1, BYTES(first_dcid));
	add_sealed(client, SENDER_CLIENT, QUIC_HANDSHAKE, 45);
	buffer_add(client, zeros, sizeof zeros);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
	pass_all(b);
	assert_int_equal(finish(b, EXCHANGE_END_CAPTURE)->outcome, OUTCOME_OPEN);
	close_bench(b);
}

/* ---- hostile or unlucky ways of the same bytes ---- */

static void a_hello_in_pieces_gives_the_same_row(void **state)
{
	(void)state;
	for (unsigned pieces = 2; pieces <= 9; pieces++) {
		for (unsigned reversed = 0; reversed < 2; reversed++) {
			struct bench *b = open_bench();
			size_t size = b->client_hello.len / pieces + 1;

			for (unsigned i = 0; i < pieces; i++) {
				unsigned which = reversed ? pieces - 1 - i : i;
				size_t from = which * size, to = from + size < b->client_hello.len ? from + size : b->client_hello.len;

				add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, from, to, i);
			}
			send_flights(b, V1, BYTES(first_dcid));
			pass_all(b);
			assert_whole_row(the_row(b));
			assert_int_equal(b->env.finished[0]->retransmissions, 0);
			close_bench(b);
		}
	}
}

static void every_order_of_the_first_datagrams_gives_the_same_row(void **state)
{
	static const unsigned orders[][4] = { { 0, 2, 1, 3 }, { 1, 0, 2, 3 }, { 1, 2, 0, 3 }, { 2, 1, 0, 3 }, { 2, 0, 1, 3 }, { 1, 0, 3, 2 } };

	(void)state;
	for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
		struct bench *b = open_bench();

		send_conversation(b);
		for (unsigned k = 0; k < 4; k++)
			pass_sent(b, orders[i][k]);
		/* The client's second datagram before the server's first tells of a handshake that cannot be known yet. */
		if (b->q.exchange.state == EXCHANGE_RUNNING)
			pass_sent(b, 2), pass_sent(b, 3);
		assert_whole_row(the_row(b));
		close_bench(b);
	}
}

static void duplicates_count_as_retransmissions_and_change_nothing_else(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	pass_sent(b, 0);
	pass_sent(b, 0);
	pass_sent(b, 1);
	pass_sent(b, 1);
	pass_sent(b, 2);
	pass_sent(b, 3);
	pass_sent(b, 3);
	assert_whole_row(the_row(b));
	assert_int_equal(b->env.finished[0]->retransmissions, 2);
	close_bench(b);
}

static void damaged_copies_change_nothing(void **state)
{
	(void)state;
	for (size_t at = 0; at < 900; at += 13) {
		struct bench *b = open_bench();

		send_conversation(b);
		for (unsigned i = 0; i < b->sent_count; i++) {
			struct buffer *wire = &b->sent[i].wire;

			pass_sent(b, i);
			if (i < 2) {
				wire->at[at % wire->len] ^= 0x10;
				pass_sent(b, i);
				wire->at[at % wire->len] ^= 0x10;
			}
		}
		assert_whole_row(the_row(b));
		close_bench(b);
	}
}

static void a_damaged_first_packet_does_not_stop_the_next(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	b->sent[0].wire.at[500] ^= 1;
	pass_sent(b, 0);
	b->sent[0].wire.at[500] ^= 1;
	pass_all(b);
	assert_whole_row(the_row(b));
	close_bench(b);
}

static void coalesced_packets_count_in_any_order(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	struct buffer *server = new_datagram(b, SERVER);
	add_sealed(server, SENDER_SERVER, QUIC_HANDSHAKE, 700);
	add_server_hello(b, server, V1, BYTES(first_dcid));
	struct buffer *client = new_datagram(b, CLIENT);
	add_sealed(client, SENDER_CLIENT, QUIC_HANDSHAKE, 45);
	add_short(client, SENDER_CLIENT);
	add_short(new_datagram(b, SERVER), SENDER_SERVER);
	pass_all(b);
	assert_whole_row(the_row(b));
	close_bench(b);
}

static void a_packet_of_another_connection_changes_nothing(void **state)
{
	struct bench *b = open_bench();
	struct buffer stranger = { 0 };
	static const uint8_t other[] = { 5, 5, 5, 5, 5, 5, 5, 5 };

	(void)state;
	send_conversation(b);
	/* Sealed for another connection; it opens with no key of this one. */
	add_initial(b, &stranger, SENDER_SERVER, V1, BYTES(other), (struct wire_packet){ .dcid = BYTES(client_cid), .scid = BYTES(other), .pad_to = 60 });
	for (unsigned i = 0; i < b->sent_count; i++) {
		pass_sent(b, i);
		pass(b, SERVER, buffer_bytes(&stranger));
	}
	assert_whole_row(the_row(b));
	buffer_finish(&stranger);
	close_bench(b);
}

static void bytes_that_change_their_mind_mark_the_row(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 0, 100, 0);
	b->client_hello.at[60] ^= 1;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 50, b->client_hello.len, 1);
	send_flights(b, V1, BYTES(first_dcid));
	pass_all(b);
	assert_int_equal(the_row(b)->reassembly, REASSEMBLY_OVERLAP);
	close_bench(b);
}

static void a_hello_with_a_hole_is_a_gap_once_it_is_answered(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 0, 100, 0);
	send_flights(b, V1, BYTES(first_dcid));
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_text(h, h->server_name, "example.com");
	assert_int_equal(h->reassembly, REASSEMBLY_GAP);
	assert_int_equal(h->cipher, 0x1301);
	close_bench(b);
}

static void quic_waiting_bites(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	for (unsigned i = 0; i <= QUIC_WAITING_MAX; i++)
		pass_sent(b, 1);
	assert_int_equal(b->limits.bitten[LIMIT_QUIC_WAITING], 1);
	assert_null(finish(b, EXCHANGE_END_IDLE));
	close_bench(b);
}

/* ---- Retry, versions, ends ---- */

static void send_retry(struct bench *b)
{
	/* RFC 9001 section 5.8, made for this bench: the tag is over the first DCID and the Retry. */
	struct buffer *wire = new_datagram(b, SERVER), over = { 0 };
	const struct quic_version *v = quic_version_find(V1);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[QUIC_TAG_LEN];
	int n;

	wire_int(wire, 0xff, 1);
	wire_int(wire, V1, 4);
	wire_vec(wire, 1, client_cid, sizeof client_cid);
	wire_vec(wire, 1, retry_cid, sizeof retry_cid);
	buffer_add(wire, "token", 5);
	wire_vec(&over, 1, first_dcid, sizeof first_dcid);
	buffer_add(&over, wire->at, wire->len);
	EVP_EncryptInit_ex2(ctx, EVP_aes_128_gcm(), v->retry_key, v->retry_nonce, NULL);
	EVP_EncryptUpdate(ctx, NULL, &n, over.at, (int)over.len);
	EVP_EncryptFinal_ex(ctx, tag, &n);
	EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, QUIC_TAG_LEN, tag);
	EVP_CIPHER_CTX_free(ctx);
	buffer_add(wire, tag, sizeof tag);
	buffer_finish(&over);
}

static void send_after_retry(struct bench *b)
{
	struct bytes token = { (const uint8_t *)"token", 5 };

	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(retry_cid), token, 0, b->client_hello.len, 1);
	send_flights(b, V1, BYTES(retry_cid));
}

static void a_retry_is_part_of_its_handshake(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_retry(b);
	send_after_retry(b);
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(h->quic_retry, 1);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->round_trips, 2);
	/* From the hello after the Retry to its answer. */
	assert_int_equal(h->server_hello_ns, 1000);
	assert_int_equal(h->tls_ns, 4000);
	assert_int_equal(h->retransmissions, 0);
	close_bench(b);
}

static void a_retry_that_was_not_captured_is_told_by_its_token(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_after_retry(b);
	pass_all(b);
	assert_int_equal(the_row(b)->quic_retry, 1);
	assert_int_equal(b->env.finished[0]->outcome, OUTCOME_COMPLETED);
	close_bench(b);
}

static void a_forged_retry_is_ignored(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_retry(b);
	b->sent[1].wire.at[b->sent[1].wire.len - 1] ^= 1;
	send_flights(b, V1, BYTES(first_dcid));
	pass_all(b);
	assert_whole_row(the_row(b));
	close_bench(b);
}

static void a_retry_in_the_middle_of_a_hello_keeps_its_first_bytes(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(first_dcid), (struct bytes){ 0 }, 0, 100, 0);
	send_retry(b);
	send_after_retry(b);
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(h->tls_ns, 4000);
	assert_int_equal(h->round_trips, 2);
	assert_int_equal(h->reassembly, 0);
	close_bench(b);
}

static void a_server_may_answer_in_another_version(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	add_server_hello(b, new_datagram(b, SERVER), V2, BYTES(first_dcid));
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_int_equal(h->quic_version, V2);
	assert_int_equal(h->cipher, 0x1301);
	close_bench(b);
}

static void send_negotiation(struct bench *b, uint32_t offered)
{
	struct buffer *wire = new_datagram(b, SERVER);

	wire_int(wire, 0x80, 1);
	wire_int(wire, 0, 4);
	wire_vec(wire, 1, client_cid, sizeof client_cid);
	wire_vec(wire, 1, first_dcid, sizeof first_dcid);
	wire_int(wire, offered, 4);
}

static void a_version_negotiation_is_part_of_its_handshake(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, 0xff00001d);
	send_negotiation(b, V1);
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(retry_cid), (struct bytes){ 0 }, 0, b->client_hello.len, 0);
	send_flights(b, V1, BYTES(retry_cid));
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(b->env.finished_count, 1);
	assert_int_equal(h->quic_version, V1);
	assert_int_equal(h->quic_retry, 0);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->tls_ns, 4000);
	close_bench(b);
}

static void a_client_that_does_not_come_back_was_refused_by_the_server(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_negotiation(b, V2);
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_IDLE);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	close_bench(b);
}

static void a_server_that_stays_silent_counts_as_the_network(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_IDLE);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_NETWORK);
	close_bench(b);
}

static void send_close(struct bench *b, uint64_t code)
{
	struct buffer frames = { 0 };

	wire_close_frame(&frames, code);
	add_initial(b, new_datagram(b, SERVER), SENDER_SERVER, V1, BYTES(first_dcid), (struct wire_packet){ .dcid = BYTES(client_cid),
		.scid = BYTES(server_cid), .frames = buffer_bytes(&frames) });
	buffer_finish(&frames);
}

static void a_crypto_error_is_the_alert_of_its_number(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_close(b, 0x178);
	pass_all(b);
	assert_true(quic_is_over(&b->q));
	const struct handshake *h = the_row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 120);
	assert_int_equal(h->alert_level, 2);
	assert_int_equal(h->alert_sender, SENDER_SERVER);
	close_bench(b);
}

static void another_error_is_a_close_without_alert(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_hello(b, V1);
	send_close(b, 2);
	pass_all(b);
	const struct handshake *h = the_row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_count, 0);
	close_bench(b);
}

/* As a server does that has sent data of its own before it looked at the client's certificate. */
static void a_refusal_behind_1_rtt_packets_fails_the_handshake(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	send_close(b, 0x174);
	pass_all(b);
	assert_true(quic_is_over(&b->q));
	const struct handshake *h = the_row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	assert_int_equal(h->alert_code, 116);
	assert_int_equal(h->alert_sender, SENDER_SERVER);
	assert_int_equal(h->stage, STAGE_FINISHED);
	assert_int_equal(h->inferred, INFERRED_STAGE);
	close_bench(b);
}

/* ---- with secrets ---- */

static const uint8_t handshake_secret[2][32] = { { 1 }, { 2 } };

static void give_secrets(struct bench *b)
{
	static const char *const labels[2] = { "CLIENT_HANDSHAKE_TRAFFIC_SECRET", "SERVER_HANDSHAKE_TRAFFIC_SECRET" };
	struct buffer text = { 0 };

	b->env.keylog = keylog_create(&b->key, &b->limits);
	for (int i = 0; i < 2; i++) {
		buffer_add_format(&text, "%s ", labels[i]);
		for (size_t k = 0; k < 32; k++)
			buffer_add_format(&text, "%02x", b->client_hello.at[6 + k]);
		buffer_add_text(&text, " ");
		for (size_t k = 0; k < 32; k++)
			buffer_add_format(&text, "%02x", handshake_secret[i][k]);
		buffer_add_text(&text, "\n");
	}
	keylog_add(b->env.keylog, buffer_bytes(&text), true);
	buffer_finish(&text);
}

static void add_opened(struct bench *b, struct buffer *out, enum sender sender, uint8_t type, struct bytes body)
{
	struct buffer message = { 0 }, frames = { 0 };
	struct quic_keys keys;

	assert_true(quic_keys_from_secret(b->env.crypto, quic_version_find(V1), 0x1301, BYTES(handshake_secret[sender]), &keys));
	wire_message(&message, type, body.at, body.len);
	wire_crypto_frame(&frames, 0, buffer_bytes(&message));
	wire_seal(out, &keys, &(struct wire_packet){ .version = V1, .type = QUIC_HANDSHAKE, .frames = buffer_bytes(&frames),
		.dcid = sender == SENDER_CLIENT ? BYTES(server_cid) : BYTES(client_cid), .scid = sender == SENDER_CLIENT ? BYTES(client_cid) : BYTES(server_cid) });
	buffer_finish(&message);
	buffer_finish(&frames);
}

static void secrets_show_both_finished(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t verify[32];

	(void)state;
	give_secrets(b);
	send_hello(b, V1);
	struct buffer *server = new_datagram(b, SERVER), *client = new_datagram(b, CLIENT);
	add_server_hello(b, server, V1, BYTES(first_dcid));
	add_opened(b, server, SENDER_SERVER, 20, BYTES(verify));
	add_opened(b, client, SENDER_CLIENT, 20, BYTES(verify));
	pass_all(b);
	struct handshake *h = finish(b, EXCHANGE_END_CAPTURE);
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->inferred, 0);
	assert_int_equal(h->tls_ns, 2000);
	close_bench(b);
}

/* ---- what is looked at ---- */

static void only_long_headers_of_known_versions_look_like_quic(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t dns[] = { 0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0 }, rtp[] = { 0x80, 0x60, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 1 };

	(void)state;
	send_conversation(b);
	assert_int_equal(quic_looks(buffer_bytes(&b->sent[0].wire)), LOOK_YES);
	assert_int_equal(quic_looks(buffer_bytes(&b->sent[3].wire)), LOOK_NO);
	assert_int_equal(quic_looks(BYTES(dns)), LOOK_NO);
	assert_int_equal(quic_looks(BYTES(rtp)), LOOK_NO);
	assert_int_equal(quic_looks((struct bytes){ NULL, 0 }), LOOK_NO);
	close_bench(b);
}

static bool begins_anew(struct bench *b, unsigned which)
{
	struct chunk c = { .data = buffer_bytes(&b->sent[which].wire), .time_ns = b->now_ns, .number = b->number };

	return quic_begins_anew(&b->q, &b->env, b->sent[which].end, &c);
}

static void another_first_packet_begins_another_connection(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	send_conversation(b);
	add_hello_part(b, new_datagram(b, CLIENT), V1, BYTES(retry_cid), (struct bytes){ 0 }, 0, b->client_hello.len, 0);
	for (unsigned i = 0; i < 4; i++) {
		assert_false(begins_anew(b, i));
		pass_sent(b, i);
	}
	assert_whole_row(the_row(b));
	assert_true(quic_is_over(&b->q));
	assert_false(begins_anew(b, 0));
	assert_true(begins_anew(b, 4));
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_packets_of_rfc_9001_give_names_and_choice),
		cmocka_unit_test(the_packets_of_rfc_9369_are_version_2),
		cmocka_unit_test(both_sides_with_short_headers_have_completed),
		cmocka_unit_test(an_answer_to_what_the_client_said_last_settles_it),
		cmocka_unit_test(a_server_that_speaks_early_has_not_completed),
		cmocka_unit_test(zeros_behind_a_packet_are_no_packet),
		cmocka_unit_test(a_hello_in_pieces_gives_the_same_row),
		cmocka_unit_test(every_order_of_the_first_datagrams_gives_the_same_row),
		cmocka_unit_test(duplicates_count_as_retransmissions_and_change_nothing_else),
		cmocka_unit_test(damaged_copies_change_nothing),
		cmocka_unit_test(a_damaged_first_packet_does_not_stop_the_next),
		cmocka_unit_test(coalesced_packets_count_in_any_order),
		cmocka_unit_test(a_packet_of_another_connection_changes_nothing),
		cmocka_unit_test(bytes_that_change_their_mind_mark_the_row),
		cmocka_unit_test(a_hello_with_a_hole_is_a_gap_once_it_is_answered),
		cmocka_unit_test(quic_waiting_bites),
		cmocka_unit_test(a_retry_is_part_of_its_handshake),
		cmocka_unit_test(a_retry_that_was_not_captured_is_told_by_its_token),
		cmocka_unit_test(a_forged_retry_is_ignored),
		cmocka_unit_test(a_retry_in_the_middle_of_a_hello_keeps_its_first_bytes),
		cmocka_unit_test(a_server_may_answer_in_another_version),
		cmocka_unit_test(a_version_negotiation_is_part_of_its_handshake),
		cmocka_unit_test(a_client_that_does_not_come_back_was_refused_by_the_server),
		cmocka_unit_test(a_server_that_stays_silent_counts_as_the_network),
		cmocka_unit_test(a_crypto_error_is_the_alert_of_its_number),
		cmocka_unit_test(another_error_is_a_close_without_alert),
		cmocka_unit_test(a_refusal_behind_1_rtt_packets_fails_the_handshake),
		cmocka_unit_test(secrets_show_both_finished),
		cmocka_unit_test(only_long_headers_of_known_versions_look_like_quic),
		cmocka_unit_test(another_first_packet_begins_another_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
