#include "sinks/attempt_rows.h"

#include "base/buffer.h"
#include "base/text.h"
#include "overhear/handshake.h"
#include "record/attempt.h"
#include "record/fields.h"

#define PUT(condition) \
	"INSERT INTO attempt_rows(capture_id, client_ip, server_ip, server_port, reason, starttls, attempts, first_seen_ns, last_seen_ns) " \
	"SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE " condition " " \
	"ON CONFLICT(capture_id, server_ip, server_port, reason, coalesce(client_ip, ''), coalesce(starttls, '')) " \
	"DO UPDATE SET attempts = excluded.attempts, first_seen_ns = excluded.first_seen_ns, last_seen_ns = excluded.last_seen_ns"

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
}

/* The row without an address says up to which handshake the list reaches. Its servers are those that spoke TLS, and with nothing
 * before it. */
static int prepare_list(struct attempt_rows *a, sqlite3 *db)
{
	const struct field *transport = field_find("transport"), *stage = field_find("stage");
	struct buffer sql = { 0 };

	buffer_add_text(&sql, "INSERT OR IGNORE INTO tls_servers(ip, port) SELECT * FROM (SELECT ");
	field_add_view(field_find("server_ip"), &sql);
	buffer_add_text(&sql, " AS ip, ");
	field_add_view(field_find("server_port"), &sql);
	buffer_add_format(&sql,
		" AS port FROM handshake_rows h JOIN trait_rows t ON t.id = h.traits "
		"WHERE h.id > coalesce((SELECT max(port) FROM tls_servers WHERE ip = ''), 0) AND t.starttls IS NULL "
		"AND h.marks >> %u & %u = %u AND h.marks >> %u & %u >= %u) WHERE ip IS NOT NULL AND port IS NOT NULL",
		transport->bit, (1U << transport->bits) - 1, TRANSPORT_TCP, stage->bit, (1U << stage->bits) - 1, STAGE_SERVER_HELLO);
	int rc = prepare(db, buffer_text(&sql), &a->list);
	buffer_finish(&sql);
	if (rc == SQLITE_OK)
		rc = prepare(db, "DELETE FROM tls_servers WHERE ip = ''", &a->unmark);
	if (rc == SQLITE_OK)
		rc = prepare(db, "INSERT INTO tls_servers(ip, port) SELECT '', coalesce(max(id), 0) FROM handshake_rows", &a->mark);
	return rc;
}

int attempt_rows_init(struct attempt_rows *a, sqlite3 *db)
{
	int rc = prepare(db, PUT("true"), &a->put);

	a->listed = false;
	if (rc == SQLITE_OK)
		rc = prepare(db, PUT("EXISTS (SELECT 1 FROM tls_servers WHERE ip = ?3 AND port = ?4)"), &a->put_with_tls);
	return rc == SQLITE_OK ? prepare_list(a, db) : rc;
}

void attempt_rows_finish(struct attempt_rows *a)
{
	sqlite3_finalize(a->put);
	sqlite3_finalize(a->put_with_tls);
	sqlite3_finalize(a->list);
	sqlite3_finalize(a->unmark);
	sqlite3_finalize(a->mark);
}

void attempt_rows_forget(struct attempt_rows *a)
{
	a->listed = false;
}

void attempt_rows_note(struct attempt_rows *a)
{
	a->listed = false;
}

static int step(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	sqlite3_reset(statement);
	return rc;
}

static int list_servers(struct attempt_rows *a)
{
	int rc = a->listed ? SQLITE_DONE : step(a->list);

	if (a->listed || rc != SQLITE_DONE)
		return rc;
	rc = step(a->unmark);
	if (rc == SQLITE_DONE)
		rc = step(a->mark);
	a->listed = rc == SQLITE_DONE;
	return rc;
}

int attempt_rows_put(struct attempt_rows *a, int64_t capture_id, const struct attempt *attempt)
{
	sqlite3_stmt *put = attempt->only_with_tls ? a->put_with_tls : a->put;
	char client[46], server[46];
	int listed = attempt->only_with_tls ? list_servers(a) : SQLITE_DONE;

	if (listed != SQLITE_DONE)
		return listed;
	text_address(attempt->client.at, client);
	text_address(attempt->server.at, server);
	sqlite3_bind_int64(put, 1, capture_id);
	sqlite3_bind_text(put, 2, attempt->any_client ? NULL : client, -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 3, server, -1, SQLITE_STATIC);
	sqlite3_bind_int(put, 4, attempt->server_port);
	sqlite3_bind_text(put, 5, attempt_reason_name(attempt->reason), -1, SQLITE_STATIC);
	sqlite3_bind_text(put, 6, attempt->starttls[0] ? attempt->starttls : NULL, -1, SQLITE_STATIC);
	sqlite3_bind_int64(put, 7, (int64_t)attempt->attempts);
	sqlite3_bind_int64(put, 8, attempt->first_ns);
	sqlite3_bind_int64(put, 9, attempt->last_ns);
	return step(put);
}
