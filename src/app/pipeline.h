/* pipeline.h: the path of the data, and the one file where all rooms meet. A pipeline is private to its thread: packets go in, finished handshakes come out.
 */
#ifndef APP_PIPELINE_H
#define APP_PIPELINE_H

#include "overhear/attempt.h"
#include "overhear/capture.h"
#include "overhear/handshake.h"
#include "overhear/lookup.h"
#include "overhear/packet.h"

#include <stddef.h>

struct pipeline;

struct pipeline_options {
	/* Takes over each finished handshake; gives it back with pipeline_give_back(), from the pipeline's own thread. */
	void (*emit)(void *context, struct handshake *h);
	/* Takes over what clients looked up, to be freed; in order with the handshakes: what a client knew before a handshake ended comes first. */
	void (*emit_lookups)(void *context, struct lookup_batch *batch);
	/* Live, with a key log: looks for more of it (pipeline_secrets()), false where nothing was new; NULL: there is no more. Urgent: a
	 * connection has ended and this is its last chance. */
	bool (*more_secrets)(void *context, bool urgent);
	void *context;
};

struct pipeline *pipeline_create(const struct pipeline_options *options);
void pipeline_destroy(struct pipeline *p);

/* Packets of one capture in order; borrowed until the call returns. */
void pipeline_packets(struct pipeline *p, const struct packet *packets, size_t count);
/* Lines of a key log (RFC 9850); returns how many bytes were used: all where `whole`, else up to the last line's end. */
size_t pipeline_secrets(struct pipeline *p, struct bytes text, bool whole);
/* Secrets taken, and lines that were none. */
void pipeline_secret_counts(const struct pipeline *p, uint64_t *secrets, uint64_t *bad_lines);
/* The capture is over: what is open is emitted as it stands. */
void pipeline_drain(struct pipeline *p);
/* Live, when no packet came for a while: time goes on. */
void pipeline_tick(struct pipeline *p, int64_t now_ns);
/* Rows of connections without a hello that changed since they were taken last (attempts.h); `all` at the end of the capture, after
 * pipeline_drain(). The caller's to free; NULL where there is none. */
struct attempt *pipeline_attempts(struct pipeline *p, bool all, size_t *count);
void pipeline_give_back(struct pipeline *p, struct handshake *h);
/* Fills the capture's counters. */
void pipeline_counts(const struct pipeline *p, struct capture *out);
/* Packets whose link type is not in the table. */
uint64_t pipeline_unknown_links(const struct pipeline *p);

#endif
