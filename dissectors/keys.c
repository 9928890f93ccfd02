#include "dissectors/keys.h"

#include "base/xmalloc.h"
#include "dissectors/keylog.h"
#include "registry/registry.h"

#include <stdlib.h>
#include <string.h>

enum {
	VERSION_SSL30 = 0x0300, VERSION_TLS10 = 0x0301, VERSION_TLS12 = 0x0303, VERSION_DTLS12 = 0xfefd, VERSION_DTLS13 = 0xfefc,
	VERSION_DRAFTS = 0x7f, DRAFT_NEW_LABEL = 20, DRAFT_HEADER = 25,
	KEY_BLOCK_MAX = 2 * (HASH_LEN_MAX + KEY_LEN_MAX + BLOCK_LEN_MAX), SALT_LEN = 4,
};

/* The bulk ciphers by the registry's names. */
static const struct bulk {
	const char *name;
	uint8_t protection, aead, block, key_len, iv_len;
	uint8_t export_len; /* of the key in the block, where that is weakened */
} bulks[] = {
	{ "3DES_EDE_CBC", PROTECTION_CBC, 0, BLOCK_3DES, 24, 8, 0 },
	{ "AES_128_CBC", PROTECTION_CBC, 0, BLOCK_AES_128, 16, 16, 0 },
	{ "AES_128_CCM", PROTECTION_AEAD_EXPLICIT, AEAD_AES_128_CCM, 0, 16, SALT_LEN, 0 },
	{ "AES_128_CCM_8", PROTECTION_AEAD_EXPLICIT, AEAD_AES_128_CCM_8, 0, 16, SALT_LEN, 0 },
	{ "AES_128_GCM", PROTECTION_AEAD_EXPLICIT, AEAD_AES_128_GCM, 0, 16, SALT_LEN, 0 },
	{ "AES_256_CBC", PROTECTION_CBC, 0, BLOCK_AES_256, 32, 16, 0 },
	{ "AES_256_CCM", PROTECTION_AEAD_EXPLICIT, AEAD_AES_256_CCM, 0, 32, SALT_LEN, 0 },
	{ "AES_256_CCM_8", PROTECTION_AEAD_EXPLICIT, AEAD_AES_256_CCM_8, 0, 32, SALT_LEN, 0 },
	{ "AES_256_GCM", PROTECTION_AEAD_EXPLICIT, AEAD_AES_256_GCM, 0, 32, SALT_LEN, 0 },
	{ "ARIA_128_CBC", PROTECTION_CBC, 0, BLOCK_ARIA_128, 16, 16, 0 },
	{ "ARIA_128_GCM", PROTECTION_AEAD_EXPLICIT, AEAD_ARIA_128_GCM, 0, 16, SALT_LEN, 0 },
	{ "ARIA_256_CBC", PROTECTION_CBC, 0, BLOCK_ARIA_256, 32, 16, 0 },
	{ "ARIA_256_GCM", PROTECTION_AEAD_EXPLICIT, AEAD_ARIA_256_GCM, 0, 32, SALT_LEN, 0 },
	{ "CAMELLIA_128_CBC", PROTECTION_CBC, 0, BLOCK_CAMELLIA_128, 16, 16, 0 },
	{ "CAMELLIA_256_CBC", PROTECTION_CBC, 0, BLOCK_CAMELLIA_256, 32, 16, 0 },
	{ "CHACHA20_POLY1305", PROTECTION_AEAD_XOR, AEAD_CHACHA20_POLY1305, 0, 32, NONCE_LEN, 0 },
	{ "DES40_CBC", PROTECTION_CBC, 0, BLOCK_DES, 8, 8, 5 },
	{ "DES_CBC", PROTECTION_CBC, 0, BLOCK_DES, 8, 8, 0 },
	{ "IDEA_CBC", PROTECTION_CBC, 0, BLOCK_IDEA, 16, 8, 0 },
	{ "NULL", PROTECTION_STREAM, 0, 0, 0, 0, 0 },
	{ "RC2_CBC_40", PROTECTION_CBC, 0, BLOCK_RC2, 16, 8, 5 },
	{ "RC4_128", PROTECTION_STREAM, 0, 0, 16, 0, 0 },
	{ "RC4_40", PROTECTION_STREAM, 0, 0, 16, 0, 5 },
	{ "SEED_CBC", PROTECTION_CBC, 0, BLOCK_SEED, 16, 16, 0 },
};

static const struct {
	const char *name;
	enum digest digest;
} macs[] = {
	{ "MD5", DIGEST_MD5 },
	{ "SHA", DIGEST_SHA1 },
	{ "SHA256", DIGEST_SHA256 },
	{ "SHA384", DIGEST_SHA384 },
};

void record_keys_finish(struct record_keys *k)
{
	if (k->rc4)
		crypto_wipe(k->rc4, sizeof *k->rc4);
	free(k->rc4);
	crypto_wipe(k, sizeof *k);
}

/* ---- SSL 3.0 to TLS 1.2 ---- */

/* RFC 5246 section 5. */
static bool p_hash(struct crypto *c, enum digest d, struct bytes secret, const struct bytes seed[3],
		   uint8_t *out, size_t len)
{
	uint8_t a[HASH_LEN_MAX], block[HASH_LEN_MAX];
	size_t hash = digest_len(d);

	if (!hmac_bytes(c, d, secret, seed, 3, a))
		return false;
	for (size_t done = 0; done < len; done += hash) {
		struct bytes parts[] = { { a, hash }, seed[0], seed[1], seed[2] };
		size_t n = len - done < hash ? len - done : hash;

		if (!hmac_bytes(c, d, secret, parts, 4, block))
			return false;
		memcpy(out + done, block, n);
		if (!hmac_bytes(c, d, secret, parts, 1, a))
			return false;
	}
	crypto_wipe(a, sizeof a);
	crypto_wipe(block, sizeof block);
	return true;
}

/* RFC 2246 section 5: both halves of the secret, which share a byte where its length is odd. */
static bool prf_old(struct crypto *c, struct bytes secret, const struct bytes seed[3], uint8_t *out,
		    size_t len)
{
	uint8_t other[KEY_BLOCK_MAX];
	size_t half = (secret.len + 1) / 2;
	struct reader first = reader_of(secret), second = reader_of(secret);

	rd_skip(&second, secret.len - half);
	if (len > sizeof other || !p_hash(c, DIGEST_MD5, rd_take(&first, half), seed, out, len) ||
	    !p_hash(c, DIGEST_SHA1, rd_rest(&second), seed, other, len))
		return false;
	for (size_t i = 0; i < len; i++)
		out[i] ^= other[i];
	crypto_wipe(other, sizeof other);
	return true;
}

/* RFC 6101 section 6.1 and 6.2.2. */
static bool prf_ssl3(struct crypto *c, struct bytes secret, const struct bytes seed[3],
		     uint8_t *out, size_t len)
{
	uint8_t letters[16], inner[HASH_LEN_MAX], block[HASH_LEN_MAX];

	for (size_t i = 0, done = 0; done < len; i++, done += 16) {
		struct bytes first[] = { { letters, i + 1 }, secret, seed[1], seed[2] };
		struct bytes second[] = { secret, { inner, 20 } };
		size_t n = len - done < 16 ? len - done : 16;

		if (i >= sizeof letters)
			return false;
		memset(letters, 'A' + (int)i, i + 1);
		if (!digest_bytes(c, DIGEST_SHA1, first, 4, inner) ||
		    !digest_bytes(c, DIGEST_MD5, second, 2, block))
			return false;
		memcpy(out + done, block, n);
	}
	return true;
}

/* The two randoms in the order of the label. */
static bool prf(struct crypto *c, const struct session *s, const struct suite *suite,
		struct bytes secret, const char *label, const uint8_t *first, const uint8_t *second,
		uint8_t *out, size_t len)
{
	const struct bytes seed[3] = { { (const uint8_t *)label, strlen(label) },
				       { first, RANDOM_LEN },
				       { second, RANDOM_LEN } };

	if (s->version == VERSION_SSL30)
		return prf_ssl3(c, secret, seed, out, len);
	if (s->version != VERSION_TLS12 && s->version != VERSION_DTLS12)
		return prf_old(c, secret, seed, out, len);
	return p_hash(c, suite->flags & SUITE_SHA384 ? DIGEST_SHA384 : DIGEST_SHA256, secret, seed,
		      out, len);
}

static const struct bulk *find_bulk(const struct suite *suite)
{
	for (size_t i = 0; i < sizeof bulks / sizeof *bulks; i++)
		if (!strcmp(bulks[i].name, suite->encryption))
			return &bulks[i];
	return NULL;
}

static bool find_mac(const struct suite *suite, uint8_t *digest)
{
	for (size_t i = 0; i < sizeof macs / sizeof *macs; i++) {
		if (strcmp(macs[i].name, suite->mac))
			continue;
		*digest = (uint8_t)macs[i].digest;
		return true;
	}
	return false;
}

static void cut(struct reader *block, uint8_t *to, size_t len)
{
	struct bytes b = rd_take(block, len);

	if (b.len)
		memcpy(to, b.at, b.len);
}

/* RFC 5246 section 6.3: MAC keys, then keys, then ivs, the client's before the server's. */
static void cut_block(struct bytes all, size_t mac_len, const struct bulk *bulk,
		      struct record_keys out[2])
{
	struct reader block = reader_of(all);
	size_t key_len = bulk->export_len ? bulk->export_len : bulk->key_len;

	for (int i = 0; i < 2; i++)
		cut(&block, out[i].mac, mac_len);
	for (int i = 0; i < 2; i++)
		cut(&block, out[i].key, key_len);
	for (int i = 0; i < 2; i++)
		cut(&block, out[i].iv, bulk->iv_len);
}

/* RFC 2246 section 6.3.1: keys and ivs of export suites follow from what anybody may know, but for a few bytes. */
static bool weaken(struct crypto *c, const struct session *s, const struct suite *suite,
		   const struct bulk *bulk, struct record_keys out[2])
{
	static const char *const labels[2] = { "client write key", "server write key" };
	const struct bytes nothing = { (const uint8_t *)"", 0 };
	uint8_t ivs[2 * BLOCK_LEN_MAX];
	struct reader r = reader_of((struct bytes){ ivs, 2u * bulk->iv_len });

	if (!prf(c, s, suite, nothing, "IV block", s->client_random, s->server_random, ivs,
		 2u * bulk->iv_len))
		return false;
	for (int i = 0; i < 2; i++) {
		uint8_t weak[KEY_LEN_MAX];

		memcpy(weak, out[i].key, sizeof weak);
		if (!prf(c, s, suite, (struct bytes){ weak, bulk->export_len }, labels[i],
			 s->client_random, s->server_random, out[i].key, bulk->key_len))
			return false;
		cut(&r, out[i].iv, bulk->iv_len);
	}
	return true;
}

static void start_streams(const struct bulk *bulk, struct record_keys out[2])
{
	for (int i = 0; i < 2 && bulk->protection == PROTECTION_STREAM && bulk->key_len; i++) {
		out[i].rc4 = xmalloc(sizeof *out[i].rc4);
		rc4_init(out[i].rc4, (struct bytes){ out[i].key, bulk->key_len });
	}
}

bool keys_from_master(struct crypto *c, const struct session *s, struct bytes master,
		      struct record_keys out[2])
{
	const struct suite *suite = registry_suite(s->suite);
	const struct bulk *bulk = suite ? find_bulk(suite) : NULL;
	struct record_keys made = { .encrypt_then_mac = s->encrypt_then_mac,
				    .ssl3 = s->version == VERSION_SSL30,
				    .explicit_iv = s->version > VERSION_TLS10 };
	uint8_t block[KEY_BLOCK_MAX];

	memset(out, 0, 2 * sizeof *out);
	if (!bulk || suite->flags & SUITE_TLS13 || (bulk->export_len && made.ssl3))
		return false;
	made.protection = bulk->protection;
	made.aead = bulk->aead;
	made.block = bulk->block;
	size_t mac_len = 0;
	if (!bulk->aead) {
		if (!find_mac(suite, &made.digest))
			return false;
		mac_len = digest_len(made.digest);
	}
	size_t len = 2 * (mac_len + bulk->key_len + bulk->iv_len);
	if (!prf(c, s, suite, master, "key expansion", s->server_random, s->client_random, block,
		 len))
		return false;
	out[0] = out[1] = made;
	cut_block((struct bytes){ block, len }, mac_len, bulk, out);
	crypto_wipe(block, sizeof block);
	if (bulk->export_len && !weaken(c, s, suite, bulk, out)) {
		memset(out, 0, 2 * sizeof *out);
		return false;
	}
	start_streams(bulk, out);
	return true;
}

bool keys_master(struct crypto *c, const struct session *s, struct bytes premaster,
		 uint8_t master[48])
{
	const struct suite *suite = registry_suite(s->suite);

	return suite && prf(c, s, suite, premaster, "master secret", s->client_random,
			    s->server_random, master, MASTER_LEN);
}

/* ---- TLS 1.3 ---- */

static const char *prefix_of(const struct record_keys *k)
{
	return k->dtls13 ? LABEL_DTLS13 : k->old_label ? "TLS 1.3, " : LABEL_TLS13;
}

static bool derive(struct crypto *c, struct record_keys *k)
{
	const char *prefix = prefix_of(k);
	struct bytes none = { NULL, 0 }, secret = { k->secret, digest_len(k->digest) };

	k->number = 0;
	if (k->dtls13 && !hkdf_expand_label(c, k->digest, secret, prefix, "sn", none, k->number_key,
					    aead_key_len(k->aead)))
		return false;
	return hkdf_expand_label(c, k->digest, secret, prefix, "key", none, k->key,
				 aead_key_len(k->aead)) &&
	       hkdf_expand_label(c, k->digest, secret, prefix, "iv", none, k->iv, NONCE_LEN);
}

bool keys_from_traffic_secret(struct crypto *c, uint16_t version, uint16_t suite,
			      struct bytes secret, struct record_keys *out)
{
	struct record_keys made = { .protection = PROTECTION_TLS13, .dtls13 = version == VERSION_DTLS13 };
	enum digest digest;
	enum aead aead;

	*out = (struct record_keys){ 0 };
	if (!aead_of_tls13_suite(suite, &aead, &digest) || secret.len != digest_len(digest))
		return false;
	made.aead = (uint8_t)aead;
	made.digest = (uint8_t)digest;
	if (version >> 8 == VERSION_DRAFTS) {
		made.no_header = (version & 0xff) < DRAFT_HEADER;
		made.old_label = (version & 0xff) < DRAFT_NEW_LABEL;
	}
	memcpy(made.secret, secret.at, secret.len);
	if (!derive(c, &made))
		return false;
	*out = made;
	return true;
}

bool keys_update(struct crypto *c, struct record_keys *k)
{
	const char *prefix = prefix_of(k);
	const char *label = k->old_label ? "application traffic secret" : "traffic upd";
	size_t len = digest_len(k->digest);
	uint8_t next[HASH_LEN_MAX];

	if (!hkdf_expand_label(c, k->digest, (struct bytes){ k->secret, len }, prefix, label,
			       (struct bytes){ NULL, 0 }, next, len))
		return false;
	memcpy(k->secret, next, len);
	crypto_wipe(next, sizeof next);
	return derive(c, k);
}
