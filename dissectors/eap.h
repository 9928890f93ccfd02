/* eap.h: TLS inside EAP (RFC 3748): EAP-TLS (RFC 5216), TTLS (RFC 5281), PEAP, FAST (RFC 4851) and TEAP
 * (RFC 7170), in frames of EAPOL (IEEE 802.1X) and in the attributes of RADIUS (RFC 3579).
 *
 * The authenticator asks, the peer answers, one packet at a time: the peer is TLS's client. What is too
 * long for a packet comes in pieces, each answered by an empty one, so that pieces come in order.
 */
#ifndef DISSECTORS_EAP_H
#define DISSECTORS_EAP_H

#include "dissectors/tls.h"

/* One conversation. */
struct eap {
	struct tls tls;			/* first, as in struct starttls */
	uint8_t last[2];		/* identifier of the last packet, by sender */
	bool has_last[2];
	bool begun;			/* TLS was handed its first bytes */
	bool over;			/* the authenticator said how it ended */
	uint8_t handshakes;		/* before this one */
	int64_t base_ns;		/* relative to the flow's first packet */
};

/* Is this a whole packet of EAP? */
bool eap_is_packet(struct bytes packet);
void eap_begin(struct eap *e);
void eap_finish_conversation(struct eap *e, struct tls_env *env);
/* A packet of the end `end`, its bytes c->data. */
void eap_packet(struct eap *e, struct tls_env *env, unsigned end, const struct chunk *c);
void eap_end_conversation(struct eap *e, struct tls_env *env, enum exchange_end how, int closer);

/* The row of dissector.h for EAPOL, whose frames the packet room hands on like datagrams. */
enum look eapol_looks(struct bytes frame);
void eapol_init(void *state);
void eapol_finish(void *state, struct tls_env *env);
bool eapol_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void eapol_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void eapol_lacks_tail(void *state, unsigned end);
void eapol_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool eapol_is_over(const void *state);
bool eapol_is_running(const void *state);
unsigned eapol_client(const void *state);

#endif
