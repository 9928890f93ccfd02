#include "flow/slab.h"

#include "base/xmalloc.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	GRANULE = 8,
	PAGE_BITS = 11,		/* of a block's name: its place in the page */
	PAGE_BYTES = GRANULE << PAGE_BITS,
	HEADER_GRANULES = 3,
	PAGES_MAX = 1 << (31 - PAGE_BITS),
};

struct slab_page {
	uint16_t size;		/* of a block, in granules */
	uint16_t live;
	uint16_t free;		/* first free block that was in use before; 0: none */
	uint16_t fresh;		/* from here on never used */
	uint32_t before, after;	/* in the list it stands in */
	uint16_t class;
};

_Static_assert(
	sizeof(struct slab_page) <= HEADER_GRANULES * GRANULE, "the header has its own granules");
_Static_assert(
	SLAB_BLOCK_MAX <= PAGE_BYTES - HEADER_GRANULES * GRANULE, "a page holds the largest block");

/* A free block: zeroes, so that it is known as free, then the next one's place. */
struct free_block {
	uint16_t zero, after;
};

static struct slab_page *page_of(const struct slab *b, uint32_t name)
{
	return b->pages[name - 1];
}

static uint8_t *place_at(struct slab_page *p, uint32_t place)
{
	return (uint8_t *)p + (size_t)place * GRANULE;
}

void slab_finish(struct slab *b)
{
	if (!b)
		return;
	for (uint32_t i = 0; i < b->count; i++)
		free(b->pages[i]);
	free(b->pages);
	*b = (struct slab){ 0 };
}

static uint16_t class_of(size_t len)
{
	if (len <= SLAB_FINE_MAX)
		return (uint16_t)((len + GRANULE - 1) / GRANULE);
	return (uint16_t)(SLAB_FINE_MAX / GRANULE + (len - SLAB_FINE_MAX + 127) / 128);
}

static uint16_t class_granules(uint16_t class)
{
	if (class <= SLAB_FINE_MAX / GRANULE)
		return class ? class : 1;
	return (uint16_t)(SLAB_FINE_MAX / GRANULE +
		(class - SLAB_FINE_MAX / GRANULE) * 128 / GRANULE);
}

static void list_add(const struct slab *b, uint32_t *list, uint32_t name)
{
	struct slab_page *p = page_of(b, name);

	p->before = 0;
	p->after = *list;
	if (*list)
		page_of(b, *list)->before = name;
	*list = name;
}

static void list_remove(const struct slab *b, uint32_t *list, uint32_t name)
{
	struct slab_page *p = page_of(b, name);

	if (p->before)
		page_of(b, p->before)->after = p->after;
	else
		*list = p->after;
	if (p->after)
		page_of(b, p->after)->before = p->before;
}

static uint32_t new_page(struct slab *b)
{
	assert(b->count < PAGES_MAX);
	if (b->count == b->room) {
		b->room = b->room ? b->room * 2 : 64;
		b->pages = xrealloc(b->pages, b->room * sizeof *b->pages);
	}
	b->pages[b->count++] = xcalloc(1, PAGE_BYTES + SLAB_SLACK);
	return b->count;
}

static uint32_t page_for(struct slab *b, uint16_t class)
{
	uint32_t name = b->empty;

	if (name) {
		list_remove(b, &b->empty, name);
		b->empty_count--;
	} else {
		name = new_page(b);
	}
	*page_of(b, name) = (struct slab_page){ .size = class_granules(class),
		.fresh = HEADER_GRANULES,
		.class = class };
	list_add(b, &b->partial[class], name);
	return name;
}

static bool page_is_full(const struct slab_page *p)
{
	return !p->free && p->fresh + p->size > PAGE_BYTES / GRANULE;
}

uint32_t slab_take(struct slab *b, size_t len)
{
	assert(len <= SLAB_BLOCK_MAX);
	uint16_t class = class_of(len);
	uint32_t name = b->partial[class] ? b->partial[class] : page_for(b, class);
	struct slab_page *p = page_of(b, name);
	uint16_t place = p->free;

	if (place) {
		struct free_block head;

		memcpy(&head, place_at(p, place), sizeof head);
		p->free = head.after;
	} else {
		place = p->fresh;
		p->fresh = (uint16_t)(p->fresh + p->size);
	}
	p->live++;
	b->live_bytes += (uint64_t)p->size * GRANULE;
	if (page_is_full(p))
		list_remove(b, &b->partial[class], name);
	return (name - 1) << PAGE_BITS | place;
}

void slab_give(struct slab *b, uint32_t block)
{
	uint32_t name = (block >> PAGE_BITS) + 1;
	struct slab_page *p = page_of(b, name);
	uint16_t place = (uint16_t)(block & ((1U << PAGE_BITS) - 1));
	struct free_block head = { 0, p->free };
	bool was_full = page_is_full(p);

	assert(p->live);
	memcpy(place_at(p, place), &head, sizeof head);
	p->free = place;
	p->live--;
	b->live_bytes -= (uint64_t)p->size * GRANULE;
	if (was_full)
		list_add(b, &b->partial[p->class], name);
	if (p->live)
		return;
	list_remove(b, &b->partial[p->class], name);
	p->fresh = HEADER_GRANULES;
	p->free = 0;
	list_add(b, &b->empty, name);
	b->empty_count++;
}

uint64_t slab_bytes(const struct slab *b)
{
	return ((uint64_t)(b->count - b->empty_count) * PAGE_BYTES + b->live_bytes) / 2;
}

uint8_t *slab_at(const struct slab *b, uint32_t block)
{
	return place_at(page_of(b, (block >> PAGE_BITS) + 1), block & ((1U << PAGE_BITS) - 1));
}

static bool is_in_use(struct slab_page *p, uint32_t place)
{
	struct free_block head;

	memcpy(&head, place_at(p, place), sizeof head);
	return head.zero != 0;
}

/* Where to go on in a page: behind the block that was looked at last, or at the first one where
 * the page has come to hold another size since. */
static uint32_t place_behind(const struct slab_page *p, uint32_t place)
{
	if (!place || place < HEADER_GRANULES || (place - HEADER_GRANULES) % p->size)
		return HEADER_GRANULES;
	return place + p->size;
}

uint32_t slab_walk(const struct slab *b, uint32_t *from, uint32_t *budget)
{
	uint32_t index = *from >> PAGE_BITS, place = *from & ((1U << PAGE_BITS) - 1);

	for (; index < b->count; index++, place = 0) {
		struct slab_page *p = b->pages[index];

		for (place = place_behind(p, place); place < p->fresh; place += p->size) {
			*from = index << PAGE_BITS | place;
			if (is_in_use(p, place))
				return *from;
			if (!*budget || !--*budget)
				return 0;
		}
		*from = (index + 1) << PAGE_BITS;
		if (!*budget || !--*budget)
			return 0;
	}
	*from = 0;
	return 0;
}
