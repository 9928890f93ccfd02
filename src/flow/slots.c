#include "flow/slots.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS_FIRST = 1024,
	/* beyond, a miss of linear probing looks at more than two cache lines */
	SLOTS_FULL_PERCENT = 80,
};

static void put(struct slots *t, struct slot s)
{
	uint32_t at = slots_home(t, s.hash);

	while (t->at[at].place)
		at = slots_after(t, at);
	t->at[at] = s;
}

void slots_grow(struct slots *t)
{
	struct slots old = *t;

	t->count = old.count ? old.count + old.count / 2 : SLOTS_FIRST;
	t->at = xcalloc(t->count, sizeof *t->at);
	for (uint32_t i = 0; i < old.count; i++)
		if (old.at[i].place)
			put(t, old.at[i]);
	free(old.at);
}

void slots_finish(struct slots *t)
{
	free(t->at);
	*t = (struct slots){ 0 };
}

void slots_add(struct slots *t, uint32_t hash, uint32_t place)
{
	if ((uint64_t)t->used * 100 >= (uint64_t)t->count * SLOTS_FULL_PERCENT)
		slots_grow(t);
	t->used++;
	put(t, (struct slot){ hash, place });
}

uint32_t slots_find(const struct slots *t, uint32_t hash, uint32_t place)
{
	uint32_t at = slots_home(t, hash);

	while (t->at[at].place != place) {
		assert(t->at[at].place);
		at = slots_after(t, at);
	}
	return at;
}

/* Whether the slot's home lies cyclically in (hole, at]: then it must stay. */
static bool is_at_home_behind(const struct slots *t, uint32_t hole, uint32_t at)
{
	uint32_t from = slots_home(t, t->at[at].hash);

	return hole < at ? hole < from && from <= at : hole < from || from <= at;
}

void slots_remove(struct slots *t, uint32_t hole)
{
	for (uint32_t at = slots_after(t, hole); t->at[at].place; at = slots_after(t, at)) {
		if (is_at_home_behind(t, hole, at))
			continue;
		t->at[hole] = t->at[at];
		hole = at;
	}
	t->at[hole].place = 0;
	t->used--;
}

void slots_clear(struct slots *t)
{
	memset(t->at, 0, t->count * sizeof *t->at);
	t->used = 0;
}

static uint64_t order_of(const struct slot *s)
{
	return (uint64_t)s->hash << 32 | s->place;
}

/* Radix exchange: in place, whatever the order that comes in. */
static void sort(struct slot *at, size_t count, unsigned bit)
{
	while (count > 1) {
		size_t low = 0, high = count;

		while (low < high) {
			if (order_of(&at[low]) >> bit & 1) {
				struct slot moved = at[--high];

				at[high] = at[low];
				at[low] = moved;
			} else {
				low++;
			}
		}
		if (!bit)
			return;
		bit--;
		sort(at, low, bit);
		at += low;
		count -= low;
	}
}

void slots_sort(struct slots *t, uint32_t count)
{
	sort(t->at, count, 63);
}
