/* findings.h: the findings of one handshake as a list of the database: many handshakes have the same ones. Not for others. */
#ifndef SINKS_FINDINGS_H
#define SINKS_FINDINGS_H

#include "base/buffer.h"
#include "base/error.h"
#include "overhear/finding.h"
#include "sinks/shapes.h"

#include <sqlite3.h>
#include <stdbool.h>

/* The program's table of kinds, and their rows in finding_kinds. Zeroes are an empty one. */
struct findings {
	const struct finding_kind *kinds;
	int64_t *ids;
	size_t count;
	struct buffer key, json;
};

void findings_finish(struct findings *f);
/* Takes the table over, whose rows are brought up to date; false where SQLite refused. */
bool findings_know(struct findings *f, sqlite3 *db, const struct finding_kind *kinds, size_t count);
/* The id of the list that the findings are; 0 for none, -1 where SQLite refused. Kinds of another table are left out. */
int64_t findings_store(struct findings *f, struct shapes *shapes, const struct finding_list *list);

#endif
