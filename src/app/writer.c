#include "app/writer.h"

#include "app/joins.h"
#include "app/message.h"
#include "base/xmalloc.h"
#include "record/ocsp.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FLUSH_MS = 500, IDLE_MS = 100, COMPLAIN_MS = 60000, ATTEMPTS_MS = 1000 };

struct writer {
	const struct sink_ops *ops;
	struct sink *sink;
	struct ocsp_memory ocsp;
	struct joins *joins;
	struct diagnose *diagnose;
	struct lanes *lanes;
	struct hash_key key;
	struct limit_counts limits;
	struct attempts *attempts;
	pthread_t thread;
	size_t lane_count;
	bool running, dirty, live;
	int64_t flushed_ms, complained_ms, attempts_ms;
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

static void store_attempts(struct writer *w, bool all)
{
	size_t count;
	struct attempt *attempts = attempts_take(w->attempts, all, &count);
	struct error error;

	if (!attempts)
		return;
	w->dirty = true;
	if (!w->ops->put_attempts(w->sink, attempts, count, &error))
		complain(w, &error);
	free(attempts);
}

/* Live, who looks at the database shall see what is going on. */
static void store_attempts_when_due(struct writer *w)
{
	int64_t now = now_ms();

	if (!w->live || now - w->attempts_ms < ATTEMPTS_MS)
		return;
	w->attempts_ms = now;
	store_attempts(w, false);
}

static void store(struct writer *w, struct handshake *h)
{
	struct error error;

	w->dirty = true;
	ocsp_tell(&w->ocsp, h);
	joins_tell(w->joins, h);
	diagnose_handshake(w->diagnose, h);
	if (!w->ops->put(w->sink, h, &error))
		complain(w, &error);
}

static void *run(void *argument)
{
	struct writer *w = argument;
	struct parcel next = { .kind = PARCEL_NONE };

	for (unsigned i = 0; next.kind != PARCEL_END; i++) {
		next = lanes_next(w->lanes, IDLE_MS);
		if (next.kind == PARCEL_HANDSHAKE) {
			store(w, next.handshake);
			lane_give_back(next.lane, next.handshake);
		} else if (next.kind == PARCEL_LOOKUP) {
			joins_learn(w->joins, next.lookup);
		} else if (next.kind == PARCEL_ATTEMPT) {
			attempts_add(w->attempts, next.attempt);
		}
		if (next.kind == PARCEL_NONE || i % 64 == 0) {
			store_attempts_when_due(w);
			flush_when_due(w);
		}
	}
	store_attempts(w, true);
	return NULL;
}

struct writer *writer_create(const struct sink_ops *ops, struct sink *sink, struct diagnose *diagnose, bool without_ndpi, size_t lanes)
{
	struct writer *w = xcalloc(1, sizeof *w);

	w->ops = ops;
	w->sink = sink;
	w->diagnose = diagnose;
	w->joins = joins_create(without_ndpi);
	w->lane_count = lanes;
	w->lanes = lanes_create(lanes);
	hash_key_init(&w->key);
	return w;
}

void writer_destroy(struct writer *w)
{
	if (!w)
		return;
	writer_stop(w);
	lanes_destroy(w->lanes);
	attempts_destroy(w->attempts);
	joins_destroy(w->joins);
	free(w);
}

bool writer_begin(struct writer *w, struct capture *c, struct error *error)
{
	sigset_t all, before;

	if (!w->ops->begin(w->sink, c, error))
		return false;
	joins_begin(w->joins);
	attempts_destroy(w->attempts);
	w->limits = (struct limit_counts){ 0 };
	w->attempts = attempts_create(&w->key, &w->limits);
	lanes_begin(w->lanes);
	w->live = !strcmp(c->kind, "interface");
	w->flushed_ms = w->attempts_ms = now_ms();
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

struct lane *writer_lane(struct writer *w, size_t which)
{
	return lanes_each(w->lanes, which);
}

void writer_add_limits(const struct writer *w, struct limit_counts *out)
{
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		out->bitten[i] += w->limits.bitten[i];
	joins_add_limits(w->joins, out);
	diagnose_take_limits(w->diagnose, out);
}

void writer_stop(struct writer *w)
{
	if (!w->running)
		return;
	for (size_t i = 0; i < w->lane_count; i++)
		lane_end(lanes_each(w->lanes, i));
	pthread_join(w->thread, NULL);
	w->running = false;
}

bool writer_end(struct writer *w, const struct capture *c, struct error *error)
{
	w->dirty = false;
	return w->ops->end(w->sink, c, error);
}
