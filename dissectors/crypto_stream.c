#include "dissectors/crypto_stream.h"

#include "base/xmalloc.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_LEN = 4, ROOM_MIN = 512 };

static bool may_hold(struct tls_env *env, uint64_t more)
{
	if (env->message_bytes + more <= MESSAGE_BUFFER_BYTES_MAX)
		return true;
	env->limits->bitten[LIMIT_MESSAGE_BUFFER_BYTES]++;
	return false;
}

/* ---- what is in order ---- */

static bool reserve(struct crypto_stream *s, struct tls_env *env, uint32_t need)
{
	uint32_t room = s->room ? s->room : ROOM_MIN;

	while (room < need)
		room *= 2;
	if (room == s->room)
		return true;
	if (!may_hold(env, room - s->room))
		return false;
	s->joined = xrealloc(s->joined, room);
	env->message_bytes += room - s->room;
	s->room = room;
	return true;
}

/* What was handed on goes, at the latest when more comes. */
static void drop_taken(struct crypto_stream *s)
{
	if (s->taken)
		memmove(s->joined, s->joined + s->taken, s->len - s->taken);
	s->len -= s->taken;
	s->taken = 0;
}

static bool append(struct crypto_stream *s, struct tls_env *env, struct bytes data, int64_t ns)
{
	size_t skipped = s->skip < data.len ? (size_t)s->skip : data.len;

	drop_taken(s);
	if (!reserve(s, env, s->len + (uint32_t)(data.len - skipped)))
		return false;
	s->next += data.len;
	s->skip -= skipped;
	if (skipped == data.len)
		return true;
	if (!s->len || ns < s->first_ns)
		s->first_ns = ns;
	if (!s->len || ns > s->last_ns)
		s->last_ns = ns;
	memcpy(s->joined + s->len, data.at + skipped, data.len - skipped);
	s->len += (uint32_t)(data.len - skipped);
	return true;
}

/* ---- what waits ---- */

static void remove_piece(struct crypto_stream *s, struct tls_env *env, uint32_t index)
{
	s->piece_bytes -= s->pieces[index].len;
	env->message_bytes -= s->pieces[index].len + sizeof *s->pieces;
	free(s->pieces[index].at);
	s->piece_count--;
	memmove(&s->pieces[index], &s->pieces[index + 1],
		(s->piece_count - index) * sizeof *s->pieces);
}

static bool insert_piece(struct crypto_stream *s, struct tls_env *env, uint32_t index,
			 uint64_t offset, struct bytes data, int64_t ns)
{
	if (s->piece_count >= CRYPTO_PIECES_MAX) {
		env->limits->bitten[LIMIT_CRYPTO_PIECES]++;
		return false;
	}
	if (s->piece_bytes + data.len > CRYPTO_BYTES_MAX) {
		env->limits->bitten[LIMIT_CRYPTO_BYTES]++;
		return false;
	}
	if (!may_hold(env, data.len + sizeof *s->pieces))
		return false;
	s->pieces = xrealloc(s->pieces, (s->piece_count + 1) * sizeof *s->pieces);
	memmove(&s->pieces[index + 1], &s->pieces[index],
		(s->piece_count - index) * sizeof *s->pieces);
	s->pieces[index] = (struct crypto_piece){
		.offset = offset, .len = (uint32_t)data.len, .ns = ns, .at = xmalloc(data.len)
	};
	memcpy(s->pieces[index].at, data.at, data.len);
	s->piece_count++;
	s->piece_bytes += (uint32_t)data.len;
	env->message_bytes += data.len + sizeof *s->pieces;
	return true;
}

static bool same_bytes(const struct crypto_piece *p, uint64_t offset, struct bytes data)
{
	return !memcmp(p->at + (offset - p->offset), data.at, data.len);
}

/* Keeps what is new of it, around the pieces that are there. */
static enum crypto_verdict keep(struct crypto_stream *s, struct tls_env *env, uint64_t offset,
				struct bytes data, int64_t ns, bool *differs)
{
	struct reader r = reader_of(data);
	enum crypto_verdict verdict = CRYPTO_OLD;

	for (uint32_t i = 0; rd_more(&r);) {
		uint64_t at = offset + (data.len - rd_left(&r));
		const struct crypto_piece *p = i < s->piece_count ? &s->pieces[i] : NULL;

		if (p && p->offset + p->len <= at) {
			i++;
			continue;
		}
		bool inside = p && p->offset <= at;
		uint64_t end = !p ? UINT64_MAX : inside ? p->offset + p->len : p->offset;
		size_t n = end - at < rd_left(&r) ? (size_t)(end - at) : rd_left(&r);
		struct bytes part = rd_take(&r, n);

		if (inside) {
			*differs |= !same_bytes(p, at, part);
		} else if (!insert_piece(s, env, i, at, part, ns)) {
			return CRYPTO_LIMIT;
		} else {
			verdict = CRYPTO_NEW;
		}
		i++;
	}
	return verdict;
}

/* ---- in and out ---- */

/* The end of a piece that fills the hole, without what came before. */
static struct bytes behind(uint64_t next, uint64_t offset, struct bytes data)
{
	struct reader r = reader_of(data);

	rd_skip(&r, (size_t)(next - offset));
	return rd_rest(&r);
}

/* Bytes that came before, still here, must be the same. */
static bool repeats(const struct crypto_stream *s, uint64_t offset, struct bytes data)
{
	uint64_t from = s->next - (s->len - s->taken);
	struct reader r = reader_of(data);

	if (offset < from)
		rd_skip(&r, from - offset < rd_left(&r) ? (size_t)(from - offset) : rd_left(&r));
	uint64_t at = offset < from ? from : offset;
	if (at >= s->next || !rd_more(&r))
		return true;
	size_t n = s->next - at < rd_left(&r) ? (size_t)(s->next - at) : rd_left(&r);
	return !memcmp(s->joined + s->taken + (at - from), rd_take(&r, n).at, n);
}

enum crypto_verdict crypto_stream_push(struct crypto_stream *s, struct tls_env *env,
				       uint64_t offset, struct bytes data, int64_t ns,
				       bool *differs)
{
	if (!data.len)
		return CRYPTO_OLD;
	if (offset < s->next)
		*differs |= !repeats(s, offset, data);
	if (offset + data.len <= s->next)
		return CRYPTO_OLD;
	if (offset <= s->next && !s->piece_count)
		return append(s, env, behind(s->next, offset, data), ns) ? CRYPTO_NEW
									 : CRYPTO_LIMIT;
	if (offset < s->next) {
		data = behind(s->next, offset, data);
		offset = s->next;
	}
	return keep(s, env, offset, data, ns, differs);
}

/* The first piece that waits fits now. */
static bool join(struct crypto_stream *s, struct tls_env *env)
{
	if (!s->piece_count || s->pieces[0].offset != s->next)
		return false;
	if (!append(s, env, (struct bytes){ s->pieces[0].at, s->pieces[0].len }, s->pieces[0].ns))
		return false;
	s->last_ns = s->last_ns > s->pieces[0].ns ? s->last_ns : s->pieces[0].ns;
	remove_piece(s, env, 0);
	return true;
}

static bool take(struct crypto_stream *s, struct tls_env *env, struct crypto_message *out)
{
	struct reader r = reader_of((struct bytes){ s->joined, s->len });

	rd_skip(&r, s->taken);
	struct reader header = r;
	rd_skip(&header, 1);
	uint32_t want = HEADER_LEN + rd_u24(&header);
	if (header.bad)
		return false;
	if (want > MESSAGE_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BYTES]++;
		s->skip = want - rd_left(&r);
		s->taken = s->len;
		return false;
	}
	if (want > rd_left(&r))
		return false;
	*out = (struct crypto_message){ rd_take(&r, want), s->first_ns, s->last_ns };
	s->taken += want;
	/* What is left came with the bytes that made this one whole. */
	s->first_ns = s->last_ns;
	return true;
}

static void free_joined(struct crypto_stream *s, struct tls_env *env)
{
	env->message_bytes -= s->room;
	free(s->joined);
	s->joined = NULL;
	s->len = s->room = s->taken = 0;
}

bool crypto_stream_next(struct crypto_stream *s, struct tls_env *env, struct crypto_message *out)
{
	do {
		if (take(s, env, out))
			return true;
	} while (join(s, env));
	if (s->joined && s->taken == s->len)
		free_joined(s, env);
	return false;
}

struct crypto_message crypto_stream_begun(const struct crypto_stream *s)
{
	struct crypto_message m = { { NULL, 0 }, s->first_ns, s->last_ns };

	if (s->len > s->taken)
		m.whole = (struct bytes){ s->joined + s->taken, s->len - s->taken };
	return m;
}

bool crypto_stream_waits(const struct crypto_stream *s)
{
	return s->piece_count || s->len > s->taken || s->skip;
}

void crypto_stream_finish(struct crypto_stream *s, struct tls_env *env)
{
	while (s->piece_count)
		remove_piece(s, env, s->piece_count - 1);
	free(s->pieces);
	if (s->joined)
		free_joined(s, env);
	*s = (struct crypto_stream){ 0 };
}
