#include "sinks/attempt_rows.h"

#include "base/text.h"
#include "record/attempt.h"

#include <string.h>

#define PUT(condition) \
	"INSERT INTO attempt_rows(capture_id, client_ip, server_ip, server_port, reason, starttls, attempts, first_seen_ns, last_seen_ns) " \
	"SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE " condition " " \
	"ON CONFLICT(capture_id, server_ip, server_port, reason, coalesce(client_ip, ''), coalesce(starttls, '')) " \
	"DO UPDATE SET attempts = excluded.attempts, first_seen_ns = excluded.first_seen_ns, last_seen_ns = excluded.last_seen_ns"

int attempt_rows_init(struct attempt_rows *a, sqlite3 *db)
{
	int rc = sqlite3_prepare_v3(db, PUT("true"), -1, SQLITE_PREPARE_PERSISTENT, &a->put, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(db, PUT("EXISTS (SELECT 1 FROM tls_servers WHERE ip = ?3 AND port = ?4)"), -1,
			SQLITE_PREPARE_PERSISTENT, &a->put_with_tls, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(db, "INSERT OR IGNORE INTO tls_servers(ip, port) VALUES(?1, ?2)", -1, SQLITE_PREPARE_PERSISTENT,
			&a->note, NULL);
	return rc;
}

void attempt_rows_finish(struct attempt_rows *a)
{
	sqlite3_finalize(a->put);
	sqlite3_finalize(a->put_with_tls);
	sqlite3_finalize(a->note);
}

void attempt_rows_forget(struct attempt_rows *a)
{
	memset(a->known, 0, sizeof a->known);
}

static int step(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	sqlite3_reset(statement);
	return rc;
}

int attempt_rows_put(struct attempt_rows *a, int64_t capture_id, const struct attempt *attempt)
{
	sqlite3_stmt *put = attempt->only_with_tls ? a->put_with_tls : a->put;
	char client[46], server[46];

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

/* Any address, spread by what differs most. */
static struct tls_server *place_of(struct attempt_rows *a, const struct tls_server *server)
{
	uint64_t half[2];

	memcpy(half, server->ip.at, sizeof half);
	uint64_t mixed = ((half[0] ^ half[1]) + server->port) * UINT64_C(0x9e3779b97f4a7c15);
	return &a->known[mixed >> 32 & (TLS_SERVERS_REMEMBERED - 1)];
}

int attempt_rows_note(struct attempt_rows *a, const struct handshake *h)
{
	struct tls_server server = { .ip = h->server, .port = h->server_port };
	struct tls_server *place = place_of(a, &server);
	char ip[46];

	if (h->transport != TRANSPORT_TCP || h->starttls.len || h->stage < STAGE_SERVER_HELLO || !memcmp(place, &server, sizeof server))
		return SQLITE_DONE;
	text_address(server.ip.at, ip);
	sqlite3_bind_text(a->note, 1, ip, -1, SQLITE_STATIC);
	sqlite3_bind_int(a->note, 2, h->server_port);
	int rc = step(a->note);
	if (rc == SQLITE_DONE)
		*place = server;
	return rc;
}
