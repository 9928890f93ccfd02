/* row.h: one handshake bound to the INSERT of handshake_rows. */
#ifndef SINKS_ROW_H
#define SINKS_ROW_H

#include "base/buffer.h"
#include "overhear/handshake.h"
#include "sinks/digest.h"

#include <sqlite3.h>

/* What the table of fields does not hold: worked out by the sink. 0: none. */
struct row_extra {
	int64_t capture_id, connection_id, resumed_from;
	int64_t client_hello, client_hello_second, server_hello, certificate_request, server_chain, client_chain;
};

/* Keeps the memory of one row's values until the statement has run. */
struct row {
	sqlite3_stmt *insert;
	struct digest *digest;
	struct buffer messages, alerts, findings, text;
	/* Rows of finding_kinds, by the place of the kind in the program's table; NULL: none are known. */
	const struct finding_kind *kinds;
	const int64_t *kind_ids;
	size_t kind_count;
	char addresses[2][46];
	char community_id[COMMUNITY_ID_LEN];
};

void handshake_row_finish(struct row *r);
/* Binds every value; the handshake and the row must stay until sqlite3_step(). */
void handshake_row_bind(struct row *r, const struct handshake *h, const struct row_extra *extra);

#endif
