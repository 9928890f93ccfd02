#include "app/database.h"

#include "app/message.h"
#include "base/xmalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define DATABASE_DEFAULT "overhear.db"

static bool check_file(const char *path, struct error *error)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno != ENOENT)
			return error_set(error, EXIT_IO, "cannot be opened: %s", strerror(errno));
		return error_set(error, EXIT_IO,
				 "no such database: make one with 'overhear read FILE -o %s', or "
				 "name another",
				 path);
	}
	if (S_ISDIR(st.st_mode))
		return error_set(error, EXIT_IO, "is a folder: name the database in it");
	if (S_ISREG(st.st_mode) && !st.st_size)
		return error_set(error, EXIT_IO, "is empty: 'overhear read FILE -o %s' fills it",
				 path);
	return true;
}

static bool check_ours(struct query_database *d, struct error *error)
{
	int64_t schema;
	enum query_origin origin = query_origin(d, &schema);

	if (origin == QUERY_FOREIGN)
		return error_set(error, EXIT_IO,
				 "is not a database of overhear: name one that 'overhear read' or "
				 "'overhear listen' wrote");
	if (origin == QUERY_NEWER)
		return error_set(error, EXIT_IO,
				 "is newer than this program (its schema is %lld): update overhear",
				 (long long)schema);
	if (!query_has(d, "handshakes"))
		return error_set(
			error, EXIT_IO,
			"has no view 'handshakes': it was not written to its end; record again");
	return true;
}

static struct query_database *open_checked(const char *path, struct error *error)
{
	struct query_database *d = NULL;
	bool stale = false;

	if (!check_file(path, error) || !query_open(path, &d, &stale, error))
		return NULL;
	if (!check_ours(d, error)) {
		query_close(d);
		return NULL;
	}
	if (stale)
		message("%s: its folder cannot be written, so the newest rows in '%s-wal' are not "
			"shown: copy both files elsewhere to see them",
			path, path);
	return d;
}

struct query_database *database_open(const struct options *o, size_t index, int *status)
{
	const char *path = index < o->operand_count ? o->operands[index] : DATABASE_DEFAULT;
	struct error error = { 0 };
	struct query_database *d = open_checked(path, &error);

	*status = d ? EXIT_DONE : message_error(path, &error);
	return d;
}

/* A copy with a NUL behind it, so that texts are C strings too. */
static struct bytes copy_bytes(struct bytes b)
{
	uint8_t *to = xmalloc(b.len + 1);

	if (b.len)
		memcpy(to, b.at, b.len);
	to[b.len] = 0;
	return (struct bytes){ to, b.len };
}

void row_keep(struct row *row, const struct query *q)
{
	row_finish(row);
	row->count = (size_t)query_columns(q);
	row->names = xcalloc(row->count, sizeof *row->names);
	row->values = xcalloc(row->count, sizeof *row->values);
	for (size_t i = 0; i < row->count; i++) {
		const char *name = query_name(q, (int)i);
		struct value v = query_value(q, (int)i);

		if (v.type == VALUE_TEXT || v.type == VALUE_BLOB)
			v.bytes = copy_bytes(v.bytes);
		row->names[i] = (char *)(uintptr_t)copy_bytes(
					(struct bytes){ (const uint8_t *)name, strlen(name) })
					.at;
		row->values[i] = v;
	}
}

void row_finish(struct row *row)
{
	if (!row)
		return;
	for (size_t i = 0; i < row->count; i++) {
		free(row->names[i]);
		free((void *)(uintptr_t)row->values[i].bytes.at);
	}
	free(row->names);
	free(row->values);
	*row = (struct row){ 0 };
}

struct value row_value(const struct row *row, const char *name)
{
	for (size_t i = 0; i < row->count; i++)
		if (!strcmp(row->names[i], name))
			return row->values[i];
	return (struct value){ .type = VALUE_NULL };
}

const char *row_text(const struct row *row, const char *name)
{
	struct value v = row_value(row, name);

	return v.type == VALUE_TEXT ? (const char *)v.bytes.at : NULL;
}

bool rows_read(struct rows *rows, struct query_database *d, const char *sql, int64_t parameter,
	       struct error *error)
{
	struct query *q = NULL;
	enum query_result result;

	if (!query_prepare(d, sql, &q, error))
		return false;
	if (strchr(sql, '?'))
		query_bind(q, 1, parameter);
	while ((result = query_step(q, error)) == QUERY_ROW) {
		if (rows->count == rows->room) {
			rows->room = rows->room ? rows->room * 2 : 16;
			rows->at = xrealloc(rows->at, rows->room * sizeof *rows->at);
		}
		rows->at[rows->count] = (struct row){ 0 };
		row_keep(&rows->at[rows->count++], q);
	}
	query_finish(q);
	return result == QUERY_DONE;
}

void rows_finish(struct rows *rows)
{
	if (!rows)
		return;
	for (size_t i = 0; i < rows->count; i++)
		row_finish(&rows->at[i]);
	free(rows->at);
	*rows = (struct rows){ 0 };
}
