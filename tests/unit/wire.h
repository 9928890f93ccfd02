/* wire.h: handshake messages and records for tests, put together so that each test shows what is special about its bytes. */
#ifndef TESTS_WIRE_H
#define TESTS_WIRE_H

#include "base/buffer.h"

#include <stdint.h>
#include <string.h>

static inline void wire_int(struct buffer *b, uint64_t value, unsigned width)
{
	for (unsigned i = width; i-- > 0;) {
		uint8_t byte = (uint8_t)(value >> 8 * i);

		buffer_add(b, &byte, 1);
	}
}

/* A vector with a length of `width` bytes. */
static inline void wire_vec(struct buffer *b, unsigned width, const void *at, size_t len)
{
	wire_int(b, len, width);
	buffer_add(b, at, len);
}

static inline void wire_extension(struct buffer *b, uint16_t type, const void *at, size_t len)
{
	wire_int(b, type, 2);
	wire_vec(b, 2, at, len);
}

/* RFC 6066 section 3 */
static inline void wire_server_name(struct buffer *b, const char *name)
{
	size_t len = strlen(name);

	wire_int(b, 0, 2);
	wire_int(b, len + 5, 2);
	wire_int(b, len + 3, 2);
	wire_int(b, 0, 1);
	wire_vec(b, 2, name, len);
}

static const uint8_t wire_client_random[32] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
static const uint8_t wire_server_random[32] = { 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17 };

/* ClientHello's body: TLS 1.2, no session id, the suites (two bytes each), null compression, the extensions where there are any. */
static inline void wire_client_hello(struct buffer *b, const void *suites, size_t suites_len, const struct buffer *extensions)
{
	wire_int(b, 0x0303, 2);
	buffer_add(b, wire_client_random, sizeof wire_client_random);
	wire_int(b, 0, 1);
	wire_vec(b, 2, suites, suites_len);
	wire_int(b, 0x0100, 2);
	if (extensions)
		wire_vec(b, 2, extensions->at, extensions->len);
}

static inline void wire_server_hello(struct buffer *b, uint16_t suite, const struct buffer *extensions)
{
	wire_int(b, 0x0303, 2);
	buffer_add(b, wire_server_random, sizeof wire_server_random);
	wire_int(b, 0, 1);
	wire_int(b, suite, 2);
	wire_int(b, 0, 1);
	if (extensions)
		wire_vec(b, 2, extensions->at, extensions->len);
}

static inline void wire_message(struct buffer *b, uint8_t type, const void *body, size_t len)
{
	wire_int(b, type, 1);
	wire_vec(b, 3, body, len);
}

static inline void wire_record(struct buffer *b, uint8_t type, const void *body, size_t len)
{
	wire_int(b, type, 1);
	wire_int(b, 0x0303, 2);
	wire_vec(b, 2, body, len);
}

#endif
