/* lanes.h: the ways from pipelines to the writer, a lane each, which end as one: the writer takes what they carry in the order of the
 * moments at which it came to be, so that neither the number of pipelines nor their haste shows in the rows.
 *
 * A moment is a packet's number in the capture and what it set off. What one packet brings to one pipeline stays in its order; what
 * the passing of time brings to all of them at once goes by the number of the packet that made the flow. A lane that has nothing to
 * tell says from time to time how far it got, else the others would wait for it.
 */
#ifndef APP_LANES_H
#define APP_LANES_H

#include "app/attempts.h"
#include "overhear/handshake.h"
#include "overhear/lookup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum moment_part {
	MOMENT_FLOWS,		/* before the packet: what was silent too long ended */
	MOMENT_SYNS,		/* and SYNs without an answer */
	MOMENT_PACKET,		/* the packet itself */
	MOMENT_PASSED,
	MOMENT_PARTS
};

/* Behind all packets: the end of the capture. */
#define MOMENT_END_NUMBER (UINT64_C(1) << 56)

static inline uint64_t moment_of(uint64_t number, enum moment_part part)
{
	return number * MOMENT_PARTS + part;
}

struct lane;
struct lanes;

/* Live, a lane holds its share of WAITING_HANDSHAKES_MAX, and what comes when it is full is dropped: packets do not wait for a
 * database. From files everything waits. */
struct lanes *lanes_create(size_t count, bool live);
void lanes_destroy(struct lanes *l);
/* For the next capture; no thread may use a lane. */
void lanes_begin(struct lanes *l);
struct lane *lanes_each(struct lanes *l, size_t which);
/* Handshakes dropped so far; exact once the pipelines have ended. */
uint64_t lanes_dropped(const struct lanes *l);

/* The pipeline's end, used by one thread. */

/* Hands a handshake over. False where it was dropped: it stays the caller's. */
bool lane_put(struct lane *l, struct handshake *h);
/* What clients looked up, which later handshakes are joined to. */
void lane_put_lookups(struct lane *l, struct lookup_batch *batch);
/* A connection without a hello; goes on its way with what comes after it, or when the lane is told to pass. */
void lane_put_attempt(struct lane *l, const struct attempt_event *e);
/* All that came to be up to this moment was put, and shall be seen soon. */
void lane_pass(struct lane *l, uint64_t moment);
void lane_end(struct lane *l);
/* One that is stored and goes back to its maker; NULL where there is none now. */
struct handshake *lane_take_back(struct lane *l);

/* The writer's end. */

enum parcel_kind { PARCEL_NONE, PARCEL_HANDSHAKE, PARCEL_LOOKUP, PARCEL_ATTEMPT, PARCEL_END };

/* The next of all lanes. */
struct parcel {
	enum parcel_kind kind;
	struct lane *lane;
	struct handshake *handshake;		/* to be given back */
	const struct lookup *lookup;		/* borrowed until the next one */
	const struct attempt_event *attempt;	/* borrowed until the next one */
};

/* PARCEL_NONE where none came for timeout_ms; PARCEL_END once all lanes have ended. */
struct parcel lanes_next(struct lanes *l, int timeout_ms);
void lane_give_back(struct lane *l, struct handshake *h);
/* How much has come and waits, at least. */
size_t lanes_waiting(const struct lanes *l);

#endif
