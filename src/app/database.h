/* database.h: opening a database of ours for reading, and its rows as values that can be kept. */
#ifndef APP_DATABASE_H
#define APP_DATABASE_H

#include "app/options.h"
#include "base/error.h"
#include "sinks/query.h"

#include <stddef.h>

/* Opens the database named by the operand at `index`, else "overhear.db"; what is wrong is said.
 * NULL with *status set where it cannot be used. */
struct query_database *database_open(const struct options *o, size_t index, int *status);

/* A row of a result, copied: names and values in column order. Zeroes are an empty one. */
struct row {
	size_t count;
	char **names;
	struct value *values;
};
void row_keep(struct row *row, const struct query *q);
void row_finish(struct row *row);
/* VALUE_NULL for a name that is not there. */
struct value row_value(const struct row *row, const char *name);
/* The text of a column, borrowed from the row; NULL where it is no text. */
const char *row_text(const struct row *row, const char *name);

/* Rows of `SELECT ...` with one integer parameter, or none where the text has none. */
struct rows {
	size_t count, room;
	struct row *at;
};
bool rows_read(struct rows *rows, struct query_database *d, const char *sql, int64_t parameter,
	       struct error *error);
void rows_finish(struct rows *rows);

#endif
