/* registry.h: names of protocol numbers, as IANA spells them, and what we know of them. Made at build
 * time from the data files beside it by generate.py; the same files fill the database's table of names.
 * All of it is constant and lives as long as the program.
 *
 * A name may stand for several codes: a draft's and the registered one, SSL 2.0's hello and TLS's.
 */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum registry_kind {
	REGISTRY_VERSION,		/* "TLS 1.3" */
	REGISTRY_CIPHER,		/* "TLS_AES_128_GCM_SHA256" */
	REGISTRY_GROUP,			/* "x25519", "X25519MLKEM768" */
	REGISTRY_SIGNATURE_SCHEME,	/* "ecdsa_secp256r1_sha256"; of TLS 1.2: "rsa_sha224" */
	REGISTRY_EXTENSION,		/* "server_name" */
	REGISTRY_ALERT,			/* "handshake_failure" */
	REGISTRY_MESSAGE,		/* also of enum message_type: "alert" */
	REGISTRY_COMPRESSION,		/* "null", "DEFLATE", "LZS" */
	REGISTRY_PSK_MODE,		/* "psk_ke", "psk_dhe_ke" */
	REGISTRY_CERTIFICATE_COMPRESSION, /* "zlib", "brotli", "zstd" */
	REGISTRY_ALERT_LEVEL,		/* "warning", "fatal" */
	REGISTRY_QUIC_VERSION,		/* "v1", "v2", "draft-29" */
	REGISTRY_KIND_COUNT
};

struct registry_entry {
	uint32_t code;
	const char *name;
	const char *meaning;		/* one plain sentence for `explain`; never NULL */
	const char *reference;		/* "RFC 8446"; never NULL */
};

/* The entries of a kind, sorted by code. */
const struct registry_entry *registry_entries(enum registry_kind kind, size_t *count);
const struct registry_entry *registry_find(enum registry_kind kind, uint32_t code);
/* The name, or the code printed into room as `0x1234` (at least four digits; eight for QUIC versions).
 * The values that RFC 8701 reserves are "GREASE" where the kind has them. */
const char *registry_name(enum registry_kind kind, uint32_t code, char room[16]);
/* "cipher", "group", ...: the word used in the database and by `explain`. */
const char *registry_kind_name(enum registry_kind kind);

/* RFC 8701: 0x0a0a, 0x1a1a, ... 0xfafa. */
static inline bool registry_is_grease(uint32_t code)
{
	return (code & 0x0f0f) == 0x0a0a && code >> 8 == (code & 0xff);
}

enum suite_flag {
	SUITE_AEAD = 1, SUITE_NULL = 2, SUITE_EXPORT = 4, SUITE_ANONYMOUS = 8, SUITE_RC4 = 16,
	SUITE_DES = 32, SUITE_3DES = 64, SUITE_MD5 = 128, SUITE_CBC = 256,
	SUITE_FORWARD_SECRET = 512,	/* every TLS 1.3 suite, though psk_ke alone gives none */
	SUITE_TLS13 = 1024, SUITE_SIGNALLING = 2048, SUITE_SHA384 = 4096,
	SUITE_CCM_8 = 8192,		/* together with SUITE_CCM */
	SUITE_RC2_IDEA_SEED = 16384, SUITE_CCM = 32768, SUITE_CHACHA20 = 65536,
};

/* What a cipher suite is made of. */
struct suite {
	uint32_t code;			/* two bytes; three for SSL 2.0's cipher kinds */
	uint8_t key_exchange;		/* enum key_exchange; 0: TLS 1.3, or no word for it */
	const char *authentication;	/* "RSA", "ECDSA", "DSS", "PSK", "anonymous", ... or "" */
	const char *encryption;		/* "AES_128_GCM", "3DES_EDE_CBC", "NULL", ... */
	const char *mac;		/* "SHA256"; for AEAD the key derivation's hash */
	uint16_t key_bits;		/* what an attacker has to search: 40 for export suites */
	uint32_t flags;			/* enum suite_flag */
};
const struct suite *registry_suite(uint32_t code);

enum group_family { GROUP_UNKNOWN, GROUP_ELLIPTIC, GROUP_FINITE_FIELD, GROUP_HYBRID, GROUP_ML_KEM };
struct group {
	uint16_t code;
	uint8_t family;			/* enum group_family */
	uint16_t bits;			/* of the classical part (curve or prime); 0 for pure ML-KEM */
	bool weak;			/* below 112 bits of strength, or binary/withdrawn curves */
	bool post_quantum;
};
const struct group *registry_group(uint32_t code);

#endif
