/* shapes.h: what many handshakes share, stored once each: lists, hellos, chains, certificates.
 *
 * Their rows are known again by a hash of what they hold, so that a reopened database goes on with the rows it has. The
 * row of a hello or chain is remembered in its `stored_id` together with the epoch in which it was true: a new number
 * drawn at each opening and whenever rows may have gone (a transaction rolled back, a capture removed).
 */
#ifndef SINKS_SHAPES_H
#define SINKS_SHAPES_H

#include "base/buffer.h"
#include "base/hash.h"
#include "overhear/handshake.h"
#include "overhear/hello.h"
#include "overhear/limits.h"
#include "sinks/digest.h"
#include "sinks/once.h"

#include <sqlite3.h>

enum { SHAPES_LISTS = 4096, SHAPES_CHAINS = 16384, SHAPES_STATEMENTS = 12 };

/* How often a chain was used since it was last written down. */
struct chain_use {
	int64_t chain, first_ns, last_ns;
	uint64_t handshakes;
};

struct shapes {
	sqlite3 *db;
	struct digest *digest;
	sqlite3_stmt *statements[SHAPES_STATEMENTS];
	struct hash_key key;
	uint32_t epoch;
	struct limit_counts *limits;
	struct buffer content;		/* scratch */
	struct once_memory lists[SHAPES_LISTS];
	unsigned uses_count;
	uint32_t used[SHAPES_CHAINS];	/* places of `uses`, in the order of first use */
	struct chain_use uses[SHAPES_CHAINS];
};

/* Returns SQLite's code; shapes_finish() works half built. */
int shapes_init(struct shapes *s, sqlite3 *db, struct digest *digest, struct limit_counts *limits);
void shapes_finish(struct shapes *s);
/* Every remembered row may be gone. */
void shapes_forget(struct shapes *s);

/* The row of a shape, stored at its first sight; 0 for NULL, -1 where SQLite refused. */
int64_t shapes_hello(struct shapes *s, struct hello *h);
int64_t shapes_chain(struct shapes *s, struct chain *c);

/* Lists of handshakes: ladders and findings. The list of what the handshake's messages were, and whose; 0 for none, -1 where SQLite refused. */
int64_t shapes_ladder(struct shapes *s, const struct handshake *h);
/* The list that was learnt with this key, 0 where none is remembered; then *quick is what to learn it with. */
int64_t shapes_recall(struct shapes *s, struct bytes key, uint64_t *quick);
/* Stores a list, a JSON array, unless the database has it; -1 where SQLite refused. */
int64_t shapes_learn(struct shapes *s, uint64_t quick, struct bytes json);

/* Notes that a handshake of this time used the chain; shapes_write_uses() must follow before SHAPES_CHAINS / 2 of them. */
void shapes_use_chain(struct shapes *s, int64_t chain, int64_t time_ns);
/* Adds the noted uses to the chains' rows; call it within the transaction that stores the handshakes. Returns SQLite's code. */
int shapes_write_uses(struct shapes *s);

#endif
