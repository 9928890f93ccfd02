#include "dissectors/dtls_messages.h"

#include "base/xmalloc.h"

#include <stdlib.h>

bool dtls_fragment_read(struct reader *r, struct dtls_fragment *out)
{
	out->type = rd_u8(r);
	out->message_len = rd_u24(r);
	out->seq = rd_u16(r);
	out->at = rd_u24(r);
	uint32_t len = rd_u24(r);
	if (r->bad || out->at > out->message_len || len > out->message_len - out->at)
		return false;
	out->cut = len > rd_left(r);
	out->bytes = rd_take(r, out->cut ? rd_left(r) : len);
	/* An empty piece of something says nothing. */
	return out->bytes.len || !out->message_len;
}

/* ---- memory ---- */

static bool charge(struct tls_env *env, uint64_t bytes)
{
	if (env->message_bytes + bytes > MESSAGE_BUFFER_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BUFFER_BYTES]++;
		return false;
	}
	env->message_bytes += bytes;
	return true;
}

static void piece_destroy(struct dtls_piece *p, struct tls_env *env)
{
	env->message_bytes -= sizeof *p + p->room;
	free(p->bytes);
	free(p);
}

void dtls_message_destroy(struct dtls_message *m, struct tls_env *env)
{
	if (!m)
		return;
	while (m->pieces) {
		struct dtls_piece *p = m->pieces;

		m->pieces = p->next;
		piece_destroy(p, env);
	}
	env->message_bytes -= sizeof *m;
	free(m);
}

void dtls_messages_finish(struct dtls_messages *m, struct tls_env *env)
{
	while (m->first)
		dtls_message_destroy(dtls_messages_take_any(m), env);
	*m = (struct dtls_messages){ 0 };
}

static struct dtls_piece *piece_create(struct tls_env *env, uint32_t at, uint32_t room)
{
	struct dtls_piece *p;

	if (!charge(env, sizeof *p + room))
		return NULL;
	p = xcalloc(1, sizeof *p);
	p->at = at;
	p->room = room;
	p->bytes = xmalloc(room);
	return p;
}

static bool piece_append(struct dtls_piece *p, struct tls_env *env, struct bytes b, uint32_t most)
{
	uint32_t need = p->len + (uint32_t)b.len, room = p->room * 2;

	if (need > p->room) {
		if (room > most)
			room = most;
		if (room < need)
			room = need;
		if (!charge(env, room - p->room))
			return false;
		p->bytes = xrealloc(p->bytes, room);
		p->room = room;
	}
	memcpy(p->bytes + p->len, b.at, b.len);
	p->len = need;
	return true;
}

/* ---- a fragment finds its place ---- */

/* Puts b, which lies in a hole, behind `before` (or first). */
static enum dtls_added fill_hole(struct dtls_message *m, struct tls_env *env,
	struct dtls_piece *before, uint32_t at, struct bytes b)
{
	if (before && before->at + before->len == at) {
		if (!piece_append(before, env, b, m->len - before->at))
			return DTLS_REFUSED;
	} else {
		if (m->piece_count >= DTLS_PIECES_MAX) {
			env->limits->bitten[LIMIT_DTLS_PIECES]++;
			return DTLS_REFUSED;
		}
		struct dtls_piece *p = piece_create(env, at, (uint32_t)b.len);
		if (!p)
			return DTLS_REFUSED;
		piece_append(p, env, b, (uint32_t)b.len);
		struct dtls_piece **link = before ? &before->next : &m->pieces;
		p->next = *link;
		*link = p;
		m->piece_count++;
	}
	m->have += (uint32_t)b.len;
	return DTLS_ADDED;
}

/* Walks along the pieces: what they have is compared, what is between them is filled. */
static enum dtls_added message_add(struct dtls_message *m, struct tls_env *env, uint32_t at,
	struct bytes bytes)
{
	enum dtls_added result = DTLS_OLD;
	struct dtls_piece *before = NULL, *p = m->pieces;
	struct reader r = reader_of(bytes);

	while (rd_more(&r)) {
		if (p && p->at <= at) {
			uint32_t end = p->at + p->len;

			if (end > at) {
				size_t n = end - at < rd_left(&r) ? end - at : rd_left(&r);
				struct bytes again = rd_take(&r, n);

				if (memcmp(p->bytes + (at - p->at), again.at, n) != 0)
					result = DTLS_CONFLICT;
				at += (uint32_t)n;
			}
			before = p;
			p = p->next;
			continue;
		}
		size_t n = p && p->at - at < rd_left(&r) ? p->at - at : rd_left(&r);
		if (fill_hole(m, env, before, at, rd_take(&r, n)) == DTLS_REFUSED)
			return DTLS_REFUSED;
		if (result == DTLS_OLD)
			result = DTLS_ADDED;
		at += (uint32_t)n;
		before = before ? before : m->pieces;
		if (before->next != p)
			before = before->next;
	}
	return result;
}

/* ---- messages ---- */

static void drop_last(struct dtls_messages *m, struct tls_env *env)
{
	struct dtls_message **link = &m->first;

	while ((*link)->next)
		link = &(*link)->next;
	dtls_message_destroy(*link, env);
	*link = NULL;
	m->count--;
}

/* The message of a fragment: found, or made. Where there are too many, the last gives way. */
static struct dtls_message *message_of(struct dtls_messages *m, struct tls_env *env,
	const struct dtls_fragment *f, int64_t ns)
{
	struct dtls_message **link = &m->first;

	while (*link && (*link)->seq < f->seq)
		link = &(*link)->next;
	if (*link && (*link)->seq == f->seq)
		return (*link)->len == f->message_len && (*link)->type == f->type ? *link : NULL;
	if (m->count >= DTLS_MESSAGES_MAX) {
		env->limits->bitten[LIMIT_DTLS_MESSAGES]++;
		if (!*link)
			return NULL;
		drop_last(m, env);
	}
	struct dtls_message *made;
	if (!charge(env, sizeof *made))
		return NULL;
	made = xcalloc(1, sizeof *made);
	*made = (struct dtls_message){ .next = *link, .len = f->message_len, .seq = f->seq,
		.type = f->type, .decrypted = f->decrypted, .first_ns = ns, .last_ns = ns };
	*link = made;
	m->count++;
	return made;
}

enum dtls_added dtls_messages_add(struct dtls_messages *m, struct tls_env *env,
	const struct dtls_fragment *f, int64_t ns)
{
	if (m->started && f->seq < m->next)
		return DTLS_OLD;
	if (m->started && f->seq - m->next > 4 * DTLS_MESSAGES_MAX)
		return DTLS_FOREIGN;
	if (f->message_len > MESSAGE_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BYTES]++;
		return DTLS_REFUSED;
	}
	uint8_t count = m->count;
	struct dtls_message *of = message_of(m, env, f, ns);
	if (!of)
		return DTLS_REFUSED;
	bool is_new = m->count > count;
	enum dtls_added added = message_add(of, env, f->at, f->bytes);
	if (added == DTLS_ADDED)
		of->last_ns = ns;
	return added == DTLS_OLD && is_new ? DTLS_ADDED : added;
}

static bool is_whole(const struct dtls_message *m)
{
	return m->have == m->len;
}

struct dtls_message *dtls_messages_take_any(struct dtls_messages *m)
{
	struct dtls_message *found = m->first;

	if (found) {
		m->first = found->next;
		found->next = NULL;
		m->count--;
		m->started = true;
		m->next = (uint16_t)(found->seq + 1);
	}
	return found;
}

struct dtls_message *dtls_messages_take(struct dtls_messages *m, struct tls_env *env)
{
	const struct dtls_message *found = m->first;

	while (found && !(dtls_is_anchor(found->type) && is_whole(found)))
		found = found->next;
	if (!found) {
		found = m->first;
		if (!found || !m->started || found->seq != m->next || !is_whole(found))
			return NULL;
	}
	/* What stands before a hello is of a flight that is over. */
	while (m->first != found)
		dtls_message_destroy(dtls_messages_take_any(m), env);
	return dtls_messages_take_any(m);
}

/* Joins the pieces that touch. */
struct bytes dtls_message_bytes(struct dtls_message *m, struct tls_env *env)
{
	struct dtls_piece *first = m->pieces;

	if (!first || first->at)
		return (struct bytes){ NULL, 0 };
	for (struct dtls_piece *p = first->next; p && p->at == first->len; p = first->next) {
		if (!piece_append(first, env, (struct bytes){ p->bytes, p->len }, m->len))
			break;
		first->next = p->next;
		piece_destroy(p, env);
	}
	return (struct bytes){ first->bytes, first->len };
}
