/* ring.h: pointers from one thread to another, one producer and one consumer: passing a pointer through is the hand-over.
 *
 * The consumer sleeps when there is nothing; the producer wakes it only once a batch has gathered (or on ring_nudge()), since waking costs more than a handshake does.
 * This file and signals.c are the only ones with atomics.
 */
#ifndef APP_RING_H
#define APP_RING_H

#include <stdbool.h>
#include <stddef.h>

struct ring;

/* room is a power of two. */
struct ring *ring_create(size_t room, size_t batch);
void ring_destroy(struct ring *r);
/* Producer: waits while the ring is full. */
void ring_push(struct ring *r, void *item);
/* Producer: false where the ring is full. */
bool ring_try_push(struct ring *r, void *item);
/* Producer: whatever was pushed shall be seen soon. */
void ring_nudge(struct ring *r);
/* Consumer: how many there are, at least. */
size_t ring_count(const struct ring *r);
/* Consumer: the next, or NULL where there is none now. */
void *ring_try_pop(struct ring *r);
/* Consumer: the next; waits at most timeout_ms for it, then gives NULL. */
void *ring_pop(struct ring *r, int timeout_ms);

#endif
