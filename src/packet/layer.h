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
	LAYER_4IN6,
	LAYER_6IN4,
	LAYER_6IN6,
	LAYER_AH,
	LAYER_EAPOL,		/* IEEE 802.1X */
	LAYER_ERSPAN,		/* types II and III */
	LAYER_ERSPAN_I,
	LAYER_ETHERIP,
	LAYER_E_TAG,		/* IEEE 802.1BR */
	LAYER_FABRICPATH,
	LAYER_FDDI,
	LAYER_FRAME_RELAY,
	LAYER_GENEVE,
	LAYER_GRE,
	LAYER_GRE_KEY,
	LAYER_GTP_U,
	LAYER_HDLC,
	LAYER_INNER_IPV4,
	LAYER_INNER_IPV6,
	LAYER_IPIP,
	LAYER_IPNET,
	LAYER_IPOIB,		/* IP over InfiniBand */
	LAYER_IPSEC,		/* what OpenBSD shows of its IPsec interfaces */
	LAYER_L2TP,
	LAYER_MPLS,
	LAYER_NFLOG,
	LAYER_NVGRE,
	LAYER_PBB,
	LAYER_PFLOG,
	LAYER_PKTAP,
	LAYER_PPI,
	LAYER_PPP,
	LAYER_PPPOE,
	LAYER_PPP_DIRECTED,	/* PPP behind a byte that tells the direction */
	LAYER_PRISM,
	LAYER_RADIOTAP,
	LAYER_VN_TAG,
	LAYER_VXLAN,
	LAYER_VXLAN_GPE,
	LAYER_WIRELESS,		/* IEEE 802.11 */
	LAYER_COUNT
};

struct frame {
	struct reader in;
	size_t missing;
	struct segment *out;
	struct limit_counts *limits;
	enum decap_result result;
	uint8_t ipv6_headers;		/* seen so far, of all IPv6 packets in this frame */
	bool wireless_padded;		/* the 802.11 header fills whole words */
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

static inline bool address_is_mapped(const struct address *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a->at, prefix, sizeof prefix);
}

/* Whether the datagram whose header was just read is a tunnel; then *next is what it carries. */
bool tunnel_in_udp(struct frame *f, enum layer *next);

/* LAYER_END for one that is not known. */
enum layer layer_of_link(uint32_t link_type);
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
enum layer parse_ah(struct frame *f);
enum layer parse_eapol(struct frame *f);
enum layer parse_erspan(struct frame *f);
enum layer parse_erspan_i(struct frame *f);
enum layer parse_etherip(struct frame *f);
enum layer parse_e_tag(struct frame *f);
enum layer parse_fabricpath(struct frame *f);
enum layer parse_fddi(struct frame *f);
enum layer parse_frame_relay(struct frame *f);
enum layer parse_gre(struct frame *f);
enum layer parse_hdlc(struct frame *f);
enum layer parse_inner_ipv4(struct frame *f);
enum layer parse_inner_ipv6(struct frame *f);
enum layer parse_ipnet(struct frame *f);
enum layer parse_ipoib(struct frame *f);
enum layer parse_ipsec(struct frame *f);
enum layer parse_mpls(struct frame *f);
enum layer parse_nflog(struct frame *f);
enum layer parse_pbb(struct frame *f);
enum layer parse_pflog(struct frame *f);
enum layer parse_pktap(struct frame *f);
enum layer parse_ppi(struct frame *f);
enum layer parse_ppp(struct frame *f);
enum layer parse_pppoe(struct frame *f);
enum layer parse_ppp_directed(struct frame *f);
enum layer parse_prism(struct frame *f);
enum layer parse_radiotap(struct frame *f);
enum layer parse_vn_tag(struct frame *f);
enum layer parse_wireless(struct frame *f);

#endif
