#include "flow/inside.h"

#include "base/xmalloc.h"

#include <stdlib.h>

enum {
	SWEEP_STEPS_MAX = 4096,		/* in one tick: some 20 us */
	EVICT_SAMPLE = 64,
	EVICT_SHARE = 16,		/* of the flows, at once */
	SLOTS_DUE_FIRST = 64,
};

/* Seconds that a sleeping flow is over its time; below 0: still to go. */
static int32_t overdue(const struct flow_table *t, uint32_t block)
{
	uint16_t kept;

	memcpy(&kept, slab_at(&t->slab, block), sizeof kept);
	uint32_t late = (inside_due_of(t->clock.now_ms) + DUE_SECONDS - (kept - 1U)) % DUE_SECONDS;

	return late < DUE_SECONDS / 2 ? (int32_t)late : (int32_t)late - DUE_SECONDS;
}

/* --- too many --- */

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
		inside_retire_asleep(t, block, FLOW_END_EVICTED);
	else
		inside_retire_awake(t, oldest_awake(t), FLOW_END_EVICTED);
}

static uint64_t bytes_of(const struct flow_table *t)
{
	uint64_t awake = (uint64_t)t->awake_now * (sizeof *t->pool + t->options.connection_size);
	uint64_t held = t->options.held ? t->options.held(t->options.context) : 0;

	return awake + slab_bytes(&t->slab) + t->slots.count * sizeof *t->slots.at + t->streams.waiting_bytes + held;
}

/* How many flows that sleep are over their time by so many seconds, or more: from DUE_SECONDS / 2 back. */
static int32_t oldest_of(const struct flow_table *t, uint32_t wanted, uint32_t *of_the_last)
{
	uint32_t *by_age = xcalloc(DUE_SECONDS + 1, sizeof *by_age);
	uint32_t from = 0, budget = UINT32_MAX, age = DUE_SECONDS;

	for (uint32_t block; (block = slab_walk(&t->slab, &from, &budget)); budget = UINT32_MAX)
		by_age[DUE_SECONDS / 2 + overdue(t, block)]++;
	while (age && by_age[age] < wanted)
		wanted -= by_age[age--];
	*of_the_last = wanted;
	free(by_age);
	return (int32_t)age - DUE_SECONDS / 2;
}

/* Many at once, so that those which sleep need not be looked at for each. */
static uint32_t evict_oldest(struct flow_table *t)
{
	uint32_t at_the_age, from = 0, budget = UINT32_MAX, evicted = 0;
	int32_t age = oldest_of(t, (uint32_t)(t->counts.now / EVICT_SHARE) + 1, &at_the_age);

	for (uint32_t block; (block = slab_walk(&t->slab, &from, &budget)); budget = UINT32_MAX) {
		int32_t late = overdue(t, block);

		if (late < age || (late == age && !at_the_age))
			continue;
		at_the_age -= late == age;
		inside_retire_asleep(t, block, FLOW_END_EVICTED);
		evicted++;
	}
	return evicted;
}

static void keep_budget(struct flow_table *t)
{
	if (!t->options.bytes_max || bytes_of(t) <= t->options.bytes_max)
		return;
	uint32_t evicted = evict_oldest(t);
	if (!evicted && t->counts.now) {
		inside_retire_awake(t, oldest_awake(t), FLOW_END_EVICTED);
		evicted++;
	}
	t->options.limits->bitten[LIMIT_MEMORY] += evicted;
}

void flow_table_limit(struct flow_table *t, uint64_t bytes_max)
{
	t->options.bytes_max = bytes_max;
}

void inside_make_room(struct flow_table *t)
{
	if (t->counts.now >= t->options.flows_max)
		evict(t);
	keep_budget(t);
}

/* --- silent too long --- */

static void sweep_syns(struct flow_table *t, uint32_t steps, int64_t patience_ns)
{
	while (steps) {
		uint32_t place = syn_sweep(&t->syns, &t->syn_sweep, &steps,
			(int64_t)((uint64_t)t->clock.peak_ns - (uint64_t)patience_ns));

		if (place == SYN_NONE)
			return;
		inside_tell_in_vain(t, &t->syns.entries[place], &t->syns.ends[place], false);
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
		inside_tell_in_vain(t, &t->syns.entries[places[i]], &t->syns.ends[places[i]], false);
	free(places);
}

static void sweep_awake(struct flow_table *t)
{
	struct awake *a = &t->pool[t->pool_sweep];

	if (a->full && inside_may_go(t, &a->flow))
		inside_retire_awake(t, t->pool_sweep, inside_idle_end(&a->flow));
	t->pool_sweep = t->pool_sweep + 1 == t->awake_now ? 0 : t->pool_sweep + 1;
}

static void sweep_asleep(struct flow_table *t, uint32_t steps)
{
	while (steps) {
		uint32_t before = steps;
		uint32_t block = slab_walk(&t->slab, &t->slab_sweep, &steps);

		if (block && overdue(t, block) > 0)
			inside_retire_asleep(t, block, FLOW_END_IDLE);
		if (!block && !t->slab_sweep)
			return;
		if (steps == before)
			steps--;
	}
}

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
	inside_unpack_flow(t, block, f);
	f->connection = slab_at(&t->slab, block)[DUE_BYTES] == PACKED_NONE ? NULL : f;
	return inside_is_idle(t, f);
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
		if (t->pool[i].full && inside_is_idle(t, &t->pool[i].flow))
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
			inside_retire_awake(t, place & ~AWAKE_BIT, inside_idle_end(&t->pool[place & ~AWAKE_BIT].flow));
		else
			inside_retire_asleep(t, place, FLOW_END_IDLE);
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
	keep_budget(t);
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
/* --- the end --- */

static uint64_t id_at(const struct flow_table *t, uint32_t place)
{
	struct flow *spare = &t->pool[inside_spare_index(t)].flow;

	if (place & AWAKE_BIT)
		return t->pool[place & ~AWAKE_BIT].flow.id;
	inside_unpack_flow(t, place, spare);
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
		uint32_t index = place & AWAKE_BIT ? place & ~AWAKE_BIT : inside_wake_to_retire(t, place);
		struct flow *f = &t->pool[index].flow;

		inside_retire(t, index, inside_is_idle(t, f) ? inside_idle_end(f) : FLOW_END_CAPTURE);
		if (place & AWAKE_BIT)
			t->unused[t->unused_count++] = index;
	}
	slots_clear(&t->slots);
	/* The first retransmission is due after a second (RFC 6298 section 2.1): whoever came later
	 * may still be waiting. In a flood nobody is. */
	sweep_all_syns(t, t->syns_lost ? -1 : SYN_PATIENCE_NS);
	syn_finish(&t->syns);
}
