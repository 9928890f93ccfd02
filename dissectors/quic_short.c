#include "dissectors/quic_parts.h"

#include "base/xmalloc.h"
#include "dissectors/secrets.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* 1-RTT packets of one side that are opened for what they may hold besides data; from then on only what has the
	 * size of a CONNECTION_CLOSE. */
	SHORT_PACKETS_MAX = 32,
	SMALL_PACKET_MAX = 80,
	/* In a row that do not fit: the secrets are wrong. */
	SHORT_FAILURES_MAX = 8,
};

void quic_last_keys_finish(struct quic_running *run, struct tls_env *env)
{
	if (!run->last)
		return;
	crypto_stream_finish(&run->last[0].crypto, env);
	crypto_stream_finish(&run->last[1].crypto, env);
	crypto_wipe(run->last, 2 * sizeof *run->last);
	free(run->last);
	run->last = NULL;
}

/* Frames of RFC 9000 section 19 that are only stepped over: how many integers they have, whether bytes follow whose number
 * the last of these is, and how many bytes follow in any case. */
static bool skip_frame(struct reader *r, uint64_t type)
{
	static const struct {
		uint8_t first, last, integers;
		bool vector;
		uint8_t bytes;
	} known[] = {
		{ 0x04, 0x04, 3, false, 0 }, { 0x05, 0x05, 2, false, 0 }, { 0x07, 0x07, 1, true, 0 },
		{ 0x10, 0x10, 1, false, 0 }, { 0x11, 0x11, 2, false, 0 }, { 0x12, 0x14, 1, false, 0 },
		{ 0x15, 0x15, 2, false, 0 }, { 0x16, 0x17, 1, false, 0 }, { 0x19, 0x19, 1, false, 0 },
		{ 0x1a, 0x1b, 0, false, 8 }, { 0x1e, 0x1e, 0, false, 0 },
	};

	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		uint64_t last = 0;

		if (type < known[i].first || type > known[i].last)
			continue;
		for (unsigned n = 0; n < known[i].integers; n++)
			last = quic_varint(r);
		rd_skip(r, known[i].vector ? (size_t)last : known[i].bytes);
		return !r->bad;
	}
	return false;
}

/* Section 19.15. */
static void skip_new_connection_id(struct reader *r)
{
	enum { RESET_TOKEN_LEN = 16 };

	(void)quic_varint(r);
	(void)quic_varint(r);
	uint8_t len = rd_u8(r);
	rd_skip(r, len);
	rd_skip(r, RESET_TOKEN_LEN);
}

/* Sections 19.8 and RFC 9221: that there is data, never what it is. */
static bool skip_data(struct passage *at, struct reader *r, uint64_t type)
{
	enum { STREAM_OFFSET = 4, HAS_LENGTH = 2, DATAGRAM = 0x30, DATAGRAM_HAS_LENGTH = 1 };
	bool datagram = type >= DATAGRAM, has_length = datagram ? type & DATAGRAM_HAS_LENGTH : type & HAS_LENGTH;

	if (!datagram)
		(void)quic_varint(r);
	if (!datagram && type & STREAM_OFFSET)
		(void)quic_varint(r);
	uint64_t length = has_length ? quic_varint(r) : rd_left(r);
	if (r->bad || length > rd_left(r))
		return false;
	rd_skip(r, (size_t)length);
	exchange_application(&at->q->exchange, at->env, at->sender, at->ns);
	return true;
}

static void short_frames(struct passage *at, struct bytes payload)
{
	struct reader r = reader_of(payload);

	while (rd_more(&r) && !quic_is_over(at->q)) {
		uint64_t type = quic_varint(&r);

		if (type <= FRAME_PING) {
			continue;
		} else if (type <= FRAME_ACK_ECN) {
			quic_skip_ack(&r, type == FRAME_ACK_ECN);
		} else if (type == FRAME_CRYPTO) {
			uint64_t offset = quic_varint(&r), length = quic_varint(&r);

			if (r.bad || length > rd_left(&r))
				return;
			quic_crypto_frame(at, LEVEL_APPLICATION, offset, rd_take(&r, (size_t)length));
		} else if ((type >= FRAME_STREAM && type <= FRAME_STREAM_LAST) ||
			   (type >= FRAME_DATAGRAM && type <= FRAME_DATAGRAM_LAST)) {
			if (!skip_data(at, &r, type))
				return;
		} else if (type == FRAME_CLOSE || type == FRAME_CLOSE_APPLICATION) {
			quic_close_frame(at, &r, LEVEL_APPLICATION, type == FRAME_CLOSE);
			return;
		} else if (type == FRAME_NEW_CONNECTION_ID) {
			skip_new_connection_id(&r);
		} else if (!skip_frame(&r, type)) {
			return;
		}
	}
}

/* The keys of the sender's 1-RTT packets; NULL where there are none. */
static struct last_keys *last_keys(struct passage *at, const struct quic_version *v)
{
	struct quic_running *run = quic_running_of(at->q);
	const struct handshake *h = &at->q->exchange.h;
	struct bytes secret;

	if (!run->last) {
		run->last = xcalloc(2, sizeof *run->last);
		run->last[0].largest = run->last[1].largest = -1;
	}
	struct last_keys *k = &run->last[at->sender];
	struct quic_generation *g = &k->generation;
	if (g->keys.aead || h->cipher < 0)
		return g->keys.aead ? k : NULL;
	if (!secret_find(at->env, h, secret_kind_of(at->sender, SECRET_EPOCH_APPLICATION), false, &secret) ||
	    secret.len > sizeof g->secret ||
	    !quic_keys_from_secret(at->env->crypto, v, (uint16_t)h->cipher, secret, &g->keys)) {
		g->keys = (struct quic_keys){ 0 };
		return NULL;
	}
	memcpy(g->secret, secret.at, secret.len);
	g->secret_len = (uint8_t)secret.len;
	return k;
}

/* RFC 9001 section 6: with the keys as they are, or with the next ones. */
static bool open_short(struct passage *at, struct last_keys *k, const struct quic_version *v, const struct quic_packet *p,
		       struct bytes *payload)
{
	struct tls_env *env = at->env;
	struct quic_generation next = k->generation;

	if (quic_open(env->crypto, &k->generation.keys, p, &k->largest, &env->opened, payload))
		return true;
	if (k->largest < 0 || !quic_keys_update(env->crypto, v, (uint16_t)at->q->exchange.h.cipher, &next) ||
	    !quic_open(env->crypto, &next.keys, p, &k->largest, &env->opened, payload))
		return false;
	k->generation = next;
	return true;
}

/* True where it was opened. What was data is overwritten at once. */
bool quic_opened_short(struct passage *at, struct bytes whole)
{
	struct quic *q = at->q;
	const struct quic_version *v = quic_version_find(q->version);
	struct quic_packet p = { .type = QUIC_SHORT, .known = v, .whole = whole };
	struct bytes payload;

	p.number_at = 1 + (size_t)(at->sender == SENDER_CLIENT ? q->server.len : q->client_cid_len);
	struct last_keys *k = v ? last_keys(at, v) : NULL;
	if (!k || k->failures >= SHORT_FAILURES_MAX || (k->opened >= SHORT_PACKETS_MAX && whole.len > SMALL_PACKET_MAX))
		return false;
	if (!open_short(at, k, v, &p, &payload)) {
		k->failures++;
		return false;
	}
	k->failures = 0;
	if (k->opened < SHORT_PACKETS_MAX)
		k->opened++;
	q->exchange.held = true;
	short_frames(at, payload);
	crypto_wipe(at->env->opened.at, at->env->opened.room);
	return true;
}
