/* document.h: a page of docs/ that is made from a table must be what the table makes. */
#ifndef TESTS_DOCUMENT_H
#define TESTS_DOCUMENT_H

#include "base/buffer.h"

#include <stdio.h>
#include <stdlib.h>

/* The environment's `variable` names the page; without it there is nothing to compare. */
static inline void assert_document(const char *variable, void (*add)(struct buffer *out))
{
	const char *path = getenv(variable);
	struct buffer want = { 0 }, have = { 0 };

	if (!path)
		skip();
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	for (int c; (c = fgetc(f)) != EOF;)
		buffer_add(&have, &(char){ (char)c }, 1);
	fclose(f);
	add(&want);
	assert_string_equal(buffer_text(&have), buffer_text(&want));
	buffer_finish(&want);
	buffer_finish(&have);
}

#endif
