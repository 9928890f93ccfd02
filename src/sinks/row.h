/* row.h: one handshake bound to the INSERT of handshake_rows. */
#ifndef SINKS_ROW_H
#define SINKS_ROW_H

#include "base/buffer.h"
#include "overhear/handshake.h"
#include "record/fields.h"
#include "sinks/digest.h"

#include <sqlite3.h>

/* What the table of fields does not hold: worked out by the sink. 0: none. */
struct row_extra {
	int64_t capture_id, connection_id, resumed_from;
	int64_t traits, ladder, findings;
	int64_t client_hello, client_hello_second, server_hello, certificate_request, server_chain, client_chain;
};

enum { ROW_FIELDS_MAX = 64 };

/* Keeps the memory of one row's values until the statement has run. */
struct row {
	sqlite3_stmt *insert;
	struct digest *digest;
	const struct field *stored[ROW_FIELDS_MAX], *marks[ROW_FIELDS_MAX];
	unsigned stored_count, marks_count;
	struct buffer messages, alerts, randoms, client, server, text;
	char community_id[COMMUNITY_ID_LEN];
};

/* Returns SQLite's code; handshake_row_finish() works half built. */
int handshake_row_init(struct row *r, sqlite3 *db, struct digest *digest);
void handshake_row_finish(struct row *r);
/* Binds every value; the handshake and the row must stay until sqlite3_step(). */
void handshake_row_bind(struct row *r, const struct handshake *h, const struct row_extra *extra);

#endif
