/* ocsp.h: what a stapled OCSP response (RFC 6960) says, read from its DER: the status of the
 * certificate it is about, from when to when that holds, and how many certificate timestamps it
 * carries (RFC 6962 section 3.3). Signatures are not checked: that is for whoever judges
 * certificates.
 *
 * A server staples the same response for hours, so a struct ocsp_memory remembers what was read. It
 * belongs to one thread, and is flat: zeroed at first.
 */
#ifndef RECORD_OCSP_H
#define RECORD_OCSP_H

#include "base/hash.h"
#include "base/reader.h"
#include "overhear/handshake.h"

#include <stdbool.h>
#include <stdint.h>

struct ocsp_response {
	uint8_t status; /* enum ocsp_status; UNSEEN where the responder gave none, or it cannot be
			   read */
	int32_t sct_count;
	int64_t this_update_s, next_update_s; /* seconds since 1970; TIME_NONE */
};

/* False where the bytes are no response at all. */
bool ocsp_response_parse(struct bytes der, struct ocsp_response *out);

enum { OCSP_REMEMBERED = 256 };

struct ocsp_memory {
	struct hash_key key;
	bool has_key;
	struct {
		uint64_t hash; /* of the response's bytes; 0: nothing */
		struct ocsp_response response;
	} known[OCSP_REMEMBERED];
};

/* Reads h->ocsp_response into the handshake's members, once: what was told already stays. */
void ocsp_tell(struct ocsp_memory *memory, struct handshake *h);

#endif
