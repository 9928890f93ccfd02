/* attempt_rows.h: storing what never became a handshake, and remembering where TLS was seen: attempts at ports that are none of
 * TLS's own count only there. Part of the SQLite sink; works within its transaction.
 */
#ifndef SINKS_ATTEMPT_ROWS_H
#define SINKS_ATTEMPT_ROWS_H

#include "overhear/attempt.h"
#include "overhear/handshake.h"

#include <sqlite3.h>

enum { TLS_SERVERS_REMEMBERED = 8192 };

struct attempt_rows {
	sqlite3_stmt *put, *put_with_tls, *note;
	/* Servers whose row is known to be there, so that it is not written with every handshake. */
	struct tls_server {
		struct address ip;
		uint32_t port;
	} known[TLS_SERVERS_REMEMBERED];
};

/* Both give SQLite's code. */
int attempt_rows_init(struct attempt_rows *a, sqlite3 *db);
void attempt_rows_finish(struct attempt_rows *a);
/* What was written may be gone again. */
void attempt_rows_forget(struct attempt_rows *a);
/* SQLITE_DONE where it is stored, or is none of ours; a later total of the same row replaces the earlier. */
int attempt_rows_put(struct attempt_rows *a, int64_t capture_id, const struct attempt *attempt);
/* SQLITE_DONE: the server's port is remembered, where TLS came first and the server spoke it. */
int attempt_rows_note(struct attempt_rows *a, const struct handshake *h);

#endif
