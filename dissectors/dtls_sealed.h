/* dtls_sealed.h: sealed records of DTLS, up to 1.2 and 1.3, opened with the user's secrets. Each record says its number,
 * or the end of it, so that none depends on those before it.
 *
 * What is opened lies in tls_env.record until dtls_forget_content().
 */
#ifndef DISSECTORS_DTLS_SEALED_H
#define DISSECTORS_DTLS_SEALED_H

#include "dissectors/decrypt.h"
#include "dissectors/env.h"

#include <stdbool.h>
#include <stdint.h>

/* RFC 6347 section 4.1, and RFC 9147 section 4 for the header that DTLS 1.3 puts before what it
 * encrypts: then `type` is application data and `epoch` its two lowest bits. */
struct dtls_record {
	uint8_t type;
	bool unified;
	uint8_t number_at, number_len;	/* in the unified header */
	uint16_t version, epoch;
	uint64_t number;		/* of epoch and sequence together */
	uint32_t len;			/* as the header says */
	uint32_t header_len;
	struct bytes header, body;
	bool has_connection_id;
	struct bytes connection_id;
};

enum dtls_opening {
	DTLS_SEALED,	/* stays closed: its shape alone speaks */
	DTLS_LEFT_OUT,	/* does not fit keys that have fitted others, or is of an epoch that is over: says nothing */
	DTLS_OPENED,
};

/* One connection's. Both ends are told apart by who they are. */
struct dtls_keys;

/* Opens a record of this sender for the handshake that `h` is filled for; *keys is made where there are none.
 * `speaks`: both Finished passed, and this sender has sent data: no more than what has the size of an alert is opened. */
enum dtls_opening dtls_open(struct dtls_keys **keys, struct tls_env *env, const struct handshake *h, enum sender sender,
			    const struct dtls_record *r, bool speaks, struct opened_record *out);
/* A ClientKeyExchange passed in the clear. */
void dtls_keep_premaster_id(struct dtls_keys **keys, const struct handshake *h, struct bytes body);
void dtls_forget_content(struct tls_env *env);
void dtls_keys_destroy(struct dtls_keys *k);

#endif
