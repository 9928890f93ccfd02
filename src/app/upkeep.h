/* upkeep.h: what a database needs besides rows, done by whoever stores them: waiting for other programs that hold it, and removing
 * what is to go (--keep, --max-size).
 *
 * An age is counted from the machine's clock as it was at the start and from what passed since, so that a clock that is set anew
 * while a capture runs removes nothing.
 */
#ifndef APP_UPKEEP_H
#define APP_UPKEEP_H

#include "app/options.h"
#include "sinks/sink.h"

struct upkeep {
	struct sink *sink;
	const char *path;		/* borrowed, for messages */
	int64_t keep_ns;		/* 0: any age */
	uint64_t max_size;
	int64_t start_wall_ns, start_ns;
	int64_t kept_ms;		/* when a step was done last */
	bool more;			/* it left something to do */
	int64_t locked_ms, told_ms;	/* since when another program holds the database, and when that was said last */
	int64_t stop_ms;		/* since when the run is to end; 0: it is not */
};

/* The sink waits by it from now on; so it stays where it is. */
void upkeep_begin(struct upkeep *u, struct sink *s, const char *path, const struct options *o);
/* Does a small step where one is due. False where the database cannot be written. */
bool upkeep_step(struct upkeep *u, struct error *error);
/* All that is left to do, unless the run is to end. */
bool upkeep_all(struct upkeep *u, struct error *error);

#endif
