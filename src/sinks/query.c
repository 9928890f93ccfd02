#include "sinks/query.h"

#include "base/buffer.h"
#include "base/xmalloc.h"
#include "sinks/schema.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BUSY_MS = 5000 };

struct query_database {
	sqlite3 *db;
};

struct query {
	sqlite3 *db;
	sqlite3_stmt *statement;
};

/* https://sqlite.org/uri.html: all but letters, digits and a few marks as %XX; "./" keeps a name
 * like ":memory:" a file. */
static void add_uri(struct buffer *out, const char *path, const char *parameters)
{
	buffer_add_text(out, path[0] == '/' ? "file://" : "file:./");
	for (const char *c = path; *c; c++) {
		unsigned char u = (unsigned char)*c;

		if ((u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') ||
		    strchr("/._-", u))
			buffer_add(out, c, 1);
		else
			buffer_add_format(out, "%%%02X", u);
	}
	buffer_add_text(out, parameters);
}

/* SQLite reads nothing before the first statement: only this one tells whether the file can be
 * used. */
static int first_look(sqlite3 *db)
{
	sqlite3_busy_timeout(db, BUSY_MS);
	/* Not SQLITE_DBCONFIG_TRUSTED_SCHEMA: before 3.41 SQLite does not hold its own ->>, which
	 * our views use, for harmless. No function of ours is registered and no extension can be
	 * loaded, so that a schema has nothing to misuse. */
	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	return sqlite3_exec(db, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
}

static int open_with(const char *path, const char *parameters, sqlite3 **out)
{
	struct buffer uri = { 0 };

	add_uri(&uri, path, parameters);
	int rc = sqlite3_open_v2(buffer_text(&uri), out, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
				 NULL);
	buffer_finish(&uri);
	return rc == SQLITE_OK ? first_look(*out) : rc;
}

static bool has_unread_wal(const char *path)
{
	struct buffer name = { 0 };
	struct stat st;

	buffer_add_format(&name, "%s-wal", path);
	bool found = !stat(buffer_text(&name), &st) && st.st_size > 0;
	buffer_finish(&name);
	return found;
}

static bool wants_immutable(int rc)
{
	rc &= 0xff;
	return rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY || rc == SQLITE_IOERR;
}

bool query_open(const char *path, struct query_database **out, bool *stale, struct error *error)
{
	sqlite3 *db = NULL;
	bool as_it_stands = false;
	int rc = open_with(path, "?mode=ro", &db);

	if (wants_immutable(rc)) {
		sqlite3_close(db);
		db = NULL;
		as_it_stands = true;
		rc = open_with(path, "?mode=ro&immutable=1", &db);
	}
	if (rc != SQLITE_OK) {
		if (rc == SQLITE_NOTADB)
			error_set(error, EXIT_IO,
				  "is not a database: name one that 'overhear read' or 'overhear "
				  "listen' wrote");
		else
			error_set(error, EXIT_IO, "cannot be read: %s",
				  db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
		sqlite3_close(db);
		return false;
	}
	if (stale)
		*stale = as_it_stands && has_unread_wal(path);
	*out = xmalloc(sizeof **out);
	(*out)->db = db;
	return true;
}

void query_close(struct query_database *d)
{
	if (!d)
		return;
	int rc = sqlite3_close(d->db);
	assert(rc == SQLITE_OK);
	free(d);
}

static int64_t header_number(sqlite3 *db, const char *pragma)
{
	sqlite3_stmt *s = NULL;
	int64_t number = 0;

	if (sqlite3_prepare_v2(db, pragma, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		number = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return number;
}

enum query_origin query_origin(struct query_database *d, int64_t *schema)
{
	*schema = header_number(d->db, "PRAGMA user_version");
	if (header_number(d->db, "PRAGMA application_id") != SCHEMA_APPLICATION_ID)
		return QUERY_FOREIGN;
	return *schema > SCHEMA_VERSION ? QUERY_NEWER : QUERY_OURS;
}

bool query_has(struct query_database *d, const char *name)
{
	sqlite3_stmt *s = NULL;
	bool found = false;

	if (sqlite3_prepare_v2(
		    d->db,
		    "SELECT 1 FROM sqlite_schema WHERE name = ?1 AND type IN ('table', 'view')", -1,
		    &s, NULL) == SQLITE_OK) {
		sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
		found = sqlite3_step(s) == SQLITE_ROW;
	}
	sqlite3_finalize(s);
	return found;
}

static bool failed(sqlite3 *db, struct error *error)
{
	return error_set(error, EXIT_IO, "cannot read the database: %s", sqlite3_errmsg(db));
}

bool query_prepare(struct query_database *d, const char *sql, struct query **out,
		   struct error *error)
{
	sqlite3_stmt *s;

	if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) != SQLITE_OK)
		return failed(d->db, error);
	*out = xmalloc(sizeof **out);
	**out = (struct query){ .db = d->db, .statement = s };
	return true;
}

void query_finish(struct query *q)
{
	if (!q)
		return;
	sqlite3_finalize(q->statement);
	free(q);
}

void query_bind(struct query *q, int parameter, int64_t value)
{
	int rc = sqlite3_bind_int64(q->statement, parameter, value);
	assert(rc == SQLITE_OK);
}

enum query_result query_step(struct query *q, struct error *error)
{
	int rc = sqlite3_step(q->statement);

	if (rc == SQLITE_ROW)
		return QUERY_ROW;
	if (rc == SQLITE_DONE)
		return QUERY_DONE;
	failed(q->db, error);
	return QUERY_FAILED;
}

int query_columns(const struct query *q)
{
	return sqlite3_column_count(q->statement);
}

const char *query_name(const struct query *q, int column)
{
	const char *name = sqlite3_column_name(q->statement, column);

	return name ? name : "";
}

static struct bytes column_bytes(sqlite3_stmt *s, int column)
{
	const uint8_t *at = sqlite3_column_blob(s, column);

	return (struct bytes){ at, at ? (size_t)sqlite3_column_bytes(s, column) : 0 };
}

struct value query_value(const struct query *q, int column)
{
	sqlite3_stmt *s = q->statement;

	switch (sqlite3_column_type(s, column)) {
	case SQLITE_INTEGER:
		return (struct value){ .type = VALUE_INTEGER,
				       .integer = sqlite3_column_int64(s, column) };
	case SQLITE_FLOAT:
		return (struct value){ .type = VALUE_REAL,
				       .real = sqlite3_column_double(s, column) };
	case SQLITE_TEXT:
		return (struct value){ .type = VALUE_TEXT, .bytes = column_bytes(s, column) };
	case SQLITE_BLOB:
		return (struct value){ .type = VALUE_BLOB, .bytes = column_bytes(s, column) };
	default:
		return (struct value){ .type = VALUE_NULL };
	}
}
