/* fields.h: one table of fields. A row says where a column of the view `handshakes` lies in struct handshake, how it is
 * stored, how the view shows it and what it means; the schema, the inserts, `explain` and docs/fields.md all follow from it.
 *
 * A row of the view costs little because what is small is packed: enumerations and yes-or-no members share one stored
 * integer, `marks`, each at a place of its own (`bit`, `bits`) that no later release moves; what is the same in many
 * handshakes (`shared`) is one row of another table, at which they point.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include "base/buffer.h"
#include "overhear/handshake.h"

#include <stdbool.h>
#include <stddef.h>

enum field_type {
	FIELD_INT,		/* a signed member; negative: NULL */
	FIELD_COUNT,		/* an unsigned member; `none`: NULL */
	FIELD_TIME,		/* int64_t nanoseconds since the epoch; TIME_NONE: NULL */
	FIELD_MS,		/* int64_t nanoseconds shown as REAL milliseconds; TIME_NONE: NULL */
	FIELD_TEXT,		/* struct text; TEXT_NONE: NULL */
	FIELD_ENUM,		/* uint8_t in `marks`, an index into `names`; 0: NULL */
	FIELD_FLAG,		/* a signed member in `marks`, one more than its value; shown by `names` where it has them */
	FIELD_BITS,		/* uint32_t whose bits have the names `names`; 0: NULL */
	FIELD_ADDRESS,		/* these four: a part of a column that the sink makes of several members; `view` takes it out */
	FIELD_PORT,
	FIELD_BINARY,
	FIELD_MAC,
	FIELD_COMPUTED,		/* stored, but worked out by the sink */
	FIELD_DERIVED,		/* not stored: `view` says how it follows from what is */
};

struct field {
	const char *column;	/* of the view */
	enum field_type type;
	uint16_t offset, size;
	bool shared;		/* few values in many handshakes: stored in the table of traits, once for all that agree in all of them */
	uint8_t bit, bits;	/* place in `marks` */
	int64_t none;		/* of FIELD_COUNT */
	const char *const *names;	/* ends with NULL; names[0] stands for nothing seen */
	const char *stored;	/* the stored column where it is not named as the view's */
	const char *sql_type;	/* of FIELD_COMPUTED */
	const char *view;	/* SQL expression of the view over the tables' aliases; NULL: follows from the type */
	const char *meaning;	/* one sentence, for `explain` and docs/fields.md */
};

extern const struct field fields[];
extern const size_t field_count;

const struct field *field_find(const char *column);
/* The name of the stored column; NULL where the field has none of its own. */
const char *field_stored(const struct field *f);
/* The SQL type of the stored column. */
const char *field_sql_type(const struct field *f);
/* How the view shows it, with h for the table of handshakes, t for that of traits, c and s for the hellos. */
void field_add_view(const struct field *f, struct buffer *out);
/* The document docs/fields.md, in Markdown. */
void fields_add_document(struct buffer *out);

#endif
