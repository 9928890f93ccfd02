/* table.h: rows for people. On a terminal the table is fitted to its width: texts that may be cut
 * are, then columns go, the least needed first. Into a pipe goes all of it, uncut, in columns whose
 * widths are learned from the first rows, so that a result of any size streams.
 */
#ifndef APP_TABLE_H
#define APP_TABLE_H

#include "app/terminal.h"
#include "sinks/query.h"

#include <stdbool.h>
#include <stddef.h>

struct table_column {
	const char *head;
	bool right;	/* numbers stand to the right */
	bool exact;	/* a real with three decimals */
	size_t least;	/* may be cut to this width on a terminal; 0: never cut */
	unsigned spare; /* the highest goes first where the terminal is narrow; 0: never */
	/* ANSI colour of a cell, or NULL; the whole may be NULL. */
	const char *(*colour)(struct value v);
};

/* The query's columns stand in the order of `columns`. */
bool table_print(struct query *q, const struct table_column *columns, size_t count,
		 const struct terminal *terminal, struct error *error);

/* What the fitting decides: widths[i] is the wanted width on entry and the given one on return, 0
 * for a column that goes. */
void table_fit(const struct table_column *columns, size_t count, size_t width, size_t *widths);
/* The text itself, or cut to `width` columns, the last of them an ellipsis. */
void table_add_cut(struct buffer *out, struct bytes text, size_t width, bool utf8);

#endif
