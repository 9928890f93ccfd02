#include "dissectors/eap.h"

#include <string.h>

enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };
enum eap_type { EAP_IDENTITY = 1, EAP_TLS = 13, EAP_TTLS = 21, EAP_PEAP = 25, EAP_FAST = 43, EAP_TEAP = 55 };
/* RFC 5216 section 3.1, RFC 7170 section 4.1 */
enum eap_flag { LENGTH_INCLUDED = 0x80, START = 0x20, OUTER_LENGTH_INCLUDED = 0x10 };
enum { EAP_HEADER_LEN = 4 };

/* ---- packets ---- */

struct eap_fields {
	uint8_t code, identifier, type, flags;
	struct bytes data;
};

static bool carries_tls(uint8_t type)
{
	return type == EAP_TLS || type == EAP_TTLS || type == EAP_PEAP || type == EAP_FAST || type == EAP_TEAP;
}

static bool read_packet(struct bytes packet, struct eap_fields *out)
{
	struct reader r = reader_of(packet);

	*out = (struct eap_fields){ .code = rd_u8(&r), .identifier = rd_u8(&r) };
	uint16_t length = rd_u16(&r);
	if (r.bad || length < EAP_HEADER_LEN || out->code < EAP_REQUEST || out->code > EAP_FAILURE)
		return false;
	/* A frame may be padded, or cut by the snap length. */
	struct reader in = length - EAP_HEADER_LEN < (int)rd_left(&r) ?
		rd_child(&r, length - (size_t)EAP_HEADER_LEN) : r;
	if (out->code > EAP_RESPONSE)
		return length == EAP_HEADER_LEN;
	out->type = rd_u8(&in);
	if (!carries_tls(out->type))
		return !in.bad;
	out->flags = rd_u8(&in);
	bool bad = in.bad;
	if (out->flags & LENGTH_INCLUDED)
		rd_skip(&in, 4);
	if (out->type == EAP_TEAP && out->flags & OUTER_LENGTH_INCLUDED)
		rd_skip(&in, 4);
	out->data = rd_rest(&in);
	return !bad;
}

bool eap_is_packet(struct bytes packet)
{
	struct eap_fields f;
	struct reader r = reader_of(packet);

	rd_skip(&r, 2);
	return read_packet(packet, &f) && rd_u16(&r) <= packet.len;
}

/* ---- conversations ---- */

void eap_begin(struct eap *e)
{
	memset(e, 0, sizeof *e);
	tls_init(&e->tls);
}

void eap_finish_conversation(struct eap *e, struct tls_env *env)
{
	tls_finish(&e->tls, env);
}

static void tell_finished(const struct eap *e, struct tls_env *env)
{
	for (size_t i = 0; i < env->finished_count; i++) {
		struct handshake *h = env->finished[i];

		if (h->starttls.len)
			continue;
		h->starttls = handshake_keep_text(h, "eap");
		h->sequence += e->handshakes;
	}
}

void eap_end_conversation(struct eap *e, struct tls_env *env, enum exchange_end how, int closer)
{
	int64_t flow_ns = env->base_ns;

	env->base_ns += e->base_ns;
	tls_end(&e->tls, env, how, closer);
	tell_finished(e, env);
	env->base_ns = flow_ns;
}

static void give(struct eap *e, struct tls_env *env, unsigned end, const struct chunk *c,
	struct bytes data)
{
	int64_t flow_ns = env->base_ns;
	struct chunk part = { .data = data, .time_ns = c->time_ns, .number = c->number };

	env->base_ns += e->base_ns;
	e->begun = true;
	tls_push(&e->tls, env, end, &part);
	tell_finished(e, env);
	env->base_ns = flow_ns;
}

/* Another conversation on the same port, or another method within one: TLS begins from nothing. */
static void begin_again(struct eap *e, struct tls_env *env, int64_t time_ns)
{
	uint8_t handshakes = e->handshakes;

	eap_end_conversation(e, env, EXCHANGE_END_IDLE, -1);
	if (tls_client(&e->tls) != 2 && handshakes < UINT8_MAX)
		handshakes++;
	tls_finish(&e->tls, env);
	eap_begin(e);
	e->handshakes = handshakes;
	e->base_ns = time_ns - env->base_ns;
}

/* RFC 3748 section 4.2: neither is answered, so the conversation is over. */
static void conclude(struct eap *e, struct tls_env *env, unsigned end)
{
	if (!e->over)
		eap_end_conversation(e, env, EXCHANGE_END_IDLE, (int)end);
	e->over = true;
}

static bool begins_conversation(const struct eap *e, const struct eap_fields *f)
{
	if (f->code != EAP_REQUEST)
		return false;
	if (f->type == EAP_IDENTITY || (carries_tls(f->type) && f->flags & START && !f->data.len))
		return e->begun;
	return false;
}

void eap_packet(struct eap *e, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct eap_fields f;

	if (!read_packet(c->data, &f))
		return;
	if (f.code > EAP_RESPONSE) {
		conclude(e, env, end);
		return;
	}
	unsigned sender = f.code == EAP_REQUEST ? SENDER_SERVER : SENDER_CLIENT;
	if (e->has_last[sender] && e->last[sender] == f.identifier) {
		if (f.data.len)
			exchange_again(&e->tls.exchange);
		return;
	}
	if (begins_conversation(e, &f))
		begin_again(e, env, c->time_ns);
	e->has_last[sender] = true;
	e->last[sender] = f.identifier;
	if (f.data.len && !e->over)
		give(e, env, end, c, f.data);
}

/* ---- EAPOL ---- */

/* IEEE 802.1X-2020 section 11.3: version, type 0 for EAP, length of what follows. */
static struct bytes eap_in_eapol(struct bytes frame)
{
	struct reader r = reader_of(frame);
	uint8_t version = rd_u8(&r), type = rd_u8(&r);
	uint16_t length = rd_u16(&r);

	if (r.bad || !version || version > 3 || type)
		return (struct bytes){ NULL, 0 };
	return rd_take(&r, length < rd_left(&r) ? length : rd_left(&r));
}

enum look eapol_looks(struct bytes frame)
{
	struct reader r = reader_of(frame);

	if (frame.len < 2 * EAP_HEADER_LEN || frame.at[0] > 3 || frame.at[1])
		return LOOK_NO;
	struct bytes packet = eap_in_eapol(frame);
	rd_skip(&r, 2);
	uint16_t length = rd_u16(&r);
	rd_skip(&r, 2);
	return packet.len == length && rd_u16(&r) == length && eap_is_packet(packet) ? LOOK_YES : LOOK_NO;
}

void eapol_init(void *state)
{
	eap_begin(state);
}

void eapol_finish(void *state, struct tls_env *env)
{
	eap_finish_conversation(state, env);
}

bool eapol_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c)
{
	struct chunk packet = *c;

	packet.data = eap_in_eapol(c->data);
	if (packet.data.len)
		eap_packet(state, env, end, &packet);
	return true;
}

void eapol_closed(void *state, struct tls_env *env, unsigned end, bool reset)
{
	(void)state;
	(void)env;
	(void)end;
	(void)reset;
}

void eapol_lacks_tail(void *state, unsigned end)
{
	(void)state;
	(void)end;
}

void eapol_end(void *state, struct tls_env *env, enum exchange_end how, int closer)
{
	eap_end_conversation(state, env, how, closer);
}

bool eapol_is_over(const void *state)
{
	(void)state;
	return false;
}

bool eapol_is_running(const void *state)
{
	return tls_is_running(state);
}

unsigned eapol_client(const void *state)
{
	return tls_client(state);
}
