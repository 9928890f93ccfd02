#include "dissectors/tls.h"

#include "base/buffer.h"
#include "base/xmalloc.h"
#include "dissectors/hello.h"
#include "dissectors/tls_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SSL2_CLIENT_MASTER_KEY = 2, SSL2_SERVER_HELLO = 4 };
enum { HEADER_LEN = 5, MESSAGE_HEADER_LEN = 4, RECORD_LEN_MAX = 16384 + 2048, CLIENT_HELLO = 1, SERVER_HELLO = 2 };
/* What a hello must at least show for a row: header, version and random. */
enum { HELLO_READABLE_LEN = MESSAGE_HEADER_LEN + 2 + 32, ROOM_MIN = 256 };

/* ---- recognising ---- */

static bool version_is_plausible(uint16_t version)
{
	return version >> 8 == 3 && (version & 0xff) <= 4;
}

/* CLIENT-HELLO of SSL 2.0: length with its top bit set, type 1, version, then three lengths that must add up. */
static enum look ssl2_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	uint16_t length = rd_u16(&r);
	uint8_t type = rd_u8(&r);
	uint16_t version = rd_u16(&r);

	if (first.len >= 3 && type != 1)
		return LOOK_NO;
	if (first.len >= 5 && version != 0x0002 && !version_is_plausible(version))
		return LOOK_NO;
	uint16_t ciphers = rd_u16(&r), session = rd_u16(&r), challenge = rd_u16(&r);
	if (r.bad)
		return LOOK_MAYBE;
	bool fits = ciphers && ciphers % 3 == 0 && (session == 0 || session == 16) && challenge >= 16 && challenge <= 32 &&
		(length & 0x7fff) == 9u + ciphers + session + challenge;
	return fits ? LOOK_YES : LOOK_NO;
}

enum look tls_looks(struct bytes first)
{
	struct reader r = reader_of(first);
	uint8_t type = rd_u8(&r);

	if (r.bad)
		return LOOK_MAYBE;
	if (type & 0x80)
		return ssl2_looks(first);
	if (type != RECORD_HANDSHAKE && type != RECORD_ALERT)
		return LOOK_NO;
	if (rd_more(&r) && rd_u8(&r) != 3)
		return LOOK_NO;
	if (rd_more(&r) && rd_u8(&r) > 4)
		return LOOK_NO;
	if (rd_left(&r) < 2)
		return LOOK_MAYBE;
	uint16_t length = rd_u16(&r);
	if (length > RECORD_LEN_MAX || (type == RECORD_ALERT && length != 2))
		return LOOK_NO;
	/* An empty record, or one whose body has not come yet, may be followed by anything. */
	if (!length || !rd_more(&r))
		return LOOK_MAYBE;
	uint8_t kind = rd_u8(&r);
	if (type == RECORD_ALERT)
		return kind == 1 || kind == 2 ? LOOK_YES : LOOK_NO;
	return kind == CLIENT_HELLO || kind == SERVER_HELLO || kind == 0 ? LOOK_YES : LOOK_NO;
}

static bool begins_with_hello(struct bytes first)
{
	struct reader r = reader_of(first);

	if (rd_u8(&r) != RECORD_HANDSHAKE || !version_is_plausible(rd_u16(&r)))
		return false;
	uint16_t length = rd_u16(&r);
	uint8_t type = rd_u8(&r);
	if (length > RECORD_LEN_MAX || length < MESSAGE_HEADER_LEN || (type != CLIENT_HELLO && type != SERVER_HELLO))
		return false;
	uint32_t hello = rd_u24(&r);
	return version_is_plausible(rd_u16(&r)) && !r.bad && hello >= 38 && hello <= MESSAGE_BYTES_MAX;
}

enum look tls_looks_late(struct bytes first)
{
	return begins_with_hello(first) ? LOOK_YES : LOOK_NO;
}

/* ---- life ---- */

void tls_init(void *state)
{
	struct tls *t = state;

	memset(t, 0, sizeof *t);
	exchange_init(&t->exchange, TRANSPORT_TCP);
	t->client = 2;
	for (int i = 0; i < 2; i++)
		t->side[i].record_ns = t->side[i].message_ns = t->side[i].last_ns = TIME_NONE;
}

static void drop_message(struct tls_side *s, struct tls_env *env)
{
	env->message_bytes -= s->message_room;
	free(s->message);
	s->message = NULL;
	s->message_len = s->message_want = s->message_room = 0;
	s->prefix_len = 0;
}

void tls_finish(void *state, struct tls_env *env)
{
	struct tls *t = state;

	drop_message(&t->side[0], env);
	drop_message(&t->side[1], env);
	tls_keys_finish(t, env);
	exchange_finish(&t->exchange, env);
}

bool tls_is_running(const void *state)
{
	return exchange_is_running(&((const struct tls *)state)->exchange);
}

unsigned tls_client(const void *state)
{
	return ((const struct tls *)state)->client;
}

bool tls_is_over(const void *state)
{
	const struct tls *t = state;

	return exchange_is_over(&t->exchange) || (t->side[0].lost && t->side[1].lost && t->exchange.state == EXCHANGE_DONE);
}

/* ---- roles ---- */

enum sender tls_sender_of(const struct tls *t, unsigned end)
{
	return end == t->client ? SENDER_CLIENT : SENDER_SERVER;
}

static void set_client(struct tls *t, struct tls_env *env, unsigned client)
{
	t->client = (uint8_t)client;
	for (unsigned end = 0; end < 2; end++) {
		if (!t->has_alert[end])
			continue;
		t->has_alert[end] = false;
		exchange_alert(&t->exchange, env, tls_sender_of(t, end), t->waiting_alert[end]);
	}
}

/* ---- messages ---- */

/* A hello tells who is who; everything else waits for one. */
static void hand_on(struct tls *t, struct tls_env *env, unsigned end, const struct exchange_message *m)
{
	bool hello = m->type == CLIENT_HELLO || m->type == SERVER_HELLO;
	unsigned client = t->client;

	if (client == 2) {
		if (!hello)
			return;
		client = m->type == CLIENT_HELLO ? end : !end;
		t->client = (uint8_t)client;
	}
	exchange_message(&t->exchange, env, tls_sender_of(t, end), m);
	if (tls_is_keyed(env))
		tls_message_passed(t, env, end, m);
	set_client(t, env, client);
}

static void message_whole(struct tls *t, struct tls_env *env, unsigned end, struct bytes whole)
{
	struct tls_side *s = &t->side[end];
	struct reader r = reader_of(whole);
	struct exchange_message m = { .type = rd_u8(&r), .bytes = (uint32_t)whole.len, .first_ns = s->message_ns, .last_ns = s->last_ns,
		.decrypted = s->opened };

	rd_skip(&r, 3);
	m.body = rd_rest(&r);
	hand_on(t, env, end, &m);
	s->message_ns = TIME_NONE;
}

/* A hello that never became whole is read as far as it goes. */
static void read_cut_hello(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];

	if (!s->message || s->ssl2 || s->message_len < HELLO_READABLE_LEN || (t->client != 2 && t->exchange.h.client_hello && t->exchange.h.server_hello))
		return;
	struct reader r = reader_of((struct bytes){ s->message, s->message_len });
	struct exchange_message m = { .type = rd_u8(&r), .bytes = s->message_len, .first_ns = s->message_ns, .last_ns = s->last_ns, .cut = true };
	rd_skip(&r, 3);
	m.body = rd_rest(&r);
	bool plausible = m.body.at[0] == 3 || m.body.at[0] == 0x7f;
	if (plausible && (m.type == CLIENT_HELLO || m.type == SERVER_HELLO))
		hand_on(t, env, end, &m);
}

/* Room for the message as it comes, not as it claims. */
static bool grow(struct tls_side *s, struct tls_env *env, uint32_t need)
{
	uint32_t room = s->message_room ? s->message_room * 2 : need;

	if (need <= s->message_room)
		return true;
	if (room < need)
		room = need;
	if (room > s->message_want)
		room = s->message_want;
	if (env->message_bytes + room - s->message_room > MESSAGE_BUFFER_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BUFFER_BYTES]++;
		return false;
	}
	s->message = xrealloc(s->message, room);
	env->message_bytes += room - s->message_room;
	s->message_room = room;
	return true;
}

static void give_up_message(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];

	read_cut_hello(t, env, end);
	s->skip = s->message_want - s->message_len;
	drop_message(s, env);
	t->exchange.h.reassembly |= REASSEMBLY_LIMIT;
	exchange_gap(&t->exchange, tls_sender_of(t, end));
}

static bool append(struct tls *t, struct tls_env *env, unsigned end, struct bytes part)
{
	struct tls_side *s = &t->side[end];

	/* A record of SSL 2.0 may be empty, and there is no memory yet. */
	if (!part.len)
		return true;
	if (!grow(s, env, s->message_len + (uint32_t)part.len)) {
		give_up_message(t, env, end);
		s->skip -= (uint32_t)part.len;
		return false;
	}
	memcpy(s->message + s->message_len, part.at, part.len);
	s->message_len += (uint32_t)part.len;
	return true;
}

static uint32_t length_of(const uint8_t header[MESSAGE_HEADER_LEN])
{
	struct reader r = reader_of((struct bytes){ header + 1, 3 });

	return MESSAGE_HEADER_LEN + rd_u24(&r);
}

/* The header is known: decides what becomes of the message. */
static void message_begin(struct tls *t, struct tls_env *env, unsigned end, uint32_t want)
{
	struct tls_side *s = &t->side[end];

	s->message_want = want;
	if (want > MESSAGE_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BYTES]++;
		s->message_len = s->prefix_len;
		give_up_message(t, env, end);
		return;
	}
	struct bytes header = { s->prefix, s->prefix_len };
	s->prefix_len = 0;
	append(t, env, end, header);
}

/* Collects the four bytes of the header; true once they are there. */
static bool collect_prefix(struct tls_side *s, struct reader *r)
{
	while (s->prefix_len < MESSAGE_HEADER_LEN && rd_more(r))
		s->prefix[s->prefix_len++] = rd_u8(r);
	return s->prefix_len == MESSAGE_HEADER_LEN;
}

static void message_continue(struct tls *t, struct tls_env *env, unsigned end, struct reader *r)
{
	struct tls_side *s = &t->side[end];
	size_t n = s->message_want - s->message_len;

	if (n > rd_left(r))
		n = rd_left(r);
	if (n && !append(t, env, end, rd_take(r, n)))
		return;
	if (s->message_len == s->message_want) {
		message_whole(t, env, end, (struct bytes){ s->message, s->message_len });
		drop_message(s, env);
	}
}

/* In place where the whole message lies in the fragment; copied only where it does not. */
void tls_messages(struct tls *t, struct tls_env *env, unsigned end, struct bytes fragment)
{
	struct tls_side *s = &t->side[end];
	struct reader r = reader_of(fragment);

	while (rd_more(&r)) {
		if (s->skip) {
			size_t n = s->skip < rd_left(&r) ? s->skip : rd_left(&r);

			rd_skip(&r, n);
			s->skip -= (uint32_t)n;
			continue;
		}
		if (s->message_ns == TIME_NONE)
			s->message_ns = s->last_ns;
		if (s->message_want) {
			message_continue(t, env, end, &r);
			continue;
		}
		if (!s->prefix_len && rd_left(&r) >= MESSAGE_HEADER_LEN) {
			uint32_t want = length_of(rd_peek(&r).at);

			if (want <= rd_left(&r)) {
				message_whole(t, env, end, rd_take(&r, want));
				continue;
			}
		}
		if (!collect_prefix(s, &r))
			continue;
		message_begin(t, env, end, length_of(s->prefix));
		/* An empty message is whole now: the bytes that follow may be long in coming. */
		if (s->message_want && s->message_len == s->message_want)
			message_continue(t, env, end, &r);
	}
}

/* ---- record bodies ---- */

void tls_alert_bytes(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct tls_side *s = &t->side[end];

	for (struct reader r = reader_of(body); rd_more(&r);) {
		s->alert[s->alert_len++] = rd_u8(&r);
		if (s->alert_len < 2)
			continue;
		struct alert a = { .level = s->alert[0], .description = s->alert[1], .decrypted = s->opened, .time_ns = s->last_ns };
		s->alert_len = 0;
		if (t->client == 2) {
			t->waiting_alert[end] = a;
			t->has_alert[end] = true;
			continue;
		}
		exchange_alert(&t->exchange, env, tls_sender_of(t, end), a);
	}
}

/* RFC 6520 section 4: the type and the length of the payload; the rest is nobody's business. */
static void heartbeat_bytes(struct tls_side *s, struct bytes body)
{
	struct reader r = reader_of(body);

	while (s->heartbeat_len < sizeof s->heartbeat && rd_more(&r))
		s->heartbeat[s->heartbeat_len++] = rd_u8(&r);
}

static void heartbeat_end(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];
	struct reader r = reader_of((struct bytes){ s->heartbeat, s->heartbeat_len });

	rd_skip(&r, 1);
	uint16_t claimed = rd_u16(&r);
	if (!r.bad)
		exchange_heartbeat(&t->exchange, env, tls_sender_of(t, end), claimed, s->record_len, s->last_ns);
}

/* Would nobody but the holder of keys understand this record? */
static bool is_unreadable(const struct tls *t, unsigned end)
{
	const struct tls_side *s = &t->side[end];

	if (s->record_type == RECORD_APPLICATION_DATA)
		return true;
	if (t->client == 2)
		return false;
	/* An alert of two bytes is a plain one: no cipher makes it that short. */
	if (s->record_type == RECORD_ALERT && s->record_len == 2)
		return false;
	return exchange_is_encrypted(&t->exchange, tls_sender_of(t, end));
}

static void record_part(struct tls *t, struct tls_env *env, unsigned end, struct bytes part)
{
	struct tls_side *s = &t->side[end];
	bool unreadable = is_unreadable(t, end);

	if (tls_is_keyed(env) && tls_wants_body(t, end, unreadable))
		tls_collect(t, env, end, part);
	if (unreadable || tls_is_waiting(t))
		return;
	if (s->record_type == RECORD_ALERT)
		tls_alert_bytes(t, env, end, part);
	else if (s->record_type == RECORD_HEARTBEAT)
		heartbeat_bytes(s, part);
	else if ((s->record_type == RECORD_HANDSHAKE || s->record_type == RECORD_SSL2) && !s->messages_lost)
		tls_messages(t, env, end, part);
}

/* What is blank again packs to nothing. */
static void forget_record(struct tls_side *s)
{
	memset(s->header, 0, sizeof s->header);
	memset(s->heartbeat, 0, sizeof s->heartbeat);
	s->header_len = s->heartbeat_len = 0;
	s->record_type = 0;
	s->record_len = 0;
	s->record_ns = TIME_NONE;
}

static void record_told(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct tls_side *s = &t->side[end];
	enum sender sender = tls_sender_of(t, end);
	bool unreadable = is_unreadable(t, end);

	exchange_bytes(&t->exchange, sender, s->record_type == RECORD_APPLICATION_DATA && !t->exchange.tls13 ? 0 : HEADER_LEN + (uint32_t)s->record_len);
	if (unreadable && tls_is_keyed(env) && tls_open(t, env, end, body))
		return;
	if (unreadable)
		exchange_encrypted(&t->exchange, env, sender, s->record_type, s->record_len, s->record_ns, s->last_ns);
	else if (s->record_type == RECORD_HEARTBEAT)
		heartbeat_end(t, env, end);
	else if (s->record_type == RECORD_CHANGE_CIPHER_SPEC) {
		exchange_change_cipher(&t->exchange, env, sender, s->record_ns, s->last_ns);
		/* Whatever was lost before it, records are whole again behind it. */
		s->messages_lost = false;
		drop_message(s, env);
	}
	if (s->record_type == RECORD_CHANGE_CIPHER_SPEC && tls_is_keyed(env))
		tls_cipher_changed(t, end);
}

/* `last` is the end of the body, or all of it. */
static void record_end(struct tls *t, struct tls_env *env, unsigned end, struct bytes last)
{
	struct tls_side *s = &t->side[end];

	s->in_record = false;
	if (t->client != 2) {
		struct bytes body = tls_collected(t, end, last);

		if (tls_is_waiting(t))
			tls_wait_record(t, env, end, body);
		else
			record_told(t, env, end, body);
	}
	tls_forget_body(t, env, end);
	forget_record(s);
}

void tls_record_whole(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	record_part(t, env, end, body);
	record_end(t, env, end, body);
}

/* ---- record headers ---- */

static bool header_is_plausible(const uint8_t h[HEADER_LEN])
{
	return h[0] >= RECORD_CHANGE_CIPHER_SPEC && h[0] <= RECORD_HEARTBEAT && h[1] == 3 && h[2] <= 4 && (h[3] << 8 | h[4]) <= RECORD_LEN_MAX;
}

static bool is_ssl2_hello(const struct tls *t, unsigned end, const uint8_t h[HEADER_LEN])
{
	return !t->side[end].started && t->client == 2 && h[0] & 0x80 && h[2] == 1;
}

/* Once the client has sent a hello in the SSL 2.0 format, the server's first record decides which protocol goes on. */
static bool is_ssl2_record(const struct tls *t, unsigned end, const uint8_t h[HEADER_LEN])
{
	if (t->ssl2)
		return true;
	return t->ssl2_asked && end != t->client && !t->side[end].started && h[0] & 0x80 && h[2] == SSL2_SERVER_HELLO;
}

/* The SSL 2.0 hello is framed as a message without a header of its own: it is collected whole, from its type on. */
static void begin_ssl2(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];
	bool short_header = s->header[0] & 0x80;
	uint32_t length = (uint32_t)(s->header[0] & (short_header ? 0x7f : 0x3f)) << 8 | s->header[1];
	/* A header of three bytes has a padding length in its third. */
	struct bytes body = { s->header + (short_header ? 2 : 3), short_header ? 3 : 2 };

	s->ssl2 = true;
	s->record_type = RECORD_SSL2;
	s->record_len = (uint16_t)length;
	s->message_want = length;
	s->message_ns = s->record_ns;
	if (body.len > length)
		body.len = length;
	append(t, env, end, body);
	s->record_left = (uint16_t)(length - body.len);
}

/* False where the bytes cannot be a record: not TLS at the beginning, lost in the middle. */
static bool header_read(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];

	if (is_ssl2_hello(t, end, s->header) || is_ssl2_record(t, end, s->header)) {
		begin_ssl2(t, env, end);
	} else if (header_is_plausible(s->header)) {
		struct reader r = reader_of((struct bytes){ s->header, HEADER_LEN });

		s->record_type = rd_u8(&r);
		rd_skip(&r, 2);
		s->record_len = s->record_left = rd_u16(&r);
	} else {
		return false;
	}
	s->in_record = true;
	s->started = true;
	return true;
}

static void lose_sync(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];

	drop_message(s, env);
	tls_forget_body(t, env, end);
	s->in_record = s->ssl2 = false;
	s->header_len = 0;
	s->skip = 0;
	s->message_ns = TIME_NONE;
	s->messages_lost = true;
	s->lost = true;
}

/* ---- SSL 2.0 ---- */

static void ssl2_message(struct tls *t, struct tls_env *env, unsigned end, const struct exchange_message *m)
{
	struct exchange *x = &t->exchange;
	uint8_t type = m->body.len ? m->body.at[0] : 0;

	if (t->client == 2) {
		t->client = (uint8_t)end;
		t->ssl2_asked = true;
		exchange_ssl2_client_hello(x, env, m);
		set_client(t, env, end);
	} else if (end != t->client && !t->ssl2 && type == SSL2_SERVER_HELLO) {
		t->ssl2 = true;
		exchange_ssl2_server_hello(x, env, m);
	} else if (end == t->client && type == SSL2_CLIENT_MASTER_KEY && x->h.stage < STAGE_KEY_EXCHANGE) {
		exchange_ssl2_master_key(x, env, m);
	} else {
		exchange_ssl2_encrypted(x, env, tls_sender_of(t, end), m->bytes, m->last_ns);
	}
	exchange_bytes(x, tls_sender_of(t, end), m->bytes);
}

static void ssl2_whole(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];
	struct exchange_message m = { .type = CLIENT_HELLO, .body = { s->message, s->message_len }, .bytes = s->message_len + 2,
		.first_ns = s->message_ns, .last_ns = s->last_ns };

	ssl2_message(t, env, end, &m);
	drop_message(s, env);
	s->message_ns = TIME_NONE;
	s->in_record = s->ssl2 = false;
	forget_record(s);
}

static void ssl2_part(struct tls *t, struct tls_env *env, unsigned end, struct bytes part)
{
	struct tls_side *s = &t->side[end];

	if (part.len && !append(t, env, end, part)) {
		s->lost = true;
		return;
	}
	if (s->message_len == s->message_want)
		ssl2_whole(t, env, end);
	else if (!s->record_left)
		lose_sync(t, env, end);
}

/* ---- holes ---- */

/* A hole inside a message whose length is known costs that message alone. */
static void lose_message_bytes(struct tls *t, struct tls_env *env, unsigned end, uint32_t n)
{
	struct tls_side *s = &t->side[end];

	if (s->skip >= n) {
		s->skip -= n;
	} else if (s->message_want && s->message_len + n <= s->message_want) {
		read_cut_hello(t, env, end);
		s->skip = s->message_want - s->message_len - n;
		drop_message(s, env);
	} else {
		read_cut_hello(t, env, end);
		drop_message(s, env);
		s->skip = 0;
		s->messages_lost = true;
	}
	s->message_ns = TIME_NONE;
}

static void side_gap(struct tls *t, struct tls_env *env, unsigned end, uint64_t missing)
{
	struct tls_side *s = &t->side[end];

	exchange_gap(&t->exchange, t->client == 2 ? SENDER_CLIENT : tls_sender_of(t, end));
	if (!s->started || !s->in_record || missing > s->record_left) {
		read_cut_hello(t, env, end);
		lose_sync(t, env, end);
		return;
	}
	if (!is_unreadable(t, end) && s->record_type == RECORD_HANDSHAKE)
		lose_message_bytes(t, env, end, (uint32_t)missing);
	else if (s->record_type == RECORD_SSL2)
		lose_sync(t, env, end);
	s->record_left = (uint16_t)(s->record_left - missing);
	if (s->in_record && !s->record_left)
		record_end(t, env, end, (struct bytes){ NULL, 0 });
}

/* After a hole that swallowed a header, a chunk that begins like a record, and where the next record fits too, is taken for one. */
static bool resynchronise(struct tls_side *s, struct bytes data)
{
	struct reader r = reader_of(data);
	struct bytes header = rd_take(&r, HEADER_LEN);

	if (!header.len || !header_is_plausible(header.at))
		return false;
	uint32_t length = (uint32_t)header.at[3] << 8 | header.at[4];
	if (!length)
		return false;
	if (length < rd_left(&r)) {
		rd_skip(&r, length);
		struct bytes next = rd_take(&r, rd_left(&r) < HEADER_LEN ? rd_left(&r) : HEADER_LEN);

		if (next.len == HEADER_LEN && !header_is_plausible(next.at))
			return false;
	}
	s->lost = false;
	s->started = true;
	/* A record mostly begins with a message; where it does not, the message's length will not make sense. */
	s->messages_lost = false;
	return true;
}

/* ---- chunks ---- */

/* The answer's first bytes may have come in a segment before. */
static void tell_answer(struct tls *t, unsigned end, struct bytes rest)
{
	struct tls_side *s = &t->side[end];
	struct buffer answer = { 0 };

	buffer_add(&answer, s->header, HEADER_LEN);
	buffer_add(&answer, rest.at, rest.len);
	exchange_not_tls(&t->exchange, buffer_bytes(&answer), s->last_ns);
	buffer_finish(&answer);
}

/* `rest` is what stands behind the header that is none. */
static bool not_tls(struct tls *t, unsigned end, struct bytes rest)
{
	struct tls_side *s = &t->side[end];

	s->lost = true;
	if (s->started)
		return true;
	if (t->client != 2 && end != t->client)
		tell_answer(t, end, rest);
	return t->exchange.state != EXCHANGE_WAITING || t->side[!end].started;
}

static void note_time(struct tls_side *s, const struct tls_env *env, const struct chunk *c)
{
	int64_t ns = c->time_ns - env->base_ns;

	/* A piece that waited for a hole to be filled is whole only with the last of them. */
	if (s->message_ns == TIME_NONE || ns > s->last_ns || s->last_ns == TIME_NONE)
		s->last_ns = ns;
}

bool tls_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct tls *t = state;
	struct tls_side *s = &t->side[end];
	struct reader r = reader_of(c->data);

	note_time(s, env, c);
	if (c->missing)
		side_gap(t, env, end, c->missing);
	if (s->lost && (!t->exchange.gap || t->exchange.not_tls_answer || t->ssl2 || !resynchronise(s, c->data)))
		return true;
	if (tls_is_waiting(t))
		tls_wait_packet(t, c->number);
	else
		exchange_packet(&t->exchange, c->number);
	while (rd_more(&r)) {
		if (!s->in_record) {
			if (!s->header_len)
				s->record_ns = c->time_ns - env->base_ns;
			while (s->header_len < HEADER_LEN && rd_more(&r))
				s->header[s->header_len++] = rd_u8(&r);
			if (s->header_len < HEADER_LEN)
				break;
			if (!header_read(t, env, end))
				return not_tls(t, end, rd_peek(&r));
		}
		size_t n = s->record_left < rd_left(&r) ? s->record_left : rd_left(&r);
		struct bytes part = rd_take(&r, n);
		s->record_left = (uint16_t)(s->record_left - n);
		if (s->ssl2) {
			ssl2_part(t, env, end, part);
			if (s->lost)
				return false;
			continue;
		}
		record_part(t, env, end, part);
		if (!s->record_left)
			record_end(t, env, end, part);
	}
	if (s->message_ns == TIME_NONE)
		s->last_ns = TIME_NONE;
	return true;
}

void tls_lacks_tail(void *state, unsigned end)
{
	struct tls *t = state;

	exchange_gap(&t->exchange, t->client == 2 ? SENDER_CLIENT : tls_sender_of(t, end));
}

void tls_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	struct tls *t = state;

	tls_stop_waiting(t, env);
	exchange_end(&t->exchange, env, reset ? EXCHANGE_END_RST : EXCHANGE_END_FIN, t->client == 2 ? -1 : (int)tls_sender_of(t, end));
}

void tls_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	struct tls *t = state;

	tls_stop_waiting(t, env);
	read_cut_hello(t, env, 0);
	read_cut_hello(t, env, 1);
	exchange_end(&t->exchange, env, how, closer < 0 || t->client == 2 ? -1 : (int)tls_sender_of(t, (unsigned)closer));
}
