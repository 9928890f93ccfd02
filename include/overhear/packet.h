/* packet.h: one packet as a source gives it, and as the packet room hands it on.
 *
 * A struct packet is borrowed from its source until the next source_read(); a struct segment borrows
 * from its packet. Neither owns anything.
 */
#ifndef OVERHEAR_PACKET_H
#define OVERHEAR_PACKET_H

#include "base/reader.h"
#include "overhear/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct packet {
	int64_t time_ns;	/* since the epoch; as the capture says, which may run backwards */
	uint64_t number;	/* in its capture, from 1, as Wireshark counts */
	struct bytes data;	/* what was captured */
	uint32_t wire_len;	/* what was on the wire: at least data.len */
	uint16_t link_type;	/* LINKTYPE_ of the tcpdump.org registry */
};

/* IPv4 addresses stand as ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct address {
	uint8_t at[16];
};

enum ip_protocol {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	/* Not of IP, where this number is reserved: a frame of IEEE 802.1X. It has no addresses but
	 * the peer's MAC, which stands in the last bytes of one end's; the other end's is blank. */
	PROTOCOL_EAPOL = 255,
};

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_ACK = 0x10,
};

enum { VLAN_NONE = 0xffff };

/* The layers a packet lay in, outermost first; `kind` indexes the packet room's table of names. */
struct encapsulation {
	uint8_t depth;
	struct { uint8_t kind; uint32_t id; } layer[ENCAPSULATION_DEPTH_MAX];
};

/* A piece of an IP packet (RFC 791 section 3.2, RFC 8200 section 4.5). */
struct fragment {
	uint32_t id;
	uint32_t offset;		/* of its payload in the whole packet's, in bytes */
	bool more;			/* it is not the last one */
	bool is_ipv6;
};

/* A TCP segment or UDP datagram, its headers read and checked. Where decap() gives
 * DECAP_FRAGMENT it is a piece of one: ports, seq, ack, flags and window are not set then, and
 * payload is the piece. */
struct segment {
	int64_t time_ns;
	uint64_t number;
	struct address src, dst;
	uint16_t src_port, dst_port;
	uint8_t protocol;		/* enum ip_protocol; of a fragment, any number */
	uint8_t flags;			/* enum tcp_flag; 0 for UDP */
	bool checksum_wrong;		/* the whole segment was captured and its checksum does not fit */
	bool fragments_overlap;		/* put together from IP fragments of which some disagreed */
	bool has_mac;
	bool has_md5;			/* RFC 2385 option */
	uint8_t ttl;
	uint32_t seq, ack;
	uint16_t window;
	uint16_t vlan;			/* the outer VLAN's number, or VLAN_NONE */
	uint32_t network;		/* of VXLAN or Geneve: a part of the flow's key; 0 where none */
	uint8_t src_mac[6], dst_mac[6];	/* of the outer frame */
	uint32_t payload_len;		/* on the wire: more than payload.len where the snap length cut it */
	struct bytes payload;
	struct bytes transport;		/* the TCP or UDP header and what was captured after it; empty where the header itself was cut */
	struct fragment fragment;	/* set for DECAP_FRAGMENT only */
	struct encapsulation encapsulation;
};

#endif
