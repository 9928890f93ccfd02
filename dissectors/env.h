/* env.h: what all connections of one pipeline share: interned shapes, counters of limits, memory held, and the handshakes that are finished. */
#ifndef DISSECTORS_ENV_H
#define DISSECTORS_ENV_H

#include "base/buffer.h"
#include "base/hash.h"
#include "dissectors/crypto.h"
#include "dissectors/intern.h"
#include "dissectors/keylog.h"
#include "overhear/handshake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What all connections of one pipeline share. */
struct tls_env {
	struct intern *intern;
	struct limit_counts *limits;
	const struct hash_key *key;
	int64_t base_ns;			/* first packet of the connection that is being served; the pipeline sets it */
	const struct address *end;		/* its two ends, in the order of the flow; the pipeline sets both */
	const uint16_t *port;
	uint64_t moment;			/* of what is being served (src/app/lanes.h); the pipeline sets it */
	struct dns *dns;			/* where lookups go; the pipeline's */
	uint32_t road_note;			/* what a finished connection without a hello has to say (starttls.h); the pipeline takes it */
	uint64_t message_bytes;			/* held by unfinished messages of all connections */
	struct crypto *crypto;			/* what opens sealed records and packets */
	struct keylog *keylog;			/* the secrets that are at hand; NULL: none, and nothing is to be opened */
	/* Live: looks for new secrets, now where it is urgent, else only now and then; false where none came. NULL: there are no more
	 * than the key log holds. */
	bool (*more_secrets)(void *context, bool urgent);
	void *secrets_context;
	uint64_t sealed_bytes;			/* of all connections, waiting for their secrets */
	struct buffer record;			/* room for a record of TLS that is open; wiped after use */
	struct buffer scratch;			/* for keys of hellos */
	struct buffer opened;			/* the packet of QUIC that is open */
	uint32_t quic_keys;			/* connections of QUIC that keep their keys */
	struct handshake *finished[64];		/* handshakes to take, oldest first; drained after every push */
	size_t finished_count;
	struct handshake *spare;		/* handshakes given back, to be filled again: a list through texts_heap */
	size_t spare_count;
};

void tls_env_init(struct tls_env *env, const struct hash_key *key, struct limit_counts *limits);
/* Adds lines of a key log (keylog_add()). */
size_t tls_env_secrets(struct tls_env *env, struct bytes text, bool whole);
void tls_env_finish(struct tls_env *env);
/* Takes a handshake back: releases its shapes and keeps its memory for the next. */
void tls_env_give_back(struct tls_env *env, struct handshake *h);
/* For emitting: memory for a handshake; and letting go of the shapes of one that is not emitted. */
struct handshake *tls_env_take_spare(struct tls_env *env);
void tls_env_release_shapes(struct tls_env *env, struct handshake *h);

#endif
