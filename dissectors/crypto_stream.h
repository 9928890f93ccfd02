/* crypto_stream.h: the CRYPTO frames of one sender at one encryption level, put in order and cut
 * into handshake messages (RFC 9000 section 19.6). Frames may come in any order, split anywhere,
 * and again; the first bytes for a place win. Zeroes are a stream that has seen nothing.
 */
#ifndef DISSECTORS_CRYPTO_STREAM_H
#define DISSECTORS_CRYPTO_STREAM_H

#include "base/reader.h"
#include "dissectors/env.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes that wait for others before them. */
struct crypto_piece {
	uint64_t offset;
	uint32_t len;
	int64_t ns;
	uint8_t *at; /* owned */
};

struct crypto_stream {
	uint64_t next;		     /* offset of the next byte that is missing */
	uint8_t *joined;	     /* owned: in order, from the first message that is not whole */
	uint32_t len, room, taken;   /* taken: of those, handed on already */
	uint64_t skip;		     /* bytes of a message that is too long */
	int64_t first_ns, last_ns;   /* of the message that is not whole */
	struct crypto_piece *pieces; /* owned, by offset */
	uint32_t piece_count, piece_bytes;
};

enum crypto_verdict {
	CRYPTO_NEW,
	CRYPTO_OLD,   /* every byte was there already */
	CRYPTO_LIMIT, /* a limit bit: the frame was not kept */
};

struct crypto_message {
	struct bytes whole; /* header included; borrowed until the next call */
	int64_t first_ns, last_ns;
};

/* ns: any clock, the same for all. *differs is set where bytes come again with other content. */
enum crypto_verdict crypto_stream_push(struct crypto_stream *s, struct tls_env *env,
				       uint64_t offset, struct bytes data, int64_t ns,
				       bool *differs);
/* The next message that is whole; false when there is none now. */
bool crypto_stream_next(struct crypto_stream *s, struct tls_env *env, struct crypto_message *out);
/* What there is of a message that is not whole: its beginning; empty where it is missing. */
struct crypto_message crypto_stream_begun(const struct crypto_stream *s);
/* Something came that is not whole, or not in order. */
bool crypto_stream_waits(const struct crypto_stream *s);
void crypto_stream_finish(struct crypto_stream *s, struct tls_env *env);

#endif
