/* decrypt.h: one sealed record opened with the keys of its direction (keys.h), for TLS and DTLS. Who uses it decides by the content's type what may be looked at: application
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
	bool has_connection_id; /* RFC 9146: its type is inside then */
	struct bytes connection_id;
};

/* A record of DTLS 1.3: its header as it was captured, and where in it the number stands (RFC 9147 section 4). */
struct sealed_dtls13 {
	struct bytes header, body;
	uint8_t number_at, number_len;
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
/* k->number is that of the record that is expected next, which gives the high bits of this one's; where it opened, what
 * comes behind the highest one so far. */
bool record_open_dtls13(struct crypto *c, struct record_keys *k, const struct sealed_dtls13 *r,
			uint8_t *room, struct opened_record *out);
/* A record of this length went by that was not opened: its body, or nothing where that was not collected, is
 * looked at only for where the next one begins. */
void record_skip(struct record_keys *k, struct bytes body, size_t len);

#endif
