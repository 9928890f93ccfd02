#include "sinks/bind.h"

#include "base/text.h"

/* A member of struct handshake, which is ours, not the wire's. */
static const void *member(const struct handshake *h, const struct field *f)
{
	return (const uint8_t *)h + f->offset;
}

int64_t bind_signed_member(const struct handshake *h, const struct field *f)
{
	const void *at = member(h, f);

	switch (f->size) {
	case 1:
		return *(const int8_t *)at;
	case 2:
		return *(const int16_t *)at;
	case 4:
		return *(const int32_t *)at;
	default:
		return *(const int64_t *)at;
	}
}

int64_t bind_unsigned_member(const struct handshake *h, const struct field *f)
{
	const void *at = member(h, f);

	switch (f->size) {
	case 1:
		return *(const uint8_t *)at;
	case 2:
		return *(const uint16_t *)at;
	case 4:
		return *(const uint32_t *)at;
	default:
		return *(const int64_t *)at;
	}
}

struct bytes bind_text_member(const struct handshake *h, const struct field *f)
{
	return handshake_text(h, *(const struct text *)member(h, f));
}

static void bind_text(sqlite3_stmt *to, int at, struct bytes b, struct buffer *scratch)
{
	if (!b.len)
		return;
	if (text_is_plain(b)) {
		sqlite3_bind_text(to, at, (const char *)b.at, (int)b.len, SQLITE_STATIC);
		return;
	}
	buffer_clear(scratch);
	text_add_safe(scratch, b);
	sqlite3_bind_text(to, at, (const char *)scratch->at, (int)scratch->len, SQLITE_TRANSIENT);
}

static void bind_unless(sqlite3_stmt *to, int at, bool blank, int64_t v)
{
	if (!blank)
		sqlite3_bind_int64(to, at, v);
}

void bind_field(sqlite3_stmt *to, int at, const struct handshake *h, const struct field *f, struct buffer *scratch)
{
	int64_t v;

	switch (f->type) {
	case FIELD_TEXT:
		bind_text(to, at, bind_text_member(h, f), scratch);
		break;
	case FIELD_INT:
		v = bind_signed_member(h, f);
		bind_unless(to, at, v < 0, v);
		break;
	case FIELD_COUNT:
		v = bind_unsigned_member(h, f);
		bind_unless(to, at, v == f->none, v);
		break;
	case FIELD_BITS:
		v = bind_unsigned_member(h, f);
		bind_unless(to, at, !v, v);
		break;
	default:
		v = bind_signed_member(h, f);
		bind_unless(to, at, v == TIME_NONE, v);
	}
}
