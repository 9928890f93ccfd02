/* What carries one network inside another. A UDP tunnel is an ordinary datagram to everyone
 * else, so it is taken for one only where its port, its header and the header inside all agree. */
#include <stddef.h>

#include "packet/layer.h"

enum {
	PPP_IPV4 = 0x0021, PPP_IPV6 = 0x0057, PPP_MPLS = 0x0281, PPP_MPLS_MULTICAST = 0x0283,
	TYPE_BRIDGED = 0x6558, TYPE_PPP = 0x880b, TYPE_ERSPAN = 0x88be, TYPE_ERSPAN_III = 0x22eb,
	GRE_CHECKSUM = 0x8000, GRE_ROUTING = 0x4000, GRE_KEY = 0x2000, GRE_SEQUENCE = 0x1000,
	GRE_ACKNOWLEDGEMENT = 0x0080,
	NVGRE_NETWORK_MIN = 0x1000,
};

/* `r` is at an IP header of this version whose length is no more than there can be. */
static bool holds_ipv4(const struct frame *f, struct reader r)
{
	size_t room = rd_left(&r) + f->missing;
	uint8_t version_length = rd_u8(&r);

	rd_skip(&r, 1);
	uint16_t total = rd_u16(&r);
	unsigned header = (version_length & 15) * 4u;
	if (r.bad || version_length >> 4 != 4)
		return false;
	return header >= 20 && total >= header && total <= room;
}

static bool holds_ipv6(const struct frame *f, struct reader r)
{
	size_t room = rd_left(&r) + f->missing;
	uint32_t version = rd_u32(&r) >> 28;
	uint16_t payload = rd_u16(&r);

	return !r.bad && version == 6 && 40u + payload <= room;
}

static bool holds_ip(const struct frame *f, struct reader r)
{
	return holds_ipv4(f, r) || holds_ipv6(f, r);
}

static bool holds_type(const struct frame *f, uint16_t type, struct reader r)
{
	enum { TYPE_ARP = 0x0806 };
	enum layer layer = layer_of_ethertype(type);

	while (layer == LAYER_VLAN) {
		rd_skip(&r, 2);
		type = rd_u16(&r);
		layer = layer_of_ethertype(type);
	}
	if (layer == LAYER_IPV4)
		return holds_ipv4(f, r);
	if (layer == LAYER_IPV6)
		return holds_ipv6(f, r);
	return !r.bad && (layer != LAYER_OTHER || type == TYPE_ARP);
}

static bool holds_ethernet(const struct frame *f, struct reader r)
{
	rd_skip(&r, 12);
	uint16_t type = rd_u16(&r);
	return holds_type(f, type, r);
}

/* RFC 3032 section 2.1; one layer however many labels there are. What lies below is not said:
 * RFC 4928 section 3 tells IP by its first nibble, and a nibble of 0 is the control word before
 * a frame (RFC 4385 section 3). */
enum layer parse_mpls(struct frame *f)
{
	enum { BOTTOM = 0x100 };
	uint32_t label = 0;

	while (!(label & BOTTOM)) {
		label = rd_u32(&f->in);
		if (f->in.bad)
			return frame_short(f);
	}
	if (holds_ip(f, f->in))
		return frame_enter(f, LAYER_MPLS, 0, LAYER_IP);
	struct reader word = f->in;
	if (rd_u32(&word) >> 28 == 0 && holds_ethernet(f, word))
		f->in = word;
	else if (!holds_ethernet(f, f->in))
		return LAYER_OTHER;
	return frame_enter(f, LAYER_MPLS, 0, LAYER_ETHERNET);
}

/* RFC 2516 section 4, session stage. */
enum layer parse_pppoe(struct frame *f)
{
	uint16_t version_code = rd_u16(&f->in);
	rd_skip(&f->in, 2);
	uint16_t len = rd_u16(&f->in);

	if (f->in.bad)
		return frame_short(f);
	if (version_code != 0x1100)
		return LAYER_OTHER;
	frame_cut(f, len);
	return frame_enter(f, LAYER_PPPOE, 0, LAYER_PPP);
}

/* RFC 1661 section 2, RFC 1662 section 3: address and control may be there or not, and an odd
 * first byte is a protocol number in one. Captures of serial lines say PPP where Cisco's HDLC is
 * spoken, too: its addresses are no protocol's. */
enum layer parse_ppp(struct frame *f)
{
	enum { PPP_ADDRESS = 0xff03, HDLC_UNICAST = 0x0f00, HDLC_MULTICAST = 0x8f00 };
	struct reader after = f->in;
	uint16_t address = rd_u16(&after);

	if (address == HDLC_UNICAST || address == HDLC_MULTICAST)
		return LAYER_HDLC;
	if (address == PPP_ADDRESS)
		f->in = after;
	uint16_t protocol = rd_u8(&f->in);
	if (!(protocol & 1))
		protocol = (uint16_t)(protocol << 8 | rd_u8(&f->in));
	if (f->in.bad)
		return frame_short(f);
	switch (protocol) {
	case PPP_IPV4:
		return LAYER_IPV4;
	case PPP_IPV6:
		return LAYER_IPV6;
	case PPP_MPLS:
	case PPP_MPLS_MULTICAST:
		return LAYER_MPLS;
	default:
		return LAYER_OTHER;
	}
}

/* RFC 2637 section 4.1: enhanced GRE of PPTP; its call number differs by direction. */
static enum layer parse_pptp(struct frame *f, uint16_t flags, uint16_t type)
{
	uint16_t len = rd_u16(&f->in);
	rd_skip(&f->in, 2);
	rd_skip(&f->in, (flags & GRE_SEQUENCE ? 4u : 0u) + (flags & GRE_ACKNOWLEDGEMENT ? 4u : 0u));

	if (f->in.bad)
		return frame_short(f);
	if (type != TYPE_PPP || !(flags & GRE_SEQUENCE) || !len)	/* an acknowledgement */
		return LAYER_OTHER;
	frame_cut(f, len);
	enum layer next = frame_enter(f, LAYER_GRE, 0, LAYER_PPP);
	return next == LAYER_PPP ? frame_enter(f, LAYER_PPP, 0, next) : next;
}

static enum layer layer_in_gre(uint16_t type, uint16_t flags)
{
	if (type == TYPE_ERSPAN)
		return flags & GRE_SEQUENCE ? LAYER_ERSPAN : LAYER_ERSPAN_I;
	return type == TYPE_ERSPAN_III ? LAYER_ERSPAN : layer_of_ethertype(type);
}

/* RFC 2784 section 2, RFC 2890 section 2, RFC 7637 section 3.2. */
enum layer parse_gre(struct frame *f)
{
	uint16_t flags = rd_u16(&f->in), type = rd_u16(&f->in);
	uint32_t key = 0;

	if ((flags & 7) == 1)
		return parse_pptp(f, flags, type);
	if (f->in.bad)
		return frame_short(f);
	if (flags & 7 || flags & GRE_ROUTING)	/* RFC 2784 section 2.3: to be discarded */
		return LAYER_OTHER;
	if (flags & GRE_CHECKSUM)
		rd_skip(&f->in, 4);
	if (flags & GRE_KEY)
		key = rd_u32(&f->in);
	if (flags & GRE_SEQUENCE)
		rd_skip(&f->in, 4);
	if (f->in.bad)
		return frame_short(f);
	enum layer next = layer_in_gre(type, flags);
	/* The numbers below are reserved, so such a key is a plain one; the low byte of the
	 * others differs by flow. */
	if (type == TYPE_BRIDGED && key >> 8 >= NVGRE_NETWORK_MIN) {
		f->out->network = key >> 8;
		return frame_enter(f, LAYER_NVGRE, key >> 8, next);
	}
	return frame_enter(f, flags & GRE_KEY ? LAYER_GRE_KEY : LAYER_GRE, key, next);
}

/* draft-foschiano-erspan section 4: type I has no header at all. */
enum layer parse_erspan_i(struct frame *f)
{
	return frame_enter(f, LAYER_ERSPAN_I, 0, LAYER_ETHERNET);
}

/* Types II (8 bytes, version 1) and III (12 bytes, version 2, and 8 more where its last bit says
 * so). */
enum layer parse_erspan(struct frame *f)
{
	enum { FRAME_ETHERNET = 0, FRAME_IP = 2 };
	uint16_t version = rd_u16(&f->in) >> 12;
	uint16_t session = rd_u16(&f->in) & 0x3ff;
	rd_skip(&f->in, 4);
	enum layer next = LAYER_ETHERNET;

	if (version == 2) {
		rd_skip(&f->in, 2);
		uint16_t flags = rd_u16(&f->in);
		unsigned type = flags >> 10 & 0x1f;
		if (flags & 1)
			rd_skip(&f->in, 8);
		if (type != FRAME_ETHERNET)
			next = type == FRAME_IP ? LAYER_IP : LAYER_OTHER;
	} else if (version != 1) {
		next = LAYER_OTHER;
	}
	if (f->in.bad)
		return frame_short(f);
	return next == LAYER_OTHER ? next : frame_enter(f, LAYER_ERSPAN, session, next);
}

/* RFC 2003, RFC 2473, RFC 4213: named by the version outside and that inside. */
enum layer parse_inner_ipv4(struct frame *f)
{
	bool in_ipv4 = address_is_mapped(&f->out->src);

	return frame_enter(f, in_ipv4 ? LAYER_IPIP : LAYER_4IN6, 0, LAYER_IPV4);
}

enum layer parse_inner_ipv6(struct frame *f)
{
	bool in_ipv4 = address_is_mapped(&f->out->src);

	return frame_enter(f, in_ipv4 ? LAYER_6IN4 : LAYER_6IN6, 0, LAYER_IPV6);
}

/* RFC 3378 section 3. */
enum layer parse_etherip(struct frame *f)
{
	uint16_t version = rd_u16(&f->in);

	if (f->in.bad)
		return frame_short(f);
	return version == 0x3000 ? frame_enter(f, LAYER_ETHERIP, 0, LAYER_ETHERNET) : LAYER_OTHER;
}

/* RFC 4302 section 2: authenticated, but in the clear. */
enum layer parse_ah(struct frame *f)
{
	uint8_t next = rd_u8(&f->in);
	size_t words = rd_u8(&f->in) + 2u;

	rd_skip(&f->in, words * 4 - 2);
	if (f->in.bad)
		return frame_short(f);
	f->out->protocol = next;
	return frame_enter(f, LAYER_AH, 0, layer_of_protocol(next));
}

/* IEEE 802.1ah: the service's number, then the customer's frame. */
enum layer parse_pbb(struct frame *f)
{
	uint32_t service = rd_u32(&f->in) & 0xffffff;

	if (f->in.bad)
		return frame_short(f);
	return frame_enter(f, LAYER_PBB, service, LAYER_ETHERNET);
}

static enum layer enter_network(struct frame *f, enum layer kind, uint32_t network, enum layer next)
{
	f->out->network = network;
	return frame_enter(f, kind, network, next);
}

/* RFC 7348 section 5; 0x80 and the two bytes after the flags are the group policy extension. */
static enum layer try_vxlan(struct frame *f)
{
	enum { HAS_NETWORK = 0x08, HAS_POLICY = 0x80 };
	struct reader r = f->in;
	uint8_t flags = rd_u8(&r);
	uint32_t policy = rd_u24(&r), network = rd_u24(&r);
	uint8_t reserved = rd_u8(&r);

	if ((flags & ~HAS_POLICY) != HAS_NETWORK || (policy && !(flags & HAS_POLICY)) || reserved)
		return LAYER_END;
	if (!holds_ethernet(f, r))
		return LAYER_END;
	f->in = r;
	return enter_network(f, LAYER_VXLAN, network, LAYER_ETHERNET);
}

/* draft-ietf-nvo3-vxlan-gpe section 3: says what it carries. */
static enum layer try_vxlan_gpe(struct frame *f)
{
	static const uint8_t nexts[] = { [1] = LAYER_IPV4, [2] = LAYER_IPV6, [3] = LAYER_ETHERNET };
	struct reader r = f->in;
	uint8_t flags = rd_u8(&r);
	rd_skip(&r, 2);
	uint8_t next = rd_u8(&r);
	uint32_t network = rd_u24(&r);
	rd_skip(&r, 1);

	if ((flags & 0xfc) != 0x0c || next >= sizeof nexts || !nexts[next])
		return LAYER_END;
	if (nexts[next] == LAYER_ETHERNET ? !holds_ethernet(f, r) : !holds_ip(f, r))
		return LAYER_END;
	f->in = r;
	return enter_network(f, LAYER_VXLAN_GPE, network, nexts[next]);
}

/* RFC 8926 section 3.4. */
static enum layer try_geneve(struct frame *f)
{
	struct reader r = f->in;
	uint8_t version_length = rd_u8(&r), flags = rd_u8(&r);
	uint16_t type = rd_u16(&r);
	uint32_t network = rd_u24(&r);
	uint8_t reserved = rd_u8(&r);
	rd_skip(&r, (version_length & 0x3f) * 4u);

	if (version_length >> 6 || flags & 0x3f || reserved)
		return LAYER_END;
	if (type == TYPE_BRIDGED ? !holds_ethernet(f, r) : !holds_type(f, type, r))
		return LAYER_END;
	f->in = r;
	return enter_network(f, LAYER_GENEVE, network, layer_of_ethertype(type));
}

/* 3GPP TS 29.281 section 5.2: each extension header says its length in words of four and ends
 * with the next one's type. */
static bool skip_gtp_extensions(struct reader *r)
{
	uint8_t type = rd_u8(r);

	while (type && !r->bad) {
		size_t words = rd_u8(r);
		if (!words)
			return false;
		rd_skip(r, words * 4 - 2);
		type = rd_u8(r);
	}
	return !r->bad;
}

/* 3GPP TS 29.281 section 5.1: version 1, a G-PDU. Its tunnel end differs by direction. */
static enum layer try_gtp_u(struct frame *f)
{
	enum { VERSION_1 = 0x30, EXTENSION = 4, OPTIONAL = 7, G_PDU = 255 };
	struct reader r = f->in;
	uint8_t flags = rd_u8(&r), type = rd_u8(&r);
	uint16_t len = rd_u16(&r);
	rd_skip(&r, 4);

	if ((flags & 0xf8) != VERSION_1 || type != G_PDU || len > rd_left(&r) + f->missing)
		return LAYER_END;
	if (flags & OPTIONAL) {
		rd_skip(&r, 3);
		if (!(flags & EXTENSION))
			rd_skip(&r, 1);
		else if (!skip_gtp_extensions(&r))
			return LAYER_END;
	}
	if (!holds_ip(f, r))
		return LAYER_END;
	f->in = r;
	return frame_enter(f, LAYER_GTP_U, 0, LAYER_IP);
}

/* RFC 2661 section 3.1: a data message with PPP inside; tunnel and session differ by direction. */
static enum layer try_l2tp(struct frame *f)
{
	enum {
		CONTROL = 0x8000, LENGTH = 0x4000, SEQUENCE = 0x0800, OFFSET = 0x0200,
		RESERVED = 0x34f0, VERSION = 0x000f,
	};
	struct reader r = f->in;
	size_t room = rd_left(&r) + f->missing;
	uint16_t flags = rd_u16(&r);

	if (flags & (CONTROL | RESERVED) || (flags & VERSION) != 2)
		return LAYER_END;
	if (flags & LENGTH && rd_u16(&r) > room)
		return LAYER_END;
	rd_skip(&r, 4u + (flags & SEQUENCE ? 4u : 0u));
	if (flags & OFFSET)
		rd_skip(&r, rd_u16(&r));
	struct reader ppp = r;
	uint16_t protocol = rd_u16(&ppp);
	if (protocol == 0xff03)
		protocol = rd_u16(&ppp);
	if (protocol != PPP_IPV4 && protocol != PPP_IPV6)
		return LAYER_END;
	if (protocol == PPP_IPV4 ? !holds_ipv4(f, ppp) : !holds_ipv6(f, ppp))
		return LAYER_END;
	f->in = r;
	return frame_enter(f, LAYER_L2TP, 0, LAYER_PPP);
}

/* Each goes on behind its header, or leaves the frame as it was where this is none after all. */
static const struct {
	uint16_t port;
	bool either_end;	/* answers come from the port, and not to it */
	enum layer (*try)(struct frame *f);
} tunnels[] = {
	{ .port = 1701, .either_end = true, .try = try_l2tp },
	{ .port = 2152, .either_end = true, .try = try_gtp_u },
	{ .port = 4789, .try = try_vxlan },
	{ .port = 4790, .try = try_vxlan_gpe },
	{ .port = 6081, .try = try_geneve },
	{ .port = 8472, .try = try_vxlan },	/* Linux, before the port was assigned */
};

bool tunnel_in_udp(struct frame *f, enum layer *next)
{
	for (size_t i = 0; i < sizeof tunnels / sizeof *tunnels; i++) {
		bool is_to = f->out->dst_port == tunnels[i].port;
		bool is_from = f->out->src_port == tunnels[i].port && tunnels[i].either_end;
		if (!is_to && !is_from)
			continue;
		struct bytes before = rd_peek(&f->in);
		*next = tunnels[i].try(f);
		if (f->in.at != before.at)
			return true;
	}
	return false;
}
