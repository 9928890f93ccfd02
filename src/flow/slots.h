/* slots.h: the hash table of the flow table: linear probing, in the order of the hashes.
 *
 * A slot holds the whole hash, so that growing and nearly all misses look at nothing else, and a
 * place, which is the flow table's to understand; 0 for none.
 */
#ifndef FLOW_SLOTS_H
#define FLOW_SLOTS_H

#include <stdint.h>

struct slot {
	uint32_t hash, place;
};

/* Zeroes are one without memory: slots_grow() comes first. */
struct slots {
	struct slot *at;
	uint32_t count, used;
};

void slots_finish(struct slots *t);
void slots_grow(struct slots *t);
void slots_add(struct slots *t, uint32_t hash, uint32_t place);
/* Where this place stands, which is in the table. */
uint32_t slots_find(const struct slots *t, uint32_t hash, uint32_t place);
void slots_remove(struct slots *t, uint32_t hole);
void slots_clear(struct slots *t);
/* By hash, then by place: the first `count` slots, which are a list then and no table any more. */
void slots_sort(struct slots *t, uint32_t count);

/* Where a search for this hash begins, and where it goes on until a slot without a place. */
static inline uint32_t slots_home(const struct slots *t, uint32_t hash)
{
	return (uint32_t)((uint64_t)hash * t->count >> 32);
}

static inline uint32_t slots_after(const struct slots *t, uint32_t at)
{
	return at + 1 == t->count ? 0 : at + 1;
}

#endif
