/* greetings.h: the first words of servers that speak before their client, kept in case the client then sends a hello all the same: who comes with TLS to a
 * port of SSH or SMTP mostly gets the banner first. Some of the latest connections, by their number, the oldest of a set going first; one that is crowded out
 * loses only that explanation.
 */
#ifndef APP_GREETINGS_H
#define APP_GREETINGS_H

#include "base/reader.h"

#include <stdint.h>

enum { GREETING_SETS = 256, GREETING_WAYS = 4, GREETING_KEPT = 40 };

struct greeting {
	uint64_t flow;			/* 0: none */
	uint32_t next;			/* sequence number after the segment */
	uint8_t len, at[GREETING_KEPT];
};

/* Zeroes are empty. */
struct greetings {
	struct greeting sets[GREETING_SETS][GREETING_WAYS];
};

void greetings_note(struct greetings *g, uint64_t flow, struct bytes first, uint32_t next);
/* NULL where none is kept. */
const struct greeting *greetings_find(const struct greetings *g, uint64_t flow);
/* The client has spoken: what the server said is no answer to a later hello. */
void greetings_forget(struct greetings *g, uint64_t flow);

#endif
