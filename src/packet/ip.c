#include "packet/layer.h"

/* https://www.iana.org/assignments/protocol-numbers */
static const uint8_t protocols[256] = {
	[0] = LAYER_IPV6_EXTENSION,	/* hop-by-hop options */
	[4] = LAYER_INNER_IPV4,
	[6] = LAYER_TCP,
	[17] = LAYER_UDP,
	[41] = LAYER_INNER_IPV6,
	[43] = LAYER_IPV6_EXTENSION,	/* routing */
	[44] = LAYER_IPV6_EXTENSION,	/* fragment */
	[47] = LAYER_GRE,
	[51] = LAYER_AH,
	[60] = LAYER_IPV6_EXTENSION,	/* destination options */
	[97] = LAYER_ETHERIP,
	[135] = LAYER_IPV6_EXTENSION,	/* mobility */
	[137] = LAYER_MPLS,
	[139] = LAYER_IPV6_EXTENSION,	/* host identity */
	[140] = LAYER_IPV6_EXTENSION,	/* shim6 */
};

enum { IPV6_FRAGMENT_HEADER = 44 };

enum layer layer_of_protocol(uint8_t protocol)
{
	return protocols[protocol] ? protocols[protocol] : LAYER_OTHER;
}

static enum layer fragment_end(struct frame *f, struct fragment fragment)
{
	f->out->fragment = fragment;
	f->out->payload = rd_peek(&f->in);
	f->out->payload_len = (uint32_t)(f->out->payload.len + f->missing);
	return frame_end(f, DECAP_FRAGMENT);
}

enum layer parse_ip(struct frame *f)
{
	struct reader first = f->in;
	unsigned version = rd_u8(&first) >> 4;

	if (first.bad)
		return frame_short(f);
	if (version == 4)
		return LAYER_IPV4;
	return version == 6 ? LAYER_IPV6 : frame_end(f, DECAP_MALFORMED);
}

static void map_address(struct address *a, struct bytes ipv4)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	memcpy(a->at, prefix, sizeof prefix);
	memcpy(a->at + sizeof prefix, ipv4.at, 4);
}

/* RFC 791 section 3.1. The bytes are all read before anything is stored, which lets the compiler
 * keep them in registers. */
enum layer parse_ipv4(struct frame *f)
{
	struct reader h = rd_child(&f->in, 20);

	if (h.bad)
		return frame_short(f);
	uint8_t version_length = rd_u8(&h);
	rd_skip(&h, 1);
	uint16_t total = rd_u16(&h), id = rd_u16(&h), place = rd_u16(&h);
	uint8_t ttl = rd_u8(&h), protocol = rd_u8(&h);
	rd_skip(&h, 2);

	unsigned header = (version_length & 15) * 4u;
	if (version_length >> 4 != 4 || header < 20 || (total && total < header))
		return frame_end(f, DECAP_MALFORMED);
	if (total)	/* a 0 is left to the network card to fill in: all there is counts */
		frame_cut(f, total - 20u);
	if (header > 20)
		rd_skip(&f->in, header - 20);
	if (f->in.bad)
		return frame_short(f);

	struct segment *out = f->out;
	out->ttl = ttl;
	out->protocol = protocol;
	map_address(&out->src, rd_take(&h, 4));
	map_address(&out->dst, rd_take(&h, 4));
	if (place & 0x3fff)
		return fragment_end(f, (struct fragment){
			.id = id, .offset = (place & 0x1fffu) * 8, .more = place & 0x2000 });
	return layer_of_protocol(protocol);
}

/* RFC 8200 section 3. */
enum layer parse_ipv6(struct frame *f)
{
	struct reader h = rd_child(&f->in, 40);

	if (h.bad)
		return frame_short(f);
	uint32_t version = rd_u32(&h) >> 28;
	uint16_t payload = rd_u16(&h);
	uint8_t protocol = rd_u8(&h), ttl = rd_u8(&h);
	if (version != 6)
		return frame_end(f, DECAP_MALFORMED);
	if (payload)
		frame_cut(f, payload);

	struct segment *out = f->out;
	out->ttl = ttl;
	out->protocol = protocol;
	memcpy(out->src.at, rd_take(&h, 16).at, 16);
	memcpy(out->dst.at, rd_take(&h, 16).at, 16);
	return layer_of_protocol(protocol);
}

/* RFC 8200 section 4.5. A packet in one piece ("atomic", RFC 6946) needs nobody to wait for the
 * others. */
static enum layer parse_fragment(struct frame *f)
{
	uint8_t next = rd_u8(&f->in);
	rd_skip(&f->in, 1);
	uint16_t place = rd_u16(&f->in);
	uint32_t id = rd_u32(&f->in);

	if (f->in.bad)
		return frame_short(f);
	f->out->protocol = next;
	if (!(place & 0xfff9))
		return layer_of_protocol(next);
	return fragment_end(f, (struct fragment){
		.id = id, .offset = place & 0xfff8u, .more = place & 1, .is_ipv6 = true });
}

/* One extension header, the one that out->protocol names: RFC 8200 sections 4.3 to 4.6. */
enum layer parse_ipv6_extension(struct frame *f)
{
	if (f->ipv6_headers == IPV6_HEADERS_MAX) {
		f->limits->bitten[LIMIT_IPV6_HEADERS]++;
		return frame_end(f, DECAP_MALFORMED);
	}
	f->ipv6_headers++;
	if (f->out->protocol == IPV6_FRAGMENT_HEADER)
		return parse_fragment(f);
	uint8_t next = rd_u8(&f->in);
	size_t units = rd_u8(&f->in);
	rd_skip(&f->in, 6 + units * 8);
	if (f->in.bad)
		return frame_short(f);
	f->out->protocol = next;
	return layer_of_protocol(next);
}
