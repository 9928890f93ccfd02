/* fields.h: one table of fields. A row says where a column of `handshakes` lies in struct handshake, how it is stored, how the view shows it and what it means;
 * the schema, the inserts, JSON, `explain` and docs/fields.md all follow from it.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include "overhear/handshake.h"

#include <stddef.h>

enum field_type {
	FIELD_INT,		/* an integer member of `size` bytes, negative: NULL */
	FIELD_TIME,		/* int64_t, TIME_NONE: NULL */
	FIELD_MS,		/* int64_t nanoseconds shown as REAL milliseconds; TIME_NONE: NULL */
	FIELD_TEXT,		/* struct text; TEXT_NONE: NULL */
	FIELD_ENUM,		/* uint8_t, an index into `names`; 0: NULL */
	FIELD_ADDRESS,		/* struct address, stored as RFC 5952 text */
	FIELD_BINARY,		/* `size` bytes, stored as BLOB and shown as hex; present where the flag member at `flag` is true */
	FIELD_SESSION_ID,
	FIELD_MAC,
	FIELD_COMPUTED,		/* the sink works it out (ids, ja3, community_id, ...): `compute` names how */
};

struct field {
	const char *column;	/* of the view */
	enum field_type type;
	size_t offset, size, flag;
	const char *const *names;
	const char *store;	/* SQL type of the stored column; NULL: not stored, the view derives it */
	const char *view;	/* SQL expression of the view; NULL: the stored column itself */
	const char *meaning;	/* one sentence, for `explain` and docs/fields.md */
};

extern const struct field fields[];
extern const size_t field_count;
const struct field *field_find(const char *column);

#endif
