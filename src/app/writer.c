#include "app/writer.h"

#include "app/joins.h"
#include "app/message.h"
#include "app/ring.h"
#include "base/xmalloc.h"
#include "record/ocsp.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* The way back holds everything the way there can, and what was popped meanwhile: it is never full. */
enum { RING_ROOM = 256, BACK_ROOM = 2 * RING_ROOM, BATCH = 64 };
enum { FLUSH_MS = 500, IDLE_MS = 100, COMPLAIN_MS = 60000 };

struct attempt_batch {
	struct attempt *attempts;
	size_t count;
};

struct writer {
	const struct sink_ops *ops;
	struct sink *sink;
	struct ocsp_memory ocsp;
	struct joins *joins;
	struct diagnose *diagnose;
	struct ring *there, *back;
	pthread_t thread;
	bool running, dirty;
	int64_t flushed_ms, complained_ms;
	struct handshake stop;		/* its address ends the thread */
};

/* The ring carries three kinds of items: a pointer to lookups has its lowest bit set, one to attempts the next. */
static void *as_item(struct lookup_batch *batch)
{
	return (char *)batch + 1;
}

static struct lookup_batch *lookups_of(void *item)
{
	return (uintptr_t)item & 1 ? (struct lookup_batch *)(void *)((char *)item - 1) : NULL;
}

static struct attempt_batch *attempts_of(void *item)
{
	return (uintptr_t)item & 2 ? (struct attempt_batch *)(void *)((char *)item - 2) : NULL;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A full disk is said once a minute, not once a row. */
static void complain(struct writer *w, const struct error *error)
{
	struct sink_counts counts;
	int64_t now = now_ms();

	if (w->complained_ms && now - w->complained_ms < COMPLAIN_MS)
		return;
	w->complained_ms = now;
	w->ops->counts(w->sink, &counts);
	message("%s (%llu handshakes lost so far)", error->text, (unsigned long long)counts.lost);
}

static void flush_when_due(struct writer *w)
{
	struct error error;
	int64_t now = now_ms();

	if (!w->dirty || now - w->flushed_ms < FLUSH_MS)
		return;
	w->flushed_ms = now;
	if (w->ops->flush(w->sink, &error))
		w->dirty = false;
	else
		complain(w, &error);
}

static void store_attempts(struct writer *w, struct attempt_batch *batch)
{
	struct error error;

	w->dirty = true;
	if (!w->ops->put_attempts(w->sink, batch->attempts, batch->count, &error))
		complain(w, &error);
	free(batch->attempts);
	free(batch);
}

static void *run(void *argument)
{
	struct writer *w = argument;
	struct error error;

	for (unsigned i = 0;; i++) {
		void *item = ring_pop(w->there, IDLE_MS);
		struct lookup_batch *lookups = lookups_of(item);
		struct attempt_batch *attempts = attempts_of(item);
		struct handshake *h = lookups || attempts ? NULL : item;

		if (h == &w->stop)
			break;
		if (lookups)
			joins_learn(w->joins, lookups);
		if (attempts)
			store_attempts(w, attempts);
		if (h) {
			w->dirty = true;
			ocsp_tell(&w->ocsp, h);
			joins_tell(w->joins, h);
			diagnose_handshake(w->diagnose, h);
			if (!w->ops->put(w->sink, h, &error))
				complain(w, &error);
			ring_push(w->back, h);
		}
		if (!item || i % 64 == 0)
			flush_when_due(w);
	}
	return NULL;
}

struct writer *writer_create(const struct sink_ops *ops, struct sink *sink, struct diagnose *diagnose, bool without_ndpi)
{
	struct writer *w = xcalloc(1, sizeof *w);

	w->ops = ops;
	w->sink = sink;
	w->diagnose = diagnose;
	w->joins = joins_create(without_ndpi);
	w->there = ring_create(RING_ROOM, BATCH);
	w->back = ring_create(BACK_ROOM, BACK_ROOM);
	return w;
}

void writer_destroy(struct writer *w)
{
	if (!w)
		return;
	writer_stop(w);
	ring_destroy(w->there);
	ring_destroy(w->back);
	joins_destroy(w->joins);
	free(w);
}

bool writer_begin(struct writer *w, struct capture *c, struct error *error)
{
	sigset_t all, before;

	if (!w->ops->begin(w->sink, c, error))
		return false;
	joins_begin(w->joins);
	w->flushed_ms = now_ms();
	diagnose_begin_capture(w->diagnose);
	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int why = pthread_create(&w->thread, NULL, run, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (why)
		return error_set(error, EXIT_IO, "cannot start a thread: too many are running");
	w->running = true;
	return true;
}

void writer_put(struct writer *w, struct handshake *h)
{
	ring_push(w->there, h);
}

void writer_put_lookups(struct writer *w, struct lookup_batch *batch)
{
	ring_push(w->there, as_item(batch));
}

void writer_put_attempts(struct writer *w, struct attempt *attempts, size_t count)
{
	struct attempt_batch *batch = xcalloc(1, sizeof *batch);

	*batch = (struct attempt_batch){ attempts, count };
	ring_push(w->there, (char *)batch + 2);
}

void writer_add_limits(const struct writer *w, struct limit_counts *out)
{
	joins_add_limits(w->joins, out);
	diagnose_take_limits(w->diagnose, out);
}

struct handshake *writer_take_back(struct writer *w)
{
	return ring_try_pop(w->back);
}

void writer_nudge(struct writer *w)
{
	ring_nudge(w->there);
}

void writer_stop(struct writer *w)
{
	if (!w->running)
		return;
	ring_push(w->there, &w->stop);
	ring_nudge(w->there);
	pthread_join(w->thread, NULL);
	w->running = false;
}

bool writer_end(struct writer *w, const struct capture *c, struct error *error)
{
	w->dirty = false;
	return w->ops->end(w->sink, c, error);
}
