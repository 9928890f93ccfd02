/* document.h: the program that prints a page of docs/ from a table: to the file that its first word
 * names, or to standard output. For such programs alone, which are no part of any room's library.
 */
#ifndef BASE_DOCUMENT_H
#define BASE_DOCUMENT_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stdio.h>

static inline int document_main(int argc, char **argv, void (*add)(struct buffer *out))
{
	struct buffer out = { 0 };
	FILE *f = argc > 1 ? fopen(argv[1], "wb") : stdout;

	if (!f)
		return 1;
	add(&out);
	size_t written = fwrite(out.at, 1, out.len, f);
	int closed = fclose(f);
	bool whole = written == out.len && !closed;
	buffer_finish(&out);
	return whole ? 0 : 1;
}

#endif
