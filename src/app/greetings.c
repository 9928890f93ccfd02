#include "app/greetings.h"

#include <string.h>

void greetings_note(struct greetings *g, uint64_t flow, struct bytes first, uint32_t next)
{
	struct greeting *slot = &g->slots[flow % GREETINGS_MAX];

	*slot = (struct greeting){ .flow = flow, .next = next, .len = (uint8_t)(first.len < GREETING_KEPT ? first.len : GREETING_KEPT) };
	if (slot->len)
		memcpy(slot->at, first.at, slot->len);
}

const struct greeting *greetings_find(const struct greetings *g, uint64_t flow)
{
	const struct greeting *slot = &g->slots[flow % GREETINGS_MAX];

	return flow && slot->flow == flow ? slot : NULL;
}

void greetings_forget(struct greetings *g, uint64_t flow)
{
	if (greetings_find(g, flow))
		g->slots[flow % GREETINGS_MAX] = (struct greeting){ 0 };
}
