/* quic.h: QUIC (RFC 9000, RFC 9001, RFC 9369 and the drafts of quic_version.c), found by content,
 * on any port: an Initial packet that opens with the keys that its own connection id gives is
 * proof.
 *
 * A struct quic is what is known of the connection between two ends. What is needed only while a
 * handshake runs (keys, bytes of CRYPTO frames that are not whole) lies on the heap and goes with
 * it.
 */
#ifndef DISSECTORS_QUIC_H
#define DISSECTORS_QUIC_H

#include "dissectors/dissector.h"
#include "dissectors/exchange.h"
#include "dissectors/quic_packet.h"

#include <stdbool.h>
#include <stdint.h>

struct quic_cid {
	uint8_t len, at[QUIC_CID_MAX];
};

struct quic_running;

struct quic {
	struct exchange exchange;
	uint32_t version;
	uint8_t client;			/* which end: 0, 1, or 2 while it is not known */
	/* a Version Negotiation passed, and the client did not come back yet */
	bool negotiated;
	bool asked_for_list;		/* a version that exists to be refused (RFC 9000 section 15) */
	uint8_t negotiator;		/* 1 + the end that sent one before any hello could be read; 0 */
	bool client_handshake;		/* a Handshake packet of the client's passed */
	bool client_short, server_short; /* 1-RTT packets after that */
	uint8_t settled;		/* enum settled */
	uint8_t client_cid_len;		/* in the server's packets */
	/* the client's first DCID; the one after a Retry; the server's own */
	struct quic_cid original, retried, server;
	/* the client's last Handshake packet before its first 1-RTT packet that has room for a
	 * Finished */
	int64_t flight_ns;
	struct quic_running *running;	/* owned */
};

/* The row of dissector.h: what each does stands there. */
enum look quic_looks(struct bytes first);
void quic_init(void *state);
void quic_finish(void *state, struct tls_env *env);
bool quic_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
bool quic_begins_anew(const void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void quic_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void quic_lacks_tail(void *state, unsigned end);
void quic_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool quic_is_over(const void *state);
bool quic_is_running(const void *state);
unsigned quic_client(const void *state);

#endif
