/* quic_packet.h: the outside of QUIC packets, as it can be read without keys (RFC 9000 section 17,
 * RFC 8999).
 */
#ifndef DISSECTORS_QUIC_PACKET_H
#define DISSECTORS_QUIC_PACKET_H

#include "base/reader.h"
#include "dissectors/quic_version.h"

#include <stdbool.h>
#include <stdint.h>

enum { QUIC_CID_MAX = 20, QUIC_TAG_LEN = 16 };

/* Views into the datagram. */
struct quic_packet {
	enum quic_type type;
	uint32_t version; /* 0: a short header, or Version Negotiation */
	const struct quic_version
		*known; /* NULL: a version that is not in the table, then type means nothing */
	struct bytes dcid, scid, token;
	struct bytes whole; /* header and all */
	struct bytes rest;  /* Retry: token and tag; Version Negotiation: the list */
	size_t number_at;   /* where in `whole` the packet number begins */
	bool cut;	    /* the datagram ends before it does */
};

/* RFC 9000 section 16; 0 and a spent reader where it is not there. */
uint64_t quic_varint(struct reader *r);
/* Takes the next packet off a datagram. False where what is left cannot be one. */
bool quic_packet_next(struct reader *datagram, struct quic_packet *out);

#endif
