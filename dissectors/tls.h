/* tls.h: the TLS record layer over an ordered byte stream (RFC 8446 section 5, RFC 6101 for SSL 3.0, the SSL 2.0 hello of RFC 5246 appendix E.2): found by content, on any port, in either direction.
 *
 * A struct tls is a connection: flat but for the unfinished messages, so that it can be packed while it waits. It takes chunks of either end in the order of arrival, and does all the
 * waiting: records and messages may be split anywhere. What it cannot read (encrypted records, application data) is skipped, never kept.
 */
#ifndef DISSECTORS_TLS_H
#define DISSECTORS_TLS_H

#include "dissectors/dissector.h"
#include "dissectors/exchange.h"
#include "overhear/chunk.h"

#include <stdbool.h>
#include <stdint.h>

/* One direction. */
struct tls_side {
	uint8_t header[5], header_len;
	uint8_t record_type;
	bool in_record, started, lost, messages_lost, ssl2;
	bool opened;				/* what is being read was sealed */
	uint8_t alert[2], alert_len;
	uint8_t heartbeat[3], heartbeat_len;	/* type and length of the payload, as far as they have come */
	uint8_t prefix[4], prefix_len;		/* of the message in progress, while its length is not known */
	uint16_t record_len, record_left;
	uint32_t skip;				/* bytes of the message in progress that nobody wants or that are lost */
	uint32_t message_len, message_want, message_room;
	int64_t record_ns, message_ns, last_ns;
	uint16_t sealed_len, sealed_room;
	uint8_t *sealed;			/* owned: the sealed record in progress, where there are secrets to open it */
	uint8_t *message;			/* owned: the message in progress, its header included */
};

struct tls_keys;	/* tls_sealed.c */

struct tls {
	struct exchange exchange;
	struct tls_keys *keys;			/* owned; NULL where nothing is to be opened */
	uint8_t client;				/* which end: 0, 1, or 2 while it is not known */
	bool ssl2_asked, ssl2;			/* the client's hello had the SSL 2.0 format; the server speaks it too */
	bool has_alert[2];			/* an alert of this end waits for the client to be known */
	struct alert waiting_alert[2];
	struct tls_side side[2];		/* by end of the flow */
};

/* The row of dissector.h: what each does stands there. */
enum look tls_looks(struct bytes first);
enum look tls_looks_late(struct bytes first);
void tls_init(void *state);
void tls_finish(void *state, struct tls_env *env);
bool tls_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void tls_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void tls_lacks_tail(void *state, unsigned end);
void tls_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool tls_is_over(const void *state);
bool tls_is_running(const void *state);
unsigned tls_client(const void *state);

#endif
