#include "source/file.h"

#include <stdlib.h>

#include "base/xmalloc.h"
#include "source/order.h"

enum block_type {
	BLOCK_INTERFACE = 1,
	BLOCK_PACKET = 2,
	BLOCK_SIMPLE_PACKET = 3,
	BLOCK_ENHANCED_PACKET = 6,
	BLOCK_JOURNAL = 9,
	BLOCK_SECRETS = 10,
	BLOCK_CUSTOM = 0x00000bad,
	BLOCK_CUSTOM_NOT_COPIED = 0x40000bad,
	BLOCK_SECTION = 0x0a0d0d0a,
};

enum { BLOCK_AROUND = 12, SECRETS_TLS_KEY_LOG = 0x544c534b };

struct block {
	uint32_t type;
	struct reader body;
};

/* Section 4.1: the type reads the same either way; the magic behind the length tells the byte order. */
static bool read_order(struct file *f, struct reader probe)
{
	uint32_t magic;

	rd_skip(&probe, 8);
	magic = rd_u32(&probe);
	f->need = BLOCK_AROUND;
	if (probe.bad)
		return false;
	if (magic != 0x1a2b3c4d && magic != 0x4d3c2b1a) {
		file_damage(f, "a section without its byte-order magic");
		return false;
	}
	f->pcapng.little = magic == 0x4d3c2b1a;
	return true;
}

static bool is_kept(uint32_t type)
{
	return (type >= BLOCK_INTERFACE && type <= BLOCK_SIMPLE_PACKET) || type == BLOCK_ENHANCED_PACKET
		|| type == BLOCK_SECTION;
}

static void pass_over(struct file *f)
{
	size_t there = rd_left(&f->input.left);
	size_t now = f->pcapng.skip < there ? (size_t)f->pcapng.skip : there;

	rd_skip(&f->input.left, now);
	f->pcapng.skip -= now;
	f->need = f->pcapng.skip ? 1 : BLOCK_AROUND;
}

/* A block that is not in the buffer as a whole: wait for it, or pass over it where it is too long to hold. */
static void wait_for_block(struct file *f, uint32_t type, uint32_t len)
{
	f->need = len;
	if (len <= RECORD_BYTES_MAX)
		return;
	if (is_kept(type))
		file_damage(f, "a block of %u bytes cannot be", len);
	f->secrets_skipped += type == BLOCK_SECRETS;
	f->pcapng.skip = len;
	f->pcapng.skip_at = input_offset(&f->input);
	pass_over(f);
}

/* Section 3.1. False: the block is not there as a whole, or cannot be right. */
static inline bool take_block(struct file *f, struct reader *left, struct block *b)
{
	struct reader probe = *left;
	struct reader head = rd_child(&probe, 8);
	bool little = f->pcapng.little;
	uint32_t len, len_again;

	b->type = u32_of(&head, little);
	if (b->type == BLOCK_SECTION) {
		if (!read_order(f, *left))
			return false;
		little = f->pcapng.little;
	}
	len = u32_of(&head, little);
	f->need = BLOCK_AROUND;
	if (head.bad)
		return false;
	if (len < BLOCK_AROUND) {
		file_damage(f, "a block of %u bytes cannot be", len);
		return false;
	}
	b->body = rd_child(&probe, len - BLOCK_AROUND);
	len_again = u32_of(&probe, little);
	if (__builtin_expect(probe.bad, 0)) {
		wait_for_block(f, b->type, len);
		return false;
	}
	if (len != len_again) {
		file_damage(f, "a block that is %u bytes long in front and %u behind", len, len_again);
		return false;
	}
	*left = probe;
	return true;
}

/* Section 4.2: if_tsresol, the negative power of ten or, with the upper bit, of two. */
static void set_resolution(struct resolution *out, uint8_t value)
{
	uint8_t power = value & 0x7f;

	*out = (struct resolution){ .multiply = 1000000000, .divide = 1, .offset_ns = out->offset_ns };
	if (value & 0x80) {
		out->shift = power;
		return;
	}
	for (; power && out->multiply > 1; power--)
		out->multiply /= 10;
	/* Beyond 10^-28 every stamp of 64 bits is less than a nanosecond. */
	for (; power && out->divide < UINT64_MAX / 10; power--)
		out->divide *= 10;
}

static void set_offset(struct resolution *out, int64_t seconds)
{
	if (__builtin_mul_overflow(seconds, 1000000000, &out->offset_ns))
		out->offset_ns = seconds < 0 ? INT64_MIN : INT64_MAX;
}

static inline int64_t stamp_ns(const struct resolution *r, uint64_t stamp)
{
	unsigned __int128 ns = (unsigned __int128)stamp * r->multiply;
	int64_t sum;

	if (r->divide > 1)
		ns /= r->divide;
	ns >>= r->shift;
	if (ns > INT64_MAX)
		ns = INT64_MAX;
	if (__builtin_add_overflow((int64_t)ns, r->offset_ns, &sum))
		return r->offset_ns < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

/* Options that are cut lose only themselves: what was read of the block before stands. */
static void read_interface_options(struct reader r, bool little, struct resolution *out)
{
	enum { OPTION_END = 0, IF_TSRESOL = 9, IF_TSOFFSET = 14 };

	while (rd_more(&r)) {
		uint16_t code = u16_of(&r, little);
		uint16_t len = u16_of(&r, little);
		struct reader value = rd_child(&r, len);

		if (code == OPTION_END)
			return;
		if (code == IF_TSRESOL && len == 1 && !value.bad)
			set_resolution(out, rd_u8(&value));
		if (code == IF_TSOFFSET && len == 8 && !value.bad)
			set_offset(out, (int64_t)u64_of(&value, little));
		rd_skip(&r, -(size_t)len & 3);
	}
}

/* Section 4.2 */
static void read_interface(struct file *f, struct reader body)
{
	struct pcapng_state *ng = &f->pcapng;
	struct interface new = { .link_type = link_type_from_file(u16_of(&body, ng->little)) };

	rd_skip(&body, 2);
	new.snaplen = u32_of(&body, ng->little);
	set_resolution(&new.resolution, 6);
	if (body.bad) {
		file_damage(f, "an interface block without its link type");
		return;
	}
	if (ng->interface_count == INTERFACES_MAX) {
		file_damage(f, "more than %d interfaces in one section", INTERFACES_MAX);
		return;
	}
	read_interface_options(body, ng->little, &new.resolution);
	if (ng->interface_count == ng->interface_room) {
		ng->interface_room = ng->interface_room ? 2 * ng->interface_room : 4;
		ng->interfaces = xrealloc(ng->interfaces, ng->interface_room * sizeof new);
	}
	ng->interfaces[ng->interface_count++] = new;
	file_note_link_type(f, new.link_type);
}

/* Section 4.1: interfaces are counted anew in each section. */
static void read_section(struct file *f, struct reader body)
{
	uint16_t major;

	rd_skip(&body, 4);
	major = u16_of(&body, f->pcapng.little);
	if (major != 1)
		file_damage(f, "a section of pcapng version %u, which is not known,", major);
	f->pcapng.interface_count = 0;
}

/* Section 4.7 */
static void read_secrets(struct file *f, struct reader body)
{
	uint32_t type = u32_of(&body, f->pcapng.little);
	struct bytes text = rd_take(&body, u32_of(&body, f->pcapng.little));

	if (type == SECRETS_TLS_KEY_LOG && !body.bad)
		file_add_secrets(f, text);
}

/* Wireshark, whose numbers ours are, counts entries of a journal and of private use as frames. */
static void number_it(struct file *f, struct reader body)
{
	(void)body;
	f->packets++;
}

static const struct {
	enum block_type type;
	void (*read)(struct file *f, struct reader body);
} blocks[] = {
	{ BLOCK_INTERFACE, read_interface },
	{ BLOCK_JOURNAL, number_it },
	{ BLOCK_SECRETS, read_secrets },
	{ BLOCK_CUSTOM, number_it },
	{ BLOCK_CUSTOM_NOT_COPIED, number_it },
	{ BLOCK_SECTION, read_section },
};

static void read_other_block(struct file *f, const struct block *b)
{
	for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++)
		if (blocks[i].type == b->type)
			blocks[i].read(f, b->body);
}

/* The interface of a packet; NULL (and damage) where the section has none of that number. */
static inline struct interface *interface_at(struct file *f, uint32_t index)
{
	struct interface *i;

	if (index >= f->pcapng.interface_count) {
		file_damage(f, "a packet of interface %u, of which nothing was said,", index);
		return NULL;
	}
	i = &f->pcapng.interfaces[index];
	if (!i->used && !file_add_link_type(f, i->link_type))
		return NULL;
	i->used = true;
	return i;
}

/* Section 4.3, and appendix A for the block that it replaced. */
static inline bool read_packet(struct file *f, const struct block *b, struct packet *out)
{
	bool little = f->pcapng.little;
	struct reader body = b->body;
	uint32_t index = b->type == BLOCK_PACKET ? u16_of(&body, little) : u32_of(&body, little);
	struct interface *interface = interface_at(f, index);
	uint64_t stamp;
	uint32_t captured, on_wire;

	if (b->type == BLOCK_PACKET)
		rd_skip(&body, 2);	/* drops */
	stamp = (uint64_t)u32_of(&body, little) << 32;
	stamp |= u32_of(&body, little);
	captured = u32_of(&body, little);
	on_wire = u32_of(&body, little);
	out->data = rd_take(&body, captured);
	if (!interface)
		return false;
	if (body.bad) {
		file_damage(f, "a packet that is longer than its block");
		return false;
	}
	out->time_ns = f->pcapng.last_ns = stamp_ns(&interface->resolution, stamp);
	out->wire_len = on_wire > captured ? on_wire : captured;
	out->link_type = interface->link_type;
	return true;
}

/* Section 4.4: of the first interface, without a time; its snap length tells how much was captured. */
static bool read_simple_packet(struct file *f, const struct block *b, struct packet *out)
{
	struct reader body = b->body;
	struct interface *interface = interface_at(f, 0);
	uint32_t on_wire = u32_of(&body, f->pcapng.little);
	size_t captured = on_wire;

	if (!interface)
		return false;
	if (body.bad) {
		file_damage(f, "a simple packet without its length");
		return false;
	}
	if (interface->snaplen && captured > interface->snaplen)
		captured = interface->snaplen;
	if (captured > rd_left(&body))
		captured = rd_left(&body);
	out->data = rd_take(&body, captured);
	out->time_ns = f->pcapng.last_ns;
	out->wire_len = on_wire;
	out->link_type = interface->link_type;
	return true;
}

static inline bool is_packet(uint32_t type)
{
	return type == BLOCK_ENHANCED_PACKET || type == BLOCK_SIMPLE_PACKET || type == BLOCK_PACKET;
}

static inline bool read_any_packet(struct file *f, const struct block *b, struct packet *out)
{
	if (b->type == BLOCK_SIMPLE_PACKET)
		return read_simple_packet(f, b, out);
	return read_packet(f, b, out);
}

/* Damage is told of where the block begins: input.left moves on only when it was read. */
static size_t pcapng_read(struct file *f, struct packet *out, size_t max)
{
	size_t count = 0;
	struct block b;

	f->piece = "block";
	if (f->pcapng.skip)
		pass_over(f);
	while (!f->damaged && !f->pcapng.skip) {
		struct reader left = f->input.left;

		if (!take_block(f, &left, &b))
			break;
		if (!is_packet(b.type)) {
			read_other_block(f, &b);
		} else if (count == max) {
			break;
		} else if (read_any_packet(f, &b, &out[count])) {
			out[count++].number = ++f->packets;
		}
		if (!f->damaged)
			f->input.left = left;
	}
	return count;
}

static void pcapng_finish(struct file *f)
{
	free(f->pcapng.interfaces);
}

const struct file_format pcapng_format = { pcapng_read, pcapng_finish };
