#include "flow/table.h"

#include "base/xmalloc.h"
#include "flow/fold.h"
#include "flow/inside.h"
#include "flow/rest.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	/* A connection that needs more than this, told by a typical one, may have less in common with it than with a blank one. */
	TYPICAL_BYTES_MAX = 160,
	CACHE_LINE = 64,
	CONNECTION_AHEAD = 256,		/* what every packet of a connection asks stands at its beginning */
	WOKEN_SHARE = 4,	/* one in so many of those that slept was needed again: too few places */
};

struct flow_key {
	struct address end[2];
	uint16_t port[2];
	uint32_t network;
	uint32_t protocol;
};

enum { KEY_WORDS = offsetof(struct flow_key, protocol) / 8 };

_Static_assert(offsetof(struct flow_key, protocol) == KEY_WORDS * 8, "a key is compared by words");
_Static_assert(offsetof(struct flow, port) == offsetof(struct flow_key, port) &&
		offsetof(struct flow, network) == offsetof(struct flow_key, network) &&
		offsetof(struct flow, protocol) == offsetof(struct flow_key, protocol),
	"a flow begins with its key");

_Static_assert((int)SLAB_SLACK >= (int)REST_SLACK, "packed flows are read where they lie");

/* What most flows that wait have in common: TCP over IPv4, opened before our eyes, and followed. */
static const struct flow blank_flow = {
	.end = { { { [10] = 0xff, [11] = 0xff } }, { { [10] = 0xff, [11] = 0xff } } },
	.protocol = PROTOCOL_TCP,
	.state = FLOW_FOLLOWED,
	.opening = OPENING_SYN | OPENING_SYNACK | OPENING_ACK | OPENING_ISN | OPENING_ISN << 1,
	.checksum_right = 3,
	.without_md5 = 3,
	.seen = { true, true },
	.stream = { { .started = true }, { .started = true } },
};

/* --- keys --- */

static uint64_t big_endian(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return __builtin_bswap64(value);
}

/* The sender's address, or for equal ones its port, is the higher one. */
static bool source_is_higher(const struct segment *s)
{
	for (unsigned half = 0; half < 16; half += 8) {
		uint64_t source = big_endian(s->src.at + half),
			 other = big_endian(s->dst.at + half);

		if (source != other)
			return source > other;
	}
	return s->src_port > s->dst_port;
}

/* Both directions give the same key. Returns the end that sent the segment. */
static unsigned make_key(const struct segment *s, struct flow_key *key)
{
	unsigned end = source_is_higher(s);

	key->end[end] = s->src;
	key->end[1 - end] = s->dst;
	key->port[end] = s->src_port;
	key->port[1 - end] = s->dst_port;
	key->network = s->network;
	key->protocol = s->protocol;
	return end;
}

/* The first members of a flow are those of a key; without a call, since every packet asks. */
static inline bool has_key(const struct flow *f, const struct flow_key *key)
{
	uint64_t mine[KEY_WORDS], theirs[KEY_WORDS], differ = 0;

	memcpy(mine, f, sizeof mine);
	memcpy(theirs, key, sizeof theirs);
	for (unsigned i = 0; i < KEY_WORDS; i++)
		differ |= mine[i] ^ theirs[i];
	return !differ && f->protocol == key->protocol;
}

static uint64_t hash_key_of(const struct flow_table *t, const struct flow_key *key)
{
	return hash_bytes(t->options.key, key, sizeof *key);
}

static uint32_t table_hash(uint64_t hash)
{
	return (uint32_t)(hash >> 32);
}

static uint64_t syn_tag(uint64_t hash, unsigned end)
{
	return end ? hash ^ UINT64_C(0x9e3779b97f4a7c15) : hash;
}

/* --- time --- */

uint32_t inside_due_of(int64_t ms)
{
	return (uint32_t)((uint64_t)ms / 1000 % DUE_SECONDS);
}

/* --- falling asleep and waking --- */

static void *connection_place(const struct flow_table *t, uint32_t index)
{
	return t->connections + index * t->options.connection_size;
}

static uint32_t index_of(const struct flow_table *t, const struct flow *f)
{
	return (uint32_t)((const struct awake *)f - t->pool);
}

static const void *typical_of(const struct flow_table *t, uint8_t packing)
{
	return packing == PACKED_BLANK ? t->options.blank_connection : t->typical[packing - PACKED_TYPICAL];
}

/* Connections of a time are much alike: the same client, names of one length, the same marks. */
static size_t pack_connection(struct flow_table *t, const void *connection, uint8_t *packing, uint8_t *out)
{
	uint8_t kind = *(const uint8_t *)connection % KINDS;
	size_t size = t->options.connection_size;

	if (!t->typical[kind]) {
		t->typical[kind] = xmalloc(size);
		memcpy(t->typical[kind], connection, size);
	}
	*packing = (uint8_t)(PACKED_TYPICAL + kind);
	size_t len = rest_pack(connection, t->typical[kind], size, out);
	if (len <= TYPICAL_BYTES_MAX)
		return len;
	size_t other = rest_pack(connection, t->options.blank_connection, size, t->repacked);
	if (other >= len)
		return len;
	*packing = PACKED_BLANK;
	memcpy(out, t->repacked, other);
	return other;
}

/* Asleep, a flow is two bytes of due time (never both 0, as the slab wants), one that says
 * how its connection is packed, the flow's difference, the connection's. */
static size_t pack(struct flow_table *t, const struct flow *f)
{
	struct flow rest;
	uint16_t due = (uint16_t)(inside_due_of(f->last_ms + inside_idle_ms_max(f) + 999) + 1);
	size_t len = DUE_BYTES + 1;

	memcpy(t->packed, &due, sizeof due);
	t->packed[DUE_BYTES] = PACKED_NONE;
	flow_fold(f, t->clock.base_ns, &rest);
	len += rest_pack(&rest, &blank_flow, sizeof rest, t->packed + len);
	if (f->connection)
		len += pack_connection(t, f->connection, &t->packed[DUE_BYTES], t->packed + len);
	return len;
}

size_t inside_unpack_flow(const struct flow_table *t, uint32_t block, struct flow *f)
{
	size_t len = DUE_BYTES + 1;

	len += rest_unpack(slab_at(&t->slab, block) + len, &blank_flow, sizeof *f, f);
	flow_unfold(f, t->clock.base_ns);
	return len;
}

/* Behind the flow's len bytes. */
static void unpack_connection(
	const struct flow_table *t, uint32_t block, size_t len, uint32_t index)
{
	struct flow *f = &t->pool[index].flow;
	const uint8_t *from = slab_at(&t->slab, block);

	if (from[DUE_BYTES] == PACKED_NONE)
		return;
	f->connection = connection_place(t, index);
	rest_unpack(from + len, typical_of(t, from[DUE_BYTES]), t->options.connection_size, f->connection);
}

static void sleep_flow(struct flow_table *t, uint32_t index)
{
	struct awake *a = &t->pool[index];
	size_t len = pack(t, &a->flow);
	uint32_t block = slab_take(&t->slab, len);

	memcpy(slab_at(&t->slab, block), t->packed, len);
	t->slots.at[slots_find(&t->slots, a->hash, AWAKE_BIT | index)].place = block;
	a->full = false;
	t->slept++;
}

/* --- forgetting --- */

void inside_retire(struct flow_table *t, uint32_t index, enum flow_end how)
{
	struct flow *f = &t->pool[index].flow;

	if (how == FLOW_END_EVICTED)
		t->counts.evicted++;
	t->options.retire(t->options.context, f, how);
	stream_finish(&f->stream[0], &t->streams);
	stream_finish(&f->stream[1], &t->streams);
	t->pool[index].full = false;
	t->counts.now--;
}

void inside_retire_awake(struct flow_table *t, uint32_t index, enum flow_end how)
{
	slots_remove(&t->slots, slots_find(&t->slots, t->pool[index].hash, AWAKE_BIT | index));
	inside_retire(t, index, how);
	t->unused[t->unused_count++] = index;
}

uint32_t inside_wake_to_retire(struct flow_table *t, uint32_t block)
{
	uint32_t index = inside_spare_index(t);

	unpack_connection(t, block, inside_unpack_flow(t, block, &t->pool[index].flow), index);
	slab_give(&t->slab, block);
	return index;
}

static uint32_t hash_of_flow(const struct flow_table *t, const struct flow *f)
{
	struct flow_key key = { .end = { f->end[0], f->end[1] },
		.port = { f->port[0], f->port[1] },
		.network = f->network,
		.protocol = f->protocol };

	return table_hash(hash_key_of(t, &key));
}

void inside_retire_asleep(struct flow_table *t, uint32_t block, enum flow_end how)
{
	uint32_t index = inside_wake_to_retire(t, block);
	struct flow *f = &t->pool[index].flow;

	slots_remove(&t->slots, slots_find(&t->slots, hash_of_flow(t, f), block));
	/* Of one that is over nothing is lost. */
	inside_retire(t, index, how == FLOW_END_IDLE || track_over(f) ? inside_idle_end(f) : how);
}

static void add_places(struct flow_table *t, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		t->unused[t->unused_count++] = t->awake_now + count - 1 - i;
	t->awake_now += count;
}

/* Flows that fall asleep only to be woken are busy: they get more places, until most of those that sleep sleep on. */
static void consider_places(struct flow_table *t)
{
	uint32_t room = t->options.awake_max - t->awake_now;

	if (t->slept < t->awake_now)
		return;
	if (t->woken >= t->slept / WOKEN_SHARE)
		add_places(t, room < t->awake_now ? room : t->awake_now);
	t->slept = t->woken = 0;
}

/* Gives a free place of the pool; the flow that the hand finds unused since its last round falls
 * asleep, or goes where its time is over. */
static uint32_t take_place(struct flow_table *t)
{
	consider_places(t);
	while (!t->unused_count) {
		struct awake *a = &t->pool[t->hand];
		uint32_t index = t->hand;

		t->hand = t->hand + 1 == t->awake_now ? 0 : t->hand + 1;
		if (a->used) {
			a->used = false;
		} else if (inside_may_go(t, &a->flow)) {
			inside_retire_awake(t, index, inside_idle_end(&a->flow));
		} else {
			sleep_flow(t, index);
			return index;
		}
	}
	return t->unused[--t->unused_count];
}

/* --- finding and making --- */

static struct flow *wake(
	struct flow_table *t, uint32_t slot, uint32_t block, const struct flow_key *key)
{
	struct flow flow;
	size_t len = inside_unpack_flow(t, block, &flow);

	if (!has_key(&flow, key))
		return NULL;
	uint32_t hash = t->slots.at[slot].hash;
	uint32_t index = take_place(t);

	memcpy(&t->pool[index].flow, &flow, sizeof flow);
	unpack_connection(t, block, len, index);
	slab_give(&t->slab, block);
	/* Making room may have moved the slot. */
	t->slots.at[slots_find(&t->slots, hash, block)].place = AWAKE_BIT | index;
	t->pool[index].hash = hash;
	t->pool[index].full = true;
	t->woken++;
	return &t->pool[index].flow;
}

static struct flow *find(struct flow_table *t, const struct flow_key *key, uint32_t hash)
{
	for (uint32_t at = slots_home(&t->slots, hash); t->slots.at[at].place;
		at = slots_after(&t->slots, at)) {
		uint32_t place = t->slots.at[at].place;

		if (t->slots.at[at].hash != hash)
			continue;
		if (!(place & AWAKE_BIT)) {
			struct flow *f = wake(t, at, place, key);

			if (f)
				return f;
		} else if (has_key(&t->pool[place & ~AWAKE_BIT].flow, key)) {
			return &t->pool[place & ~AWAKE_BIT].flow;
		}
	}
	return NULL;
}

/* A packet makes at most one flow, so its number names it; whoever does not number packets gets numbers from 1. */
static uint64_t next_id(struct flow_table *t, uint64_t number)
{
	t->last_id = number > t->last_id ? number : t->last_id + 1;
	return t->last_id;
}

static struct flow *make(struct flow_table *t, const struct flow_key *key, uint32_t hash, uint64_t number)
{
	inside_make_room(t);
	uint32_t index = take_place(t);
	struct awake *a = &t->pool[index];

	memset(a, 0, sizeof *a);
	memcpy(a->flow.end, key->end, sizeof a->flow.end);
	memcpy(a->flow.port, key->port, sizeof a->flow.port);
	a->flow.network = key->network;
	a->flow.protocol = (uint8_t)key->protocol;
	a->flow.id = next_id(t, number);
	t->counts.flows++;
	a->hash = hash;
	a->full = true;
	t->counts.now++;
	slots_add(&t->slots, hash, AWAKE_BIT | index);
	return &a->flow;
}

static struct flow *note(
	struct flow_table *t, struct flow *f, const struct segment *s, unsigned end)
{
	t->pool[index_of(t, f)].used = true;
	f->seen[end] = true;
	f->packets++;
	f->last_ms = t->clock.now_ms;
	if (f->protocol != PROTOCOL_TCP)
		return f;
	track_note(f, s, end);
	if (f->unwatched)
		stream_pass(&f->stream[end], flow_data_seq(s), s->payload_len);
	return f;
}

/* --- SYNs that nobody takes up --- */

void inside_tell_in_vain(struct flow_table *t, const struct syn *syn, const struct syn_ends *ends, bool refused)
{
	if (t->options.in_vain)
		t->options.in_vain(t->options.context, ends, syn, refused);
}

static void remember(struct flow_table *t, const struct segment *s, const struct syn *syn)
{
	struct syn_ends ends = {
		.client = s->src, .server = s->dst, .server_port = s->dst_port
	}, lost_ends;
	struct syn lost;

	if (!syn_remember(&t->syns, syn, &ends, &lost, &lost_ends))
		return;
	t->syns_lost++;
	inside_tell_in_vain(t, &lost, &lost_ends, false);
}

/* RFC 9293 section 3.10.7.1: the answer of a closed port. */
static void refuse(struct flow_table *t, const struct segment *s, struct syn *syn)
{
	if (!syn_waits(syn) || s->ack != syn->isn + 1)
		return;
	struct syn_ends ends = { .client = s->dst, .server = s->src, .server_port = s->src_port };

	syn->flags |= SYN_USED;
	inside_tell_in_vain(t, syn, &ends, true);
}

/* The SYN of a connection of which this is the first other segment. */
static struct syn *syn_behind(const struct flow_table *t, uint64_t hash, const struct segment *s,
	unsigned end, unsigned *initiator)
{
	struct syn *own = syn_find(&t->syns, syn_tag(hash, end)),
		   *other = syn_find(&t->syns, syn_tag(hash, 1 - end));

	uint32_t slack = s->payload_len ? STREAM_WINDOW_BYTES : 0;

	if (other && s->flags & TCP_ACK && s->ack - (other->isn + 1) <= slack) {
		*initiator = 1 - end;
		return other;
	}
	*initiator = end;
	return own && !(s->flags & TCP_SYN) && s->seq - (own->isn + 1) <= slack ? own : NULL;
}

/* A SYN/ACK, payload, or the ACK of a SYN that is known: all that makes a flow. */
static bool deserves_flow(const struct segment *s, const struct syn *syn)
{
	if (s->flags & TCP_RST || !(s->flags & (TCP_ACK | TCP_SYN)))
		return false;
	if (s->flags & TCP_SYN && s->flags & TCP_FIN)
		return false;
	return s->payload_len || (s->flags & TCP_SYN && s->flags & TCP_ACK) ||
		(syn && !(s->flags & TCP_FIN));
}

static struct flow *begin(struct flow_table *t, const struct flow_key *key, uint64_t hash,
	const struct segment *s, unsigned end)
{
	unsigned initiator = 2;
	struct syn *syn = syn_behind(t, hash, s, end, &initiator);

	if (syn && initiator != end && s->flags & TCP_RST)
		refuse(t, s, syn);
	if (!deserves_flow(s, syn))
		return NULL;
	if (syn)
		syn->flags |= SYN_USED;
	struct flow *f = make(t, key, table_hash(hash), s->number);

	track_begin(f, s, syn ? initiator : 2, syn);
	(void)track_trusts(f, s, end);
	return note(t, f, s, end);
}

/* A SYN of no known flow: remembered, unless it brings data (RFC 7413). */
static struct flow *begin_with_syn(struct flow_table *t, const struct flow_key *key, uint64_t hash,
	const struct segment *s, unsigned end)
{
	struct syn syn = track_syn(s, syn_tag(hash, end));

	if (s->flags & (TCP_FIN | TCP_RST))
		return NULL;
	if (!s->payload_len) {
		remember(t, s, &syn);
		return NULL;
	}
	struct flow *f = make(t, key, table_hash(hash), s->number);

	track_begin(f, s, end, &syn);
	f->packets = 0;
	return note(t, f, s, end);
}

static struct flow *begin_tcp(struct flow_table *t, const struct flow_key *key, uint64_t hash,
	const struct segment *s, unsigned end)
{
	bool is_syn = s->flags & TCP_SYN && !(s->flags & TCP_ACK);

	return (is_syn ? begin_with_syn : begin)(t, key, hash, s, end);
}

static struct track_pending pending_of(
	const struct flow_table *t, const struct flow *f, uint64_t hash)
{
	struct track_pending pending = { { NULL, NULL } };

	for (unsigned end = 0; f->syn_pending && end < 2; end++) {
		const struct syn *syn = syn_find(&t->syns, syn_tag(hash, end));

		if (syn && !(flow_has_isn(f, end) && f->isn[end] == syn->isn))
			pending.from[end] = syn;
	}
	return pending;
}

static struct flow *follow(struct flow_table *t, struct flow *f, uint64_t hash,
	const struct segment *s, unsigned end, const struct flow_key *key)
{
	struct track_pending pending = pending_of(t, f, hash);
	struct syn syn;

	enum track_trust trust = track_trusts(f, s, end);

	f->doubted = trust == TRACK_DOUBTED;
	if (f->doubted)
		return f;
	if (trust == TRACK_FORGED)
		return NULL;
	switch (track_judge(f, s, end, &pending)) {
	case TRACK_TAKE:
		return note(t, f, s, end);
	case TRACK_REMEMBER:
		f->syn_pending = true;
		syn = track_syn(s, syn_tag(hash, end));
		syn.flags |= SYN_DOUBTED;
		remember(t, s, &syn);
		return NULL;
	case TRACK_RESTART:
		inside_retire_awake(t, index_of(t, f), FLOW_END_REPLACED);
		return begin_tcp(t, key, hash, s, end);
	case TRACK_IGNORE:
		break;
	}
	return NULL;
}

static struct flow *get(struct flow_table *t, const struct segment *s, const struct flow_key *key,
	uint64_t hash, unsigned end)
{
	struct flow *f = find(t, key, table_hash(hash));

	t->streams.offer.owner = NULL;
	if (f && inside_is_idle(t, f)) {
		inside_retire_awake(t, index_of(t, f), inside_idle_end(f));
		f = NULL;
	}
	if (s->protocol == PROTOCOL_TCP)
		return f ? follow(t, f, hash, s, end, key) : begin_tcp(t, key, hash, s, end);
	if (!f) {
		f = make(t, key, table_hash(hash), s->number);
		track_begin(f, s, end, NULL);
	}
	return note(t, f, s, end);
}

struct flow *flow_table_get(struct flow_table *t, const struct segment *s, unsigned *end)
{
	struct flow_key key;

	*end = make_key(s, &key);
	return get(t, s, &key, hash_key_of(t, &key), *end);
}

struct flow *flow_table_find(struct flow_table *t, const struct segment *s, unsigned *end)
{
	struct flow_key key;

	*end = make_key(s, &key);
	struct flow *f = find(t, &key, table_hash(hash_key_of(t, &key)));
	if (f && inside_is_idle(t, f)) {
		inside_retire_awake(t, index_of(t, f), inside_idle_end(f));
		f = NULL;
	}
	return f && f->connection ? note(t, f, s, *end) : NULL;
}

struct flow *flow_table_get_hashed(
	struct flow_table *t, const struct segment *s, uint64_t hash, unsigned *end)
{
	struct flow_key key;

	*end = make_key(s, &key);
	return get(t, s, &key, hash, *end);
}

uint64_t flow_table_prefetch(const struct flow_table *t, const struct segment *s)
{
	struct flow_key key;
	unsigned end = make_key(s, &key);
	uint64_t hash = hash_key_of(t, &key);

	__builtin_prefetch(&t->slots.at[slots_home(&t->slots, table_hash(hash))]);
	if (s->protocol == PROTOCOL_TCP && s->flags & TCP_SYN && !(s->flags & TCP_ACK))
		syn_prefetch(&t->syns, syn_tag(hash, end));
	return hash;
}

void flow_table_prefetch_flow(const struct flow_table *t, uint64_t hash)
{
	const struct slot *slot = &t->slots.at[slots_home(&t->slots, table_hash(hash))];

	if (slot->hash != table_hash(hash) || !(slot->place & AWAKE_BIT))
		return;
	uint32_t index = slot->place & ~AWAKE_BIT;
	const char *connection = connection_place(t, index);
	for (size_t at = 0; at < sizeof(struct awake); at += CACHE_LINE)
		__builtin_prefetch((const char *)&t->pool[index] + at);
	for (size_t at = 0; at < CONNECTION_AHEAD; at += CACHE_LINE)
		__builtin_prefetch(connection + at);
}

/* --- connections --- */

void *flow_connect(struct flow_table *t, struct flow *f)
{
	f->connection = connection_place(t, index_of(t, f));
	memcpy(f->connection, t->options.blank_connection, t->options.connection_size);
	return f->connection;
}

void flow_disconnect(struct flow_table *t, struct flow *f)
{
	(void)t;
	f->connection = NULL;
}

void flow_table_remove(struct flow_table *t, struct flow *f)
{
	inside_retire_awake(t, index_of(t, f), FLOW_END_CLOSED);
}

struct flow_table *flow_table_create(const struct flow_table_options *options)
{
	struct flow_table *t = xcalloc(1, sizeof *t);

	assert(options->connection_size % 8 == 0);
	assert(options->connection_size <= FLOW_CONNECTION_MAX);
	t->options = *options;
	if (!t->options.flows_max)
		t->options.flows_max = FLOWS_MAX;
	if (!t->options.awake_max)
		t->options.awake_max = AWAKE_MAX;
	uint32_t places = t->options.awake_max + 1;

	t->streams = (struct stream_pool){ .limits = options->limits, .key = options->key };
	t->pool = xcalloc(places, sizeof *t->pool);
	t->connections = xmalloc(places * options->connection_size);
	t->unused = xmalloc(places * sizeof *t->unused);
	t->packed = xmalloc(DUE_BYTES + 1 + rest_bound(sizeof(struct flow)) +
		rest_bound(options->connection_size));
	t->repacked = xmalloc(rest_bound(options->connection_size));
	add_places(t, t->options.awake_max < AWAKE_MIN ? t->options.awake_max : AWAKE_MIN);
	slots_grow(&t->slots);
	return t;
}

void flow_table_destroy(struct flow_table *t)
{
	if (!t)
		return;
	flow_table_drain(t);
	stream_pool_finish(&t->streams);
	slab_finish(&t->slab);
	for (unsigned i = 0; i < KINDS; i++)
		free(t->typical[i]);
	free(t->packed);
	free(t->repacked);
	free(t->unused);
	free(t->connections);
	free(t->pool);
	slots_finish(&t->slots);
	free(t);
}

void flow_table_counts(const struct flow_table *t, struct flow_table_counts *out)
{
	*out = t->counts;
}

struct stream_pool *flow_table_pool(struct flow_table *t)
{
	return &t->streams;
}

int64_t flow_table_now_ms(const struct flow_table *t)
{
	return t->clock.now_ms;
}
