#include "dissectors/facts.h"

#include "dissectors/exchange_parts.h"
#include "registry/registry.h"

/* ---- key exchange ---- */

static uint8_t key_exchange_of(const struct group *group)
{
	static const uint8_t by_family[] = {
		[GROUP_UNKNOWN] = KEY_EXCHANGE_UNSEEN,	 [GROUP_ELLIPTIC] = KEY_EXCHANGE_ECDHE,
		[GROUP_FINITE_FIELD] = KEY_EXCHANGE_DHE, [GROUP_HYBRID] = KEY_EXCHANGE_HYBRID,
		[GROUP_ML_KEM] = KEY_EXCHANGE_ML_KEM,
	};

	return group ? by_family[group->family] : KEY_EXCHANGE_UNSEEN;
}

/* RFC 8446 section 4.2.9: without a key share the pre-shared key stands alone. With one, the share
 * is what keeps the session secret; a key that is no ticket's is named all the same, as it is what
 * the two ends know each other by. */
static void tell_tls13(struct exchange *x)
{
	struct handshake *h = &x->h;
	const struct group *group =
		h->named_group < 0 ? NULL : registry_group((uint32_t)h->named_group);

	h->forward_secrecy = h->named_group >= 0;
	if (h->named_group < 0)
		h->post_quantum = 0;
	else if (group)
		h->post_quantum = group->post_quantum;
	if (x->psk_taken && (x->psk_is_external || h->named_group < 0))
		h->key_exchange = KEY_EXCHANGE_PSK;
	else
		h->key_exchange = key_exchange_of(group);
	if (group && group->family == GROUP_FINITE_FIELD)
		h->dh_bits = group->bits;
}

static void tell_key_exchange(struct exchange *x)
{
	struct handshake *h = &x->h;
	const struct suite *suite = h->cipher < 0 ? NULL : registry_suite((uint32_t)h->cipher);

	if (!suite || h->version < 0)
		return;
	if (x->tls13) {
		/* Without either the server has chosen nothing: the hello was cut before its
		 * extensions. */
		if (h->named_group >= 0 || x->psk_taken)
			tell_tls13(x);
		return;
	}
	h->key_exchange = suite->key_exchange;
	h->forward_secrecy = (suite->flags & SUITE_FORWARD_SECRET) != 0;
	h->post_quantum = suite->key_exchange == KEY_EXCHANGE_HYBRID;
}

/* ---- the client's certificate ---- */

static bool is_about_certificate(uint8_t alert)
{
	enum {
		BAD_CERTIFICATE = 42,
		CERTIFICATE_UNKNOWN = 46,
		UNKNOWN_CA = 48,
		ACCESS_DENIED = 49,
		CERTIFICATE_REQUIRED = 116
	};

	return (alert >= BAD_CERTIFICATE && alert <= CERTIFICATE_UNKNOWN) || alert == UNKNOWN_CA ||
	       alert == ACCESS_DENIED || alert == CERTIFICATE_REQUIRED;
}

static void tell_client_auth(struct handshake *h)
{
	for (uint16_t i = 0; i < h->alert_count && h->client_auth == CLIENT_AUTH_PROVIDED; i++) {
		const struct alert *a = &h->alerts[i];

		if (a->sender == SENDER_SERVER && a->level == FATAL &&
		    is_about_certificate(a->description))
			h->client_auth = CLIENT_AUTH_REJECTED;
	}
}

/* ---- Encrypted ClientHello ---- */

/* A GREASE extension is made to look like a real one (RFC 9849 section 6.2): lengths, ids and
 * suites prove nothing. Two things do: what the client repeats after a HelloRetryRequest
 * (exchange.c), and that whoever really asked for it must not go on without it (section 6.1.6). */
static void tell_ech(struct exchange *x)
{
	enum { ECH_REQUIRED = 121 };
	struct handshake *h = &x->h;

	if (h->ech != ECH_OFFERED)
		return;
	for (uint16_t i = 0; i < h->alert_count; i++) {
		if (h->alerts[i].sender == SENDER_CLIENT &&
		    h->alerts[i].description == ECH_REQUIRED)
			h->ech = ECH_REJECTED;
	}
	/* Before TLS 1.3 it cannot have been accepted. */
	bool refused = h->version >= 0 && !x->tls13;
	if (h->ech == ECH_OFFERED && refused && h->outcome == OUTCOME_COMPLETED &&
	    x->side[SENDER_CLIENT].application_data) {
		h->ech = ECH_GREASE;
		h->inferred |= INFERRED_ECH;
	}
}

void facts_tell(struct exchange *x)
{
	tell_key_exchange(x);
	tell_client_auth(&x->h);
	tell_ech(x);
}
