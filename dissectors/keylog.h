/* keylog.h: the secrets that the user has: text in the format SSLKEYLOGFILE (RFC 9850), from a file
 * or from inside a capture, by the random of the ClientHello they belong to.
 *
 * A struct keylog belongs to one pipeline and its thread (tls_env.keylog). It keeps at most
 * KEYLOG_SECRETS_MAX secrets; beyond, the oldest yield. Reads no files: the text is pushed in.
 */
#ifndef DISSECTORS_KEYLOG_H
#define DISSECTORS_KEYLOG_H

#include "base/hash.h"
#include "base/reader.h"
#include "overhear/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum secret_kind {
	SECRET_MASTER,		  /* CLIENT_RANDOM: up to TLS 1.2 */
	SECRET_CLIENT_EARLY,
	SECRET_CLIENT_HANDSHAKE,
	SECRET_SERVER_HANDSHAKE,
	SECRET_CLIENT_APPLICATION, /* ..._TRAFFIC_SECRET_0 */
	SECRET_SERVER_APPLICATION,
	SECRET_ECH,		  /* the shared secret of HPKE */
	SECRET_ECH_CONFIG,
	SECRET_RSA_PREMASTER,	  /* RSA: found by the first bytes of the encrypted premaster secret */
	SECRET_KIND_COUNT
};

enum { RANDOM_LEN = 32, MASTER_LEN = 48, RSA_ID_LEN = 8 };

struct keylog;

struct keylog_counts {
	uint64_t secrets, bad_lines;
};

struct keylog *keylog_create(const struct hash_key *key, struct limit_counts *limits);
void keylog_destroy(struct keylog *k);

/* Takes the lines of a text and returns how many bytes are done with: all up to its last newline,
 * or all of it where `whole`, nothing more will be added to it. What is no line of the format is
 * counted and left out; labels that open nothing are left out. */
size_t keylog_add(struct keylog *k, struct bytes text, bool whole);

/* The secret of this connection, borrowed until the next keylog_add(); empty where there is none.
 * Of two lines the last one counts. */
struct bytes keylog_find(const struct keylog *k, const uint8_t random[RANDOM_LEN],
			 enum secret_kind kind);
/* RFC 5246 section 7.4.7.1: by the first 8 bytes of EncryptedPreMasterSecret. */
struct bytes keylog_find_premaster(const struct keylog *k, const uint8_t id[RSA_ID_LEN]);

/* Goes up with every secret added: has anything come since? */
uint64_t keylog_version(const struct keylog *k);
void keylog_counts(const struct keylog *k, struct keylog_counts *out);

#endif
