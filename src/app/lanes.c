#include "app/lanes.h"

#include "app/ring.h"
#include "base/xmalloc.h"
#include "overhear/limits.h"

#include <stdlib.h>
#include <string.h>

/* The way back holds everything the way there can, and what was popped meanwhile: it is never full. */
enum { RING_ROOM = 256, WAKE_AT = 64 };
enum { ATTEMPT_BATCH = 128 };

struct attempt_batch {
	uint32_t count;
	struct attempt_event each[ATTEMPT_BATCH];
};

struct lane {
	struct ring *there, *back;
	bool drops;			/* what finds no room */
	struct attempt_batch *attempts;	/* the pipeline's, being filled */
	uint64_t dropped;		/* handshakes; the pipeline's */
	/* the writer's: */
	void *head;			/* came, and is not handed on yet */
	uint32_t at;			/* the next one of a batch */
	uint64_t passed;		/* nothing of this moment or before will come any more */
	bool ended;
};

struct lanes {
	size_t count;
	struct lane *each;
	void *done;			/* the batch of the last parcel */
};

/* What an item is stands in its lowest bits; a mark is no pointer but a moment. */
enum item_kind { ITEM_HANDSHAKE, ITEM_LOOKUPS, ITEM_ATTEMPTS, ITEM_MARK, ITEM_END, ITEM_KINDS = 8 };

static void *item_of(void *at, enum item_kind kind)
{
	return (char *)at + kind;
}

static enum item_kind kind_of(const void *item)
{
	return (enum item_kind)((uintptr_t)item % ITEM_KINDS);
}

static void *pointer_of(void *item)
{
	return (char *)item - kind_of(item);
}

/* The greatest power of two within a lane's share. */
static size_t room_of(size_t count, bool live)
{
	size_t room = RING_ROOM;

	while (live && room * 2 * count <= WAITING_HANDSHAKES_MAX)
		room *= 2;
	return room;
}

struct lanes *lanes_create(size_t count, bool live)
{
	struct lanes *l = xcalloc(1, sizeof *l);
	size_t room = room_of(count, live);

	l->count = count;
	l->each = xcalloc(count, sizeof *l->each);
	for (size_t i = 0; i < count; i++) {
		l->each[i].drops = live;
		l->each[i].there = ring_create(room, WAKE_AT);
		l->each[i].back = ring_create(2 * room, 2 * room);
	}
	return l;
}

/* What was not taken; handshakes are their pipelines'. */
static void free_left(struct lane *l)
{
	for (void *item = l->head ? l->head : ring_try_pop(l->there); item; item = ring_try_pop(l->there))
		if (kind_of(item) == ITEM_LOOKUPS || kind_of(item) == ITEM_ATTEMPTS)
			free(pointer_of(item));
}

void lanes_destroy(struct lanes *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++) {
		free_left(&l->each[i]);
		ring_destroy(l->each[i].there);
		ring_destroy(l->each[i].back);
		free(l->each[i].attempts);
	}
	free(l->done);
	free(l->each);
	free(l);
}

void lanes_begin(struct lanes *l)
{
	for (size_t i = 0; i < l->count; i++) {
		l->each[i].passed = 0;
		l->each[i].ended = false;
		l->each[i].dropped = 0;
	}
}

struct lane *lanes_each(struct lanes *l, size_t which)
{
	return &l->each[which];
}

uint64_t lanes_dropped(const struct lanes *l)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < l->count; i++)
		sum += l->each[i].dropped;
	return sum;
}

/* ---- the pipeline's end ---- */

static bool push(struct lane *l, void *item)
{
	if (l->drops)
		return ring_try_push(l->there, item);
	ring_push(l->there, item);
	return true;
}

static void put_attempts(struct lane *l)
{
	struct attempt_batch *batch = l->attempts;

	if (!batch)
		return;
	if (!push(l, item_of(batch, ITEM_ATTEMPTS))) {
		if (batch->count < ATTEMPT_BATCH)
			return;
		free(batch);
	}
	l->attempts = NULL;
}

bool lane_put(struct lane *l, struct handshake *h)
{
	put_attempts(l);
	if (push(l, h))
		return true;
	l->dropped++;
	return false;
}

void lane_put_lookups(struct lane *l, struct lookup_batch *batch)
{
	put_attempts(l);
	if (!push(l, item_of(batch, ITEM_LOOKUPS)))
		free(batch);
}

void lane_put_attempt(struct lane *l, const struct attempt_event *e)
{
	if (!l->attempts) {
		l->attempts = xmalloc(sizeof *l->attempts);
		l->attempts->count = 0;
	}
	l->attempts->each[l->attempts->count++] = *e;
	if (l->attempts->count == ATTEMPT_BATCH)
		put_attempts(l);
}

void lane_pass(struct lane *l, uint64_t moment)
{
	put_attempts(l);
	/* Behind a full lane nobody waits for a mark. */
	(void)push(l, (void *)(uintptr_t)(moment * ITEM_KINDS + ITEM_MARK));
	ring_nudge(l->there);
}

void lane_end(struct lane *l)
{
	if (l->attempts)
		ring_push(l->there, item_of(l->attempts, ITEM_ATTEMPTS));
	l->attempts = NULL;
	ring_push(l->there, (void *)(uintptr_t)ITEM_END);
	ring_nudge(l->there);
}

struct handshake *lane_take_back(struct lane *l)
{
	return ring_try_pop(l->back);
}

/* ---- the writer's end ---- */

static void arrive(struct lane *l, void *item)
{
	enum item_kind kind = kind_of(item);

	if (kind == ITEM_MARK)
		l->passed = (uintptr_t)item / ITEM_KINDS;
	else if (kind == ITEM_END)
		l->ended = true;
	else
		l->head = item;
}

/* Whether something of this lane is there to be handed on. */
static bool has_come(struct lane *l)
{
	while (!l->head && !l->ended) {
		void *item = ring_try_pop(l->there);

		if (!item)
			return false;
		arrive(l, item);
	}
	return l->head;
}

struct key {
	uint64_t moment, place;
};

static struct key key_of(const struct lane *l)
{
	void *at = pointer_of(l->head);

	switch (kind_of(l->head)) {
	case ITEM_LOOKUPS:
		return (struct key){ ((struct lookup_batch *)at)->each[l->at].moment, 0 };
	case ITEM_ATTEMPTS:
		return (struct key){ ((struct attempt_batch *)at)->each[l->at].moment, ((struct attempt_batch *)at)->each[l->at].place };
	default:
		return (struct key){ ((struct handshake *)at)->moment, ((struct handshake *)at)->connection_id };
	}
}

static bool is_before(struct key a, struct key b)
{
	return a.moment != b.moment ? a.moment < b.moment : a.place < b.place;
}

/* The lane whose next item is the first of all; NULL where there is none yet: `behind` is the lane that may still have an earlier one. */
static struct lane *first_lane(struct lanes *l, struct lane **behind)
{
	struct lane *first = NULL;
	struct key key = { UINT64_MAX, UINT64_MAX };

	for (size_t i = 0; i < l->count; i++) {
		struct lane *each = &l->each[i];

		if (has_come(each) && is_before(key_of(each), key)) {
			first = each;
			key = key_of(each);
		}
	}
	*behind = NULL;
	for (size_t i = 0; i < l->count; i++) {
		struct lane *each = &l->each[i];

		if (!each->head && !each->ended && each->passed < key.moment && (!*behind || each->passed < (*behind)->passed))
			*behind = each;
	}
	return *behind ? NULL : first;
}

/* Takes the lane's next one; the batch of the last one lives until the next call. */
static struct parcel take(struct lanes *l, struct lane *from)
{
	struct parcel out = { .lane = from };
	void *at = pointer_of(from->head);
	uint32_t count = 1;

	switch (kind_of(from->head)) {
	case ITEM_LOOKUPS:
		out.kind = PARCEL_LOOKUP;
		out.lookup = &((struct lookup_batch *)at)->each[from->at];
		count = ((struct lookup_batch *)at)->count;
		break;
	case ITEM_ATTEMPTS:
		out.kind = PARCEL_ATTEMPT;
		out.attempt = &((struct attempt_batch *)at)->each[from->at];
		count = ((struct attempt_batch *)at)->count;
		break;
	default:
		out.kind = PARCEL_HANDSHAKE;
		out.handshake = at;
		break;
	}
	if (++from->at < count)
		return out;
	if (out.kind != PARCEL_HANDSHAKE)
		l->done = at;
	from->head = NULL;
	from->at = 0;
	return out;
}

struct parcel lanes_next(struct lanes *l, int timeout_ms)
{
	struct lane *first, *behind;

	free(l->done);
	l->done = NULL;
	while (!(first = first_lane(l, &behind))) {
		if (!behind)
			return (struct parcel){ .kind = PARCEL_END };
		void *item = ring_pop(behind->there, timeout_ms);
		if (!item)
			return (struct parcel){ .kind = PARCEL_NONE };
		arrive(behind, item);
	}
	return take(l, first);
}

void lane_give_back(struct lane *l, struct handshake *h)
{
	ring_push(l->back, h);
}

size_t lanes_waiting(const struct lanes *l)
{
	size_t sum = 0;

	for (size_t i = 0; i < l->count; i++)
		sum += ring_count(l->each[i].there);
	return sum;
}
