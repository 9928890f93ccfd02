#include "base/xmalloc.h"
#include "dissectors/decrypt.h"
#include "dissectors/secrets.h"
#include "dissectors/tls_parts.h"
#include "dissectors/uncompress.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* Records in a row that do not fit: the secrets are wrong, or the place in the stream is lost. */
	FAILURES_MAX = 4,
	/* Of early data that was not taken (RFC 8446 section 4.2.10), all sealed with other keys. */
	EARLY_FAILURES_MAX = 256,
	/* After a hole: how many records may have been in it. */
	LOST_RECORDS_MAX = 16,
	/* TLS 1.3: records of one side opened only to see that they are data, where messages may come between. */
	APPLICATION_RECORDS_MAX = 32,
	/* From then on only what has the size of an alert or a KeyUpdate. */
	SMALL_RECORD_MAX = 5 + 1 + 16,
	DEFLATE = 1,
	WAIT_NS = 2000000000,
	KEY_UPDATE = 24, FINISHED = 20, CLIENT_KEY_EXCHANGE = 16,
	END_OF_EARLY_DATA_LEN = 4,
};

/* One sender's. */
struct direction {
	struct record_keys now;
	uint8_t epoch;		  /* TLS 1.3: enum secret_epoch */
	bool armed;		  /* up to TLS 1.2: its ChangeCipherSpec passed, the keys are due */
	bool dead;		  /* nothing of it is opened any more */
	bool deflated;		  /* RFC 3749 */
	bool speaks;		  /* TLS 1.3: sends data: no long messages are expected any more */
	uint16_t failures, application_records;
};

struct waiting {
	uint8_t end;
	uint8_t header[RECORD_HEADER_LEN];
	uint8_t type;		  /* 0: not a record, but the number of a packet */
	uint16_t record_len;
	uint32_t len;		  /* of the body: record_len, or 0 where it is damaged */
	int64_t record_ns, last_ns;
	uint64_t number;
	uint8_t *body;		  /* owned */
};

struct tls_keys {
	struct direction direction[2]; /* by enum sender */
	uint32_t early_records;	  /* of the client, before its first that the handshake's keys open */
	uint8_t premaster_id[RSA_ID_LEN];
	bool has_premaster_id;
	bool gave_up;		  /* waited long enough */
	bool waits;
	uint8_t awaited;	  /* enum secret_kind */
	uint32_t waiting_count, waiting_room, waiting_bytes;
	int64_t waiting_since_ns;
	struct waiting *waiting;  /* owned */
};

static struct direction *direction_of(struct tls *t, unsigned end)
{
	return &t->keys->direction[tls_sender_of(t, end)];
}

static struct tls_keys *keys_of(struct tls *t)
{
	if (!t->keys)
		t->keys = xcalloc(1, sizeof *t->keys);
	return t->keys;
}

/* ---- bodies ---- */

static bool wants_data(const struct tls *t, unsigned end)
{
	const struct exchange *x = &t->exchange;
	const struct direction *d = t->keys ? &t->keys->direction[tls_sender_of(t, end)] : NULL;

	if (x->version_known && x->tls13)
		return x->state <= EXCHANGE_COMPLETED &&
		       (!d || (!d->dead && (!d->speaks || t->side[end].record_len <= SMALL_RECORD_MAX)));
	/* Up to TLS 1.0 a record begins where the one before ended; data itself is never opened. */
	return d && d->now.protection == PROTECTION_CBC && !d->now.explicit_iv;
}

bool tls_wants_body(const struct tls *t, unsigned end, bool unreadable)
{
	if (tls_is_waiting(t))
		return true;
	if (!unreadable || t->client == 2 || !t->exchange.version_known)
		return false;
	if (t->side[end].record_type == RECORD_APPLICATION_DATA)
		return wants_data(t, end);
	return !t->keys || !t->keys->direction[tls_sender_of(t, end)].dead;
}

void tls_collect(struct tls *t, struct tls_env *env, unsigned end, struct bytes part)
{
	struct tls_side *s = &t->side[end];

	if (part.len == s->record_len)
		return;
	if (!s->sealed && env->sealed_bytes + s->record_len > SEALED_BUFFER_BYTES_MAX) {
		env->limits->bitten[LIMIT_SEALED_BUFFER_BYTES]++;
		return;
	}
	if (!s->sealed) {
		s->sealed = xmalloc(s->record_len);
		s->sealed_len = 0;
		s->sealed_room = s->record_len;
		env->sealed_bytes += s->sealed_room;
	}
	if ((size_t)s->sealed_room - s->sealed_len < part.len)
		return;
	memcpy(s->sealed + s->sealed_len, part.at, part.len);
	s->sealed_len = (uint16_t)(s->sealed_len + part.len);
}

struct bytes tls_collected(const struct tls *t, unsigned end, struct bytes last)
{
	const struct tls_side *s = &t->side[end];

	if (last.len == s->record_len)
		return last;
	if (s->sealed && s->sealed_len == s->record_len)
		return (struct bytes){ s->sealed, s->sealed_len };
	return (struct bytes){ NULL, 0 };
}

void tls_forget_body(struct tls *t, struct tls_env *env, unsigned end)
{
	struct tls_side *s = &t->side[end];

	if (!s->sealed)
		return;
	free(s->sealed);
	s->sealed = NULL;
	env->sealed_bytes -= s->sealed_room;
	s->sealed_len = s->sealed_room = 0;
}

/* ---- waiting for secrets ---- */

bool tls_is_waiting(const struct tls *t)
{
	return t->keys && t->keys->waits;
}

static struct waiting *add_waiting(struct tls_keys *k)
{
	if (k->waiting_count == k->waiting_room) {
		k->waiting_room = k->waiting_room ? k->waiting_room * 2 : 8;
		k->waiting = xrealloc(k->waiting, k->waiting_room * sizeof *k->waiting);
	}
	k->waiting_bytes += (uint32_t)sizeof *k->waiting;
	return &k->waiting[k->waiting_count++];
}

void tls_wait_packet(struct tls *t, uint64_t number)
{
	*add_waiting(t->keys) = (struct waiting){ .number = number };
}

static void keep_record(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	const struct tls_side *s = &t->side[end];
	struct waiting w = { .end = (uint8_t)end, .type = s->record_type, .record_len = s->record_len,
			     .len = (uint32_t)body.len, .record_ns = s->record_ns, .last_ns = s->last_ns };

	memcpy(w.header, s->header, sizeof w.header);
	if (body.len) {
		w.body = xmalloc(body.len);
		memcpy(w.body, body.at, body.len);
	}
	t->keys->waiting_bytes += w.len;
	env->sealed_bytes += w.len;
	*add_waiting(t->keys) = w;
}

/* As if it came only now. */
static void replay(struct tls *t, struct tls_env *env, const struct waiting *w)
{
	struct tls_side *s = &t->side[w->end];
	const struct tls_side kept = *s;

	memcpy(s->header, w->header, sizeof s->header);
	s->record_type = w->type;
	s->record_len = w->record_len;
	s->record_ns = w->record_ns;
	s->last_ns = w->last_ns;
	s->sealed = NULL;
	s->sealed_len = s->sealed_room = 0;
	tls_record_whole(t, env, w->end, (struct bytes){ w->body, w->len });
	memcpy(s->header, kept.header, sizeof s->header);
	s->header_len = kept.header_len;
	s->record_type = kept.record_type;
	s->in_record = kept.in_record;
	s->record_len = kept.record_len;
	s->record_left = kept.record_left;
	s->record_ns = kept.record_ns;
	s->last_ns = kept.last_ns;
	s->sealed = kept.sealed;
	s->sealed_len = kept.sealed_len;
	s->sealed_room = kept.sealed_room;
}

/* In the order in which all came; it may have to wait again for another secret. */
static void replay_all(struct tls *t, struct tls_env *env)
{
	struct tls_keys *k = t->keys;
	struct waiting *all = k->waiting;
	uint32_t count = k->waiting_count;

	k->waiting = NULL;
	k->waits = false;
	k->waiting_count = k->waiting_room = k->waiting_bytes = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct waiting *w = &all[i];

		env->sealed_bytes -= w->len;
		if (w->type)
			replay(t, env, w);
		else if (k->waits)
			tls_wait_packet(t, w->number);
		else
			exchange_packet(&t->exchange, w->number);
		free(w->body);
	}
	free(all);
}

void tls_stop_waiting(struct tls *t, struct tls_env *env)
{
	while (tls_is_waiting(t)) {
		struct bytes secret;

		/* One more look at the key log for each secret that is missing. */
		t->keys->gave_up = !secret_find(env, &t->exchange.h, t->keys->awaited, true, &secret);
		replay_all(t, env);
	}
}

/* Too much, or too long: most likely nobody writes down this connection's secrets. */
static bool waited_enough(const struct tls *t, struct tls_env *env, int64_t now_ns)
{
	const struct tls_keys *k = t->keys;

	if (k->waiting_bytes > SEALED_BYTES_MAX)
		env->limits->bitten[LIMIT_SEALED_BYTES]++;
	if (env->sealed_bytes > SEALED_BUFFER_BYTES_MAX)
		env->limits->bitten[LIMIT_SEALED_BUFFER_BYTES]++;
	return k->waiting_bytes > SEALED_BYTES_MAX || env->sealed_bytes > SEALED_BUFFER_BYTES_MAX ||
	       now_ns - k->waiting_since_ns > WAIT_NS;
}

void tls_wait_record(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct bytes secret;
	int64_t now_ns = t->side[end].last_ns;

	keep_record(t, env, end, body);
	if (secret_find(env, &t->exchange.h, t->keys->awaited, false, &secret)) {
		replay_all(t, env);
	} else if (waited_enough(t, env, now_ns)) {
		t->keys->gave_up = true;
		replay_all(t, env);
	}
}

/* A secret is missing: true where the record waits for it. */
static bool wait_for(struct tls *t, struct tls_env *env, unsigned end, enum secret_kind kind,
		     struct bytes body)
{
	struct tls_keys *k = t->keys;

	if (!env->more_secrets || k->gave_up || k->waits)
		return false;
	k->waits = true;
	k->awaited = (uint8_t)kind;
	k->waiting_since_ns = t->side[end].last_ns;
	keep_record(t, env, end, body);
	return true;
}

/* ---- opened content ---- */

static void deliver(struct tls *t, struct tls_env *env, unsigned end,
		    const struct opened_record *content)
{
	struct tls_side *s = &t->side[end];

	t->exchange.held = true;
	s->opened = true;
	if (content->type == RECORD_HANDSHAKE && !s->messages_lost)
		tls_messages(t, env, end, content->content);
	else if (content->type == RECORD_ALERT)
		tls_alert_bytes(t, env, end, content->content);
	s->opened = false;
}

static struct sealed_record sealed_record(const struct tls_side *s, struct bytes body)
{
	struct reader header = reader_of((struct bytes){ s->header, sizeof s->header });
	struct sealed_record r = { .type = rd_u8(&header), .version = rd_u16(&header), .body = body };

	return r;
}

/* Opens into the environment's room, which forget_content() wipes. */
static bool open_record(struct tls *t, struct tls_env *env, unsigned end, struct record_keys *keys,
			struct bytes body, struct opened_record *out)
{
	struct sealed_record r = sealed_record(&t->side[end], body);

	buffer_clear(&env->record);
	if (!body.len)
		return false;
	return record_open(env->crypto, keys, &r, buffer_reserve(&env->record, body.len), out);
}

static void forget_content(struct tls_env *env, size_t len)
{
	if (len)
		crypto_wipe(env->record.at, len);
}

static void failed(struct direction *d, uint16_t most)
{
	if (++d->failures >= most)
		d->dead = true;
}

/* ---- TLS 1.3 ---- */

/* Early data is never opened; only the message that ends it, which has a size of its own. */
static void early_record(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct bytes secret = keylog_find(env->keylog, t->exchange.h.client_random,
					  SECRET_CLIENT_EARLY);
	struct record_keys keys;
	struct opened_record content;
	uint32_t number = t->keys->early_records++;

	if (!secret.len || !secret_traffic_keys(env, &t->exchange.h, secret, &keys))
		return;
	keys.number = number;
	if (body.len == END_OF_EARLY_DATA_LEN + 1 + aead_tag_len(keys.aead) &&
	    open_record(t, env, end, &keys, body, &content) && content.type == RECORD_HANDSHAKE)
		deliver(t, env, end, &content);
	forget_content(env, body.len);
	record_keys_finish(&keys);
}

static bool may_be_early(const struct tls *t, unsigned end, const struct direction *d)
{
	const struct exchange *x = &t->exchange;

	return tls_sender_of(t, end) == SENDER_CLIENT && d->epoch == SECRET_EPOCH_HANDSHAKE &&
	       !d->now.number && x->h.early_data > EARLY_DATA_NONE;
}

/* Of what was lost before it nobody knows how many records it was. */
static bool open_after_hole(struct tls *t, struct tls_env *env, unsigned end, struct bytes body,
			    struct opened_record *out)
{
	struct direction *d = direction_of(t, end);
	uint64_t number = d->now.number;

	for (int i = 0; i < LOST_RECORDS_MAX && t->exchange.gap; i++) {
		d->now.number++;
		if (open_record(t, env, end, &d->now, body, out))
			return true;
	}
	d->now.number = number;
	return false;
}

/* Tickets come once the client has finished (RFC 8446 section 4.6.1), and before data; the server's data may come before both. */
static void data_passed(struct tls *t, struct tls_env *env, unsigned end)
{
	struct direction *d = direction_of(t, end);

	if (t->exchange.state == EXCHANGE_COMPLETED)
		d->speaks = ++d->application_records >= APPLICATION_RECORDS_MAX ||
			    !secret_may_ask_late(&t->exchange.h);
	exchange_application(&t->exchange, env, tls_sender_of(t, end), t->side[end].record_ns);
}

static bool open_tls13(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct direction *d = direction_of(t, end);
	enum secret_kind kind = secret_kind_of(tls_sender_of(t, end), d->epoch);
	struct opened_record content;
	struct bytes secret;

	if (!d->now.protection && !secret_find(env, &t->exchange.h, kind, false, &secret)) {
		if (wait_for(t, env, end, kind, body))
			return true;
		d->dead = true;
		return false;
	}
	if (!d->now.protection && !secret_traffic_keys(env, &t->exchange.h, secret, &d->now)) {
		d->dead = true;
		return false;
	}
	if (d->speaks && t->side[end].record_len > SMALL_RECORD_MAX) {
		record_skip(&d->now, body, t->side[end].record_len);
		exchange_application(&t->exchange, env, tls_sender_of(t, end), t->side[end].record_ns);
		return true;
	}
	bool opened = open_record(t, env, end, &d->now, body, &content);
	if (!opened && may_be_early(t, end, d)) {
		early_record(t, env, end, body);
		failed(d, EARLY_FAILURES_MAX);
		return true;
	}
	if (!opened && !open_after_hole(t, env, end, body, &content)) {
		record_skip(&d->now, body, t->side[end].record_len);
		failed(d, FAILURES_MAX);
		return false;
	}
	d->failures = 0;
	if (content.type == RECORD_APPLICATION_DATA) {
		forget_content(env, body.len);
		data_passed(t, env, end);
	} else {
		deliver(t, env, end, &content);
		forget_content(env, body.len);
	}
	return true;
}

/* ---- SSL 3.0 to TLS 1.2 ---- */

/* The keys that the sender's ChangeCipherSpec made valid. False where the secret is missing. */
static bool arm(struct tls *t, struct tls_env *env, unsigned end)
{
	struct direction *d = direction_of(t, end);
	const struct handshake *h = &t->exchange.h;
	const uint8_t *id = t->keys->has_premaster_id ? t->keys->premaster_id : NULL;

	d->deflated = h->compression == DEFLATE;
	return secret_record_keys(env, h, id, tls_sender_of(t, end), false, &d->now);
}

static bool deliver_old(struct tls *t, struct tls_env *env, unsigned end, struct opened_record content)
{
	const struct direction *d = direction_of(t, end);
	struct buffer plain = { 0 };
	bool ok = true;

	if (d->deflated) {
		ok = record_uncompress(content.content, d->now.number == 1, &plain);
		content.content = buffer_bytes(&plain);
	}
	if (ok)
		deliver(t, env, end, &content);
	crypto_wipe(plain.at, plain.room);
	buffer_finish(&plain);
	return ok;
}

static bool open_old(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct direction *d = direction_of(t, end);
	uint8_t type = t->side[end].record_type;
	struct opened_record content;

	if (d->armed) {
		if (!arm(t, env, end) && wait_for(t, env, end, SECRET_MASTER, body))
			return true;
		d->armed = false;
	}
	if (!d->now.protection)
		return false;
	if ((type != RECORD_HANDSHAKE && type != RECORD_ALERT) ||
	    !open_record(t, env, end, &d->now, body, &content)) {
		if (type == RECORD_HANDSHAKE || type == RECORD_ALERT)
			failed(d, FAILURES_MAX);
		record_skip(&d->now, body, t->side[end].record_len);
		return false;
	}
	d->failures = 0;
	bool told = deliver_old(t, env, end, content);
	forget_content(env, body.len);
	return told;
}

bool tls_open(struct tls *t, struct tls_env *env, unsigned end, struct bytes body)
{
	struct exchange *x = &t->exchange;
	uint8_t type = t->side[end].record_type;

	if (!x->version_known) {
		if (type == RECORD_APPLICATION_DATA && tls_sender_of(t, end) == SENDER_CLIENT)
			keys_of(t)->early_records++;
		return false;
	}
	struct tls_keys *k = keys_of(t);
	if (direction_of(t, end)->dead || k->waits)
		return false;
	if (x->tls13)
		return type == RECORD_APPLICATION_DATA && x->state <= EXCHANGE_COMPLETED &&
		       open_tls13(t, env, end, body);
	return open_old(t, env, end, body);
}

/* ---- what changes keys ---- */

static void keep_premaster_id(struct tls *t, const struct exchange_message *m)
{
	struct bytes id = secret_premaster_id(&t->exchange.h, m->body);

	if (!id.len)
		return;
	memcpy(keys_of(t)->premaster_id, id.at, RSA_ID_LEN);
	t->keys->has_premaster_id = true;
}

void tls_message_passed(struct tls *t, struct tls_env *env, unsigned end,
			const struct exchange_message *m)
{
	if (m->type == CLIENT_KEY_EXCHANGE && !t->exchange.tls13)
		keep_premaster_id(t, m);
	if (!m->decrypted || !t->exchange.tls13 || !t->keys)
		return;
	struct direction *d = direction_of(t, end);
	if (m->type == FINISHED && d->epoch == SECRET_EPOCH_HANDSHAKE) {
		record_keys_finish(&d->now);
		d->epoch = SECRET_EPOCH_APPLICATION;
	} else if (m->type == KEY_UPDATE && d->now.protection == PROTECTION_TLS13) {
		d->dead = !keys_update(env->crypto, &d->now);
	}
}

void tls_cipher_changed(struct tls *t, unsigned end)
{
	if (t->exchange.tls13)
		return;
	struct direction *d = &keys_of(t)->direction[tls_sender_of(t, end)];
	record_keys_finish(&d->now);
	*d = (struct direction){ .armed = true };
}

void tls_keys_finish(struct tls *t, struct tls_env *env)
{
	struct tls_keys *k = t->keys;

	tls_forget_body(t, env, 0);
	tls_forget_body(t, env, 1);
	if (!k)
		return;
	for (uint32_t i = 0; i < k->waiting_count; i++) {
		env->sealed_bytes -= k->waiting[i].len;
		free(k->waiting[i].body);
	}
	free(k->waiting);
	record_keys_finish(&k->direction[0].now);
	record_keys_finish(&k->direction[1].now);
	crypto_wipe(k, sizeof *k);
	free(k);
	t->keys = NULL;
}
