#include "flow/rest.h"

#include <assert.h>
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
	return map_bytes(size) + group_count(size) + size / WORD + size + WORD;
}

static uint64_t word_at(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof word);
	return word;
}

/* The mask of the word's bytes that are not zero, then those bytes. Always stores eight, and counts only what matters: no branch to guess. */
static uint8_t *pack_word(uint64_t word, uint8_t *out)
{
	uint8_t *mask = out++;
	unsigned bits = 0;

	for (unsigned i = 0; i < WORD; i++) {
		uint8_t byte = (uint8_t)(word >> 8 * i);

		*out = byte;
		out += byte != 0;
		bits |= (unsigned)(byte != 0) << i;
	}
	*mask = (uint8_t)bits;
	return out;
}

static uint8_t *pack_group(const uint64_t *words, unsigned count, uint8_t *out)
{
	uint8_t *mask = out++;
	unsigned bits = 0;

	for (unsigned i = 0; i < count; i++) {
		if (!words[i])
			continue;
		bits |= 1U << i;
		out = pack_word(words[i], out);
	}
	*mask = (uint8_t)bits;
	return out;
}

size_t rest_pack(const void *at, const void *blank, size_t size, uint8_t *out)
{
	const uint8_t *from = at, *other = blank;
	uint8_t *map = out, *to = out + map_bytes(size);

	assert(size % WORD == 0);
	memset(map, 0, map_bytes(size));
	for (size_t group = 0; group * GROUP < size; group++) {
		uint64_t words[GROUP_WORDS] = { 0 }, any = 0;
		size_t first = group * GROUP;
		unsigned count = (unsigned)((size - first < GROUP ? size - first : GROUP) / WORD);

		for (unsigned i = 0; i < count; i++) {
			words[i] = word_at(from + first + WORD * i) ^ word_at(other + first + WORD * i);
			any |= words[i];
		}
		if (!any)
			continue;
		map[group / 8] |= (uint8_t)(1U << group % 8);
		to = pack_group(words, count, to);
	}
	return (size_t)(to - out);
}

static const uint8_t *unpack_word(const uint8_t *in, uint8_t *out)
{
	uint64_t word = word_at(out);

	for (unsigned bits = *in++; bits; bits &= bits - 1)
		word ^= (uint64_t)*in++ << 8 * (unsigned)__builtin_ctz(bits);
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
			in = unpack_word(in, to + group * GROUP + WORD * (size_t)__builtin_ctz(bits));
	}
	return (size_t)(in - packed);
}
