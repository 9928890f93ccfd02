/* writer.h: the sink's thread. Handshakes go to it through one ring and come back through another, so that what they share with others is released by the thread that made it.
 */
#ifndef APP_WRITER_H
#define APP_WRITER_H

#include "base/error.h"
#include "diagnose/diagnose.h"
#include "overhear/capture.h"
#include "overhear/handshake.h"
#include "overhear/lookup.h"
#include "sinks/sink.h"

#include <stdbool.h>

struct writer;

/* Sink and diagnosis are borrowed; between writer_begin() and writer_end() they belong to the writer's thread. */
struct writer *writer_create(const struct sink_ops *ops, struct sink *sink, struct diagnose *diagnose, bool without_ndpi);
void writer_destroy(struct writer *w);

/* Starts the capture and the thread. */
bool writer_begin(struct writer *w, struct capture *c, struct error *error);
/* Hands a handshake over; waits while the ring is full. */
void writer_put(struct writer *w, struct handshake *h);
/* Hands over what clients looked up, which later handshakes are joined to. */
void writer_put_lookups(struct writer *w, struct lookup_batch *batch);
/* Takes over rows of attempts (attempts.h), stored in order with the handshakes. */
void writer_put_attempts(struct writer *w, struct attempt *attempts, size_t count);
/* One that is stored and goes back to its maker; NULL where there is none now. */
struct handshake *writer_take_back(struct writer *w);
/* What was put shall be stored soon. */
void writer_nudge(struct writer *w);
/* Waits until the thread has stored all; handshakes can be taken back afterwards. */
void writer_stop(struct writer *w);
/* After writer_stop(): adds how often its own limits bit. */
void writer_add_limits(const struct writer *w, struct limit_counts *out);
/* After writer_stop(): ends the capture. */
bool writer_end(struct writer *w, const struct capture *c, struct error *error);

#endif
