#include "app/writer.h"

#include "app/message.h"
#include "app/ring.h"
#include "base/xmalloc.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

/* The way back holds everything the way there can, and what was popped meanwhile: it is never full. */
enum { RING_ROOM = 1024, BACK_ROOM = 2 * RING_ROOM, BATCH = 128 };
enum { FLUSH_MS = 500, IDLE_MS = 100, COMPLAIN_MS = 60000 };

struct writer {
	const struct sink_ops *ops;
	struct sink *sink;
	struct ring *there, *back;
	pthread_t thread;
	bool running, dirty;
	int64_t flushed_ms, complained_ms;
	struct handshake stop;		/* its address ends the thread */
};

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

static void *run(void *argument)
{
	struct writer *w = argument;
	struct error error;

	for (unsigned i = 0;; i++) {
		struct handshake *h = ring_pop(w->there, IDLE_MS);

		if (h == &w->stop)
			break;
		if (h) {
			w->dirty = true;
			if (!w->ops->put(w->sink, h, &error))
				complain(w, &error);
			ring_push(w->back, h);
		}
		if (!h || i % 64 == 0)
			flush_when_due(w);
	}
	return NULL;
}

struct writer *writer_create(const struct sink_ops *ops, struct sink *sink)
{
	struct writer *w = xcalloc(1, sizeof *w);

	w->ops = ops;
	w->sink = sink;
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
	free(w);
}

bool writer_begin(struct writer *w, struct capture *c, struct error *error)
{
	sigset_t all, before;

	if (!w->ops->begin(w->sink, c, error))
		return false;
	w->flushed_ms = now_ms();
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
