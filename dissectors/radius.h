/* radius.h: EAP in RADIUS (RFC 2865, RFC 3579). A server is asked for many users over one pair of
 * ports: what belongs together is known by the identifier of a request and its answer, and by the
 * State that the next request brings back.
 */
#ifndef DISSECTORS_RADIUS_H
#define DISSECTORS_RADIUS_H

#include "dissectors/eap.h"

struct radius_session {
	struct radius_session *next;
	uint8_t identifier;		/* of the last request */
	bool asked;			/* it was not answered yet */
	uint64_t authenticator;		/* hash of the last request's */
	uint64_t state;			/* hash of the State of the last answer; 0: none */
	struct eap eap;
};

struct radius {
	struct radius_session *sessions;	/* the last used first; owned */
	uint16_t count;
	uint8_t client;			/* the end that asks; 2 while it is not known */
	uint32_t handshakes;		/* so far */
};

/* The row of dissector.h: what each does stands there. */
enum look radius_looks(struct bytes datagram);
void radius_init(void *state);
void radius_finish(void *state, struct tls_env *env);
bool radius_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void radius_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void radius_lacks_tail(void *state, unsigned end);
void radius_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool radius_is_over(const void *state);
bool radius_is_running(const void *state);
unsigned radius_client(const void *state);

#endif
