/* traits.h: the fields that the table of fields calls shared: many handshakes agree in all of them, and point at one row.
 * A row is known again by a hash of its values, so that a reopened database goes on with the rows it has.
 */
#ifndef SINKS_TRAITS_H
#define SINKS_TRAITS_H

#include "base/buffer.h"
#include "base/hash.h"
#include "overhear/handshake.h"
#include "record/fields.h"
#include "sinks/digest.h"
#include "sinks/once.h"

#include <sqlite3.h>

enum { TRAITS_REMEMBERED = 2048, TRAITS_FIELDS_MAX = 32 };

struct traits {
	sqlite3 *db;
	struct digest *digest;
	sqlite3_stmt *find, *add;
	const struct field *fields[TRAITS_FIELDS_MAX];
	unsigned count;
	struct hash_key key;
	struct buffer values, scratch;
	struct once_memory remembered[TRAITS_REMEMBERED];
};

/* Returns SQLite's code; traits_finish() works half built. */
int traits_init(struct traits *t, sqlite3 *db, struct digest *digest);
void traits_finish(struct traits *t);
/* Every remembered row may be gone. */
void traits_forget(struct traits *t);

/* The row of the handshake's traits, stored at its first sight; -1 where SQLite refused. */
int64_t traits_store(struct traits *t, const struct handshake *h);

#endif
