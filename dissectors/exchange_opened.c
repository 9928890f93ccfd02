#include "dissectors/exchange.h"

#include "dissectors/exchange_parts.h"
#include "dissectors/extension.h"
#include "dissectors/uncompress.h"

/* ---- messages that only secrets show ---- */

static void tell_early_data(struct exchange *x, bool accepted)
{
	if (x->h.early_data != EARLY_DATA_OFFERED)
		return;
	if (accepted)
		x->h.early_data = EARLY_DATA_ACCEPTED;
	else
		exchange_reject_early_data(x);
}

void exchange_encrypted_extensions(struct exchange *x, struct tls_env *env,
				   const struct exchange_message *m)
{
	struct reader body = reader_of(m->body), list = rd_vec16(&body);
	struct hello_facts facts = { 0 };

	buffer_clear(&env->scratch);
	while (rd_more(&list)) {
		uint16_t type = rd_u16(&list);
		struct reader content = rd_vec16(&list);

		if (!content.bad)
			extension_read(type, content, true, &facts, &env->scratch);
	}
	x->h.certificates_visible = 1;
	if (facts.alpn.len && !x->h.alpn.len)
		x->h.alpn = handshake_keep(&x->h, facts.alpn, NULL);
	/* RFC 8446 section 4.2.10. A list that is broken proves nothing. */
	if (!list.bad && !body.bad)
		tell_early_data(x, facts.early_data);
	/* RFC 9849 section 5: only who could not use the client's offer sends other configurations; GREASE gets
	 * them too, so that it is no proof of a real one. */
	if (facts.ech.len && x->h.ech == ECH_OFFERED)
		x->h.ech = ECH_REJECTED;
}

/* RFC 8879 section 4: the message is what comes out, a Certificate. */
void exchange_compressed_certificate(struct exchange *x, struct tls_env *env, enum sender sender,
				     const struct exchange_message *m)
{
	struct reader r = reader_of(m->body);
	uint16_t algorithm = rd_u16(&r);
	uint32_t length = rd_u24(&r);
	struct reader packed = rd_vec24(&r);
	struct exchange_message whole = *m;
	struct buffer room = { 0 };

	if (r.bad)
		return;
	if (sender == SENDER_SERVER && x->h.certificate_compression < 0)
		x->h.certificate_compression = algorithm;
	if (length > UNCOMPRESSED_BYTES_MAX) {
		env->limits->bitten[LIMIT_UNCOMPRESSED_BYTES]++;
		x->h.reassembly |= REASSEMBLY_LIMIT;
		return;
	}
	if (certificate_uncompress(algorithm, rd_rest(&packed), length, &room)) {
		whole.body = buffer_bytes(&room);
		exchange_certificate(x, env, sender, &whole);
	}
	buffer_finish(&room);
}

/* ---- records whose content's type is known ---- */

void exchange_application(struct exchange *x, struct tls_env *env, enum sender sender,
			  int64_t first_ns)
{
	struct exchange_side *s = &x->side[sender];

	if (x->state != EXCHANGE_RUNNING && x->state != EXCHANGE_COMPLETED)
		return;
	s->application_data = true;
	if (s->application_ns == TIME_NONE)
		s->application_ns = first_ns;
	exchange_emit_answered(x, env, first_ns);
}

enum { NO_RENEGOTIATION = 100 };

/* RFC 5246 section 7.2.2: who does not want to renegotiate says so in a warning, and the other side may end it for that. */
static bool declined_renegotiation(const struct handshake *h, enum sender sender)
{
	for (uint16_t i = 0; i < h->alert_count; i++)
		if (h->alerts[i].description == NO_RENEGOTIATION && h->alerts[i].sender == sender)
			return true;
	return false;
}

/* An alert after both Finished is a refusal of what the other side sent last, unless its sender went on to speak, or only
 * minds that the other side closed or will have no other handshake. */
void exchange_alert_after(struct exchange *x, struct tls_env *env, enum sender sender,
			  struct alert a)
{
	struct exchange_side *s = &x->side[sender];

	exchange_note_farewell(x, sender);
	s->alert_encrypted = true;
	exchange_log(x, env, sender, MESSAGE_ALERT, 2, a.time_ns, a.decrypted);
	if (!handshake_add_alert(&x->h, a)) {
		env->limits->bitten[LIMIT_ALERTS]++;
		x->h.reassembly |= REASSEMBLY_LIMIT;
	}
	if (a.level != FATAL || a.description == CLOSE_NOTIFY || s->application_data || exchange_answers_close(x, a) ||
	    declined_renegotiation(&x->h, (enum sender)!sender))
		return;
	x->state = EXCHANGE_FAILED;
	x->h.outcome = OUTCOME_FAILED;
	x->h.ended_by = sender == SENDER_CLIENT ? ENDED_BY_CLIENT : ENDED_BY_SERVER;
}

/* What was hidden is open: what did not come was not sent. */
void exchange_tell_opened(struct exchange *x)
{
	struct handshake *h = &x->h;

	if (!x->tls13 || !x->server_flight_opened)
		return;
	h->certificates_visible = 1;
	if (h->server_certificates < 0 && !x->gap)
		h->server_certificates = 0;
	if (!h->client_auth && !x->gap)
		h->client_auth = CLIENT_AUTH_NONE;
	if (h->client_certificates < 0 && h->client_auth == CLIENT_AUTH_NONE)
		h->client_certificates = 0;
}
