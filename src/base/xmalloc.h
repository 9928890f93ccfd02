/* xmalloc.h: memory, or the end of the program with a message and exit status 3. */
#ifndef BASE_XMALLOC_H
#define BASE_XMALLOC_H

#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xaligned(size_t alignment, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *at, size_t size) __attribute__((returns_nonnull));
/* What is done when no memory is to be had; the program sets it once, before any thread starts. */
void xmalloc_on_failure(void (*handler)(void));

#endif
