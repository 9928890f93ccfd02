/* hello.h: what hellos and chains have in common with many others of their kind. Clients of one build send
 * the same lists over and over, so the lists are kept once and handshakes point at them.
 *
 * A struct hello is everything of a ClientHello or of a server's flight that is a list or follows from lists
 * alone. It is interned: made once by the dissectors' room (intern.h), counted, never changed afterwards,
 * except `stored_id`, which belongs to the sink. A struct chain is the same for certificates.
 */
#ifndef OVERHEAR_HELLO_H
#define OVERHEAR_HELLO_H

#include "base/reader.h"

#include <stdbool.h>
#include <stdint.h>

/* The kinds of the view `offers`, in its order. */
enum offer_kind {
	OFFER_VERSION, OFFER_CIPHER, OFFER_EXTENSION, OFFER_GROUP, OFFER_KEY_SHARE, OFFER_SIGNATURE_SCHEME, OFFER_ALPN,
	OFFER_COMPRESSION, OFFER_PSK_MODE, OFFER_CERTIFICATE_AUTHORITY,
	OFFER_KIND_COUNT
};

/* One list in wire order. Of numbers (`codes`), or of names (`names`, each a view into the hello's own bytes)
 * for ALPN and certificate authorities (DER of the name). `seen` tells an empty list from none. */
struct offer_list {
	bool seen;
	uint32_t count;
	const uint32_t *codes;		/* SSL 2.0 cipher kinds have three bytes */
	const struct bytes *names;
};

struct hello {
	uint32_t uses;			/* handshakes that point here; the intern table's own business */
	uint64_t hash;
	int64_t stored_id;		/* the sink's: row of this shape, 0 until it is stored */
	struct bytes key;		/* the bytes that make two hellos the same */
	uint16_t legacy_version;
	uint16_t version_highest;	/* of a client: the highest offered, GREASE aside; 0 where unknown */
	struct offer_list offers[OFFER_KIND_COUNT];
	char ja3[33], ja4[40];		/* of a client; empty for a cut hello. ja3 is JA3S for a server */
};

struct certificate_ref {
	uint8_t sha256[32];
	struct bytes der;		/* a view into the chain's own bytes */
};

struct chain {
	uint32_t uses;
	uint64_t hash;
	int64_t stored_id;		/* the sink's */
	uint32_t count;			/* as sent; at most CHAIN_LENGTH_MAX are kept below */
	uint32_t kept;
	struct bytes key;		/* the certificates as sent */
	struct certificate_ref certificates[];
};

#endif
