/* tables.h: what generate.py makes of the data files: the room's own, read by others through registry.h.
 * Every array is sorted by code.
 */
#ifndef REGISTRY_TABLES_H
#define REGISTRY_TABLES_H

#include "registry/registry.h"

struct registry_table {
	const struct registry_entry *entries;
	size_t count;
};

extern const struct registry_table registry_tables[REGISTRY_KIND_COUNT];
extern const struct suite registry_suites[];
extern const size_t registry_suite_count;
extern const struct group registry_groups[];
extern const size_t registry_group_count;

#endif
