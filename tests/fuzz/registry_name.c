/* registry_name.c: any kind and code gives a name, and the three ways to look one up agree. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/reader.h"
#include "registry/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void check(enum registry_kind kind, uint32_t code)
{
	char room[16];
	const char *name = registry_name(kind, code, room);
	const struct registry_entry *entry = registry_find(kind, code);

	assert(*name && strlen(name) < 64);
	assert(!entry || (entry->code == code && name == entry->name));
	assert(entry || name == room || !strcmp(name, "GREASE"));
	if (kind == REGISTRY_CIPHER)
		assert(!entry == !registry_suite(code));
	if (kind == REGISTRY_GROUP)
		assert(!entry == !registry_group(code));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct reader r = reader_of((struct bytes){ at, len });

	while (rd_more(&r)) {
		enum registry_kind kind = (enum registry_kind)(rd_u8(&r) % REGISTRY_KIND_COUNT);

		check(kind, rd_u32(&r));
	}
	return 0;
}
