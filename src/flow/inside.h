/* inside.h: the flow table from within: its struct, and what table.c (finding, making, packing) and forget.c (how flows end) need of
 * each other. Private to these two.
 */
#ifndef FLOW_INSIDE_H
#define FLOW_INSIDE_H

#include "flow/slab.h"
#include "flow/slots.h"
#include "flow/syn.h"
#include "flow/table.h"
#include "flow/track.h"

enum {
	DUE_SECONDS = 65535,		/* due times are kept modulo this */
	DUE_BYTES = 2,
	KINDS = 16,
};

/* What a slot's place says: AWAKE_BIT and an index of the pool, or a block of the slab. */
#define AWAKE_BIT 0x80000000U

struct awake {
	struct flow flow;	/* first: a flow's address is its place's */
	uint32_t hash;
	/* used since the hand passed: the second chance of the clock algorithm */
	bool full, used;
};

struct flow_table {
	struct flow_table_options options;
	struct stream_pool streams;
	struct slots slots;
	/* awake_max, and one more for flows that wake only to be retired; the first `awake_now` are in use */
	struct awake *pool;
	uint32_t awake_now;
	uint32_t slept, woken;		/* since awake_now was last considered */
	uint8_t *connections;		/* of the pool, place by place */
	uint32_t *unused;		/* stack of free places of the pool */
	uint32_t unused_count;
	uint32_t hand, pool_sweep;
	struct slab slab;
	uint32_t slab_sweep;
	struct syn_cache syns;
	uint32_t syn_sweep;
	uint64_t syns_lost;		/* that had to go before their time */
	uint64_t last_id;
	uint8_t *packed;		/* room for one flow asleep */
	uint8_t *repacked;		/* and for a connection packed the other way */
	uint8_t *typical[KINDS];	/* what the first of the kind was when it fell asleep; only to compare with */
	struct flow_clock clock;
	int64_t swept_ms, round;
	struct flow_table_counts counts;
};

/* How a connection is packed: by its difference from a blank one, or (this and its kind) from the typical one. */
enum packing { PACKED_NONE, PACKED_BLANK, PACKED_TYPICAL };

static inline int64_t inside_idle_ms_max(const struct flow *f)
{
	if (track_over(f))
		return FLOW_LINGER_MS;
	if (f->connection)
		return FLOW_IDLE_CONNECTION_MS;
	return f->state == FLOW_NEW ? FLOW_IDLE_NEW_MS : FLOW_IDLE_UNDECIDED_MS;
}

static inline bool inside_is_idle(const struct flow_table *t, const struct flow *f)
{
	return time_difference(t->clock.now_ms, f->last_ms) > inside_idle_ms_max(f);
}

/* Whether it can be forgotten now: between two rounds only what nobody will hear of. */
static inline bool inside_may_go(const struct flow_table *t, const struct flow *f)
{
	return inside_is_idle(t, f) && (t->options.bit_by_bit || (f->unwatched && !f->connection));
}

static inline enum flow_end inside_idle_end(const struct flow *f)
{
	return track_over(f) ? FLOW_END_CLOSED : FLOW_END_IDLE;
}

/* Where flows wake that nobody else needs awake. */
static inline uint32_t inside_spare_index(const struct flow_table *t)
{
	return t->options.awake_max;
}

/* table.c */
uint32_t inside_due_of(int64_t ms);
size_t inside_unpack_flow(const struct flow_table *t, uint32_t block, struct flow *f);
void inside_retire(struct flow_table *t, uint32_t index, enum flow_end how);
void inside_retire_awake(struct flow_table *t, uint32_t index, enum flow_end how);
void inside_retire_asleep(struct flow_table *t, uint32_t block, enum flow_end how);
uint32_t inside_wake_to_retire(struct flow_table *t, uint32_t block);
void inside_tell_in_vain(struct flow_table *t, const struct syn *syn, const struct syn_ends *ends, bool refused);

/* forget.c */
/* Makes room for one more flow where there is none, in number or in memory. */
void inside_make_room(struct flow_table *t);

#endif
