/* keep.h: removes the oldest handshakes and what only they used, a little at a time, so that neither those who read the
 * database nor the rows that come have to wait. Part of the SQLite sink; works within its transaction.
 *
 * Chains count the handshakes that use them, so that one goes with its last handshake, and so do its certificates. Hellos,
 * traits and lists are not counted, which would cost at every handshake: once enough handshakes have gone, what the others still use
 * is marked, part by part, and the rest is removed.
 */
#ifndef SINKS_KEEP_H
#define SINKS_KEEP_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEEP_STATEMENTS = 24 };

/* What may stay. */
struct keep_limits {
	int64_t before_ns;	/* handshakes from before are removed; TIME_NONE: none for their age */
	uint64_t bytes;		/* pages in use take at most so many; 0: any number */
};

struct keep {
	sqlite3 *db;
	sqlite3_stmt *statements[KEEP_STATEMENTS];
	uint64_t page_size;
	uint64_t removed;		/* handshakes, since the last sweep began */
	int64_t attempts_before_ns;	/* of the last walk through the attempts */
	int64_t newest_removed_ns;
	unsigned stage;			/* of the sweep; 0: none is under way */
	int64_t scanned, judged;	/* ids: how far the stage has got in what uses, and in what is used */
	bool scan_done;
	struct keep_marks { uint8_t *bits; size_t bytes; } marks;
};

struct keep_done {
	uint64_t removed;	/* handshakes */
	bool shapes_gone;	/* rows of shapes were removed: what is remembered of them is no longer true */
	bool more;		/* there is more to do */
};

/* Both work half built; keep_init() gives SQLite's code. */
int keep_init(struct keep *k, sqlite3 *db);
void keep_finish(struct keep *k);
/* One step, of at most about `rows` rows. `capture_id` is the capture that runs. Gives SQLite's code. */
int keep_step(struct keep *k, const struct keep_limits *limits, int64_t capture_id, unsigned rows, struct keep_done *done);

#endif
