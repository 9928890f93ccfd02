/* writer.h: the sink's thread. Handshakes go to it through lanes (lanes.h), one for each pipeline, and come back through them, so that
 * what they share with others is released by the thread that made it. What joins connections is done here, in the order of lanes.h:
 * the rows do not depend on how many pipelines there are.
 */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include "app/lanes.h"
#include "base/error.h"
#include "diagnose/diagnose.h"
#include "overhear/capture.h"
#include "sinks/sink.h"

#include <stdbool.h>

struct writer;

/* Sink and diagnosis are borrowed; between writer_begin() and writer_end() they belong to the writer's thread. */
struct writer *writer_create(const struct sink_ops *ops, struct sink *sink, struct diagnose *diagnose, bool without_ndpi, size_t lanes);
void writer_destroy(struct writer *w);

/* Starts the capture and the thread. */
bool writer_begin(struct writer *w, struct capture *c, struct error *error);
struct lane *writer_lane(struct writer *w, size_t which);
/* Ends all lanes, which no other thread may use any more, and waits until all is stored; handshakes can be taken back afterwards. */
void writer_stop(struct writer *w);
/* After writer_stop(): adds how often its own limits bit. */
void writer_add_limits(const struct writer *w, struct limit_counts *out);
/* After writer_stop(): ends the capture. */
bool writer_end(struct writer *w, const struct capture *c, struct error *error);

#endif
