/* dissector.h: what carries a handshake: one row of a table each. The pipeline knows only this; a new carrier is one file and one row in dissector.c.
 *
 * The state of a followed connection is `size` bytes, flat (what it points at is on the heap), blank after init().
 */
#ifndef DISSECTORS_DISSECTOR_H
#define DISSECTORS_DISSECTOR_H

#include "dissectors/exchange.h"
#include "overhear/chunk.h"

#include <stdbool.h>
#include <stddef.h>

enum look {
	LOOK_NO,		/* not ours */
	LOOK_MAYBE,		/* too short to tell */
	LOOK_YES,
};

struct dissector {
	const char *name;
	bool stream;		/* takes the chunks of a stream (TCP); else each datagram is a chunk (UDP) */
	size_t size;
	/* Do these first bytes of a direction (or those of a datagram, where MAYBE counts as no) look like ours? */
	enum look (*looks)(struct bytes first);
	/* The same for a segment in the middle of something else, stricter; NULL: never. */
	enum look (*looks_late)(struct bytes first);
	bool never_refuses;	/* push() keeps what is not ours: only a sure look will do */
	void (*init)(void *state);
	void (*finish)(void *state, struct tls_env *env);
	/* Bytes of one end, in order, or a datagram. False once it is sure that this is not ours (nothing was emitted then). */
	bool (*push)(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
	/* Datagrams only, may be NULL: does this one begin another connection between the same ends, the state being that of the last one? */
	bool (*begins_anew)(const void *state, struct tls_env *env, unsigned end, const struct chunk *c);
	/* The connection's FIN or RST by this end. */
	void (*closed)(void *state, struct tls_env *env, unsigned end, bool reset);
	/* Bytes of this end are known to be missing, with nothing behind them. */
	void (*lacks_tail)(void *state, unsigned end);
	/* Nothing more will come: what is unfinished is read as far as it goes and emitted. closer: the end that closed first, or -1. */
	void (*end)(void *state, struct tls_env *env, enum exchange_end how, int closer);
	/* Nothing that can still come on this connection matters. */
	bool (*is_over)(const void *state);
	/* The bytes matter now: a handshake is running. */
	bool (*is_running)(const void *state);
	/* Which end is the client: 0, 1, or 2 while it is not known. */
	unsigned (*client)(const void *state);
};

extern const struct dissector dissectors[];
extern const size_t dissector_count;
/* The largest size of all states. */
enum { DISSECTOR_STATE_MAX = 4096 };

/* The first row that these first bytes are sure to be, else the first that they may be; NULL where none is. */
const struct dissector *dissector_for(bool stream, struct bytes first);
/* So few first bytes of a stream fit several rows: with some more it can be told which. */
enum { DISSECTOR_ENOUGH = 96 };
bool dissector_wants_more(struct bytes first);
/* The same for a datagram: what carries it is sure. */
const struct dissector *dissector_for_datagram(struct bytes datagram);
const struct dissector *dissector_for_late(bool stream, struct bytes first);

#endif
