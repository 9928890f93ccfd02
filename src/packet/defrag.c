#include "packet/defrag.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "base/xmalloc.h"

/* RFC 791 section 3.2: fragments are measured in units of 8 bytes. */
enum { UNIT = 8, BUCKETS = 1024, LEAST_ROOM = 1024, PACKET_MAX = 65535, NOT_KNOWN = UINT32_MAX };

#define SECOND_NS INT64_C(1000000000)
#define DAY_NS (86400 * SECOND_NS)

/* Without padding, since its bytes are hashed and compared. The path that it came on is no part
 * of it: each fragment may take another. */
struct datagram_key {
	struct address src, dst;
	uint32_t id, network, protocol, is_ipv6;
};

/* A packet that waits, or one that was handed on and is kept to know repetitions of its pieces. */
struct datagram {
	struct datagram *next;		/* in its bucket */
	struct datagram *older, *newer;
	struct datagram_key key;
	int64_t since_ns;		/* when it began, or when it was complete */
	uint8_t *bytes;			/* `room` of them, then a bit for each unit that arrived */
	uint32_t room;
	uint32_t units;			/* that arrived */
	uint32_t end;			/* of the furthest one */
	uint32_t total;			/* NOT_KNOWN until the last piece is there */
	uint32_t cut_at;		/* where the snap length left a first hole, or NOT_KNOWN */
	uint8_t protocol;		/* of the first piece (RFC 8200 section 4.5) */
	bool overlaps, done;
};

struct defrag {
	const struct hash_key *key;
	struct limit_counts *limits;
	struct datagram *bucket[BUCKETS];
	struct datagram *oldest, *newest;
	uint32_t count;
	size_t bytes;
	uint8_t *spent;			/* of the one replaced last: the fragment may lie in them */
	int64_t clock_ns;		/* packet time that never runs back */
	bool has_clock;
};

/* Where a fragment's bytes belong. */
struct piece {
	uint32_t start, end;		/* on the wire */
	struct bytes captured;
	bool is_last;
};

struct defrag *defrag_create(const struct hash_key *key, struct limit_counts *limits)
{
	struct defrag *d = xcalloc(1, sizeof *d);

	assert(key);
	assert(limits);
	d->key = key;
	d->limits = limits;
	return d;
}

static size_t bitmap_size(uint32_t room)
{
	return room / UNIT / 8;
}

static size_t cost(const struct datagram *g)
{
	return sizeof *g + g->room + bitmap_size(g->room);
}

static struct datagram **bucket_of(struct defrag *d, const struct datagram_key *key)
{
	return &d->bucket[hash_bytes(d->key, key, sizeof *key) % BUCKETS];
}

static void unlink_age(struct defrag *d, struct datagram *g)
{
	*(g->older ? &g->older->newer : &d->oldest) = g->newer;
	*(g->newer ? &g->newer->older : &d->newest) = g->older;
}

static void link_newest(struct defrag *d, struct datagram *g)
{
	g->since_ns = d->clock_ns;
	g->older = d->newest;
	g->newer = NULL;
	*(d->newest ? &d->newest->newer : &d->oldest) = g;
	d->newest = g;
}

static void forget(struct defrag *d, struct datagram *g)
{
	struct datagram **at = bucket_of(d, &g->key);

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	unlink_age(d, g);
	d->count--;
	d->bytes -= cost(g);
	free(g->bytes);
	free(g);
}

void defrag_destroy(struct defrag *d)
{
	if (!d)
		return;
	while (d->oldest)
		forget(d, d->oldest);
	free(d->spent);
	free(d);
}

static struct datagram *find(struct defrag *d, const struct datagram_key *key)
{
	struct datagram *g = *bucket_of(d, key);

	while (g && memcmp(&g->key, key, sizeof *key) != 0)
		g = g->next;
	return g;
}

static struct datagram *begin(struct defrag *d, const struct datagram_key *key)
{
	struct datagram *g = xcalloc(1, sizeof *g), **at = bucket_of(d, key);

	g->key = *key;
	g->total = g->cut_at = NOT_KNOWN;
	g->next = *at;
	*at = g;
	link_newest(d, g);
	d->count++;
	d->bytes += cost(g);
	return g;
}

/* The old one's bytes live on until the next replacement. */
static struct datagram *replace(struct defrag *d, struct datagram *g)
{
	struct datagram_key key = g->key;

	free(d->spent);
	d->spent = g->bytes;
	g->bytes = NULL;
	forget(d, g);
	return begin(d, &key);
}

static void grow(struct defrag *d, struct datagram *g, uint32_t end)
{
	uint32_t room = g->room ? g->room : LEAST_ROOM;

	while (room < end)
		room *= 2;
	if (room == g->room)
		return;
	uint8_t *bytes = xcalloc(1, room + bitmap_size(room));
	if (g->bytes) {
		memcpy(bytes, g->bytes, g->room);
		memcpy(bytes + room, g->bytes + g->room, bitmap_size(g->room));
		free(g->bytes);
	}
	d->bytes -= cost(g);
	g->bytes = bytes;
	g->room = room;
	d->bytes += cost(g);
}

static bool has_unit(const struct datagram *g, uint32_t unit)
{
	return unit < g->room / UNIT && g->bytes[g->room + unit / 8] >> unit % 8 & 1;
}

/* The fragment's bytes for its next unit, fewer at its end. */
static struct bytes take_unit(struct reader *r)
{
	return rd_take(r, rd_left(r) < UNIT ? rd_left(r) : UNIT);
}

enum overlap { OVERLAP_NONE, OVERLAP_REPEATED, OVERLAP_PARTLY, OVERLAP_DIFFERENT };

/* How a fragment stands to the bytes that are there. */
static enum overlap compare(const struct datagram *g, const struct piece *p)
{
	struct reader r = reader_of(p->captured);
	bool some_known = false, some_new = false;

	for (uint32_t at = p->start; at < p->end; at += UNIT) {
		struct bytes unit = take_unit(&r);
		if (!has_unit(g, at / UNIT)) {
			some_new = true;
			continue;
		}
		some_known = true;
		if (at + unit.len > g->cut_at || !unit.len)
			continue;
		if (memcmp(g->bytes + at, unit.at, unit.len) != 0)
			return OVERLAP_DIFFERENT;
	}
	if (!some_known)
		return OVERLAP_NONE;
	return some_new ? OVERLAP_PARTLY : OVERLAP_REPEATED;
}

/* Only places that nothing arrived for yet. */
static void copy_new(struct datagram *g, const struct piece *p)
{
	struct reader r = reader_of(p->captured);

	for (uint32_t at = p->start; at < p->end; at += UNIT) {
		struct bytes unit = take_unit(&r);
		if (has_unit(g, at / UNIT))
			continue;
		if (unit.len)
			memcpy(g->bytes + at, unit.at, unit.len);
		g->bytes[g->room + at / UNIT / 8] |= (uint8_t)(1u << at / UNIT % 8);
		g->units++;
	}
	if (p->captured.len < p->end - p->start && p->start + p->captured.len < g->cut_at)
		g->cut_at = (uint32_t)(p->start + p->captured.len);
}

/* A packet has one end: what contradicts it is left out and marked. */
static bool fits_end(const struct datagram *g, const struct piece *p)
{
	if (p->is_last)
		return g->total == NOT_KNOWN ? g->end <= p->end : g->total == p->end;
	return p->end <= g->total;
}

static void add(struct defrag *d, struct datagram *g, const struct piece *p, uint8_t protocol)
{
	if (!fits_end(g, p)) {
		g->overlaps = true;
		return;
	}
	if (compare(g, p) >= OVERLAP_PARTLY)
		g->overlaps = true;
	grow(d, g, p->end);
	copy_new(g, p);
	if (p->end > g->end)
		g->end = p->end;
	if (p->is_last)
		g->total = p->end;
	if (!p->start)
		g->protocol = protocol;
}

static bool is_complete(const struct datagram *g)
{
	return g->total != NOT_KNOWN && g->units == (g->total + UNIT - 1) / UNIT;
}

static void evict(struct defrag *d, struct datagram *g, enum limit why)
{
	if (!g->done)
		d->limits->bitten[why]++;
	forget(d, g);
}

/* Times come from strangers' clocks: one that runs back, or leaps by more than a day, moves
 * nothing. */
static void tick(struct defrag *d, int64_t time_ns)
{
	int64_t leap;
	bool overflows = __builtin_sub_overflow(time_ns, d->clock_ns, &leap);

	if (!d->has_clock || (!overflows && leap > 0 && leap <= DAY_NS))
		d->clock_ns = time_ns;
	d->has_clock = true;
	while (d->oldest && d->clock_ns - d->oldest->since_ns > FRAGMENT_SECONDS_MAX * SECOND_NS)
		evict(d, d->oldest, LIMIT_FRAGMENT_SECONDS);
}

/* `keep` is the newest when it matters, so that all others go before it does. */
static void hold_to_limits(struct defrag *d, const struct datagram *keep)
{
	while (d->count > FRAGMENTS_MAX && d->oldest != keep)
		evict(d, d->oldest, LIMIT_FRAGMENTS);
	while (d->bytes > FRAGMENT_BYTES_MAX && d->oldest != keep)
		evict(d, d->oldest, LIMIT_FRAGMENT_BYTES);
}

static struct datagram_key key_of(const struct segment *s)
{
	return (struct datagram_key){
		.src = s->src, .dst = s->dst, .id = s->fragment.id, .network = s->network,
		/* RFC 8200 section 4.5 leaves the protocol out. */
		.protocol = s->fragment.is_ipv6 ? 0 : s->protocol, .is_ipv6 = s->fragment.is_ipv6,
	};
}

/* All but the last consist of whole units; what is over is dropped, as Linux does. */
static bool piece_of(const struct segment *s, struct piece *p)
{
	uint32_t len = s->fragment.more ? s->payload_len / UNIT * UNIT : s->payload_len;

	if (!len || len > PACKET_MAX || s->fragment.offset + len > PACKET_MAX)
		return false;
	struct reader r = reader_of(s->payload);
	*p = (struct piece){
		.start = s->fragment.offset,
		.end = s->fragment.offset + len,
		.is_last = !s->fragment.more,
		.captured = rd_take(&r, rd_left(&r) < len ? rd_left(&r) : len),
	};
	return true;
}

/* Numbers are used again. After a complete packet whatever is no repetition of it begins the
 * next; an incomplete one gives way to another first piece, but then nobody can say whose the
 * pieces in between were. */
static struct datagram *datagram_for(struct defrag *d, const struct datagram_key *key,
	const struct piece *p)
{
	struct datagram *g = find(d, key);

	if (!g)
		return begin(d, key);
	enum overlap overlap = compare(g, p);
	if (g->done) {
		if (overlap == OVERLAP_REPEATED && fits_end(g, p))
			return NULL;
		return replace(d, g);
	}
	if (!p->start && overlap == OVERLAP_DIFFERENT) {
		g = replace(d, g);
		g->overlaps = true;
	}
	return g;
}

bool defrag_push(struct defrag *d, struct segment *s, struct packet *whole)
{
	struct datagram_key key = key_of(s);
	struct piece p;

	if (!piece_of(s, &p))
		return false;
	tick(d, s->time_ns);
	struct datagram *g = datagram_for(d, &key, &p);
	if (!g)
		return false;
	add(d, g, &p, s->protocol);
	bool is_whole = is_complete(g);
	if (is_whole) {
		g->done = true;
		unlink_age(d, g);
		link_newest(d, g);
		s->fragments_overlap |= g->overlaps;
		s->protocol = g->protocol;
		*whole = (struct packet){
			.time_ns = s->time_ns, .number = s->number, .wire_len = g->total,
			.data = { g->bytes, g->total < g->cut_at ? g->total : g->cut_at },
		};
	}
	/* Only now: the fragment's own bytes may lie in a packet that has to go. */
	hold_to_limits(d, g);
	s->payload = (struct bytes){ NULL, 0 };
	return is_whole;
}

enum decap_result defrag_join(struct defrag *d, enum decap_result result, struct segment *out,
	struct decap_counts *counts)
{
	struct packet whole;

	/* A tunnel in fragments may carry fragments. */
	for (unsigned depth = 0; result == DECAP_FRAGMENT && defrag_push(d, out, &whole); depth++) {
		if (depth == ENCAPSULATION_DEPTH_MAX) {
			counts->limits->bitten[LIMIT_ENCAPSULATION_DEPTH]++;
			return DECAP_OTHER;
		}
		result = decap_whole(&whole, out, counts);
	}
	return result;
}
