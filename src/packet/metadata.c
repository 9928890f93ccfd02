/* Link types that put what the system knows of a packet before it. */
#include "packet/layer.h"

/* https://www.tcpdump.org/linktypes/LINKTYPE_NFLOG.html: attributes in the byte order of the
 * host that captured; the packet is one of them. */
enum layer parse_nflog(struct frame *f)
{
	enum { PAYLOAD = 9, HEADER = 4, TYPE = 0x7fff };
	rd_skip(&f->in, 4);

	while (rd_more(&f->in)) {
		uint16_t len = rd_u16_le(&f->in), type = rd_u16_le(&f->in);
		if ((type & TYPE) > 0xff) {	/* no such attribute: the other byte order */
			len = __builtin_bswap16(len);
			type = __builtin_bswap16(type);
		}
		if (f->in.bad || len < HEADER)
			break;
		if ((type & TYPE) == PAYLOAD) {
			frame_cut(f, len - HEADER);
			return LAYER_IP;
		}
		rd_skip(&f->in, (len + 3u) / 4 * 4 - HEADER);
	}
	return frame_short(f);
}

/* What follows is a frame of another link type. */
static enum layer inner_link(uint32_t link_type)
{
	enum layer next = layer_of_link(link_type);

	return next == LAYER_END ? LAYER_OTHER : next;
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_PKTAP.html */
enum layer parse_pktap(struct frame *f)
{
	enum { LEAST = 12, IS_PACKET = 1 };
	uint32_t len = rd_u32_le(&f->in), record = rd_u32_le(&f->in), link_type = rd_u32_le(&f->in);

	if (f->in.bad)
		return frame_short(f);
	if (len < LEAST)
		return frame_end(f, DECAP_MALFORMED);
	rd_skip(&f->in, len - LEAST);
	if (f->in.bad)
		return frame_short(f);
	return record == IS_PACKET ? inner_link(link_type) : LAYER_OTHER;
}

/* Per-Packet Information: version, flags, length and link type, little-endian. */
enum layer parse_ppi(struct frame *f)
{
	enum { LEAST = 8 };
	rd_skip(&f->in, 2);
	uint16_t len = rd_u16_le(&f->in);
	uint32_t link_type = rd_u32_le(&f->in);

	if (f->in.bad)
		return frame_short(f);
	if (len < LEAST)
		return frame_end(f, DECAP_MALFORMED);
	rd_skip(&f->in, len - LEAST);
	return f->in.bad ? frame_short(f) : inner_link(link_type);
}

/* https://www.tcpdump.org/linktypes/LINKTYPE_IPNET.html: 24 bytes of Solaris before the packet. */
enum layer parse_ipnet(struct frame *f)
{
	rd_skip(&f->in, 24);
	return f->in.bad ? frame_short(f) : LAYER_IP;
}

/* LINKTYPE_ENC of OpenBSD: address family, security association, flags. */
enum layer parse_ipsec(struct frame *f)
{
	rd_skip(&f->in, 12);
	return f->in.bad ? frame_short(f) : LAYER_IP;
}

/* LINKTYPE_PFLOG: says its length, without its padding, in its first byte. */
enum layer parse_pflog(struct frame *f)
{
	unsigned len = (rd_u8(&f->in) + 3u) / 4 * 4;

	if (f->in.bad)
		return frame_short(f);
	if (!len)
		return frame_end(f, DECAP_MALFORMED);
	rd_skip(&f->in, len - 1);
	return f->in.bad ? frame_short(f) : LAYER_IP;
}
