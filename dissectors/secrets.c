#include "dissectors/secrets.h"

#include <string.h>

enum { VERSION_SSL30 = 0x0300, DEFLATE = 1, POST_HANDSHAKE_AUTH = 49 };

enum secret_kind secret_kind_of(enum sender sender, enum secret_epoch epoch)
{
	static const enum secret_kind kinds[2][2] = {
		[SECRET_EPOCH_HANDSHAKE] = { [SENDER_CLIENT] = SECRET_CLIENT_HANDSHAKE,
					     [SENDER_SERVER] = SECRET_SERVER_HANDSHAKE },
		[SECRET_EPOCH_APPLICATION] = { [SENDER_CLIENT] = SECRET_CLIENT_APPLICATION,
					       [SENDER_SERVER] = SECRET_SERVER_APPLICATION },
	};

	return kinds[epoch][sender];
}

/* A server that took the inner ClientHello knows no other, and its secrets are filed under the random of that. */
static bool find(const struct tls_env *env, const struct handshake *h, enum secret_kind kind, struct bytes *out)
{
	*out = keylog_find(env->keylog, h->client_random, kind);
	if (!out->len && h->has_inner_random)
		*out = keylog_find(env->keylog, h->inner_random, kind);
	return out->len != 0;
}

bool secret_find(const struct tls_env *env, const struct handshake *h, enum secret_kind kind, bool urgent,
		 struct bytes *out)
{
	return find(env, h, kind, out) || (env->more_secrets && env->more_secrets(env->secrets_context, urgent) &&
					   find(env, h, kind, out));
}

/* SSL 3.0 has no length before it. */
struct bytes secret_premaster_id(const struct handshake *h, struct bytes client_key_exchange)
{
	struct reader r = reader_of(client_key_exchange);

	if (h->version != VERSION_SSL30)
		rd_skip(&r, 2);
	return rd_take(&r, RSA_ID_LEN);
}

static bool find_master(struct tls_env *env, const struct handshake *h, const uint8_t *premaster_id,
			bool urgent, const struct session *s, uint8_t master[MASTER_LEN])
{
	struct bytes secret;

	if (secret_find(env, h, SECRET_MASTER, urgent, &secret)) {
		memcpy(master, secret.at, MASTER_LEN);
		return true;
	}
	/* An extended master secret would need all messages so far (RFC 7627). */
	if (!premaster_id || h->extended_master_secret == 1)
		return false;
	secret = keylog_find_premaster(env->keylog, premaster_id);
	return secret.len && keys_master(env->crypto, s, secret, master);
}

bool secret_record_keys(struct tls_env *env, const struct handshake *h, const uint8_t *premaster_id,
			enum sender sender, bool urgent, struct record_keys *out)
{
	struct session s = { .version = (uint16_t)h->version, .suite = (uint16_t)h->cipher,
			     .encrypt_then_mac = h->encrypt_then_mac == 1,
			     .client_random = h->client_random, .server_random = h->server_random };
	uint8_t master[MASTER_LEN];
	struct record_keys both[2];

	*out = (struct record_keys){ 0 };
	if (h->version < 0 || h->cipher < 0 || h->compression > DEFLATE || !h->has_client_random ||
	    !find_master(env, h, premaster_id, urgent, &s, master))
		return false;
	if (keys_from_master(env->crypto, &s, (struct bytes){ master, sizeof master }, both)) {
		*out = both[sender];
		record_keys_finish(&both[!sender]);
		crypto_wipe(both, sizeof both);
	}
	crypto_wipe(master, sizeof master);
	return out->protection != PROTECTION_NONE;
}

bool secret_traffic_keys(struct tls_env *env, const struct handshake *h, struct bytes secret, struct record_keys *out)
{
	return h->cipher >= 0 &&
	       keys_from_traffic_secret(env->crypto, (uint16_t)h->version, (uint16_t)h->cipher, secret, out);
}

bool secret_may_ask_late(const struct handshake *h)
{
	const struct offer_list *extensions;

	if (!h->client_hello)
		return false;
	extensions = &h->client_hello->offers[OFFER_EXTENSION];
	for (uint32_t i = 0; i < extensions->count; i++)
		if (extensions->codes[i] == POST_HANDSHAKE_AUTH)
			return true;
	return false;
}
