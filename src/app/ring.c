#include "app/ring.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum { CACHE_LINE = 64 };

struct ring {
	_Alignas(CACHE_LINE) atomic_size_t head;	/* next to pop; the consumer's */
	size_t tail_seen;				/* the consumer's last look at tail */
	_Alignas(CACHE_LINE) atomic_size_t tail;	/* next to push; the producer's */
	size_t head_seen, woken_at;			/* the producer's */
	_Alignas(CACHE_LINE) atomic_bool consumer_sleeps;
	atomic_bool producer_sleeps;
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	size_t mask, batch;
	void *items[];
};

struct ring *ring_create(size_t room, size_t batch)
{
	assert(room && !(room & (room - 1)) && batch && batch <= room);
	size_t size = (sizeof(struct ring) + room * sizeof(void *) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
	struct ring *r = aligned_alloc(CACHE_LINE, size);

	assert(r);
	*r = (struct ring){ .mask = room - 1, .batch = batch };
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->filled, &monotonic);
	pthread_cond_init(&r->emptied, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return r;
}

void ring_destroy(struct ring *r)
{
	if (!r)
		return;
	pthread_cond_destroy(&r->filled);
	pthread_cond_destroy(&r->emptied);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void wake(struct ring *r, atomic_bool *sleeps, pthread_cond_t *condition)
{
	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(sleeps, memory_order_relaxed))
		return;
	pthread_mutex_lock(&r->lock);
	pthread_cond_signal(condition);
	pthread_mutex_unlock(&r->lock);
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
	wake(r, &r->consumer_sleeps, &r->filled);
}

/* Sleeps until woken or the time is over; the caller looks again. */
static void sleep_on(struct ring *r, atomic_bool *sleeps, pthread_cond_t *condition, int timeout_ms, bool (*still)(struct ring *r))
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&r->lock);
	atomic_store_explicit(sleeps, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	while (still(r)) {
		if (pthread_cond_timedwait(condition, &r->lock, &until) == ETIMEDOUT)
			break;
	}
	atomic_store_explicit(sleeps, false, memory_order_relaxed);
	pthread_mutex_unlock(&r->lock);
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
		sleep_on(r, &r->producer_sleeps, &r->emptied, 100, is_full);
	}
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
	/* A waiting producer goes on when half the ring is free, not at every item. */
	if (r->tail_seen - head - 1 <= r->mask / 2)
		wake(r, &r->producer_sleeps, &r->emptied);
	return item;
}

void *ring_pop(struct ring *r, int timeout_ms)
{
	void *item = ring_try_pop(r);

	if (item)
		return item;
	sleep_on(r, &r->consumer_sleeps, &r->filled, timeout_ms, is_empty);
	return ring_try_pop(r);
}
