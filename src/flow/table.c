#include "flow/table.h"

#include "base/xmalloc.h"
#include "flow/fold.h"
#include "flow/rest.h"
#include "flow/slab.h"
#include "flow/slots.h"
#include "flow/syn.h"
#include "flow/track.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	SWEEP_STEPS_MAX = 4096,		/* in one tick: some 20 us */
	EVICT_SAMPLE = 64,
	DUE_SECONDS = 65535,		/* due times are kept modulo this */
	DUE_BYTES = 2,
	KINDS = 16,
	SLOTS_DUE_FIRST = 64,
	WOKEN_SHARE = 4,	/* one in so many of those that slept was needed again: too few places */
	/* A connection that needs more than this, told by a typical one, may have less in common with it than with a blank one. */
	TYPICAL_BYTES_MAX = 160,
};

/* What a slot's place says: AWAKE_BIT and an index of the pool, or a block of the slab. */
#define AWAKE_BIT 0x80000000U

struct awake {
	struct flow flow;	/* first: a flow's address is its place's */
	uint32_t hash;
	/* used since the hand passed: the second chance of the clock algorithm */
	bool full, used;
};

struct flow_key {
	struct address end[2];
	uint16_t port[2];
	uint32_t network;
	uint32_t protocol;
};

enum { KEY_WORDS = offsetof(struct flow_key, protocol) / 8 };

_Static_assert(offsetof(struct flow_key, protocol) == KEY_WORDS * 8, "a key is compared by words");
_Static_assert(offsetof(struct flow, port) == offsetof(struct flow_key, port) &&
		offsetof(struct flow, network) == offsetof(struct flow_key, network) &&
		offsetof(struct flow, protocol) == offsetof(struct flow_key, protocol),
	"a flow begins with its key");

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

_Static_assert((int)SLAB_SLACK >= (int)REST_SLACK, "packed flows are read where they lie");

/* What most flows that wait have in common: TCP over IPv4, opened before our eyes, and followed. */
static const struct flow blank_flow = {
	.end = { { { [10] = 0xff, [11] = 0xff } }, { { [10] = 0xff, [11] = 0xff } } },
	.protocol = PROTOCOL_TCP,
	.state = FLOW_FOLLOWED,
	.opening = OPENING_SYN | OPENING_SYNACK | OPENING_ACK | OPENING_ISN | OPENING_ISN << 1,
	.checksum_right = 3,
	.without_md5 = 3,
	.seen = { true, true },
	.stream = { { .started = true }, { .started = true } },
};

/* --- keys --- */

static uint64_t big_endian(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return __builtin_bswap64(value);
}

/* The sender's address, or for equal ones its port, is the higher one. */
static bool source_is_higher(const struct segment *s)
{
	for (unsigned half = 0; half < 16; half += 8) {
		uint64_t source = big_endian(s->src.at + half),
			 other = big_endian(s->dst.at + half);

		if (source != other)
			return source > other;
	}
	return s->src_port > s->dst_port;
}

/* Both directions give the same key. Returns the end that sent the segment. */
static unsigned make_key(const struct segment *s, struct flow_key *key)
{
	unsigned end = source_is_higher(s);

	key->end[end] = s->src;
	key->end[1 - end] = s->dst;
	key->port[end] = s->src_port;
	key->port[1 - end] = s->dst_port;
	key->network = s->network;
	key->protocol = s->protocol;
	return end;
}

/* The first members of a flow are those of a key; without a call, since every packet asks. */
static inline bool has_key(const struct flow *f, const struct flow_key *key)
{
	uint64_t mine[KEY_WORDS], theirs[KEY_WORDS], differ = 0;

	memcpy(mine, f, sizeof mine);
	memcpy(theirs, key, sizeof theirs);
	for (unsigned i = 0; i < KEY_WORDS; i++)
		differ |= mine[i] ^ theirs[i];
	return !differ && f->protocol == key->protocol;
}

static uint64_t hash_key_of(const struct flow_table *t, const struct flow_key *key)
{
	return hash_bytes(t->options.key, key, sizeof *key);
}

static uint32_t table_hash(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

static uint64_t syn_tag(uint64_t hash, unsigned end)
{
	return end ? hash ^ UINT64_C(0x9e3779b97f4a7c15) : hash;
}

/* --- time --- */

static int64_t idle_ms_max(const struct flow *f)
{
	if (track_over(f))
		return FLOW_LINGER_MS;
	if (f->connection)
		return FLOW_IDLE_CONNECTION_MS;
	return f->state == FLOW_NEW ? FLOW_IDLE_NEW_MS : FLOW_IDLE_UNDECIDED_MS;
}

static bool is_idle(const struct flow_table *t, const struct flow *f)
{
	return time_difference(t->clock.now_ms, f->last_ms) > idle_ms_max(f);
}

/* Whether it can be forgotten now: between two rounds only what nobody will hear of. */
static bool may_go(const struct flow_table *t, const struct flow *f)
{
	return is_idle(t, f) && (t->options.bit_by_bit || (f->unwatched && !f->connection));
}

static uint32_t due_of(int64_t ms)
{
	return (uint32_t)((uint64_t)ms / 1000 % DUE_SECONDS);
}

/* Seconds that a sleeping flow is over its time; below 0: still to go. */
static int32_t overdue(const struct flow_table *t, uint32_t block)
{
	uint16_t kept;

	memcpy(&kept, slab_at(&t->slab, block), sizeof kept);
	uint32_t late = (due_of(t->clock.now_ms) + DUE_SECONDS - (kept - 1U)) % DUE_SECONDS;

	return late < DUE_SECONDS / 2 ? (int32_t)late : (int32_t)late - DUE_SECONDS;
}

/* --- falling asleep and waking --- */

static void *connection_place(const struct flow_table *t, uint32_t index)
{
	return t->connections + index * t->options.connection_size;
}

static uint32_t index_of(const struct flow_table *t, const struct flow *f)
{
	return (uint32_t)((const struct awake *)f - t->pool);
}

/* How a connection is packed: by its difference from a blank one, or (this and its kind) from the typical one. */
enum packing { PACKED_NONE, PACKED_BLANK, PACKED_TYPICAL };

static const void *typical_of(const struct flow_table *t, uint8_t packing)
{
	return packing == PACKED_BLANK ? t->options.blank_connection : t->typical[packing - PACKED_TYPICAL];
}

/* Connections of a time are much alike: the same client, names of one length, the same marks. */
static size_t pack_connection(struct flow_table *t, const void *connection, uint8_t *packing, uint8_t *out)
{
	uint8_t kind = *(const uint8_t *)connection % KINDS;
	size_t size = t->options.connection_size;

	if (!t->typical[kind]) {
		t->typical[kind] = xmalloc(size);
		memcpy(t->typical[kind], connection, size);
	}
	*packing = (uint8_t)(PACKED_TYPICAL + kind);
	size_t len = rest_pack(connection, t->typical[kind], size, out);
	if (len <= TYPICAL_BYTES_MAX)
		return len;
	size_t other = rest_pack(connection, t->options.blank_connection, size, t->repacked);
	if (other >= len)
		return len;
	*packing = PACKED_BLANK;
	memcpy(out, t->repacked, other);
	return other;
}

/* Asleep, a flow is two bytes of due time (never both 0, as the slab wants), one that says
 * how its connection is packed, the flow's difference, the connection's. */
static size_t pack(struct flow_table *t, const struct flow *f)
{
	struct flow rest;
	uint16_t due = (uint16_t)(due_of(f->last_ms + idle_ms_max(f) + 999) + 1);
	size_t len = DUE_BYTES + 1;

	memcpy(t->packed, &due, sizeof due);
	t->packed[DUE_BYTES] = PACKED_NONE;
	flow_fold(f, t->clock.base_ns, &rest);
	len += rest_pack(&rest, &blank_flow, sizeof rest, t->packed + len);
	if (f->connection)
		len += pack_connection(t, f->connection, &t->packed[DUE_BYTES], t->packed + len);
	return len;
}

static size_t unpack_flow(const struct flow_table *t, uint32_t block, struct flow *f)
{
	size_t len = DUE_BYTES + 1;

	len += rest_unpack(slab_at(&t->slab, block) + len, &blank_flow, sizeof *f, f);
	flow_unfold(f, t->clock.base_ns);
	return len;
}

/* Behind the flow's len bytes. */
static void unpack_connection(
	const struct flow_table *t, uint32_t block, size_t len, uint32_t index)
{
	struct flow *f = &t->pool[index].flow;
	const uint8_t *from = slab_at(&t->slab, block);

	if (from[DUE_BYTES] == PACKED_NONE)
		return;
	f->connection = connection_place(t, index);
	rest_unpack(from + len, typical_of(t, from[DUE_BYTES]), t->options.connection_size, f->connection);
}

static void sleep_flow(struct flow_table *t, uint32_t index)
{
	struct awake *a = &t->pool[index];
	size_t len = pack(t, &a->flow);
	uint32_t block = slab_take(&t->slab, len);

	memcpy(slab_at(&t->slab, block), t->packed, len);
	t->slots.at[slots_find(&t->slots, a->hash, AWAKE_BIT | index)].place = block;
	a->full = false;
	t->slept++;
}

/* --- forgetting --- */

static void retire(struct flow_table *t, uint32_t index, enum flow_end how)
{
	struct flow *f = &t->pool[index].flow;

	if (how == FLOW_END_EVICTED)
		t->counts.evicted++;
	t->options.retire(t->options.context, f, how);
	stream_finish(&f->stream[0], &t->streams);
	stream_finish(&f->stream[1], &t->streams);
	t->pool[index].full = false;
	t->counts.now--;
}

static enum flow_end idle_end(const struct flow *f)
{
	return track_over(f) ? FLOW_END_CLOSED : FLOW_END_IDLE;
}

static void retire_awake(struct flow_table *t, uint32_t index, enum flow_end how)
{
	slots_remove(&t->slots, slots_find(&t->slots, t->pool[index].hash, AWAKE_BIT | index));
	retire(t, index, how);
	t->unused[t->unused_count++] = index;
}

/* Where flows wake that nobody else needs awake. */
static uint32_t spare_index(const struct flow_table *t)
{
	return t->options.awake_max;
}

static uint32_t wake_to_retire(struct flow_table *t, uint32_t block)
{
	uint32_t index = spare_index(t);

	unpack_connection(t, block, unpack_flow(t, block, &t->pool[index].flow), index);
	slab_give(&t->slab, block);
	return index;
}

static uint32_t hash_of_flow(const struct flow_table *t, const struct flow *f)
{
	struct flow_key key = { .end = { f->end[0], f->end[1] },
		.port = { f->port[0], f->port[1] },
		.network = f->network,
		.protocol = f->protocol };

	return table_hash(hash_key_of(t, &key));
}

static void retire_asleep(struct flow_table *t, uint32_t block, enum flow_end how)
{
	uint32_t index = wake_to_retire(t, block);
	struct flow *f = &t->pool[index].flow;

	slots_remove(&t->slots, slots_find(&t->slots, hash_of_flow(t, f), block));
	retire(t, index, how == FLOW_END_IDLE ? idle_end(f) : how);
}

static void add_places(struct flow_table *t, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		t->unused[t->unused_count++] = t->awake_now + count - 1 - i;
	t->awake_now += count;
}

/* Flows that fall asleep only to be woken are busy: they get more places, until most of those that sleep sleep on. */
static void consider_places(struct flow_table *t)
{
	uint32_t room = t->options.awake_max - t->awake_now;

	if (t->slept < t->awake_now)
		return;
	if (t->woken >= t->slept / WOKEN_SHARE)
		add_places(t, room < t->awake_now ? room : t->awake_now);
	t->slept = t->woken = 0;
}

/* Gives a free place of the pool; the flow that the hand finds unused since its last round falls
 * asleep, or goes where its time is over. */
static uint32_t take_place(struct flow_table *t)
{
	consider_places(t);
	while (!t->unused_count) {
		struct awake *a = &t->pool[t->hand];
		uint32_t index = t->hand;

		t->hand = t->hand + 1 == t->awake_now ? 0 : t->hand + 1;
		if (a->used) {
			a->used = false;
		} else if (may_go(t, &a->flow)) {
			retire_awake(t, index, idle_end(&a->flow));
		} else {
			sleep_flow(t, index);
			return index;
		}
	}
	return t->unused[--t->unused_count];
}

/* The one of a sample of sleeping flows whose time is over first: half-open ones before those
 * that are followed. */
static uint32_t evictable(struct flow_table *t)
{
	uint32_t best = 0;
	int32_t best_overdue = 0;

	for (unsigned i = 0; i < EVICT_SAMPLE; i++) {
		uint32_t budget = SWEEP_STEPS_MAX;
		uint32_t block = slab_walk(&t->slab, &t->slab_sweep, &budget);

		if (block && (!best || overdue(t, block) > best_overdue)) {
			best = block;
			best_overdue = overdue(t, block);
		}
	}
	for (unsigned round = 0; !best && round < 2; round++) {
		uint32_t budget = UINT32_MAX;

		best = slab_walk(&t->slab, &t->slab_sweep, &budget);
	}
	return best;
}

static uint32_t oldest_awake(const struct flow_table *t)
{
	uint32_t best = 0;

	for (uint32_t i = 0; i < t->awake_now; i++)
		if (t->pool[i].full &&
			(!t->pool[best].full ||
				t->pool[i].flow.last_ms < t->pool[best].flow.last_ms))
			best = i;
	return best;
}

static void evict(struct flow_table *t)
{
	uint32_t block = evictable(t);

	t->options.limits->bitten[LIMIT_FLOWS]++;
	if (block)
		retire_asleep(t, block, FLOW_END_EVICTED);
	else
		retire_awake(t, oldest_awake(t), FLOW_END_EVICTED);
}

static void sweep_awake(struct flow_table *t)
{
	struct awake *a = &t->pool[t->pool_sweep];

	if (a->full && may_go(t, &a->flow))
		retire_awake(t, t->pool_sweep, idle_end(&a->flow));
	t->pool_sweep = t->pool_sweep + 1 == t->awake_now ? 0 : t->pool_sweep + 1;
}

static void sweep_asleep(struct flow_table *t, uint32_t steps)
{
	while (steps) {
		uint32_t before = steps;
		uint32_t block = slab_walk(&t->slab, &t->slab_sweep, &steps);

		if (block && overdue(t, block) > 0)
			retire_asleep(t, block, FLOW_END_IDLE);
		if (!block && !t->slab_sweep)
			return;
		if (steps == before)
			steps--;
	}
}

static void sweep_syns(struct flow_table *t, uint32_t steps, int64_t patience_ns);
static void sweep_all_syns(struct flow_table *t, int64_t patience_ns);

static void sweep_a_bit(struct flow_table *t, int64_t passed_ms)
{
	uint64_t part = (uint64_t)(passed_ms < FLOW_ROUND_MS ? passed_ms : FLOW_ROUND_MS);
	uint64_t steps = 1 + t->counts.now * part / FLOW_ROUND_MS;

	sweep_asleep(t, steps < SWEEP_STEPS_MAX ? (uint32_t)steps : SWEEP_STEPS_MAX);
	steps = 1 + (uint64_t)t->syns.sets * SYN_WAYS * part / FLOW_ROUND_MS;
	sweep_syns(t, (uint32_t)steps, FLOW_IDLE_NEW_MS * MS_NS);
}

/* Ids by their low 32 bits, counted back from the newest: what compares them looks at nothing else. */
static uint32_t age_of(const struct flow_table *t, uint64_t id)
{
	uint64_t back = t->last_id - id;

	return back < UINT32_MAX ? UINT32_MAX - (uint32_t)back : 0;
}

static bool sleeps_too_long(struct flow_table *t, uint32_t block, int32_t least, struct flow *f)
{
	if (overdue(t, block) < least)
		return false;
	unpack_flow(t, block, f);
	f->connection = slab_at(&t->slab, block)[DUE_BYTES] == PACKED_NONE ? NULL : f;
	return is_idle(t, f);
}

/* What a round forgets: a list in the order of ids. */
struct due {
	struct slots list;
	uint32_t count;
};

static void add_due(const struct flow_table *t, struct due *d, uint64_t id, uint32_t place)
{
	if (d->count == d->list.count) {
		d->list.count = d->list.count ? d->list.count * 2 : SLOTS_DUE_FIRST;
		d->list.at = xrealloc(d->list.at, d->list.count * sizeof *d->list.at);
	}
	d->list.at[d->count++] = (struct slot){ age_of(t, id), place };
}

static void list_due(struct flow_table *t, struct due *d, int64_t passed_ms)
{
	/* Due times are whole seconds, and ambiguous after half of DUE_SECONDS. */
	int32_t least = passed_ms < DUE_SECONDS / 4 * INT64_C(1000) ? -1 : INT32_MIN;
	uint32_t from = 0, budget = UINT32_MAX;
	struct flow f;

	for (uint32_t i = 0; i < t->awake_now; i++)
		if (t->pool[i].full && is_idle(t, &t->pool[i].flow))
			add_due(t, d, t->pool[i].flow.id, AWAKE_BIT | i);
	for (uint32_t block; (block = slab_walk(&t->slab, &from, &budget)); budget = UINT32_MAX)
		if (sleeps_too_long(t, block, least, &f))
			add_due(t, d, f.id, block);
	slots_sort(&d->list, d->count);
}

static void sweep_round(struct flow_table *t, int64_t passed_ms)
{
	struct due due = { 0 };

	list_due(t, &due, passed_ms);
	for (uint32_t i = 0; i < due.count; i++) {
		uint32_t place = due.list.at[i].place;

		if (place & AWAKE_BIT)
			retire_awake(t, place & ~AWAKE_BIT, idle_end(&t->pool[place & ~AWAKE_BIT].flow));
		else
			retire_asleep(t, place, FLOW_END_IDLE);
	}
	slots_finish(&due.list);
	sweep_all_syns(t, FLOW_IDLE_NEW_MS * MS_NS);
}

static void sweep(struct flow_table *t)
{
	int64_t passed_ms = t->clock.now_ms - t->swept_ms, round = flow_clock_round(&t->clock);

	if (passed_ms <= 0)
		return;
	t->swept_ms = t->clock.now_ms;
	sweep_awake(t);
	if (t->options.bit_by_bit)
		sweep_a_bit(t, passed_ms);
	else if (round != t->round)
		sweep_round(t, (round - t->round) * FLOW_ROUND_MS);
	t->round = round;
}

static void begin_time(struct flow_table *t)
{
	t->swept_ms = t->clock.now_ms;
	t->round = flow_clock_round(&t->clock);
}

void flow_table_tick(struct flow_table *t, int64_t time_ns)
{
	if (flow_clock_advance(&t->clock, time_ns))
		begin_time(t);
	sweep(t);
}

void flow_table_follow(struct flow_table *t, const struct flow_clock *clock)
{
	bool begins = !t->clock.runs;

	t->clock = *clock;
	if (begins)
		begin_time(t);
	sweep(t);
}

/* --- finding and making --- */

static struct flow *wake(
	struct flow_table *t, uint32_t slot, uint32_t block, const struct flow_key *key)
{
	struct flow flow;
	size_t len = unpack_flow(t, block, &flow);

	if (!has_key(&flow, key))
		return NULL;
	uint32_t hash = t->slots.at[slot].hash;
	uint32_t index = take_place(t);

	memcpy(&t->pool[index].flow, &flow, sizeof flow);
	unpack_connection(t, block, len, index);
	slab_give(&t->slab, block);
	/* Making room may have moved the slot. */
	t->slots.at[slots_find(&t->slots, hash, block)].place = AWAKE_BIT | index;
	t->pool[index].hash = hash;
	t->pool[index].full = true;
	t->woken++;
	return &t->pool[index].flow;
}

static struct flow *find(struct flow_table *t, const struct flow_key *key, uint32_t hash)
{
	for (uint32_t at = slots_home(&t->slots, hash); t->slots.at[at].place;
		at = slots_after(&t->slots, at)) {
		uint32_t place = t->slots.at[at].place;

		if (t->slots.at[at].hash != hash)
			continue;
		if (!(place & AWAKE_BIT)) {
			struct flow *f = wake(t, at, place, key);

			if (f)
				return f;
		} else if (has_key(&t->pool[place & ~AWAKE_BIT].flow, key)) {
			return &t->pool[place & ~AWAKE_BIT].flow;
		}
	}
	return NULL;
}

/* A packet makes at most one flow, so its number names it; whoever does not number packets gets numbers from 1. */
static uint64_t next_id(struct flow_table *t, uint64_t number)
{
	t->last_id = number > t->last_id ? number : t->last_id + 1;
	return t->last_id;
}

static struct flow *make(struct flow_table *t, const struct flow_key *key, uint32_t hash, uint64_t number)
{
	if (t->counts.now >= t->options.flows_max)
		evict(t);
	uint32_t index = take_place(t);
	struct awake *a = &t->pool[index];

	memset(a, 0, sizeof *a);
	memcpy(a->flow.end, key->end, sizeof a->flow.end);
	memcpy(a->flow.port, key->port, sizeof a->flow.port);
	a->flow.network = key->network;
	a->flow.protocol = (uint8_t)key->protocol;
	a->flow.id = next_id(t, number);
	t->counts.flows++;
	a->hash = hash;
	a->full = true;
	t->counts.now++;
	slots_add(&t->slots, hash, AWAKE_BIT | index);
	return &a->flow;
}

static struct flow *note(
	struct flow_table *t, struct flow *f, const struct segment *s, unsigned end)
{
	t->pool[index_of(t, f)].used = true;
	f->seen[end] = true;
	f->packets++;
	f->last_ms = t->clock.now_ms;
	if (f->protocol != PROTOCOL_TCP)
		return f;
	track_note(f, s, end);
	if (f->unwatched)
		stream_pass(&f->stream[end], flow_data_seq(s), s->payload_len);
	return f;
}

/* --- SYNs that nobody takes up --- */

static void tell_in_vain(
	struct flow_table *t, const struct syn *syn, const struct syn_ends *ends, bool refused)
{
	if (t->options.in_vain)
		t->options.in_vain(t->options.context, ends, syn, refused);
}

static void remember(struct flow_table *t, const struct segment *s, const struct syn *syn)
{
	struct syn_ends ends = {
		.client = s->src, .server = s->dst, .server_port = s->dst_port
	}, lost_ends;
	struct syn lost;

	if (!syn_remember(&t->syns, syn, &ends, &lost, &lost_ends))
		return;
	t->syns_lost++;
	tell_in_vain(t, &lost, &lost_ends, false);
}

/* RFC 9293 section 3.10.7.1: the answer of a closed port. */
static void refuse(struct flow_table *t, const struct segment *s, struct syn *syn)
{
	if (!syn_waits(syn) || s->ack != syn->isn + 1)
		return;
	struct syn_ends ends = { .client = s->dst, .server = s->src, .server_port = s->src_port };

	syn->flags |= SYN_USED;
	tell_in_vain(t, syn, &ends, true);
}

static void sweep_syns(struct flow_table *t, uint32_t steps, int64_t patience_ns)
{
	while (steps) {
		uint32_t place = syn_sweep(&t->syns, &t->syn_sweep, &steps,
			(int64_t)((uint64_t)t->clock.peak_ns - (uint64_t)patience_ns));

		if (place == SYN_NONE)
			return;
		tell_in_vain(t, &t->syns.entries[place], &t->syns.ends[place], false);
	}
}

static int compare_numbers(const void *a, const void *b, void *syns)
{
	const struct syn *x = &((struct syn *)syns)[*(const uint32_t *)a], *y = &((struct syn *)syns)[*(const uint32_t *)b];

	return x->number < y->number ? -1 : x->number > y->number;
}

/* In the order in which they came: their places follow from a random key. */
static void sweep_all_syns(struct flow_table *t, int64_t patience_ns)
{
	uint32_t steps = t->syns.sets * SYN_WAYS, count = 0, place;
	int64_t before_ns = (int64_t)((uint64_t)t->clock.peak_ns - (uint64_t)patience_ns);

	if (!steps)
		return;
	uint32_t *places = xmalloc(steps * sizeof *places);
	t->syn_sweep = 0;
	while ((place = syn_sweep(&t->syns, &t->syn_sweep, &steps, before_ns)) != SYN_NONE)
		places[count++] = place;
	qsort_r(places, count, sizeof *places, compare_numbers, t->syns.entries);
	for (uint32_t i = 0; i < count; i++)
		tell_in_vain(t, &t->syns.entries[places[i]], &t->syns.ends[places[i]], false);
	free(places);
}

/* The SYN of a connection of which this is the first other segment. */
static struct syn *syn_behind(const struct flow_table *t, uint64_t hash, const struct segment *s,
	unsigned end, unsigned *initiator)
{
	struct syn *own = syn_find(&t->syns, syn_tag(hash, end)),
		   *other = syn_find(&t->syns, syn_tag(hash, 1 - end));

	uint32_t slack = s->payload_len ? STREAM_WINDOW_BYTES : 0;

	if (other && s->flags & TCP_ACK && s->ack - (other->isn + 1) <= slack) {
		*initiator = 1 - end;
		return other;
	}
	*initiator = end;
	return own && !(s->flags & TCP_SYN) && s->seq - (own->isn + 1) <= slack ? own : NULL;
}

/* A SYN/ACK, payload, or the ACK of a SYN that is known: all that makes a flow. */
static bool deserves_flow(const struct segment *s, const struct syn *syn)
{
	if (s->flags & TCP_RST || !(s->flags & (TCP_ACK | TCP_SYN)))
		return false;
	if (s->flags & TCP_SYN && s->flags & TCP_FIN)
		return false;
	return s->payload_len || (s->flags & TCP_SYN && s->flags & TCP_ACK) ||
		(syn && !(s->flags & TCP_FIN));
}

static struct flow *begin(struct flow_table *t, const struct flow_key *key, uint64_t hash,
	const struct segment *s, unsigned end)
{
	unsigned initiator = 2;
	struct syn *syn = syn_behind(t, hash, s, end, &initiator);

	if (syn && initiator != end && s->flags & TCP_RST)
		refuse(t, s, syn);
	if (!deserves_flow(s, syn))
		return NULL;
	if (syn)
		syn->flags |= SYN_USED;
	struct flow *f = make(t, key, table_hash(hash), s->number);

	track_begin(f, s, syn ? initiator : 2, syn);
	(void)track_trusts(f, s, end);
	return note(t, f, s, end);
}

/* A SYN of no known flow: remembered, unless it brings data (RFC 7413). */
static struct flow *begin_with_syn(struct flow_table *t, const struct flow_key *key, uint64_t hash,
	const struct segment *s, unsigned end)
{
	struct syn syn = track_syn(s, syn_tag(hash, end));

	if (s->flags & (TCP_FIN | TCP_RST))
		return NULL;
	if (!s->payload_len) {
		remember(t, s, &syn);
		return NULL;
	}
	struct flow *f = make(t, key, table_hash(hash), s->number);

	track_begin(f, s, end, &syn);
	f->packets = 0;
	return note(t, f, s, end);
}

static struct flow *begin_tcp(struct flow_table *t, const struct flow_key *key, uint64_t hash,
	const struct segment *s, unsigned end)
{
	bool is_syn = s->flags & TCP_SYN && !(s->flags & TCP_ACK);

	return (is_syn ? begin_with_syn : begin)(t, key, hash, s, end);
}

static struct track_pending pending_of(
	const struct flow_table *t, const struct flow *f, uint64_t hash)
{
	struct track_pending pending = { { NULL, NULL } };

	for (unsigned end = 0; f->syn_pending && end < 2; end++) {
		const struct syn *syn = syn_find(&t->syns, syn_tag(hash, end));

		if (syn && !(flow_has_isn(f, end) && f->isn[end] == syn->isn))
			pending.from[end] = syn;
	}
	return pending;
}

static struct flow *follow(struct flow_table *t, struct flow *f, uint64_t hash,
	const struct segment *s, unsigned end, const struct flow_key *key)
{
	struct track_pending pending = pending_of(t, f, hash);
	struct syn syn;

	enum track_trust trust = track_trusts(f, s, end);

	f->doubted = trust == TRACK_DOUBTED;
	if (f->doubted)
		return f;
	if (trust == TRACK_FORGED)
		return NULL;
	switch (track_judge(f, s, end, &pending)) {
	case TRACK_TAKE:
		return note(t, f, s, end);
	case TRACK_REMEMBER:
		f->syn_pending = true;
		syn = track_syn(s, syn_tag(hash, end));
		syn.flags |= SYN_DOUBTED;
		remember(t, s, &syn);
		return NULL;
	case TRACK_RESTART:
		retire_awake(t, index_of(t, f), FLOW_END_REPLACED);
		return begin_tcp(t, key, hash, s, end);
	case TRACK_IGNORE:
		break;
	}
	return NULL;
}

static struct flow *get(struct flow_table *t, const struct segment *s, const struct flow_key *key,
	uint64_t hash, unsigned end)
{
	struct flow *f = find(t, key, table_hash(hash));

	t->streams.offer.owner = NULL;
	if (f && is_idle(t, f)) {
		retire_awake(t, index_of(t, f), idle_end(f));
		f = NULL;
	}
	if (s->protocol == PROTOCOL_TCP)
		return f ? follow(t, f, hash, s, end, key) : begin_tcp(t, key, hash, s, end);
	if (!f) {
		f = make(t, key, table_hash(hash), s->number);
		track_begin(f, s, end, NULL);
	}
	return note(t, f, s, end);
}

struct flow *flow_table_get(struct flow_table *t, const struct segment *s, unsigned *end)
{
	struct flow_key key;

	*end = make_key(s, &key);
	return get(t, s, &key, hash_key_of(t, &key), *end);
}

struct flow *flow_table_find(struct flow_table *t, const struct segment *s, unsigned *end)
{
	struct flow_key key;

	*end = make_key(s, &key);
	struct flow *f = find(t, &key, table_hash(hash_key_of(t, &key)));
	if (f && is_idle(t, f)) {
		retire_awake(t, index_of(t, f), idle_end(f));
		f = NULL;
	}
	return f && f->connection ? note(t, f, s, *end) : NULL;
}

struct flow *flow_table_get_hashed(
	struct flow_table *t, const struct segment *s, uint64_t hash, unsigned *end)
{
	struct flow_key key;

	*end = make_key(s, &key);
	return get(t, s, &key, hash, *end);
}

uint64_t flow_table_prefetch(const struct flow_table *t, const struct segment *s)
{
	struct flow_key key;
	unsigned end = make_key(s, &key);
	uint64_t hash = hash_key_of(t, &key);

	__builtin_prefetch(&t->slots.at[slots_home(&t->slots, table_hash(hash))]);
	if (s->protocol == PROTOCOL_TCP && s->flags & TCP_SYN && !(s->flags & TCP_ACK))
		syn_prefetch(&t->syns, syn_tag(hash, end));
	return hash;
}

/* --- connections --- */

void *flow_connect(struct flow_table *t, struct flow *f)
{
	f->connection = connection_place(t, index_of(t, f));
	memcpy(f->connection, t->options.blank_connection, t->options.connection_size);
	return f->connection;
}

void flow_disconnect(struct flow_table *t, struct flow *f)
{
	(void)t;
	f->connection = NULL;
}

void flow_table_remove(struct flow_table *t, struct flow *f)
{
	retire_awake(t, index_of(t, f), FLOW_END_CLOSED);
}

/* --- the end --- */

static uint64_t id_at(const struct flow_table *t, uint32_t place)
{
	struct flow *spare = &t->pool[spare_index(t)].flow;

	if (place & AWAKE_BIT)
		return t->pool[place & ~AWAKE_BIT].flow.id;
	unpack_flow(t, place, spare);
	return spare->id;
}

/* The slots serve as the list of what is left: nothing is looked up any more. */
static uint32_t list_by_id(struct flow_table *t)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < t->slots.count; i++) {
		uint32_t place = t->slots.at[i].place;

		if (place)
			t->slots.at[count++] = (struct slot){
				age_of(t, id_at(t, place)), place
			};
	}
	slots_sort(&t->slots, count);
	return count;
}

void flow_table_drain(struct flow_table *t)
{
	uint32_t count = list_by_id(t);

	for (uint32_t i = 0; i < count; i++) {
		uint32_t place = t->slots.at[i].place;
		uint32_t index = place & AWAKE_BIT ? place & ~AWAKE_BIT : wake_to_retire(t, place);
		struct flow *f = &t->pool[index].flow;

		retire(t, index, is_idle(t, f) ? idle_end(f) : FLOW_END_CAPTURE);
		if (place & AWAKE_BIT)
			t->unused[t->unused_count++] = index;
	}
	slots_clear(&t->slots);
	/* The first retransmission is due after a second (RFC 6298 section 2.1): whoever came later
	 * may still be waiting. In a flood nobody is. */
	sweep_all_syns(t, t->syns_lost ? -1 : SYN_PATIENCE_NS);
	syn_finish(&t->syns);
}

struct flow_table *flow_table_create(const struct flow_table_options *options)
{
	struct flow_table *t = xcalloc(1, sizeof *t);

	assert(options->connection_size % 8 == 0);
	assert(options->connection_size <= FLOW_CONNECTION_MAX);
	t->options = *options;
	if (!t->options.flows_max)
		t->options.flows_max = FLOWS_MAX;
	if (!t->options.awake_max)
		t->options.awake_max = AWAKE_MAX;
	uint32_t places = t->options.awake_max + 1;

	t->streams = (struct stream_pool){ .limits = options->limits, .key = options->key };
	t->pool = xcalloc(places, sizeof *t->pool);
	t->connections = xmalloc(places * options->connection_size);
	t->unused = xmalloc(places * sizeof *t->unused);
	t->packed = xmalloc(DUE_BYTES + 1 + rest_bound(sizeof(struct flow)) +
		rest_bound(options->connection_size));
	t->repacked = xmalloc(rest_bound(options->connection_size));
	add_places(t, t->options.awake_max < AWAKE_MIN ? t->options.awake_max : AWAKE_MIN);
	slots_grow(&t->slots);
	return t;
}

void flow_table_destroy(struct flow_table *t)
{
	if (!t)
		return;
	flow_table_drain(t);
	stream_pool_finish(&t->streams);
	slab_finish(&t->slab);
	for (unsigned i = 0; i < KINDS; i++)
		free(t->typical[i]);
	free(t->packed);
	free(t->repacked);
	free(t->unused);
	free(t->connections);
	free(t->pool);
	slots_finish(&t->slots);
	free(t);
}

void flow_table_counts(const struct flow_table *t, struct flow_table_counts *out)
{
	*out = t->counts;
}

struct stream_pool *flow_table_pool(struct flow_table *t)
{
	return &t->streams;
}

int64_t flow_table_now_ms(const struct flow_table *t)
{
	return t->clock.now_ms;
}
