#include "sinks/traits.h"

#include "sinks/bind.h"
#include "sinks/schema.h"

#include <assert.h>
#include <string.h>

static void list_fields(struct traits *t)
{
	t->count = 0;
	for (size_t i = 0; i < field_count; i++) {
		if (!fields[i].shared)
			continue;
		assert(t->count < TRAITS_FIELDS_MAX);
		t->fields[t->count++] = &fields[i];
	}
}

int traits_init(struct traits *t, sqlite3 *db, struct digest *digest)
{
	static const char find[] = "SELECT id FROM trait_rows WHERE hash = ?1";
	struct buffer add = { 0 };

	t->db = db;
	t->digest = digest;
	hash_key_init(&t->key);
	traits_forget(t);
	list_fields(t);
	schema_add_traits_insert(&add);
	int rc = sqlite3_prepare_v3(db, find, sizeof find, SQLITE_PREPARE_PERSISTENT, &t->find, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v3(db, buffer_text(&add), -1, SQLITE_PREPARE_PERSISTENT, &t->add, NULL);
	buffer_finish(&add);
	return rc;
}

void traits_finish(struct traits *t)
{
	sqlite3_finalize(t->find);
	sqlite3_finalize(t->add);
	buffer_finish(&t->values);
	buffer_finish(&t->scratch);
}

void traits_forget(struct traits *t)
{
	memset(t->remembered, 0, sizeof t->remembered);
}

/* Numbers first, each in eight bytes, then the texts behind their lengths. */
static void write_values(struct traits *t, const struct handshake *h)
{
	int64_t numbers[TRAITS_FIELDS_MAX];

	for (unsigned i = 0; i < t->count; i++) {
		const struct field *f = t->fields[i];

		numbers[i] = f->type == FIELD_TEXT ? (int64_t)bind_text_member(h, f).len : bind_signed_member(h, f);
	}
	buffer_clear(&t->values);
	buffer_add(&t->values, numbers, t->count * sizeof *numbers);
	for (unsigned i = 0; i < t->count; i++) {
		if (t->fields[i]->type != FIELD_TEXT || !numbers[i])
			continue;
		struct bytes b = bind_text_member(h, t->fields[i]);
		buffer_add(&t->values, b.at, b.len);
	}
}

static int64_t add(struct traits *t, const struct handshake *h)
{
	uint8_t hash[32];

	digest_sha256(t->digest, buffer_bytes(&t->values), hash);
	sqlite3_clear_bindings(t->add);
	sqlite3_bind_blob(t->add, 1, hash, ONCE_HASH_LEN, SQLITE_STATIC);
	for (unsigned i = 0; i < t->count; i++)
		bind_field(t->add, (int)i + 2, h, t->fields[i], &t->scratch);
	return once_add(t->db, t->add, t->find, hash, ONCE_HASH_LEN, NULL);
}

int64_t traits_store(struct traits *t, const struct handshake *h)
{
	write_values(t, h);
	uint64_t hash = hash_bytes(&t->key, t->values.at, t->values.len);
	int64_t id = once_recall(t->remembered, TRAITS_REMEMBERED, hash);

	if (id)
		return id;
	id = add(t, h);
	if (id > 0)
		once_remember(t->remembered, TRAITS_REMEMBERED, hash, id);
	return id;
}
