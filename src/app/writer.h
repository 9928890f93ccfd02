/* writer.h: the sink's thread. Handshakes go to it through lanes (lanes.h), one for each pipeline, and come back through them, so that
 * what they share with others is released by the thread that made it. What joins connections is done here, in the order of lanes.h:
 * the rows do not depend on how many pipelines there are.
 */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include "app/lanes.h"
#include "app/store.h"
#include "base/error.h"
#include "diagnose/diagnose.h"
#include "overhear/capture.h"
#include "sinks/sink.h"

#include <stdbool.h>

struct writer;

struct writer_options {
	bool without_ndpi;
	bool live;			/* what comes does not wait: see lanes_create() */
	size_t lanes;
};

/* Store and diagnosis are borrowed; between writer_begin() and writer_end() they belong to the writer's thread. */
struct writer *writer_create(const struct sink_ops *ops, struct store *store, struct diagnose *diagnose, const struct writer_options *o);
void writer_destroy(struct writer *w);

/* Starts the capture and the thread. */
bool writer_begin(struct writer *w, struct capture *c, struct error *error);
struct lane *writer_lane(struct writer *w, size_t which);
/* Ends all lanes, which no other thread may use any more, and waits until all is stored; handshakes can be taken back afterwards. */
void writer_stop(struct writer *w);
/* While it runs: begins the capture in `next`, which then is in use from a moment on that comes soon; the one in use ends with
 * these counters and is closed. False: all stays as it is, and `next` is the caller's. */
bool writer_turn(struct writer *w, struct store *next, struct capture *begun, const struct capture *ended, struct error *error);
/* After writer_stop(): ends the capture; adds how often its own limits bit, and what was lost on the way. */
bool writer_end(struct writer *w, struct capture *c, struct error *error);
/* While no capture runs: the database in use, the caller's to exchange. */
struct store *writer_store(struct writer *w);
void writer_set_store(struct writer *w, struct store *next);
/* After writer_end(): handshakes lost on the way, and by databases that a turn closed. */
uint64_t writer_lost(const struct writer *w);

#endif
