#include "sinks/sqlite.h"

#include "base/text.h"
#include "base/xmalloc.h"
#include "sinks/attempt_rows.h"
#include "sinks/findings.h"
#include "sinks/keep.h"
#include "sinks/look.h"
#include "sinks/migrate.h"
#include "sinks/once.h"
#include "sinks/row.h"
#include "sinks/schema.h"
#include "sinks/shapes.h"
#include "sinks/traits.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ROWS_PER_TRANSACTION = SHAPES_CHAINS / 4, /* each may use two chains */
	BUSY_STEP_MS = 20,			  /* between two looks whether a lock is gone */
	BUSY_STEPS = 30000, /* and how many: another program may hold the database for minutes */
	KEEP_ROWS = 512, /* removed in one step, or twice what came since the last, lest it never ends */
	PAGE_LEN = 8192,
	CACHE_KIB = 3072,
	SESSIONS = 16384, /* handshakes whose ticket or session may be met again */
};

enum statement {
	BEGIN,
	COMMIT,
	ROLLBACK,
	ADD_CAPTURE,
	END_CAPTURE,
	NOTE_CONNECTION,
	FIND_CAPTURE,
	DATA_VERSION,
	STATEMENT_COUNT
};

static const char *const statement_sql[STATEMENT_COUNT] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[ADD_CAPTURE] = "INSERT INTO capture_runs(source, kind, link_type, filter, sensor, limits, "
			"version, connection_last) "
			"VALUES(?1, ?2, ?3, ?4, ?5, '{}', ?6, 0)",
	[END_CAPTURE] = "UPDATE capture_runs SET link_type = ?2, fingerprint = ?3, status = ?4, "
			"started_ns = ?5, ended_ns = ?6, packets = ?7, "
			"bytes = ?8, kernel_drops = ?9, interface_drops = ?10, truncated_packets = "
			"?11, malformed_packets = ?12, "
			"reassembly_gaps = ?13, flows = ?14, evicted_flows = ?15, handshakes = "
			"?16, limits = ?17 WHERE id = ?1",
	[NOTE_CONNECTION] =
		"UPDATE capture_runs SET connection_last = max(connection_last, ?2) WHERE id = ?1",
	[FIND_CAPTURE] = ("SELECT id, status FROM capture_runs WHERE fingerprint = ?1 AND status IS "
			  "NOT NULL ORDER BY id DESC LIMIT 1"),
	[DATA_VERSION] = "PRAGMA data_version",
};

/* The handshake that gave a session or ticket, by its hash. */
struct session {
	uint64_t hash;
	int64_t handshake;
};

struct sink {
	sqlite3 *db;
	char *path;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	struct digest digest;
	struct row row;
	struct traits traits;
	struct findings findings;
	struct shapes shapes;
	struct attempt_rows attempts;
	int64_t capture_id;  /* the one that began last */
	int64_t connections; /* added to the run's connection ids, which start at 1 */
	int64_t connection_last;
	uint64_t pending; /* rows of the open transaction */
	struct sink_counts counts;
	uint64_t lost_at_begin;
	int64_t data_version;	/* changes whenever another connection has written */
	bool (*wait)(void *context, int times);
	void *wait_context;
	struct keep keep;
	uint64_t put_since_keep;
	struct session sessions[SESSIONS];
};

static const char *reason(struct sink *s)
{
	int os = s->db ? sqlite3_system_errno(s->db) : 0;
	int code = s->db ? sqlite3_errcode(s->db) & 0xff : SQLITE_NOMEM;

	if (code == SQLITE_FULL)
		return "disk full";
	if (os && (code == SQLITE_CANTOPEN || code == SQLITE_IOERR || code == SQLITE_READONLY))
		return strerror(os);
	return s->db ? sqlite3_errmsg(s->db) : "out of memory";
}

static bool cannot(struct sink *s, const char *verb, struct error *error)
{
	return error_set(error, EXIT_IO, "cannot %s '%s': %s", verb, s->path, reason(s));
}

static int step(struct sink *s, enum statement which)
{
	int rc = sqlite3_step(s->statements[which]);

	sqlite3_reset(s->statements[which]);
	return rc;
}

/* Rows that handshakes share may be gone. */
static void forget_rows(struct sink *s)
{
	shapes_forget(&s->shapes);
	traits_forget(&s->traits);
}

/* The rows of the open transaction are gone. */
static void forget_pending(struct sink *s)
{
	s->counts.lost += s->pending;
	s->pending = 0;
	forget_rows(s);
	attempt_rows_forget(&s->attempts);
	memset(s->sessions, 0, sizeof s->sessions);
}

/* What failed has its reason in the database's handle, which a rollback would overwrite. */
static bool give_up(struct sink *s, struct error *error)
{
	cannot(s, "write", error);
	if (!sqlite3_get_autocommit(s->db))
		step(s, ROLLBACK);
	forget_pending(s);
	return false;
}

/* What is remembered of rows may be gone where another program wrote since, as one that removes old handshakes. */
static void look_for_other_writers(struct sink *s)
{
	sqlite3_stmt *ask = s->statements[DATA_VERSION];
	int64_t version = sqlite3_step(ask) == SQLITE_ROW ? sqlite3_column_int64(ask, 0) : -1;

	sqlite3_reset(ask);
	if (version == s->data_version)
		return;
	s->data_version = version;
	forget_rows(s);
	attempt_rows_forget(&s->attempts);
}

/* Another program holds the database: called by SQLite until it does not, or we give up. */
static int when_busy(void *context, int times)
{
	struct sink *s = context;

	if (s->wait)
		return s->wait(s->wait_context, times);
	sqlite3_sleep(BUSY_STEP_MS);
	return times < BUSY_STEPS;
}

static bool begin_transaction(struct sink *s)
{
	if (!sqlite3_get_autocommit(s->db))
		return true;
	if (step(s, BEGIN) != SQLITE_DONE)
		return false;
	look_for_other_writers(s);
	return true;
}

static bool note_connection(struct sink *s)
{
	if (!s->capture_id)
		return true;
	sqlite3_bind_int64(s->statements[NOTE_CONNECTION], 1, s->capture_id);
	sqlite3_bind_int64(s->statements[NOTE_CONNECTION], 2, s->connection_last);
	return step(s, NOTE_CONNECTION) == SQLITE_DONE;
}

static bool commit(struct sink *s, struct error *error)
{
	if (sqlite3_get_autocommit(s->db))
		return true;
	if (shapes_write_uses(&s->shapes) != SQLITE_OK || !note_connection(s) ||
	    step(s, COMMIT) != SQLITE_DONE)
		return give_up(s, error);
	s->counts.handshakes += s->pending;
	s->pending = 0;
	return true;
}

/* --- opening --- */

static int64_t ask_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int64_t v = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		v = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return v;
}

static bool set_up(struct sink *s)
{
	char sql[256];

	sqlite3_busy_handler(s->db, when_busy, s);
	snprintf(sql, sizeof sql,
		 "PRAGMA synchronous = NORMAL; PRAGMA page_size = %d; PRAGMA journal_mode = WAL; "
		 "PRAGMA cache_size = -%d;"
		 "PRAGMA wal_autocheckpoint = 2000;"
		 "PRAGMA journal_size_limit = 67108864",
		 PAGE_LEN, CACHE_KIB);
	return sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* Tables, views and names, in one transaction; from it on SQLite's companion files are open. */
static bool make_schema(struct sink *s)
{
	int rc = sqlite3_exec(s->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		return false;
	int64_t version = ask_number(s->db, "PRAGMA user_version");
	if (version == 0)
		rc = schema_create(s->db);
	else if (version != SCHEMA_VERSION)
		rc = version > 0 && version < SCHEMA_VERSION ? migrate(s->db, version) : SQLITE_ERROR;
	if (rc == SQLITE_OK)
		rc = schema_refresh_names(s->db);
	return rc == SQLITE_OK && sqlite3_exec(s->db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

static bool prepare(struct sink *s)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < STATEMENT_COUNT && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(s->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
					&s->statements[i], NULL);
	if (rc == SQLITE_OK)
		rc = handshake_row_init(&s->row, s->db, &s->digest);
	if (rc == SQLITE_OK)
		rc = traits_init(&s->traits, s->db, &s->digest);
	if (rc == SQLITE_OK)
		rc = shapes_init(&s->shapes, s->db, &s->digest, NULL);
	if (rc == SQLITE_OK)
		rc = attempt_rows_init(&s->attempts, s->db);
	return rc == SQLITE_OK;
}

static void destroy(struct sink *s)
{
	shapes_finish(&s->shapes);
	attempt_rows_finish(&s->attempts);
	keep_finish(&s->keep);
	traits_finish(&s->traits);
	findings_finish(&s->findings);
	handshake_row_finish(&s->row);
	for (int i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(s->statements[i]);
	digest_finish(&s->digest);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

/* The cache of pages in one piece: glibc would grow a thread's memory by a page of its own for each. And nobody asks how much
 * memory SQLite has, which it would count under a lock at every malloc. Without effect where SQLite runs already. */
static void settle_memory(void)
{
	sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, PAGE_LEN, CACHE_KIB * 1024 / PAGE_LEN);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static bool open_database(struct sink **out, const char *where, struct error *error)
{
	settle_memory();
	bool is_new;

	if (!look_at_database(where, &is_new, error) || !look_make_database(where, error))
		return false;
	struct sink *s = xcalloc(1, sizeof *s);
	s->path = xmalloc(strlen(where) + 1);
	memcpy(s->path, where, strlen(where) + 1);
	digest_init(&s->digest);
	if (sqlite3_open_v2(where, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
		    SQLITE_OK ||
	    !set_up(s) || !make_schema(s) || !prepare(s)) {
		cannot(s, "open", error);
		destroy(s);
		if (is_new)
			look_unmake_database(where);
		return false;
	}
	s->connections =
		ask_number(s->db, "SELECT coalesce(max(connection_last), 0) FROM capture_runs");
	s->connection_last = s->connections;
	*out = s;
	return true;
}

/* --- captures --- */

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	if (text)
		sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, at);
}

/* A path may hold any bytes; the database holds text. */
static void bind_safe(sqlite3_stmt *statement, int at, const char *text)
{
	struct buffer safe = { 0 };

	if (text) {
		text_add_safe(&safe, (struct bytes){ (const uint8_t *)text, strlen(text) });
		sqlite3_bind_text(statement, at, buffer_text(&safe), (int)safe.len,
				  SQLITE_TRANSIENT);
	} else {
		sqlite3_bind_null(statement, at);
	}
	buffer_finish(&safe);
}

static bool begin_capture(struct sink *s, struct capture *c, struct error *error)
{
	sqlite3_stmt *add = s->statements[ADD_CAPTURE];

	if (!commit(s, error))
		return false;
	if (!begin_transaction(s))
		return cannot(s, "write", error);
	bind_safe(add, 1, c->source);
	bind_text(add, 2, c->kind);
	bind_text(add, 3, c->link_type);
	bind_safe(add, 4, c->filter);
	bind_safe(add, 5, c->sensor);
	bind_text(add, 6, OVERHEAR_VERSION);
	if (step(s, ADD_CAPTURE) != SQLITE_DONE)
		return give_up(s, error);
	int64_t id = sqlite3_last_insert_rowid(s->db);
	if (!commit(s, error))
		return false;
	c->id = id;
	s->capture_id = id;
	s->lost_at_begin = s->counts.lost;
	return true;
}

static void bind_time(sqlite3_stmt *statement, int at, int64_t time_ns)
{
	if (time_ns == TIME_NONE)
		sqlite3_bind_null(statement, at);
	else
		sqlite3_bind_int64(statement, at, time_ns);
}

static void bind_if(sqlite3_stmt *statement, int at, bool known, uint64_t v)
{
	if (known)
		sqlite3_bind_int64(statement, at, (int64_t)v);
	else
		sqlite3_bind_null(statement, at);
}

/* And how many handshakes could not be stored, which is no limit of ours but belongs to what is missing. */
static void write_limits(struct buffer *out, const struct limit_counts *counts, uint64_t rows_lost)
{
	buffer_add_text(out, "{");
	for (int i = 0; i < LIMIT_COUNT; i++)
		if (counts->bitten[i])
			buffer_add_format(out, "%s\"%s\":%llu", out->len > 1 ? "," : "",
					  limit_table[i].name,
					  (unsigned long long)counts->bitten[i]);
	if (rows_lost)
		buffer_add_format(out, "%s\"rows_lost\":%llu", out->len > 1 ? "," : "", (unsigned long long)rows_lost);
	buffer_add_text(out, "}");
}

static void bind_end(struct sink *s, const struct capture *c, const char *limits_json)
{
	sqlite3_stmt *end = s->statements[END_CAPTURE];
	bool whole =
		!c->rows_lost && s->counts.lost == s->lost_at_begin; /* else it is worth reading again */

	sqlite3_bind_int64(end, 1, c->id);
	bind_text(end, 2, c->link_type);
	bind_text(end, 3, whole ? c->fingerprint : NULL);
	sqlite3_bind_int(end, 4, c->status);
	bind_time(end, 5, c->started_ns);
	bind_time(end, 6, c->ended_ns);
	const uint64_t counters[] = { c->packets, c->bytes };
	for (int i = 0; i < 2; i++)
		sqlite3_bind_int64(end, 7 + i, (int64_t)counters[i]);
	bind_if(end, 9, c->drops_known, c->kernel_drops);
	bind_if(end, 10, c->drops_known, c->interface_drops);
	const uint64_t more[] = { c->truncated_packets, c->malformed_packets,
				  c->reassembly_gaps,	c->flows,
				  c->evicted_flows,	c->handshakes };
	for (int i = 0; i < 6; i++)
		sqlite3_bind_int64(end, 11 + i, (int64_t)more[i]);
	bind_text(end, 17, limits_json);
}

static bool end_capture(struct sink *s, const struct capture *c, struct error *error)
{
	struct buffer json = { 0 };
	bool kept = commit(s, error), done = false;

	write_limits(&json, &c->limits, c->rows_lost + s->counts.lost - s->lost_at_begin);
	if (!begin_transaction(s)) {
		cannot(s, "write", error);
	} else {
		bind_end(s, c, buffer_text(&json));
		done = step(s, END_CAPTURE) == SQLITE_DONE ? commit(s, error) : give_up(s, error);
	}
	buffer_finish(&json);
	if (done)
		sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	return kept && done;
}

bool sqlite_find_capture(struct sink *s, const char *fingerprint, int *status, int64_t *id)
{
	sqlite3_stmt *find = s->statements[FIND_CAPTURE];

	bind_text(find, 1, fingerprint);
	bool found = fingerprint && sqlite3_step(find) == SQLITE_ROW;
	if (found) {
		*id = sqlite3_column_int64(find, 0);
		*status = sqlite3_column_int(find, 1);
	}
	sqlite3_reset(find);
	return found;
}

/* What follows the handshakes of capture %lld into oblivion, in an order that never leaves a
 * reference to nothing. */
static const char forget_sql[] =
	"DELETE FROM attempt_rows WHERE capture_id = %1$lld;"
	"UPDATE handshake_rows SET resumed_from = NULL WHERE resumed_from IN (SELECT id FROM "
	"handshake_rows WHERE capture_id = %1$lld);"
	"DELETE FROM handshake_rows WHERE capture_id = %1$lld;"
	/* attempt_rows.h: ids that are free again will be those of others. */
	"UPDATE tls_servers SET port = min(port, (SELECT coalesce(max(id), 0) FROM handshake_rows)) WHERE ip = '';"
	"DELETE FROM capture_runs WHERE id = %1$lld;"
	"DELETE FROM hello_rows WHERE id NOT IN (SELECT client_hello FROM handshake_rows WHERE "
	"client_hello IS NOT NULL "
	"UNION SELECT client_hello_second FROM handshake_rows WHERE client_hello_second IS NOT "
	"NULL "
	"UNION SELECT server_hello FROM handshake_rows WHERE server_hello IS NOT NULL "
	"UNION SELECT certificate_request FROM handshake_rows WHERE certificate_request IS NOT "
	"NULL);"
	"DELETE FROM trait_rows WHERE id NOT IN (SELECT traits FROM handshake_rows);"
	"DELETE FROM handshake_lists WHERE id NOT IN (SELECT ladder FROM handshake_rows WHERE ladder IS NOT "
	"NULL UNION SELECT findings FROM handshake_rows WHERE findings IS NOT NULL);"
	"DELETE FROM lists WHERE id NOT IN (SELECT k.value FROM hello_rows y, "
	"json_each(json_array(y.version, y.cipher, y.extension, "
	"y.\"group\", y.key_share, y.signature_scheme, y.alpn, y.compression, y.psk_mode, "
	"y.certificate_authority)) k "
	"WHERE k.value IS NOT NULL);"
	"CREATE TEMP TABLE used AS SELECT chain, count(*) AS handshakes, min(time_ns) AS first_ns, "
	"max(time_ns) AS last_ns FROM "
	"(SELECT server_chain AS chain, time_ns FROM handshake_rows WHERE server_chain IS NOT NULL "
	"UNION ALL SELECT client_chain, time_ns FROM handshake_rows WHERE client_chain IS NOT "
	"NULL) GROUP BY chain;"
	"DELETE FROM chain_members WHERE chain NOT IN (SELECT chain FROM used);"
	"DELETE FROM chain_rows WHERE id NOT IN (SELECT chain FROM used);"
	"UPDATE chain_rows SET handshakes = u.handshakes, first_seen_ns = u.first_ns, last_seen_ns "
	"= u.last_ns FROM used u WHERE u.chain = id;"
	"DELETE FROM certificate_rows WHERE id NOT IN (SELECT certificate FROM chain_members);"
	"DROP TABLE used;";

bool sqlite_forget_capture(struct sink *s, int64_t id, struct error *error)
{
	struct buffer sql = { 0 };

	if (!commit(s, error))
		return false;
	if (!begin_transaction(s))
		return cannot(s, "write", error);
	buffer_add_format(&sql, forget_sql, (long long)id);
	int rc = sqlite3_exec(s->db, buffer_text(&sql), NULL, NULL, NULL);
	buffer_finish(&sql);
	if (rc != SQLITE_OK || step(s, COMMIT) != SQLITE_DONE)
		return give_up(s, error);
	forget_pending(s);
	return true;
}

void sqlite_wait_with(struct sink *s, bool (*wait)(void *context, int times), void *context)
{
	s->wait = wait;
	s->wait_context = context;
}

bool sqlite_keep(struct sink *s, const struct keep_limits *limits, bool *more, struct error *error)
{
	uint64_t rows = s->put_since_keep * 2;
	struct keep_done done = { 0 };

	*more = false;
	if (!commit(s, error))
		return false;
	if (!s->keep.db && keep_init(&s->keep, s->db) != SQLITE_OK)
		return cannot(s, "write", error);
	if (!begin_transaction(s))
		return cannot(s, "write", error);
	if (keep_step(&s->keep, limits, s->capture_id, rows > KEEP_ROWS ? (unsigned)rows : KEEP_ROWS, &done) != SQLITE_OK)
		return give_up(s, error);
	if (done.shapes_gone)
		forget_rows(s);
	s->put_since_keep = 0;
	*more = done.more;
	return commit(s, error);
}

bool sqlite_know_findings(struct sink *s, const struct finding_kind *kinds, size_t count, struct error *error)
{
	if (!commit(s, error))
		return false;
	if (!begin_transaction(s))
		return cannot(s, "write", error);
	if (!findings_know(&s->findings, s->db, kinds, count))
		return give_up(s, error);
	return commit(s, error);
}

void sqlite_count_limits(struct sink *s, struct limit_counts *limit_counts)
{
	s->shapes.limits = limit_counts;
}

/* --- handshakes --- */

static bool is_resumed(const struct handshake *h)
{
	return h->resumption >= RESUMPTION_SESSION_ID && h->session_offered;
}

static int64_t resumed_from(const struct sink *s, const struct handshake *h)
{
	const struct session *session = &s->sessions[h->session_offered % SESSIONS];

	if (h->resumed_from > 0)
		return h->resumed_from;
	return is_resumed(h) && session->hash == h->session_offered ? session->handshake : 0;
}

static void note_session(struct sink *s, uint64_t hash, int64_t id)
{
	if (hash)
		s->sessions[hash % SESSIONS] = (struct session){ .hash = hash, .handshake = id };
}

static void note_sessions(struct sink *s, const struct handshake *h, int64_t id)
{
	note_session(s, h->session_given, id);
	for (int i = 0; i < HANDSHAKE_TICKETS_MORE; i++)
		note_session(s, h->more_sessions_given[i], id);
}

/* The rows that the handshake's row refers to; false where one could not be stored. */
static bool store_shapes(struct sink *s, struct handshake *h, struct row_extra *extra)
{
	extra->client_hello = shapes_hello(&s->shapes, h->client_hello);
	extra->client_hello_second = shapes_hello(&s->shapes, h->client_hello_second);
	extra->server_hello = shapes_hello(&s->shapes, h->server_hello);
	extra->certificate_request = shapes_hello(&s->shapes, h->certificate_request);
	extra->server_chain = shapes_chain(&s->shapes, h->server_chain);
	extra->client_chain = shapes_chain(&s->shapes, h->client_chain);
	extra->ladder = shapes_ladder(&s->shapes, h);
	extra->findings = findings_store(&s->findings, &s->shapes, h->findings);
	extra->traits = traits_store(&s->traits, h);
	return extra->ladder >= 0 && extra->findings >= 0 && extra->traits > 0 && extra->client_hello >= 0 && extra->client_hello_second >= 0 &&
	       extra->server_hello >= 0 && extra->certificate_request >= 0 &&
	       extra->server_chain >= 0 && extra->client_chain >= 0;
}

static void note_chains(struct sink *s, const struct handshake *h, const struct row_extra *extra)
{
	if (h->time_ns == TIME_NONE)
		return;
	if (extra->server_chain)
		shapes_use_chain(&s->shapes, extra->server_chain, h->time_ns);
	if (extra->client_chain && extra->client_chain != extra->server_chain)
		shapes_use_chain(&s->shapes, extra->client_chain, h->time_ns);
}

static bool put_handshake(struct sink *s, struct handshake *h, struct error *error)
{
	struct row_extra extra = {
		.capture_id = h->capture_id ? h->capture_id : s->capture_id,
		.connection_id = s->connections + (int64_t)h->connection_id,
		.resumed_from = resumed_from(s, h),
	};

	if (!begin_transaction(s)) {
		s->counts.lost++;
		return cannot(s, "write", error);
	}
	s->pending++;
	if (!store_shapes(s, h, &extra))
		return give_up(s, error);
	handshake_row_bind(&s->row, h, &extra);
	if (!once_run(s->row.insert))
		return give_up(s, error);
	attempt_rows_note(&s->attempts);
	s->put_since_keep++;
	note_chains(s, h, &extra);
	note_sessions(s, h, sqlite3_last_insert_rowid(s->db));
	if (extra.connection_id > s->connection_last)
		s->connection_last = extra.connection_id;
	return s->pending < ROWS_PER_TRANSACTION || commit(s, error);
}

static bool put_attempts(struct sink *s, const struct attempt *attempts, size_t count,
			 struct error *error)
{
	if (!begin_transaction(s))
		return cannot(s, "write", error);
	for (size_t i = 0; i < count; i++)
		if (attempt_rows_put(&s->attempts, s->capture_id, &attempts[i]) != SQLITE_DONE)
			return give_up(s, error);
	return true;
}

static bool flush(struct sink *s, struct error *error)
{
	return commit(s, error);
}

static void counts(const struct sink *s, struct sink_counts *out)
{
	*out = s->counts;
}

static bool close_database(struct sink *s, struct error *error)
{
	if (!s)
		return true;
	bool done = commit(s, error);
	destroy(s);
	return done;
}

const struct sink_ops sqlite_sink = {
	.name = "sqlite",
	.open = open_database,
	.begin = begin_capture,
	.put = put_handshake,
	.put_attempts = put_attempts,
	.flush = flush,
	.end = end_capture,
	.counts = counts,
	.close = close_database,
};
