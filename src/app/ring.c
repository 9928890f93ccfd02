#include "app/ring.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { CACHE_LINE = 64 };

struct ring {
	_Alignas(CACHE_LINE) atomic_size_t head;	/* next to pop; the consumer's */
	size_t tail_seen;				/* the consumer's last look at tail */
	_Alignas(CACHE_LINE) atomic_size_t tail;	/* next to push; the producer's */
	size_t head_seen, woken_at;			/* the producer's */
	_Alignas(CACHE_LINE) atomic_uint consumer_sleeps;
	atomic_uint producer_sleeps;
	size_t mask, batch;
	void *items[];
};

struct ring *ring_create(size_t room, size_t batch)
{
	assert(room && !(room & (room - 1)) && batch && batch <= room);
	size_t size = (sizeof(struct ring) + room * sizeof(void *) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	struct ring *r = xaligned(CACHE_LINE, size);

	*r = (struct ring){ .mask = room - 1, .batch = batch };
	return r;
}

void ring_destroy(struct ring *r)
{
	free(r);
}

/* Of the two threads each may sleep on a word of its own, 1 while it does (futex(2)): whoever wakes it sets the word to 0 first, so that it is woken once and not
 * at each further item. */
static void wake(atomic_uint *sleeps)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(sleeps, memory_order_relaxed) || !atomic_exchange(sleeps, 0))
		return;
	syscall(SYS_futex, sleeps, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

bool ring_try_push(struct ring *r, void *item)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail - r->head_seen > r->mask) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail - r->head_seen > r->mask)
			return false;
	}
	r->items[tail & r->mask] = item;
	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
	if (tail + 1 - r->woken_at >= r->batch)
		ring_nudge(r);
	return true;
}

void ring_nudge(struct ring *r)
{
	r->woken_at = atomic_load_explicit(&r->tail, memory_order_relaxed);
	wake(&r->consumer_sleeps);
}

/* Sleeps until woken or the time is over; the caller looks again. */
static void sleep_on(struct ring *r, atomic_uint *sleeps, int timeout_ms, bool (*still)(struct ring *r))
{
	struct timespec timeout = { .tv_sec = timeout_ms / 1000, .tv_nsec = timeout_ms % 1000 * 1000000L };

	atomic_store_explicit(sleeps, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (still(r))
		syscall(SYS_futex, sleeps, FUTEX_WAIT_PRIVATE, 1, &timeout, NULL, 0);
	atomic_store_explicit(sleeps, 0, memory_order_relaxed);
}

static bool is_empty(struct ring *r)
{
	return atomic_load_explicit(&r->head, memory_order_relaxed) == atomic_load_explicit(&r->tail, memory_order_acquire);
}

static bool is_full(struct ring *r)
{
	return atomic_load_explicit(&r->tail, memory_order_relaxed) - atomic_load_explicit(&r->head, memory_order_acquire) > r->mask;
}

void ring_push(struct ring *r, void *item)
{
	while (!ring_try_push(r, item)) {
		ring_nudge(r);
		sleep_on(r, &r->producer_sleeps, 100, is_full);
	}
}

size_t ring_count(const struct ring *r)
{
	return atomic_load_explicit(&r->tail, memory_order_acquire) - atomic_load_explicit(&r->head, memory_order_relaxed);
}

void *ring_try_pop(struct ring *r)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head == r->tail_seen) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head == r->tail_seen)
			return NULL;
	}
	void *item = r->items[head & r->mask];
	atomic_store_explicit(&r->head, head + 1, memory_order_release);
	/* A waiting producer goes on when half the ring is free, not at every item; it has filled the ring since tail was last looked at. */
	if (r->tail_seen - head - 1 <= r->mask / 2) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (r->tail_seen - head - 1 <= r->mask / 2)
			wake(&r->producer_sleeps);
	}
	return item;
}

void *ring_pop(struct ring *r, int timeout_ms)
{
	void *item = ring_try_pop(r);

	if (item)
		return item;
	sleep_on(r, &r->consumer_sleeps, timeout_ms, is_empty);
	return ring_try_pop(r);
}
