/* attempt_rows.h: storing what never became a handshake. Attempts at ports that are none of TLS's own count only where TLS was
 * seen: where that is, is listed from the stored handshakes when such an attempt asks, not with every handshake. Part of the
 * SQLite sink; works within its transaction.
 */
#ifndef SINKS_ATTEMPT_ROWS_H
#define SINKS_ATTEMPT_ROWS_H

#include "overhear/attempt.h"

#include <sqlite3.h>
#include <stdbool.h>

struct attempt_rows {
	sqlite3_stmt *put, *put_with_tls, *list, *unmark, *mark;
	bool listed;		/* every stored handshake's server is in the list */
};

/* Both give SQLite's code. */
int attempt_rows_init(struct attempt_rows *a, sqlite3 *db);
void attempt_rows_finish(struct attempt_rows *a);
/* What was written may be gone again. */
void attempt_rows_forget(struct attempt_rows *a);
/* SQLITE_DONE where it is stored, or is none of ours; a later total of the same row replaces the earlier. */
int attempt_rows_put(struct attempt_rows *a, int64_t capture_id, const struct attempt *attempt);
/* A handshake was stored. */
void attempt_rows_note(struct attempt_rows *a);

#endif
