/* stream.h: one direction of a TCP connection, put in order: book-keeping of ranges, no I/O.
 *
 * In order, a segment passes through without a copy. Out of order, it is copied and waits. The
 * first bytes that arrive for a place win; later ones that differ mark the stream
 * (REASSEMBLY_OVERLAP). A hole is never stitched over: once given up, the next chunk says how many
 * bytes are missing before it. A segment is valid only near the window (RFC 9293 section 3.10.7.4);
 * forged ones far away are ignored.
 *
 * A hole is given up when the peer has acknowledged what lies behind it and it still stands after
 * STREAM_PATIENCE more segments (packets can be captured out of order, the ACK before its data), at
 * once where the snap length made it, when a limit bites, or by stream_give_up().
 */
#ifndef FLOW_STREAM_H
#define FLOW_STREAM_H

#include "base/hash.h"
#include "overhear/chunk.h"
#include "overhear/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/* how far below the next byte a segment may begin: retransmissions */
	STREAM_OLD_BYTES = 1 << 20,
	/* how far ahead: windows in use are smaller, RFC 7323 would allow 1 GiB */
	STREAM_WINDOW_BYTES = 16 << 20,
	STREAM_PATIENCE = 16,
	STREAM_SEEN_EARLY = 2,
};

struct stream;

/* What all streams of a pipeline share: their memory's total, its counters, and the one segment
 * that is being taken apart. */
struct stream_pool {
	uint64_t waiting_bytes;		/* of all pieces that wait, with what their keeping costs */
	struct limit_counts *limits;	/* borrowed */
	const struct hash_key *key;	/* borrowed; for telling retransmissions with other bytes */
	/* the piece that stream_next() gave last; freed by the next call */
	uint8_t *lent;
	struct stream_offer {
		const struct stream *owner;	/* NULL: none */
		struct bytes data;		/* what is left of it */
		uint32_t seq;
		bool cut;
		int64_t time_ns;
		uint64_t number;
	} offer;
};
void stream_pool_finish(struct stream_pool *pool);

/* What a stream needs only while bytes wait, or while many segments of a handshake pass. Owned
 * by its stream. */
struct stream_work;

/* A segment that was handed on, to tell a retransmission with other bytes. */
struct stream_seen {
	uint32_t seq, hash;
	uint16_t len;			/* 0: an empty entry */
};

/* Zeroes are a stream that has seen nothing. Small, since the flow table holds two a connection. */
struct stream {
	struct stream_work *work;	/* NULL mostly */
	uint32_t next;			/* sequence number of the next byte to hand on */
	uint32_t fin;			/* sequence number of the FIN, where fin_seen */
	/* segments that carried only bytes already seen; saturates */
	uint16_t retransmissions;
	uint8_t marks;			/* bits of enum reassembly found here */
	/* next is known: SYN seen, or the first segment of a capture in mid-connection */
	bool started;
	bool ignored;			/* nobody wants the bytes */
	bool fin_seen;
	/* the first segments; most waiting flows have no more, and so need no work */
	struct stream_seen early[STREAM_SEEN_EARLY];
};

void stream_finish(struct stream *s, struct stream_pool *pool);
/* The SYN's own sequence number: the stream begins after it. Does nothing where it has begun
 * already. */
void stream_start(struct stream *s, uint32_t isn);
/* The FIN's sequence number: that after the last byte. The first one counts. */
void stream_fin(struct stream *s, uint32_t seq);

enum stream_verdict {
	STREAM_NOTHING,		/* no new byte: duplicate, keep-alive, empty, ignored */
	STREAM_NEW,		/* stream_next() may give chunks */
	STREAM_INVALID,		/* far outside the window: forged or of another connection */
};

struct stream_segment {
	uint32_t seq;
	struct bytes data;
	/* more than data.len where the snap length cut it: the rest is a hole that nothing fills
	 * but a retransmission */
	uint32_t wire_len;
	int64_t time_ns;
	uint64_t number;
};

/* Offers a segment. Its bytes are borrowed until the stream_next() that returns false; what was
 * not fetched when the next segment of any stream of the pool is offered is lost.
 * `keep_history`: the bytes matter (a handshake is running). */
enum stream_verdict stream_push(struct stream *s, struct stream_pool *pool,
	const struct stream_segment *in, bool keep_history);
/* Keeps a segment whose checksum is wrong though its end's others fit: forged, or put together
 * from several by the card that captured it. It counts only once the peer acknowledges its bytes
 * and nothing better came for them. At most STREAM_DOUBTED of them wait. */
void stream_doubt(struct stream *s, struct stream_pool *pool, const struct stream_segment *in);
/* The next bytes in order; false when there are none now. Borrowed until the next call. */
bool stream_next(struct stream *s, struct stream_pool *pool, struct chunk *out);
/* What stream_push() brought last is not fetched yet: it waits, as what is out of order does. */
void stream_hold(struct stream *s, struct stream_pool *pool);
/* Copies the bytes that stream_next() would give from what waits, at most `most`; returns how
 * many. */
size_t stream_peek(const struct stream *s, uint8_t *out, size_t most);
/* A hole is given up: what stands behind it is to be fetched now. */
bool stream_gives_up(const struct stream *s);
/* At least so many bytes in order came with the segment pushed last, and none wait. */
bool stream_brings(const struct stream *s, const struct stream_pool *pool, size_t least);
/* The peer acknowledged up to ack. True when that gives a hole up or makes a doubted segment
 * count, so that stream_next() has chunks. */
bool stream_acknowledge(struct stream *s, struct stream_pool *pool, uint32_t ack);
/* The connection is over, or a limit bit: every hole is given up, doubted segments count,
 * stream_next() gives what waits. `mark`: bits to add to marks, or 0. */
void stream_give_up(struct stream *s, struct stream_pool *pool, uint8_t mark);
/* Nobody wants this direction's bytes any more: forgets what waits, and only counts from here
 * on. */
void stream_ignore(struct stream *s, struct stream_pool *pool);
/* Only moves on past len bytes at seq, without looking at them. */
void stream_pass(struct stream *s, uint32_t seq, uint32_t len);
/* Bytes before the FIN are missing, and nothing waits behind them. */
bool stream_lacks_tail(const struct stream *s);
/* All bytes up to the FIN were handed on. */
bool stream_at_fin(const struct stream *s);
/* Bytes wait for a hole to be filled. */
bool stream_waits(const struct stream *s);
/* The place behind the last byte that came, holes or not. */
uint32_t stream_last(const struct stream *s);
/* The place lies where a segment of this connection may begin. */
bool stream_near(const struct stream *s, uint32_t seq);

static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

#endif
