/* digest.h: SHA-256 and SHA-1 with their contexts kept, since asking libcrypto for them anew costs more than the hash. */
#ifndef SINKS_DIGEST_H
#define SINKS_DIGEST_H

#include "base/reader.h"
#include "overhear/handshake.h"

#include <openssl/types.h>

struct digest {
	EVP_MD_CTX *sha256, *sha1;	/* one each, begun anew: to begin with another algorithm costs more than to hash */
};

void digest_init(struct digest *d);
void digest_finish(struct digest *d);
void digest_sha256(struct digest *d, struct bytes b, uint8_t out[32]);
void digest_sha1(struct digest *d, struct bytes b, uint8_t out[20]);

enum { COMMUNITY_ID_LEN = 30 };
/* The Community ID of the handshake's flow, version 1, seed 0: `1:` and 28 letters; not ended by a NUL. */
void digest_community_id(struct digest *d, const struct handshake *h, char out[COMMUNITY_ID_LEN]);

#endif
