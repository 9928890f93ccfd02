#include "dissectors/openvpn.h"

#include "base/xmalloc.h"

#include <stdlib.h>
#include <string.h>

/* https://openvpn.net/community-resources/openvpn-protocol/ */
enum opcode {
	HARD_RESET_CLIENT_V1 = 1, HARD_RESET_SERVER_V1 = 2, SOFT_RESET = 3, CONTROL = 4, ACK = 5,
	DATA_V1 = 6, HARD_RESET_CLIENT_V2 = 7, HARD_RESET_SERVER_V2 = 8, DATA_V2 = 9,
};
enum {
	OPCODE_SHIFT = 3, KEY_MASK = 7, ACKS_MAX = 8, REPLAY_LEN = 8, LENGTH_LEN = 2,
	/* Opcode, session, no acknowledgement, number: the shortest packet but for an ACK. */
	PACKET_LEAST = 1 + OPENVPN_SESSION_LEN + 1 + 4,
	/* of a reset behind the longest overhead, less than DISSECTOR_ENOUGH */
	RESET_MOST = 90,
	ID_MAX = 1 << 20, CONTROL_LEN_MAX = 4096,
	HOLE_UNKNOWN = 1 << 20,
};

/* What tls-auth adds: an HMAC of MD5, SHA-1, SHA-224, SHA-256, SHA-384 or SHA-512, then a number and
 * a time against replays. */
static const uint8_t overheads[] = { 0, 16 + REPLAY_LEN, 20 + REPLAY_LEN, 28 + REPLAY_LEN,
	32 + REPLAY_LEN, 48 + REPLAY_LEN, 64 + REPLAY_LEN };

struct control {
	uint8_t opcode, key;
	struct bytes session;
	uint32_t id;
	struct bytes payload;
};

static uint8_t opcode_of(uint8_t first)
{
	return first >> OPCODE_SHIFT;
}

static bool is_hard_reset(uint8_t opcode)
{
	return opcode == HARD_RESET_CLIENT_V1 || opcode == HARD_RESET_SERVER_V1 ||
		opcode == HARD_RESET_CLIENT_V2 || opcode == HARD_RESET_SERVER_V2;
}

static bool is_replay_guard(struct reader guard)
{
	enum { PACKETS_MAX = 1 << 24, YEAR_2000 = 946684800 };
	uint32_t number = rd_u32(&guard), time = rd_u32(&guard);

	return number && number < PACKETS_MAX && time > YEAR_2000;
}

static bool read_control(struct bytes packet, uint8_t overhead, struct control *out)
{
	struct reader r = reader_of(packet);
	uint8_t first = rd_u8(&r);

	*out = (struct control){ .opcode = opcode_of(first), .key = first & KEY_MASK };
	out->session = rd_take(&r, OPENVPN_SESSION_LEN);
	if (overhead) {
		rd_skip(&r, overhead - REPLAY_LEN);
		if (!is_replay_guard(rd_child(&r, REPLAY_LEN)))
			return false;
	}
	uint8_t acks = rd_u8(&r);
	if (acks > ACKS_MAX)
		return false;
	rd_skip(&r, acks * 4u + (acks ? OPENVPN_SESSION_LEN : 0));
	out->id = rd_u32(&r);
	out->payload = rd_rest(&r);
	if (r.bad || out->id >= ID_MAX)
		return false;
	return is_hard_reset(out->opcode) ? !out->id && !out->payload.len : true;
}

/* A reset says it all by its length; of other packets only one that carries a hello is sure. */
static bool learn_overhead(struct bytes packet, uint8_t *overhead)
{
	struct control c;

	for (size_t i = 0; i < sizeof overheads; i++) {
		if (!read_control(packet, overheads[i], &c))
			continue;
		if (is_hard_reset(c.opcode) || (c.opcode == CONTROL && tls_looks_late(c.payload) == LOOK_YES)) {
			*overhead = overheads[i];
			return true;
		}
	}
	return false;
}

enum look openvpn_looks(struct bytes datagram)
{
	uint8_t overhead;

	if (datagram.len < PACKET_LEAST)
		return LOOK_NO;
	uint8_t opcode = opcode_of(datagram.at[0]);
	/* The key of a reset is number 0. */
	if (opcode != CONTROL && (!is_hard_reset(opcode) || datagram.at[0] & KEY_MASK))
		return LOOK_NO;
	return learn_overhead(datagram, &overhead) ? LOOK_YES : LOOK_NO;
}

/* What is there of a first packet, which is short. */
static bool may_begin(uint16_t length, struct reader packet)
{
	bool begun = rd_more(&packet);

	return length >= PACKET_LEAST && length <= RESET_MOST && (!begun || is_hard_reset(opcode_of(rd_u8(&packet))));
}

enum look openvpn_looks_stream(struct bytes first)
{
	struct reader r = reader_of(first), peek = r;
	uint16_t length = rd_u16(&r);

	if (r.bad)
		return rd_u8(&peek) ? LOOK_NO : LOOK_MAYBE;
	if (rd_left(&r) < length)
		return may_begin(length, r) ? LOOK_MAYBE : LOOK_NO;
	return openvpn_looks(rd_take(&r, length));
}

bool openvpn_begins_anew(const void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	const struct openvpn *o = state;
	struct reader r = reader_of(c->data);
	uint8_t opcode = opcode_of(rd_u8(&r));
	struct bytes session = rd_take(&r, OPENVPN_SESSION_LEN);

	(void)env;
	(void)end;
	return (opcode == HARD_RESET_CLIENT_V1 || opcode == HARD_RESET_CLIENT_V2) && !r.bad &&
		o->has_session && memcmp(session.at, o->session, OPENVPN_SESSION_LEN) != 0;
}

/* ---- life ---- */

void openvpn_init(void *state)
{
	struct openvpn *o = state;

	memset(o, 0, sizeof *o);
	tls_init(&o->tls);
}

static void drop_packet(struct openvpn_side *s, struct tls_env *env)
{
	struct openvpn_packet *p = s->waiting;

	s->waiting = p->next;
	s->count--;
	env->message_bytes -= sizeof *p + p->len;
	free(p);
}

static void drop_held(struct openvpn_side *s, struct tls_env *env)
{
	if (s->held)
		env->message_bytes -= s->held_want;
	free(s->held);
	s->held = NULL;
	s->held_len = s->held_want = 0;
}

void openvpn_finish(void *state, struct tls_env *env)
{
	struct openvpn *o = state;

	for (int i = 0; i < 2; i++) {
		while (o->side[i].waiting)
			drop_packet(&o->side[i], env);
		drop_held(&o->side[i], env);
	}
	tls_finish(&o->tls, env);
}

/* A soft reset may come at any time. */
bool openvpn_is_over(const void *state)
{
	return ((const struct openvpn *)state)->handshakes >= CONNECTION_HANDSHAKES_MAX;
}

bool openvpn_is_running(const void *state)
{
	return tls_is_running(state);
}

unsigned openvpn_client(const void *state)
{
	return tls_client(state);
}

/* ---- TLS ---- */

/* Each TLS connection has a clock of its own, which begins with the reset that led to it. */
static void tell_finished(struct openvpn *o, struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++) {
		struct handshake *h = env->finished[i];

		if (h->starttls.len)
			continue;
		h->starttls = handshake_keep_text(h, "openvpn");
		h->sequence += o->handshakes;
	}
}

static void give(struct openvpn *o, struct tls_env *env, unsigned end, const struct chunk *c)
{
	int64_t flow_ns = env->base_ns;

	env->base_ns += o->base_ns;
	tls_push(&o->tls, env, end, c);
	tell_finished(o, env);
	env->base_ns = flow_ns;
}

static void end_tls(struct openvpn *o, struct tls_env *env, enum exchange_end how, int closer)
{
	int64_t flow_ns = env->base_ns;

	env->base_ns += o->base_ns;
	for (unsigned end = 0; end < 2; end++) {
		struct openvpn_side *s = &o->side[end];

		while (s->waiting) {
			struct chunk c = { .data = { s->waiting->bytes, s->waiting->len },
				.time_ns = s->waiting->time_ns, .number = s->waiting->number };

			c.missing = s->waiting->id == s->due ? 0 : HOLE_UNKNOWN;
			s->due = s->waiting->id + 1;
			tls_push(&o->tls, env, end, &c);
			drop_packet(s, env);
		}
	}
	tls_end(&o->tls, env, how, closer);
	tell_finished(o, env);
	env->base_ns = flow_ns;
}

static void begin_again(struct openvpn *o, struct tls_env *env, uint8_t key, int64_t time_ns)
{
	end_tls(o, env, EXCHANGE_END_IDLE, -1);
	if (tls_client(&o->tls) != 2)
		o->handshakes++;
	if (openvpn_is_over(o))
		env->limits->bitten[LIMIT_CONNECTION_HANDSHAKES]++;
	tls_finish(&o->tls, env);
	tls_init(&o->tls);
	o->key = key;
	o->base_ns = time_ns - env->base_ns;
	for (int i = 0; i < 2; i++) {
		o->side[i].due = 0;
		o->side[i].started = false;
	}
}

/* ---- packets in order ---- */

static void keep_packet(struct openvpn_side *s, struct tls_env *env, const struct control *in,
	const struct chunk *c)
{
	struct openvpn_packet **link = &s->waiting, *p;
	size_t len = in->payload.len;

	while (*link && (*link)->id < in->id)
		link = &(*link)->next;
	if (*link && (*link)->id == in->id)
		return;
	if (s->count >= OPENVPN_PACKETS_MAX) {
		env->limits->bitten[LIMIT_OPENVPN_PACKETS]++;
		return;
	}
	if (env->message_bytes + sizeof *p + len > MESSAGE_BUFFER_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BUFFER_BYTES]++;
		return;
	}
	p = xmalloc(sizeof *p + len);
	*p = (struct openvpn_packet){ .next = *link, .id = in->id, .len = (uint32_t)len,
		.time_ns = c->time_ns, .number = c->number };
	memcpy(p->bytes, in->payload.at, len);
	env->message_bytes += sizeof *p + len;
	*link = p;
	s->count++;
}

static void give_waiting(struct openvpn *o, struct tls_env *env, unsigned end)
{
	struct openvpn_side *s = &o->side[end];

	while (s->waiting && s->waiting->id <= s->due) {
		struct chunk c = { .data = { s->waiting->bytes, s->waiting->len },
			.time_ns = s->waiting->time_ns, .number = s->waiting->number };

		if (s->waiting->id == s->due) {
			s->due++;
			give(o, env, end, &c);
		}
		drop_packet(s, env);
	}
}

static void in_order(struct openvpn *o, struct tls_env *env, unsigned end, const struct control *in,
	const struct chunk *c)
{
	struct openvpn_side *s = &o->side[end];

	if (!s->started && (in->opcode != CONTROL || tls_looks_late(in->payload) == LOOK_YES)) {
		s->started = true;
		s->due = in->id;
	}
	if (s->started && in->id < s->due) {
		if (in->opcode == CONTROL)
			exchange_again(&o->tls.exchange);
	} else if (s->started && in->id == s->due) {
		struct chunk part = { .data = in->payload, .time_ns = c->time_ns, .number = c->number };

		s->due++;
		if (in->payload.len)
			give(o, env, end, &part);
	} else {
		keep_packet(s, env, in, c);
	}
	if (s->started)
		give_waiting(o, env, end);
}

static void packet(struct openvpn *o, struct tls_env *env, unsigned end, struct bytes bytes,
	const struct chunk *c)
{
	uint8_t opcode = bytes.len ? opcode_of(bytes.at[0]) : 0;
	struct control in;

	if (opcode != CONTROL && opcode != SOFT_RESET && !is_hard_reset(opcode))
		return;
	if (!o->has_overhead)
		o->has_overhead = learn_overhead(bytes, &o->overhead);
	if (!o->has_overhead || !read_control(bytes, o->overhead, &in))
		return;
	if (!o->has_session) {
		o->has_session = true;
		o->key = in.key;
		memcpy(o->session, in.session.at, OPENVPN_SESSION_LEN);
	}
	/* A key's number is not taken again before seven others were. */
	if (opcode == SOFT_RESET && in.key != o->key && !in.id && !in.payload.len)
		begin_again(o, env, in.key, c->time_ns);
	if (in.key == o->key && !openvpn_is_over(o))
		in_order(o, env, end, &in, c);
}

bool openvpn_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	packet(state, env, end, c->data, c);
	return true;
}

/* ---- TCP ---- */

static void lose(struct openvpn *o, struct tls_env *env, unsigned end, uint64_t missing)
{
	struct openvpn_side *s = &o->side[end];

	if (s->skip >= missing) {
		s->skip -= (uint32_t)missing;
		return;
	}
	drop_held(s, env);
	s->lost = true;
	exchange_gap(&o->tls.exchange, SENDER_CLIENT);
}

/* The length and the opcode of the packet are there. */
static void begin_packet(struct openvpn_side *s, struct tls_env *env)
{
	struct reader r = reader_of((struct bytes){ s->head, sizeof s->head });
	uint16_t length = rd_u16(&r);
	uint8_t opcode = opcode_of(rd_u8(&r));
	bool wanted = opcode == CONTROL || opcode == SOFT_RESET || is_hard_reset(opcode);

	s->head_len = 0;
	if (!length) {
		/* The third byte belongs to the next length. */
		s->head[0] = s->head[2];
		s->head_len = 1;
		return;
	}
	if (!wanted || length > CONTROL_LEN_MAX ||
		env->message_bytes + length > MESSAGE_BUFFER_BYTES_MAX) {
		s->skip = length - 1u;
		return;
	}
	s->held = xmalloc(length);
	s->held[0] = s->head[2];
	s->held_want = length;
	s->held_len = 1;
	env->message_bytes += length;
}

static void continue_packet(struct openvpn *o, struct tls_env *env, unsigned end, struct reader *r,
	const struct chunk *c)
{
	struct openvpn_side *s = &o->side[end];
	size_t n = s->held_want - s->held_len;
	struct bytes part = rd_take(r, n < rd_left(r) ? n : rd_left(r));

	if (part.len)
		memcpy(s->held + s->held_len, part.at, part.len);
	s->held_len += (uint32_t)part.len;
	if (s->held_len < s->held_want)
		return;
	packet(o, env, end, (struct bytes){ s->held, s->held_len }, c);
	drop_held(s, env);
}

bool openvpn_push_stream(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct openvpn *o = state;
	struct openvpn_side *s = &o->side[end];
	struct reader r = reader_of(c->data);

	if (c->missing)
		lose(o, env, end, c->missing);
	while (rd_more(&r) && !s->lost) {
		if (s->skip) {
			size_t n = s->skip < rd_left(&r) ? s->skip : rd_left(&r);

			rd_skip(&r, n);
			s->skip -= (uint32_t)n;
		} else if (s->held) {
			continue_packet(o, env, end, &r, c);
		} else {
			s->head[s->head_len++] = rd_u8(&r);
			if (s->head_len == sizeof s->head)
				begin_packet(s, env);
			if (s->held && s->held_len == s->held_want)
				continue_packet(o, env, end, &r, c);
		}
	}
	return true;
}

void openvpn_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	struct openvpn *o = state;
	int64_t flow_ns = env->base_ns;

	env->base_ns += o->base_ns;
	tls_closed(&o->tls, env, end, reset);
	tell_finished(o, env);
	env->base_ns = flow_ns;
}

void openvpn_lacks_tail(void *state, unsigned end)
{
	tls_lacks_tail(state, end);
}

void openvpn_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	end_tls(state, env, how, closer);
}
