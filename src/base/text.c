#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Characters that steer a terminal or cannot be seen: controls, bidirectional overrides, fillers,
 * joiners, selectors, tags and noncharacters (Unicode's categories Cc, Cf, Zl, Zp and
 * Default_Ignorable_Code_Point). Sorted. */
static const struct range {
	uint32_t first, last;
} unsafe[] = {
	{ 0x0000, 0x001f },   { 0x007f, 0x009f },   { 0x00ad, 0x00ad },	  { 0x034f, 0x034f },
	{ 0x0600, 0x0605 },   { 0x061c, 0x061c },   { 0x06dd, 0x06dd },	  { 0x070f, 0x070f },
	{ 0x0890, 0x0891 },   { 0x08e2, 0x08e2 },   { 0x115f, 0x1160 },	  { 0x17b4, 0x17b5 },
	{ 0x180b, 0x180f },   { 0x200b, 0x200f },   { 0x2028, 0x202e },	  { 0x2060, 0x206f },
	{ 0x3164, 0x3164 },   { 0xfdd0, 0xfdef },   { 0xfe00, 0xfe0f },	  { 0xfeff, 0xfeff },
	{ 0xffa0, 0xffa0 },   { 0xfff0, 0xfffb },   { 0xfffe, 0xffff },	  { 0x110bd, 0x110bd },
	{ 0x110cd, 0x110cd }, { 0x13430, 0x1343f }, { 0x1bca0, 0x1bca3 }, { 0x1d173, 0x1d17a },
	{ 0xe0000, 0xe0fff },
};

static const char hex_digits[] = "0123456789abcdef";

static bool is_unsafe(uint32_t c)
{
	for (size_t i = 0; i < sizeof unsafe / sizeof *unsafe && unsafe[i].first <= c; i++)
		if (c <= unsafe[i].last)
			return true;
	return (c & 0xfffe) == 0xfffe;
}

/* RFC 3629 section 4: the lead byte's bits, the sequence's length and the least character it may
 * carry. */
static const struct lead {
	uint8_t mask, value, len;
	uint32_t least;
} leads[] = {
	{ 0x80, 0x00, 1, 0 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

/* Takes one character that may be shown as it is; returns its bytes, or none (then nothing was
 * taken). */
static struct bytes take_character(struct reader *r)
{
	struct reader ahead = *r;
	uint8_t first = rd_u8(&ahead);
	const struct lead *lead = NULL;

	for (size_t i = 0; i < sizeof leads / sizeof *leads && !lead; i++)
		if ((first & leads[i].mask) == leads[i].value)
			lead = &leads[i];
	if (!lead)
		return (struct bytes){ NULL, 0 };
	uint32_t c = first & (uint8_t)~lead->mask;
	for (unsigned i = 1; i < lead->len; i++) {
		uint8_t next = rd_u8(&ahead);

		if (ahead.bad || (next & 0xc0) != 0x80)
			return (struct bytes){ NULL, 0 };
		c = c << 6 | (next & 0x3f);
	}
	if (c < lead->least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || is_unsafe(c))
		return (struct bytes){ NULL, 0 };
	return rd_take(r, lead->len);
}

static size_t plain_ascii(struct bytes b)
{
	size_t n = 0;

	while (n < b.len && b.at[n] >= 0x20 && b.at[n] < 0x7f)
		n++;
	return n;
}

bool text_is_plain(struct bytes b)
{
	return plain_ascii(b) == b.len;
}

void text_add_safe(struct buffer *out, struct bytes b)
{
	struct reader r = reader_of(b);

	while (rd_more(&r)) {
		struct bytes run = rd_take(&r, plain_ascii(rd_peek(&r)));

		buffer_add(out, run.at, run.len);
		if (!rd_more(&r))
			return;
		struct bytes character = take_character(&r);
		if (character.len) {
			buffer_add(out, character.at, character.len);
		} else {
			uint8_t wrong = rd_u8(&r);
			char escaped[4] = { '\\', 'x', hex_digits[wrong >> 4],
					    hex_digits[wrong & 15] };

			buffer_add(out, escaped, sizeof escaped);
		}
	}
}

static size_t unquoted(struct bytes b)
{
	size_t n = 0;

	while (n < b.len && b.at[n] != '"' && b.at[n] != '\\')
		n++;
	return n;
}

static void add_quoted(struct buffer *out, struct bytes b)
{
	struct reader r = reader_of(b);

	buffer_add_text(out, "\"");
	for (;;) {
		struct bytes run = rd_take(&r, unquoted(rd_peek(&r)));

		buffer_add(out, run.at, run.len);
		if (!rd_more(&r))
			break;
		char escaped[2] = { '\\', (char)rd_u8(&r) };
		buffer_add(out, escaped, sizeof escaped);
	}
	buffer_add_text(out, "\"");
}

void text_add_json(struct buffer *out, struct bytes b)
{
	struct buffer safe = { 0 };

	if (text_is_plain(b)) {
		add_quoted(out, b);
		return;
	}
	text_add_safe(&safe, b);
	add_quoted(out, buffer_bytes(&safe));
	buffer_finish(&safe);
}

void text_add_hex(struct buffer *out, struct bytes b)
{
	uint8_t *to = buffer_reserve(out, b.len * 2);

	for (size_t i = 0; i < b.len; i++) {
		to[i * 2] = (uint8_t)hex_digits[b.at[i] >> 4];
		to[i * 2 + 1] = (uint8_t)hex_digits[b.at[i] & 15];
	}
	out->len += b.len * 2;
}

static char *put_decimal(char *to, unsigned v)
{
	if (v >= 100)
		*to++ = (char)('0' + v / 100);
	if (v >= 10)
		*to++ = (char)('0' + v / 10 % 10);
	*to++ = (char)('0' + v % 10);
	return to;
}

static char *put_ipv4(char *to, const uint8_t at[4])
{
	for (int i = 0; i < 4; i++) {
		to = put_decimal(to, at[i]);
		*to++ = '.';
	}
	return to - 1;
}

/* RFC 5952 section 4.1: no leading zeros, lower case. */
static char *put_group(char *to, unsigned v)
{
	int shift = 12;

	while (shift && !(v >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		*to++ = hex_digits[v >> shift & 15];
	return to;
}

/* RFC 5952 section 4.2: the longest run of two or more zero groups, the first of several. */
static void longest_zeros(const unsigned group[8], int *start, int *length)
{
	*start = -1;
	*length = 1;
	for (int i = 0; i < 8; i++) {
		int n = 0;

		while (i + n < 8 && !group[i + n])
			n++;
		if (n > *length) {
			*start = i;
			*length = n;
		}
		i += n;
	}
}

void text_address(const uint8_t address[16], char out[46])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	unsigned group[8];
	int start, length;
	char *to = out;

	if (!memcmp(address, mapped, sizeof mapped)) {
		*put_ipv4(out, address + 12) = 0;
		return;
	}
	for (int i = 0; i < 8; i++)
		group[i] = (unsigned)address[i * 2] << 8 | address[i * 2 + 1];
	longest_zeros(group, &start, &length);
	for (int i = 0; i < 8; i++) {
		if (i == start) {
			to = stpcpy(to, "::");
			i += length - 1;
			continue;
		}
		if (i && i != start + length)
			*to++ = ':';
		to = put_group(to, group[i]);
	}
	*to = 0;
}

struct civil {
	int64_t year;
	uint8_t month, day;
};

/* The Gregorian date of a day since the epoch, counting years from March so that a leap day is the
 * last. */
static struct civil civil_of(int64_t days)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	unsigned day_of_era = (unsigned)(days - era * 146097);
	unsigned year =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * day_of_year + 2) / 153;

	return (struct civil){
		.year = year + era * 400 + (month >= 10),
		.month = (uint8_t)(month < 10 ? month + 3 : month - 9),
		.day = (uint8_t)(day_of_year - (153 * month + 2) / 5 + 1),
	};
}

void text_time(int64_t time_ns, char out[40])
{
	int64_t seconds = time_ns / 1000000000, rest = time_ns % 1000000000;

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	}
	int64_t days = seconds / 86400, second = seconds % 86400;
	if (second < 0) {
		second += 86400;
		days--;
	}
	struct civil date = civil_of(days);
	snprintf(out, 40, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ", (unsigned)date.year % 10000,
		 date.month, date.day, (unsigned)(second / 3600), (unsigned)(second / 60 % 60),
		 (unsigned)(second % 60), (unsigned)rest);
}
