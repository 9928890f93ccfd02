#include "flow/syn.h"

#include "base/xmalloc.h"

#include <stdlib.h>

static struct syn *set_of(const struct syn_cache *c, uint64_t tag)
{
	return &c->entries[(tag & (c->sets - 1)) * SYN_WAYS];
}

void syn_finish(struct syn_cache *c)
{
	if (!c)
		return;
	free(c->entries);
	free(c->ends);
	*c = (struct syn_cache){ 0 };
}

struct syn *syn_find(const struct syn_cache *c, uint64_t tag)
{
	if (!c->sets)
		return NULL;
	struct syn *set = set_of(c, tag);

	for (unsigned i = 0; i < SYN_WAYS; i++)
		if (set[i].flags && set[i].tag == tag)
			return &set[i];
	return NULL;
}

void syn_prefetch(const struct syn_cache *c, uint64_t tag)
{
	if (!c->sets)
		return;
	__builtin_prefetch(set_of(c, tag));
	__builtin_prefetch(set_of(c, tag) + SYN_WAYS / 2);
}

/* A free place, else one that has served, else the oldest. */
static struct syn *place_for(const struct syn_cache *c, uint64_t tag)
{
	struct syn *set = set_of(c, tag), *best = set;

	for (unsigned i = 0; i < SYN_WAYS; i++) {
		if (!set[i].flags)
			return &set[i];
		bool served = set[i].flags & SYN_USED, best_served = best->flags & SYN_USED;

		if (served != best_served ? served :
					    set[i].stamp - c->stamp < best->stamp - c->stamp)
			best = &set[i];
	}
	return best;
}

static void grow(struct syn_cache *c)
{
	struct syn_cache larger = { .sets = c->sets ? c->sets * 2 : SYN_SETS_FIRST,
		.stamp = c->stamp };

	larger.entries = xcalloc((size_t)larger.sets * SYN_WAYS, sizeof *larger.entries);
	larger.ends = xcalloc((size_t)larger.sets * SYN_WAYS, sizeof *larger.ends);
	for (size_t i = 0; i < (size_t)c->sets * SYN_WAYS; i++) {
		if (!c->entries[i].flags)
			continue;
		struct syn *place = place_for(&larger, c->entries[i].tag);

		*place = c->entries[i];
		larger.ends[place - larger.entries] = c->ends[i];
	}
	free(c->entries);
	free(c->ends);
	*c = larger;
}

static struct syn *make_place(struct syn_cache *c, uint64_t tag)
{
	if (!c->sets)
		grow(c);
	struct syn *place = place_for(c, tag);

	while (place->flags && !(place->flags & SYN_USED) && c->sets < SYN_SETS_MAX) {
		grow(c);
		place = place_for(c, tag);
	}
	return place;
}

bool syn_remember(struct syn_cache *c, const struct syn *s, const struct syn_ends *ends,
	struct syn *lost, struct syn_ends *lost_ends)
{
	struct syn *known = syn_find(c, s->tag);

	if (known && known->isn == s->isn) {
		if ((int64_t)((uint64_t)s->time_ns - (uint64_t)known->time_ns) >
			SYN_RETRANSMISSION_NS)
			known->flags |= SYN_RETRANSMITTED;
		return false;
	}
	if (!known)
		known = make_place(c, s->tag);
	struct syn_ends *place = &c->ends[known - c->entries];
	bool loses = syn_waits(known);

	if (loses) {
		*lost = *known;
		*lost_ends = *place;
	}
	*known = *s;
	*place = *ends;
	known->flags |= SYN_FILLED;
	known->stamp = ++c->stamp;
	return loses;
}

uint32_t syn_sweep(struct syn_cache *c, uint32_t *at, uint32_t *steps, int64_t before_ns)
{
	uint32_t places = c->sets * SYN_WAYS;

	while (places && *steps) {
		uint32_t place = *at < places ? *at : 0;
		struct syn *s = &c->entries[place];
		bool waits = syn_waits(s);

		--*steps;
		*at = place + 1;
		if (!s->flags || (int64_t)((uint64_t)s->time_ns - (uint64_t)before_ns) >= 0)
			continue;
		s->flags = 0;
		if (waits)
			return place;
	}
	return SYN_NONE;
}
