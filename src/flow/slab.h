/* slab.h: small blocks of many sizes without a header each, named by 31 bits instead of a pointer,
 * walked in the order of their places.
 *
 * Blocks of one size share pages; a page whose blocks are all free serves any size again. The first
 * two bytes of a block in use must not both be zero: that marks a free one.
 */
#ifndef FLOW_SLAB_H
#define FLOW_SLAB_H

#include <stddef.h>
#include <stdint.h>

enum {
	SLAB_BLOCK_MAX = 8192,
	SLAB_SLACK = 8,		/* bytes behind any block that may be read, whatever they are */
	SLAB_FINE_MAX = 512,	/* up to here a size every 8 bytes, beyond every 128 */
	SLAB_CLASSES = SLAB_FINE_MAX / 8 + (SLAB_BLOCK_MAX - SLAB_FINE_MAX) / 128 + 1,
};

struct slab_page;

/* Zeroes are an empty one. Pages are named from 1. */
struct slab {
	struct slab_page **pages;
	uint32_t count, room;
	uint32_t empty_count;
	uint64_t live_bytes;			/* of blocks in use */
	uint32_t empty;				/* list of pages without a class */
	uint32_t partial[SLAB_CLASSES];		/* lists of pages with room */
};

void slab_finish(struct slab *b);
/* len is at most SLAB_BLOCK_MAX; the result is never 0 and below 2^31. */
uint32_t slab_take(struct slab *b, size_t len);
void slab_give(struct slab *b, uint32_t block);
/* What it takes, of which free room among blocks in use counts half: it serves blocks of its size alone. */
uint64_t slab_bytes(const struct slab *b);
uint8_t *slab_at(const struct slab *b, uint32_t block);
/* The next block in use behind this one; 0 at the end, or once the number of places looked at
 * has used up *budget; then *from is where to go on. From 0: the first. */
uint32_t slab_walk(const struct slab *b, uint32_t *from, uint32_t *budget);

#endif
