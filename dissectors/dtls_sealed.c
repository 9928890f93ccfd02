#include "dissectors/dtls_sealed.h"

#include "base/xmalloc.h"
#include "dissectors/secrets.h"

#include <stdlib.h>
#include <string.h>

enum {
	RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_CONNECTION_ID = 25,
	EPOCH_HANDSHAKE = 2, EPOCH_APPLICATION = 3, EPOCH_BITS = 3,
	/* Records that do not fit before any did: the secrets are wrong. */
	FAILURES_MAX = 8,
	/* Looks for a secret: whoever writes it down does so before its keys are used. */
	LOOKS_MAX = 16,
	/* An alert or an ACK of one record (RFC 9147 section 7), its type, tag and iv, a MAC and its padding. */
	SMALL_RECORD_MAX = 80,
};

/* One sender's. */
struct direction {
	struct record_keys handshake;	/* DTLS 1.3, epoch 2 */
	struct record_keys now;		/* of `epoch` */
	uint64_t epoch;			/* 0: none yet */
	bool fits;			/* something was opened */
	bool dead;
	uint8_t failures, looks;
};

struct dtls_keys {
	struct direction direction[2];	/* by enum sender */
	uint8_t premaster_id[RSA_ID_LEN];
	bool has_premaster_id;
};

static struct dtls_keys *keys_of(struct dtls_keys **keys)
{
	if (!*keys)
		*keys = xcalloc(1, sizeof **keys);
	return *keys;
}

void dtls_keys_destroy(struct dtls_keys *k)
{
	if (!k)
		return;
	for (int i = 0; i < 2; i++) {
		record_keys_finish(&k->direction[i].handshake);
		record_keys_finish(&k->direction[i].now);
	}
	crypto_wipe(k, sizeof *k);
	free(k);
}

void dtls_keep_premaster_id(struct dtls_keys **keys, const struct handshake *h, struct bytes body)
{
	struct bytes id = secret_premaster_id(h, body);

	if (!id.len)
		return;
	memcpy(keys_of(keys)->premaster_id, id.at, RSA_ID_LEN);
	(*keys)->has_premaster_id = true;
}

void dtls_forget_content(struct tls_env *env)
{
	crypto_wipe(env->record.at, env->record.room);
}

static uint8_t *room_for(struct tls_env *env, const struct dtls_record *r)
{
	buffer_clear(&env->record);
	return buffer_reserve(&env->record, r->body.len);
}

static enum dtls_opening failed(struct direction *d)
{
	if (d->fits)
		return DTLS_LEFT_OUT;
	d->dead = ++d->failures >= FAILURES_MAX;
	return DTLS_SEALED;
}

static enum dtls_opening missing(struct direction *d)
{
	d->dead = ++d->looks >= LOOKS_MAX;
	return DTLS_SEALED;
}

/* ---- up to DTLS 1.2 ---- */

/* Data is never opened; with a connection id the type is hidden (RFC 9146 section 4). */
static bool is_wanted(const struct dtls_record *r, bool speaks)
{
	return r->type == RECORD_HANDSHAKE || r->type == RECORD_ALERT ||
	       (r->type == RECORD_CONNECTION_ID && !(speaks && r->len > SMALL_RECORD_MAX));
}

static enum dtls_opening open_old(struct dtls_keys *k, struct tls_env *env, const struct handshake *h,
				  enum sender sender, const struct dtls_record *r, struct opened_record *out)
{
	struct direction *d = &k->direction[sender];
	struct sealed_record sealed = { .type = r->type, .version = r->version, .body = r->body,
					.has_connection_id = r->has_connection_id,
					.connection_id = r->connection_id };

	if (r->epoch < d->epoch)
		return DTLS_LEFT_OUT;
	if (r->epoch > d->epoch) {
		struct record_keys keys;

		if (!secret_record_keys(env, h, k->has_premaster_id ? k->premaster_id : NULL, sender, true, &keys))
			return missing(d);
		record_keys_finish(&d->now);
		d->now = keys;
		d->epoch = r->epoch;
		d->fits = false;
	}
	d->now.number = r->number;
	if (!record_open(env->crypto, &d->now, &sealed, room_for(env, r), out))
		return failed(d);
	d->fits = true;
	return DTLS_OPENED;
}

/* ---- DTLS 1.3 ---- */

/* Fills keys that are blank. */
static bool have_keys(struct tls_env *env, const struct handshake *h, enum sender sender, enum secret_epoch epoch,
		      struct record_keys *keys)
{
	struct bytes secret;

	return keys->protection || (secret_find(env, h, secret_kind_of(sender, epoch), true, &secret) &&
				    secret_traffic_keys(env, h, secret, keys));
}

static bool opens_with(struct tls_env *env, struct record_keys *keys, const struct dtls_record *r,
		       struct opened_record *out)
{
	struct sealed_dtls13 sealed = { .header = r->header, .body = r->body, .number_at = r->number_at,
					.number_len = r->number_len };

	return record_open_dtls13(env->crypto, keys, &sealed, room_for(env, r), out);
}

/* RFC 9147 section 8: the first record of an epoch is what tells that the keys were changed. */
static bool opens_with_next(struct tls_env *env, struct direction *d, const struct dtls_record *r,
			    struct opened_record *out)
{
	struct record_keys next = d->now;
	bool opened = keys_update(env->crypto, &next) && opens_with(env, &next, r, out);

	if (opened) {
		d->now = next;
		d->epoch++;
	}
	crypto_wipe(&next, sizeof next);
	return opened;
}

static enum dtls_opening open_dtls13(struct dtls_keys *k, struct tls_env *env, const struct handshake *h,
				     enum sender sender, const struct dtls_record *r, struct opened_record *out)
{
	struct direction *d = &k->direction[sender];
	bool opened;

	if (d->epoch && r->epoch == (d->epoch & EPOCH_BITS)) {
		opened = opens_with(env, &d->now, r, out);
	} else if (d->epoch && d->fits && r->epoch == ((d->epoch + 1) & EPOCH_BITS)) {
		opened = opens_with_next(env, d, r, out);
	} else if (r->epoch == EPOCH_HANDSHAKE) {
		if (!have_keys(env, h, sender, SECRET_EPOCH_HANDSHAKE, &d->handshake))
			return missing(d);
		opened = opens_with(env, &d->handshake, r, out);
	} else if (r->epoch == EPOCH_APPLICATION && !d->epoch) {
		if (!have_keys(env, h, sender, SECRET_EPOCH_APPLICATION, &d->now))
			return missing(d);
		d->epoch = EPOCH_APPLICATION;
		opened = opens_with(env, &d->now, r, out);
	} else {
		/* Early data has no messages (RFC 9147 section 6.1). */
		return DTLS_SEALED;
	}
	if (!opened)
		return failed(d);
	d->fits = true;
	return DTLS_OPENED;
}

enum dtls_opening dtls_open(struct dtls_keys **keys, struct tls_env *env, const struct handshake *h, enum sender sender,
			    const struct dtls_record *r, bool speaks, struct opened_record *out)
{
	if (r->body.len != r->len || !r->len || h->version < 0)
		return DTLS_SEALED;
	if (r->unified ? speaks && r->len > SMALL_RECORD_MAX : !is_wanted(r, speaks))
		return DTLS_SEALED;
	struct dtls_keys *k = keys_of(keys);
	if (k->direction[sender].dead)
		return DTLS_SEALED;
	return r->unified ? open_dtls13(k, env, h, sender, r, out) : open_old(k, env, h, sender, r, out);
}
