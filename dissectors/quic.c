#include "dissectors/quic.h"

#include "base/xmalloc.h"
#include "dissectors/quic_parts.h"
#include "dissectors/secrets.h"
#include "dissectors/starttls.h"
#include "registry/registry.h"

#include <stdlib.h>
#include <string.h>

enum {
	LONG_HEADER = 0x80,
	FIXED_BIT = 0x40,
	CLIENT_HELLO = 1,
	SERVER_HELLO = 2,
	MESSAGE_HEADER_LEN = 4
};
/* RFC 9000 section 14.1: a datagram with a client's Initial is at least this long; section 10.3: a
 * packet with a short header is. */
enum { INITIAL_DATAGRAM_MIN = 1200, SHORT_PACKET_MIN = 21, FIRST_DCID_MIN = 8 };
/* What a hello must at least show for a row: header, version and random. */
enum { HELLO_READABLE_LEN = MESSAGE_HEADER_LEN + 2 + 32 };
enum { ALERT_FATAL = 2, CRYPTO_ERROR = 0x100, CRYPTO_ERROR_LAST = 0x1ff };

/* ---- recognising ---- */

static bool lists_known_version(struct bytes list)
{
	for (struct reader r = reader_of(list); rd_more(&r);) {
		if (quic_version_find(rd_u32(&r)))
			return true;
	}
	return false;
}

enum look quic_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	struct quic_packet p;

	if (!first.len || !(first.at[0] & LONG_HEADER) || !quic_packet_next(&r, &p))
		return LOOK_NO;
	if (!p.version)
		return lists_known_version(p.rest) ? LOOK_YES : LOOK_NO;
	if (p.known)
		return LOOK_YES;
	/* A client that wants to see whether the server negotiates. */
	return quic_version_is_reserved(p.version) && first.len >= INITIAL_DATAGRAM_MIN &&
			       p.dcid.len >= FIRST_DCID_MIN && p.dcid.len <= QUIC_CID_MAX &&
			       p.scid.len <= QUIC_CID_MAX
		       ? LOOK_YES
		       : LOOK_NO;
}

/* ---- life ---- */

void quic_init(void *state)
{
	struct quic *q = state;

	memset(q, 0, sizeof *q);
	exchange_init(&q->exchange, TRANSPORT_QUIC);
	q->client = 2;
	q->flight_ns = TIME_NONE;
}

struct quic_running *quic_running_of(struct quic *q)
{
	if (!q->running) {
		q->running = xcalloc(1, sizeof *q->running);
		for (int level = 0; level < LEVEL_COUNT; level++)
			q->running->largest[level][0] = q->running->largest[level][1] = -1;
	}
	return q->running;
}

static struct key_ring *ring_of(struct quic_running *run, struct tls_env *env)
{
	if (!run->ring) {
		run->ring = xcalloc(1, sizeof *run->ring);
		env->quic_keys++;
	}
	return run->ring;
}

static void drop_ring(struct quic_running *run, struct tls_env *env)
{
	if (!run->ring)
		return;
	crypto_wipe(run->ring, sizeof *run->ring);
	free(run->ring);
	run->ring = NULL;
	env->quic_keys--;
}

/* Once too many connections keep their keys, this one does not. */
static void limit_keys(struct quic_running *run, struct tls_env *env)
{
	if (!run->ring || env->quic_keys <= QUIC_KEYS_MAX)
		return;
	env->limits->bitten[LIMIT_QUIC_KEYS]++;
	drop_ring(run, env);
}

static void drop_waiting(struct quic_running *run, struct tls_env *env)
{
	for (unsigned i = 0; i < run->waiting_count; i++) {
		env->message_bytes -= run->waiting[i].len;
		free(run->waiting[i].at);
	}
	free(run->waiting);
	run->waiting = NULL;
	run->waiting_count = 0;
}

static void drop_running(struct quic *q, struct tls_env *env)
{
	struct quic_running *run = q->running;

	if (!run)
		return;
	drop_waiting(run, env);
	for (int level = 0; level < LEVEL_COUNT; level++) {
		crypto_stream_finish(&run->crypto[level][0], env);
		crypto_stream_finish(&run->crypto[level][1], env);
	}
	quic_last_keys_finish(run, env);
	drop_ring(run, env);
	free(run);
	q->running = NULL;
}

void quic_finish(void *state, struct tls_env *env)
{
	struct quic *q = state;

	if (q->client == 2 && q->negotiator && !q->asked_for_list)
		env->road_note = road_note_of_versions(q->negotiator == 1);
	drop_running(q, env);
	exchange_finish(&q->exchange, env);
}

bool quic_is_over(const void *state)
{
	return exchange_is_over(&((const struct quic *)state)->exchange);
}

bool quic_is_running(const void *state)
{
	return exchange_is_running(&((const struct quic *)state)->exchange);
}

unsigned quic_client(const void *state)
{
	return ((const struct quic *)state)->client;
}

void quic_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	(void)state;
	(void)env;
	(void)end;
	(void)reset;
}

void quic_lacks_tail(void *state, unsigned end)
{
	(void)state;
	(void)end;
}

/* ---- connection ids ---- */

static void keep_cid(struct quic_cid *to, struct bytes cid)
{
	*to = (struct quic_cid){ .len = (uint8_t)cid.len };
	if (cid.len)
		memcpy(to->at, cid.at, cid.len);
}

static struct bytes cid_bytes(const struct quic_cid *cid)
{
	return (struct bytes){ cid->at, cid->len };
}

static bool is_cid(const struct quic_cid *cid, struct bytes other)
{
	return cid->len && bytes_equal(cid_bytes(cid), other);
}

static bool is_known_dcid(const struct quic *q, struct bytes dcid)
{
	return is_cid(&q->original, dcid) || is_cid(&q->retried, dcid) || is_cid(&q->server, dcid);
}

/* ---- messages ---- */

static void hand_on(struct passage *at, enum level level, enum sender sender,
		    struct crypto_message in, bool cut)
{
	struct reader r = reader_of(in.whole);
	struct exchange_message m = { .type = rd_u8(&r),
				      .bytes = (uint32_t)in.whole.len,
				      .first_ns = in.first_ns,
				      .last_ns = in.last_ns,
				      .decrypted = level != LEVEL_INITIAL,
				      .cut = cut };

	rd_skip(&r, MESSAGE_HEADER_LEN - 1);
	m.body = rd_rest(&r);
	exchange_message(&at->q->exchange, at->env, sender, &m);
}

/* A hello that never became whole is read as far as it goes; whether one was there at all. */
static void hand_on_cut_hello(struct passage *at, enum sender sender, uint8_t type)
{
	struct quic_running *run = at->q->running;
	struct crypto_message begun = crypto_stream_begun(&run->crypto[LEVEL_INITIAL][sender]);

	if (begun.whole.len >= HELLO_READABLE_LEN && begun.whole.at[0] == type)
		hand_on(at, LEVEL_INITIAL, sender, begun, true);
}

/* An answer to a hello of which a part was not captured. */
static void answered(struct passage *at)
{
	struct quic_running *run = at->q->running;

	exchange_quic_answered(&at->q->exchange);
	if (run->hello_whole)
		return;
	run->hello_whole = true;
	hand_on_cut_hello(at, SENDER_CLIENT, CLIENT_HELLO);
	exchange_gap(&at->q->exchange, SENDER_CLIENT);
}

void quic_crypto_frame(struct passage *at, enum level level, uint64_t offset, struct bytes data)
{
	struct quic_running *run = at->q->running;
	struct crypto_stream *s = level == LEVEL_APPLICATION ? &run->last[at->sender].crypto :
							       &run->crypto[level][at->sender];
	struct crypto_message m;
	bool differs = false;
	enum crypto_verdict verdict =
		crypto_stream_push(s, at->env, offset, data, at->ns, &differs);

	if (differs)
		at->q->exchange.h.reassembly |= REASSEMBLY_OVERLAP;
	if (verdict == CRYPTO_LIMIT)
		at->q->exchange.h.reassembly |= REASSEMBLY_LIMIT;
	if (verdict == CRYPTO_NEW && level == LEVEL_INITIAL && at->sender == SENDER_CLIENT)
		exchange_quic_begun(&at->q->exchange, at->ns);
	at->crypto_old |= verdict == CRYPTO_OLD;
	at->crypto_new |= verdict == CRYPTO_NEW;
	while (verdict == CRYPTO_NEW && crypto_stream_next(s, at->env, &m)) {
		if (at->sender == SENDER_SERVER)
			answered(at);
		else if (level == LEVEL_INITIAL)
			run->hello_whole = true;
		hand_on(at, level, at->sender, m, false);
	}
}

/* ---- frames ---- */

/* Most of a client's first packet. */
static void skip_padding(struct reader *r)
{
	struct bytes rest = rd_peek(r);
	size_t n = 0;

	while (n < rest.len && !rest.at[n])
		n++;
	rd_skip(r, n);
}

void quic_skip_ack(struct reader *r, bool ecn)
{
	(void)quic_varint(r);
	(void)quic_varint(r);
	uint64_t ranges = quic_varint(r);
	(void)quic_varint(r);
	for (; ranges && rd_more(r); ranges--) {
		(void)quic_varint(r);
		(void)quic_varint(r);
	}
	for (int i = 0; ecn && i < 3; i++)
		(void)quic_varint(r);
}

void quic_close_frame(struct passage *at, struct reader *r, enum level level, bool transport)
{
	uint64_t code = quic_varint(r);
	bool is_alert = transport && code >= CRYPTO_ERROR && code <= CRYPTO_ERROR_LAST;
	struct alert a = { .level = ALERT_FATAL,
			   .description = (uint8_t)code,
			   .time_ns = at->ns,
			   .decrypted = level != LEVEL_INITIAL };

	if (r->bad)
		return;
	if (at->sender == SENDER_SERVER)
		answered(at);
	exchange_quic_closed(&at->q->exchange, at->env, at->sender, is_alert, a);
	rd_skip(r, rd_left(r));
}

/* RFC 9000 section 12.4: the frames that Initial and Handshake packets may hold. Behind another
 * nothing can be told. */
static void frames(struct passage *at, enum level level, struct bytes payload)
{
	struct reader r = reader_of(payload);

	while (rd_more(&r)) {
		uint8_t type = rd_u8(&r);
		uint64_t offset, length;

		switch (type) {
		case FRAME_PADDING:
			skip_padding(&r);
			break;
		case FRAME_PING:
			break;
		case FRAME_ACK:
		case FRAME_ACK_ECN:
			quic_skip_ack(&r, type == FRAME_ACK_ECN);
			break;
		case FRAME_CRYPTO:
			offset = quic_varint(&r);
			length = quic_varint(&r);
			if (r.bad || (length > rd_left(&r) && !at->cut))
				return;
			quic_crypto_frame(at, level, offset, rd_take(&r, length > rd_left(&r) ? rd_left(&r) : (size_t)length));
			if (quic_is_over(at->q))
				return;
			break;
		case FRAME_CLOSE:
		case FRAME_CLOSE_APPLICATION:
			quic_close_frame(at, &r, level, type == FRAME_CLOSE);
			return;
		default:
			return;
		}
	}
}

/* ---- packets ---- */

static bool make_initial_keys(struct quic *q, struct tls_env *env, const struct quic_packet *p,
			      struct bytes dcid)
{
	struct key_ring *ring = ring_of(quic_running_of(q), env);

	ring->version = p->version;
	return quic_keys_initial(env->crypto, p->known, dcid, ring->keys[LEVEL_INITIAL]);
}

/* Nothing proves a cut packet but that it makes sense: frames that Initial packets may hold, and a CRYPTO frame among them. */
static bool makes_sense(struct bytes payload)
{
	bool any = false;

	for (struct reader r = reader_of(payload); rd_more(&r);) {
		uint8_t type = rd_u8(&r);
		uint64_t offset, length;

		if (type == FRAME_ACK || type == FRAME_ACK_ECN)
			quic_skip_ack(&r, type == FRAME_ACK_ECN);
		if (type <= FRAME_ACK_ECN)
			continue;
		offset = quic_varint(&r);
		length = quic_varint(&r);
		if (type != FRAME_CRYPTO || (!r.bad && offset + length > MESSAGE_BYTES_MAX))
			return false;
		any |= !r.bad && length;
		rd_skip(&r, length > rd_left(&r) ? rd_left(&r) : (size_t)length);
	}
	return any;
}

static bool open_long(struct tls_env *env, const struct quic_keys *keys, const struct quic_packet *p, int64_t *largest,
		      struct bytes *payload)
{
	if (!p->cut)
		return quic_open(env->crypto, keys, p, largest, &env->opened, payload);
	return p->type == QUIC_INITIAL && quic_open_cut(env->crypto, keys, p, *largest, &env->opened, payload) &&
	       makes_sense(*payload);
}

/* Opens it with the keys of the connection, in the packet's version: a server may answer in another
 * one (RFC 9368 section 2.3). */
static bool open_initial(struct passage *at, const struct quic_packet *p, struct bytes *payload)
{
	struct quic *q = at->q;
	struct quic_running *run = quic_running_of(q);
	struct key_ring *ring = ring_of(run, at->env);

	if (ring->version != p->version &&
	    !make_initial_keys(q, at->env, p,
			       cid_bytes(q->retried.len ? &q->retried : &q->original)))
		return false;
	return open_long(at->env, &ring->keys[LEVEL_INITIAL][at->sender], p,
			 &run->largest[LEVEL_INITIAL][at->sender], payload);
}

/* Opens it as the first packet of a client: with the keys that its own DCID gives. */
static bool open_first(struct tls_env *env, const struct quic_packet *p, struct quic_keys keys[2],
		       int64_t *largest, struct bytes *payload)
{
	return quic_keys_initial(env->crypto, p->known, p->dcid, keys) &&
	       open_long(env, &keys[SENDER_CLIENT], p, largest, payload);
}

/* The client begins again from its first packet, after a Retry with the same bytes, or in another
 * version. */
static void begin_again(struct passage *at, bool same_bytes)
{
	struct quic_running *run = quic_running_of(at->q);

	at->q->negotiated = false;
	if (same_bytes && !run->hello_whole)
		return;
	crypto_stream_finish(&run->crypto[LEVEL_INITIAL][SENDER_CLIENT], at->env);
	run->hello_whole = false;
}

/* A packet that proves its sender to be a client whose first DCID this is. */
static bool adopt(struct passage *at, const struct quic_packet *p, struct bytes *payload)
{
	struct quic *q = at->q;
	struct quic_running *run = quic_running_of(q);
	struct quic_keys keys[2];
	int64_t largest = -1;
	bool known = q->client != 2;

	if (!open_first(at->env, p, keys, &largest, payload))
		return false;
	memcpy(ring_of(run, at->env)->keys[LEVEL_INITIAL], keys, sizeof keys);
	run->ring->version = p->version;
	run->largest[LEVEL_INITIAL][SENDER_CLIENT] = largest;
	if (!known) {
		q->client = (uint8_t)at->end;
		at->sender = SENDER_CLIENT;
		keep_cid(&q->original, p->dcid);
		return true;
	}
	begin_again(at, p->version == q->version);
	keep_cid(&q->retried, p->dcid);
	/* Its Retry was not captured. */
	if (p->token.len && p->version == q->version)
		exchange_quic_retry(&q->exchange);
	return true;
}

static bool initial(struct passage *at, const struct quic_packet *p)
{
	struct quic *q = at->q;
	struct bytes payload;
	bool opened = q->client != 2 && open_initial(at, p, &payload);

	if (!opened &&
	    (q->client == 2 || (at->sender == SENDER_CLIENT && !is_known_dcid(q, p->dcid))))
		opened = adopt(at, p, &payload);
	if (!opened)
		return false;
	q->version = p->version;
	exchange_packet(&q->exchange, at->number);
	if (at->sender == SENDER_SERVER)
		keep_cid(&q->server, p->scid);
	else
		q->client_cid_len = (uint8_t)p->scid.len;
	at->cut = p->cut;
	frames(at, LEVEL_INITIAL, payload);
	at->cut = false;
	if (quic_is_running(q)) {
		exchange_quic_version(&q->exchange, q->version);
		exchange_bytes(&q->exchange, at->sender, (uint32_t)p->whole.len);
	}
	return true;
}

/* RFC 8446 section 4.4.4: a header and a hash; around it a CRYPTO frame's type, offset and length,
 * packet number and tag. */
static uint32_t finished_packet_min(const struct quic *q)
{
	const struct suite *suite =
		q->exchange.h.cipher < 0 ? NULL : registry_suite((uint32_t)q->exchange.h.cipher);
	uint32_t hash = suite && suite->flags & SUITE_SHA384 ? 48 : 32;

	return 1 + 3 + MESSAGE_HEADER_LEN + hash + QUIC_TAG_LEN;
}

static void unreadable_handshake(struct passage *at, const struct quic_packet *p)
{
	struct quic *q = at->q;
	uint32_t len = (uint32_t)(p->whole.len - p->number_at);

	q->client_handshake |= at->sender == SENDER_CLIENT;
	/* Acknowledgements are shorter. */
	if (len < finished_packet_min(q))
		return;
	exchange_note(&q->exchange, at->env, at->sender, MESSAGE_ENCRYPTED, len, at->ns);
	if (at->sender == SENDER_CLIENT && !q->client_short)
		q->flight_ns = at->ns;
}

/* The keys of the sender's Handshake packets, where the user has the secret. */
static const struct quic_keys *handshake_keys(struct passage *at, const struct quic_packet *p)
{
	const struct handshake *h = &at->q->exchange.h;
	struct bytes secret;
	struct quic_keys *keys =
		&ring_of(quic_running_of(at->q), at->env)->keys[LEVEL_HANDSHAKE][at->sender];

	if (keys->aead || !quic_is_keyed(at->env) || h->cipher < 0)
		return keys;
	if (secret_find(at->env, h, secret_kind_of(at->sender, SECRET_EPOCH_HANDSHAKE), true, &secret) &&
	    !quic_keys_from_secret(at->env->crypto, p->known, (uint16_t)h->cipher, secret, keys))
		*keys = (struct quic_keys){ 0 };
	return keys;
}

static bool handshake(struct passage *at, const struct quic_packet *p)
{
	struct quic *q = at->q;
	struct bytes payload;

	if (q->client == 2 || !q->exchange.version_known ||
	    (at->sender == SENDER_CLIENT && q->server.len && !is_cid(&q->server, p->dcid)))
		return false;
	exchange_packet(&q->exchange, at->number);
	exchange_bytes(&q->exchange, at->sender, (uint32_t)p->whole.len);
	const struct quic_keys *keys = handshake_keys(at, p);
	if (quic_open(at->env->crypto, keys, p, &q->running->largest[LEVEL_HANDSHAKE][at->sender],
		      &at->env->opened, &payload)) {
		q->client_handshake |= at->sender == SENDER_CLIENT;
		frames(at, LEVEL_HANDSHAKE, payload);
	} else {
		unreadable_handshake(at, p);
	}
	return true;
}

static bool retry(struct passage *at, const struct quic_packet *p)
{
	struct quic *q = at->q;

	/* RFC 9000 section 17.2.5.2: one at most, and none once the server has answered. */
	if (q->client == 2 || at->sender != SENDER_SERVER || q->retried.len || q->server.len ||
	    !quic_retry_is_genuine(at->env->crypto, p, cid_bytes(&q->original), &at->env->opened))
		return false;
	exchange_packet(&q->exchange, at->number);
	exchange_quic_retry(&q->exchange);
	exchange_note(&q->exchange, at->env, SENDER_SERVER, MESSAGE_QUIC_RETRY,
		      (uint32_t)p->whole.len, at->ns);
	exchange_bytes(&q->exchange, SENDER_SERVER, (uint32_t)p->whole.len);
	begin_again(at, true);
	keep_cid(&q->retried, p->scid);
	return make_initial_keys(q, at->env, p, p->scid);
}

static bool negotiation(struct passage *at, const struct quic_packet *p)
{
	struct quic *q = at->q;

	if (q->client == 2)
		q->negotiator = (uint8_t)(1 + at->end);
	if (q->client == 2 || at->sender != SENDER_SERVER || q->server.len ||
	    !is_cid(&q->original, p->scid))
		return false;
	exchange_packet(&q->exchange, at->number);
	exchange_note(&q->exchange, at->env, SENDER_SERVER, MESSAGE_VERSION_NEGOTIATION,
		      (uint32_t)p->whole.len, at->ns);
	q->negotiated = true;
	return true;
}

/* A server may speak before it has read the client's last flight, and refuse that then: only what
 * it says after the client has heard it is an answer. */
enum settled { SETTLED_NOT, SETTLED_SERVER_SPOKE, SETTLED_CLIENT_SPOKE };

static void settle(struct passage *at)
{
	struct quic *q = at->q;

	if (at->sender == SENDER_SERVER && q->settled == SETTLED_NOT)
		q->settled = SETTLED_SERVER_SPOKE;
	else if (at->sender == SENDER_CLIENT && q->settled == SETTLED_SERVER_SPOKE)
		q->settled = SETTLED_CLIENT_SPOKE;
	else if (at->sender == SENDER_SERVER && q->settled == SETTLED_CLIENT_SPOKE)
		exchange_end(&q->exchange, at->env, EXCHANGE_END_IDLE, -1);
}

static const int64_t SHORT_PACKETS_NS = 60 * INT64_C(1000000000);

/* With secrets at hand a refusal or a ticket may still be read. */
static bool is_held(const struct passage *at)
{
	const struct exchange *x = &at->q->exchange;

	return x->held && at->ns - x->hello_first_ns < SHORT_PACKETS_NS;
}

/* 1-RTT packets: whoever sends one has the other's Finished, or is a server that speaks early; when
 * both do, after the client's Handshake packets, the handshake is over. */
static void short_header(struct passage *at, struct bytes whole)
{
	struct quic *q = at->q;
	struct exchange *x = &q->exchange;

	if (!q->client_handshake || !x->version_known)
		return;
	if (quic_is_keyed(at->env) && quic_opened_short(at, whole) && quic_is_over(q))
		return;
	if (x->state == EXCHANGE_COMPLETED) {
		if (!is_held(at))
			settle(at);
		return;
	}
	if (at->sender == SENDER_CLIENT)
		q->client_short = true;
	else
		q->server_short = true;
	if (!q->client_short || !q->server_short)
		return;
	exchange_quic_finished(x, q->flight_ns);
	q->settled = at->sender == SENDER_SERVER ? SETTLED_SERVER_SPOKE : SETTLED_NOT;
}

static bool by_type(struct passage *at, const struct quic_packet *p)
{
	switch (p->type) {
	case QUIC_INITIAL:
		return initial(at, p);
	case QUIC_HANDSHAKE:
		return handshake(at, p);
	case QUIC_RETRY:
		return retry(at, p);
	default:
		if (p->type != QUIC_ZERO_RTT || at->q->client == 2)
			return false;
		exchange_packet(&at->q->exchange, at->number);
		return true;
	}
}

static uint32_t tail_of(const struct quic_packet *p)
{
	struct reader r = reader_of(p->whole);

	if (p->cut || p->whole.len < QUIC_TAG_LEN)
		return 0;
	rd_skip(&r, p->whole.len - 4);
	return rd_u32(&r);
}

static bool is_recent(const struct quic_running *run, uint32_t tail)
{
	for (unsigned i = 0; run && i < RECENT_PACKETS; i++)
		if (run->recent[i] == tail)
			return true;
	return false;
}

static bool one_packet(struct passage *at, const struct quic_packet *p)
{
	if (p->type == QUIC_VERSION_NEGOTIATION)
		return negotiation(at, p);
	if (!p->known)
		return false;
	uint32_t tail = tail_of(p);

	if (tail && is_recent(at->q->running, tail)) {
		at->crypto_old |= p->type == QUIC_INITIAL;
		return true;
	}
	if (!by_type(at, p))
		return false;
	struct quic_running *run = at->q->running;
	if (run && tail)
		run->recent[run->recent_next++ % RECENT_PACKETS] = tail;
	return true;
}

/* ---- datagrams ---- */

/* Behind another packet, zeros may follow that only pad; one of the same connection has the same
 * DCID (RFC 9000 section 12.2). */
static bool is_short_behind(struct bytes rest, struct bytes dcid)
{
	struct reader r = reader_of(rest);

	return rest.len >= SHORT_PACKET_MIN && rd_u8(&r) & FIXED_BIT &&
	       bytes_equal(rd_take(&r, dcid.len), dcid);
}

/* True where something of it was understood. */
static bool datagram(struct passage *at, struct bytes data)
{
	struct reader r = reader_of(data);
	struct quic_packet p;
	struct bytes dcid = { NULL, 0 };
	bool any = false;

	while (!quic_is_over(at->q) && quic_packet_next(&r, &p)) {
		at->q->asked_for_list |= p.version && quic_version_is_reserved(p.version);
		if (p.type == QUIC_SHORT && !p.version) {
			if (any ? is_short_behind(p.whole, dcid) : p.whole.len >= SHORT_PACKET_MIN)
				short_header(at, p.whole);
			break;
		}
		dcid = p.dcid;
		any |= one_packet(at, &p);
	}
	return any;
}

static bool wait_for_keys(struct quic *q, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct quic_running *run = quic_running_of(q);

	if (run->waiting_count >= QUIC_WAITING_MAX) {
		env->limits->bitten[LIMIT_QUIC_WAITING]++;
		return false;
	}
	if (env->message_bytes + c->data.len > MESSAGE_BUFFER_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BUFFER_BYTES]++;
		return false;
	}
	if (!run->waiting)
		run->waiting = xcalloc(QUIC_WAITING_MAX, sizeof *run->waiting);
	struct waiting w = { .at = xmalloc(c->data.len + 1),
			     .len = c->data.len,
			     .end = end,
			     .time_ns = c->time_ns,
			     .number = c->number };
	memcpy(w.at, c->data.at, c->data.len);
	run->waiting[run->waiting_count++] = w;
	env->message_bytes += c->data.len;
	return true;
}

static bool take(struct quic *q, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct passage at = { .q = q,
			      .env = env,
			      .end = end,
			      .sender = end == q->client ? SENDER_CLIENT : SENDER_SERVER,
			      .number = c->number,
			      .ns = c->time_ns - env->base_ns };
	bool any = datagram(&at, c->data);

	if (at.crypto_old && !at.crypto_new)
		exchange_quic_repeated(&q->exchange);
	return any;
}

static void take_waiting(struct quic *q, struct tls_env *env)
{
	struct quic_running *run = q->running;
	struct waiting *waiting = run ? run->waiting : NULL;
	unsigned count = run ? run->waiting_count : 0;

	if (!count)
		return;
	run->waiting = NULL;
	run->waiting_count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct chunk c = { .data = { waiting[i].at, waiting[i].len },
				   .time_ns = waiting[i].time_ns,
				   .number = waiting[i].number };

		if (!quic_is_over(q))
			take(q, env, waiting[i].end, &c);
		env->message_bytes -= waiting[i].len;
		free(waiting[i].at);
	}
	free(waiting);
}

bool quic_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct quic *q = state;
	bool known = q->client != 2;

	if (!c->data.len)
		return true;
	bool any = take(q, env, end, c);
	if (!known && q->client == 2)
		return any || !(c->data.at[0] & LONG_HEADER) || wait_for_keys(q, env, end, c) ||
		       q->running;
	if (!known)
		take_waiting(q, env);
	if (quic_is_over(q))
		drop_running(q, env);
	else if (q->running)
		limit_keys(q->running, env);
	return true;
}

/* A client's first packet to the same server from the same port: a connection of its own, unless it
 * goes on after a Retry that was not captured, or in another version. */
bool quic_begins_anew(const void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	const struct quic *q = state;
	struct reader r = reader_of(c->data);
	struct quic_packet p;
	struct quic_keys keys[2];
	int64_t largest = -1;
	struct bytes payload;

	(void)end;
	if (q->client == 2 || !quic_packet_next(&r, &p) || !p.known || p.type != QUIC_INITIAL ||
	    is_known_dcid(q, p.dcid))
		return false;
	if (!quic_is_over(q) && (q->negotiated || p.version != q->version || p.token.len ||
				 !q->exchange.h.server_hello))
		return false;
	return open_first(env, &p, keys, &largest, &payload);
}

void quic_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	struct quic *q = state;
	struct passage at = { .q = q, .env = env };

	if (q->running && quic_is_running(q) && q->client != 2) {
		if (!q->running->hello_whole)
			hand_on_cut_hello(&at, SENDER_CLIENT, CLIENT_HELLO);
		hand_on_cut_hello(&at, SENDER_SERVER, SERVER_HELLO);
		if (q->negotiated && how == EXCHANGE_END_IDLE)
			exchange_quic_refused(&q->exchange);
	}
	exchange_end(&q->exchange, env, how, closer);
	drop_running(q, env);
}
