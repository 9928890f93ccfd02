/* attempt.h: connections of one client to one server that never got a hello, counted together: a row of the view `attempts`.
 * Plain values; whoever passes one passes a copy.
 */
#ifndef OVERHEAR_ATTEMPT_H
#define OVERHEAR_ATTEMPT_H

#include "overhear/packet.h"

#include <stdbool.h>
#include <stdint.h>

enum attempt_reason {
	ATTEMPT_REFUSED, ATTEMPT_UNANSWERED, ATTEMPT_RESET, ATTEMPT_CLOSED, ATTEMPT_PLAIN_HTTP, ATTEMPT_STARTTLS_REFUSED,
	ATTEMPT_STARTTLS_STRIPPED, ATTEMPT_QUIC_VERSION_MISMATCH,
	ATTEMPT_REASON_COUNT
};

enum { ATTEMPT_STARTTLS_ROOM = 64 };

struct attempt {
	struct address client, server;
	uint16_t server_port;
	uint8_t reason;			/* enum attempt_reason */
	bool any_client;		/* the clients beyond those that have a row of their own: client is not set */
	bool only_with_tls;		/* counts only where the database saw TLS on this port of the server */
	char starttls[ATTEMPT_STARTTLS_ROOM];	/* empty where TLS would have come first */
	uint64_t attempts;
	int64_t first_ns, last_ns;
};

#endif
