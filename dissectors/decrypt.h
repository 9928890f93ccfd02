/* decrypt.h: one sealed record opened with the keys of its direction (keys.h), for TLS and, up to
 * version 1.2, DTLS. Who uses it decides by the content's type what may be looked at: application
 * data (23) never is; the caller wipes the room when done.
 */
#ifndef DISSECTORS_DECRYPT_H
#define DISSECTORS_DECRYPT_H

#include "dissectors/keys.h"

enum { RECORD_HEADER_LEN = 5 };

struct sealed_record {
	uint8_t type;
	uint16_t version;     /* as in its header */
	struct bytes body;
};

struct opened_record {
	uint8_t type;	      /* of the content: in TLS 1.3 it was inside */
	struct bytes content; /* in the room that the caller gave */
};

/* `room` has space for r->body.len bytes. Uses k->number (DTLS: epoch and sequence number as one) and,
 * where it opened, counts it up. False, and the keys unchanged, where the record does not fit them or
 * was damaged. */
bool record_open(struct crypto *c, struct record_keys *k, const struct sealed_record *r,
		 uint8_t *room, struct opened_record *out);
/* A record of this length went by that was not opened: its body, or nothing where that was not collected, is
 * looked at only for where the next one begins. */
void record_skip(struct record_keys *k, struct bytes body, size_t len);

#endif
