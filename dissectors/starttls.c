#include "dissectors/starttls.h"

#include "base/xmalloc.h"
#include "dissectors/road.h"

#include <stdlib.h>
#include <string.h>

enum { LEVEL_MASK = (1 << ROAD_BITS) - 1, NOTE_CLIENT_SHIFT = 2, NOTE_LEVELS_SHIFT = 4, ROOM_MIN = 64 };
enum { RECORD_FIRST = 20, RECORD_ALERT = 21, RECORD_HANDSHAKE = 22, RECORD_LAST = 24, WRAP_HEADER_LEN = 8 };

_Static_assert(ROAD_BITS * ROADS_MAX + NOTE_LEVELS_SHIFT <= 28, "flow.note has bits of the pipeline's own");

static const struct road *road_of(const struct starttls *s)
{
	return &roads[s->row - 1];
}

static bool is_client(const struct starttls *s, unsigned end)
{
	return end + 1 == s->client;
}

/* ---- names and notes ---- */

static void add_level(struct starttls *s, uint8_t row)
{
	if (s->depth < ROADS_MAX)
		s->levels |= (uint32_t)row << ROAD_BITS * s->depth;
	s->depth++;
}

size_t road_names(uint32_t levels, char out[ROAD_NAMES_ROOM])
{
	size_t len = 0;

	out[0] = '\0';
	for (; levels & LEVEL_MASK; levels >>= ROAD_BITS) {
		uint32_t row = (levels & LEVEL_MASK) - 1;
		size_t more = row < road_count ? strlen(roads[row].name) : ROAD_NAMES_ROOM;

		if (len + more + 2 > ROAD_NAMES_ROOM)
			break;
		if (len)
			out[len++] = '+';
		memcpy(out + len, roads[row].name, more + 1);
		len += more;
	}
	return len;
}

struct road_note road_note_of(uint32_t packed)
{
	unsigned client = packed >> NOTE_CLIENT_SHIFT & 3;

	return (struct road_note){ .reason = packed & 3, .client = client ? client - 1 : 2,
		.levels = packed >> NOTE_LEVELS_SHIFT & ((1U << ROAD_BITS * ROADS_MAX) - 1) };
}

/* Above the levels and below what is the pipeline's. */
#define NOTE_VERSIONS (1U << 28)

uint32_t road_note_of_versions(unsigned client)
{
	return NOTE_VERSIONS | (1 + client) << NOTE_CLIENT_SHIFT;
}

bool road_note_says_versions(uint32_t packed)
{
	return packed & NOTE_VERSIONS;
}

static uint32_t note_of(const struct starttls *s)
{
	struct starttls end = { .levels = s->levels, .depth = s->depth };
	uint32_t reason = s->stripped ? ROAD_STRIPPED : s->refused ? ROAD_REFUSED : s->offered || s->asked || s->wanted || s->begun ? ROAD_UNUSED : ROAD_QUIET;

	if (s->row && !s->begun)
		add_level(&end, s->row);
	return reason | (uint32_t)s->client << NOTE_CLIENT_SHIFT | end.levels << NOTE_LEVELS_SHIFT;
}

/* ---- life ---- */

void starttls_init(void *state)
{
	struct starttls *s = state;

	memset(s, 0, sizeof *s);
	tls_init(&s->tls);
}

static void drop_held(struct road_side *side)
{
	free(side->held);
	side->held = NULL;
	side->held_len = side->held_room = 0;
}

void starttls_finish(void *state, struct tls_env *env)
{
	struct starttls *s = state;

	drop_held(&s->side[0]);
	drop_held(&s->side[1]);
	env->road_note = tls_client(&s->tls) == 2 ? note_of(s) : 0;
	tls_finish(&s->tls, env);
}

bool starttls_is_over(const void *state)
{
	const struct starttls *s = state;

	return s->begun && tls_is_over(&s->tls);
}

bool starttls_is_running(const void *state)
{
	const struct starttls *s = state;

	return !s->begun || tls_is_running(&s->tls);
}

unsigned starttls_client(const void *state)
{
	return tls_client(state);
}

/* Whatever TLS has finished on this connection came by this road. */
static void name_finished(const struct starttls *s, struct tls_env *env)
{
	char names[ROAD_NAMES_ROOM];
	size_t len = env->finished_count ? road_names(s->levels, names) : 0;

	for (size_t i = 0; len && i < env->finished_count; i++)
		if (!env->finished[i]->starttls.len)
			env->finished[i]->starttls = handshake_keep_text(env->finished[i], names);
}

void starttls_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	struct starttls *s = state;

	if (!s->begun)
		return;
	tls_closed(&s->tls, env, end, reset);
	name_finished(s, env);
}

void starttls_lacks_tail(void *state, unsigned end)
{
	struct starttls *s = state;

	if (s->begun)
		tls_lacks_tail(&s->tls, end);
}

void starttls_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	struct starttls *s = state;

	if (!s->begun)
		return;
	tls_end(&s->tls, env, how, closer);
	name_finished(s, env);
}

/* ---- TLS ---- */

static bool give(struct starttls *s, struct tls_env *env, unsigned end, const struct chunk *from, struct bytes data, uint64_t missing)
{
	struct chunk part = { .data = data, .time_ns = from->time_ns, .number = from->number, .missing = missing };
	bool ours = tls_push(&s->tls, env, end, &part);

	name_finished(s, env);
	return ours;
}

/* A hole within a packet of TDS is one of TLS; a larger one leaves us guessing where the next packet begins. */
static void lose_wrapped(struct road_wrap *w, uint64_t missing)
{
	if (missing <= w->left) {
		w->left = (uint16_t)(w->left - missing);
		return;
	}
	w->left = 0;
	w->header_len = 0;
}

/* [MS-TDS] section 3.2.5.1: while the handshake runs, its records are the payload of packets; afterwards they come plain. */
static bool unwrap(struct starttls *s, struct tls_env *env, unsigned end, const struct chunk *c, struct reader r)
{
	struct road_wrap *w = &s->wrap[end];
	uint64_t missing = c->missing;

	if (missing && !w->over)
		lose_wrapped(w, missing);
	while (rd_more(&r) && !w->over) {
		if (w->left) {
			struct bytes part = rd_take(&r, w->left < rd_left(&r) ? w->left : rd_left(&r));

			w->left = (uint16_t)(w->left - part.len);
			if (!give(s, env, end, c, part, missing))
				return false;
			missing = 0;
			continue;
		}
		uint8_t next = rd_peek(&r).at[0];

		if (!w->header_len && next >= RECORD_FIRST && next <= RECORD_LAST) {
			w->over = true;
			break;
		}
		w->header[w->header_len++] = rd_u8(&r);
		if (w->header_len < WRAP_HEADER_LEN)
			continue;
		uint32_t length = (uint32_t)w->header[2] << 8 | w->header[3];
		w->header_len = 0;
		w->left = (uint16_t)(length > WRAP_HEADER_LEN ? length - WRAP_HEADER_LEN : 0);
	}
	return !rd_more(&r) || give(s, env, end, c, rd_rest(&r), missing);
}

static bool to_tls(struct starttls *s, struct tls_env *env, unsigned end, const struct chunk *c, struct reader r, uint64_t missing)
{
	struct chunk rest = *c;

	rest.missing = missing;
	return s->wrapped ? unwrap(s, env, end, &rest, r) : give(s, env, end, c, rd_rest(&r), missing);
}

static void begin_tls(struct starttls *s)
{
	if (s->begun)
		return;
	s->begun = true;
	if (s->row)
		add_level(s, s->row);
}

/* ---- pieces ---- */

static void hold(struct road_side *side, struct bytes more)
{
	uint16_t need = (uint16_t)(side->held_len + more.len);

	if (need > side->held_room) {
		side->held_room = need > ROOM_MIN ? (uint16_t)(need * 2) : ROOM_MIN;
		side->held = xrealloc(side->held, side->held_room);
	}
	if (more.len)
		memcpy(side->held + side->held_len, more.at, more.len);
	side->held_len = need;
}

static bool skip_long(const struct road *road, struct road_side *side, struct reader *r)
{
	if (side->skip) {
		size_t n = side->skip < rd_left(r) ? side->skip : rd_left(r);

		rd_skip(r, n);
		side->skip -= (uint32_t)n;
	}
	while (side->skips_line && rd_more(r))
		side->skips_line = rd_u8(r) != road->delimiter;
	return rd_more(r);
}

static size_t measure(const struct starttls *s, unsigned end, struct bytes begun)
{
	const struct road *road = road_of(s);

	if (!road->delimiter)
		return road->measure(s, is_client(s, end), begun);
	const uint8_t *last = begun.len ? memchr(begun.at, road->delimiter, begun.len) : NULL;
	return last ? (size_t)(last - begun.at) + 1 : PIECE_UNKNOWN;
}

/* What of a piece lies beyond what is kept of it. */
static void pass_over(const struct road *road, struct road_side *side, size_t length, size_t kept)
{
	if (length == PIECE_UNKNOWN)
		side->skips_line = road->delimiter;
	else
		side->skip = (uint32_t)(length - kept);
}

enum piece { PIECE_WHOLE, PIECE_WAITS, PIECE_FOREIGN };

/* Byte by byte only until the length is known, and in lines that come in several packets. */
static enum piece held_piece(struct starttls *s, unsigned end, struct reader *r, struct bytes *out)
{
	struct road_side *side = &s->side[end];
	size_t length = measure(s, end, (struct bytes){ side->held, side->held_len });

	while (rd_more(r) && length != PIECE_WRONG && side->held_len < ROAD_PIECE_MAX && (length == PIECE_UNKNOWN || length > side->held_len)) {
		size_t want = length == PIECE_UNKNOWN ? 1 : length - side->held_len;

		if (want > (size_t)(ROAD_PIECE_MAX - side->held_len))
			want = (size_t)(ROAD_PIECE_MAX - side->held_len);
		hold(side, rd_take(r, want < rd_left(r) ? want : rd_left(r)));
		length = measure(s, end, (struct bytes){ side->held, side->held_len });
	}
	if (length == PIECE_WRONG)
		return PIECE_FOREIGN;
	bool whole = length != PIECE_UNKNOWN && length <= side->held_len;
	if (!whole && side->held_len < ROAD_PIECE_MAX)
		return PIECE_WAITS;
	if (!whole)
		pass_over(road_of(s), side, length, side->held_len);
	*out = (struct bytes){ side->held, side->held_len };
	return PIECE_WHOLE;
}

static enum piece next_piece(struct starttls *s, unsigned end, struct reader *r, struct bytes *out)
{
	struct road_side *side = &s->side[end];

	if (side->held_len)
		return held_piece(s, end, r, out);
	size_t length = measure(s, end, rd_peek(r));

	if (length == PIECE_WRONG)
		return PIECE_FOREIGN;
	if (length != PIECE_UNKNOWN && length <= rd_left(r)) {
		*out = rd_take(r, length);
		return PIECE_WHOLE;
	}
	if (rd_left(r) < ROAD_PIECE_MAX) {
		hold(side, rd_rest(r));
		return PIECE_WAITS;
	}
	*out = rd_take(r, ROAD_PIECE_MAX);
	pass_over(road_of(s), side, length, ROAD_PIECE_MAX);
	return PIECE_WHOLE;
}

/* ---- choosing a road ---- */

static enum look look_at(const struct road *road, struct bytes first)
{
	return first.len ? road->looks(first) : LOOK_MAYBE;
}

/* The rows of one kind stand together and look with the same eyes. */
static size_t find_road(struct bytes first, enum look *best)
{
	size_t found = road_count;

	*best = LOOK_NO;
	for (size_t i = 0; i < road_count && *best != LOOK_YES; i++) {
		if (i && roads[i].looks == roads[i - 1].looks)
			continue;
		enum look look = look_at(&roads[i], first);

		if (look > *best) {
			*best = look;
			found = i;
		}
	}
	return found;
}

enum look starttls_looks(struct bytes first)
{
	enum look best;

	find_road(first, &best);
	return best;
}

/* False where these bytes begin no road. */
static bool choose(struct starttls *s, const struct tls_env *env, unsigned end, struct reader *r)
{
	struct road_side *side = &s->side[end];
	uint16_t before = side->held_len;
	enum look best;

	if (before)
		hold(side, (struct bytes){ rd_peek(r).at, rd_left(r) < ROAD_PIECE_MAX - (size_t)before ? rd_left(r) : ROAD_PIECE_MAX - (size_t)before });
	size_t row = find_road(before ? (struct bytes){ side->held, side->held_len } : rd_peek(r), &best);

	if (best == LOOK_NO || (best == LOOK_MAYBE && rd_left(r) + before >= ROAD_PIECE_MAX))
		return false;
	if (best == LOOK_MAYBE) {
		if (!before)
			hold(side, rd_peek(r));
		rd_skip(r, rd_left(r));
		return true;
	}
	side->held_len = before;
	if (s->depth >= ROADS_MAX) {
		env->limits->bitten[LIMIT_ROADS]++;
		return false;
	}
	s->row = (uint8_t)(row + 1);
	s->client = (uint8_t)(1 + (roads[row].server_first ? !end : end));
	if (env->port)
		memcpy(s->ports, env->port, sizeof s->ports);
	return true;
}

/* ---- walking it ---- */

static bool is_between_pieces(const struct road_side *side)
{
	return !side->held_len && !side->skip && !side->skips_line;
}

/* No line begins so: a hello that nobody asked for, which is found by its own looks. */
static bool is_no_line(const struct starttls *s, unsigned end, const struct reader *r)
{
	return s->row && road_of(s)->delimiter && is_between_pieces(&s->side[end]) && rd_peek(r).at[0] == RECORD_HANDSHAKE;
}

/* The first byte of a piece, or of what follows a road, may be that of TLS already: the answer was not captured, or is late. */
static bool is_tls_already(const struct starttls *s, unsigned end, const struct reader *r)
{
	if (!is_between_pieces(&s->side[end]) || (s->row && !s->asked && !s->begun))
		return false;
	uint8_t first = rd_peek(r).at[0];
	return (first == RECORD_HANDSHAKE || first == RECORD_ALERT || !s->row) && tls_looks(rd_peek(r)) != LOOK_NO;
}

static void leave_road(struct starttls *s)
{
	add_level(s, s->row);
	s->row = 0;
	s->candidates = 0;
	s->asked = s->offered = s->refused = s->stripped = false;
	s->side[0].stage = s->side[1].stage = 0;
}

static void step(struct starttls *s, unsigned end, enum road_step how)
{
	if (how == ROAD_THROUGH && !s->begun) {
		leave_road(s);
	} else if (how == ROAD_TLS || s->begun) {
		begin_tls(s);
		s->side[end].tls = true;
		if (how == ROAD_TLS) {
			s->side[!end].tls = true;
			drop_held(&s->side[!end]);
		}
	}
}

/* One piece of plaintext; false where no TLS will come. */
static bool walk(struct starttls *s, struct tls_env *env, unsigned end, struct reader *r)
{
	struct road_side *side = &s->side[end];
	struct bytes piece;

	if (is_tls_already(s, end, r)) {
		side->tls = true;
		begin_tls(s);
		return true;
	}
	if (is_no_line(s, end, r) || (!s->row && !choose(s, env, end, r)))
		return false;
	if (!s->row || !skip_long(road_of(s), side, r))
		return true;
	enum piece found = next_piece(s, end, r, &piece);
	if (found == PIECE_WAITS)
		return true;
	enum road_step how = found == PIECE_WHOLE ? road_of(s)->take(s, is_client(s, end), piece, rd_peek(r)) : ROAD_OVER;
	side->held_len = 0;
	if (how != ROAD_ON)
		drop_held(side);
	if (how != ROAD_ON && (how != ROAD_OVER || s->begun))
		step(s, end, how);
	return how != ROAD_OVER || s->begun;
}

/* What was lost of the plaintext may have been anything: its piece is forgotten. */
static void lose_plain(struct road_side *side, uint64_t missing)
{
	side->held_len = 0;
	side->skip = side->skip > missing ? side->skip - (uint32_t)missing : 0;
}

bool starttls_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct starttls *s = state;
	struct road_side *side = &s->side[end];
	struct reader r = reader_of(c->data);

	if (side->tls)
		return to_tls(s, env, end, c, r, c->missing);
	if (c->missing)
		lose_plain(side, c->missing);
	while (rd_more(&r) && !side->tls) {
		size_t before = rd_left(&r);

		if (!walk(s, env, end, &r))
			return false;
		s->bytes += (uint32_t)(before - rd_left(&r));
		if (s->bytes > STARTTLS_BYTES_MAX) {
			env->limits->bitten[LIMIT_STARTTLS_BYTES]++;
			return false;
		}
	}
	/* Nothing waits: nothing is kept. */
	if (!side->held_len)
		drop_held(side);
	return !rd_more(&r) || to_tls(s, env, end, c, r, 0);
}
