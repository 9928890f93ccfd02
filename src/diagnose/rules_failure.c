#include "base/text.h"
#include "diagnose/look.h"

#include <string.h>

enum { EXTENSION_PRE_SHARED_KEY = 41, FATAL = 2, SCSV_FALLBACK = 0x5600, SEGMENT_LEN = 1200, LOST_TWICE = 2 };

/* ---- an answer that is not TLS ---- */

static const struct protocol {
	const char *start, *name;
} protocols[] = {
	{ "HTTP/", "HTTP" }, { "<", "HTTP" }, { "SSH-", "SSH" }, { "220", "FTP or SMTP" }, { "421", "FTP or SMTP" },
	{ "554", "SMTP" }, { "+OK", "POP3" }, { "* OK", "IMAP" }, { "* BYE", "IMAP" }, { "RFB ", "VNC" }, { "-ERR", "Redis or POP3" },
	{ "AMQP", "AMQP" }, { "200 ", "NNTP" }, { "201 ", "NNTP" }, { "ERR", "a text protocol" }, { "E", "PostgreSQL" },
};

static const char *protocol_of(struct bytes answer)
{
	for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
		size_t len = strlen(protocols[i].start);

		if (answer.len >= len && !memcmp(answer.at, protocols[i].start, len))
			return protocols[i].name;
	}
	return NULL;
}

/* The first line, as far as it is text; otherwise a few bytes. */
static void add_answer(struct buffer *out, struct bytes answer)
{
	size_t len = 0;

	while (len < answer.len && answer.at[len] >= ' ' && answer.at[len] < 0x7f)
		len++;
	if (len >= 4) {
		buffer_add_text(out, "'");
		text_add_safe(out, (struct bytes){ answer.at, len });
		buffer_add_text(out, "'");
	} else {
		buffer_add_text(out, "bytes ");
		text_add_hex(out, (struct bytes){ answer.at, answer.len < 8 ? answer.len : 8 });
	}
}

void explain_not_tls(struct look *l)
{
	struct bytes answer = handshake_text(l->h, l->h->answer);
	const char *protocol = protocol_of(answer);
	struct buffer *detail = look_add(l, NOT_TLS_SERVER, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);

	if (detail) {
		buffer_add_format(detail, "the answer is %s%s", protocol ? protocol : "of no protocol known here", ": ");
		add_answer(detail, answer);
	}
	look_blame(l, NOT_TLS_SERVER);
}

/* ---- silence ---- */

static uint32_t hello_bytes(const struct handshake *h)
{
	const struct message *m = handshake_message(h, 0);

	return m && m->sender == SENDER_CLIENT ? m->bytes : 0;
}

/* More than a segment, sent again and again, and never answered. */
static bool is_large_hello_lost(const struct look *l)
{
	const struct handshake *h = l->h;

	return !h->server_hello && h->hello_retry != 1 && h->transport == TRANSPORT_TCP && hello_bytes(h) > SEGMENT_LEN &&
	       h->retransmissions >= LOST_TWICE;
}

static const char *stage_text(uint8_t stage)
{
	static const char *const texts[] = { "the first bytes", "the client's hello", "the server's hello", "the server's certificate",
					     "the client's key exchange", "a Finished" };

	return texts[stage < sizeof texts / sizeof *texts ? stage : 0];
}

void explain_silence(struct look *l)
{
	const struct handshake *h = l->h;

	if (is_large_hello_lost(l)) {
		look_add_text(l, LARGE_HELLO_DROPPED, l->server->answered ? CONFIDENCE_CERTAIN : CONFIDENCE_LIKELY,
			      "a hello of %u bytes, sent again %d times without an answer%s", hello_bytes(h), (int)h->retransmissions,
			      l->server->answered ? "; the server answered other hellos" : "");
		look_blame(l, LARGE_HELLO_DROPPED);
		return;
	}
	look_add_text(l, SERVER_SILENT, CONFIDENCE_CERTAIN, "nothing came after %s%s", stage_text(h->stage),
		      h->closed_by == 1 + SENDER_CLIENT ? ", until the client gave up" : "");
	look_blame(l, SERVER_SILENT);
}

/* ---- a close ---- */

/* The certificate was the last that mattered: in TLS 1.3 the server's Finished follows it at once. */
static bool ends_with_certificate(const struct handshake *h)
{
	return h->stage == STAGE_CERTIFICATE || (h->stage == STAGE_FINISHED && version_rank((uint32_t)h->version) == RANK_TLS_1_3);
}

/* A client that leaves right after it saw the server's certificate, and that had a reason to. */
static bool left_for_certificate(struct look *l, int who)
{
	int flaw = certificate_flaw(l);

	if (who != SENDER_CLIENT || !ends_with_certificate(l->h) || flaw == CAUSE_NONE)
		return false;
	look_blame(l, (enum finding_code)flaw);
	l->cause_is_likely = true;
	return true;
}

/* Whose close it was: that of who sent the encrypted alert before it, where there was one. */
static int closer(const struct handshake *h)
{
	if (h->alert_code == ALERT_ENCRYPTED && !h->alert_after_close)
		return h->ended_by == ENDED_BY_CLIENT ? SENDER_CLIENT : SENDER_SERVER;
	if (h->closed_by)
		return h->closed_by - 1;
	return h->ended_by == ENDED_BY_CLIENT ? SENDER_CLIENT : SENDER_SERVER;
}

/* A server that asked for a certificate, got none and leaves at once: not all say why. */
static bool left_without_certificate(struct look *l, int who)
{
	const struct handshake *h = l->h;

	if (who != SENDER_SERVER || h->client_auth != CLIENT_AUTH_DECLINED || h->stage < STAGE_KEY_EXCHANGE)
		return false;
	look_add_text(l, CLIENT_CERTIFICATE_MISSING, CONFIDENCE_LIKELY, "the server asked for a certificate, got none and %s the connection",
		      h->closed_by_reset ? "reset" : "closed");
	look_blame(l, CLIENT_CERTIFICATE_MISSING);
	return true;
}

void explain_close(struct look *l)
{
	const struct handshake *h = l->h;
	int who = closer(h);
	enum finding_code closes[] = { CLIENT_CLOSED, SERVER_CLOSED }, resets[] = { CLIENT_RESET, SERVER_RESET };

	if (left_for_certificate(l, who) || left_without_certificate(l, who))
		return;
	enum finding_code code = (h->closed_by_reset ? resets : closes)[who];
	look_add_text(l, code, CONFIDENCE_CERTAIN, "%s after %s%s", h->closed_by_reset ? "a RST" : h->closed_by ? "a FIN" : "it ended",
		      stage_text(h->stage), h->alert_code == ALERT_ENCRYPTED ? " and an encrypted alert" : "");
	look_blame(l, code);
}

/* ---- alerts ---- */

static void add_alert_text(struct look *l, enum finding_code code, enum confidence confidence, const char *more)
{
	struct buffer *detail = look_add(l, code, confidence, FINDING_NO_CERTIFICATE);

	if (detail) {
		buffer_add_format(detail, "the %s's alert ", sender_name(l->h->alert_sender));
		add_code(detail, REGISTRY_ALERT, (uint32_t)l->h->alert_code);
		buffer_add_text(detail, more);
	}
	look_blame(l, code);
}

static void explain_alpn(struct look *l)
{
	struct buffer *detail = look_add(l, NO_COMMON_ALPN, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);

	if (detail) {
		buffer_add_text(detail, "the client offers ");
		add_offers(detail, REGISTRY_KIND_COUNT, offered(l, OFFER_ALPN));
	}
	look_blame(l, NO_COMMON_ALPN);
}

static void explain_name(struct look *l)
{
	struct buffer *detail = look_add(l, SERVER_NAME_UNRECOGNIZED, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);
	struct bytes name = handshake_asked_name(l->h);

	if (detail) {
		buffer_add_text(detail, name.len ? "the client asked for '" : "the client asked for no name");
		if (name.len) {
			text_add_safe(detail, name);
			buffer_add_text(detail, "'");
		}
	}
	look_blame(l, SERVER_NAME_UNRECOGNIZED);
}

static void explain_fallback(struct look *l)
{
	struct buffer *detail = look_add(l, INAPPROPRIATE_FALLBACK, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);

	if (detail) {
		buffer_add_text(detail, "the client offers ");
		add_offers(detail, REGISTRY_VERSION, offered(l, OFFER_VERSION));
		if (list_holds(offered(l, OFFER_CIPHER), SCSV_FALLBACK))
			buffer_add_text(detail, " and says that it is a second try");
	}
	look_blame(l, INAPPROPRIATE_FALLBACK);
}

static void explain_security(struct look *l)
{
	struct buffer *detail = look_add(l, NO_COMMON_CIPHER, CONFIDENCE_CERTAIN, FINDING_NO_CERTIFICATE);

	if (detail) {
		buffer_add_text(detail, "insufficient_security: the client offers ");
		add_offers(detail, REGISTRY_CIPHER, offered(l, OFFER_CIPHER));
	}
	look_blame(l, NO_COMMON_CIPHER);
}

static void explain_unknown_psk(struct look *l)
{
	add_alert_text(l, UNKNOWN_PSK, CONFIDENCE_CERTAIN, "");
}

static void explain_ech(struct look *l)
{
	add_alert_text(l, ECH_REQUIRED, CONFIDENCE_CERTAIN, "");
}

static void explain_decode(struct look *l)
{
	add_alert_text(l, DECODE_ERROR, CONFIDENCE_CERTAIN, "");
}

static void explain_unexpected(struct look *l)
{
	add_alert_text(l, UNEXPECTED_MESSAGE, CONFIDENCE_CERTAIN, "");
}

static void explain_other(struct look *l)
{
	add_alert_text(l, ALERT_OTHER, CONFIDENCE_CERTAIN, "");
}

static bool uses_psk_suite(const struct look *l)
{
	uint8_t how = l->suite ? l->suite->key_exchange : 0;

	return how == KEY_EXCHANGE_PSK || how == KEY_EXCHANGE_DHE_PSK || how == KEY_EXCHANGE_ECDHE_PSK || how == KEY_EXCHANGE_RSA_PSK;
}

/* The key shows in the Finished up to TLS 1.2 (RFC 4279 section 2), and in the hello's binder in TLS 1.3. */
static void explain_wrong_key(struct look *l)
{
	bool binder = !l->h->server_hello && l->h->alert_sender == SENDER_SERVER && offers_extension(l, EXTENSION_PRE_SHARED_KEY);
	bool finished = uses_psk_suite(l) && l->h->stage >= STAGE_KEY_EXCHANGE;

	if (binder)
		add_alert_text(l, PSK_MISMATCH, CONFIDENCE_LIKELY, " in answer to a hello with a pre-shared key");
	else if (finished)
		add_alert_text(l, PSK_MISMATCH, CONFIDENCE_LIKELY, " where the keys of both sides first meet");
	else
		explain_other(l);
}

static void explain_refusal(struct look *l)
{
	if (l->h->alert_sender == SENDER_SERVER && l->h->version < 0)
		explain_handshake_failure(l);
	else if (l->h->alert_sender == SENDER_CLIENT && rule_weak_group(l))
		look_blame(l, WEAK_GROUP);
	else
		explain_other(l);
}

enum { ANYONE = 3, BY_CLIENT = 1 << SENDER_CLIENT, BY_SERVER = 1 << SENDER_SERVER };

static const struct alert_rule {
	int16_t code;
	uint8_t by;
	bool warning_counts;	/* with a close behind it */
	void (*explain)(struct look *l);
} alert_rules[] = {
	{ 10, ANYONE, false, explain_unexpected },	     /* unexpected_message */
	{ 20, ANYONE, false, explain_wrong_key },	     /* bad_record_mac */
	{ 21, ANYONE, false, explain_wrong_key },	     /* decryption_failed */
	{ 40, ANYONE, false, explain_refusal },		     /* handshake_failure */
	{ 42, BY_CLIENT, true, explain_certificate_alert },  /* bad_certificate */
	{ 43, BY_CLIENT, true, explain_certificate_alert },  /* unsupported_certificate */
	{ 44, BY_CLIENT, true, explain_certificate_alert },  /* certificate_revoked */
	{ 45, BY_CLIENT, true, explain_certificate_alert },  /* certificate_expired */
	{ 46, BY_CLIENT, true, explain_certificate_alert },  /* certificate_unknown */
	{ 47, ANYONE, false, explain_wrong_key },	     /* illegal_parameter */
	{ 48, BY_CLIENT, true, explain_certificate_alert },  /* unknown_ca */
	{ 50, ANYONE, false, explain_decode },		     /* decode_error */
	{ 51, ANYONE, false, explain_wrong_key },	     /* decrypt_error */
	{ 70, ANYONE, false, explain_version },		     /* protocol_version */
	{ 71, BY_SERVER, false, explain_security },	     /* insufficient_security */
	{ 86, BY_SERVER, false, explain_fallback },	     /* inappropriate_fallback */
	{ 112, BY_SERVER, true, explain_name },		     /* unrecognized_name */
	{ 113, BY_CLIENT, false, explain_certificate_alert },/* bad_certificate_status_response */
	{ 115, BY_SERVER, false, explain_unknown_psk },	     /* unknown_psk_identity */
	{ 120, BY_SERVER, false, explain_alpn },	     /* no_application_protocol */
	{ 121, BY_CLIENT, false, explain_ech },		     /* ech_required */
};

static const struct alert_rule *find_rule(const struct handshake *h)
{
	for (size_t i = 0; i < sizeof alert_rules / sizeof *alert_rules; i++)
		if (alert_rules[i].code == h->alert_code && alert_rules[i].by >> h->alert_sender & 1)
			return &alert_rules[i];
	return NULL;
}

/* False for an alert that explains nothing: a warning before a close, one of which only the shape is seen. */
static bool explain_alert(struct look *l)
{
	const struct handshake *h = l->h;

	if (h->alert_code < 0 || h->alert_code == ALERT_ENCRYPTED)
		return false;
	const struct alert_rule *rule = find_rule(h);
	if (h->alert_level != FATAL && (!rule || !rule->warning_counts))
		return false;
	if (h->alert_sender == SENDER_SERVER && explain_client_certificate(l))
		return true;
	if (rule)
		rule->explain(l);
	else
		explain_other(l);
	return true;
}

/* RFC 9000 section 6.2: a client that shares a version comes back with it. */
static bool explain_versions(struct look *l)
{
	const struct handshake *h = l->h;
	const struct message *last = h->message_count ? handshake_message(h, (uint16_t)(h->message_count - 1)) : NULL;

	if (h->server_hello || !last || last->type != MESSAGE_VERSION_NEGOTIATION)
		return false;
	look_add_text(l, QUIC_VERSION_MISMATCH, CONFIDENCE_CERTAIN,
		      "the server answered with a list of other versions, and the client did not come back with one of them");
	look_blame(l, QUIC_VERSION_MISMATCH);
	return true;
}

void rules_failure(struct look *l)
{
	const struct handshake *h = l->h;

	if (h->answer.len)
		explain_not_tls(l);
	else if (h->alert_after_close)
		explain_close(l);
	else if (explain_alert(l) || explain_versions(l))
		return;
	else if (h->ended_by == ENDED_BY_NETWORK)
		explain_silence(l);
	else
		explain_close(l);
}
