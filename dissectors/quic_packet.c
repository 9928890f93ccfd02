#include "dissectors/quic_packet.h"

enum { LONG_HEADER = 0x80 };

uint64_t quic_varint(struct reader *r)
{
	uint8_t first = rd_u8(r);
	uint64_t value = first & 0x3f;

	for (unsigned more = (1u << (first >> 6)) - 1; more; more--)
		value = value << 8 | rd_u8(r);
	return r->bad ? 0 : value;
}

static struct bytes read_cid(struct reader *r)
{
	uint8_t len = rd_u8(r);

	return rd_take(r, len);
}

/* What follows the connection ids where it has a packet number. */
static bool read_numbered(struct reader *r, struct quic_packet *out, struct bytes datagram)
{
	if (out->type == QUIC_INITIAL) {
		uint64_t token = quic_varint(r);

		if (token > rd_left(r))
			return false;
		out->token = rd_take(r, (size_t)token);
	}
	uint64_t length = quic_varint(r);
	if (r->bad)
		return false;
	out->number_at = datagram.len - rd_left(r);
	out->cut = length > rd_left(r);
	rd_skip(r, out->cut ? rd_left(r) : (size_t)length);
	return true;
}

static bool read_long(struct reader *r, struct quic_packet *out, struct bytes datagram)
{
	uint8_t first = rd_u8(r);

	out->version = rd_u32(r);
	out->dcid = read_cid(r);
	out->scid = read_cid(r);
	if (r->bad)
		return false;
	if (!out->version) {
		out->type = QUIC_VERSION_NEGOTIATION;
		out->rest = rd_rest(r);
		return out->rest.len && out->rest.len % 4 == 0;
	}
	out->known = quic_version_find(out->version);
	/* RFC 9000 section 17.2: 20 bytes at most; other versions may have more (RFC 8999
	 * section 5.1). */
	if (out->known && (out->dcid.len > QUIC_CID_MAX || out->scid.len > QUIC_CID_MAX))
		return false;
	if (!out->known) {
		out->rest = rd_rest(r);
		return true;
	}
	out->type = quic_version_type(out->known, first >> 4);
	if (out->type != QUIC_RETRY)
		return read_numbered(r, out, datagram);
	out->rest = rd_rest(r);
	return true;
}

bool quic_packet_next(struct reader *datagram, struct quic_packet *out)
{
	struct bytes all = rd_peek(datagram);

	if (!all.len)
		return false;
	*out = (struct quic_packet){ .type = QUIC_SHORT };
	if (!(all.at[0] & LONG_HEADER)) {
		out->whole = rd_rest(datagram);
		return true;
	}
	struct reader r = *datagram;
	bool ok = read_long(&r, out, all);
	out->whole = rd_take(datagram, ok ? all.len - rd_left(&r) : all.len);
	return ok;
}
