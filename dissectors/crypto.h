/* crypto.h: the primitives that open what is sealed, for all carriers: TLS, DTLS and QUIC. The one
 * door to libcrypto's ciphers.
 *
 * A struct crypto belongs to one pipeline and its thread (tls_env.crypto). What libcrypto has to
 * look up is looked up at its first use and kept, so that a connection costs no allocation.
 * Functions that return bool give false where the library lacks the algorithm or, of the open
 * functions, where what was sealed does not fit the key; `out` holds nothing to use then.
 *
 * For a QUIC or DTLS 1.3 packet: hkdf_expand_label() gives key, iv and header protection key from a
 * traffic secret, header_mask() the mask, aead_nonce() and aead_open() the rest. For a record of
 * (D)TLS up to 1.2 and TLS 1.3 see decrypt.h; for secrets that the user has, keylog.h.
 */
#ifndef DISSECTORS_CRYPTO_H
#define DISSECTORS_CRYPTO_H

#include "base/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest {
	DIGEST_MD5,
	DIGEST_SHA1,
	DIGEST_SHA256,
	DIGEST_SHA384,
	DIGEST_COUNT,
};

enum { HASH_LEN_MAX = 48, KEY_LEN_MAX = 32, NONCE_LEN = 12, BLOCK_LEN_MAX = 16 };

enum aead {
	AEAD_NONE,
	AEAD_AES_128_GCM,
	AEAD_AES_256_GCM,
	AEAD_AES_128_CCM,
	AEAD_AES_256_CCM,
	AEAD_AES_128_CCM_8,
	AEAD_AES_256_CCM_8,
	AEAD_CHACHA20_POLY1305,
	AEAD_ARIA_128_GCM,
	AEAD_ARIA_256_GCM,
	AEAD_COUNT,
};

enum block {
	BLOCK_NONE,
	BLOCK_AES_128,
	BLOCK_AES_256,
	BLOCK_CAMELLIA_128,
	BLOCK_CAMELLIA_256,
	BLOCK_ARIA_128,
	BLOCK_ARIA_256,
	BLOCK_3DES,
	BLOCK_DES,
	BLOCK_IDEA,
	BLOCK_RC2,
	BLOCK_SEED,
	BLOCK_COUNT,
};

struct crypto;

struct crypto *crypto_create(void);
void crypto_destroy(struct crypto *c);

size_t digest_len(enum digest d);
bool digest_bytes(struct crypto *c, enum digest d, const struct bytes *parts, size_t count,
		  uint8_t out[HASH_LEN_MAX]);
bool hmac_bytes(struct crypto *c, enum digest d, struct bytes key, const struct bytes *parts,
		size_t count, uint8_t out[HASH_LEN_MAX]);

/* RFC 5869; out has digest_len() bytes. */
bool hkdf_extract(struct crypto *c, enum digest d, struct bytes salt, struct bytes secret,
		  uint8_t out[HASH_LEN_MAX]);
/* HKDF-Expand-Label of RFC 8446 section 7.1. `prefix` is "tls13 " for TLS 1.3 and QUIC, "dtls13"
 * for DTLS 1.3 (RFC 9147 section 5.9), "TLS 1.3, " for drafts up to 19. */
#define LABEL_TLS13  "tls13 "
#define LABEL_DTLS13 "dtls13"
bool hkdf_expand_label(struct crypto *c, enum digest d, struct bytes secret, const char *prefix,
		       const char *label, struct bytes context, uint8_t *out, size_t len);

size_t aead_key_len(enum aead a);
size_t aead_tag_len(enum aead a);
/* The digest of the key schedule of the TLS 1.3 suite 0x13..; false for what is no such suite. */
bool aead_of_tls13_suite(uint32_t suite, enum aead *aead, enum digest *digest);
/* RFC 8446 section 5.3: the iv with the number XORed into its end. */
void aead_nonce(const uint8_t iv[NONCE_LEN], uint64_t number, uint8_t out[NONCE_LEN]);
/* `sealed` ends with the tag; `out` has room for sealed.len bytes and gets sealed.len less the tag.
 * It may be the same memory as sealed. */
bool aead_open(struct crypto *c, enum aead a, const uint8_t *key, const uint8_t nonce[NONCE_LEN],
	       struct bytes associated, struct bytes sealed, uint8_t *out);

/* The same where the end, with the tag, was not captured: nothing is proved. `out` gets sealed.len bytes. For GCM only. */
bool aead_peek(struct crypto *c, enum aead a, const uint8_t *key, const uint8_t nonce[NONCE_LEN], struct bytes sealed,
	       uint8_t *out);

/* QUIC's header protection (RFC 9001 section 5.4) and DTLS 1.3's (RFC 9147 section 4.2.3): the mask
 * of a sample of 16 bytes. */
bool header_mask(struct crypto *c, enum aead a, const uint8_t *key, const uint8_t sample[16],
		 uint8_t mask[5]);

size_t block_len(enum block b);
size_t block_key_len(enum block b);
/* CBC without padding; sealed is whole blocks. */
bool cbc_open(struct crypto *c, enum block b, const uint8_t *key, const uint8_t *iv,
	      struct bytes sealed, uint8_t *out);

/* RC4, which libcrypto keeps in a provider that need not be there. */
struct rc4 {
	uint8_t i, j, s[256];
};
void rc4_init(struct rc4 *r, struct bytes key);
void rc4_apply(struct rc4 *r, struct bytes in, uint8_t *out);
/* Goes over what is not to be read. */
void rc4_skip(struct rc4 *r, size_t len);

/* Overwrites secrets and opened content; never optimised away. */
void crypto_wipe(void *at, size_t len);

#endif
