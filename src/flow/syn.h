/* syn.h: a cache of bare SYNs, so that a flood of them costs no flows: it remembers when the first
 * one of a connection came, until a SYN/ACK, an ACK or data shows that there is a connection.
 * Bounded: starts small and grows while entries that are still waited for would be replaced; then
 * the oldest of a set goes.
 */
#ifndef FLOW_SYN_H
#define FLOW_SYN_H

#include <stdbool.h>
#include <stdint.h>

enum {
	SYN_SETS_FIRST = 1 << 10,
	SYN_SETS_MAX = 1 << 14,
	SYN_WAYS = 4,
	/* The shortest retransmission time-out in use is 200 ms (RFC 6298 asks for 1 s); what
	 * comes again sooner is the same packet seen twice, as mirror ports do. */
	SYN_RETRANSMISSION_NS = 100000000,
};

enum syn_flag {
	SYN_RETRANSMITTED = 1,
	SYN_CHECKSUM_RIGHT = 2,
	SYN_WITHOUT_MD5 = 4,
	SYN_USED = 8,
	SYN_FILLED = 16
};

struct syn {
	uint64_t tag;		/* keyed hash of the connection and the end that sent it */
	int64_t time_ns;	/* of the first one */
	uint64_t number : 56;
	uint64_t flags : 8;	/* bits of enum syn_flag */
	uint32_t isn;
	uint32_t stamp;		/* order of coming */
};

/* Zeroes are an empty one. */
struct syn_cache {
	struct syn *entries;
	uint32_t sets;
	uint32_t stamp;
};

void syn_finish(struct syn_cache *c);
/* Remembers it; one with the same tag and isn keeps its first time. */
void syn_remember(struct syn_cache *c, const struct syn *s);
/* NULL where none is known. Borrowed until the next syn_remember(). */
struct syn *syn_find(const struct syn_cache *c, uint64_t tag);

/* Fetches what syn_find() and syn_remember() of this tag will read. */
void syn_prefetch(const struct syn_cache *c, uint64_t tag);

#endif
