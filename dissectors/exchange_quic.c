#include "dissectors/exchange.h"

#include "dissectors/exchange_parts.h"

void exchange_quic_version(struct exchange *x, uint32_t version)
{
	x->h.quic_version = version;
	if (x->h.retransmissions < 0)
		x->h.retransmissions = 0;
}

void exchange_quic_begun(struct exchange *x, int64_t ns)
{
	if (x->state == EXCHANGE_WAITING && x->hello_first_ns == TIME_NONE)
		x->hello_first_ns = ns;
}

void exchange_quic_retry(struct exchange *x)
{
	x->h.quic_retry = 1;
	/* The hello that it answers is not whole yet, so that no flight was counted. */
	if (x->state == EXCHANGE_WAITING)
		x->round_trips++;
}

void exchange_quic_answered(struct exchange *x)
{
	if (x->h.quic_retry < 0)
		x->h.quic_retry = 0;
}

void exchange_quic_repeated(struct exchange *x)
{
	if (x->state == EXCHANGE_RUNNING)
		x->h.retransmissions++;
}

void exchange_note(struct exchange *x, struct tls_env *env, enum sender sender,
		   enum message_type type, uint32_t bytes, int64_t ns)
{
	if (!exchange_is_running(x))
		return;
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, (uint16_t)type, bytes, ns, false);
}

void exchange_quic_finished(struct exchange *x, int64_t ns)
{
	if (x->state != EXCHANGE_RUNNING || !x->tls13)
		return;
	if (!x->side[SENDER_CLIENT].finished) {
		x->finished_by_shape = true;
		x->h.inferred |= INFERRED_OUTCOME;
	}
	x->side[SENDER_SERVER].finished = true;
	exchange_finished(x, SENDER_CLIENT, ns);
	exchange_complete(x);
}

void exchange_quic_closed(struct exchange *x, struct tls_env *env, enum sender sender,
			  bool is_alert, struct alert a)
{
	a.sender = (uint8_t)sender;
	/* Whatever went in 0-RTT packets, it was data. */
	x->side[SENDER_CLIENT].application_data |= x->h.early_data > EARLY_DATA_NONE;
	if (is_alert && x->state == EXCHANGE_COMPLETED) {
		/* RFC 9001 section 4.8: it is TLS that refuses, whatever data its sender had sent before it looked. */
		x->side[sender].application_data = x->answered = false;
		exchange_alert_after(x, env, sender, a);
	}
	else if (is_alert)
		exchange_alert(x, env, sender, a);
	/* That it failed was read; that both Finished had passed before was not. */
	if (x->state == EXCHANGE_FAILED && x->finished_by_shape)
		x->h.inferred = (x->h.inferred & ~(uint32_t)INFERRED_OUTCOME) | INFERRED_STAGE;
	exchange_end(x, env, EXCHANGE_END_RST, (int)sender);
}

void exchange_quic_refused(struct exchange *x)
{
	exchange_fail(x, SENDER_SERVER);
}
