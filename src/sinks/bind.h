/* bind.h: a field of a handshake bound to a statement's parameter. Not for others. */
#ifndef SINKS_BIND_H
#define SINKS_BIND_H

#include "base/buffer.h"
#include "overhear/handshake.h"
#include "record/fields.h"

#include <sqlite3.h>

/* A member of struct handshake, as the field has it. */
int64_t bind_signed_member(const struct handshake *h, const struct field *f);
int64_t bind_unsigned_member(const struct handshake *h, const struct field *f);
struct bytes bind_text_member(const struct handshake *h, const struct field *f);

/* Binds the value of a stored field, nothing where it is blank. The handshake must stay until the statement has run; the
 * scratch buffer need not. */
void bind_field(sqlite3_stmt *to, int at, const struct handshake *h, const struct field *f, struct buffer *scratch);

#endif
