#include "registry/registry.h"

#include "registry/tables.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *word;
	uint8_t digits;		/* at least, of a code without a name */
	bool has_grease;
} kinds[REGISTRY_KIND_COUNT] = {
	[REGISTRY_VERSION] = { "version", 4, true },
	[REGISTRY_CIPHER] = { "cipher", 4, true },
	[REGISTRY_GROUP] = { "group", 4, true },
	[REGISTRY_SIGNATURE_SCHEME] = { "signature_scheme", 4, true },
	[REGISTRY_EXTENSION] = { "extension", 4, true },
	[REGISTRY_ALERT] = { "alert", 4, false },
	[REGISTRY_MESSAGE] = { "message", 4, false },
	[REGISTRY_COMPRESSION] = { "compression", 4, false },
	[REGISTRY_PSK_MODE] = { "psk_mode", 4, false },
	[REGISTRY_CERTIFICATE_COMPRESSION] = { "certificate_compression", 4, false },
	[REGISTRY_ALERT_LEVEL] = { "alert_level", 4, false },
	[REGISTRY_QUIC_VERSION] = { "quic_version", 8, false },
};

const char *registry_kind_name(enum registry_kind kind)
{
	assert(kind < REGISTRY_KIND_COUNT);
	return kinds[kind].word;
}

const struct registry_entry *registry_entries(enum registry_kind kind, size_t *count)
{
	assert(kind < REGISTRY_KIND_COUNT);
	*count = registry_tables[kind].count;
	return registry_tables[kind].entries;
}

static int order(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_entry(const void *code, const void *entry)
{
	return order(*(const uint32_t *)code, ((const struct registry_entry *)entry)->code);
}

static int compare_suite(const void *code, const void *suite)
{
	return order(*(const uint32_t *)code, ((const struct suite *)suite)->code);
}

static int compare_group(const void *code, const void *group)
{
	return order(*(const uint32_t *)code, ((const struct group *)group)->code);
}

const struct registry_entry *registry_find(enum registry_kind kind, uint32_t code)
{
	size_t count;
	const struct registry_entry *entries = registry_entries(kind, &count);

	return bsearch(&code, entries, count, sizeof *entries, compare_entry);
}

const struct suite *registry_suite(uint32_t code)
{
	return bsearch(&code, registry_suites, registry_suite_count, sizeof *registry_suites,
		       compare_suite);
}

const struct group *registry_group(uint32_t code)
{
	return bsearch(&code, registry_groups, registry_group_count, sizeof *registry_groups,
		       compare_group);
}

/* RFC 8701 section 2; for PskKeyExchangeMode its values are 0x0b, 0x2a, ... 0xe4: every 31st. */
static bool is_grease(enum registry_kind kind, uint32_t code)
{
	if (kind == REGISTRY_PSK_MODE)
		return code <= 0xe4 && code % 31 == 11;
	return kinds[kind].has_grease && registry_is_grease(code);
}

const char *registry_name(enum registry_kind kind, uint32_t code, char room[16])
{
	const struct registry_entry *entry = registry_find(kind, code);

	if (entry)
		return entry->name;
	if (is_grease(kind, code))
		return "GREASE";
	/* SSL 2.0's cipher kinds have three bytes: more than four digits come by themselves. */
	snprintf(room, 16, "0x%0*x", kinds[kind].digits, (unsigned)code);
	return room;
}
