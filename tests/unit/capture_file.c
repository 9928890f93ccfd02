#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lz4frame.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/buffer.h"
#include "source/file.h"

/* Two packets, of three and of two bytes; the second was five bytes on the wire. */
static const uint8_t pcap_little[] = {
	0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
	1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c',
	2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 'd', 'e',
};
static const uint8_t pcap_big_nanosecond[] = {
	0xa1, 0xb2, 0x3c, 0x4d, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0x14, 0, 0, 101,
	0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 'a', 'b', 'c',
	0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 5, 'd', 'e',
};
/* With an interface's number, a protocol and a packet type in each record. */
static const uint8_t pcap_modified[] = {
	0x34, 0xcd, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0,
	1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 8, 0, 0, 0, 'a', 'b', 'c',
};

/* Ethernet in microseconds, raw IP in 2^-10 s; an enhanced, an unknown, an enhanced and a simple packet block. */
static const uint8_t pcapng_little[] = {
	0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 28, 0, 0, 0,
	1, 0, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 20, 0, 0, 0,
	1, 0, 0, 0, 32, 0, 0, 0, 101, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 0, 0x8a, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0,
	6, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x42, 0x42, 0xf, 0, 3, 0, 0, 0, 3, 0, 0, 0, 'a', 'b', 'c', 0,
	36, 0, 0, 0,
	0xef, 0xbe, 0, 0, 16, 0, 0, 0, 1, 2, 3, 4, 16, 0, 0, 0,
	6, 0, 0, 0, 36, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xa, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 'd', 'e', 0, 0,
	36, 0, 0, 0,
	3, 0, 0, 0, 20, 0, 0, 0, 9, 0, 0, 0, 'f', 'g', 'h', 'i', 20, 0, 0, 0,
};
enum { PCAPNG_PACKETS_AT = 28 + 20 + 32, PCAPNG_PACKETS = 3 };

/* A section with an interface in nanoseconds, an hour late, and an obsolete packet block. */
static const uint8_t pcapng_big[] = {
	0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 28,
	0, 0, 0, 1, 0, 0, 0, 44, 0, 113, 0, 0, 0, 0, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0,
	0, 14, 0, 8, 0, 0, 0, 0, 0, 0, 0x0e, 0x10, 0, 0, 0, 0, 0, 0, 0, 44,
	0, 0, 0, 2, 0, 0, 0, 36, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 0, 1, 'z', 0, 0, 0, 0, 0, 0, 36,
};

static struct bytes bytes_of(const void *at, size_t len)
{
	return (struct bytes){ at, len };
}

#define ALL(array) bytes_of(array, sizeof(array))

static int fd_of(struct bytes content)
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content.at, content.len), content.len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static struct source *open_with(struct bytes content, const struct source_options *options)
{
	struct source *s = NULL;
	struct error error;

	if (!file_open(fd_of(content), "x.pcap", options, &s, &error))
		fail_msg("%s", error.text);
	return s;
}

static struct source *open_bytes(struct bytes content)
{
	return open_with(content, &(struct source_options){ 0 });
}

enum { PACKETS_MAX = 16 };

struct reading {
	size_t count;
	struct packet packets[PACKETS_MAX];
	enum source_state state;
};

/* For captures that one buffer holds, whose packets all stay in place. */
static struct reading read_all(struct source *s)
{
	struct reading r = { 0 };

	do
		r.count += source_read(s, r.packets + r.count, PACKETS_MAX - r.count, &r.state);
	while (r.state == SOURCE_MORE);
	return r;
}

static void assert_packet(const struct packet *p, uint64_t number, int64_t time_ns, const char *data, uint32_t wire_len,
	uint16_t link_type)
{
	assert_int_equal(p->number, number);
	assert_int_equal(p->time_ns, time_ns);
	assert_int_equal(p->data.len, strlen(data));
	assert_memory_equal(p->data.at, data, p->data.len);
	assert_int_equal(p->wire_len, wire_len);
	assert_int_equal(p->link_type, link_type);
}

static void assert_two_packets(struct bytes content, int64_t unit_ns, uint16_t link_type, const char *name)
{
	struct source *s = open_bytes(content);
	struct reading r = read_all(s);

	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.count, 2);
	assert_packet(&r.packets[0], 1, 1000000000 + 2 * unit_ns, "abc", 3, link_type);
	assert_packet(&r.packets[1], 2, 2000000000 + 3 * unit_ns, "de", 5, link_type);
	assert_string_equal(source_link_types(s), name);
	assert_null(source_error(s));
	source_close(s);
}

static void a_pcap_file_gives_its_packets(void **state)
{
	(void)state;
	assert_two_packets(ALL(pcap_little), 1000, 1, "EN10MB");
}

static void a_big_endian_file_in_nanoseconds_with_a_check_sequence_does_too(void **state)
{
	(void)state;
	assert_two_packets(ALL(pcap_big_nanosecond), 1, 101, "RAW");
}

static void the_longer_records_of_a_modified_file_are_read(void **state)
{
	struct source *s = open_bytes(ALL(pcap_modified));
	struct reading r = read_all(s);

	(void)state;
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.count, 1);
	assert_packet(&r.packets[0], 1, 1000002000, "abc", 3, 1);
	source_close(s);
}

static void a_fraction_of_more_than_a_second_is_taken_as_it_is(void **state)
{
	uint8_t odd[sizeof pcap_little];
	struct source *s;
	struct reading r;

	(void)state;
	memcpy(odd, pcap_little, sizeof odd);
	memset(odd + 24, 0xff, 8);
	s = open_bytes(ALL(odd));
	r = read_all(s);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.packets[0].time_ns, 4294967295LL * 1000000000 + 4294967295LL * 1000);
	source_close(s);
}

static void a_header_alone_is_a_capture_without_packets(void **state)
{
	struct source *s = open_bytes(bytes_of(pcap_little, 24));

	(void)state;
	assert_int_equal(read_all(s).count, 0);
	assert_int_equal(read_all(s).state, SOURCE_END);
	source_close(s);
}

static void a_pcap_file_cut_anywhere_keeps_what_came_before(void **state)
{
	enum { FIRST = 24, SECOND = FIRST + 16 + 3 };

	(void)state;
	for (size_t cut = 4; cut < sizeof pcap_little; cut++) {
		struct source *s = open_bytes(bytes_of(pcap_little, cut));
		struct reading r = read_all(s);
		size_t begin = cut < FIRST ? 0 : cut < SECOND ? FIRST : SECOND;
		char where[64];

		snprintf(where, sizeof where, "at byte %zu (%zu of ", begin, cut - begin);
		assert_int_equal(r.count, cut >= SECOND);
		assert_int_equal(r.state, cut == begin ? SOURCE_END : SOURCE_CUT);
		if (cut != begin) {
			assert_ptr_equal(strstr(source_error(s), "x.pcap: ends inside the "), source_error(s));
			assert_non_null(strstr(source_error(s), where));
		}
		source_close(s);
	}
}

static void an_absurd_length_stops_there(void **state)
{
	uint8_t bad[sizeof pcap_little];
	struct source *s;
	struct reading r;

	(void)state;
	memcpy(bad, pcap_little, sizeof bad);
	bad[24 + 16 + 3 + 8 + 3] = 0x80;
	s = open_bytes(ALL(bad));
	r = read_all(s);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.state, SOURCE_CUT);
	assert_string_equal(source_error(s), "x.pcap: a packet of 2147483650 bytes cannot be at byte 43: what came before was read; "
		"get a fresh copy of the file");
	source_close(s);
}

static void a_pcapng_file_gives_packets_of_each_interface(void **state)
{
	struct source *s = open_bytes(ALL(pcapng_little));
	struct reading r = read_all(s);

	(void)state;
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.count, PCAPNG_PACKETS);
	assert_packet(&r.packets[0], 1, 1000002000, "abc", 3, 1);
	assert_packet(&r.packets[1], 2, 2500000000, "de", 5, 101);
	assert_packet(&r.packets[2], 3, 2500000000, "fghi", 9, 1);
	assert_string_equal(source_link_types(s), "EN10MB,RAW");
	source_close(s);
}

static void sections_may_differ_in_byte_order_and_interfaces(void **state)
{
	uint8_t both[sizeof pcapng_little + sizeof pcapng_big];
	struct source *s;
	struct reading r;

	(void)state;
	memcpy(both, pcapng_little, sizeof pcapng_little);
	memcpy(both + sizeof pcapng_little, pcapng_big, sizeof pcapng_big);
	s = open_bytes(ALL(both));
	r = read_all(s);
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.count, PCAPNG_PACKETS + 1);
	assert_packet(&r.packets[3], 4, 3600000000005, "z", 1, 113);
	assert_string_equal(source_link_types(s), "EN10MB,RAW,LINUX_SLL");
	source_close(s);
}

static void a_pcapng_file_cut_anywhere_keeps_what_came_before(void **state)
{
	static const size_t begins[] = { 0, 28, 48, 80, 116, 132, 168, 188 };
	static const size_t packets[] = { 0, 0, 0, 0, 1, 1, 2, 3 };

	(void)state;
	assert_int_equal(sizeof pcapng_little, 188);
	for (size_t cut = 4, block = 0; cut <= sizeof pcapng_little; cut++) {
		struct source *s = open_bytes(bytes_of(pcapng_little, cut));
		struct reading r = read_all(s);
		char where[32];

		block += cut == begins[block + 1];
		snprintf(where, sizeof where, "at byte %zu (", begins[block]);
		assert_int_equal(r.count, packets[block]);
		assert_int_equal(r.state, cut == begins[block] ? SOURCE_END : SOURCE_CUT);
		if (cut != begins[block])
			assert_non_null(strstr(source_error(s), where));
		source_close(s);
	}
}

/* Sets four bytes of pcapng_little, in its byte order, and reads it: how many packets there are, and the reason. */
static void assert_damage(size_t at, uint32_t value, size_t count, const char *reason)
{
	uint8_t bad[sizeof pcapng_little];
	struct source *s;
	struct reading r;

	memcpy(bad, pcapng_little, sizeof bad);
	for (size_t i = 0; i < 4; i++)
		bad[at + i] = (uint8_t)(value >> 8 * i);
	s = open_bytes(ALL(bad));
	r = read_all(s);
	assert_int_equal(r.count, count);
	assert_int_equal(r.state, SOURCE_CUT);
	assert_non_null(strstr(source_error(s), reason));
	source_close(s);
}

static void damaged_blocks_stop_there(void **state)
{
	(void)state;
	assert_damage(8, 0, 0, "a section without its byte-order magic at byte 0:");
	assert_damage(12, 7, 0, "a section of pcapng version 7, which is not known, at byte 0:");
	assert_damage(80 + 4, 8, 0, "a block of 8 bytes cannot be at byte 80:");
	assert_damage(80 + 4, 0x01000004, 0, "a block of 16777220 bytes cannot be at byte 80:");
	assert_damage(80 + 4, 32, 0, "a block that is 32 bytes long in front and 6513249 behind at byte 80:");
	assert_damage(132 + 8, 2, 1, "a packet of interface 2, of which nothing was said, at byte 132:");
	assert_damage(132 + 20, 5, 1, "a packet that is longer than its block at byte 132:");
}

static void an_unknown_block_of_any_length_is_passed_over(void **state)
{
	static const uint32_t len = RECORD_BYTES_MAX + 4096;
	struct buffer b = { 0 };
	struct source *s;
	struct reading r;

	(void)state;
	buffer_add(&b, pcapng_little, PCAPNG_PACKETS_AT);
	memset(buffer_reserve(&b, len), 0, len);
	memcpy(b.at + b.len, &(uint32_t[]){ 0x0bad, len }, 8);
	memcpy(b.at + b.len + len - 4, &len, 4);
	b.len += len;
	buffer_add(&b, pcapng_little + PCAPNG_PACKETS_AT, sizeof pcapng_little - PCAPNG_PACKETS_AT);
	s = open_bytes(buffer_bytes(&b));
	r = read_all(s);
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.count, PCAPNG_PACKETS);
	assert_true(((struct file *)s)->input.room < len / 16);
	source_close(s);

	s = open_bytes(bytes_of(b.at, PCAPNG_PACKETS_AT + len - 1));
	assert_int_equal(read_all(s).state, SOURCE_CUT);
	assert_non_null(strstr(source_error(s), "ends inside the block at byte 80 (16781311 of 16781312 bytes are there)"));
	source_close(s);
	buffer_finish(&b);
}

static void custom_blocks_and_journal_entries_are_numbered(void **state)
{
	static const uint8_t types[][4] = { { 0xad, 0x0b, 0, 0 }, { 0xad, 0x0b, 0, 0x40 }, { 9, 0, 0, 0 } };

	(void)state;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		uint8_t file[sizeof pcapng_little];
		struct source *s;
		struct reading r;

		memcpy(file, pcapng_little, sizeof file);
		memcpy(file + 116, types[i], 4);
		s = open_bytes(ALL(file));
		r = read_all(s);
		assert_int_equal(r.packets[0].number, 1);
		assert_int_equal(r.packets[1].number, 3);
		source_close(s);
	}
}

static void time_stamps_follow_their_resolution(void **state)
{
	static const struct { uint8_t resolution; int64_t time_ns; } cases[] = {
		{ 0, 2560000000000 }, { 3, 2560000000 }, { 9, 2560 }, { 10, 256 }, { 12, 2 }, { 127, 0 },
		{ 0x80, 2560000000000 }, { 0x81, 1280000000000 }, { 0x8a, 2500000000 }, { 0xff, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t file[sizeof pcapng_little];
		struct source *s;

		memcpy(file, pcapng_little, sizeof file);
		file[48 + 20] = cases[i].resolution;
		s = open_bytes(ALL(file));
		assert_int_equal(read_all(s).packets[1].time_ns, cases[i].time_ns);
		source_close(s);
	}
}

static void a_time_beyond_the_calendar_is_its_end(void **state)
{
	uint8_t file[sizeof pcapng_little];
	struct source *s;

	(void)state;
	memcpy(file, pcapng_little, sizeof file);
	memset(file + 80 + 12, 0xff, 8);
	s = open_bytes(ALL(file));
	assert_int_equal(read_all(s).packets[0].time_ns, INT64_MAX);
	source_close(s);
}

static void secrets_in_the_file_are_kept_in_order(void **state)
{
	static const uint8_t dsb[] = {
		10, 0, 0, 0, 28, 0, 0, 0, 0x4b, 0x53, 0x4c, 0x54, 5, 0, 0, 0, 'k', 'e', 'y', ' ', '1', 0, 0, 0, 0, 0, 0, 0,
	};
	uint8_t file[sizeof pcapng_little + 3 * sizeof dsb];
	struct source *s;
	struct bytes text;

	(void)state;
	memcpy(file, pcapng_little, sizeof pcapng_little);
	for (size_t i = 0; i < 3; i++) {
		uint8_t *at = file + sizeof pcapng_little + i * sizeof dsb;

		memcpy(at, dsb, sizeof dsb);
		at[24] = sizeof dsb;
		at[20] = (uint8_t)('1' + i);
		at[8] = i == 1 ? 0 : at[8];	/* secrets of another protocol */
	}
	s = open_bytes(ALL(file));
	assert_false(source_next_secrets(s, &text));
	assert_int_equal(read_all(s).state, SOURCE_END);
	assert_true(source_next_secrets(s, &text));
	assert_true(bytes_equal(text, bytes_of("key 1", 5)));
	assert_true(source_next_secrets(s, &text));
	assert_true(bytes_equal(text, bytes_of("key 3", 5)));
	assert_false(source_next_secrets(s, &text));
	source_close(s);
}

static void secrets_beyond_the_limit_are_counted(void **state)
{
	enum { TEXT = SECRETS_BYTES_MAX / 2 + 1, BLOCK = 20 + TEXT + 3 };
	struct buffer b = { 0 };
	struct source_stats stats;
	struct source *s;
	struct bytes text;

	(void)state;
	buffer_add(&b, pcapng_little, PCAPNG_PACKETS_AT);
	for (int i = 0; i < 2; i++) {
		memset(buffer_reserve(&b, BLOCK), 'k', BLOCK);
		memcpy(b.at + b.len, &(uint32_t[]){ 10, BLOCK, 0x544c534b, TEXT }, 16);
		memcpy(b.at + b.len + BLOCK - 4, &(uint32_t){ BLOCK }, 4);
		b.len += BLOCK;
	}
	s = open_bytes(buffer_bytes(&b));
	assert_int_equal(read_all(s).state, SOURCE_END);
	assert_true(source_next_secrets(s, &text));
	assert_int_equal(text.len, TEXT);
	assert_false(source_next_secrets(s, &text));
	source_stats(s, &stats);
	assert_int_equal(stats.secrets_skipped, 1);
	assert_false(stats.drops_known);
	source_close(s);
	buffer_finish(&b);
}

static void more_interfaces_than_the_limit_are_damage(void **state)
{
	struct buffer b = { 0 };
	struct source *s;

	(void)state;
	buffer_add(&b, pcapng_little, 28);
	for (int i = 0; i <= INTERFACES_MAX; i++)
		buffer_add(&b, pcapng_little + 28, 20);
	s = open_bytes(buffer_bytes(&b));
	assert_int_equal(read_all(s).state, SOURCE_CUT);
	assert_non_null(strstr(source_error(s), "more than 65536 interfaces in one section at byte 1310748:"));
	source_close(s);
	buffer_finish(&b);
}

/* A little-endian pcap file with one packet of `len` bytes, each 'x'. */
static struct buffer one_packet(uint32_t len)
{
	struct buffer b = { 0 };

	buffer_add(&b, pcap_little, 24);
	buffer_add(&b, (uint32_t[]){ 1, 2, len, len }, 16);
	memset(buffer_reserve(&b, len), 'x', len);
	b.len += len;
	return b;
}

static void a_packet_may_be_larger_than_the_buffer(void **state)
{
	struct buffer b = one_packet(RECORD_BYTES_MAX);
	struct source *s;
	struct reading r;

	(void)state;
	buffer_add(&b, pcap_little + 24, 16 + 3);
	s = open_bytes(buffer_bytes(&b));
	r.count = source_read(s, r.packets, PACKETS_MAX, &r.state);
	assert_true(r.count >= 1);
	assert_int_equal(r.packets[0].data.len, RECORD_BYTES_MAX);
	assert_int_equal(r.packets[0].data.at[RECORD_BYTES_MAX - 1], 'x');
	if (r.count == 1)
		r.count += source_read(s, r.packets + 1, PACKETS_MAX - 1, &r.state);
	assert_int_equal(r.count, 2);
	assert_packet(&r.packets[1], 2, 1000002000, "abc", 3, 1);
	source_close(s);
	buffer_finish(&b);
}

static void a_packet_larger_than_the_limit_is_damage(void **state)
{
	struct buffer b = one_packet(RECORD_BYTES_MAX + 1);
	struct source *s = open_bytes(buffer_bytes(&b));

	(void)state;
	assert_int_equal(read_all(s).state, SOURCE_CUT);
	assert_non_null(strstr(source_error(s), "a packet of 16777217 bytes cannot be at byte 24:"));
	source_close(s);
	buffer_finish(&b);
}

enum { MANY = 20000 };

/* Packets of 0 to 96 bytes, their number's low byte in each: several buffers full. */
static struct buffer many_packets(void)
{
	struct buffer b = { 0 };

	buffer_add(&b, pcap_little, 24);
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t len = i % 97;

		buffer_add(&b, (uint32_t[]){ i, 0, len, len }, 16);
		memset(buffer_reserve(&b, len), (int)(i & 0xff), len);
		b.len += len;
	}
	return b;
}

/* Returns how many packets there were, all of them right. */
static size_t count_many(struct source *s, enum source_state *state)
{
	struct packet batch[64];
	size_t total = 0, count;

	do {
		count = source_read(s, batch, 64, state);
		for (size_t i = 0; i < count; i++, total++) {
			assert_int_equal(batch[i].number, total + 1);
			assert_int_equal(batch[i].data.len, total % 97);
			for (size_t k = 0; k < batch[i].data.len; k++)
				assert_int_equal(batch[i].data.at[k], total & 0xff);
		}
	} while (*state == SOURCE_MORE);
	return total;
}

static void all_packets_of_a_batch_stay_where_they_are(void **state)
{
	struct buffer b = many_packets();
	struct source *s = open_bytes(buffer_bytes(&b));
	enum source_state end;
	uint64_t read, size;

	(void)state;
	assert_int_equal(count_many(s, &end), MANY);
	assert_int_equal(end, SOURCE_END);
	source_progress(s, &read, &size);
	assert_int_equal(read, b.len);
	assert_int_equal(size, b.len);
	source_close(s);
	buffer_finish(&b);
}

static void pack_gzip(struct buffer *out, struct bytes in)
{
	size_t room = compressBound(in.len) + 64;
	z_stream z = { .next_in = (void *)(uintptr_t)in.at, .avail_in = (uInt)in.len,
		.next_out = buffer_reserve(out, room), .avail_out = (uInt)room };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out->len += room - z.avail_out;
	deflateEnd(&z);
}

static void pack_zstd(struct buffer *out, struct bytes in)
{
	size_t room = ZSTD_compressBound(in.len);

	out->len += ZSTD_compress(buffer_reserve(out, room), room, in.at, in.len, 3);
}

static void pack_lz4(struct buffer *out, struct bytes in)
{
	size_t room = LZ4F_compressFrameBound(in.len, NULL);

	out->len += LZ4F_compressFrame(buffer_reserve(out, room), room, in.at, in.len, NULL);
}

static void (*const packers[])(struct buffer *out, struct bytes in) = { pack_gzip, pack_lz4, pack_zstd };

enum { PACKERS = sizeof packers / sizeof packers[0] };

/* In two frames, split inside a packet. */
static struct buffer pack_in_two(size_t packer, struct bytes whole)
{
	struct reader r = reader_of(whole);
	struct buffer out = { 0 };

	packers[packer](&out, rd_take(&r, whole.len / 2));
	packers[packer](&out, rd_rest(&r));
	return out;
}

static void packed_files_are_unpacked_frame_after_frame(void **state)
{
	struct buffer plain = many_packets();

	(void)state;
	for (size_t i = 0; i < PACKERS; i++) {
		struct buffer packed = pack_in_two(i, buffer_bytes(&plain));
		struct source *s = open_bytes(buffer_bytes(&packed));
		enum source_state end;

		assert_true(packed.len < plain.len / 2);
		assert_int_equal(count_many(s, &end), MANY);
		assert_int_equal(end, SOURCE_END);
		source_close(s);
		buffer_finish(&packed);
	}
	buffer_finish(&plain);
}

static void packed_files_cut_anywhere_keep_what_came_before(void **state)
{
	(void)state;
	for (size_t i = 0; i < PACKERS; i++) {
		struct buffer packed = { 0 };

		packers[i](&packed, ALL(pcap_little));
		for (size_t cut = 4; cut < packed.len; cut++) {
			struct source *s = open_bytes(bytes_of(packed.at, cut));
			char where[48];

			snprintf(where, sizeof where, " ends early at byte %zu:", cut);
			assert_int_equal(read_all(s).state, SOURCE_CUT);
			assert_non_null(strstr(source_error(s), where));
			source_close(s);
		}
		buffer_finish(&packed);
	}
}

static void a_packed_file_that_was_cut_before_it_was_packed_says_so(void **state)
{
	struct buffer packed = { 0 };
	struct source *s;

	(void)state;
	pack_zstd(&packed, bytes_of(pcap_little, 50));
	s = open_bytes(buffer_bytes(&packed));
	assert_int_equal(read_all(s).count, 1);
	assert_non_null(strstr(source_error(s), "at byte 43 of the unpacked data (7 of 16 bytes are there)"));
	source_close(s);
	buffer_finish(&packed);
}

static void damaged_packed_data_keeps_what_came_before(void **state)
{
	struct buffer plain = many_packets();

	(void)state;
	for (size_t i = 0; i < PACKERS; i++) {
		struct buffer packed = { 0 };
		struct source *s;
		enum source_state end;

		packers[i](&packed, buffer_bytes(&plain));
		memset(buffer_reserve(&packed, 40), 0xff, 40);
		packed.len += 40;
		s = open_bytes(buffer_bytes(&packed));
		assert_int_equal(count_many(s, &end), MANY);
		assert_int_equal(end, SOURCE_CUT);
		assert_non_null(strstr(source_error(s), " data is damaged at byte "));
		source_close(s);
		buffer_finish(&packed);
	}
	buffer_finish(&plain);
}

/* An ARP frame and two IPv4 frames, as far as the filters look. */
static struct buffer arp_and_two_ip(void)
{
	static const uint16_t types[] = { 0x0608, 0x0008, 0x0008 };
	struct buffer b = { 0 };

	buffer_add(&b, pcap_little, 24);
	for (size_t i = 0; i < 3; i++) {
		uint8_t frame[60] = { 0 };

		memcpy(frame + 12, &types[i], 2);
		buffer_add(&b, (uint32_t[]){ 1, 2, sizeof frame, sizeof frame }, 16);
		buffer_add(&b, frame, sizeof frame);
	}
	return b;
}

static void packets_that_the_filter_drops_count_in_the_numbers(void **state)
{
	struct buffer b = arp_and_two_ip();
	struct source *s = open_with(buffer_bytes(&b), &(struct source_options){ .filter = "ip" });
	struct reading r = read_all(s);

	(void)state;
	assert_int_equal(r.state, SOURCE_END);
	assert_int_equal(r.count, 2);
	assert_int_equal(r.packets[0].number, 2);
	assert_int_equal(r.packets[1].number, 3);
	source_close(s);
	buffer_finish(&b);
}

static void a_filter_is_compiled_for_each_link_type(void **state)
{
	uint8_t file[sizeof pcapng_little];
	struct source *s;
	struct reading r;

	(void)state;
	memcpy(file, pcapng_little, sizeof file);
	file[132 + 28] = 0x45;	/* the raw packet is IPv4 */
	s = open_with(ALL(file), &(struct source_options){ .filter = "ip" });
	r = read_all(s);
	assert_int_equal(r.count, 1);
	assert_int_equal(r.packets[0].number, 2);
	source_close(s);
}

static void a_filter_that_does_not_fit_a_later_link_type_stops_there(void **state)
{
	struct source *s = open_with(ALL(pcapng_little), &(struct source_options){ .filter = "ether multicast" });

	(void)state;
	assert_int_equal(read_all(s).state, SOURCE_CUT);
	assert_non_null(strstr(source_error(s), "the filter does not fit the packets of link type 101 ("));
	assert_non_null(strstr(source_error(s), " at byte 132:"));
	source_close(s);
}

static void a_bad_filter_is_a_wrong_argument(void **state)
{
	static const struct bytes files[] = { { pcap_little, sizeof pcap_little }, { pcapng_little, sizeof pcapng_little },
		{ pcapng_little, 28 } };
	struct source *s = NULL;
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_false(file_open(fd_of(files[i]), "x.pcap", &(struct source_options){ .filter = "tcp prot 443" }, &s, &error));
		assert_int_equal(error.status, EXIT_USAGE);
		assert_non_null(strstr(error.text, "syntax error"));
	}
}

static void the_snap_length_cuts_what_is_given(void **state)
{
	struct source *s = open_with(ALL(pcap_little), &(struct source_options){ .snaplen = 2 });
	struct reading r = read_all(s);

	(void)state;
	assert_packet(&r.packets[0], 1, 1000002000, "ab", 3, 1);
	source_close(s);
}

static void what_is_not_a_capture_is_refused(void **state)
{
	static const struct bytes files[] = { { (const uint8_t *)"", 0 }, { (const uint8_t *)"PNG", 3 },
		{ (const uint8_t *)"not a capture at all", 20 }, { pcap_little, 3 } };
	struct source *s = NULL;
	struct buffer packed = { 0 };
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		assert_false(file_open(fd_of(files[i]), "x", NULL, &s, &error));
		assert_int_equal(error.status, EXIT_IO);
		assert_ptr_equal(strstr(error.text, "x: not a capture file: "), error.text);
	}
	pack_gzip(&packed, files[2]);
	assert_false(file_open(fd_of(buffer_bytes(&packed)), "x", NULL, &s, &error));
	assert_ptr_equal(strstr(error.text, "x: not a capture file: "), error.text);
	assert_null(s);
	buffer_finish(&packed);
}

static void what_cannot_be_opened_says_why(void **state)
{
	struct source *s = NULL;
	struct error error;

	(void)state;
	assert_false(source_open_file("/nonexistent/x.pcap", NULL, &s, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_string_equal(error.text, "/nonexistent/x.pcap: cannot be opened: no such file");
	assert_false(source_open_file("/", NULL, &s, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_string_equal(error.text, "/: cannot be opened: a folder: name the capture files in it");
}

static void a_pipe_gives_packets_as_they_come(void **state)
{
	struct source *s = NULL;
	struct packet p[4];
	enum source_state end;
	uint64_t read, size;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], pcap_little, 45), 45);
	assert_true(file_open(ends[0], "-", NULL, &s, NULL));
	assert_int_equal(source_read(s, p, 4, &end), 1);
	assert_int_equal(end, SOURCE_MORE);
	assert_packet(&p[0], 1, 1000002000, "abc", 3, 1);
	assert_int_equal(write(ends[1], pcap_little + 45, sizeof pcap_little - 45), sizeof pcap_little - 45);
	close(ends[1]);
	assert_int_equal(source_read(s, p, 4, &end), 1);
	assert_packet(&p[0], 2, 2000003000, "de", 5, 1);
	assert_int_equal(source_read(s, p, 4, &end), 0);
	assert_int_equal(end, SOURCE_END);
	source_progress(s, &read, &size);
	assert_int_equal(size, 0);
	assert_int_equal(source_fd(s), -1);
	source_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pcap_file_gives_its_packets),
		cmocka_unit_test(a_big_endian_file_in_nanoseconds_with_a_check_sequence_does_too),
		cmocka_unit_test(the_longer_records_of_a_modified_file_are_read),
		cmocka_unit_test(a_fraction_of_more_than_a_second_is_taken_as_it_is),
		cmocka_unit_test(a_header_alone_is_a_capture_without_packets),
		cmocka_unit_test(a_pcap_file_cut_anywhere_keeps_what_came_before),
		cmocka_unit_test(an_absurd_length_stops_there),
		cmocka_unit_test(a_pcapng_file_gives_packets_of_each_interface),
		cmocka_unit_test(sections_may_differ_in_byte_order_and_interfaces),
		cmocka_unit_test(a_pcapng_file_cut_anywhere_keeps_what_came_before),
		cmocka_unit_test(damaged_blocks_stop_there),
		cmocka_unit_test(an_unknown_block_of_any_length_is_passed_over),
		cmocka_unit_test(custom_blocks_and_journal_entries_are_numbered),
		cmocka_unit_test(time_stamps_follow_their_resolution),
		cmocka_unit_test(a_time_beyond_the_calendar_is_its_end),
		cmocka_unit_test(secrets_in_the_file_are_kept_in_order),
		cmocka_unit_test(secrets_beyond_the_limit_are_counted),
		cmocka_unit_test(more_interfaces_than_the_limit_are_damage),
		cmocka_unit_test(a_packet_may_be_larger_than_the_buffer),
		cmocka_unit_test(a_packet_larger_than_the_limit_is_damage),
		cmocka_unit_test(all_packets_of_a_batch_stay_where_they_are),
		cmocka_unit_test(packed_files_are_unpacked_frame_after_frame),
		cmocka_unit_test(packed_files_cut_anywhere_keep_what_came_before),
		cmocka_unit_test(a_packed_file_that_was_cut_before_it_was_packed_says_so),
		cmocka_unit_test(damaged_packed_data_keeps_what_came_before),
		cmocka_unit_test(packets_that_the_filter_drops_count_in_the_numbers),
		cmocka_unit_test(a_filter_is_compiled_for_each_link_type),
		cmocka_unit_test(a_filter_that_does_not_fit_a_later_link_type_stops_there),
		cmocka_unit_test(a_bad_filter_is_a_wrong_argument),
		cmocka_unit_test(the_snap_length_cuts_what_is_given),
		cmocka_unit_test(what_is_not_a_capture_is_refused),
		cmocka_unit_test(what_cannot_be_opened_says_why),
		cmocka_unit_test(a_pipe_gives_packets_as_they_come),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
