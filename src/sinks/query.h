/* query.h: reading a database of ours. A struct query_database is a connection that cannot write; a
 * struct query is one statement on it, stepped through row by row, so that a result of any size
 * needs no memory. Values are borrowed until the next query_step().
 */
#ifndef SINKS_QUERY_H
#define SINKS_QUERY_H

#include "base/error.h"
#include "base/reader.h"

#include <stdbool.h>
#include <stdint.h>

struct query_database;
struct query;

enum value_type { VALUE_NULL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

struct value {
	enum value_type type;
	int64_t integer;
	double real;
	struct bytes bytes; /* of a text (without its NUL) or a blob */
};

enum query_result { QUERY_ROW, QUERY_DONE, QUERY_FAILED };

/* Opens for reading; the file must exist. Where the folder cannot be written, which a WAL database
 * needs, it is read as it stands, and *stale (may be NULL) tells whether rows of a `-wal` beside it
 * are therefore not seen. */
bool query_open(const char *path, struct query_database **out, bool *stale, struct error *error);
void query_close(struct query_database *d);
/* Whose database it is, by the numbers in its header. *schema: its version. */
enum query_origin { QUERY_OURS, QUERY_NEWER, QUERY_FOREIGN };
enum query_origin query_origin(struct query_database *d, int64_t *schema);
/* Whether there is a table or view of that name. */
bool query_has(struct query_database *d, const char *name);

bool query_prepare(struct query_database *d, const char *sql, struct query **out,
		   struct error *error);
void query_finish(struct query *q);
/* Parameters count from 1. */
void query_bind(struct query *q, int parameter, int64_t value);
/* Fills the error for QUERY_FAILED only. */
enum query_result query_step(struct query *q, struct error *error);

/* Columns count from 0; names are borrowed until query_finish(). */
int query_columns(const struct query *q);
const char *query_name(const struct query *q, int column);
struct value query_value(const struct query *q, int column);

#endif
