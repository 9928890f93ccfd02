#include "flow/rest.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { WORD = 8, GROUP_WORDS = 8, GROUP = WORD * GROUP_WORDS };

static size_t group_count(size_t size)
{
	return (size + GROUP - 1) / GROUP;
}

static size_t map_bytes(size_t size)
{
	return (group_count(size) + 7) / 8;
}

size_t rest_bound(size_t size)
{
	return map_bytes(size) + group_count(size) + size / WORD + size + REST_SLACK;
}

static uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return word;
}

/* Bit i: byte i is not 0. */
static unsigned byte_mask(uint64_t word)
{
	const uint64_t low = UINT64_C(0x7f7f7f7f7f7f7f7f);
	uint64_t tops = ((((word & low) + low) | word) & ~low) >> 7;

	return (unsigned)(tops * UINT64_C(0x0102040810204080) >> 56);
}

/* Small numbers, pointers and random bytes fill a word from its low end without a gap: one store
 * does for them. */
static bool has_no_gap(unsigned mask)
{
	return !(mask & (mask + 1));
}

/* How many bytes such a mask stands for. */
static unsigned count_low(unsigned mask)
{
	return (unsigned)__builtin_ctz(mask + 1);
}

/* The mask of the word's bytes that are not zero, then those bytes. Writes up to 8 bytes more
 * than it counts. */
static uint8_t *pack_word(uint64_t word, uint8_t *out)
{
	unsigned mask = byte_mask(word);

	*out++ = (uint8_t)mask;
	if (has_no_gap(mask)) {
		memcpy(out, &word, sizeof word);
		return out + count_low(mask);
	}
	for (; mask; mask &= mask - 1)
		*out++ = (uint8_t)(word >> 8 * (unsigned)__builtin_ctz(mask));
	return out;
}

static uint8_t *pack_group(const uint64_t *words, size_t count, uint8_t *out)
{
	uint8_t *mask = out++;
	unsigned bits = 0;

	for (size_t i = 0; i < count; i++) {
		if (!words[i])
			continue;
		bits |= 1U << i;
		out = pack_word(words[i], out);
	}
	*mask = (uint8_t)bits;
	return out;
}

/* The words' differences; 0 where there are none. */
static inline uint64_t differ(
	const uint8_t *at, const uint8_t *other, size_t count, uint64_t *words)
{
	uint64_t any = 0;

	for (size_t i = 0; i < count; i++) {
		words[i] = word_at(at + WORD * i) ^ word_at(other + WORD * i);
		any |= words[i];
	}
	return any;
}

size_t rest_pack(const void *at, const void *blank, size_t size, uint8_t *out)
{
	const uint8_t *from = at, *other = blank;
	uint8_t *map = out, *to = out + map_bytes(size);

	assert(size % WORD == 0);
	memset(map, 0, map_bytes(size));
	for (size_t group = 0; group * GROUP < size; group++) {
		uint64_t words[GROUP_WORDS];
		size_t first = group * GROUP, count = (size - first) / WORD;
		bool whole = count >= GROUP_WORDS;

		/* A count known when this is compiled makes the common case a few vector
		 * instructions. */
		if (!(whole ? differ(from + first, other + first, GROUP_WORDS, words) :
			      differ(from + first, other + first, count, words)))
			continue;
		count = whole ? GROUP_WORDS : count;
		map[group / 8] |= (uint8_t)(1U << group % 8);
		to = pack_group(words, count, to);
	}
	return (size_t)(to - out);
}

static const uint8_t *unpack_word(const uint8_t *in, uint8_t *out)
{
	uint64_t word = word_at(out);
	unsigned mask = *in++;

	if (has_no_gap(mask)) {
		unsigned count = count_low(mask);

		word ^= word_at(in) & (UINT64_MAX >> (64 - 8 * count));
		in += count;
	} else {
		for (; mask; mask &= mask - 1)
			word ^= (uint64_t)*in++ << 8 * (unsigned)__builtin_ctz(mask);
	}
	memcpy(out, &word, sizeof word);
	return in;
}

size_t rest_unpack(const uint8_t *packed, const void *blank, size_t size, void *out)
{
	const uint8_t *in = packed + map_bytes(size);
	uint8_t *to = out;

	assert(size % WORD == 0);
	memcpy(out, blank, size);
	for (size_t group = 0; group * GROUP < size; group++) {
		if (!(packed[group / 8] >> group % 8 & 1))
			continue;
		for (unsigned bits = *in++; bits; bits &= bits - 1)
			in = unpack_word(
				in, to + group * GROUP + WORD * (size_t)__builtin_ctz(bits));
	}
	return (size_t)(in - packed);
}
