/* buffer.h: bytes that grow. Owns its memory; zeroes are an empty one. Memory that cannot be had ends the
 * program (xmalloc.h): there is nothing sensible to do without it.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/reader.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
	uint8_t *at;
	size_t len, room;
};

void buffer_finish(struct buffer *b);
static inline void buffer_clear(struct buffer *b)
{
	b->len = 0;
}
/* Makes room for `more` further bytes and returns where they go; len is unchanged. */
uint8_t *buffer_reserve(struct buffer *b, size_t more);
static inline void buffer_add(struct buffer *b, const void *at, size_t len)
{
	if (!len)
		return;
	memcpy(b->room - b->len < len ? buffer_reserve(b, len) : b->at + b->len, at, len);
	b->len += len;
}
void buffer_add_text(struct buffer *b, const char *text);
void buffer_add_format(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends with a NUL that does not count; the text is borrowed until the buffer changes. */
const char *buffer_text(struct buffer *b);
static inline struct bytes buffer_bytes(const struct buffer *b)
{
	return (struct bytes){ b->at, b->len };
}

#endif
