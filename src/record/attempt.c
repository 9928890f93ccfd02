#include "record/attempt.h"

#include <assert.h>

static const char *const reasons[ATTEMPT_REASON_COUNT] = {
	[ATTEMPT_REFUSED] = "refused",
	[ATTEMPT_UNANSWERED] = "unanswered",
	[ATTEMPT_RESET] = "reset",
	[ATTEMPT_CLOSED] = "closed",
	[ATTEMPT_PLAIN_HTTP] = "plain-http",
	[ATTEMPT_STARTTLS_REFUSED] = "starttls-refused",
	[ATTEMPT_STARTTLS_STRIPPED] = "starttls-stripped",
	[ATTEMPT_QUIC_VERSION_MISMATCH] = "quic-version-mismatch",
};

static const struct port_range {
	uint16_t first, last;
} tls_ports[] = { { 443, 443 }, { 465, 465 }, { 636, 636 }, { 853, 853 }, { 989, 995 }, { 5061, 5061 }, { 8443, 8443 } };

const char *attempt_reason_name(enum attempt_reason reason)
{
	assert(reason < ATTEMPT_REASON_COUNT);
	return reasons[reason];
}

bool attempt_is_tls_port(uint16_t port)
{
	for (unsigned i = 0; i < sizeof tls_ports / sizeof tls_ports[0]; i++)
		if (port >= tls_ports[i].first && port <= tls_ports[i].last)
			return true;
	return false;
}
