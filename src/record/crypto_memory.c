#include "record/crypto_memory.h"

#include "base/xmalloc.h"

#include <openssl/crypto.h>
#include <stdlib.h>

static void *get(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return xmalloc(size);
}

static void *resize(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (size)
		return xrealloc(at, size);
	free(at);
	return NULL;
}

static void put(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

void crypto_memory_checked(void)
{
	CRYPTO_set_mem_functions(get, resize, put);
}
