#include "base/text.h"
#include "diagnose/look.h"

enum alert_code {
	HANDSHAKE_FAILURE = 40, BAD_CERTIFICATE = 42, UNSUPPORTED_CERTIFICATE = 43, CERTIFICATE_WAS_REVOKED = 44,
	CERTIFICATE_HAS_EXPIRED = 45, CERTIFICATE_UNKNOWN = 46, UNKNOWN_CA = 48, ACCESS_DENIED = 49, CANNOT_DECODE = 50,
	DECRYPT_ERROR = 51,
	CERTIFICATE_REQUIRED = 116,
};
enum { SHOWN_NAME_LEN = 80 };

static void name_mismatch(struct look *l)
{
	struct bytes name = handshake_asked_name(l->h);
	struct buffer *detail;

	if (!l->chain || !l->chain->parsed || !name.len || trust_holds_name(l->chain, name))
		return;
	detail = look_add(l, HOSTNAME_MISMATCH, CONFIDENCE_CERTAIN, 0);
	if (!detail)
		return;
	if (name.len > SHOWN_NAME_LEN)
		name.len = SHOWN_NAME_LEN;
	buffer_add_text(detail, "asked for '");
	text_add_safe(detail, name);
	buffer_add_text(detail, "', the certificate is for ");
	trust_add_names(l->chain, detail);
}

void rules_certificate(struct look *l)
{
	const struct judgement *j = l->chain;

	for (size_t i = 0; j && i < j->count; i++) {
		const struct remark *r = &j->remarks[i];
		struct buffer *detail = look_add(l, r->code, r->confidence, r->certificate);

		if (detail)
			buffer_add_text(detail, r->detail);
	}
	name_mismatch(l);
	if (l->h->ocsp_status == OCSP_REVOKED) {
		struct buffer *detail = look_add(l, CERTIFICATE_REVOKED, CONFIDENCE_CERTAIN, j ? 0 : FINDING_NO_CERTIFICATE);

		if (detail)
			buffer_add_text(detail, "the OCSP response that the server stapled says so");
	}
}

/* ---- a client that minds ---- */

/* In the order in which clients look: dates and names are said apart from trust by most of them. */
int certificate_flaw(const struct look *l)
{
	static const enum finding_code order[] = { CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID, HOSTNAME_MISMATCH, SELF_SIGNED,
						   CHAIN_INCOMPLETE, ISSUER_UNTRUSTED, CERTIFICATE_REVOKED };

	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (look_has(l, order[i]))
			return (int)order[i];
	return CAUSE_NONE;
}

static bool blame_first(struct look *l, const enum finding_code *codes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!look_has(l, codes[i]))
			continue;
		look_blame(l, codes[i]);
		return true;
	}
	return false;
}

static void add_alert(struct buffer *out, const struct look *l)
{
	buffer_add_format(out, "the %s's alert ", sender_name(l->h->alert_sender));
	add_code(out, REGISTRY_ALERT, (uint32_t)l->h->alert_code);
}

static void blame_by_alert(struct look *l, enum finding_code code, enum confidence confidence, const char *why)
{
	struct buffer *detail = look_add(l, code, confidence, l->chain ? 0 : FINDING_NO_CERTIFICATE);

	if (detail) {
		add_alert(detail, l);
		buffer_add_text(detail, why);
	}
	look_blame(l, code);
}

static void refused_as_expired(struct look *l)
{
	static const enum finding_code codes[] = { CERTIFICATE_EXPIRED, CERTIFICATE_NOT_YET_VALID };

	if (blame_first(l, codes, sizeof codes / sizeof *codes))
		return;
	if (l->chain && l->chain->parsed)
		blame_by_alert(l, CLIENT_CLOCK_WRONG, CONFIDENCE_CERTAIN, ", though every certificate was valid at that time");
	else
		blame_by_alert(l, CERTIFICATE_EXPIRED, CONFIDENCE_LIKELY, "; the certificate itself is hidden");
}

/* A leaf alone whose issuer the client does not know: it may know the root and lack what is in between. */
static void refused_as_unknown(struct look *l)
{
	static const enum finding_code codes[] = { SELF_SIGNED, CHAIN_INCOMPLETE, ISSUER_UNTRUSTED };

	if (blame_first(l, codes, sizeof codes / sizeof *codes))
		return;
	if (!l->chain)
		blame_by_alert(l, ISSUER_UNTRUSTED, CONFIDENCE_LIKELY, "; the certificate itself is hidden");
	else if (l->h->server_certificates == 1)
		blame_by_alert(l, CHAIN_INCOMPLETE, CONFIDENCE_LIKELY, "; the leaf was sent alone");
	else
		blame_by_alert(l, ISSUER_UNTRUSTED, CONFIDENCE_LIKELY, ": it does not have the root that this chain leads to");
}

static void refused_as_revoked(struct look *l)
{
	if (look_has(l, CERTIFICATE_REVOKED))
		look_blame(l, CERTIFICATE_REVOKED);
	else
		blame_by_alert(l, CERTIFICATE_REVOKED, CONFIDENCE_LIKELY, "; what it knows of that was not seen");
}

void explain_certificate_alert(struct look *l)
{
	switch (l->h->alert_code) {
	case CERTIFICATE_HAS_EXPIRED:
		refused_as_expired(l);
		return;
	case UNKNOWN_CA:
		refused_as_unknown(l);
		return;
	case CERTIFICATE_WAS_REVOKED:
		refused_as_revoked(l);
		return;
	default:
		break;
	}
	int flaw = certificate_flaw(l);
	if (flaw != CAUSE_NONE)
		look_blame(l, (enum finding_code)flaw);
	else
		blame_by_alert(l, CERTIFICATE_REJECTED, CONFIDENCE_CERTAIN,
			       l->chain ? "; the certificate shows no reason for it" : "; the certificate itself is hidden");
}

/* ---- a server that minds the client's certificate ---- */

static bool speaks_of_certificate(int32_t alert)
{
	return (alert >= BAD_CERTIFICATE && alert <= CERTIFICATE_UNKNOWN) || alert == UNKNOWN_CA || alert == ACCESS_DENIED ||
	       alert == DECRYPT_ERROR || alert == HANDSHAKE_FAILURE;
}

/* GnuTLS finds no certificate in an empty Certificate, and calls that a message it cannot read. */
static bool minds_empty_certificate(const struct handshake *h)
{
	return h->alert_code == CANNOT_DECODE && h->client_auth == CLIENT_AUTH_DECLINED && h->stage >= STAGE_KEY_EXCHANGE;
}

bool explain_client_certificate(struct look *l)
{
	const struct handshake *h = l->h;
	bool asked = h->client_auth >= CLIENT_AUTH_REQUESTED;
	bool given = h->client_certificates > 0 || h->client_auth >= CLIENT_AUTH_PROVIDED;
	bool likely = minds_empty_certificate(h);

	if (h->alert_code != CERTIFICATE_REQUIRED && !likely && (!asked || !speaks_of_certificate(h->alert_code)))
		return false;
	enum finding_code code = given ? CLIENT_CERTIFICATE_REJECTED : CLIENT_CERTIFICATE_MISSING;
	struct buffer *detail = look_add(l, code, likely ? CONFIDENCE_LIKELY : CONFIDENCE_CERTAIN, given ? -1 : FINDING_NO_CERTIFICATE);
	if (detail) {
		add_alert(detail, l);
		buffer_add_text(detail, given ? " answers the client's certificate" : ": it had asked for a certificate and got none");
	}
	look_blame(l, code);
	return true;
}
