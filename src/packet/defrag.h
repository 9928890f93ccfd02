/* defrag.h: IP packets put together from their fragments, in any order.
 *
 * The first bytes that arrive for a place win; where others differ, or overlap without being a plain
 * repetition, the packet is marked, since the two ends may have read something else (RFC 5722, RFC 8200
 * section 4.5: they drop it). A packet that is complete leaves its number free for the next one. Bounded
 * in number, bytes and packet time; the oldest goes first.
 */
#ifndef PACKET_DEFRAG_H
#define PACKET_DEFRAG_H

#include "base/hash.h"
#include "packet/decap.h"

#include <stdbool.h>

struct defrag;

/* Both are borrowed and outlive it. */
struct defrag *defrag_create(const struct hash_key *key, struct limit_counts *limits);
void defrag_destroy(struct defrag *d);

/* Offers what decap() called DECAP_FRAGMENT. True where it completes its packet: `whole` is its
 * payload, borrowed until the next push, for decap_whole(), and piece->fragments_overlap and
 * piece->protocol are set for it. */
bool defrag_push(struct defrag *d, struct segment *piece, struct packet *whole);

/* Goes on with what decap() made of a packet, fragments put together; DECAP_FRAGMENT where others
 * are still missing. */
enum decap_result defrag_join(struct defrag *d, enum decap_result result, struct segment *out,
	struct decap_counts *counts);

#endif
