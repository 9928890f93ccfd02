/* messages.h: the handshake messages of TLS up to 1.2 and 1.3 that carry more than hellos and
 * certificates. Each parser takes a whole message's body; views are into it.
 */
#ifndef DISSECTORS_MESSAGES_H
#define DISSECTORS_MESSAGES_H

#include "base/buffer.h"
#include "base/reader.h"

#include <stdbool.h>
#include <stdint.h>

struct server_key_exchange {
	int32_t named_group, dh_bits, signature_scheme; /* -1 where it does not say */
};
/* RFC 5246 section 7.4.3, RFC 8422 section 5.4, RFC 4279 (PSK), by the suite's key exchange. */
bool server_key_exchange_parse(struct bytes body, uint16_t cipher, uint16_t version,
			       struct server_key_exchange *out);

/* RFC 6066 section 8, RFC 6961 section 2.2: the response about the server's own certificate; the
 * body may also be the content of a certificate's extension (RFC 8446 section 4.4.2.1). */
bool certificate_status_parse(struct bytes body, struct bytes *response);

/* RFC 6962 section 3.3: how many timestamps a SignedCertificateTimestampList holds; -1 where it is
 * malformed. */
int32_t sct_list_count(struct bytes list);

/* What stands beside the first certificate of a list (RFC 8446 section 4.4.2); .at NULL where it
 * does not. */
struct certificate_entry {
	struct bytes ocsp_response, scts;
};
void certificate_entry_parse(struct bytes list, struct certificate_entry *out);

struct new_session_ticket {
	int64_t lifetime_s;
	struct bytes ticket;
};
/* RFC 5077 section 3.3; RFC 8446 section 4.6.1. */
bool new_session_ticket_parse(struct bytes body, bool tls13, struct new_session_ticket *out);

/* RFC 5246 section 7.4.4; RFC 8446 section 4.3.2: makes the key (hello.h) of its signature schemes
 * and certificate authorities. */
bool certificate_request_key(struct bytes body, uint16_t version, struct buffer *key);

#endif
