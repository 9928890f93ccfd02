#include <stddef.h>

#include "packet/layer.h"

/* https://www.iana.org/assignments/ieee-802-numbers. Each in a slot of its own, so that one look
 * tells: a frame that is none of ours shall cost little. Were two to share a slot, the compiler
 * would warn; then the factor has to change. */
#define SLOT(type) ((type) * 25u >> 8 & 31)
#define ROW(number, what) [SLOT(number)] = { .type = (number), .layer = (what) }
static const struct {
	uint16_t type;
	uint8_t layer;
} ethertypes[32] = {
	ROW(0x0800, LAYER_IPV4),
	ROW(0x6558, LAYER_ETHERNET),
	ROW(0x8100, LAYER_VLAN),
	ROW(0x86dd, LAYER_IPV6),
	ROW(0x8847, LAYER_MPLS),
	ROW(0x8848, LAYER_MPLS),
	ROW(0x8864, LAYER_PPPOE),
	ROW(0x888e, LAYER_EAPOL),
	ROW(0x88a8, LAYER_VLAN),
	ROW(0x88c7, LAYER_EAPOL),	/* the same before a station changes to this access point */
	ROW(0x88e7, LAYER_PBB),
	ROW(0x8903, LAYER_FABRICPATH),
	ROW(0x8926, LAYER_VN_TAG),
	ROW(0x893f, LAYER_E_TAG),
	ROW(0x9100, LAYER_VLAN),
	ROW(0x9200, LAYER_VLAN),
};
#undef ROW

enum layer layer_of_ethertype(uint16_t type)
{
	unsigned slot = SLOT(type);

	if (ethertypes[slot].type != type || !ethertypes[slot].layer)
		return LAYER_OTHER;
	return ethertypes[slot].layer;
}
#undef SLOT

/* IEEE 802.3 section 3.2.6: up to 1500 it is the length of an LLC frame, from 1536 on a type. */
static enum layer layer_of_type_or_length(struct frame *f, uint16_t type)
{
	if (type >= 1536)
		return layer_of_ethertype(type);
	if (type > 1500)
		return LAYER_OTHER;
	frame_cut(f, type);
	return LAYER_LLC;
}

enum layer parse_ethernet(struct frame *f)
{
	struct reader h = rd_child(&f->in, 14);
	struct segment *out = f->out;

	if (h.bad)
		return frame_short(f);
	struct bytes dst = rd_take(&h, 6), src = rd_take(&h, 6);
	uint16_t type = rd_u16(&h);
	if (!out->encapsulation.depth && !out->has_mac) {
		out->has_mac = true;
		memcpy(out->dst_mac, dst.at, 6);
		memcpy(out->src_mac, src.at, 6);
	}
	return layer_of_type_or_length(f, type);
}

/* IEEE 802.1Q section 9.6. */
enum layer parse_vlan(struct frame *f)
{
	uint16_t id = rd_u16(&f->in) & 0x0fff;
	uint16_t type = rd_u16(&f->in);

	if (f->in.bad)
		return frame_short(f);
	enum layer next = layer_of_type_or_length(f, type);
	if (!id)	/* a priority and no VLAN */
		return next;
	if (!f->out->encapsulation.depth)
		f->out->vlan = id;
	return frame_enter(f, LAYER_VLAN, id, next);
}

/* IEEE 802.2 section 3.2; SNAP is the pair of 0xaa with an organisation of zeroes before an
 * EtherType (RFC 1042). */
enum layer parse_llc(struct frame *f)
{
	uint32_t header = rd_u24(&f->in);

	if (f->in.bad)
		return frame_short(f);
	if (header == 0x060603)
		return LAYER_IPV4;
	if (header != 0xaaaa03)
		return LAYER_OTHER;
	uint32_t organisation = rd_u24(&f->in);
	uint16_t type = rd_u16(&f->in);
	if (f->in.bad)
		return frame_short(f);
	if (organisation != 0 && organisation != 0x0000f8)	/* 802.1H's way to bridge a type */
		return LAYER_OTHER;
	return layer_of_ethertype(type);
}

enum { SLL_LLC = 4 };

/* What a Linux "cooked" header says: an EtherType, or a number of its own below them. */
static enum layer layer_of_cooked(uint16_t type)
{
	return type == SLL_LLC ? LAYER_LLC : layer_of_ethertype(type);
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL.html. It knows one end's link address
 * only, so it gives none. */
enum layer parse_sll(struct frame *f)
{
	struct reader h = rd_child(&f->in, 16);

	if (h.bad)
		return frame_short(f);
	rd_skip(&h, 14);
	return layer_of_cooked(rd_u16(&h));
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html */
enum layer parse_sll2(struct frame *f)
{
	struct reader h = rd_child(&f->in, 20);

	if (h.bad)
		return frame_short(f);
	return layer_of_cooked(rd_u16(&h));
}

/* A family in the byte order of the host that captured; its IPv6 differs from one BSD to the
 * next. The IP header tells them apart. */
enum layer parse_null(struct frame *f)
{
	uint32_t family = rd_u32(&f->in);

	if (f->in.bad)
		return frame_short(f);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	switch (family) {
	case 2:			/* AF_INET, everywhere */
	case 10:		/* AF_INET6: Linux */
	case 23:		/* Windows */
	case 24:		/* NetBSD, OpenBSD */
	case 28:		/* FreeBSD */
	case 30:		/* Darwin */
		return LAYER_IP;
	default:
		return LAYER_OTHER;
	}
}

/* A tag of a port extender; its channel numbers differ by direction. */
static enum layer parse_port_tag(struct frame *f, enum layer kind, size_t len)
{
	rd_skip(&f->in, len);
	uint16_t type = rd_u16(&f->in);

	if (f->in.bad)
		return frame_short(f);
	return frame_enter(f, kind, 0, layer_of_type_or_length(f, type));
}

/* IEEE 802.1BR section 7.5. */
enum layer parse_e_tag(struct frame *f)
{
	return parse_port_tag(f, LAYER_E_TAG, 6);
}

enum layer parse_vn_tag(struct frame *f)
{
	return parse_port_tag(f, LAYER_VN_TAG, 4);
}

/* Cisco FabricPath: an Ethernet header whose type is followed by a tag and the frame it carries. */
enum layer parse_fabricpath(struct frame *f)
{
	rd_skip(&f->in, 2);
	return f->in.bad ? frame_short(f) : frame_enter(f, LAYER_FABRICPATH, 0, LAYER_ETHERNET);
}

/* RFC 4391 section 6, behind the 40 bytes of a global route header. */
enum layer parse_ipoib(struct frame *f)
{
	rd_skip(&f->in, 40);
	uint16_t type = rd_u16(&f->in);
	rd_skip(&f->in, 2);

	return f->in.bad ? frame_short(f) : layer_of_ethertype(type);
}

/* Cisco HDLC: address, control, EtherType. */
enum layer parse_hdlc(struct frame *f)
{
	rd_skip(&f->in, 2);
	uint16_t type = rd_u16(&f->in);

	return f->in.bad ? frame_short(f) : layer_of_ethertype(type);
}

/* The byte stands where PPP's address would, or before it. */
enum layer parse_ppp_directed(struct frame *f)
{
	struct reader after = f->in;

	rd_skip(&f->in, 1);
	rd_skip(&after, 1);
	if (rd_u8(&after) == 0x03)
		f->in = after;
	return f->in.bad ? frame_short(f) : LAYER_PPP;
}

/* RFC 2427 section 3, with the address of two bytes that all but a few use. */
enum layer parse_frame_relay(struct frame *f)
{
	enum { UNNUMBERED = 0x03, NLPID_SNAP = 0x80, NLPID_IPV4 = 0xcc, NLPID_IPV6 = 0x8e };
	rd_skip(&f->in, 2);
	uint8_t control = rd_u8(&f->in), protocol = rd_u8(&f->in);
	if (!protocol)	/* a byte of padding before SNAP */
		protocol = rd_u8(&f->in);

	if (f->in.bad)
		return frame_short(f);
	if (control != UNNUMBERED)
		return LAYER_OTHER;
	if (protocol == NLPID_IPV4)
		return LAYER_IPV4;
	if (protocol == NLPID_IPV6)
		return LAYER_IPV6;
	if (protocol != NLPID_SNAP)
		return LAYER_OTHER;
	uint32_t organisation = rd_u24(&f->in);
	uint16_t type = rd_u16(&f->in);
	if (f->in.bad)
		return frame_short(f);
	return organisation ? LAYER_OTHER : layer_of_ethertype(type);
}

/* RFC 1188: frame control, then the two addresses, then LLC. */
enum layer parse_fddi(struct frame *f)
{
	enum { CLASS = 0xf0, LLC_CLASS = 0x50 };
	uint8_t control = rd_u8(&f->in);

	rd_skip(&f->in, 12);
	if (f->in.bad)
		return frame_short(f);
	return (control & CLASS) == LLC_CLASS ? LAYER_LLC : LAYER_OTHER;
}

/* IEEE 802.1X-2020 section 11: version, type, length, then a packet of EAP (RFC 3748), whose code tells
 * who sent it. On a wire the peer sends to a group, and is answered by a switch: only its own address
 * stands in both directions. */
enum layer parse_eapol(struct frame *f)
{
	enum { EAP_PACKET = 0, RESPONSE = 2, CODE_LAST = 4 };
	struct segment *out = f->out;
	struct reader r = f->in;

	rd_skip(&r, 1);
	uint8_t type = rd_u8(&r);
	rd_skip(&r, 2);
	uint8_t code = rd_u8(&r);
	if (r.bad || type != EAP_PACKET || !code || code > CODE_LAST || !out->has_mac)
		return LAYER_OTHER;
	struct address *peer = code == RESPONSE ? &out->src : &out->dst;
	out->src = out->dst = (struct address){ { 0 } };
	memcpy(peer->at + 10, code == RESPONSE ? out->src_mac : out->dst_mac, 6);
	out->src_port = out->dst_port = 0;
	out->seq = out->ack = 0;
	out->flags = 0;
	out->window = 0;
	out->ttl = 0;
	out->has_md5 = false;
	out->transport = (struct bytes){ NULL, 0 };
	out->protocol = PROTOCOL_EAPOL;
	out->payload = rd_peek(&f->in);
	out->payload_len = (uint32_t)(out->payload.len + f->missing);
	return frame_end(f, DECAP_SEGMENT);
}
