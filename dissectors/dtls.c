#include "dissectors/dtls.h"

#include "dissectors/hello.h"
#include "dissectors/secrets.h"

#include <string.h>

enum record_type {
	RECORD_CHANGE_CIPHER_SPEC = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22,
	RECORD_APPLICATION_DATA = 23, RECORD_CONNECTION_ID = 25, RECORD_ACK = 26,
};
enum message_kind {
	CERTIFICATE = 11, SERVER_KEY_EXCHANGE = 12, CERTIFICATE_REQUEST = 13, SERVER_HELLO_DONE = 14,
	CERTIFICATE_VERIFY = 15, CLIENT_KEY_EXCHANGE = 16,
};
enum {
	HEADER_LEN = 13, RANDOM_END = 34, CLOSE_NOTIFY = 0, FATAL = 2, EXTENSION_CONNECTION_ID = 54,
	UNKNOWN = 2, CAPWAP_PREAMBLE_LEN = 4,
};
/* WebRTC sends SRTP beside DTLS and may never send application data: a row waits no longer. */
static const int64_t APPLICATION_DATA_WAIT_NS = 60 * INT64_C(1000000000);

/* ---- recognising ---- */

static bool version_is_dtls(uint16_t version)
{
	/* 0x0100 is what OpenSSL up to 0.9.8e and Cisco's AnyConnect call DTLS 1.0. */
	return version == 0xfeff || version == 0xfefd || version == 0xfefc || version == 0x0100;
}

/* RFC 5415 section 4.2: version 0 and type 1, then three reserved bytes. */
static bool has_capwap_preamble(struct bytes datagram)
{
	static const uint8_t preamble[CAPWAP_PREAMBLE_LEN] = { 1 };

	return datagram.len > sizeof preamble && !memcmp(datagram.at, preamble, sizeof preamble);
}

static struct reader reader_behind_preamble(struct bytes datagram)
{
	struct reader r = reader_of(datagram);

	if (has_capwap_preamble(datagram))
		rd_skip(&r, CAPWAP_PREAMBLE_LEN);
	return r;
}

/* A record in the clear whose message is one that begins a flight. */
static bool begins_with_handshake(struct reader r, struct dtls_fragment *f)
{
	if (rd_u8(&r) != RECORD_HANDSHAKE || !version_is_dtls(rd_u16(&r)) || rd_u16(&r))
		return false;
	uint16_t high = rd_u16(&r);
	rd_skip(&r, 4);
	uint16_t len = rd_u16(&r);
	if (r.bad || high || len < DTLS_MESSAGE_HEADER_LEN)
		return false;
	struct reader body = rd_child(&r, len < rd_left(&r) ? len : rd_left(&r));
	return dtls_fragment_read(&body, f) && f->message_len <= MESSAGE_BYTES_MAX;
}

enum look dtls_looks(struct bytes datagram)
{
	struct dtls_fragment f;

	if (!datagram.len || (datagram.at[0] != RECORD_HANDSHAKE && datagram.at[0] != 1))
		return LOOK_NO;
	if (!begins_with_handshake(reader_behind_preamble(datagram), &f))
		return LOOK_NO;
	switch (f.type) {
	case DTLS_CLIENT_HELLO:
	case DTLS_SERVER_HELLO:
		return f.message_len > RANDOM_END ? LOOK_YES : LOOK_NO;
	case DTLS_HELLO_VERIFY_REQUEST:
		return f.message_len >= 3 && f.message_len <= 3 + 255 ? LOOK_YES : LOOK_NO;
	case CERTIFICATE:
	case SERVER_KEY_EXCHANGE:
	case CERTIFICATE_REQUEST:
	case SERVER_HELLO_DONE:
	case CERTIFICATE_VERIFY:
	case CLIENT_KEY_EXCHANGE:
		/* A flight whose first datagram came late. */
		return f.seq <= DTLS_MESSAGES_MAX ? LOOK_YES : LOOK_NO;
	default:
		return LOOK_NO;
	}
}

static uint64_t hash_of_hello(struct tls_env *env, struct bytes body)
{
	struct reader r = reader_of(body);

	rd_skip(&r, 2);
	struct bytes random = rd_take(&r, 32);
	return random.len ? hash_bytes(env->key, random.at, random.len) | 1 : 0;
}

/* A first hello with another random: whoever only repeats itself keeps its random (RFC 6347 section
 * 4.2.1). */
bool dtls_begins_anew(const void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	const struct dtls *d = state;
	struct dtls_fragment f;

	(void)end;
	if (!d->hello || !begins_with_handshake(reader_behind_preamble(c->data), &f))
		return false;
	uint64_t hello = f.at ? 0 : hash_of_hello(env, f.bytes);
	return f.type == DTLS_CLIENT_HELLO && !f.seq && hello && hello != d->hello &&
		hello != d->hello_again;
}

/* ---- life ---- */

void dtls_init(void *state)
{
	struct dtls *d = state;

	memset(d, 0, sizeof *d);
	exchange_init(&d->exchange, TRANSPORT_DTLS);
	d->client = UNKNOWN;
}

void dtls_finish(void *state, struct tls_env *env)
{
	struct dtls *d = state;

	dtls_messages_finish(&d->side[0].messages, env);
	dtls_messages_finish(&d->side[1].messages, env);
	dtls_keys_destroy(d->keys);
	d->keys = NULL;
	exchange_finish(&d->exchange, env);
}

bool dtls_is_running(const void *state)
{
	return exchange_is_running(&((const struct dtls *)state)->exchange);
}

unsigned dtls_client(const void *state)
{
	return ((const struct dtls *)state)->client;
}

bool dtls_is_over(const void *state)
{
	const struct exchange *x = &((const struct dtls *)state)->exchange;

	return x->state == EXCHANGE_DONE &&
		(x->tls13 || x->sequence >= CONNECTION_HANDSHAKES_MAX);
}

/* Are there secrets, or may there be? */
static bool is_keyed(const struct tls_env *env)
{
	return env->keylog || env->more_secrets;
}

/* ---- roles ---- */

static enum sender sender_of(const struct dtls *d, unsigned end)
{
	return end == d->client ? SENDER_CLIENT : SENDER_SERVER;
}

static void tell_alert(struct dtls *d, struct tls_env *env, unsigned end, struct alert a)
{
	if (!d->closer && (a.level == FATAL || a.description == CLOSE_NOTIFY))
		d->closer = (uint8_t)(1 + sender_of(d, end));
	exchange_alert(&d->exchange, env, sender_of(d, end), a);
}

/* Some messages only one of the two sends. */
static void learn_client(struct dtls *d, unsigned end, uint8_t type)
{
	if (d->client != UNKNOWN)
		return;
	if (type == DTLS_CLIENT_HELLO || type == CLIENT_KEY_EXCHANGE)
		d->client = (uint8_t)end;
	else if (dtls_is_anchor(type) || (type >= SERVER_KEY_EXCHANGE && type <= SERVER_HELLO_DONE))
		d->client = (uint8_t)!end;
}

/* ---- messages ---- */

/* RFC 9146 section 3: each says which id it wants to find in the records it gets. */
static void read_connection_id(struct dtls *d, unsigned end, uint8_t type, struct bytes body)
{
	struct reader r = reader_of(body);

	rd_skip(&r, RANDOM_END);
	(void)rd_vec8(&r);
	if (type == DTLS_CLIENT_HELLO) {
		(void)rd_vec8(&r);
		(void)rd_vec16(&r);
		(void)rd_vec8(&r);
	} else {
		rd_skip(&r, 3);
	}
	struct reader extensions = rd_vec16(&r);
	while (rd_more(&extensions)) {
		uint16_t extension = rd_u16(&extensions);
		struct reader content = rd_vec16(&extensions);

		if (extension != EXTENSION_CONNECTION_ID || !rd_more(&content))
			continue;
		d->side[!end].connection_id_len = rd_u8(&content);
		d->side[!end].has_connection_id = true;
	}
}

static void hand_on(struct dtls *d, struct tls_env *env, unsigned end, struct exchange_message *m)
{
	m->bytes = DTLS_MESSAGE_HEADER_LEN + (uint32_t)m->body.len;
	if (m->type == DTLS_CLIENT_HELLO) {
		uint64_t *hello = d->hello ? &d->hello_again : &d->hello;

		*hello = hash_of_hello(env, m->body);
	}
	if (m->type == DTLS_CLIENT_HELLO || m->type == DTLS_SERVER_HELLO)
		read_connection_id(d, end, m->type, m->body);
	learn_client(d, end, m->type);
	if (d->client == UNKNOWN)
		return;
	exchange_message(&d->exchange, env, sender_of(d, end), m);
	if (m->type == CLIENT_KEY_EXCHANGE && is_keyed(env))
		dtls_keep_premaster_id(&d->keys, &d->exchange.h, m->body);
	for (unsigned i = 0; i < 2; i++) {
		if (d->side[i].has_alert)
			tell_alert(d, env, i, d->side[i].alert);
		d->side[i].has_alert = false;
	}
}

static void hand_on_stored(struct dtls *d, struct tls_env *env, unsigned end,
	struct dtls_message *stored)
{
	struct exchange_message m = { .type = stored->type, .first_ns = stored->first_ns,
		.last_ns = stored->last_ns, .cut = stored->have != stored->len,
		.decrypted = stored->decrypted };

	m.body = dtls_message_bytes(stored, env);
	/* Of a message that is not whole only a hello's beginning says something. */
	if (!m.cut || (dtls_is_anchor(m.type) && m.body.len >= RANDOM_END))
		hand_on(d, env, end, &m);
	dtls_message_destroy(stored, env);
}

/* The server that asked for a cookie forgot that it did, and counts from 0 again. */
static void accept_counting_anew(struct dtls *d, struct dtls_messages *m,
	const struct dtls_fragment *f)
{
	const struct handshake *h = &d->exchange.h;

	if (f->type == DTLS_SERVER_HELLO && m->started && f->seq < m->next && !h->server_hello &&
		h->dtls_cookie == 1 && h->hello_retry != 1 && exchange_is_running(&d->exchange))
		m->next = f->seq;
}

/* What lies whole in its record, and is next, need not be copied. */
static bool is_next_and_whole(const struct dtls_messages *m, const struct dtls_fragment *f)
{
	return !m->first && f->bytes.len == f->message_len &&
		(m->started ? f->seq == m->next : dtls_is_anchor(f->type));
}

static void fragment(struct dtls *d, struct tls_env *env, unsigned end,
	const struct dtls_fragment *f, int64_t ns)
{
	struct dtls_messages *messages = &d->side[end].messages;
	struct dtls_message *whole;

	learn_client(d, end, f->type);
	accept_counting_anew(d, messages, f);
	if (is_next_and_whole(messages, f)) {
		struct exchange_message m = { .type = f->type, .body = f->bytes, .first_ns = ns,
			.last_ns = ns, .decrypted = f->decrypted };

		messages->started = true;
		messages->next = (uint16_t)(f->seq + 1);
		d->carried_new = true;
		hand_on(d, env, end, &m);
		return;
	}
	enum dtls_added added = dtls_messages_add(messages, env, f, ns);
	if (added == DTLS_CONFLICT)
		d->exchange.h.reassembly |= REASSEMBLY_OVERLAP;
	if (added == DTLS_REFUSED)
		d->exchange.h.reassembly |= REASSEMBLY_LIMIT;
	d->carried_new |= added == DTLS_ADDED;
	d->carried_old |= added == DTLS_OLD;
	while ((whole = dtls_messages_take(messages, env)))
		hand_on_stored(d, env, end, whole);
}

static void handshake_record(struct dtls *d, struct tls_env *env, unsigned end, struct bytes body,
	bool decrypted, int64_t ns)
{
	struct reader r = reader_of(body);
	struct dtls_fragment f;

	while (rd_more(&r) && dtls_fragment_read(&r, &f)) {
		f.decrypted = decrypted;
		fragment(d, env, end, &f, ns);
	}
}

/* ---- what cannot be read: up to DTLS 1.2 ---- */

/* A new epoch says that a ChangeCipherSpec passed, seen or not. */
static void change_cipher(struct dtls *d, struct tls_env *env, unsigned end, uint16_t to, int64_t ns)
{
	struct dtls_side *s = &d->side[end];

	if (to <= s->epoch) {
		d->carried_old = true;
		return;
	}
	s->epoch = to;
	d->carried_new = true;
	exchange_change_cipher(&d->exchange, env, sender_of(d, end), ns, ns);
}

static void tell_finished(struct dtls *d, struct tls_env *env, unsigned end)
{
	struct dtls_side *s = &d->side[end];
	struct exchange *x = &d->exchange;
	enum sender sender = sender_of(d, end);

	s->has_finished = false;
	if (s->finished_epoch > s->epoch) {
		s->epoch = s->finished_epoch;
		x->side[sender].changed_cipher = true;
	}
	exchange_encrypted(x, env, sender, RECORD_HANDSHAKE, s->finished_len, s->finished_ns,
		s->finished_ns);
	if (x->state == EXCHANGE_COMPLETED && d->completed_ns < s->finished_ns)
		d->completed_ns = s->finished_ns;
}

/* Was all that this end's Finished confirms read? */
static bool is_confirmed(const struct dtls *d, unsigned end)
{
	const struct exchange *x = &d->exchange;

	if (x->sequence || x->state != EXCHANGE_RUNNING)
		return true;
	if (d->side[0].messages.first || d->side[1].messages.first || !x->h.server_hello)
		return false;
	return sender_of(d, end) == SENDER_SERVER || !x->saw_hello_done ||
		x->h.stage >= STAGE_KEY_EXCHANGE;
}

static void tell_finished_where_confirmed(struct dtls *d, struct tls_env *env)
{
	for (unsigned end = 0; end < 2; end++) {
		if (d->side[end].has_finished && is_confirmed(d, end))
			tell_finished(d, env, end);
	}
}

/* Nothing that is still missing will come: what waits for it is told as it is. */
static void stop_waiting(struct dtls *d, struct tls_env *env)
{
	unsigned client = d->client == UNKNOWN ? 0 : d->client;

	for (unsigned i = 0; i < 2; i++) {
		unsigned end = i ? client : !client;
		struct dtls_message *m;

		if (d->side[end].messages.first)
			exchange_gap(&d->exchange, sender_of(d, end));
		while ((m = dtls_messages_take_any(&d->side[end].messages)))
			hand_on_stored(d, env, end, m);
	}
	for (unsigned i = 0; i < 2; i++) {
		unsigned end = i ? !client : client;

		if (!d->side[end].has_finished)
			continue;
		if (!is_confirmed(d, end))
			exchange_gap(&d->exchange, sender_of(d, end));
		tell_finished(d, env, end);
	}
}

static bool repeats_finished(const struct dtls *d, unsigned end, const struct dtls_record *r)
{
	const struct dtls_side *s = &d->side[end];

	return s->finished_len == r->len && r->epoch <= s->finished_epoch;
}

static void encrypted_handshake(struct dtls *d, unsigned end, const struct dtls_record *r, int64_t ns)
{
	struct dtls_side *s = &d->side[end];

	if (repeats_finished(d, end, r)) {
		d->carried_old = true;
		return;
	}
	d->carried_new = true;
	s->has_finished = true;
	s->finished_len = r->len;
	s->finished_epoch = r->epoch;
	s->finished_ns = ns;
}

/* RFC 9146 section 4: the type is encrypted too. The first record of an epoch is a Finished. */
static uint8_t type_of(const struct dtls *d, unsigned end, const struct dtls_record *r)
{
	const struct dtls_side *s = &d->side[end];

	if (r->type != RECORD_CONNECTION_ID)
		return r->type;
	bool is_finished = !s->finished_len ||
		(r->epoch == s->finished_epoch && r->len == s->finished_len);
	return is_finished ? RECORD_HANDSHAKE : RECORD_APPLICATION_DATA;
}

static void encrypted(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r,
	int64_t ns)
{
	enum sender sender = sender_of(d, end);
	uint8_t type = type_of(d, end, r);

	if (type == RECORD_CHANGE_CIPHER_SPEC) {
		change_cipher(d, env, end, (uint16_t)(r->epoch + 1), ns);
		return;
	}
	if (type == RECORD_HANDSHAKE) {
		encrypted_handshake(d, end, r, ns);
		if (d->side[end].has_finished && d->exchange.sequence)
			tell_finished(d, env, end);
		return;
	}
	if (d->exchange.state == EXCHANGE_RUNNING && !d->exchange.sequence)
		stop_waiting(d, env);
	if (type == RECORD_ALERT && d->exchange.state == EXCHANGE_RUNNING && !d->closer)
		d->closer = (uint8_t)(1 + sender);
	exchange_encrypted(&d->exchange, env, sender, type, r->len, ns, ns);
}

/* ---- records ---- */

/* The records of both ends, in the clear or not, that make up a handshake are counted once. */
static void count_record(struct dtls *d, unsigned end, const struct dtls_record *r)
{
	if (d->client != UNKNOWN)
		exchange_bytes(&d->exchange, sender_of(d, end), r->header_len + r->len);
}

static void alert(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r,
	struct bytes body, bool decrypted, int64_t ns)
{
	struct dtls_side *s = &d->side[end];
	struct reader in = reader_of(body);
	struct alert a = { .level = rd_u8(&in), .description = rd_u8(&in), .decrypted = decrypted, .time_ns = ns };

	/* What is unified does not show its number; its copies were left out before. */
	if (!rd_done(&in) || (!r->unified && s->alert_record == r->number + 1))
		return;
	s->alert_record = r->number + 1;
	if (!decrypted)
		count_record(d, end, r);
	if (d->client == UNKNOWN) {
		s->alert = a;
		s->has_alert = true;
		return;
	}
	tell_alert(d, env, end, a);
}

static void in_the_clear(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r,
	int64_t ns)
{
	bool carried_new = d->carried_new;

	d->carried_new = false;
	if (r->type == RECORD_HANDSHAKE)
		handshake_record(d, env, end, r->body, false, ns);
	else if (r->type == RECORD_ALERT)
		alert(d, env, end, r, r->body, false, ns);
	else if (r->type == RECORD_CHANGE_CIPHER_SPEC && d->client != UNKNOWN)
		change_cipher(d, env, end, 1, ns);
	if (d->carried_new)
		count_record(d, end, r);
	d->carried_new |= carried_new;
}

/* The tag makes a record unlike all others; the number, which would tell as well, is encrypted. */
static bool is_copy(struct dtls_side *s, const struct dtls_record *r)
{
	struct reader tail = reader_of(r->body);

	if (r->body.len != r->len || r->len < sizeof *s->recent)
		return false;
	rd_skip(&tail, r->len - sizeof *s->recent);
	uint32_t last = rd_u32(&tail);
	for (unsigned i = 0; i < DTLS_RECENT; i++)
		if (last && s->recent[i] == last)
			return true;
	s->recent[s->recent_next++ % DTLS_RECENT] = last;
	return false;
}

/* ---- what the user's secrets open ---- */

/* Data: only that it came matters. Whatever is still missing of the handshake will not come. */
static void opened_data(struct dtls *d, struct tls_env *env, unsigned end, int64_t ns)
{
	if (d->exchange.state == EXCHANGE_RUNNING && !d->exchange.sequence && !d->exchange.tls13)
		stop_waiting(d, env);
	d->side[end].speaks = d->exchange.state == EXCHANGE_COMPLETED && !secret_may_ask_late(&d->exchange.h);
	exchange_application(&d->exchange, env, sender_of(d, end), ns);
}

/* Told before it is handed on, since bytes count only while the handshake runs. */
static bool brings_new(const struct dtls_messages *m, struct bytes content)
{
	struct reader r = reader_of(content);
	struct dtls_fragment f;

	return dtls_fragment_read(&r, &f) && !(m->started && f.seq < m->next);
}

static void opened(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r,
	const struct opened_record *content, int64_t ns)
{
	bool is_message = content->type == RECORD_HANDSHAKE, is_alert = content->type == RECORD_ALERT;

	d->exchange.held = true;
	if (!r->unified && (is_alert || brings_new(&d->side[end].messages, content->content)))
		count_record(d, end, r);
	if (is_message)
		handshake_record(d, env, end, content->content, true, ns);
	else if (is_alert)
		alert(d, env, end, r, content->content, true, ns);
}

/* True where that is all that the record says. */
static bool told_open(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r, int64_t ns)
{
	const struct exchange *x = &d->exchange;
	struct opened_record content;
	uint8_t was = x->state;
	enum dtls_opening opening = dtls_open(&d->keys, env, &x->h, sender_of(d, end), r, d->side[end].speaks,
		&content);

	if (opening != DTLS_OPENED) {
		dtls_forget_content(env);
		return opening == DTLS_LEFT_OUT;
	}
	if (content.type == RECORD_APPLICATION_DATA) {
		dtls_forget_content(env);
		opened_data(d, env, end, ns);
	} else {
		opened(d, env, end, r, &content, ns);
		dtls_forget_content(env);
	}
	if (was != EXCHANGE_COMPLETED && x->state == EXCHANGE_COMPLETED)
		d->completed_ns = ns;
	return true;
}

/* ---- any record ---- */

static void unified(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r, int64_t ns)
{
	if ((exchange_is_running(&d->exchange) || is_keyed(env)) && is_copy(&d->side[end], r)) {
		d->carried_old = true;
		return;
	}
	if (exchange_is_running(&d->exchange))
		count_record(d, end, r);
	if (!is_keyed(env) || !told_open(d, env, end, r, ns)) {
		exchange_dtls13_encrypted(&d->exchange, env, sender_of(d, end), r->epoch, r->len, ns);
		d->carried_new = true;
	}
}

static void sealed(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r, int64_t ns)
{
	bool carried_new = d->carried_new;

	if (r->type != RECORD_CHANGE_CIPHER_SPEC && is_keyed(env) && told_open(d, env, end, r, ns))
		return;
	d->carried_new = false;
	if (r->type != RECORD_APPLICATION_DATA && exchange_is_running(&d->exchange) &&
		!repeats_finished(d, end, r))
		count_record(d, end, r);
	encrypted(d, env, end, r, ns);
	d->carried_new |= carried_new;
}

static void record(struct dtls *d, struct tls_env *env, unsigned end, const struct dtls_record *r, int64_t ns)
{
	if (!r->unified && !r->epoch)
		in_the_clear(d, env, end, r, ns);
	else if (d->client != UNKNOWN && r->unified)
		unified(d, env, end, r, ns);
	else if (d->client != UNKNOWN)
		sealed(d, env, end, r, ns);
	tell_finished_where_confirmed(d, env);
}

static bool read_unified(const struct dtls *d, unsigned end, struct reader *in, struct dtls_record *out)
{
	enum { CONNECTION_ID = 0x10, LONG_NUMBER = 0x08, LENGTH = 0x04, EPOCH = 0x03 };
	const struct dtls_side *s = &d->side[end];
	struct reader header = *in;
	size_t before = rd_left(in);
	uint8_t first = rd_u8(in);

	if (first & CONNECTION_ID) {
		if (!s->has_connection_id)
			return false;
		rd_skip(in, s->connection_id_len);
	}
	*out = (struct dtls_record){ .type = RECORD_APPLICATION_DATA, .unified = true, .epoch = first & EPOCH,
		.number_at = (uint8_t)(before - rd_left(in)), .number_len = first & LONG_NUMBER ? 2 : 1 };
	rd_skip(in, out->number_len);
	out->len = first & LENGTH ? rd_u16(in) : (uint32_t)rd_left(in);
	out->header_len = (uint32_t)(before - rd_left(in));
	out->header = rd_take(&header, out->header_len);
	return !in->bad;
}

static bool read_plain(const struct dtls *d, unsigned end, struct reader *in, struct dtls_record *out)
{
	size_t before = rd_left(in);

	*out = (struct dtls_record){ .type = rd_u8(in), .version = rd_u16(in) };
	if (!version_is_dtls(out->version) || out->type < RECORD_CHANGE_CIPHER_SPEC ||
		out->type > RECORD_ACK)
		return false;
	out->number = rd_u64(in);
	out->epoch = (uint16_t)(out->number >> 48);
	if (out->type == RECORD_CONNECTION_ID && !d->side[end].has_connection_id)
		return false;
	out->has_connection_id = out->type == RECORD_CONNECTION_ID;
	if (out->has_connection_id)
		out->connection_id = rd_take(in, d->side[end].connection_id_len);
	out->len = rd_u16(in);
	out->header_len = (uint32_t)(before - rd_left(in));
	return !in->bad;
}

static bool read_record(const struct dtls *d, unsigned end, struct reader *in, struct dtls_record *out)
{
	bool unified = rd_more(in) && (rd_peek(in).at[0] & 0xe0) == 0x20 && d->exchange.tls13;

	if (!(unified ? read_unified(d, end, in, out) : read_plain(d, end, in, out)))
		return false;
	out->body = rd_take(in, out->len < rd_left(in) ? out->len : rd_left(in));
	return true;
}

/* ---- datagrams ---- */

bool dtls_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct dtls *d = state;
	struct exchange *x = &d->exchange;
	struct reader in = reader_behind_preamble(c->data);
	int64_t ns = c->time_ns - env->base_ns;
	struct dtls_record r;

	if (x->state == EXCHANGE_COMPLETED && ns - d->completed_ns > APPLICATION_DATA_WAIT_NS)
		exchange_end(x, env, EXCHANGE_END_IDLE, -1);
	d->carried_new = d->carried_old = false;
	while (rd_more(&in) && read_record(d, end, &in, &r)) {
		uint8_t was = x->state;

		record(d, env, end, &r, ns);
		/* Afterwards, since a hello alone makes it a handshake. */
		if (d->carried_new && (was <= EXCHANGE_RUNNING || was == EXCHANGE_FAILED))
			exchange_count_packet(x, c->number);
	}
	if (d->carried_old && !d->carried_new)
		exchange_again(x);
	if (has_capwap_preamble(c->data) && !x->h.starttls.len && x->state)
		x->h.starttls = handshake_keep_text(&x->h, "capwap");
	d->carried_new = d->carried_old = false;
	return true;
}

/* Datagrams have neither FIN nor holes that anyone would know of. */
void dtls_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	(void)state;
	(void)env;
	(void)end;
	(void)reset;
}

void dtls_lacks_tail(void *state, unsigned end)
{
	(void)state;
	(void)end;
}

void dtls_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	struct dtls *d = state;

	(void)closer;
	stop_waiting(d, env);
	exchange_end(&d->exchange, env, how, d->closer ? d->closer - 1 : -1);
}
