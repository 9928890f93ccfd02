#include "dissectors/radius.h"

#include "base/xmalloc.h"

#include <stdlib.h>
#include <string.h>

enum radius_code { ACCESS_REQUEST = 1, ACCESS_ACCEPT = 2, ACCESS_REJECT = 3, ACCESS_CHALLENGE = 11 };
enum radius_attribute { ATTRIBUTE_STATE = 24, ATTRIBUTE_EAP_MESSAGE = 79 };
enum { HEADER_LEN = 20, AUTHENTICATOR_LEN = 16 };

struct radius_packet {
	uint8_t code, identifier;
	struct bytes authenticator, state;
	struct reader attributes;
	size_t eap_len;
};

/* RFC 2865 section 3 and 5: the attributes must fill the packet. */
static bool read_packet(struct bytes datagram, struct radius_packet *out)
{
	struct reader r = reader_of(datagram);

	*out = (struct radius_packet){ .code = rd_u8(&r), .identifier = rd_u8(&r) };
	uint16_t length = rd_u16(&r);
	if (r.bad || length < HEADER_LEN || length > datagram.len)
		return false;
	out->authenticator = rd_take(&r, AUTHENTICATOR_LEN);
	out->attributes = rd_child(&r, length - (size_t)HEADER_LEN);
	for (struct reader a = out->attributes; rd_more(&a);) {
		uint8_t type = rd_u8(&a), len = rd_u8(&a);
		struct bytes value = rd_take(&a, len < 2 ? SIZE_MAX : len - 2u);

		if (a.bad)
			return false;
		if (type == ATTRIBUTE_STATE)
			out->state = value;
		if (type == ATTRIBUTE_EAP_MESSAGE)
			out->eap_len += value.len;
	}
	return out->eap_len != 0;
}

/* RFC 3579 section 3.1: a packet of EAP that is too long for one attribute lies in several. */
static void join_eap(const struct radius_packet *p, struct buffer *out)
{
	for (struct reader a = p->attributes; rd_more(&a);) {
		uint8_t type = rd_u8(&a);
		struct bytes value = rd_take(&a, rd_u8(&a) - 2u);

		if (type == ATTRIBUTE_EAP_MESSAGE)
			buffer_add(out, value.at, value.len);
	}
}

static bool is_answer(uint8_t code)
{
	return code == ACCESS_ACCEPT || code == ACCESS_REJECT || code == ACCESS_CHALLENGE;
}

enum look radius_looks(struct bytes datagram)
{
	struct radius_packet p;

	if (datagram.len < HEADER_LEN || (datagram.at[0] != ACCESS_REQUEST && !is_answer(datagram.at[0])))
		return LOOK_NO;
	return read_packet(datagram, &p) ? LOOK_YES : LOOK_NO;
}

/* ---- life ---- */

void radius_init(void *state)
{
	struct radius *r = state;

	memset(r, 0, sizeof *r);
	r->client = 2;
}

static void session_destroy(struct radius *r, struct tls_env *env, struct radius_session **link,
	enum exchange_end how)
{
	struct radius_session *s = *link;

	eap_end_conversation(&s->eap, env, how, -1);
	eap_finish_conversation(&s->eap, env);
	*link = s->next;
	r->count--;
	free(s);
}

void radius_finish(void *state, struct tls_env *env)
{
	struct radius *r = state;

	while (r->sessions) {
		struct radius_session *s = r->sessions;

		r->sessions = s->next;
		eap_finish_conversation(&s->eap, env);
		free(s);
	}
	r->count = 0;
}

bool radius_is_over(const void *state)
{
	(void)state;
	return false;
}

bool radius_is_running(const void *state)
{
	return ((const struct radius *)state)->sessions != NULL;
}

unsigned radius_client(const void *state)
{
	return ((const struct radius *)state)->client;
}

/* ---- sessions ---- */

static uint64_t hash_of(const struct tls_env *env, struct bytes b)
{
	return b.len ? hash_bytes(env->key, b.at, b.len) | 1 : 0;
}

static bool belongs(const struct radius_session *s, const struct radius_packet *p,
	uint64_t authenticator, uint64_t state)
{
	if (is_answer(p->code))
		return s->asked && s->identifier == p->identifier;
	/* The same request again, or the next. */
	if (s->authenticator == authenticator && s->identifier == p->identifier)
		return true;
	return !s->asked && state && s->state == state;
}

static void let_one_go(struct radius *r, struct tls_env *env)
{
	struct radius_session **link = &r->sessions;

	env->limits->bitten[LIMIT_RADIUS_SESSIONS]++;
	while ((*link)->next)
		link = &(*link)->next;
	session_destroy(r, env, link, EXCHANGE_END_EVICTED);
}

static struct radius_session *session_of(struct radius *r, struct tls_env *env,
	const struct radius_packet *p, uint64_t authenticator, const struct chunk *c)
{
	uint64_t state = hash_of(env, p->state);
	struct radius_session **link = &r->sessions, *s;

	while (*link && !belongs(*link, p, authenticator, state))
		link = &(*link)->next;
	s = *link;
	if (s) {
		*link = s->next;
	} else {
		if (is_answer(p->code))
			return NULL;
		if (r->count >= RADIUS_SESSIONS_MAX)
			let_one_go(r, env);
		s = xcalloc(1, sizeof *s);
		eap_begin(&s->eap);
		s->eap.base_ns = c->time_ns - env->base_ns;
		r->count++;
	}
	s->next = r->sessions;
	r->sessions = s;
	return s;
}

static void note(struct radius_session *s, const struct tls_env *env, const struct radius_packet *p,
	uint64_t authenticator)
{
	s->asked = !is_answer(p->code);
	if (s->asked) {
		s->identifier = p->identifier;
		s->authenticator = authenticator;
	} else {
		s->state = hash_of(env, p->state);
	}
}

/* Conversations are of one connection to the flow, and have their handshakes numbered as they end. */
static void number_finished(struct radius *r, struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++)
		env->finished[i]->sequence = r->handshakes++;
}

bool radius_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct radius *r = state;
	struct radius_packet p;
	struct buffer eap = { 0 };

	if (!read_packet(c->data, &p) || (p.code != ACCESS_REQUEST && !is_answer(p.code)))
		return true;
	uint64_t authenticator = hash_of(env, p.authenticator);
	r->client = (uint8_t)(p.code == ACCESS_REQUEST ? end : !end);
	struct radius_session *s = session_of(r, env, &p, authenticator, c);
	if (!s)
		return true;
	note(s, env, &p, authenticator);
	join_eap(&p, &eap);
	struct chunk packet = { .data = buffer_bytes(&eap), .time_ns = c->time_ns, .number = c->number };
	eap_packet(&s->eap, env, end, &packet);
	buffer_finish(&eap);
	if (s->eap.over)
		session_destroy(r, env, &r->sessions, EXCHANGE_END_IDLE);
	number_finished(r, env);
	return true;
}

void radius_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	(void)state;
	(void)env;
	(void)end;
	(void)reset;
}

void radius_lacks_tail(void *state, unsigned end)
{
	(void)state;
	(void)end;
}

void radius_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	struct radius *r = state;

	(void)closer;
	while (r->sessions)
		session_destroy(r, env, &r->sessions, how);
	number_finished(r, env);
}
