#include "dissectors/crypto.h"

#include "base/xmalloc.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- tables ---- */

static const struct {
	const char *name;
	size_t len;
} digests[DIGEST_COUNT] = {
	[DIGEST_MD5] = { "MD5", 16 },
	[DIGEST_SHA1] = { "SHA1", 20 },
	[DIGEST_SHA256] = { "SHA256", 32 },
	[DIGEST_SHA384] = { "SHA384", 48 },
};

/* The ciphers by which libcrypto knows them, for all uses. */
enum cipher {
	CIPHER_NONE,
	CIPHER_AES_128_GCM,
	CIPHER_AES_256_GCM,
	CIPHER_AES_128_CCM,
	CIPHER_AES_256_CCM,
	CIPHER_CHACHA20_POLY1305,
	CIPHER_ARIA_128_GCM,
	CIPHER_ARIA_256_GCM,
	CIPHER_AES_128_ECB,
	CIPHER_AES_256_ECB,
	CIPHER_CHACHA20,
	CIPHER_AES_128_CBC,
	CIPHER_AES_256_CBC,
	CIPHER_CAMELLIA_128_CBC,
	CIPHER_CAMELLIA_256_CBC,
	CIPHER_ARIA_128_CBC,
	CIPHER_ARIA_256_CBC,
	CIPHER_3DES_CBC,
	/* In the provider of what is old, which need not be installed. */
	CIPHER_LEGACY,
	CIPHER_DES_CBC = CIPHER_LEGACY,
	CIPHER_IDEA_CBC,
	CIPHER_RC2_CBC,
	CIPHER_SEED_CBC,
	CIPHER_COUNT,
};

static const char *const cipher_names[CIPHER_COUNT] = {
	[CIPHER_AES_128_GCM] = "AES-128-GCM",
	[CIPHER_AES_256_GCM] = "AES-256-GCM",
	[CIPHER_AES_128_CCM] = "AES-128-CCM",
	[CIPHER_AES_256_CCM] = "AES-256-CCM",
	[CIPHER_CHACHA20_POLY1305] = "ChaCha20-Poly1305",
	[CIPHER_ARIA_128_GCM] = "ARIA-128-GCM",
	[CIPHER_ARIA_256_GCM] = "ARIA-256-GCM",
	[CIPHER_AES_128_ECB] = "AES-128-ECB",
	[CIPHER_AES_256_ECB] = "AES-256-ECB",
	[CIPHER_CHACHA20] = "ChaCha20",
	[CIPHER_AES_128_CBC] = "AES-128-CBC",
	[CIPHER_AES_256_CBC] = "AES-256-CBC",
	[CIPHER_CAMELLIA_128_CBC] = "CAMELLIA-128-CBC",
	[CIPHER_CAMELLIA_256_CBC] = "CAMELLIA-256-CBC",
	[CIPHER_ARIA_128_CBC] = "ARIA-128-CBC",
	[CIPHER_ARIA_256_CBC] = "ARIA-256-CBC",
	[CIPHER_3DES_CBC] = "DES-EDE3-CBC",
	[CIPHER_DES_CBC] = "DES-CBC",
	[CIPHER_IDEA_CBC] = "IDEA-CBC",
	[CIPHER_RC2_CBC] = "RC2-CBC",
	[CIPHER_SEED_CBC] = "SEED-CBC",
};

static const struct {
	uint8_t cipher, header_cipher, key_len, tag_len;
	bool ccm;
} aeads[AEAD_COUNT] = {
	[AEAD_AES_128_GCM] = { CIPHER_AES_128_GCM, CIPHER_AES_128_ECB, 16, 16, false },
	[AEAD_AES_256_GCM] = { CIPHER_AES_256_GCM, CIPHER_AES_256_ECB, 32, 16, false },
	[AEAD_AES_128_CCM] = { CIPHER_AES_128_CCM, CIPHER_AES_128_ECB, 16, 16, true },
	[AEAD_AES_256_CCM] = { CIPHER_AES_256_CCM, CIPHER_AES_256_ECB, 32, 16, true },
	[AEAD_AES_128_CCM_8] = { CIPHER_AES_128_CCM, CIPHER_AES_128_ECB, 16, 8, true },
	[AEAD_AES_256_CCM_8] = { CIPHER_AES_256_CCM, CIPHER_AES_256_ECB, 32, 8, true },
	[AEAD_CHACHA20_POLY1305] = { CIPHER_CHACHA20_POLY1305, CIPHER_CHACHA20, 32, 16, false },
	[AEAD_ARIA_128_GCM] = { CIPHER_ARIA_128_GCM, CIPHER_NONE, 16, 16, false },
	[AEAD_ARIA_256_GCM] = { CIPHER_ARIA_256_GCM, CIPHER_NONE, 32, 16, false },
};

static const struct {
	uint8_t cipher, key_len, block_len;
} blocks[BLOCK_COUNT] = {
	[BLOCK_AES_128] = { CIPHER_AES_128_CBC, 16, 16 },
	[BLOCK_AES_256] = { CIPHER_AES_256_CBC, 32, 16 },
	[BLOCK_CAMELLIA_128] = { CIPHER_CAMELLIA_128_CBC, 16, 16 },
	[BLOCK_CAMELLIA_256] = { CIPHER_CAMELLIA_256_CBC, 32, 16 },
	[BLOCK_ARIA_128] = { CIPHER_ARIA_128_CBC, 16, 16 },
	[BLOCK_ARIA_256] = { CIPHER_ARIA_256_CBC, 32, 16 },
	[BLOCK_3DES] = { CIPHER_3DES_CBC, 24, 8 },
	[BLOCK_DES] = { CIPHER_DES_CBC, 8, 8 },
	[BLOCK_IDEA] = { CIPHER_IDEA_CBC, 16, 8 },
	[BLOCK_RC2] = { CIPHER_RC2_CBC, 16, 8 },
	[BLOCK_SEED] = { CIPHER_SEED_CBC, 16, 16 },
};

static const struct {
	uint16_t suite;
	uint8_t aead, digest;
} tls13_suites[] = {
	{ 0x1301, AEAD_AES_128_GCM, DIGEST_SHA256 },
	{ 0x1302, AEAD_AES_256_GCM, DIGEST_SHA384 },
	{ 0x1303, AEAD_CHACHA20_POLY1305, DIGEST_SHA256 },
	{ 0x1304, AEAD_AES_128_CCM, DIGEST_SHA256 },
	{ 0x1305, AEAD_AES_128_CCM_8, DIGEST_SHA256 },
};

/* ---- what is looked up once ---- */

struct crypto {
	EVP_MD_CTX *digest;
	EVP_MD *digests[DIGEST_COUNT];
	EVP_MAC_CTX *hmacs[DIGEST_COUNT];
	EVP_CIPHER_CTX *ciphers[CIPHER_COUNT];
	bool lacks[CIPHER_COUNT];
	OSSL_LIB_CTX *old; /* apart, so that nothing else comes to use what is old */
	OSSL_PROVIDER *legacy;
};

struct crypto *crypto_create(void)
{
	struct crypto *c = xcalloc(1, sizeof *c);

	/* At once, since later the process may open no files. */
	c->old = OSSL_LIB_CTX_new();
	if (c->old)
		c->legacy = OSSL_PROVIDER_load(c->old, "legacy");
	return c;
}

void crypto_destroy(struct crypto *c)
{
	if (!c)
		return;
	EVP_MD_CTX_free(c->digest);
	for (int i = 0; i < DIGEST_COUNT; i++) {
		EVP_MD_free(c->digests[i]);
		EVP_MAC_CTX_free(c->hmacs[i]);
	}
	for (int i = 0; i < CIPHER_COUNT; i++)
		EVP_CIPHER_CTX_free(c->ciphers[i]);
	if (c->legacy)
		OSSL_PROVIDER_unload(c->legacy);
	OSSL_LIB_CTX_free(c->old);
	free(c);
}

static const EVP_MD *get_digest(struct crypto *c, enum digest d)
{
	if (!c->digest)
		c->digest = EVP_MD_CTX_new();
	if (!c->digests[d])
		c->digests[d] = EVP_MD_fetch(NULL, digests[d].name, NULL);
	return c->digest ? c->digests[d] : NULL;
}

static EVP_MAC_CTX *get_hmac(struct crypto *c, enum digest d)
{
	if (c->hmacs[d])
		return c->hmacs[d];
	EVP_MAC *mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	EVP_MAC_CTX *made = mac ? EVP_MAC_CTX_new(mac) : NULL;
	char name[16];
	strcpy(name, digests[d].name);
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	if (made && !EVP_MAC_CTX_set_params(made, parameters)) {
		EVP_MAC_CTX_free(made);
		made = NULL;
	}
	EVP_MAC_free(mac);
	c->hmacs[d] = made;
	return made;
}

static EVP_CIPHER *fetch(struct crypto *c, enum cipher which)
{
	if (which < CIPHER_LEGACY)
		return EVP_CIPHER_fetch(NULL, cipher_names[which], NULL);
	return c->legacy ? EVP_CIPHER_fetch(c->old, cipher_names[which], NULL) : NULL;
}

static EVP_CIPHER_CTX *get_cipher(struct crypto *c, enum cipher which)
{
	if (c->ciphers[which] || c->lacks[which] || !cipher_names[which])
		return c->ciphers[which];
	EVP_CIPHER *cipher = fetch(c, which);
	EVP_CIPHER_CTX *made = cipher ? EVP_CIPHER_CTX_new() : NULL;
	if (made && !EVP_CipherInit_ex2(made, cipher, NULL, NULL, 0, NULL)) {
		EVP_CIPHER_CTX_free(made);
		made = NULL;
	}
	EVP_CIPHER_free(cipher);
	c->ciphers[which] = made;
	c->lacks[which] = !made;
	return made;
}

void crypto_wipe(void *at, size_t len)
{
	if (at)
		OPENSSL_cleanse(at, len);
}

/* ---- digests ---- */

size_t digest_len(enum digest d)
{
	return digests[d].len;
}

bool digest_bytes(struct crypto *c, enum digest d, const struct bytes *parts, size_t count,
		  uint8_t out[HASH_LEN_MAX])
{
	const EVP_MD *md = get_digest(c, d);

	if (!md || !EVP_DigestInit_ex2(c->digest, md, NULL))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len && !EVP_DigestUpdate(c->digest, parts[i].at, parts[i].len))
			return false;
	}
	return EVP_DigestFinal_ex(c->digest, out, NULL);
}

bool hmac_bytes(struct crypto *c, enum digest d, struct bytes key, const struct bytes *parts,
		size_t count, uint8_t out[HASH_LEN_MAX])
{
	static const uint8_t none[1] = { 0 };
	EVP_MAC_CTX *mac = get_hmac(c, d);

	/* A NULL key would mean the one of the last time. */
	if (!mac || !EVP_MAC_init(mac, key.len ? key.at : none, key.len, NULL))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len && !EVP_MAC_update(mac, parts[i].at, parts[i].len))
			return false;
	}
	return EVP_MAC_final(mac, out, NULL, HASH_LEN_MAX);
}

/* ---- HKDF ---- */

bool hkdf_extract(struct crypto *c, enum digest d, struct bytes salt, struct bytes secret,
		  uint8_t out[HASH_LEN_MAX])
{
	return hmac_bytes(c, d, salt, &secret, 1, out);
}

/* RFC 5869 section 2.3. */
static bool hkdf_expand(struct crypto *c, enum digest d, struct bytes secret, struct bytes info,
			uint8_t *out, size_t len)
{
	uint8_t block[HASH_LEN_MAX];
	size_t done = 0, hash = digests[d].len;

	for (uint8_t i = 1; done < len; i++) {
		struct bytes parts[] = { { block, i > 1 ? hash : 0 }, info, { &i, 1 } };
		size_t n = len - done < hash ? len - done : hash;

		if (!i || !hmac_bytes(c, d, secret, parts, 3, block))
			return false;
		memcpy(out + done, block, n);
		done += n;
	}
	crypto_wipe(block, sizeof block);
	return true;
}

bool hkdf_expand_label(struct crypto *c, enum digest d, struct bytes secret, const char *prefix,
		       const char *label, struct bytes context, uint8_t *out, size_t len)
{
	size_t prefix_len = strlen(prefix), label_len = strlen(label), at = 0;
	uint8_t info[2 + 1 + 255 + 1 + HASH_LEN_MAX];

	assert(prefix_len + label_len <= 255);
	assert(context.len <= HASH_LEN_MAX);
	assert(len <= UINT16_MAX);
	info[at++] = (uint8_t)(len >> 8);
	info[at++] = (uint8_t)len;
	info[at++] = (uint8_t)(prefix_len + label_len);
	memcpy(info + at, prefix, prefix_len);
	at += prefix_len;
	memcpy(info + at, label, label_len);
	at += label_len;
	info[at++] = (uint8_t)context.len;
	if (context.len)
		memcpy(info + at, context.at, context.len);
	at += context.len;
	return hkdf_expand(c, d, secret, (struct bytes){ info, at }, out, len);
}

/* ---- AEAD ---- */

size_t aead_key_len(enum aead a)
{
	return aeads[a].key_len;
}

size_t aead_tag_len(enum aead a)
{
	return aeads[a].tag_len;
}

bool aead_of_tls13_suite(uint32_t suite, enum aead *aead, enum digest *digest)
{
	for (size_t i = 0; i < sizeof tls13_suites / sizeof *tls13_suites; i++) {
		if (tls13_suites[i].suite != suite)
			continue;
		*aead = tls13_suites[i].aead;
		*digest = tls13_suites[i].digest;
		return true;
	}
	return false;
}

void aead_nonce(const uint8_t iv[NONCE_LEN], uint64_t number, uint8_t out[NONCE_LEN])
{
	memcpy(out, iv, NONCE_LEN);
	for (int i = 0; i < 8; i++)
		out[NONCE_LEN - 1 - i] ^= (uint8_t)(number >> 8 * i);
}

/* CCM wants the tag first, and the whole length before anything else. */
static bool ccm_begin(EVP_CIPHER_CTX *x, size_t tag_len, const uint8_t *tag, const uint8_t *key,
		      const uint8_t *nonce, size_t len)
{
	uint8_t copy[16];
	int n;

	memcpy(copy, tag, tag_len);
	return EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_IVLEN, NONCE_LEN, NULL) > 0 &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, copy) > 0 &&
	       EVP_DecryptInit_ex2(x, NULL, key, nonce, NULL) &&
	       EVP_DecryptUpdate(x, NULL, &n, NULL, (int)len);
}

static bool gcm_begin(EVP_CIPHER_CTX *x, size_t tag_len, const uint8_t *tag, const uint8_t *key,
		      const uint8_t *nonce)
{
	uint8_t copy[16];

	memcpy(copy, tag, tag_len);
	return EVP_DecryptInit_ex2(x, NULL, key, nonce, NULL) &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_AEAD_SET_TAG, (int)tag_len, copy) > 0;
}

bool aead_open(struct crypto *c, enum aead a, const uint8_t *key, const uint8_t nonce[NONCE_LEN],
	       struct bytes associated, struct bytes sealed, uint8_t *out)
{
	EVP_CIPHER_CTX *x = a ? get_cipher(c, aeads[a].cipher) : NULL;
	size_t tag_len = aeads[a].tag_len;
	struct reader r = reader_of(sealed);
	int n = 0;

	if (!x || sealed.len < tag_len || sealed.len > INT32_MAX)
		return false;
	struct bytes content = rd_take(&r, sealed.len - tag_len), tag = rd_rest(&r);
	bool ok = aeads[a].ccm ? ccm_begin(x, tag_len, tag.at, key, nonce, content.len) :
				 gcm_begin(x, tag_len, tag.at, key, nonce);
	if (!ok)
		return false;
	if (associated.len &&
	    !EVP_DecryptUpdate(x, NULL, &n, associated.at, (int)associated.len))
		return false;
	/* CCM compares the tag here, even where there is no content. */
	if ((content.len || aeads[a].ccm) &&
	    EVP_DecryptUpdate(x, out, &n, content.at, (int)content.len) <= 0)
		return false;
	return aeads[a].ccm || EVP_DecryptFinal_ex(x, out + content.len, &n) > 0;
}

bool aead_peek(struct crypto *c, enum aead a, const uint8_t *key, const uint8_t nonce[NONCE_LEN], struct bytes sealed,
	       uint8_t *out)
{
	static const uint8_t no_tag[16] = { 0 };
	EVP_CIPHER_CTX *x = a && !aeads[a].ccm ? get_cipher(c, aeads[a].cipher) : NULL;
	int n = 0;

	return x && sealed.len && sealed.len <= INT32_MAX && gcm_begin(x, aeads[a].tag_len, no_tag, key, nonce) &&
	       EVP_DecryptUpdate(x, out, &n, sealed.at, (int)sealed.len) > 0;
}

bool header_mask(struct crypto *c, enum aead a, const uint8_t *key, const uint8_t sample[16],
		 uint8_t mask[5])
{
	static const uint8_t zeroes[5] = { 0 };
	enum cipher which = aeads[a].header_cipher;
	EVP_CIPHER_CTX *x = which ? get_cipher(c, which) : NULL;
	uint8_t block[32];
	int n;

	if (!x)
		return false;
	if (which == CIPHER_CHACHA20)
		return EVP_EncryptInit_ex2(x, NULL, key, sample, NULL) &&
		       EVP_EncryptUpdate(x, mask, &n, zeroes, sizeof zeroes);
	if (!EVP_EncryptInit_ex2(x, NULL, key, NULL, NULL) ||
	    !EVP_EncryptUpdate(x, block, &n, sample, 16))
		return false;
	memcpy(mask, block, 5);
	return true;
}

/* ---- CBC and RC4 ---- */

size_t block_len(enum block b)
{
	return blocks[b].block_len;
}

size_t block_key_len(enum block b)
{
	return blocks[b].key_len;
}

bool cbc_open(struct crypto *c, enum block b, const uint8_t *key, const uint8_t *iv,
	      struct bytes sealed, uint8_t *out)
{
	EVP_CIPHER_CTX *x = b ? get_cipher(c, blocks[b].cipher) : NULL;
	int n = 0;

	if (!x || !sealed.len || sealed.len % blocks[b].block_len || sealed.len > INT32_MAX)
		return false;
	return EVP_DecryptInit_ex2(x, NULL, key, iv, NULL) && EVP_CIPHER_CTX_set_padding(x, 0) &&
	       EVP_DecryptUpdate(x, out, &n, sealed.at, (int)sealed.len) &&
	       (size_t)n == sealed.len;
}

void rc4_init(struct rc4 *r, struct bytes key)
{
	uint8_t j = 0;

	assert(key.len);
	r->i = r->j = 0;
	for (int i = 0; i < 256; i++)
		r->s[i] = (uint8_t)i;
	for (size_t i = 0; i < 256; i++) {
		uint8_t kept = r->s[i];

		j = (uint8_t)(j + kept + key.at[i % key.len]);
		r->s[i] = r->s[j];
		r->s[j] = kept;
	}
}

static uint8_t rc4_next(struct rc4 *r)
{
	uint8_t kept = r->s[++r->i];

	r->j = (uint8_t)(r->j + kept);
	r->s[r->i] = r->s[r->j];
	r->s[r->j] = kept;
	return r->s[(uint8_t)(r->s[r->i] + kept)];
}

void rc4_apply(struct rc4 *r, struct bytes in, uint8_t *out)
{
	for (size_t i = 0; i < in.len; i++)
		out[i] = in.at[i] ^ rc4_next(r);
}

void rc4_skip(struct rc4 *r, size_t len)
{
	while (len--)
		(void)rc4_next(r);
}
