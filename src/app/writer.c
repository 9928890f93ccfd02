#include "app/writer.h"

#include "app/joins.h"
#include "app/message.h"
#include "app/ring.h"
#include "app/signals.h"
#include "base/xmalloc.h"
#include "record/ocsp.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

enum { FLUSH_MS = 500, GATHER_MS = 400, GATHER_STEP_MS = 10, GATHER_ENOUGH = 1024, IDLE_MS = 100, COMPLAIN_MS = 60000, ATTEMPTS_MS = 1000, TURNS = 4 };

/* The database is exchanged for another. */
struct turn {
	struct store *next;		/* its capture has begun */
	int64_t capture_id;
	struct capture ended;		/* of the one that is in use */
};

struct writer {
	const struct sink_ops *ops;
	struct store *store;
	int64_t capture_id;
	struct ring *turns;
	struct ocsp_memory ocsp;
	struct joins *joins;
	struct diagnose *diagnose;
	struct lanes *lanes;
	struct hash_key key;
	struct limit_counts limits, told;	/* its own; and what was told of all, before the last turn */
	uint64_t put;			/* handshakes, since the capture began or since the last turn */
	bool turned;
	uint64_t lost, dropped_told;	/* by databases that are closed; by lanes before the last turn */
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
	w->ops->counts(w->store->sink, &counts);
	message("%s (%llu handshakes lost so far)", error->text, (unsigned long long)(counts.lost + w->lost + lanes_dropped(w->lanes) - w->dropped_told));
}

static void flush(struct writer *w)
{
	struct error error;

	w->flushed_ms = now_ms();
	if (w->ops->flush(w->store->sink, &error))
		w->dirty = false;
	else
		complain(w, &error);
}

static void flush_when_due(struct writer *w)
{
	struct error error;

	if (w->dirty && now_ms() - w->flushed_ms >= FLUSH_MS)
		flush(w);
	if (!upkeep_step(&w->store->upkeep, &error))
		complain(w, &error);
}

/* Live, what comes waits a little for more, so that it is stored in one go and the database is free for others meanwhile. */
static void gather(const struct writer *w)
{
	while (now_ms() - w->flushed_ms < GATHER_MS && lanes_waiting(w->lanes) < GATHER_ENOUGH && !signals_stop_wanted())
		nanosleep(&(struct timespec){ .tv_nsec = GATHER_STEP_MS * 1000000L }, NULL);
}

static void store_attempts(struct writer *w, bool all)
{
	size_t count;
	struct attempt *attempts = attempts_take(w->attempts, all, &count);
	struct error error;

	if (!attempts)
		return;
	w->dirty = true;
	if (!w->ops->put_attempts(w->store->sink, attempts, count, &error))
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
	w->put++;
	ocsp_tell(&w->ocsp, h);
	joins_tell(w->joins, h);
	diagnose_handshake(w->diagnose, h);
	if (!w->ops->put(w->store->sink, h, &error))
		complain(w, &error);
}

/* ---- another database ---- */

static void begin_attempts(struct writer *w)
{
	attempts_destroy(w->attempts);
	w->attempts = attempts_create(&w->key, &w->limits);
}

/* How often limits bit since the capture began, or since the last turn. */
static void add_limits(struct writer *w, struct limit_counts *out)
{
	struct limit_counts now = w->limits;

	joins_add_limits(w->joins, &now);
	now.bitten[LIMIT_WAITING_HANDSHAKES] += lanes_dropped(w->lanes);
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		out->bitten[i] += now.bitten[i] - w->told.bitten[i];
	w->told = now;
	diagnose_take_limits(w->diagnose, out);
}

static void add_dropped(struct writer *w, struct capture *c)
{
	uint64_t dropped = lanes_dropped(w->lanes);

	c->rows_lost = dropped - w->dropped_told;
	w->dropped_told = dropped;
}

/* What is still open goes into the next database as it ends; what was counted of attempts stays in this one. */
static void turn(struct writer *w, struct turn *t)
{
	struct error error;

	store_attempts(w, true);
	begin_attempts(w);
	t->ended.id = w->capture_id;
	add_limits(w, &t->ended.limits);
	add_dropped(w, &t->ended);
	w->lost += t->ended.rows_lost;
	/* What the pipelines told of since is here, or in the next one. */
	t->ended.handshakes = w->put + t->ended.rows_lost;
	w->put = 0;
	w->turned = true;
	if (!w->ops->end(w->store->sink, &t->ended, &error))
		complain(w, &error);
	if (!store_close(w->store, &w->lost, &error))
		complain(w, &error);
	w->store = t->next;
	w->capture_id = t->capture_id;
	w->dirty = true;
	free(t);
}

static void take_turns(struct writer *w)
{
	for (struct turn *t; (t = ring_try_pop(w->turns));)
		turn(w, t);
}

static void *run(void *argument)
{
	struct writer *w = argument;
	struct parcel next = { .kind = PARCEL_NONE };

	for (unsigned i = 0; next.kind != PARCEL_END; i++) {
		next = lanes_next(w->lanes, w->live && w->dirty ? 0 : IDLE_MS);
		if (next.kind == PARCEL_HANDSHAKE) {
			if (w->live && !w->dirty)
				gather(w);
			store(w, next.handshake);
			lane_give_back(next.lane, next.handshake);
		} else if (next.kind == PARCEL_LOOKUP) {
			joins_learn(w->joins, next.lookup);
		} else if (next.kind == PARCEL_ATTEMPT) {
			attempts_add(w->attempts, next.attempt);
		}
		if (next.kind == PARCEL_NONE && w->live && w->dirty)
			flush(w);
		if (next.kind == PARCEL_NONE || i % 64 == 0) {
			take_turns(w);
			store_attempts_when_due(w);
			flush_when_due(w);
		}
	}
	take_turns(w);
	store_attempts(w, true);
	return NULL;
}

struct writer *writer_create(const struct sink_ops *ops, struct store *store, struct diagnose *diagnose, const struct writer_options *o)
{
	struct writer *w = xcalloc(1, sizeof *w);

	w->ops = ops;
	w->store = store;
	w->turns = ring_create(TURNS, 1);
	w->diagnose = diagnose;
	w->joins = joins_create(o->without_ndpi);
	w->lane_count = o->lanes;
	w->lanes = lanes_create(o->lanes, o->live);
	w->live = o->live;
	hash_key_init(&w->key);
	return w;
}

void writer_destroy(struct writer *w)
{
	if (!w)
		return;
	writer_stop(w);
	ring_destroy(w->turns);
	lanes_destroy(w->lanes);
	attempts_destroy(w->attempts);
	joins_destroy(w->joins);
	free(w);
}

bool writer_begin(struct writer *w, struct capture *c, struct error *error)
{
	sigset_t all, before;

	if (!w->ops->begin(w->store->sink, c, error))
		return false;
	w->capture_id = c->id;
	joins_begin(w->joins);
	w->limits = w->told = (struct limit_counts){ 0 };
	w->dropped_told = w->put = 0;
	w->turned = false;
	begin_attempts(w);
	lanes_begin(w->lanes);
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

bool writer_turn(struct writer *w, struct store *next, struct capture *begun, const struct capture *ended, struct error *error)
{
	if (!w->ops->begin(next->sink, begun, error))
		return false;
	struct turn *t = xmalloc(sizeof *t);
	*t = (struct turn){ .next = next, .capture_id = begun->id, .ended = *ended };
	ring_push(w->turns, t);
	return true;
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

bool writer_end(struct writer *w, struct capture *c, struct error *error)
{
	w->dirty = false;
	c->id = w->capture_id;
	add_limits(w, &c->limits);
	add_dropped(w, c);
	w->lost += c->rows_lost;
	if (w->turned)
		c->handshakes = w->put + c->rows_lost;
	return w->ops->end(w->store->sink, c, error);
}

struct store *writer_store(struct writer *w)
{
	return w->store;
}

void writer_set_store(struct writer *w, struct store *next)
{
	w->store = next;
}

uint64_t writer_lost(const struct writer *w)
{
	return w->lost;
}
