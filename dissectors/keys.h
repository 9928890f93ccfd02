/* keys.h: from the secrets of a key log to the keys of one direction of a connection: RFC 8446 section 7 (TLS
 * 1.3), RFC 9147 section 5.9 (DTLS 1.3), RFC 5246 section 6.3 and its ancestors (SSL 3.0 to TLS 1.2, DTLS 1.0 and 1.2). How records
 * are opened with them: decrypt.h.
 */
#ifndef DISSECTORS_KEYS_H
#define DISSECTORS_KEYS_H

#include "base/reader.h"
#include "dissectors/crypto.h"

#include <stdbool.h>
#include <stdint.h>

enum protection {
	PROTECTION_NONE,
	PROTECTION_TLS13,	    /* AEAD, the number XORed into the iv; the type is inside */
	PROTECTION_AEAD_EXPLICIT,   /* AES and ARIA up to TLS 1.2: half of the nonce is in the record */
	PROTECTION_AEAD_XOR,	    /* ChaCha20-Poly1305 in TLS 1.2 (RFC 7905) */
	PROTECTION_CBC,
	PROTECTION_STREAM,	    /* RC4, or nothing but a MAC */
};

/* Zeroes are none. */
struct record_keys {
	uint8_t protection;	 /* enum protection */
	uint8_t aead, block;	 /* enum aead, enum block */
	uint8_t digest;		 /* enum digest: of the MAC, or of the key schedule of TLS 1.3 */
	bool explicit_iv;	 /* CBC since TLS 1.1 */
	bool encrypt_then_mac;	 /* RFC 7366 */
	bool ssl3;
	bool no_header;		 /* TLS 1.3 drafts up to 24 authenticate no header */
	bool old_label;		 /* TLS 1.3 drafts up to 19 */
	bool dtls13;		 /* RFC 9147 section 5.9: labels of its own, and a key for the numbers */
	uint64_t number;	 /* of the next record; DTLS callers set it for each */
	uint8_t key[KEY_LEN_MAX];
	uint8_t number_key[KEY_LEN_MAX];
	uint8_t iv[BLOCK_LEN_MAX]; /* CBC without explicit_iv: the last block of the record before */
	uint8_t mac[HASH_LEN_MAX];
	uint8_t secret[HASH_LEN_MAX]; /* TLS 1.3: what a KeyUpdate goes on from */
	struct rc4 *rc4;	      /* owned */
};

void record_keys_finish(struct record_keys *k);

struct session {
	uint16_t version, suite; /* as the ServerHello chose them */
	bool encrypt_then_mac;
	const uint8_t *client_random, *server_random;
};

/* Keys of both sides, by enum sender. False, and none, for suites that are not known here. */
bool keys_from_master(struct crypto *c, const struct session *s, struct bytes master,
		      struct record_keys out[2]);
/* RFC 5246 section 8.1; not for connections with an extended master secret. */
bool keys_master(struct crypto *c, const struct session *s, struct bytes premaster,
		 uint8_t master[48]);

/* Of a traffic secret. `version` is the chosen one, since drafts and DTLS differ. */
bool keys_from_traffic_secret(struct crypto *c, uint16_t version, uint16_t suite,
			      struct bytes secret, struct record_keys *out);
/* RFC 8446 section 7.2: the sender's next generation. */
bool keys_update(struct crypto *c, struct record_keys *k);

#endif
