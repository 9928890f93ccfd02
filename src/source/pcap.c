#include "source/file.h"
#include "source/order.h"

enum { FILE_HEADER_LEN = 24 };

/* The magic as its bytes stand in the file. */
static const struct magic {
	uint32_t bytes;
	bool little;
	uint32_t ns_per_unit, record_header_len;
} magics[] = {
	{ 0x34cdb2a1, true, 1000, 24 },	/* a Linux kernel patch of 1999: interface, protocol and packet type follow */
	{ 0x4d3cb2a1, true, 1, 16 },
	{ 0xa1b23c4d, false, 1, 16 },
	{ 0xa1b2c3d4, false, 1000, 16 },
	{ 0xa1b2cd34, false, 1000, 24 },
	{ 0xd4c3b2a1, true, 1000, 16 },
};

static bool read_header(struct file *f)
{
	struct reader r = f->input.left;
	struct reader header = rd_child(&r, FILE_HEADER_LEN);
	uint32_t bytes = rd_u32(&header);
	struct pcap_state *pcap = &f->pcap;

	f->need = FILE_HEADER_LEN;
	f->piece = "file header";
	if (r.bad)
		return false;
	for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
		if (magics[i].bytes == bytes) {
			pcap->little = magics[i].little;
			pcap->ns_per_unit = magics[i].ns_per_unit;
			pcap->header_len = magics[i].record_header_len;
		}
	rd_skip(&header, 16);	/* version, zone, accuracy, snap length: nothing of it changes how records are read */
	pcap->link_type = link_type_from_file(u32_of(&header, pcap->little));
	f->input.left = r;
	f->need = pcap->header_len;
	f->piece = "packet";
	file_note_link_type(f, pcap->link_type);
	return true;
}

/* One record; whether it was whole. */
static inline bool read_record(struct file *f, struct reader *r, const struct pcap_state *pcap, struct packet *out)
{
	struct reader probe = *r;
	struct reader header = rd_child(&probe, pcap->header_len);
	uint64_t seconds = u32_of(&header, pcap->little);
	uint64_t fraction = u32_of(&header, pcap->little);
	uint32_t captured = u32_of(&header, pcap->little);
	uint32_t on_wire = u32_of(&header, pcap->little);

	out->data = rd_take(&probe, captured);
	if (__builtin_expect(probe.bad, 0)) {
		f->need = pcap->header_len + (header.bad ? 0 : captured);
		return false;
	}
	/* 2^32 seconds and as many of the fractions that cannot be are still below 2^63 nanoseconds. */
	out->time_ns = (int64_t)(seconds * 1000000000 + fraction * pcap->ns_per_unit);
	out->wire_len = on_wire > captured ? on_wire : captured;
	out->link_type = pcap->link_type;
	*r = probe;
	return true;
}

static void check_length(struct file *f)
{
	size_t captured = f->need - f->pcap.header_len;

	if (captured > RECORD_BYTES_MAX)
		file_damage(f, "a packet of %zu bytes cannot be", captured);
}

static size_t pcap_read(struct file *f, struct packet *out, size_t max)
{
	struct pcap_state pcap = f->pcap;
	struct reader left;
	size_t count = 0;

	if (!pcap.header_len && !read_header(f))
		return 0;
	pcap = f->pcap;
	left = f->input.left;
	while (count < max && read_record(f, &left, &pcap, &out[count]))
		out[count++].number = ++f->packets;
	f->input.left = left;
	if (count < max)
		check_length(f);
	if (count && f->packets == count && !file_add_link_type(f, pcap.link_type))
		return 0;
	return count;
}

static void pcap_finish(struct file *f)
{
	(void)f;
}

const struct file_format pcap_format = { pcap_read, pcap_finish };
