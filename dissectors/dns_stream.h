/* dns_stream.h: DNS over TCP (RFC 7766): messages with their length in front, told from other protocols by content. It
 * carries no handshake; what it finds goes to the environment's struct dns.
 */
#ifndef DISSECTORS_DNS_STREAM_H
#define DISSECTORS_DNS_STREAM_H

#include "dissectors/dissector.h"

struct dns_stream_side {
	uint8_t *message;		/* owned: its length in front; as far as it is here */
	uint32_t len;
	bool lost;			/* bytes are missing: where the next message begins is not known */
};

struct dns_stream {
	bool sure;			/* enough was seen to know that it is DNS */
	struct dns_stream_side side[2];	/* by end of the flow */
};

/* The row of dissector.h: what each does stands there. */
enum look dns_stream_looks(struct bytes first);
void dns_stream_init(void *state);
void dns_stream_finish(void *state, struct tls_env *env);
bool dns_stream_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void dns_stream_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void dns_stream_lacks_tail(void *state, unsigned end);
void dns_stream_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool dns_stream_is_over(const void *state);
bool dns_stream_is_running(const void *state);
unsigned dns_stream_client(const void *state);

#endif
