/* decap.h: from a captured frame to the TCP segment or UDP datagram inside it.
 *
 * Works as far as a cut packet goes. Keeps no state but counters; defrag.h puts fragments together.
 */
#ifndef PACKET_DECAP_H
#define PACKET_DECAP_H

#include "overhear/limits.h"
#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum decap_result {
	DECAP_SEGMENT,		/* a TCP segment or UDP datagram: *out is filled */
	DECAP_OTHER,		/* well-formed, but neither (ARP, ICMP, ...): nothing to do */
	DECAP_FRAGMENT,		/* a piece of an IP packet */
	DECAP_TRUNCATED,	/* the snap length cut it before its ports could be read */
	DECAP_MALFORMED,	/* a header that cannot be */
	DECAP_UNKNOWN_LINK,	/* a link type that is not in the table */
};

struct decap_counts {
	uint64_t truncated, malformed, unknown_link, fragments;
	struct limit_counts *limits;	/* borrowed; may not be NULL */
};

enum decap_result decap(const struct packet *p, struct segment *out, struct decap_counts *counts);
/* Goes on where decap() found a fragment: `whole` is the IP packet's payload put together again,
 * out what decap() filled (defrag.h does both). */
enum decap_result decap_whole(const struct packet *whole, struct segment *out,
	struct decap_counts *counts);
bool decap_knows(uint16_t link_type);
/* Verifies the TCP or UDP checksum of a segment whose bytes are all there; one that was cut
 * fits. Apart from decap(), since most segments never need it. Captures made on a host that
 * leaves checksums to its network card are full of wrong ones: the caller decides what that
 * means. */
bool segment_checksum_fits(const struct segment *s);
/* Prints `vlan 10/vxlan 42`; empty where there is none. Returns the length, as snprintf does. */
int encapsulation_text(const struct encapsulation *e, char *out, size_t room);

#endif
