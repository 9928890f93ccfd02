#include "base/xmalloc.h"

#include <stdint.h>
#include <stdlib.h>

static void (*out_of_memory)(void) = abort;

void xmalloc_on_failure(void (*handler)(void))
{
	out_of_memory = handler;
}

static void *checked(void *at)
{
	if (!at) {
		out_of_memory();
		abort();
	}
	return at;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1));
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1));
}

/* The size is a multiple of the alignment. */
void *xaligned(size_t alignment, size_t size)
{
	return checked(aligned_alloc(alignment, size));
}

void *xrealloc(void *at, size_t size)
{
	return checked(realloc(at, size ? size : 1));
}
