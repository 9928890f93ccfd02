/* stream.h: one direction of a TCP connection, put in order: book-keeping of ranges, no I/O.
 *
 * In order, a segment passes through without a copy. Out of order, it is copied and waits. The first bytes that arrive for a place win;
 * later ones that differ mark the stream (REASSEMBLY_OVERLAP). A hole is never stitched over: once given up, the next chunk says how many bytes are missing before it.
 * A segment is valid only near the window (RFC 9293 section 3.10.7.4); forged ones far away are counted and ignored.
 */
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include "overhear/chunk.h"
#include "overhear/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct stream_range;	/* a waiting piece, with its own copy, time and packet number */

/* Memory that all streams of a pipeline share, and its counters. */
struct stream_pool {
	uint64_t waiting_bytes;
	struct limit_counts *limits;	/* borrowed */
};

/* What a stream needs only while bytes wait, or while a handshake is running (history, to tell a retransmission with other bytes). Owned by its stream. */
struct stream_work;

/* Zeroes are a stream that has seen nothing. Small, since the flow table holds two a connection. */
struct stream {
	struct stream_work *work;	/* NULL mostly */
	uint32_t next;			/* sequence number of the next byte to hand on */
	uint16_t retransmissions;	/* segments that carried only bytes already seen; saturates */
	uint8_t marks;			/* bits of enum reassembly found here */
	bool started;			/* next is known: SYN seen, or the first segment of a capture in mid-connection */
};

void stream_finish(struct stream *s, struct stream_pool *pool);
/* The SYN's own sequence number: the stream begins after it. */
void stream_start(struct stream *s, uint32_t isn);

enum stream_verdict {
	STREAM_NOTHING,		/* no new byte: duplicate, keep-alive, empty, outside the window */
	STREAM_NEW,		/* new bytes: stream_next() may give chunks */
	STREAM_INVALID,		/* far outside the window: forged or of another connection */
};

struct stream_segment {
	uint32_t seq;
	struct bytes data;
	uint32_t wire_len;	/* more than data.len where the snap length cut it: the rest is a hole that nothing fills but a retransmission */
	int64_t time_ns;
	uint64_t number;
};

/* Offers a segment. Its bytes are borrowed until the stream_next() that returns false. `keep_history`: the bytes matter (a handshake is running). */
enum stream_verdict stream_push(struct stream *s, struct stream_pool *pool, const struct stream_segment *in, bool keep_history);
/* The next bytes in order; false when there are none now. Borrowed until the next call. */
bool stream_next(struct stream *s, struct stream_pool *pool, struct chunk *out);
/* The peer acknowledged up to ack: when that is beyond a hole and stays so, the hole is given up. */
void stream_acknowledge(struct stream *s, uint32_t ack);
/* The connection is over, or a limit bit: every hole is given up, stream_next() gives what waits. */
void stream_give_up(struct stream *s, struct stream_pool *pool, uint8_t mark);
/* Nobody wants this direction's bytes any more: forgets what waits, and only counts from here on. */
void stream_ignore(struct stream *s, struct stream_pool *pool);
/* All bytes up to the FIN were handed on. */
bool stream_at_fin(const struct stream *s);
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif
