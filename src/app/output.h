/* output.h: values as text, JSON and CSV, on standard output. */
#ifndef APP_OUTPUT_H
#define APP_OUTPUT_H

#include "app/database.h"
#include "base/buffer.h"
#include "sinks/query.h"

#include <stdbool.h>

/* Plain text, no control bytes; nothing for NULL. Blobs as hex. */
void output_add_text(struct buffer *out, struct value v);
/* JSON by the value's own type; a column that holds JSON (contract: risks, inferred, limits, san)
 * is put in as it is. Blobs as hex. */
void output_add_json(struct buffer *out, const char *column, struct value v);
void output_add_json_row(struct buffer *out, const struct row *row);
/* RFC 4180 section 2: quoted where it must be. */
void output_add_csv(struct buffer *out, struct value v);
/* A real with as few digits as give it back. */
void output_add_real(struct buffer *out, double v);

/* Writes and empties the buffer. False once standard output takes no more: the caller stops
 * quietly, main() says why. */
bool output_write(struct buffer *out);
/* Flushes standard output; 0, or the errno of the first write that failed. */
int output_finish(void);

/* Every row of the query as JSON lines, or as CSV with a header; holds one row at a time. */
bool output_json_lines(struct query *q, struct error *error);
bool output_csv(struct query *q, struct error *error);

#endif
