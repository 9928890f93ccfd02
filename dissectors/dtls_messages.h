/* dtls_messages.h: the handshake messages of one direction of DTLS, put together from fragments and
 * into order (RFC 6347 section 4.2, RFC 9147 section 5.5).
 *
 * Fragments come in any order, overlap and come again. What is waited for is kept on the heap and
 * counted in tls_env.message_bytes; struct dtls_messages itself is flat and blank at first.
 */
#ifndef DISSECTORS_DTLS_MESSAGES_H
#define DISSECTORS_DTLS_MESSAGES_H

#include "base/reader.h"
#include "dissectors/env.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	DTLS_CLIENT_HELLO = 1, DTLS_SERVER_HELLO = 2, DTLS_HELLO_VERIFY_REQUEST = 3,
	DTLS_MESSAGE_HEADER_LEN = 12,
};

/* A fragment as it lies in a record. */
struct dtls_fragment {
	uint8_t type;
	uint16_t seq;			/* of its message */
	uint32_t message_len, at;
	struct bytes bytes;		/* less than it says where the capture cut it */
	bool cut;
	bool decrypted;			/* its record was sealed */
};

struct dtls_piece {
	struct dtls_piece *next;
	uint32_t at, len, room;
	uint8_t *bytes;
};

/* A message that is not whole, or waits for an earlier one. */
struct dtls_message {
	struct dtls_message *next;
	struct dtls_piece *pieces;	/* in order; they do not touch what is beside them */
	uint32_t len, have, piece_count;
	uint16_t seq;
	uint8_t type;
	bool decrypted;
	int64_t first_ns, last_ns;
};

struct dtls_messages {
	struct dtls_message *first;	/* in order */
	uint16_t next;			/* the number of the message to hand on next */
	uint8_t count;
	bool started;			/* next is known */
};

enum dtls_added {
	DTLS_ADDED,
	DTLS_OLD,			/* all of it was there already */
	DTLS_CONFLICT,			/* the same, with other bytes: the first ones stay */
	DTLS_REFUSED,			/* a limit bit */
	DTLS_FOREIGN,			/* so far ahead as no sender is: none of this handshake */
};

/* Reads the next fragment of a record; false where there is none, or nothing that could be one. */
bool dtls_fragment_read(struct reader *r, struct dtls_fragment *out);
enum dtls_added dtls_messages_add(struct dtls_messages *m, struct tls_env *env,
	const struct dtls_fragment *f, int64_t ns);
/* Takes out the message that is next, whole; NULL where it is not there yet. A hello begins a flight
 * of its own, so it never waits for what came before. The caller ends it. */
struct dtls_message *dtls_messages_take(struct dtls_messages *m, struct tls_env *env);
/* Takes out the first one, whole or not. */
struct dtls_message *dtls_messages_take_any(struct dtls_messages *m);
/* The message's bytes from its beginning up to the first hole; borrowed. */
struct bytes dtls_message_bytes(struct dtls_message *m, struct tls_env *env);
void dtls_message_destroy(struct dtls_message *m, struct tls_env *env);
void dtls_messages_finish(struct dtls_messages *m, struct tls_env *env);

/* A hello's message number may be anything: whoever asks for a cookie forgets having done so. */
static inline bool dtls_is_anchor(uint8_t type)
{
	return type >= DTLS_CLIENT_HELLO && type <= DTLS_HELLO_VERIFY_REQUEST;
}

#endif
