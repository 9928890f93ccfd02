#include "app/upkeep.h"

#include "app/message.h"
#include "app/signals.h"
#include "overhear/handshake.h"
#include "sinks/sqlite.h"

#include <time.h>

enum { LOOK_MS = 1000, STEP_MS = 50, WAIT_MS = 20, TELL_AFTER_MS = 10000, TELL_AGAIN_MS = 60000, STOP_MS = 1000 };

static int64_t clock_ns(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

static void tell_lock(struct upkeep *u, int64_t now)
{
	if (now - u->locked_ms < TELL_AFTER_MS || (u->told_ms && now - u->told_ms < TELL_AGAIN_MS))
		return;
	u->told_ms = now;
	message("%s: another program has held it for %lld s: what is to be stored waits", u->path, (long long)(now - u->locked_ms) / 1000);
}

/* A run that is to end does not wait for long. */
static bool wait_for_others(void *context, int times)
{
	struct upkeep *u = context;
	int64_t now = now_ms();

	if (!times)
		u->locked_ms = now;
	if (signals_stop_wanted() && !u->stop_ms)
		u->stop_ms = now;
	if (u->stop_ms && now - u->stop_ms > STOP_MS)
		return false;
	tell_lock(u, now);
	nanosleep(&(struct timespec){ .tv_nsec = WAIT_MS * 1000000L }, NULL);
	return true;
}

void upkeep_begin(struct upkeep *u, struct sink *s, const char *path, const struct options *o)
{
	*u = (struct upkeep){ .sink = s, .path = path, .keep_ns = (int64_t)o->keep * 1000000000, .max_size = o->max_size,
		.start_wall_ns = clock_ns(CLOCK_REALTIME), .start_ns = clock_ns(CLOCK_BOOTTIME) };
	sqlite_wait_with(s, wait_for_others, u);
}

static bool step(struct upkeep *u, struct error *error)
{
	int64_t now_ns = u->start_wall_ns + clock_ns(CLOCK_BOOTTIME) - u->start_ns;
	struct keep_limits limits = { .before_ns = u->keep_ns ? now_ns - u->keep_ns : TIME_NONE, .bytes = u->max_size };

	u->kept_ms = now_ms();
	return sqlite_keep(u->sink, &limits, &u->more, error);
}

bool upkeep_step(struct upkeep *u, struct error *error)
{
	if (!u->keep_ns && !u->max_size)
		return true;
	return now_ms() - u->kept_ms < (u->more ? STEP_MS : LOOK_MS) || step(u, error);
}

bool upkeep_all(struct upkeep *u, struct error *error)
{
	bool fine = true;

	if (!u->keep_ns && !u->max_size)
		return true;
	do
		fine = step(u, error);
	while (fine && u->more && !signals_stop_wanted());
	return fine;
}
