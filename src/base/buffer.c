#include "base/buffer.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buffer_finish(struct buffer *b)
{
	if (!b)
		return;
	free(b->at);
	*b = (struct buffer){ 0 };
}

uint8_t *buffer_reserve(struct buffer *b, size_t more)
{
	assert(more < SIZE_MAX / 4);
	if (b->room - b->len < more) {
		size_t room = b->room ? b->room : 64;

		while (room - b->len < more)
			room *= 2;
		b->at = xrealloc(b->at, room);
		b->room = room;
	}
	return b->len ? b->at + b->len : b->at;
}

void buffer_add_text(struct buffer *b, const char *text)
{
	buffer_add(b, text, strlen(text));
}

void buffer_add_format(struct buffer *b, const char *format, ...)
{
	va_list args;

	assert(format);
	va_start(args, format);
	int need = vsnprintf(NULL, 0, format, args);
	va_end(args);
	assert(need >= 0);
	char *to = (char *)buffer_reserve(b, (size_t)need + 1);
	va_start(args, format);
	vsnprintf(to, (size_t)need + 1, format, args);
	va_end(args);
	b->len += (size_t)need;
}

const char *buffer_text(struct buffer *b)
{
	*buffer_reserve(b, 1) = 0;
	return (const char *)b->at;
}
