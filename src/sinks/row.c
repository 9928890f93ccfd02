#include "sinks/row.h"

#include "sinks/bind.h"
#include "sinks/pack.h"
#include "sinks/schema.h"

#include <assert.h>
#include <string.h>

static void list_fields(struct row *r)
{
	assert(field_count < 2 * ROW_FIELDS_MAX);
	for (const struct field *f = fields; f < fields + field_count; f++)
		if (f->bits)
			r->marks[r->marks_count++] = f;
		else if (field_stored(f) && !f->shared)
			r->stored[r->stored_count++] = f;
	assert(r->marks_count <= ROW_FIELDS_MAX);
	assert(r->stored_count <= ROW_FIELDS_MAX);
}

int handshake_row_init(struct row *r, sqlite3 *db, struct digest *digest)
{
	struct buffer insert = { 0 };

	r->digest = digest;
	list_fields(r);
	schema_add_insert(&insert);
	int rc = sqlite3_prepare_v3(db, buffer_text(&insert), -1, SQLITE_PREPARE_PERSISTENT, &r->insert, NULL);
	buffer_finish(&insert);
	return rc;
}

void handshake_row_finish(struct row *r)
{
	sqlite3_finalize(r->insert);
	buffer_finish(&r->messages);
	buffer_finish(&r->alerts);
	buffer_finish(&r->randoms);
	buffer_finish(&r->client);
	buffer_finish(&r->server);
	buffer_finish(&r->text);
}

static void bind_known(struct row *r, int at, int64_t v)
{
	if (v > 0)
		sqlite3_bind_int64(r->insert, at, v);
}

/* The fields that only the sink can know, by name. */
static void bind_computed(struct row *r, int at, const struct handshake *h, const struct row_extra *extra, const struct field *f)
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
		if (pack_is_blank(&h->client) && pack_is_blank(&h->server))
			break;
		digest_community_id(r->digest, h, r->community_id);
		sqlite3_bind_text(r->insert, at, r->community_id, COMMUNITY_ID_LEN, SQLITE_STATIC);
	}
}

static int64_t mark(const struct handshake *h, const struct field *f)
{
	int64_t v = f->type == FIELD_FLAG ? bind_signed_member(h, f) + 1 : bind_unsigned_member(h, f);

	assert(v >= 0);
	assert(v < INT64_C(1) << f->bits);
	return v << f->bit;
}

static int64_t marks(const struct row *r, const struct handshake *h)
{
	int64_t all = 0;

	for (unsigned i = 0; i < r->marks_count; i++)
		all |= mark(h, r->marks[i]);
	return all;
}

static void bind_buffer(struct row *r, int at, const struct buffer *text)
{
	sqlite3_bind_text(r->insert, at, (const char *)text->at, (int)text->len, SQLITE_STATIC);
}

static void bind_end(struct row *r, int at, const struct address *address, uint16_t port, struct buffer *text)
{
	int64_t number;
	enum pack_end kind = pack_end(address, port, &number, text);

	if (kind == PACK_NUMBER)
		sqlite3_bind_int64(r->insert, at, number);
	else if (kind == PACK_TEXT)
		bind_buffer(r, at, text);
}

/* The handshake keeps both, one behind the other. */
static void bind_macs(struct row *r, int at, const struct handshake *h)
{
	_Static_assert(offsetof(struct handshake, server_mac) == offsetof(struct handshake, client_mac) + sizeof h->client_mac,
		       "the link addresses lie side by side");
	if (h->has_mac)
		sqlite3_bind_blob(r->insert, at, h->client_mac, sizeof h->client_mac + sizeof h->server_mac, SQLITE_STATIC);
}

static void bind_packed(struct row *r, int at, const struct handshake *h)
{
	bind_end(r, at + EXTRA_CLIENT, &h->client, h->client_port, &r->client);
	bind_end(r, at + EXTRA_SERVER, &h->server, h->server_port, &r->server);
	bind_macs(r, at + EXTRA_MACS, h);
	if (pack_randoms(&r->randoms, h))
		sqlite3_bind_blob(r->insert, at + EXTRA_RANDOMS, r->randoms.at, (int)r->randoms.len, SQLITE_STATIC);
	if (h->message_count) {
		pack_messages(&r->messages, h);
		bind_buffer(r, at + EXTRA_MESSAGES, &r->messages);
	}
	if (h->alert_count) {
		pack_alerts(&r->alerts, h);
		bind_buffer(r, at + EXTRA_ALERTS, &r->alerts);
	}
}

static void bind_references(struct row *r, int at, const struct row_extra *extra)
{
	bind_known(r, at + EXTRA_TRAITS, extra->traits);
	bind_known(r, at + EXTRA_CLIENT_HELLO, extra->client_hello);
	bind_known(r, at + EXTRA_CLIENT_HELLO_SECOND, extra->client_hello_second);
	bind_known(r, at + EXTRA_SERVER_HELLO, extra->server_hello);
	bind_known(r, at + EXTRA_CERTIFICATE_REQUEST, extra->certificate_request);
	bind_known(r, at + EXTRA_SERVER_CHAIN, extra->server_chain);
	bind_known(r, at + EXTRA_CLIENT_CHAIN, extra->client_chain);
	bind_known(r, at + EXTRA_LADDER, extra->ladder);
	bind_known(r, at + EXTRA_FINDINGS, extra->findings);
}

void handshake_row_bind(struct row *r, const struct handshake *h, const struct row_extra *extra)
{
	int at = 1;

	sqlite3_clear_bindings(r->insert);
	for (unsigned i = 0; i < r->stored_count; i++, at++)
		if (r->stored[i]->type == FIELD_COMPUTED)
			bind_computed(r, at, h, extra, r->stored[i]);
		else
			bind_field(r->insert, at, h, r->stored[i], &r->text);
	sqlite3_bind_int64(r->insert, at + EXTRA_MARKS, marks(r, h));
	bind_packed(r, at, h);
	bind_references(r, at, extra);
}
