#include "dissectors/exchange.h"

#include "dissectors/exchange_parts.h"
#include "registry/registry.h"

enum { TICKET_RECORDS_MAX = 4 };

struct shape_sizes {
	uint32_t finished, finished_other, alert, end_of_early_data;
};

/* RFC 8446 section 5.2: content, its type, and the tag of the AEAD; padding aside. */
static struct shape_sizes shape_sizes(int32_t cipher)
{
	const struct suite *suite = cipher < 0 ? NULL : registry_suite((uint32_t)cipher);
	uint32_t flags = suite ? suite->flags : 0;
	uint32_t tag = flags & SUITE_CCM_8 ? 8 : 16;
	uint32_t hash = flags & SUITE_SHA384 ? 48 : 32;

	return (struct shape_sizes){ .finished = 4 + hash + 1 + tag, .alert = 2 + 1 + tag, .end_of_early_data = 4 + 1 + tag };
}

static void client_finished_by_shape(struct exchange *x, int64_t ns)
{
	x->finished_by_shape = true;
	x->h.inferred |= INFERRED_OUTCOME;
	x->flight_pending = false;
	x->side[SENDER_SERVER].finished = true;
	exchange_finished(x, SENDER_CLIENT, ns);
}

static void completed_tls13(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t first_ns, int64_t last_ns);

static void encrypted_alert(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t ns)
{
	x->side[sender].alert_encrypted = true;
	exchange_log(x, env, sender, MESSAGE_ENCRYPTED_ALERT, len, ns, false);
}

static void fail_by_shape(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t ns)
{
	encrypted_alert(x, env, sender, len, ns);
	x->h.inferred |= INFERRED_ALERT | INFERRED_OUTCOME | INFERRED_ENDED_BY;
	x->h.alert_code = ALERT_ENCRYPTED;
	x->h.alert_sender = (int32_t)sender;
	x->h.alert_after_close = x->side[!sender].closed;
	exchange_fail(x, sender);
}

/* The client's early data may still be under way, of any size. Where the server refused it without saying so in the clear, no EndOfEarlyData comes
 * (RFC 8446 section 4.2.10): a Finished's size, an answer and another record of the client's tell that the handshake is over, but not when it was. */
static void early_tls13(struct exchange *x, uint32_t len, struct shape_sizes size)
{
	if (len == size.end_of_early_data) {
		x->early_data_pending = false;
		x->finished_maybe = x->answered_maybe = false;
	} else if (x->answered_maybe) {
		client_finished_by_shape(x, TIME_NONE);
	} else if (len == size.finished) {
		x->finished_maybe = true;
	}
}

static void running_server_tls13(struct exchange *x, struct tls_env *env, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	if (x->flight_pending && !x->early_data_pending) {
		client_finished_by_shape(x, x->flight_last_ns);
		completed_tls13(x, env, SENDER_SERVER, len, first_ns, last_ns);
		return;
	}
	if (len == shape_sizes(x->h.cipher).alert && !x->early_data_pending) {
		fail_by_shape(x, env, SENDER_SERVER, len, last_ns);
		return;
	}
	x->server_record_len = len;
	x->answered_maybe = x->finished_maybe;
	exchange_note_flight(x, SENDER_SERVER);
	exchange_log(x, env, SENDER_SERVER, MESSAGE_ENCRYPTED, len, last_ns, false);
}

/* TLS 1.3, the handshake's keys not at hand: only sizes and order speak (contract, tls_ms). */
static void running_tls13(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	struct shape_sizes size = shape_sizes(x->h.cipher);

	if (sender == SENDER_SERVER) {
		running_server_tls13(x, env, len, first_ns, last_ns);
		return;
	}
	if (x->early_data_pending) {
		early_tls13(x, len, size);
		return;
	}
	if (len == size.alert) {
		fail_by_shape(x, env, sender, len, last_ns);
		return;
	}
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, MESSAGE_ENCRYPTED, len, last_ns, false);
	if (len == size.finished) {
		client_finished_by_shape(x, last_ns);
		return;
	}
	/* What was sent early, before the client learnt that it was refused, is no flight. */
	if (x->h.early_data == EARLY_DATA_REJECTED)
		return;
	x->flight_pending = true;
	x->flight_bytes += len;
	x->flight_last_ns = last_ns;
}

/* Java pads each record by so much (RFC 8446 section 5.4), as the server's Finished, the last of its flight, has shown. */
enum { JAVA_PADDING = 16 };

static bool is_servers_alert(const struct exchange *x, struct shape_sizes size, uint32_t len)
{
	bool padded = x->first_after_finished == 1 && x->server_record_len == size.finished + JAVA_PADDING;

	return len == size.alert || (padded && len == size.alert + JAVA_PADDING);
}

/* A refusal comes at once; whoever has waited for long before his first word only says farewell. */
static const int64_t REFUSAL_NS = 1000000000;

static bool comes_at_once(const struct exchange *x, int64_t ns)
{
	int64_t finished = x->side[SENDER_CLIENT].finished_ns;

	return finished == TIME_NONE || ns - finished <= REFUSAL_NS;
}

/* After the client's Finished: tickets, then application data; or the refusal of what the client sent. */
static void completed_tls13(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	struct shape_sizes size = shape_sizes(x->h.cipher);
	struct exchange_side *client = &x->side[SENDER_CLIENT], *server = &x->side[SENDER_SERVER];

	if (sender == SENDER_CLIENT) {
		if (len == size.alert) {
			exchange_note_farewell(x, sender);
			client->alert_encrypted = true;
		} else if (client->application_ns == TIME_NONE) {
			client->application_ns = first_ns;
		}
		client->application_data |= len != size.alert;
		return;
	}
	if (is_servers_alert(x, size, len)) {
		if (x->first_after_finished == 1 && !client->alert_encrypted && !client->closed && comes_at_once(x, last_ns)) {
			encrypted_alert(x, env, sender, len, last_ns);
			x->first_after_finished = 2;
		}
		return;
	}
	if (x->first_after_finished == 1)
		x->first_after_finished = 3;
	if (!x->tickets_over && x->ticket_records < TICKET_RECORDS_MAX && (!x->ticket_records || x->ticket_record_len == len)) {
		x->ticket_records++;
		x->ticket_record_len = len;
		return;
	}
	x->tickets_over = true;
	server->application_data = true;
	if (server->application_ns == TIME_NONE)
		server->application_ns = first_ns;
}

static void application_data(struct exchange *x, enum sender sender, int64_t first_ns)
{
	struct exchange_side *s = &x->side[sender];

	s->application_data = true;
	if (s->application_ns == TIME_NONE)
		s->application_ns = first_ns;
	/* Both speak under new keys: whatever was lost before, both Finished must have passed. */
	if (x->state == EXCHANGE_RUNNING && x->side[!sender].application_data && x->version_known) {
		x->h.inferred |= INFERRED_OUTCOME;
		exchange_complete(x);
	}
}

bool exchange_may_renegotiate(const struct exchange *x, struct tls_env *env)
{
	if (x->sequence >= CONNECTION_HANDSHAKES_MAX) {
		env->limits->bitten[LIMIT_CONNECTION_HANDSHAKES]++;
		return false;
	}
	return true;
}

/* An encrypted handshake record: a Finished after the ChangeCipherSpec, or a renegotiation's beginning. */
static void encrypted_handshake(struct exchange *x, struct tls_env *env, enum sender sender, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	if (x->state == EXCHANGE_COMPLETED) {
		/* Nothing but a renegotiation follows in handshake records (RFC 5246 section 7.4.1). */
		exchange_emit(x, env);
	}
	if (x->state == EXCHANGE_DONE) {
		/* A HelloRequest alone is no attempt: the client may ignore it. */
		if (sender == SENDER_SERVER || x->tls13 || !exchange_may_renegotiate(x, env))
			return;
		exchange_begin(x, first_ns);
	}
	if (x->state != EXCHANGE_RUNNING)
		return;
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, MESSAGE_ENCRYPTED, len, last_ns, false);
	if (x->side[sender].changed_cipher)
		exchange_finished(x, sender, last_ns);
}

/* With secrets at hand more may be said: how long that is waited for, while data goes on. */
static const int64_t HELD_NS = 60000000000;

void exchange_emit_answered(struct exchange *x, struct tls_env *env, int64_t now_ns)
{
	const struct exchange_side *client = &x->side[SENDER_CLIENT], *server = &x->side[SENDER_SERVER];

	if (x->state != EXCHANGE_COMPLETED || !server->application_data)
		return;
	if (!x->answered) {
		/* What first_byte_ms needs is there, or can no longer be: the server spoke first. */
		x->answered = true;
		x->alerts_before_data = (uint8_t)x->h.alert_count;
		if (!client->application_data)
			x->side[SENDER_SERVER].application_ns = TIME_NONE;
		exchange_tell_first_byte(x);
	}
	if (!x->held || now_ns - x->hello_first_ns > HELD_NS)
		exchange_emit(x, env);
}

void exchange_encrypted(struct exchange *x, struct tls_env *env, enum sender sender, uint8_t type, uint32_t len, int64_t first_ns, int64_t last_ns)
{
	switch (type) {
	case RECORD_CHANGE_CIPHER_SPEC:
		exchange_change_cipher(x, env, sender, first_ns, last_ns);
		break;
	case RECORD_HANDSHAKE:
		encrypted_handshake(x, env, sender, len, first_ns, last_ns);
		break;
	case RECORD_ALERT:
		if (x->state == EXCHANGE_RUNNING) {
			encrypted_alert(x, env, sender, len, last_ns);
			x->h.alert_code = ALERT_ENCRYPTED;
			x->h.alert_sender = (int32_t)sender;
		}
		exchange_note_farewell(x, sender);
		x->side[sender].alert_encrypted = true;
		break;
	case RECORD_APPLICATION_DATA:
		if (!x->tls13)
			application_data(x, sender, first_ns);
		else if (x->state == EXCHANGE_RUNNING)
			running_tls13(x, env, sender, len, first_ns, last_ns);
		else if (x->state == EXCHANGE_COMPLETED)
			completed_tls13(x, env, sender, len, first_ns, last_ns);
		break;
	default:
		break;
	}
	exchange_emit_answered(x, env, last_ns);
}

/* ---- DTLS 1.3 ---- */

enum { EPOCH_EARLY = 1, EPOCH_HANDSHAKE = 2, DTLS_HEADER_MORE = 8, ACK_NUMBER_LEN = 16 };

/* RFC 9147 section 7: a list of record numbers, 16 bytes each; so that it is no Finished. */
static bool is_ack(const struct shape_sizes *size, uint32_t len)
{
	return len >= size->alert && (len - size->alert) % ACK_NUMBER_LEN == 0;
}

static void running_dtls13(struct exchange *x, struct tls_env *env, enum sender sender,
	uint16_t epoch, uint32_t len, int64_t ns)
{
	struct shape_sizes size = shape_sizes(x->h.cipher);

	if (epoch != EPOCH_HANDSHAKE) {
		/* The client is done once it speaks under its last keys; the server may be before. */
		if (sender == SENDER_CLIENT || x->flight_pending)
			client_finished_by_shape(x, x->flight_pending ? x->flight_last_ns : ns);
		return;
	}
	exchange_note_flight(x, sender);
	exchange_log(x, env, sender, MESSAGE_ENCRYPTED, len, ns, false);
	if (sender == SENDER_SERVER)
		return;
	if (len == size.finished + DTLS_HEADER_MORE) {
		client_finished_by_shape(x, ns);
	} else if (!is_ack(&size, len)) {
		x->flight_pending = true;
		x->flight_bytes += len;
		x->flight_last_ns = ns;
	}
}

/* Acknowledgements are no data: the server's of the Finished, the client's of a ticket. */
static bool is_acknowledging(const struct exchange *x, enum sender sender, uint32_t len)
{
	struct shape_sizes size = shape_sizes(x->h.cipher);

	if (!is_ack(&size, len))
		return false;
	return sender == SENDER_SERVER ? !x->side[SENDER_SERVER].application_data :
		!x->side[SENDER_CLIENT].application_data && x->ticket_records;
}

void exchange_dtls13_encrypted(struct exchange *x, struct tls_env *env, enum sender sender,
	uint16_t epoch, uint32_t len, int64_t ns)
{
	if (epoch == EPOCH_EARLY && x->early_data_pending)
		return;
	x->early_data_pending = false;
	if (x->state == EXCHANGE_RUNNING)
		running_dtls13(x, env, sender, epoch, len, ns);
	else if (x->state == EXCHANGE_COMPLETED && epoch != EPOCH_HANDSHAKE &&
		!is_acknowledging(x, sender, len))
		exchange_encrypted(x, env, sender, RECORD_APPLICATION_DATA, len, ns, ns);
}
