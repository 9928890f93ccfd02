/* clock.h: the flow clock: packet time that never runs backwards and ignores jumps of more than a
 * day.
 */
#ifndef FLOW_CLOCK_H
#define FLOW_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define DAY_NS INT64_C(86400000000000)
#define MS_NS INT64_C(1000000)

enum { FLOW_ROUND_MS = 16000 };	/* within this, all that has been silent too long is forgotten */

/* Zeroes are one that has not begun. */
struct flow_clock {
	int64_t now_ns, now_ms;
	int64_t peak_ns;	/* the latest packet's own time */
	int64_t base_ns;	/* the first packet's */
	bool runs;
};

/* Times come from strangers: what overflows wraps, and is undone by the other one. */
static inline int64_t time_difference(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t time_sum(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* True where the clock began with this packet. */
static inline bool flow_clock_advance(struct flow_clock *c, int64_t time_ns)
{
	int64_t passed = time_difference(time_ns, c->peak_ns);

	if (!c->runs) {
		*c = (struct flow_clock){ time_ns, time_ns / MS_NS, time_ns, time_ns, true };
		return true;
	}
	if (passed > DAY_NS || passed < -DAY_NS) {
		c->peak_ns = time_ns;
		return false;
	}
	if (passed <= 0)
		return false;
	c->peak_ns = time_ns;
	c->now_ns = time_sum(c->now_ns, passed);
	c->now_ms = c->now_ns / MS_NS;
	return false;
}

/* Rounds have the same borders for whoever keeps the same clock. */
static inline int64_t flow_clock_round(const struct flow_clock *c)
{
	return c->now_ms / FLOW_ROUND_MS;
}

#endif
