/* reader.h: the one place where untrusted bytes are taken apart.
 *
 * A struct bytes is a borrowed view. A struct reader is a view with a position: rd_take() holds the
 * only comparison against the end in the program. Past the end a reader is spent: it is marked bad,
 * every later read gives 0 or nothing, and loops over rd_more() end. Integers are big-endian, as
 * TLS (RFC 8446 section 3) and IP write them; the _le forms are for capture files.
 */
#ifndef BASE_READER_H
#define BASE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *at;
	size_t len;
};

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static inline struct reader reader_of(struct bytes b)
{
	return (struct reader){ .at = b.at, .end = b.at ? b.at + b.len : b.at };
}

/* How many bytes are left. */
static inline size_t rd_left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

/* n bytes, or none and a spent reader. */
static inline struct bytes rd_take(struct reader *r, size_t n)
{
	if (n > rd_left(r)) {
		r->bad = true;
		r->at = r->end;
		return (struct bytes){ NULL, 0 };
	}
	struct bytes b = { r->at, n };
	/* Adding nothing to NULL is undefined in C. */
	if (n)
		r->at += n;
	return b;
}

static inline bool rd_more(const struct reader *r)
{
	return r->at != r->end;
}

/* All bytes were there, and all were used. */
static inline bool rd_done(const struct reader *r)
{
	return !r->bad && !rd_more(r);
}

static inline struct bytes rd_rest(struct reader *r)
{
	return rd_take(r, rd_left(r));
}

static inline void rd_skip(struct reader *r, size_t n)
{
	(void)rd_take(r, n);
}

/* An unsigned integer of n bytes, n at most 8. */
static inline uint64_t rd_uint(struct reader *r, size_t n)
{
	struct bytes b = rd_take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; i < b.len; i++)
		v = v << 8 | b.at[i];
	return v;
}

static inline uint8_t rd_u8(struct reader *r)
{
	struct bytes b = rd_take(r, 1);
	return b.len ? b.at[0] : 0;
}

static inline uint16_t rd_u16(struct reader *r)
{
	struct bytes b = rd_take(r, 2);
	return (uint16_t)(b.len ? b.at[0] << 8 | b.at[1] : 0);
}

static inline uint32_t rd_u24(struct reader *r)
{
	struct bytes b = rd_take(r, 3);
	return b.len ? (uint32_t)b.at[0] << 16 | (uint32_t)b.at[1] << 8 | b.at[2] : 0;
}

static inline uint32_t rd_u32(struct reader *r)
{
	struct bytes b = rd_take(r, 4);
	uint32_t v;

	if (!b.len)
		return 0;
	memcpy(&v, b.at, sizeof v);
	return __builtin_bswap32(v);
}

static inline uint64_t rd_u64(struct reader *r)
{
	return rd_uint(r, 8);
}

static inline uint16_t rd_u16_le(struct reader *r)
{
	uint16_t v = rd_u16(r);

	return (uint16_t)(v << 8 | v >> 8);
}

static inline uint32_t rd_u32_le(struct reader *r)
{
	return __builtin_bswap32(rd_u32(r));
}

/* A child reader over n bytes; where they are not there, an empty, bad child and a spent parent. */
static inline struct reader rd_child(struct reader *r, size_t n)
{
	struct reader child = reader_of(rd_take(r, n));

	child.bad = r->bad;
	return child;
}

/* The vectors of RFC 8446 section 3.4, with a length of one, two or three bytes. */
static inline struct reader rd_vec8(struct reader *r)
{
	return rd_child(r, rd_u8(r));
}

static inline struct reader rd_vec16(struct reader *r)
{
	return rd_child(r, rd_u16(r));
}

static inline struct reader rd_vec24(struct reader *r)
{
	return rd_child(r, rd_u24(r));
}

/* What is left, without taking it. */
static inline struct bytes rd_peek(const struct reader *r)
{
	return (struct bytes){ r->at, rd_left(r) };
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

#endif
