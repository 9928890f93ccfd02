#include "packet/layer.h"

enum { TCP_OPTION_END = 0, TCP_OPTION_NOTHING = 1, TCP_OPTION_MD5 = 19, TCP_OPTION_MD5_LEN = 18 };

/* What is left is the payload. */
static enum layer segment_end(struct frame *f, uint8_t protocol)
{
	struct bytes payload = rd_peek(&f->in);
	struct segment *out = f->out;

	out->payload_len = (uint32_t)(payload.len + f->missing);
	out->payload = payload;
	out->protocol = protocol;
	return frame_end(f, DECAP_SEGMENT);
}

/* RFC 9293 section 3.2. */
static bool has_md5_option(struct reader options)
{
	while (rd_more(&options)) {
		uint8_t kind = rd_u8(&options);
		if (kind == TCP_OPTION_NOTHING)
			continue;
		if (kind == TCP_OPTION_END)
			return false;
		uint8_t len = rd_u8(&options);
		if (len < 2)
			return false;
		if (kind == TCP_OPTION_MD5)
			return len == TCP_OPTION_MD5_LEN;
		rd_skip(&options, len - 2u);
	}
	return false;
}

/* The snap length cut the header itself: a segment without a byte of payload, if the wire had as
 * much. */
static enum layer end_in_header(struct frame *f, size_t rest)
{
	size_t beyond = rest - rd_left(&f->in);

	if (beyond > f->missing)
		return frame_end(f, DECAP_MALFORMED);
	f->missing -= beyond;
	(void)rd_rest(&f->in);
	f->out->transport = (struct bytes){ NULL, 0 };
	return segment_end(f, PROTOCOL_TCP);
}

/* RFC 9293 section 3.1. The first 14 bytes suffice, which is all that a snap length of 68 leaves
 * of TCP over IPv6. */
enum layer parse_tcp(struct frame *f)
{
	struct segment *out = f->out;
	struct bytes transport = rd_peek(&f->in);
	struct reader h = rd_child(&f->in, 14), rest = f->in;

	if (h.bad)
		return frame_short(f);
	out->transport = transport;
	out->src_port = rd_u16(&h);
	out->dst_port = rd_u16(&h);
	out->seq = rd_u32(&h);
	out->ack = rd_u32(&h);
	unsigned header = (rd_u8(&h) >> 4) * 4u;
	out->flags = rd_u8(&h);
	out->window = rd_u16(&rest);
	out->has_md5 = false;
	if (header < 20)
		return frame_end(f, DECAP_MALFORMED);
	if (header > transport.len)
		return end_in_header(f, header - 14);
	struct reader options = rd_child(&f->in, header - 14);
	if (header >= 20 + TCP_OPTION_MD5_LEN) {	/* timestamps alone leave no room for it */
		rd_skip(&options, 6);
		out->has_md5 = has_md5_option(options);
	}
	return segment_end(f, PROTOCOL_TCP);
}

/* RFC 768. */
enum layer parse_udp(struct frame *f)
{
	struct segment *out = f->out;
	struct bytes transport = rd_peek(&f->in);
	struct reader h = rd_child(&f->in, 8);

	if (h.bad)
		return frame_short(f);
	out->src_port = rd_u16(&h);
	out->dst_port = rd_u16(&h);
	uint16_t len = rd_u16(&h);
	if (len && len < 8)
		return frame_end(f, DECAP_MALFORMED);
	if (len)
		frame_cut(f, len - 8u);
	enum layer inner;
	if (tunnel_in_udp(f, &inner))
		return inner;
	out->transport = (struct bytes){ transport.at, rd_left(&f->in) + 8 };
	out->seq = out->ack = 0;
	out->flags = 0;
	out->window = 0;
	out->has_md5 = false;
	return segment_end(f, PROTOCOL_UDP);
}

/* Two words of 64 bits that are added at once. */
typedef uint64_t pair __attribute__((vector_size(16)));

static uint64_t add_carrying(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* Half a word in a whole one, so that no carry is lost. */
static inline pair halves(pair word)
{
	return (word & UINT32_MAX) + (word >> 32);
}

/* RFC 1071: the sum of 16-bit words in either byte order, folded at the end. */
static uint64_t sum_words(uint64_t sum, struct bytes b)
{
	struct reader r = reader_of(b);
	pair total = { 0 }, block[4];

	while (rd_left(&r) >= sizeof block) {
		memcpy(block, rd_take(&r, sizeof block).at, sizeof block);
		total += halves(block[0]) + halves(block[1]) + halves(block[2]) + halves(block[3]);
	}
	sum = add_carrying(sum, total[0] + total[1]);
	while (rd_more(&r)) {
		uint64_t word = 0;
		struct bytes part = rd_take(&r, rd_left(&r) < sizeof word ? rd_left(&r) : sizeof word);
		memcpy(&word, part.at, part.len);
		sum = add_carrying(sum, word);
	}
	return sum;
}

static uint64_t sum_address(uint64_t sum, const struct address *a)
{
	uint64_t half[2];

	memcpy(half, a->at, sizeof half);
	return add_carrying(add_carrying(sum, half[0]), half[1]);
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* RFC 9293 section 3.1, RFC 768, RFC 8200 section 8.1: the pseudo-header of zeroes does not
 * change a sum, so both versions share one form. */
bool segment_checksum_fits(const struct segment *s)
{
	if (!s->transport.len || s->payload.len != s->payload_len)
		return true;
	struct reader checksum = reader_of(s->transport);
	rd_skip(&checksum, 6);
	if (s->protocol == PROTOCOL_UDP && !rd_u16(&checksum))
		return true;

	/* What stands before a mapped IPv4 address is twice ffff for the two, which is zero here. */
	uint64_t sum = __builtin_bswap32((uint32_t)s->transport.len);
	sum += __builtin_bswap16(s->protocol);
	sum = sum_address(sum, &s->src);
	sum = sum_address(sum, &s->dst);
	return fold(sum_words(sum, s->transport)) == 0xffff;
}
