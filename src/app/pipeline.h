/* pipeline.h: the path of the data, and the one file where all rooms meet. A pipeline is private to its thread: packets go in, finished handshakes come out. Where
 * there are several (jobs.h), each gets segments that were taken out of their packets already, and the time by a clock that is the same for all.
 */
#ifndef APP_PIPELINE_H
#define APP_PIPELINE_H

#include "app/attempts.h"
#include "flow/clock.h"
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
	/* A connection without a hello; borrowed until the call returns. */
	void (*emit_attempt)(void *context, const struct attempt_event *e);
	/* Live, with a key log: looks for more of it (pipeline_secrets()), false where nothing was new; NULL: there is no more. Urgent: a
	 * connection has ended and this is its last chance. */
	bool (*more_secrets)(void *context, bool urgent);
	void *context;
	const struct hash_key *key;	/* outlives it; the same for all pipelines of a capture, since handshakes hold hashes that are compared */
	bool live;
	uint64_t memory;		/* bytes that its connections may take; 0: any */
	uint32_t share;			/* so many pipelines share what memory and places there are; 0: one */
};

struct pipeline *pipeline_create(const struct pipeline_options *options);
void pipeline_destroy(struct pipeline *p);

/* Packets of one capture in order; borrowed until the call returns. */
void pipeline_packets(struct pipeline *p, const struct packet *packets, size_t count);
/* One segment, at the time of the clock; so that several pipelines make of their parts what one makes of all. */
void pipeline_segment(struct pipeline *p, const struct segment *s, const struct flow_clock *clock);
/* A packet of this number came to another pipeline, or to none: time has passed. */
void pipeline_time(struct pipeline *p, uint64_t number, const struct flow_clock *clock);
/* Emits what it holds back for a batch. */
void pipeline_flush(struct pipeline *p);
/* Lines of a key log (RFC 9850); returns how many bytes were used: all where `whole`, else up to the last line's end. */
size_t pipeline_secrets(struct pipeline *p, struct bytes text, bool whole);
/* Secrets taken, and lines that were none. */
void pipeline_secret_counts(const struct pipeline *p, uint64_t *secrets, uint64_t *bad_lines);
/* The capture is over: what is open is emitted as it stands. */
void pipeline_drain(struct pipeline *p);
/* Live, when no packet came for a while: time goes on. */
void pipeline_tick(struct pipeline *p, int64_t now_ns);
void pipeline_give_back(struct pipeline *p, struct handshake *h);
/* Fills the capture's counters. */
void pipeline_counts(const struct pipeline *p, struct capture *out);
/* Packets whose link type is not in the table. */
uint64_t pipeline_unknown_links(const struct pipeline *p);

#endif
