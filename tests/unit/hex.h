/* hex.h: bytes as the RFCs print them. */
#ifndef TESTS_HEX_H
#define TESTS_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* "0a1b..." as bytes; returns how many. */
static inline size_t unhex(const char *text, uint8_t *out)
{
	size_t n = 0;

	for (; text[0] && text[1]; text += 2) {
		char pair[3] = { text[0], text[1], 0 };

		out[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

static inline void assert_hex(const uint8_t *got, const char *expected)
{
	uint8_t bytes[256];
	size_t n = unhex(expected, bytes);

	assert_memory_equal(got, bytes, n);
}

#endif
