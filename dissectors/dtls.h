/* dtls.h: the record layer of DTLS 1.0 (RFC 4347), 1.2 (RFC 6347, RFC 9146 for connection ids) and 1.3
 * (RFC 9147), in datagrams, found by content on any port: beside STUN and RTP (RFC 7983), and behind
 * the preamble of CAPWAP (RFC 5415).
 *
 * A struct dtls is a connection, flat but for messages that are not whole. Up to DTLS 1.2 a Finished is
 * an encrypted record; where a datagram overtook another, it waits until what it confirms was read.
 */
#ifndef DISSECTORS_DTLS_H
#define DISSECTORS_DTLS_H

#include "dissectors/dissector.h"
#include "dissectors/dtls_messages.h"
#include "dissectors/dtls_sealed.h"
#include "dissectors/exchange.h"
#include "overhear/chunk.h"

#include <stdbool.h>
#include <stdint.h>

/* Records whose copies are known for ones: a mirrored port shows them one soon after the other. */
enum { DTLS_RECENT = 8 };

/* One direction. */
struct dtls_side {
	struct dtls_messages messages;
	uint16_t epoch;			/* that the last ChangeCipherSpec led to */
	uint8_t connection_id_len;	/* in its records */
	bool has_connection_id;
	bool speaks;			/* sends data: no long messages are expected any more */
	bool has_alert;			/* waits for the client to be known */
	struct alert alert;
	uint64_t alert_record;		/* 1 + number of the last alert's record: a copy is no second one */
	bool has_finished;		/* waits for what it confirms */
	uint16_t finished_epoch;
	uint32_t finished_len;		/* of its record; a later one alike is a copy */
	int64_t finished_ns;
	uint32_t recent[DTLS_RECENT];	/* the last bytes of sealed records of DTLS 1.3 */
	uint8_t recent_next;
};

struct dtls {
	struct exchange exchange;
	uint8_t client;			/* which end: 0, 1, or 2 while it is not known */
	uint8_t closer;			/* 1 + the sender of the first alert that ends all; 0 */
	bool carried_new, carried_old;	/* of the datagram being read: handshake bytes, new or again */
	uint64_t hello, hello_again;	/* hashes of the client's random, which some change for the cookie */
	int64_t completed_ns;
	struct dtls_keys *keys;		/* owned; NULL where nothing is to be opened */
	struct dtls_side side[2];	/* by end of the flow */
};

/* The row of dissector.h: what each does stands there. */
enum look dtls_looks(struct bytes datagram);
void dtls_init(void *state);
void dtls_finish(void *state, struct tls_env *env);
bool dtls_push(void *state, struct tls_env *env, unsigned end, const struct chunk *c);
bool dtls_begins_anew(const void *state, struct tls_env *env, unsigned end, const struct chunk *c);
void dtls_closed(void *state, struct tls_env *env, unsigned end, bool reset);
void dtls_lacks_tail(void *state, unsigned end);
void dtls_end(void *state, struct tls_env *env, enum exchange_end how, int closer);
bool dtls_is_over(const void *state);
bool dtls_is_running(const void *state);
unsigned dtls_client(const void *state);

#endif
