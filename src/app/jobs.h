/* jobs.h: several pipelines for one capture (-j): the thread that reads takes packets apart and deals them out, by a keyed hash of the
 * two innermost addresses in either order, to workers with a thread and a pipeline each.
 *
 * Fragments are put together before they are dealt out, so that tunnelled packets too go where the connection inside them goes. All
 * workers keep the reader's clock. What they emit meets again in lanes.h, in one order. Segments travel in loads: copies, since the
 * source's packets live only until it is read on.
 */
#ifndef APP_JOBS_H
#define APP_JOBS_H

#include "app/worker.h"
#include "app/writer.h"
#include "base/error.h"
#include "overhear/packet.h"

#include <stddef.h>

enum { JOBS_MAX = 64 };

struct jobs;

/* The writer has a lane for each. False: no thread could be started. A key log that cannot be read is told by `keylog_error`. */
bool jobs_create(struct jobs **out, size_t count, struct writer *writer, const struct worker_options *options, bool *keylog_read,
	struct error *keylog_error, struct error *error);
/* Packets of one capture in order; borrowed until the call returns. */
void jobs_packets(struct jobs *j, const struct packet *packets, size_t count);
/* Lines of a key log that the capture holds; borrowed until jobs_finish(). */
void jobs_secrets(struct jobs *j, struct bytes text);
/* Live, when no packet came for a while: time goes on, and what was dealt out is worked on. */
void jobs_tick(struct jobs *j, int64_t now_ns);
/* The capture is over: what is open is emitted; the threads end. */
void jobs_finish(struct jobs *j);
/* Fills the capture's counters, as they are or were a moment ago. */
void jobs_counts(struct jobs *j, struct capture *out);
uint64_t jobs_unknown_links(const struct jobs *j);
/* After jobs_finish(): as pipeline_secret_counts(). */
void jobs_secret_counts(const struct jobs *j, uint64_t *secrets, uint64_t *bad_lines);
/* After writer_stop(). */
void jobs_destroy(struct jobs *j);

#endif
