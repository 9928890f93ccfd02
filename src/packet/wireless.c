#include "packet/layer.h"

/* https://www.radiotap.org: the present words tell where its flags stand; one of them says that
 * the 802.11 header was padded to whole words. */
static bool radiotap_says_padded(struct reader header)
{
	enum { HAS_TIME = 1, HAS_FLAGS = 2, PADDED = 0x20 };
	struct reader start = header;
	rd_skip(&header, 4);
	uint32_t present = rd_u32_le(&header), first = present;

	while (present >> 31 && !header.bad)
		present = rd_u32_le(&header);
	if (!(first & HAS_FLAGS))
		return false;
	if (first & HAS_TIME)	/* eight bytes on a boundary of eight */
		rd_skip(&header, (8 - (size_t)(header.at - start.at) % 8) % 8 + 8);
	return rd_u8(&header) & PADDED;
}

enum layer parse_radiotap(struct frame *f)
{
	struct reader r = f->in;

	rd_skip(&r, 2);
	uint16_t len = rd_u16_le(&r);
	struct reader header = rd_child(&f->in, len);
	if (r.bad || f->in.bad)
		return frame_short(f);
	if (len < 8)
		return frame_end(f, DECAP_MALFORMED);
	f->wireless_padded = radiotap_says_padded(header);
	return LAYER_WIRELESS;
}

/* The headers of the Prism drivers and of AVS: a magic number, then the length of it all, AVS's
 * big-endian. */
enum layer parse_prism(struct frame *f)
{
	enum { AVS_MAGIC = 0x80211, LEAST = 8 };
	struct reader r = f->in;
	bool is_avs = rd_u32(&r) >> 12 == AVS_MAGIC;
	uint32_t len = is_avs ? rd_u32(&r) : rd_u32_le(&r);

	rd_skip(&f->in, len);
	if (r.bad || f->in.bad)
		return frame_short(f);
	return len < LEAST ? frame_end(f, DECAP_MALFORMED) : LAYER_WIRELESS;
}

/* IEEE 802.11-2020 table 9-30: which of the addresses are the ends', by the two DS bits. */
static void keep_macs(struct segment *out, unsigned ds, const struct bytes address[4])
{
	static const struct {
		uint8_t dst, src;
	} ends[4] = { { 0, 1 }, { 2, 1 }, { 0, 2 }, { 2, 3 } };

	if (out->encapsulation.depth)
		return;
	out->has_mac = true;
	memcpy(out->dst_mac, address[ends[ds].dst].at, 6);
	memcpy(out->src_mac, address[ends[ds].src].at, 6);
}

/* IEEE 802.11-2020 section 9.2.4 and 9.3.2: data frames in the clear. Of an aggregate the first
 * frame only. */
enum layer parse_wireless(struct frame *f)
{
	enum {
		TYPE = 0x0c, DATA = 0x08, EMPTY = 0x40, QOS = 0x80, DS = 0x300,
		MORE_FRAGMENTS = 0x400, PROTECTED = 0x4000, HT = 0x8000, AGGREGATE = 0x80,
	};
	struct reader start = f->in;
	uint16_t control = rd_u16_le(&f->in);
	struct bytes address[4] = { 0 };

	if (f->in.bad)
		return frame_short(f);
	if ((control & (TYPE | 3)) != DATA || control & (EMPTY | MORE_FRAGMENTS | PROTECTED))
		return LAYER_OTHER;
	rd_skip(&f->in, 2);
	for (int i = 0; i < 3; i++)
		address[i] = rd_take(&f->in, 6);
	uint16_t sequence = rd_u16_le(&f->in), qos = 0;
	if ((control & DS) == DS)
		address[3] = rd_take(&f->in, 6);
	if (control & QOS)
		qos = rd_u16_le(&f->in);
	if (control & QOS && control & HT)
		rd_skip(&f->in, 4);
	size_t used = (size_t)(f->in.at - start.at);
	if (f->wireless_padded)
		rd_skip(&f->in, (4 - used % 4) % 4);
	if (f->in.bad)
		return frame_short(f);
	if (sequence & 15)	/* a later fragment */
		return LAYER_OTHER;
	keep_macs(f->out, control >> 8 & 3, address);
	return qos & AGGREGATE ? LAYER_ETHERNET : LAYER_LLC;
}
