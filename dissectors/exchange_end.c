#include "dissectors/exchange.h"

#include "dissectors/exchange_parts.h"
#include "dissectors/facts.h"

#include <assert.h>
#include <string.h>

/* ---- what was deduced at the end ---- */

static int64_t between(int64_t from, int64_t to)
{
	if (from == TIME_NONE || to == TIME_NONE || to < from)
		return TIME_NONE;
	return to - from;
}

static void tell_resumption(struct exchange *x)
{
	struct handshake *h = &x->h;

	if (!h->server_hello || h->resumption)
		return;
	if (x->tls13) {
		h->resumption = RESUMPTION_NONE;
		return;
	}
	if (x->saw_certificate || x->saw_key_exchange || x->saw_hello_done) {
		h->resumption = RESUMPTION_NONE;
		return;
	}
	/* RFC 5077 section 3.4: with a ticket, the client's session id is only echoed to say that the ticket was taken. */
	if (x->side[SENDER_SERVER].changed_cipher && !x->gap)
		h->resumption = x->ticket_offered ? RESUMPTION_TICKET : x->session_echoed ? RESUMPTION_SESSION_ID : RESUMPTION_NONE;
}

static void tell_certificates(struct exchange *x)
{
	struct handshake *h = &x->h;
	bool past = x->saw_hello_done || x->side[SENDER_SERVER].changed_cipher || x->saw_key_exchange;

	if (!h->server_hello)
		return;
	if (x->tls13 && h->certificates_visible != 1) {
		h->certificates_visible = 0;
		return;
	}
	if (h->server_certificates >= 0 || past)
		h->certificates_visible = 1;
	if (h->server_certificates < 0 && past && !x->gap)
		h->server_certificates = 0;
	if (h->client_certificates < 0 && !x->gap && (x->side[SENDER_CLIENT].changed_cipher || h->outcome == OUTCOME_COMPLETED))
		h->client_certificates = 0;
	if (!h->client_auth && (h->server_certificates >= 0 || x->saw_hello_done) && (past || h->outcome == OUTCOME_COMPLETED))
		h->client_auth = CLIENT_AUTH_NONE;
}

static void tell_times(struct exchange *x)
{
	struct handshake *h = &x->h;
	bool full = x->saw_certificate || x->saw_key_exchange || x->saw_hello_done;
	/* Abbreviated handshakes and TLS 1.3 end with the client's Finished; an encrypted renegotiation shows only its order. */
	bool client_last = x->tls13 || (h->server_hello ? !full : x->server_finished_first);
	int64_t end = x->side[client_last ? SENDER_CLIENT : SENDER_SERVER].finished_ns;

	h->server_hello_ns = between(x->hello_last_ns, x->server_hello_first_ns);
	if (h->outcome != OUTCOME_COMPLETED)
		return;
	h->tls_ns = between(x->hello_first_ns, end);
	if (h->tls_ns != TIME_NONE)
		h->total_ns = x->sequence ? h->tls_ns : end;
	if (x->finished_by_shape && h->tls_ns != TIME_NONE)
		h->inferred |= INFERRED_TLS_MS | INFERRED_TOTAL_MS;
	if (!x->answered)
		exchange_tell_first_byte(x);
}

void exchange_tell_first_byte(struct exchange *x)
{
	struct handshake *h = &x->h;

	h->first_byte_ns = between(x->side[SENDER_CLIENT].application_ns, x->side[SENDER_SERVER].application_ns);
	if (x->tls13 && x->finished_by_shape && h->first_byte_ns != TIME_NONE)
		h->inferred |= INFERRED_FIRST_BYTE_MS;
}

/* The first fatal alert, else the last warning, never close_notify (contract). */
static void tell_alert(struct exchange *x)
{
	struct handshake *h = &x->h;
	const struct alert *chosen = NULL;

	/* What comes after data is the connection's, not the handshake's. */
	uint16_t count = x->answered ? x->alerts_before_data : h->alert_count;
	for (uint16_t i = 0; i < count; i++) {
		const struct alert *a = &h->alerts[i];

		if (a->description == CLOSE_NOTIFY)
			continue;
		chosen = a;
		if (a->level == FATAL)
			break;
	}
	if (chosen) {
		h->alert_code = chosen->description;
		h->alert_level = chosen->level;
		h->alert_sender = chosen->sender;
	}
}

static void make_absolute(struct exchange *x, int64_t base_ns)
{
	struct handshake *h = &x->h;

	for (uint16_t i = 0; i < h->message_count; i++) {
		struct message *m = i < HANDSHAKE_MESSAGES_INLINE ? &h->messages[i] : &h->more_messages[i - HANDSHAKE_MESSAGES_INLINE];
		m->time_ns += base_ns;
	}
	for (uint16_t i = 0; i < h->alert_count; i++)
		h->alerts[i].time_ns += base_ns;
	h->time_ns = base_ns + (x->sequence && x->hello_first_ns != TIME_NONE ? x->hello_first_ns : 0);
}

static void tell_counts(struct exchange *x, struct tls_env *env)
{
	struct handshake *h = &x->h;

	h->round_trips = x->round_trips;
	if (x->transport == TRANSPORT_DTLS && h->retransmissions < 0)
		h->retransmissions = 0;
	if (x->bytes[SENDER_CLIENT])
		h->client_bytes = x->bytes[SENDER_CLIENT];
	if (x->bytes[SENDER_SERVER])
		h->server_bytes = x->bytes[SENDER_SERVER];
	/* The server repeats the id of the session that it resumes, or only says that it took the ticket: neither gives a new one. */
	if (h->resumption == RESUMPTION_SESSION_ID)
		h->session_offered = hash_bytes(env->key, h->session_id, (size_t)h->session_id_len);
	if (x->session_echoed && h->resumption != RESUMPTION_NONE && !x->tickets_given)
		h->session_given = 0;
	/* A session id that is only there for middleboxes (RFC 8446 appendix D.4) names no session. */
	if (!h->session_offered && h->session_id_len > 0 && !x->offers_tls13 && h->client_hello)
		h->session_offered = hash_bytes(env->key, h->session_id, (size_t)h->session_id_len);
}

/* Hands the handshake on and makes ready for another on the same connection. */
void exchange_emit(struct exchange *x, struct tls_env *env)
{
	tell_resumption(x);
	tell_alert(x);
	exchange_tell_opened(x);
	tell_certificates(x);
	tell_times(x);
	tell_counts(x, env);
	facts_tell(x);
	make_absolute(x, env->base_ns);
	if (x->gap)
		x->h.reassembly |= REASSEMBLY_GAP;
	x->h.sequence = x->sequence;
	struct handshake *h = tls_env_take_spare(env);
	memcpy(h, &x->h, sizeof *h);
	assert(env->finished_count < sizeof env->finished / sizeof env->finished[0]);
	env->finished[env->finished_count++] = h;
	struct exchange again = { .transport = x->transport, .tls13 = x->tls13, .version_known = x->version_known,
		.sequence = (uint8_t)(x->sequence + 1), .state = EXCHANGE_DONE, .gap = x->gap,
		.refused = x->h.outcome == OUTCOME_FAILED };
	ech_destroy(x->ech);
	*x = again;
	exchange_reset(x);
}

/* The shortest record of TLS 1.3 that holds a Finished: SHA-256, CCM_8. */
enum { FINISHED_LEAST = 4 + 32 + 1 + 8 };

/* All that the client sent under its handshake keys is too short for a Finished: an alert with padding (RFC 8446 section 5.4). */
static bool client_refused_by_shape(const struct exchange *x)
{
	return x->tls13 && x->flight_pending && x->flight_bytes < FINISHED_LEAST && !x->gap;
}

static void end_unfinished(struct exchange *x, enum exchange_end how, int sender)
{
	struct handshake *h = &x->h;
	/* The answer to an encrypted renegotiation may be an alert. */
	bool answered = x->side[SENDER_SERVER].present || x->side[SENDER_SERVER].alert_encrypted;

	if (h->closed_by)
		sender = h->closed_by - 1;
	bool asked = x->side[SENDER_CLIENT].present;

	/* The server's Finished ends a full handshake up to TLS 1.2: it is sent only after the client's. */
	if (x->side[SENDER_SERVER].finished && !x->tls13 && (x->saw_certificate || x->saw_hello_done) && x->version_known) {
		h->inferred |= INFERRED_OUTCOME;
		exchange_complete(x);
		return;
	}
	/* Early data refused out of sight: the client's record of a Finished's size was none of the data. */
	if (x->finished_maybe && x->early_data_pending && !x->gap) {
		h->inferred |= INFERRED_OUTCOME;
		exchange_complete(x);
		return;
	}
	if (x->gap || how == EXCHANGE_END_EVICTED || !asked || (x->hello_cut && how != EXCHANGE_END_CAPTURE)) {
		h->outcome = OUTCOME_PARTIAL;
		h->ended_by = ENDED_BY_CAPTURE;
		return;
	}
	if (how == EXCHANGE_END_CAPTURE && sender < 0) {
		h->outcome = OUTCOME_OPEN;
		return;
	}
	h->outcome = OUTCOME_FAILED;
	if (client_refused_by_shape(x) && sender >= 0) {
		h->ended_by = ENDED_BY_CLIENT;
		h->alert_code = ALERT_ENCRYPTED;
		h->alert_sender = SENDER_CLIENT;
		h->inferred |= INFERRED_ENDED_BY | INFERRED_ALERT;
	} else if (!answered && sender != SENDER_SERVER)
		h->ended_by = ENDED_BY_NETWORK;
	else if (sender >= 0)
		h->ended_by = sender == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER;
	else
		h->ended_by = ENDED_BY_NETWORK;
}

/* TLS 1.3 without keys: an alert's size and a close, right after the client's last flight, is a refusal. */
static bool refused_by_shape(const struct exchange *x)
{
	return x->tls13 && x->finished_by_shape && x->first_after_finished == 2 && !x->side[SENDER_CLIENT].alert_encrypted;
}

/* Where the alerts of the end can be read, those of both sides are waited for. */
static bool awaits_other_end(const struct exchange *x, enum exchange_end how)
{
	return x->held && x->state == EXCHANGE_COMPLETED && how == EXCHANGE_END_FIN && !(x->side[0].closed && x->side[1].closed);
}

/* The server's close shows whether it refused: where the client was faster, that is waited for. */
static bool awaits_server(const struct exchange *x, enum exchange_end how, int sender)
{
	return x->state == EXCHANGE_COMPLETED && how == EXCHANGE_END_FIN && sender == SENDER_CLIENT && refused_by_shape(x) &&
		!x->side[SENDER_SERVER].closed;
}

/* Whose alert comes first, after both Finished, is the one to leave: the other side's FIN may be faster than its own. */
void exchange_note_farewell(struct exchange *x, enum sender sender)
{
	const struct exchange_side *server = &x->side[SENDER_SERVER];

	if (x->state == EXCHANGE_COMPLETED && sender == SENDER_CLIENT && !server->alert_encrypted && !server->closed)
		x->client_left = true;
}

/* The first to close counts: the other side's FIN only answers it. */
static void note_close(struct exchange *x, enum exchange_end how, int sender)
{
	struct handshake *h = &x->h;

	if ((how != EXCHANGE_END_FIN && how != EXCHANGE_END_RST) || sender < 0 || h->closed_by)
		return;
	h->closed_by = (uint8_t)(1 + sender);
	h->closed_by_reset = how == EXCHANGE_END_RST;
}

static void end_completed(struct exchange *x, enum exchange_end how, int sender)
{
	struct handshake *h = &x->h;
	bool closed = how == EXCHANGE_END_FIN || how == EXCHANGE_END_RST;

	h->unused = h->closed_by && (h->closed_by == 1 + SENDER_CLIENT || x->client_left) && !x->side[SENDER_CLIENT].application_data && !x->gap &&
		h->version != 0x0002;	/* SSL 2.0 does not tell its records apart */
	if (closed && sender == SENDER_SERVER && refused_by_shape(x)) {
		h->outcome = OUTCOME_FAILED;
		h->unused = false;
		h->ended_by = ENDED_BY_SERVER;
		h->alert_code = ALERT_ENCRYPTED;
		h->alert_sender = SENDER_SERVER;
		h->inferred |= INFERRED_OUTCOME | INFERRED_ENDED_BY | INFERRED_ALERT | INFERRED_STAGE;
	}
}

void exchange_end(struct exchange *x, struct tls_env *env, enum exchange_end how, int sender)
{
	if (how == EXCHANGE_END_FIN && sender >= 0)
		x->side[sender].closed = true;
	if (x->state == EXCHANGE_WAITING || x->state == EXCHANGE_DONE)
		return;
	note_close(x, how, sender);
	if (how == EXCHANGE_END_EVICTED)
		x->h.reassembly |= REASSEMBLY_EVICTED;
	/* After one FIN the other side may still speak: only a completed handshake has nothing more to say. */
	if (how == EXCHANGE_END_FIN && x->state == EXCHANGE_RUNNING && !(x->side[0].closed && x->side[1].closed))
		return;
	if (awaits_other_end(x, how) || awaits_server(x, how, sender))
		return;
	if (x->state == EXCHANGE_RUNNING)
		end_unfinished(x, how, sender);
	if (x->state == EXCHANGE_COMPLETED)
		end_completed(x, how, sender);
	exchange_emit(x, env);
}
