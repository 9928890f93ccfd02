#include "sinks/shapes.h"

#include "base/buffer.h"
#include "base/text.h"
#include "record/certificate.h"
#include "sinks/pack.h"

#include <assert.h>
#include <string.h>

enum {
	FIND_LIST,
	ADD_LIST,
	FIND_HANDSHAKE_LIST,
	ADD_HANDSHAKE_LIST,
	FIND_HELLO,
	ADD_HELLO,
	FIND_CHAIN,
	ADD_CHAIN,
	ADD_MEMBER,
	FIND_CERTIFICATE,
	ADD_CERTIFICATE,
	USE_CHAIN
};
static_assert(USE_CHAIN + 1 == SHAPES_STATEMENTS, "a place for each statement");

static const char *const sql[SHAPES_STATEMENTS] = {
	[FIND_LIST] = "SELECT id FROM lists WHERE hash = ?1",
	[ADD_LIST] = "INSERT INTO lists(hash, content) VALUES(?1, ?2) ON CONFLICT(hash) DO NOTHING",
	[FIND_HANDSHAKE_LIST] = "SELECT id FROM handshake_lists WHERE hash = ?1",
	[ADD_HANDSHAKE_LIST] = "INSERT INTO handshake_lists(hash, content) VALUES(?1, ?2) ON CONFLICT(hash) DO NOTHING",
	[FIND_HELLO] = "SELECT id FROM hello_rows WHERE hash = ?1",
	[ADD_HELLO] = "INSERT INTO hello_rows(hash, version_highest, ja3, ja4, version, cipher, "
		      "extension, \"group\", key_share, "
		      "signature_scheme, alpn, compression, psk_mode, certificate_authority) "
		      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON "
		      "CONFLICT(hash) DO NOTHING",
	[FIND_CHAIN] = "SELECT id FROM chain_rows WHERE hash = ?1",
	[ADD_CHAIN] = "INSERT INTO chain_rows(hash, handshakes) VALUES(?1, 0) ON CONFLICT(hash) DO "
		      "NOTHING",
	[ADD_MEMBER] = "INSERT INTO chain_members(chain, position, certificate) VALUES(?1, ?2, ?3)",
	[FIND_CERTIFICATE] = "SELECT id FROM certificate_rows WHERE sha256 = ?1",
	[ADD_CERTIFICATE] =
		"INSERT INTO certificate_rows(sha256, der, subject, issuer, serial, not_before, "
		"not_after, key_type, key_bits, curve, "
		"signature_algorithm, san, is_ca, self_signed, spki_sha256, policy, sct_count) "
		"VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, "
		"?17)",
	[USE_CHAIN] = ("UPDATE chain_rows SET handshakes = handshakes + ?2, first_seen_ns = "
		       "min(coalesce(first_seen_ns, ?3), ?3), "
		       "last_seen_ns = max(coalesce(last_seen_ns, ?4), ?4) WHERE id = ?1"),
};

int shapes_init(struct shapes *s, sqlite3 *db, struct digest *digest, struct limit_counts *limits)
{
	int rc = SQLITE_OK;

	s->db = db;
	s->digest = digest;
	s->limits = limits;
	hash_key_init(&s->key);
	s->epoch = (uint32_t)(hash_bytes(&s->key, "epoch", 5) & 0x3fffffff);
	shapes_forget(s);
	for (int i = 0; i < SHAPES_STATEMENTS && rc == SQLITE_OK; i++)
		rc = sqlite3_prepare_v3(db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
					&s->statements[i], NULL);
	return rc;
}

void shapes_finish(struct shapes *s)
{
	for (int i = 0; i < SHAPES_STATEMENTS; i++)
		sqlite3_finalize(s->statements[i]);
	buffer_finish(&s->content);
}

static void forget_uses(struct shapes *s)
{
	for (unsigned i = 0; i < s->uses_count; i++)
		s->uses[s->used[i]].chain = 0;
	s->uses_count = 0;
}

void shapes_forget(struct shapes *s)
{
	s->epoch = s->epoch % 0x7ffffffe + 1;
	memset(s->lists, 0, sizeof s->lists);
	forget_uses(s);
}

static int64_t recall(const struct shapes *s, int64_t stored_id)
{
	return (uint64_t)stored_id >> 32 == s->epoch ? stored_id & 0xffffffff : 0;
}

static int64_t remember(const struct shapes *s, int64_t id)
{
	return id > 0 && id <= 0xffffffff ? (int64_t)s->epoch << 32 | id : 0;
}

static int64_t add_once(struct shapes *s, int add, int find, const uint8_t *hash, bool *added)
{
	return once_add(s->db, s->statements[add], s->statements[find], hash, ONCE_HASH_LEN, added);
}

static void hash_row(struct shapes *s, struct bytes content, uint8_t out[32])
{
	digest_sha256(s->digest, content, out);
}

static void add_number(struct buffer *out, uint32_t v)
{
	char digits[12], *at = digits + sizeof digits;

	*--at = ',';
	do
		*--at = (char)('0' + v % 10);
	while (v /= 10);
	buffer_add(out, at, (size_t)(digits + sizeof digits - at));
}

static void add_name(struct shapes *s, enum offer_kind kind, struct bytes name)
{
	struct buffer text = { 0 };

	if (kind == OFFER_CERTIFICATE_AUTHORITY) {
		certificate_add_name(&text, name, s->limits);
		text_add_json(&s->content, buffer_bytes(&text));
	} else {
		text_add_json(&s->content, name);
	}
	buffer_finish(&text);
	buffer_add_text(&s->content, ",");
}

/* The list as JSON in s->content. */
static void write_list(struct shapes *s, enum offer_kind kind, const struct offer_list *list)
{
	buffer_clear(&s->content);
	buffer_add_text(&s->content, "[");
	for (uint32_t i = 0; i < list->count; i++)
		if (list->names)
			add_name(s, kind, list->names[i]);
		else
			add_number(&s->content, list->codes[i]);
	if (list->count)
		s->content.len--;
	buffer_add_text(&s->content, "]");
}

/* By what a list is met again in this run: the numbers themselves, which spares writing them as text. */
static struct bytes key_of(struct shapes *s, enum offer_kind kind, const struct offer_list *list)
{
	if (!list->names && list->count)
		return (struct bytes){ (const uint8_t *)list->codes, list->count * sizeof *list->codes };
	write_list(s, kind, list);
	return buffer_bytes(&s->content);
}

static int64_t add_list(struct shapes *s, int add, int find, struct bytes json)
{
	uint8_t hash[32];
	bool added;

	hash_row(s, json, hash);
	sqlite3_bind_blob(s->statements[add], 1, hash, ONCE_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_text64(s->statements[add], 2, (const char *)json.at, json.len, SQLITE_STATIC, SQLITE_UTF8);
	return add_once(s, add, find, hash, &added);
}

static int64_t learn(struct shapes *s, uint64_t quick, int64_t id)
{
	if (id > 0)
		once_remember(s->lists, SHAPES_LISTS, quick, id);
	return id;
}

int64_t shapes_recall(struct shapes *s, struct bytes key, uint64_t *quick)
{
	*quick = hash_bytes(&s->key, key.at, key.len);
	return once_recall(s->lists, SHAPES_LISTS, *quick);
}

int64_t shapes_learn(struct shapes *s, uint64_t quick, struct bytes json)
{
	return learn(s, quick, add_list(s, ADD_HANDSHAKE_LIST, FIND_HANDSHAKE_LIST, json));
}

int64_t shapes_ladder(struct shapes *s, const struct handshake *h)
{
	/* No list of codes begins with a number like the first. */
	uint32_t steps[MESSAGES_MAX + 1] = { UINT32_MAX };
	uint64_t quick;

	if (!h->message_count)
		return 0;
	for (uint16_t i = 0; i < h->message_count; i++)
		steps[i + 1] = pack_step(handshake_message(h, i));
	int64_t id = shapes_recall(s, (struct bytes){ (const uint8_t *)steps, (h->message_count + 1U) * sizeof *steps }, &quick);
	if (id)
		return id;
	pack_ladder_text(&s->content, steps + 1, h->message_count);
	return shapes_learn(s, quick, buffer_bytes(&s->content));
}

static int64_t store_list(struct shapes *s, enum offer_kind kind, const struct offer_list *list)
{
	uint64_t quick;

	if (!list->seen)
		return 0;
	int64_t id = shapes_recall(s, key_of(s, kind, list), &quick);
	if (id)
		return id;
	write_list(s, kind, list);
	return learn(s, quick, add_list(s, ADD_LIST, FIND_LIST, buffer_bytes(&s->content)));
}

static bool hex_value(char c, uint8_t *out)
{
	if (c >= '0' && c <= '9')
		*out = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (uint8_t)(c - 'a' + 10);
	else
		return false;
	return true;
}

/* A fingerprint of 32 hex digits as the 16 bytes it stands for. */
static bool pack_md5(const char *hex, uint8_t out[16])
{
	uint8_t high, low;

	for (int i = 0; i < 16; i++) {
		if (!hex_value(hex[i * 2], &high) || !hex_value(hex[i * 2 + 1], &low))
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

struct hello_row {
	int64_t lists[OFFER_KIND_COUNT];
	uint16_t version_highest;
	uint8_t ja3[16];
	char ja4[40];
};

static int64_t add_hello(struct shapes *s, const struct hello_row *row, bool has_ja3)
{
	sqlite3_stmt *add = s->statements[ADD_HELLO];
	uint8_t hash[32];
	bool added;

	hash_row(s, (struct bytes){ (const uint8_t *)row, sizeof *row }, hash);
	sqlite3_clear_bindings(add);
	sqlite3_bind_blob(add, 1, hash, ONCE_HASH_LEN, SQLITE_STATIC);
	if (row->version_highest)
		sqlite3_bind_int(add, 2, row->version_highest);
	if (has_ja3)
		sqlite3_bind_blob(add, 3, row->ja3, sizeof row->ja3, SQLITE_STATIC);
	if (row->ja4[0])
		sqlite3_bind_text(add, 4, row->ja4, -1, SQLITE_STATIC);
	for (int kind = 0; kind < OFFER_KIND_COUNT; kind++)
		if (row->lists[kind])
			sqlite3_bind_int64(add, 5 + kind, row->lists[kind]);
	return add_once(s, ADD_HELLO, FIND_HELLO, hash, &added);
}

int64_t shapes_hello(struct shapes *s, struct hello *h)
{
	struct hello_row row;

	if (!h)
		return 0;
	int64_t id = recall(s, h->stored_id);
	if (id)
		return id;
	memset(&row, 0, sizeof row); /* its padding is hashed too */
	for (int kind = 0; kind < OFFER_KIND_COUNT; kind++) {
		row.lists[kind] = store_list(s, (enum offer_kind)kind, &h->offers[kind]);
		if (row.lists[kind] < 0)
			return -1;
	}
	row.version_highest = h->version_highest;
	memcpy(row.ja4, h->ja4, strnlen(h->ja4, sizeof row.ja4 - 1));
	id = add_hello(s, &row, pack_md5(h->ja3, row.ja3));
	h->stored_id = remember(s, id);
	return id;
}

static void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	if (text && text[0])
		sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void bind_known(sqlite3_stmt *statement, int at, int v)
{
	if (v >= 0)
		sqlite3_bind_int(statement, at, v);
}

static void bind_certificate(sqlite3_stmt *add, const struct certificate *c)
{
	bind_text(add, 3, c->subject);
	bind_text(add, 4, c->issuer);
	bind_text(add, 5, c->serial);
	bind_text(add, 6, c->not_before);
	bind_text(add, 7, c->not_after);
	bind_text(add, 8, c->key_type);
	bind_known(add, 9, c->key_bits);
	bind_text(add, 10, c->curve);
	bind_text(add, 11, c->signature_algorithm);
	bind_text(add, 12, c->san);
	bind_known(add, 13, c->is_ca);
	bind_known(add, 14, c->self_signed);
	if (c->has_spki)
		sqlite3_bind_blob(add, 15, c->spki_sha256, sizeof c->spki_sha256, SQLITE_STATIC);
	bind_text(add, 16, c->policy);
	bind_known(add, 17, c->sct_count);
}

static int64_t store_certificate(struct shapes *s, const struct certificate_ref *ref)
{
	sqlite3_stmt *add = s->statements[ADD_CERTIFICATE];
	struct certificate c;
	int64_t id = once_find(s->statements[FIND_CERTIFICATE], ref->sha256, sizeof ref->sha256);

	if (id)
		return id;
	certificate_parse(ref->der, &c, s->limits);
	sqlite3_clear_bindings(add);
	sqlite3_bind_blob(add, 1, ref->sha256, sizeof ref->sha256, SQLITE_STATIC);
	sqlite3_bind_blob64(add, 2, ref->der.len ? ref->der.at : (const uint8_t *)"", ref->der.len,
			    SQLITE_STATIC);
	bind_certificate(add, &c);
	id = once_run(add) ? sqlite3_last_insert_rowid(s->db) : -1;
	sqlite3_clear_bindings(add);
	certificate_finish(&c);
	return id;
}

static bool store_members(struct shapes *s, int64_t id, const struct chain *c)
{
	sqlite3_stmt *add = s->statements[ADD_MEMBER];

	for (uint32_t i = 0; i < c->kept; i++) {
		int64_t certificate = store_certificate(s, &c->certificates[i]);

		if (certificate < 0)
			return false;
		sqlite3_bind_int64(add, 1, id);
		sqlite3_bind_int64(add, 2, i);
		sqlite3_bind_int64(add, 3, certificate);
		if (!once_run(add))
			return false;
	}
	return true;
}

/* Two chains are one where their certificates are, in their order. */
static void hash_chain(struct shapes *s, const struct chain *c, uint8_t out[32])
{
	buffer_clear(&s->content);
	for (uint32_t i = 0; i < c->kept; i++)
		buffer_add(&s->content, c->certificates[i].sha256,
			   sizeof c->certificates[i].sha256);
	hash_row(s, buffer_bytes(&s->content), out);
}

int64_t shapes_chain(struct shapes *s, struct chain *c)
{
	uint8_t hash[32];
	bool added;

	if (!c || !c->kept)
		return 0;
	int64_t id = recall(s, c->stored_id);
	if (id)
		return id;
	hash_chain(s, c, hash);
	sqlite3_bind_blob(s->statements[ADD_CHAIN], 1, hash, ONCE_HASH_LEN, SQLITE_STATIC);
	id = add_once(s, ADD_CHAIN, FIND_CHAIN, hash, &added);
	if (id > 0 && added && !store_members(s, id, c))
		return -1;
	c->stored_id = remember(s, id);
	return id;
}

void shapes_use_chain(struct shapes *s, int64_t chain, int64_t time_ns)
{
	size_t at = (uint64_t)chain % SHAPES_CHAINS;

	assert(s->uses_count < SHAPES_CHAINS - 1);
	while (s->uses[at].chain && s->uses[at].chain != chain)
		at = (at + 1) % SHAPES_CHAINS;
	struct chain_use *use = &s->uses[at];
	if (!use->chain) {
		*use = (struct chain_use){ .chain = chain,
					   .first_ns = time_ns,
					   .last_ns = time_ns };
		s->used[s->uses_count++] = (uint32_t)at;
	}
	use->handshakes++;
	if (time_ns < use->first_ns)
		use->first_ns = time_ns;
	if (time_ns > use->last_ns)
		use->last_ns = time_ns;
}

static bool write_use(struct shapes *s, const struct chain_use *use)
{
	sqlite3_stmt *statement = s->statements[USE_CHAIN];

	sqlite3_bind_int64(statement, 1, use->chain);
	sqlite3_bind_int64(statement, 2, (int64_t)use->handshakes);
	sqlite3_bind_int64(statement, 3, use->first_ns);
	sqlite3_bind_int64(statement, 4, use->last_ns);
	return once_run(statement);
}

int shapes_write_uses(struct shapes *s)
{
	for (unsigned i = 0; i < s->uses_count; i++)
		if (!write_use(s, &s->uses[s->used[i]]))
			return sqlite3_errcode(s->db);
	forget_uses(s);
	return SQLITE_OK;
}
