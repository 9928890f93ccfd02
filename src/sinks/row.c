#include "sinks/row.h"

#include "base/text.h"
#include "record/fields.h"
#include "sinks/schema.h"

#include <assert.h>
#include <string.h>

void handshake_row_finish(struct row *r)
{
	buffer_finish(&r->messages);
	buffer_finish(&r->alerts);
	buffer_finish(&r->findings);
	buffer_finish(&r->text);
}

/* A member of struct handshake, which is ours, not the wire's. */
static const uint8_t *member(const struct handshake *h, size_t offset)
{
	return (const uint8_t *)h + offset;
}

static int64_t signed_member(const struct handshake *h, const struct field *f)
{
	const void *at = member(h, f->offset);

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

static int64_t unsigned_member(const struct handshake *h, const struct field *f)
{
	const void *at = member(h, f->offset);

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

static void bind_int(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	int64_t v = signed_member(h, f);

	if (v >= 0)
		sqlite3_bind_int64(r->insert, at, v);
}

static void bind_count(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	int64_t v = unsigned_member(h, f);

	if (v != f->none)
		sqlite3_bind_int64(r->insert, at, v);
}

static void bind_time(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	int64_t v = signed_member(h, f);

	if (v != TIME_NONE)
		sqlite3_bind_int64(r->insert, at, v);
}

static void bind_bits(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	int64_t v = unsigned_member(h, f);

	if (v)
		sqlite3_bind_int64(r->insert, at, v);
}

static void bind_text(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	struct bytes b =
		handshake_text(h, *(const struct text *)(const void *)member(h, f->offset));

	if (!b.len)
		return;
	if (text_is_plain(b)) {
		sqlite3_bind_text(r->insert, at, (const char *)b.at, (int)b.len, SQLITE_STATIC);
		return;
	}
	buffer_clear(&r->text);
	text_add_safe(&r->text, b);
	sqlite3_bind_text(r->insert, at, (const char *)r->text.at, (int)r->text.len,
			  SQLITE_TRANSIENT);
}

/* Frames of IEEE 802.1X have no addresses. */
static bool is_blank(const void *address)
{
	static const struct address blank;

	return !memcmp(address, &blank, sizeof blank);
}

static void bind_address(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	char *out = r->addresses[f->offset == offsetof(struct handshake, client)];

	if (is_blank(member(h, f->offset)))
		return;
	text_address(member(h, f->offset), out);
	sqlite3_bind_text(r->insert, at, out, -1, SQLITE_STATIC);
}

static void bind_binary(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	if (*(const bool *)member(h, f->flag))
		sqlite3_bind_blob(r->insert, at, member(h, f->offset), f->size, SQLITE_STATIC);
}

static void bind_session_id(struct row *r, int at, const struct handshake *h, const struct field *f)
{
	assert(h->session_id_len <= (int16_t)sizeof h->session_id);
	if (h->session_id_len > 0)
		sqlite3_bind_blob(r->insert, at, member(h, f->offset), h->session_id_len,
				  SQLITE_STATIC);
}

typedef void bind_function(struct row *, int, const struct handshake *, const struct field *);
static bind_function *const binders[] = {
	[FIELD_INT] = bind_int,
	[FIELD_COUNT] = bind_count,
	[FIELD_TIME] = bind_time,
	[FIELD_MS] = bind_time,
	[FIELD_TEXT] = bind_text,
	[FIELD_BITS] = bind_bits,
	[FIELD_ADDRESS] = bind_address,
	[FIELD_BINARY] = bind_binary,
	[FIELD_SESSION_ID] = bind_session_id,
	[FIELD_MAC] = bind_binary,
	[FIELD_DERIVED] = NULL,
};

static void bind_known(struct row *r, int at, int64_t v)
{
	if (v > 0)
		sqlite3_bind_int64(r->insert, at, v);
}

/* The fields that only the sink can know, by name. */
static void bind_computed(struct row *r, int at, const struct handshake *h,
			  const struct row_extra *extra, const struct field *f)
{
	switch (f->column[2]) {
	case 'p': /* capture_id */
		sqlite3_bind_int64(r->insert, at, extra->capture_id);
		break;
	case 'n': /* connection_id */
		sqlite3_bind_int64(r->insert, at, extra->connection_id);
		break;
	case 's': /* resumed_from */
		bind_known(r, at, extra->resumed_from);
		break;
	default:
		if (is_blank(&h->client) && is_blank(&h->server))
			break;
		digest_community_id(r->digest, h, r->community_id);
		sqlite3_bind_text(r->insert, at, r->community_id, COMMUNITY_ID_LEN, SQLITE_STATIC);
	}
}

static int64_t mark(const struct handshake *h, const struct field *f)
{
	int64_t v = f->type == FIELD_FLAG ? signed_member(h, f) + 1 : unsigned_member(h, f);

	assert(v >= 0);
	assert(v < INT64_C(1) << f->bits);
	return v << f->bit;
}

static void add_number(struct buffer *out, int64_t v, char after)
{
	char digits[24], *at = digits + sizeof digits;
	uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;

	*--at = after;
	do
		*--at = (char)('0' + rest % 10);
	while (rest /= 10);
	if (v < 0)
		*--at = '-';
	buffer_add(out, at, (size_t)(digits + sizeof digits - at));
}

/* The last number of an entry: how long after the handshake's first packet. */
static void add_delay(struct buffer *out, int64_t from_ns, int64_t time_ns)
{
	if (time_ns == TIME_NONE || from_ns == TIME_NONE)
		buffer_add_text(out, "null]");
	else
		add_number(out, (int64_t)((uint64_t)time_ns - (uint64_t)from_ns), ']');
}

static void write_messages(struct buffer *out, const struct handshake *h)
{
	buffer_clear(out);
	for (uint16_t i = 0; i < h->message_count; i++) {
		const struct message *m = handshake_message(h, i);

		buffer_add(out, i ? ",[" : "[[", 2);
		add_number(out, m->type, ',');
		add_number(out, m->sender, ',');
		add_number(out, m->bytes, ',');
		add_delay(out, h->time_ns, m->time_ns);
		if (m->decrypted) {
			out->len--;
			buffer_add_text(out, ",1]");
		}
	}
	buffer_add_text(out, "]");
}

static void write_alerts(struct buffer *out, const struct handshake *h)
{
	buffer_clear(out);
	for (uint16_t i = 0; i < h->alert_count; i++) {
		const struct alert *a = &h->alerts[i];

		buffer_add(out, i ? ",[" : "[[", 2);
		add_number(out, a->sender, ',');
		add_number(out, a->level, ',');
		add_number(out, a->description, ',');
		add_delay(out, h->time_ns, a->time_ns);
	}
	buffer_add_text(out, "]");
}

/* Kinds of another table than the one the sink was given cannot be named. */
static int64_t kind_id(const struct row *r, const struct finding_kind *kind)
{
	for (size_t i = 0; i < r->kind_count; i++)
		if (&r->kinds[i] == kind)
			return r->kind_ids[i];
	return 0;
}

static void write_findings(struct buffer *out, const struct row *r, const struct finding_list *list)
{
	buffer_clear(out);
	for (size_t i = 0; i < list->count; i++) {
		const struct finding *f = &list->at[i];
		int64_t id = kind_id(r, f->kind);

		if (!id)
			continue;
		buffer_add(out, out->len ? ",[" : "[[", 2);
		add_number(out, id, ',');
		add_number(out, f->confidence, ',');
		if (f->certificate == FINDING_NO_CERTIFICATE)
			buffer_add_text(out, "null,");
		else
			add_number(out, f->certificate, ',');
		if (f->detail && *f->detail)
			text_add_json(out, (struct bytes){ (const uint8_t *)f->detail, strlen(f->detail) });
		else
			buffer_add_text(out, "null");
		buffer_add_text(out, "]");
	}
	if (out->len)
		buffer_add_text(out, "]");
}

static void bind_json(struct row *r, int at, const struct buffer *json)
{
	sqlite3_bind_text(r->insert, at, (const char *)json->at, (int)json->len, SQLITE_STATIC);
}

static void bind_extras(struct row *r, int at, const struct handshake *h,
			const struct row_extra *extra)
{
	bind_known(r, at + EXTRA_CLIENT_HELLO, extra->client_hello);
	bind_known(r, at + EXTRA_CLIENT_HELLO_SECOND, extra->client_hello_second);
	bind_known(r, at + EXTRA_SERVER_HELLO, extra->server_hello);
	bind_known(r, at + EXTRA_CERTIFICATE_REQUEST, extra->certificate_request);
	bind_known(r, at + EXTRA_SERVER_CHAIN, extra->server_chain);
	bind_known(r, at + EXTRA_CLIENT_CHAIN, extra->client_chain);
	if (h->message_count) {
		write_messages(&r->messages, h);
		bind_json(r, at + EXTRA_MESSAGES, &r->messages);
	}
	if (h->alert_count) {
		write_alerts(&r->alerts, h);
		bind_json(r, at + EXTRA_ALERTS, &r->alerts);
	}
	if (h->findings && h->findings->count) {
		write_findings(&r->findings, r, h->findings);
		if (r->findings.len)
			bind_json(r, at + EXTRA_FINDINGS, &r->findings);
	}
}

void handshake_row_bind(struct row *r, const struct handshake *h, const struct row_extra *extra)
{
	int64_t marks = 0;
	int at = 1;

	sqlite3_clear_bindings(r->insert);
	for (const struct field *f = fields; f < fields + field_count; f++) {
		if (f->bits)
			marks |= mark(h, f);
		else if (f->type == FIELD_COMPUTED)
			bind_computed(r, at++, h, extra, f);
		else if (f->type != FIELD_DERIVED)
			binders[f->type](r, at++, h, f);
	}
	sqlite3_bind_int64(r->insert, at + EXTRA_MARKS, marks);
	bind_extras(r, at, h, extra);
}
