/* syn.h: a cache of bare SYNs, so that a flood of them costs no flows: it remembers when the first
 * one of a connection came, until a SYN/ACK, an ACK or data shows that there is a connection.
 * Bounded: starts small and grows while entries that are still waited for would be replaced; then
 * the oldest of a set goes.
 */
#ifndef FLOW_SYN_H
#define FLOW_SYN_H

#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

#define SYN_NONE UINT32_MAX

enum {
	SYN_SETS_FIRST = 1 << 9,
	SYN_SETS_MAX = 1 << 11,
	SYN_WAYS = 8,
	/* The shortest retransmission time-out in use is 200 ms (RFC 6298 asks for 1 s); what
	 * comes again sooner is the same packet seen twice, as mirror ports do. */
	SYN_RETRANSMISSION_NS = 100000000,
	SYN_PATIENCE_NS = 1000000000,
};

enum syn_flag {
	SYN_RETRANSMITTED = 1,
	SYN_CHECKSUM_RIGHT = 2,
	SYN_WITHOUT_MD5 = 4,
	SYN_USED = 8,
	SYN_FILLED = 16,
	SYN_DOUBTED = 32,	/* it came amid a running connection: that nobody answers it means nothing */
};

struct syn {
	uint64_t tag;		/* keyed hash of the connection and the end that sent it */
	int64_t time_ns;	/* of the first one */
	uint64_t number : 56;
	uint64_t flags : 8;	/* bits of enum syn_flag */
	uint32_t isn;
	uint32_t stamp;		/* order of coming */
};

/* Who waits for whom: read only where nobody answers. */
struct syn_ends {
	struct address client, server;
	uint16_t server_port;
};

/* Zeroes are an empty one. */
struct syn_cache {
	struct syn *entries;
	struct syn_ends *ends;	/* of the entries, place by place */
	uint32_t sets;
	uint32_t stamp;
};

void syn_finish(struct syn_cache *c);
/* Remembers it; one with the same tag and isn keeps its first time. True where another had to go for it that still waits for its
 * answer: `lost` and `lost_ends` are that one. */
bool syn_remember(struct syn_cache *c, const struct syn *s, const struct syn_ends *ends,
	struct syn *lost, struct syn_ends *lost_ends);
/* Nobody has answered it, and it shall be counted. */
static inline bool syn_waits(const struct syn *s)
{
	return s->flags && !(s->flags & (SYN_USED | SYN_DOUBTED));
}
/* Looks at the next `steps` places from *at on, round and round, for one that came before `before_ns`, forgets it and returns where it
 * was: an index of entries and ends, valid until the next syn_remember(). SYN_NONE: none. */
uint32_t syn_sweep(struct syn_cache *c, uint32_t *at, uint32_t *steps, int64_t before_ns);
/* NULL where none is known. Borrowed until the next syn_remember(). */
struct syn *syn_find(const struct syn_cache *c, uint64_t tag);

/* Fetches what syn_find() and syn_remember() of this tag will read. */
void syn_prefetch(const struct syn_cache *c, uint64_t tag);

#endif
