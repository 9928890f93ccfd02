/* table.h: the flow table: both directions of a connection under one key, found by a keyed hash.
 *
 * Few flows are busy at a time; the many that wait must cost little. So a flow is awake (a plain
 * struct flow, with its struct connection where it has one) only while packets come; when more than
 * AWAKE_MAX are, the one unused for longest falls asleep: it is kept as its difference from a blank
 * one (rest.h), some 50 bytes for a flow without a connection, and a connection as its difference from
 * the first of its kind that fell asleep, or from a blank one. Pointers into a flow or connection
 * are therefore valid only until the next flow_table_get(). What a connection points at (on the
 * heap) stays where it is.
 *
 * Time is the flow clock: packet time that never runs backwards and ignores jumps of more than a
 * day.
 */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include "base/hash.h"
#include "flow/clock.h"
#include "flow/stream.h"
#include "flow/syn.h"
#include "overhear/limits.h"
#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum flow_state {
	FLOW_NEW,		/* nothing but SYNs, or no payload yet */
	FLOW_UNDECIDED,		/* some payload, not enough to tell */
	FLOW_FOLLOWED,		/* a dissector follows it: it has a connection */
	/* not ours: only watched for a later hello (STARTTLS) and for its end */
	FLOW_OPAQUE,
};

/* Bits of flow.opening: what of the three-way handshake was seen. */
enum flow_opening {
	/* first_ns is the first SYN's: without it, there is no tcp_ms and no server_rtt_ms */
	OPENING_SYN = 1,
	OPENING_SYNACK = 2,
	OPENING_ACK = 4,
	OPENING_ISN = 8,	/* isn[0] is known; isn[1]: twice the bit */
};

/* Order matters: the key comes first, as table.c compares it; what a waiting flow has set stands
 * together, so that it packs well (rest.h). */
struct flow {
	struct address end[2];		/* end[0] < end[1], or equal and port[0] <= port[1] */
	uint16_t port[2];
	uint32_t network;
	uint8_t protocol;
	uint8_t state;			/* enum flow_state; the caller's to set */
	/* 0 or 1: the end that sent the SYN, or the first datagram; 2: not known */
	uint8_t initiator;
	uint8_t opening;		/* bits of enum flow_opening */
	/* bit 1 << end: some segment's checksum fitted, did not fit */
	uint8_t checksum_right, checksum_wrong;
	/* bit 1 << end: some segment had no MD5 option (RFC 2385), so that one with it is forged */
	uint8_t without_md5;
	/* the caller's to set: only headers matter any more; payload is neither verified nor to
	 * be pushed */
	bool unwatched;
	bool seen[2];			/* a packet of this end was seen */
	uint8_t closed;			/* bit 1 << end: its FIN was seen */
	uint8_t reset_by;		/* 0, or 1 + the end that sent the first valid RST */
	uint8_t first_closer;		/* 0, or 1 + the end that sent the first FIN or RST */
	bool syn_retransmitted, synack_retransmitted;
	/* the segment just got may be forged: only its payload may count, through stream_doubt() */
	bool doubted;
	/* a SYN of perhaps another connection with the same ends is remembered */
	bool syn_pending;
	uint32_t packets;
	/* the caller's: kept with the flow */
	uint32_t note;
	uint32_t isn[2];		/* where opening says so; else 0 */
	uint64_t id;			/* of the connection: the number of the packet that made it */
	uint64_t first_number;
	/* first packet, packet time as it stands; the three below are relative to it, -1: not
	 * seen (or before it, by a clock that ran back) */
	int64_t first_ns;
	/* first SYN/ACK; the initiator's first segment that acknowledges it */
	int64_t synack_ns, ack_ns;
	int64_t close_ns;		/* the first FIN or RST */
	int64_t last_ms;		/* flow clock of the last packet */
	struct stream stream[2];	/* bytes sent by end[0], end[1] */
	void *connection;		/* connection_size bytes, or NULL; the table's memory */
};

enum {
	/* Flows kept ready for their next packet: at first, and where those put to sleep are soon woken again. No loss beyond, only the time to pack and
	 * unpack (some 200 ns). */
	AWAKE_MIN = 512,
	AWAKE_MAX = 8192,
	FLOW_CONNECTION_MAX = 6144,
	/* How long a silent flow is kept. Who repeats a SYN waits 63 s at the longest. */
	FLOW_IDLE_NEW_MS = 75000,
	FLOW_IDLE_UNDECIDED_MS = 120000,
	FLOW_IDLE_CONNECTION_MS = 300000,
	/* of a closed one: its late retransmissions would look like a connection of their own */
	FLOW_LINGER_MS = 2000,
};

/* Why a flow is forgotten. */
enum flow_end {
	FLOW_END_IDLE, FLOW_END_EVICTED, FLOW_END_REPLACED, FLOW_END_CAPTURE, FLOW_END_CLOSED,
};

struct flow_table;

struct flow_table_options {
	/* a multiple of 8, at most FLOW_CONNECTION_MAX; those whose first byte is the same are thought to be alike */
	size_t connection_size;
	/* what a fresh connection looks like; outlives the table */
	const void *blank_connection;
	const struct hash_key *key;		/* outlives the table, as do the counters */
	struct limit_counts *limits;
	uint32_t flows_max, awake_max;		/* 0: FLOWS_MAX, AWAKE_MAX */
	/* Called before a flow is forgotten (idle, evicted, replaced by a new connection, or at
	 * the end), so that its owner can finish its connection; it may still empty the streams.
	 * May not call the table, flow_table_pool() and flow_disconnect() aside. */
	void (*retire)(void *context, struct flow *f, enum flow_end how);
	/* A SYN without a connection behind it: a RST was the answer, or there was none for so long that none will come (or so many
	 * wait that it had to go). May not call the table; NULL: nobody wants to know. */
	void (*in_vain)(void *context, const struct syn_ends *ends, const struct syn *syn, bool refused);
	void *context;
	/* Bytes that flows may take, with what `held` says that their connections hold besides; 0: any. Over it, those go first whose
	 * time is over first: half-open ones before those that are followed, the oldest before others. */
	uint64_t bytes_max;
	uint64_t (*held)(const void *context);
	/* What was silent too long goes a few at each tick, so that no packet waits for long; else all together when a round of
	 * the clock (clock.h) is over, in the order of their ids, which depends on nothing but packets. */
	bool bit_by_bit;
};

struct flow_table *flow_table_create(const struct flow_table_options *options);
void flow_table_destroy(struct flow_table *t);

/* Advances the flow clock to the packet's time and retires a few flows that have been idle too
 * long. */
void flow_table_tick(struct flow_table *t, int64_t time_ns);
/* The same by a clock that others keep too. */
void flow_table_follow(struct flow_table *t, const struct flow_clock *clock);

/* The flow of a segment and the end that sent it (0 or 1); makes one where there is none. NULL
 * for what needs none: a bare SYN (a bounded cache remembers it), a RST or FIN or empty ACK of
 * no known flow; and for what no host would take: no ACK flag, an MD5 option or a wrong checksum
 * where the end has shown that it can do otherwise, a RST or FIN outside the window. A wrong
 * checksum over payload gives the flow, with `doubted` set and nothing noted. A SYN for a known
 * flow is only remembered (RFC 5961 section 4); the flow is replaced once a SYN/ACK or data
 * shows that the new connection is real. Updates times, initiator, closed, packets, and the
 * streams' beginnings and FINs; pushing the payload (at flow_data_seq()) and
 * stream_acknowledge() are the caller's. */
struct flow *flow_table_get(struct flow_table *t, const struct segment *s, unsigned *end);
/* The same for a datagram, where there is such a flow already and it has a connection; NULL where there is none. */
struct flow *flow_table_find(struct flow_table *t, const struct segment *s, unsigned *end);
/* Sequence number of the segment's first payload byte: a SYN takes a number of its own. */
static inline uint32_t flow_data_seq(const struct segment *s)
{
	return s->seq + (s->flags & TCP_SYN ? 1 : 0);
}
/* Fetches the cache lines of a later flow_table_get_hashed(), which wants the hash that this returns: where the flow is found, ... */
uint64_t flow_table_prefetch(const struct flow_table *t, const struct segment *s);
/* ... and, some packets later, the flow itself. */
void flow_table_prefetch_flow(const struct flow_table *t, uint64_t hash);
struct flow *flow_table_get_hashed(
	struct flow_table *t, const struct segment *s, uint64_t hash, unsigned *end);

/* Gives the flow a connection, equal to the blank one. */
void *flow_connect(struct flow_table *t, struct flow *f);
/* Ends the connection (its owner has finished it) and frees its memory. */
void flow_disconnect(struct flow_table *t, struct flow *f);
/* Forgets the flow; retire is called with FLOW_END_CLOSED where it has a connection. */
void flow_table_remove(struct flow_table *t, struct flow *f);
/* Retires every flow (end of the capture), oldest first by id; those that were silent too long
 * as idle. The SYNs that wait are forgotten too. */
void flow_table_drain(struct flow_table *t);
/* Another bytes_max from now on. */
void flow_table_limit(struct flow_table *t, uint64_t bytes_max);
/* The flow clock. */
int64_t flow_table_now_ms(const struct flow_table *t);

struct flow_table_counts {
	uint64_t flows;		/* made in all */
	uint64_t now;		/* followed now */
	uint64_t evicted;
};
void flow_table_counts(const struct flow_table *t, struct flow_table_counts *out);
struct stream_pool *flow_table_pool(struct flow_table *t);

#endif
