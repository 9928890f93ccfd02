#include "flow/stream.h"

#include "base/xmalloc.h"
#include "overhear/handshake.h"

#include <stdlib.h>
#include <string.h>

enum {
	/* segments remembered beyond the early ones: a first flight of 20 KiB, whose
	 * retransmission follows soon */
	SEEN_RING = 16,
	/* segments with a wrong checksum that wait for the peer's word: a window's worth of
	 * merged ones */
	STREAM_DOUBTED = 32,
	/* what a waiting piece takes besides its bytes: its record and the allocator's */
	PIECE_COST = 64,
	PIECES_ROOM_FIRST = 4,	/* a power of two, as all rooms are */
	IGNORED_WINDOW_BYTES = 256 << 20,	/* where nobody looks, lost packets may be many */
};

struct piece {
	uint8_t *data;
	int64_t time_ns;
	uint64_t number;
	uint32_t seq;
	uint32_t len : 31;
	uint32_t cut : 1;	/* the snap length took what followed on the wire */
};

struct seen_ring {
	uint32_t added;
	struct stream_seen entry[SEEN_RING];
};

/* Pieces are sorted, apart from each other, and all at or behind `next`. They stand in a ring,
 * so that one put in moves the fewer of those before and behind it: what comes in order or in
 * reverse moves none. */
struct stream_work {
	struct piece *pieces;
	uint32_t head, count, room;
	uint32_t acked;		/* the peer has all before it, where has_acked */
	uint32_t given_up_to;	/* holes that end here or before are given up, where gives_up */
	uint16_t patience;	/* segments that came while the first hole was acknowledged */
	bool has_acked, gives_up, gives_up_all;
	bool at_cut;		/* the hole at `next` was made by the snap length */
	uint64_t waiting_bytes;
	struct seen_ring *seen;
	struct piece *doubted;	/* STREAM_DOUBTED of them, in the order they came; NULL mostly */
	uint32_t doubted_count;
};

static struct piece *piece_at(const struct stream_work *w, uint32_t i)
{
	return &w->pieces[(w->head + i) & (w->room - 1)];
}

static uint32_t piece_end(const struct piece *p)
{
	return p->seq + p->len;
}

static struct piece *first_piece(const struct stream *s)
{
	return s->work && s->work->count ? piece_at(s->work, 0) : NULL;
}

static struct stream_work *work_of(struct stream *s)
{
	if (!s->work)
		s->work = xcalloc(1, sizeof *s->work);
	return s->work;
}

static void account(
	struct stream_work *w, struct stream_pool *pool, const struct piece *p, bool add)
{
	uint64_t cost = (uint64_t)p->len + PIECE_COST;

	w->waiting_bytes += add ? (uint64_t)p->len : -(uint64_t)p->len;
	pool->waiting_bytes += add ? cost : -cost;
}

static void drop_pieces(struct stream_work *w, struct stream_pool *pool)
{
	for (uint32_t i = 0; i < w->count; i++) {
		account(w, pool, piece_at(w, i), false);
		free(piece_at(w, i)->data);
	}
	free(w->pieces);
	w->pieces = NULL;
	w->head = w->count = w->room = 0;
}

static void drop_doubted(struct stream_work *w, struct stream_pool *pool)
{
	for (uint32_t i = 0; i < w->doubted_count; i++) {
		pool->waiting_bytes -= (uint64_t)w->doubted[i].len + PIECE_COST;
		free(w->doubted[i].data);
	}
	free(w->doubted);
	w->doubted = NULL;
	w->doubted_count = 0;
}

static void drop_work(struct stream *s, struct stream_pool *pool)
{
	if (!s->work)
		return;
	drop_pieces(s->work, pool);
	drop_doubted(s->work, pool);
	free(s->work->seen);
	free(s->work);
	s->work = NULL;
}

static void drop_offer(const struct stream *s, struct stream_pool *pool)
{
	if (pool->offer.owner == s)
		pool->offer = (struct stream_offer){ 0 };
}

void stream_finish(struct stream *s, struct stream_pool *pool)
{
	if (!s)
		return;
	drop_offer(s, pool);
	drop_work(s, pool);
	*s = (struct stream){ 0 };
}

void stream_pool_finish(struct stream_pool *pool)
{
	free(pool->lent);
	pool->lent = NULL;
}

void stream_start(struct stream *s, uint32_t isn)
{
	if (s->started)
		return;
	s->started = true;
	s->next = isn + 1;
}

void stream_fin(struct stream *s, uint32_t seq)
{
	if (s->fin_seen)
		return;
	s->fin_seen = true;
	s->fin = seq;
}

bool stream_at_fin(const struct stream *s)
{
	return s->fin_seen && !seq_before(s->next, s->fin);
}

bool stream_lacks_tail(const struct stream *s)
{
	/* RFC 9293 section 3.4: a FIN is acknowledged as if it were a byte. */
	if (s->fin_seen)
		return seq_before(s->next, s->fin);
	return s->work && s->work->has_acked && seq_before(s->next, s->work->acked);
}

bool stream_waits(const struct stream *s)
{
	return s->work && s->work->count;
}

uint32_t stream_last(const struct stream *s)
{
	return stream_waits(s) ? piece_end(piece_at(s->work, s->work->count - 1)) : s->next;
}

bool stream_near(const struct stream *s, uint32_t seq)
{
	int32_t ahead = (int32_t)(seq - s->next);
	int32_t ahead_max = s->ignored ? IGNORED_WINDOW_BYTES : STREAM_WINDOW_BYTES;

	return !s->started || (ahead >= -STREAM_OLD_BYTES && ahead <= ahead_max);
}

/* The first piece that ends after seq. */
static uint32_t find_piece(const struct stream_work *w, uint32_t seq)
{
	uint32_t low = 0, high = w->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (seq_before(seq, piece_end(piece_at(w, middle))))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static void grow_pieces(struct stream_work *w)
{
	uint32_t room = w->room ? w->room * 2 : PIECES_ROOM_FIRST;
	struct piece *larger = xmalloc(room * sizeof *larger);

	for (uint32_t i = 0; i < w->count; i++)
		larger[i] = *piece_at(w, i);
	free(w->pieces);
	w->pieces = larger;
	w->head = 0;
	w->room = room;
}

static void insert_piece(struct stream_work *w, uint32_t where, struct piece p)
{
	if (w->count == w->room)
		grow_pieces(w);
	if (where < w->count / 2) {
		w->head = (w->head - 1) & (w->room - 1);
		for (uint32_t i = 0; i < where; i++)
			*piece_at(w, i) = *piece_at(w, i + 1);
	} else {
		for (uint32_t i = w->count; i > where; i--)
			*piece_at(w, i) = *piece_at(w, i - 1);
	}
	w->count++;
	*piece_at(w, where) = p;
}

static struct bytes part(const struct stream_segment *in, uint32_t from, uint32_t to)
{
	struct reader r = reader_of(in->data);

	rd_skip(&r, from - in->seq);
	return rd_take(&r, to - from);
}

static void keep_piece(struct stream_work *w, struct stream_pool *pool, uint32_t where,
	const struct stream_segment *in, uint32_t from, uint32_t to)
{
	struct bytes b = part(in, from, to);
	struct piece p = { .data = xmalloc(b.len),
		.time_ns = in->time_ns,
		.number = in->number,
		.seq = from,
		.len = (uint32_t)b.len & 0x7fffffff,
		.cut = in->wire_len > in->data.len && to == in->seq + (uint32_t)in->data.len };

	memcpy(p.data, b.at, b.len);
	insert_piece(w, where, p);
	account(w, pool, &p, true);
}

static uint32_t later(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? b : a;
}

static uint32_t earlier(uint32_t a, uint32_t b)
{
	return seq_before(a, b) ? a : b;
}

/* A single byte that waits at the place of a longer segment's last one is likely a keep-alive
 * probe with its garbage byte that overtook the segment. */
static bool is_early_probe(const struct piece *p, const struct stream_segment *in, uint32_t end)
{
	return p->len == 1 && in->data.len > 1 && piece_end(p) == end;
}

/* Holds the segment against a piece that waits for the same place. */
static void compare(struct stream *s, const struct piece *p, const struct stream_segment *in,
	uint32_t from, uint32_t end)
{
	uint32_t low = later(from, p->seq), high = earlier(end, piece_end(p));
	struct reader kept = reader_of((struct bytes){ p->data, p->len });
	struct bytes other = part(in, low, high);

	rd_skip(&kept, low - p->seq);
	if (bytes_equal(rd_take(&kept, high - low), other))
		return;
	s->marks |= REASSEMBLY_OVERLAP;
	if (is_early_probe(p, in, end))
		p->data[0] = other.at[0];
}

/* Keeps what no piece covers of [from, end), and compares the rest. Only compares where `keep`
 * is false. True where there was something new. */
static bool take_waiting(struct stream *s, struct stream_pool *pool,
	const struct stream_segment *in, uint32_t from, uint32_t end, bool keep)
{
	struct stream_work *w = s->work;
	bool new = false;

	for (uint32_t i = find_piece(w, from); seq_before(from, end); i++) {
		bool covered = i < w->count && seq_before(piece_at(w, i)->seq, end);
		uint32_t free_to = covered ? piece_at(w, i)->seq : end;

		if (seq_before(from, free_to)) {
			new = true;
			if (keep)
				keep_piece(w, pool, i++, in, from, free_to);
		}
		if (!covered)
			break;
		compare(s, piece_at(w, i), in, from, end);
		from = piece_end(piece_at(w, i));
	}
	return new;
}

static uint32_t seen_hash(const struct stream_pool *pool, struct bytes b)
{
	return (uint32_t)hash_bytes(pool->key, b.at, b.len);
}

static struct stream_seen *seen_place(struct stream *s)
{
	for (unsigned i = 0; i < STREAM_SEEN_EARLY; i++)
		if (!s->early[i].len)
			return &s->early[i];
	struct stream_work *w = work_of(s);

	if (!w->seen)
		w->seen = xcalloc(1, sizeof *w->seen);
	return &w->seen->entry[w->seen->added++ % SEEN_RING];
}

static void remember(
	struct stream *s, const struct stream_pool *pool, const struct stream_segment *in)
{
	if (in->data.len > UINT16_MAX)
		return;
	struct stream_seen *seen = seen_place(s);

	seen->seq = in->seq;
	seen->hash = seen_hash(pool, in->data);
	seen->len = (uint16_t)in->data.len;
}

static void check_seen(struct stream *s, const struct stream_pool *pool,
	const struct stream_segment *in, const struct stream_seen *seen)
{
	uint32_t end = in->seq + (uint32_t)in->data.len;

	if (!seen->len || seq_before(seen->seq, in->seq) || seq_before(end, seen->seq + seen->len))
		return;
	if (seen_hash(pool, part(in, seen->seq, seen->seq + seen->len)) != seen->hash)
		s->marks |= REASSEMBLY_OVERLAP;
}

/* Bytes that were handed on are gone; the segments they came in can be told again by their
 * hashes, where the new one holds a whole one of them. */
static void check_history(
	struct stream *s, const struct stream_pool *pool, const struct stream_segment *in)
{
	for (unsigned i = 0; i < STREAM_SEEN_EARLY; i++)
		check_seen(s, pool, in, &s->early[i]);
	if (!s->work || !s->work->seen)
		return;
	for (unsigned i = 0; i < SEEN_RING; i++)
		check_seen(s, pool, in, &s->work->seen->entry[i]);
}

/* RFC 9293 section 3.8.4: a keep-alive probe may carry one garbage byte, just before what comes
 * next. */
static bool is_keep_alive(const struct stream *s, const struct stream_segment *in)
{
	if (in->data.len > 1 || in->wire_len > 1)
		return false;
	if (in->seq + 1 == s->next)
		return true;
	return stream_waits(s) && in->seq + 1 == stream_last(s);
}

static void mark_given_up(struct stream *s, uint8_t mark)
{
	s->marks |= mark;
	if (stream_waits(s))
		s->work->gives_up_all = true;
}

static void give_up_all(struct stream *s, struct stream_pool *pool, enum limit limit)
{
	pool->limits->bitten[limit]++;
	mark_given_up(s, REASSEMBLY_LIMIT);
}

static void hold_to_limits(struct stream *s, struct stream_pool *pool)
{
	if (s->work->waiting_bytes > STREAM_BYTES_MAX)
		give_up_all(s, pool, LIMIT_STREAM_BYTES);
	else if (s->work->count > STREAM_RANGES_MAX)
		give_up_all(s, pool, LIMIT_STREAM_RANGES);
	else if (pool->waiting_bytes > REASSEMBLY_BYTES_MAX)
		give_up_all(s, pool, LIMIT_REASSEMBLY_BYTES);
}

void stream_doubt(struct stream *s, struct stream_pool *pool, const struct stream_segment *in)
{
	uint32_t len = (uint32_t)in->data.len;

	if (!len || s->ignored || !stream_near(s, in->seq) ||
		(s->started && !seq_before(s->next, in->seq + len)))
		return;
	if (pool->waiting_bytes + len > REASSEMBLY_BYTES_MAX) {
		pool->limits->bitten[LIMIT_REASSEMBLY_BYTES]++;
		return;
	}
	struct stream_work *w = work_of(s);
	if (!w->doubted)
		w->doubted = xcalloc(STREAM_DOUBTED, sizeof *w->doubted);
	if (w->doubted_count == STREAM_DOUBTED)
		return;
	struct piece *p = &w->doubted[w->doubted_count++];
	*p = (struct piece){ .data = xmalloc(len),
		.time_ns = in->time_ns,
		.number = in->number,
		.seq = in->seq,
		.len = len & 0x7fffffff };
	memcpy(p->data, in->data.at, len);
	pool->waiting_bytes += (uint64_t)len + PIECE_COST;
}

static bool believe(struct stream *s, struct stream_pool *pool, const struct piece *p)
{
	struct stream_segment in = { .seq = p->seq,
		.data = { p->data, p->len },
		.wire_len = p->len,
		.time_ns = p->time_ns,
		.number = p->number };

	if (!s->started)
		stream_start(s, p->seq - 1);
	uint32_t from = later(p->seq, s->next);

	return stream_near(s, p->seq) && seq_before(from, piece_end(p)) &&
		take_waiting(s, pool, &in, from, piece_end(p), true);
}

/* Takes in the doubted segments that begin before *upto (all, where it is NULL) and still bring
 * something; the first that came for a place wins. True where there was one. */
static bool believe_doubted(struct stream *s, struct stream_pool *pool, const uint32_t *upto)
{
	struct stream_work *w = s->work;
	bool new = false;

	if (!w || !w->doubted_count)
		return false;
	uint32_t count = w->doubted_count;

	w->doubted_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct piece p = w->doubted[i];

		if (upto && !seq_before(p.seq, *upto)) {
			w->doubted[w->doubted_count++] = p;
			continue;
		}
		new |= believe(s, pool, &p);
		pool->waiting_bytes -= (uint64_t)p.len + PIECE_COST;
		free(p.data);
	}
	if (!w->doubted_count)
		drop_doubted(w, pool);
	return new;
}

void stream_give_up(struct stream *s, struct stream_pool *pool, uint8_t mark)
{
	believe_doubted(s, pool, NULL);
	mark_given_up(s, mark);
}

static bool first_hole_is_acknowledged(const struct stream *s)
{
	const struct piece *p = first_piece(s);

	return p && s->work->has_acked && p->seq != s->next && !seq_before(s->work->acked, p->seq);
}

static void give_up_acknowledged(struct stream_work *w)
{
	w->gives_up = true;
	w->given_up_to = w->acked;
}

/* After a segment with data came and the first hole still stands. */
static void lose_patience(struct stream *s)
{
	if (!first_hole_is_acknowledged(s))
		return;
	if (s->work->at_cut || ++s->work->patience >= STREAM_PATIENCE)
		give_up_acknowledged(s->work);
}

bool stream_acknowledge(struct stream *s, struct stream_pool *pool, uint32_t ack)
{
	struct stream_work *w = s->work;

	if (!w || (s->started && !seq_before(s->next, ack)) || !stream_near(s, ack))
		return false;
	w->acked = w->has_acked ? later(w->acked, ack) : ack;
	w->has_acked = true;
	if (believe_doubted(s, pool, &ack))
		return true;
	if (!w->at_cut || !first_hole_is_acknowledged(s))
		return false;
	give_up_acknowledged(w);
	return true;
}

static void count_retransmission(struct stream *s)
{
	if (s->retransmissions < UINT16_MAX)
		s->retransmissions++;
}

void stream_pass(struct stream *s, uint32_t seq, uint32_t len)
{
	if (!len || !stream_near(s, seq))
		return;
	stream_start(s, seq - 1);
	s->next = later(s->next, seq + len);
}

/* A segment with a byte at or behind `next`. True where it brought something new. */
static bool take_new(
	struct stream *s, struct stream_pool *pool, const struct stream_segment *in, uint32_t end)
{
	uint32_t from = later(in->seq, s->next);

	if (from != s->next) {
		work_of(s);
		return take_waiting(s, pool, in, from, end, true);
	}
	bool new = !stream_waits(s) || take_waiting(s, pool, in, from, end, false);

	pool->offer = (struct stream_offer){ .owner = s, .data = part(in, from, end), .seq = from,
		.cut = in->wire_len > in->data.len, .time_ns = in->time_ns, .number = in->number };
	return new;
}

enum stream_verdict stream_push(struct stream *s, struct stream_pool *pool,
	const struct stream_segment *in, bool keep_history)
{
	uint32_t end = in->seq + (uint32_t)in->data.len;
	bool new = false;

	if (!stream_near(s, in->seq))
		return STREAM_INVALID;
	if (!in->wire_len && !in->data.len)
		return STREAM_NOTHING;
	if (!s->started)
		stream_start(s, in->seq - 1);
	if (is_keep_alive(s, in))
		return STREAM_NOTHING;
	if (s->ignored) {
		stream_pass(s, in->seq, in->wire_len);
		return STREAM_NOTHING;
	}
	if (in->wire_len > in->data.len && seq_before(s->next, in->seq + in->wire_len))
		s->marks |= REASSEMBLY_TRUNCATED;
	if (seq_before(in->seq, s->next) && in->data.len)
		check_history(s, pool, in);
	if (seq_before(s->next, end))
		new = take_new(s, pool, in, end);
	else if (in->wire_len > in->data.len && end == s->next)
		work_of(s)->at_cut = true;
	if (new && keep_history)
		remember(s, pool, in);
	if (!new && in->data.len)
		count_retransmission(s);
	if (stream_waits(s)) {
		hold_to_limits(s, pool);
		lose_patience(s);
	}
	return new || (s->work && (s->work->gives_up || s->work->gives_up_all)) ? STREAM_NEW :
										  STREAM_NOTHING;
}

/* Moves on; `cut` where the snap length took what followed. */
static void advance(struct stream *s, uint32_t to, bool cut)
{
	s->next = to;
	if (cut)
		work_of(s)->at_cut = true;
	else if (s->work)
		s->work->at_cut = false;
	if (s->work)
		s->work->patience = 0;
}

static bool next_of_offer(
	struct stream *s, struct stream_offer *o, const struct piece *waiting, struct chunk *out)
{
	struct reader r = reader_of(o->data);
	uint32_t before = waiting ? waiting->seq - s->next : UINT32_MAX;
	uint32_t past = s->next - o->seq;

	rd_skip(&r, past < o->data.len ? past : o->data.len);
	o->seq = s->next;
	struct bytes b = rd_take(&r, rd_left(&r) < before ? rd_left(&r) : before);

	o->data = rd_rest(&r);
	if (!b.len)
		return false;
	o->seq += (uint32_t)b.len;
	advance(s, o->seq, o->cut && !o->data.len);
	*out = (struct chunk){ .data = b, .time_ns = o->time_ns, .number = o->number };
	return true;
}

static bool hole_is_given_up(const struct stream_work *w, const struct piece *p)
{
	return w->gives_up_all || (w->gives_up && !seq_before(w->given_up_to, p->seq));
}

static bool next_of_waiting(
	struct stream *s, struct stream_pool *pool, const struct piece *p, struct chunk *out)
{
	struct stream_work *w = s->work;
	struct piece taken = *p;

	if (taken.seq != s->next && !hole_is_given_up(w, p))
		return false;
	*out = (struct chunk){ .data = { taken.data, taken.len },
		.time_ns = taken.time_ns,
		.number = taken.number,
		.missing = taken.seq - s->next };
	if (out->missing)
		s->marks |= REASSEMBLY_GAP;
	w->head = (w->head + 1) & (w->room - 1);
	w->count--;
	account(w, pool, &taken, false);
	advance(s, piece_end(&taken), taken.cut);
	pool->lent = taken.data;
	return true;
}

/* Nothing more for now: gives back what an orderly stream does not need. */
static void settle(struct stream *s, struct stream_pool *pool)
{
	struct stream_work *w = s->work;

	drop_offer(s, pool);
	if (!w)
		return;
	w->gives_up = w->gives_up_all = false;
	if (w->count)
		return;
	drop_pieces(w, pool);
	if (!w->seen && !w->at_cut && !w->doubted_count)
		drop_work(s, pool);
}

bool stream_next(struct stream *s, struct stream_pool *pool, struct chunk *out)
{
	const struct piece *waiting = first_piece(s);

	stream_pool_finish(pool);
	if (pool->offer.owner == s && next_of_offer(s, &pool->offer, waiting, out))
		return true;
	if (waiting && next_of_waiting(s, pool, waiting, out))
		return true;
	settle(s, pool);
	return false;
}

void stream_hold(struct stream *s, struct stream_pool *pool)
{
	const struct stream_offer *o = &pool->offer;

	if (o->owner != s)
		return;
	struct stream_segment in = { .seq = o->seq,
		.data = o->data,
		.wire_len = (uint32_t)o->data.len + o->cut,
		.time_ns = o->time_ns,
		.number = o->number };
	work_of(s);
	take_waiting(s, pool, &in, in.seq, in.seq + (uint32_t)in.data.len, true);
	drop_offer(s, pool);
}

size_t stream_peek(const struct stream *s, uint8_t *out, size_t most)
{
	uint32_t at = s->next;
	size_t len = 0;

	for (uint32_t i = 0; s->work && i < s->work->count && len < most; i++) {
		const struct piece *p = piece_at(s->work, i);
		size_t n = p->len < most - len ? p->len : most - len;

		if (p->seq != at)
			break;
		memcpy(out + len, p->data, n);
		len += n;
		at = piece_end(p);
	}
	return len;
}

bool stream_gives_up(const struct stream *s)
{
	return s->work && (s->work->gives_up || s->work->gives_up_all);
}

bool stream_brings(const struct stream *s, const struct stream_pool *pool, size_t least)
{
	return !stream_waits(s) && pool->offer.owner == s && pool->offer.data.len >= least;
}

void stream_ignore(struct stream *s, struct stream_pool *pool)
{
	s->next = stream_last(s);
	if (pool->offer.owner == s)
		s->next = later(s->next, pool->offer.seq + (uint32_t)pool->offer.data.len);
	drop_offer(s, pool);
	drop_work(s, pool);
	memset(s->early, 0, sizeof s->early);
	s->ignored = true;
}
