/* layer.h: inside the packet room: one frame on its way inwards, layer by layer.
 *
 * A parser takes its own header off the front of `in` and names the layer that follows, or ends the walk
 * through one of the frame_...() functions. Each takes at least a byte, or names a layer that does, so the
 * walk ends. `in` is what was captured; `missing` says how many bytes the wire had beyond its end.
 */
#ifndef PACKET_LAYER_H
#define PACKET_LAYER_H

#include "base/reader.h"
#include "packet/decap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Also the `kind` of a layer in struct encapsulation. */
enum layer {
	LAYER_END,		/* the walk is over; frame.result says how */
	LAYER_OTHER,		/* nothing that could carry a handshake */
	LAYER_ETHERNET,
	LAYER_VLAN,
	LAYER_LLC,
	LAYER_SLL,
	LAYER_SLL2,
	LAYER_NULL,
	LAYER_IP,		/* either version: the first nibble tells */
	LAYER_IPV4,
	LAYER_IPV6,
	LAYER_IPV6_EXTENSION,
	LAYER_TCP,
	LAYER_UDP,
	LAYER_COUNT
};

struct frame {
	struct reader in;
	size_t missing;
	struct segment *out;
	struct limit_counts *limits;
	enum decap_result result;
	uint8_t ipv6_headers;		/* seen so far, of all IPv6 packets in this frame */
};

static inline enum layer frame_end(struct frame *f, enum decap_result result)
{
	f->result = result;
	return LAYER_END;
}

/* A header is not there: cut off by the snap length, or never sent. */
static inline enum layer frame_short(struct frame *f)
{
	return frame_end(f, f->missing ? DECAP_TRUNCATED : DECAP_MALFORMED);
}

/* Only the next `len` bytes count; what follows is padding. More than there is changes nothing. */
static inline void frame_cut(struct frame *f, size_t len)
{
	size_t left = rd_left(&f->in);

	if (len <= left) {
		f->in.end = reader_of((struct bytes){ f->in.at, len }).end;
		f->missing = 0;
	} else if (len - left < f->missing) {
		f->missing = len - left;
	}
}

/* Notes that what follows lay in a layer of this kind; ends the walk where there are too many. */
enum layer frame_enter(struct frame *f, enum layer kind, uint32_t id, enum layer next);

enum layer layer_of_ethertype(uint16_t type);
enum layer layer_of_protocol(uint8_t protocol);

enum layer parse_ethernet(struct frame *f);
enum layer parse_vlan(struct frame *f);
enum layer parse_llc(struct frame *f);
enum layer parse_sll(struct frame *f);
enum layer parse_sll2(struct frame *f);
enum layer parse_null(struct frame *f);
enum layer parse_ip(struct frame *f);
enum layer parse_ipv4(struct frame *f);
enum layer parse_ipv6(struct frame *f);
enum layer parse_ipv6_extension(struct frame *f);
enum layer parse_tcp(struct frame *f);
enum layer parse_udp(struct frame *f);

#endif
