#include "app/greetings.h"

#include <string.h>

/* That of the flow, else a free one, else the oldest: flows are numbered as they come, and 0 is none. */
static struct greeting *place_for(struct greetings *g, uint64_t flow)
{
	struct greeting *set = g->sets[flow % GREETING_SETS], *best = set;

	for (unsigned i = 0; i < GREETING_WAYS; i++) {
		if (set[i].flow == flow)
			return &set[i];
		if (set[i].flow < best->flow)
			best = &set[i];
	}
	return best;
}

void greetings_note(struct greetings *g, uint64_t flow, struct bytes first, uint32_t next)
{
	struct greeting *slot = place_for(g, flow);

	*slot = (struct greeting){ .flow = flow, .next = next, .len = (uint8_t)(first.len < GREETING_KEPT ? first.len : GREETING_KEPT) };
	if (slot->len)
		memcpy(slot->at, first.at, slot->len);
}

const struct greeting *greetings_find(const struct greetings *g, uint64_t flow)
{
	const struct greeting *set = g->sets[flow % GREETING_SETS];

	for (unsigned i = 0; flow && i < GREETING_WAYS; i++)
		if (set[i].flow == flow)
			return &set[i];
	return NULL;
}

void greetings_forget(struct greetings *g, uint64_t flow)
{
	if (greetings_find(g, flow))
		*place_for(g, flow) = (struct greeting){ 0 };
}
