/* quic_version.h: what differs between the versions of QUIC that carry TLS 1.3: a row each.
 */
#ifndef DISSECTORS_QUIC_VERSION_H
#define DISSECTORS_QUIC_VERSION_H

#include <stdbool.h>
#include <stdint.h>

enum quic_type {
	QUIC_INITIAL,
	QUIC_ZERO_RTT,
	QUIC_HANDSHAKE,
	QUIC_RETRY,
	QUIC_VERSION_NEGOTIATION,
	QUIC_SHORT
};

enum { QUIC_SALT_LEN = 20 };

struct quic_version {
	uint32_t first, last;			/* numbers, both included */
	uint8_t salt[QUIC_SALT_LEN];		/* RFC 9001 section 5.2 */
	uint8_t retry_key[16], retry_nonce[12]; /* RFC 9001 section 5.8 */
	bool retry_has_tag; /* else the Retry repeats the client's first DCID (draft 24 and before)
			     */
	bool is_v2;	    /* labels and packet types of RFC 9369 section 3 */
};

/* NULL where it is not one of these. */
const struct quic_version *quic_version_find(uint32_t version);
/* Numbers kept free so that peers show whether they negotiate (RFC 9000 section 15). */
bool quic_version_is_reserved(uint32_t version);
/* The type of a long header: the two bits behind the fixed one. */
enum quic_type quic_version_type(const struct quic_version *v, unsigned bits);

#endif
