#include "dissectors/dns_stream.h"

#include "base/xmalloc.h"
#include "dissectors/dns.h"

#include <stdlib.h>
#include <string.h>

enum { PREFIX_LEN = 2, HEADER_LEN = 12, SHORTEST = HEADER_LEN + 5, LONGEST_QUERY = 1024 };

/* A client may send the length alone; what a server says first is no query. */
enum look dns_stream_looks(struct bytes first)
{
	struct reader r = reader_of(first), peek = r;
	uint16_t len = rd_u16(&r);

	if (r.bad)
		return rd_u8(&peek) > LONGEST_QUERY >> 8 ? LOOK_NO : LOOK_MAYBE;
	if (len < SHORTEST || len > LONGEST_QUERY)
		return LOOK_NO;
	if (rd_left(&r) < HEADER_LEN)
		return LOOK_MAYBE;
	return dns_looks(rd_rest(&r)) ? LOOK_YES : LOOK_NO;
}

void dns_stream_init(void *state)
{
	memset(state, 0, sizeof(struct dns_stream));
}

static void forget(struct dns_stream_side *side, struct tls_env *env)
{
	free(side->message);
	env->message_bytes -= side->len;
	side->message = NULL;
	side->len = 0;
}

void dns_stream_finish(void *state, struct tls_env *env)
{
	struct dns_stream *s = state;

	forget(&s->side[0], env);
	forget(&s->side[1], env);
}

static void take(struct tls_env *env, unsigned end, const struct chunk *c, struct bytes message)
{
	struct dns_path path = { .from = env->end[end], .to = env->end[!end], .from_port = env->port[end], .to_port = env->port[!end], .moment = env->moment,
		.time_ns = c->time_ns };

	dns_message(env->dns, &path, message);
}

/* What is left of a chunk begins a message. */
static void keep(struct dns_stream_side *side, struct tls_env *env, struct bytes b)
{
	if (!b.len)
		return;
	if (env->message_bytes + b.len > MESSAGE_BUFFER_BYTES_MAX) {
		env->limits->bitten[LIMIT_MESSAGE_BUFFER_BYTES]++;
		side->lost = true;
		forget(side, env);
		return;
	}
	side->message = xrealloc(side->message, side->len + b.len);
	memcpy(side->message + side->len, b.at, b.len);
	side->len += (uint32_t)b.len;
	env->message_bytes += b.len;
}

/* Messages that lie whole in `all`; returns what is left. */
static struct bytes take_whole(struct tls_env *env, unsigned end, const struct chunk *c, struct bytes all)
{
	struct reader r = reader_of(all);

	for (;;) {
		struct reader next = r, message = rd_vec16(&next);

		if (next.bad)
			return rd_rest(&r);
		take(env, end, c, rd_rest(&message));
		r = next;
	}
}

/* The bytes that wait, together with those that came. */
static struct bytes gather(struct dns_stream_side *side, struct tls_env *env, struct bytes more)
{
	if (!side->len)
		return more;
	keep(side, env, more);
	return (struct bytes){ side->message, side->len };
}

static void keep_rest(struct dns_stream_side *side, struct tls_env *env, struct bytes all, struct bytes rest)
{
	struct dns_stream_side fresh = { 0 };

	if (side->len && rest.len == all.len)
		return;
	keep(&fresh, env, rest);
	forget(side, env);
	*side = fresh;
}

bool dns_stream_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct dns_stream *s = state;
	struct dns_stream_side *side = &s->side[end];

	if (c->missing) {
		side->lost = true;
		forget(side, env);
	}
	if (side->lost)
		return true;
	struct bytes all = gather(side, env, c->data);
	if (!s->sure && all.len >= PREFIX_LEN + HEADER_LEN) {
		if (dns_stream_looks(all) != LOOK_YES)
			return false;
		s->sure = true;
	}
	keep_rest(side, env, all, take_whole(env, end, c, all));
	return true;
}

void dns_stream_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	(void)state, (void)env, (void)end, (void)reset;
}

void dns_stream_lacks_tail(void *state, unsigned end)
{
	(void)state, (void)end;
}

void dns_stream_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	(void)state, (void)env, (void)how, (void)closer;
}

/* More questions may always follow. */
bool dns_stream_is_over(const void *state)
{
	(void)state;
	return false;
}

bool dns_stream_is_running(const void *state)
{
	(void)state;
	return true;
}

unsigned dns_stream_client(const void *state)
{
	(void)state;
	return 2;
}
