#include "sinks/schema.h"

#include "overhear/hello.h"
#include "record/fields.h"
#include "registry/registry.h"

static const struct extra {
	const char *column, *sql_type;
} extras[EXTRA_COUNT] = {
	[EXTRA_MARKS] = { "marks", "INTEGER NOT NULL" },
	/* fields.c says how these two, the link addresses and the randoms are laid out. */
	[EXTRA_CLIENT] = { "client", "ANY" },
	[EXTRA_SERVER] = { "server", "ANY" },
	[EXTRA_TRAITS] = { "traits", "INTEGER NOT NULL REFERENCES trait_rows(id)" },
	[EXTRA_CLIENT_HELLO] = { "client_hello", "INTEGER REFERENCES hello_rows(id)" },
	[EXTRA_CLIENT_HELLO_SECOND] = { "client_hello_second", "INTEGER REFERENCES hello_rows(id)" },
	[EXTRA_SERVER_HELLO] = { "server_hello", "INTEGER REFERENCES hello_rows(id)" },
	[EXTRA_CERTIFICATE_REQUEST] = { "certificate_request", "INTEGER REFERENCES hello_rows(id)" },
	[EXTRA_SERVER_CHAIN] = { "server_chain", "INTEGER REFERENCES chain_rows(id)" },
	[EXTRA_CLIENT_CHAIN] = { "client_chain", "INTEGER REFERENCES chain_rows(id)" },
	/* A list: [[type, sender, 1 where decrypted], ...] */
	[EXTRA_LADDER] = { "ladder", "INTEGER REFERENCES handshake_lists(id)" },
	/* A list: [[row of finding_kinds, enum confidence, place of the certificate or null, "detail"], ...] */
	[EXTRA_FINDINGS] = { "findings", "INTEGER REFERENCES handshake_lists(id)" },
	/* [[sender, level, description, nanoseconds since time_ns], ...] */
	[EXTRA_ALERTS] = { "alerts", "TEXT" },
	/* [1 where in microseconds, else 0; of each message of the ladder its bytes, its time since time_ns] */
	[EXTRA_MESSAGES] = { "messages", "TEXT" },
	[EXTRA_MACS] = { "macs", "BLOB" },
	[EXTRA_RANDOMS] = { "randoms", "BLOB" },
};

/* ISO 8601 UTC with nine digits, for packet times however early. */
#define TIME(ns) \
	"strftime('%Y-%m-%dT%H:%M:%S', (" ns " - (" ns " % 1000000000 + 1000000000) % 1000000000) / 1000000000, 'unixepoch') " \
	"|| printf('.%09dZ', (" ns " % 1000000000 + 1000000000) % 1000000000)"
#define HEX(column) "CASE WHEN " column " IS NOT NULL THEN lower(hex(" column ")) END"

static const char tables[] =
	"CREATE TABLE names(kind TEXT NOT NULL, code INTEGER NOT NULL, name TEXT NOT NULL, "
	"PRIMARY KEY(kind, code)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE capture_runs(id INTEGER PRIMARY KEY, source TEXT NOT NULL, kind TEXT NOT "
	"NULL, link_type TEXT, filter TEXT, sensor TEXT, fingerprint TEXT, status INTEGER, "
	"started_ns INTEGER, ended_ns INTEGER, packets INTEGER, bytes INTEGER, kernel_drops "
	"INTEGER, interface_drops INTEGER, truncated_packets INTEGER, malformed_packets INTEGER, "
	"reassembly_gaps INTEGER, flows INTEGER, evicted_flows INTEGER, handshakes INTEGER, "
	"limits TEXT NOT NULL, version TEXT NOT NULL, connection_last INTEGER NOT NULL) "
	"STRICT;"
	"CREATE TABLE lists(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, content TEXT NOT "
	"NULL) STRICT;"
	"CREATE TABLE handshake_lists(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, content TEXT NOT "
	"NULL) STRICT;"
	"CREATE TABLE hello_rows(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, "
	"version_highest INTEGER, ja3 BLOB, ja4 TEXT, version INTEGER REFERENCES lists(id), "
	"cipher INTEGER REFERENCES lists(id), extension INTEGER REFERENCES lists(id), \"group\" "
	"INTEGER REFERENCES lists(id), key_share INTEGER REFERENCES lists(id), signature_scheme "
	"INTEGER REFERENCES lists(id), alpn INTEGER REFERENCES lists(id), compression INTEGER "
	"REFERENCES lists(id), psk_mode INTEGER REFERENCES lists(id), certificate_authority "
	"INTEGER REFERENCES lists(id)) STRICT;"
	"CREATE TABLE certificate_rows(id INTEGER PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, "
	"subject TEXT, issuer TEXT, serial TEXT, not_before TEXT, not_after TEXT, key_type TEXT, "
	"key_bits INTEGER, curve TEXT, signature_algorithm TEXT, san TEXT, is_ca INTEGER, "
	"self_signed INTEGER, spki_sha256 BLOB, policy TEXT, sct_count INTEGER, der BLOB NOT "
	"NULL) STRICT;"
	"CREATE TABLE chain_rows(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, "
	"first_seen_ns INTEGER, last_seen_ns INTEGER, handshakes INTEGER NOT NULL) STRICT;"
	"CREATE TABLE chain_members(chain INTEGER NOT NULL REFERENCES chain_rows(id), position "
	"INTEGER NOT NULL, certificate INTEGER NOT NULL REFERENCES certificate_rows(id), PRIMARY "
	"KEY(chain, position)) STRICT, WITHOUT ROWID;"
	"CREATE INDEX chain_members_certificate ON chain_members(certificate);"
	"CREATE TABLE finding_kinds(id INTEGER PRIMARY KEY, code TEXT NOT NULL UNIQUE, severity "
	"TEXT NOT NULL, title TEXT NOT NULL, remedy TEXT NOT NULL) STRICT;"
	"CREATE TABLE attempt_rows(id INTEGER PRIMARY KEY, capture_id INTEGER NOT NULL "
	"REFERENCES capture_runs(id), client_ip TEXT, server_ip TEXT NOT NULL, "
	"server_port INTEGER NOT NULL, reason TEXT NOT NULL, starttls TEXT, attempts INTEGER NOT "
	"NULL, first_seen_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL) STRICT;"
	"CREATE UNIQUE INDEX attempt_rows_key ON attempt_rows(capture_id, server_ip, server_port, "
	"reason, coalesce(client_ip, ''), coalesce(starttls, ''));"
	"CREATE TABLE tls_servers(ip TEXT NOT NULL, port INTEGER NOT NULL, PRIMARY KEY(ip, port)) "
	"STRICT, WITHOUT ROWID;";

static const char views[] =
	"CREATE VIEW captures AS SELECT id, source, kind, link_type, filter, sensor, "
	TIME("started_ns") " AS started, " TIME("ended_ns") " AS ended, packets, bytes, "
	"kernel_drops, interface_drops, truncated_packets, malformed_packets, reassembly_gaps, "
	"flows, evicted_flows, handshakes, limits, version FROM capture_runs;"
	"CREATE VIEW messages AS SELECT h.id AS handshake_id, m.key + 1 AS seq, CASE m.value ->> "
	"1 WHEN 0 THEN 'client' ELSE 'server' END AS sender, coalesce(n.name, printf('0x%04x', "
	"m.value ->> 0)) AS message, h.messages ->> (2 * m.key + 1) AS bytes, round((h.messages "
	"->> (2 * m.key + 2)) * CASE h.messages ->> 0 WHEN 1 THEN 1000 ELSE 1 END / 1e6, 6) AS "
	"time_ms, coalesce(m.value ->> 2, 0) AS decrypted FROM handshake_rows h CROSS JOIN "
	"handshake_lists l ON l.id = h.ladder, json_each(l.content) m LEFT JOIN names n ON n.kind = 'message' AND "
	"n.code = m.value ->> 0;"
	"CREATE VIEW alerts AS SELECT h.id AS handshake_id, a.key + 1 AS seq, CASE a.value ->> 0 "
	"WHEN 0 THEN 'client' ELSE 'server' END AS sender, coalesce(l.name, printf('0x%04x', "
	"a.value ->> 1)) AS level, a.value ->> 1 AS level_code, coalesce(n.name, "
	"printf('0x%04x', a.value ->> 2)) AS description, a.value ->> 2 AS code, round((a.value "
	"->> 3) / 1e6, 6) AS time_ms FROM handshake_rows h, json_each(h.alerts) a LEFT JOIN "
	"names l ON l.kind = 'alert_level' AND l.code = a.value ->> 1 LEFT JOIN names n ON "
	"n.kind = 'alert' AND n.code = a.value ->> 2;"
	"CREATE VIEW chains AS SELECT h.id AS handshake_id, 'server' AS sender, m.position AS "
	"position, lower(hex(e.sha256)) AS sha256 FROM handshake_rows h JOIN chain_members m ON "
	"m.chain = h.server_chain JOIN certificate_rows e ON e.id = m.certificate UNION ALL "
	"SELECT h.id, 'client', m.position, lower(hex(e.sha256)) FROM handshake_rows h JOIN "
	"chain_members m ON m.chain = h.client_chain JOIN certificate_rows e ON e.id = "
	"m.certificate;"
	"CREATE VIEW certificates AS SELECT lower(hex(e.sha256)) AS sha256, e.subject, e.issuer, "
	"e.serial, e.not_before, e.not_after, e.key_type, e.key_bits, e.curve, "
	"e.signature_algorithm, e.san, e.is_ca, e.self_signed, " HEX("e.spki_sha256") " AS "
	"spki_sha256, e.policy, e.sct_count, " TIME("u.first_ns") " AS first_seen, "
	TIME("u.last_ns") " AS last_seen, coalesce(u.handshakes, 0) AS handshakes, e.der FROM "
	"certificate_rows e LEFT JOIN (SELECT d.certificate AS certificate, min(r.first_seen_ns) "
	"AS first_ns, max(r.last_seen_ns) AS last_ns, sum(r.handshakes) AS handshakes FROM "
	"(SELECT DISTINCT certificate, chain FROM chain_members) d JOIN chain_rows r ON r.id = "
	"d.chain GROUP BY d.certificate) u ON u.certificate = e.id;"
	"CREATE VIEW findings AS SELECT h.id AS handshake_id, (SELECT lower(hex(e.sha256)) FROM "
	"chain_members m JOIN certificate_rows e ON e.id = m.certificate WHERE m.chain = CASE "
	"WHEN f.value ->> 2 >= 0 THEN h.server_chain ELSE h.client_chain END AND m.position = "
	"CASE WHEN f.value ->> 2 >= 0 THEN f.value ->> 2 ELSE -1 - (f.value ->> 2) END) AS sha256, "
	"k.code, k.severity, CASE f.value ->> 1 WHEN 1 THEN 'certain' ELSE 'likely' END AS "
	"confidence, k.title, f.value ->> 3 AS detail, k.remedy FROM handshake_rows h CROSS JOIN "
	"handshake_lists l ON l.id = h.findings, json_each(l.content) f JOIN finding_kinds k ON k.id = f.value ->> 0;"
	"CREATE VIEW attempts AS SELECT capture_id, client_ip, server_ip, server_port, reason, "
	"starttls, attempts, " TIME("first_seen_ns") " AS first_seen, " TIME("last_seen_ns") " "
	"AS last_seen FROM attempt_rows;";

/* The kinds of the view offers, in the order of enum offer_kind, and the registry that names their codes. */
static const struct kind {
	const char *column, *names;
} kinds[OFFER_KIND_COUNT] = {
	[OFFER_VERSION] = { "version", "version" },
	[OFFER_CIPHER] = { "cipher", "cipher" },
	[OFFER_EXTENSION] = { "extension", "extension" },
	[OFFER_GROUP] = { "group", "group" },
	[OFFER_KEY_SHARE] = { "key_share", "group" },
	[OFFER_SIGNATURE_SCHEME] = { "signature_scheme", "signature_scheme" },
	[OFFER_ALPN] = { "alpn", "" },
	[OFFER_COMPRESSION] = { "compression", "compression" },
	[OFFER_PSK_MODE] = { "psk_mode", "psk_mode" },
	[OFFER_CERTIFICATE_AUTHORITY] = { "certificate_authority", "" },
};

static void add_stored(struct buffer *out, bool shared, bool with_type)
{
	for (size_t i = 0; i < field_count; i++)
		if (field_stored(&fields[i]) && fields[i].shared == shared)
			buffer_add_format(out, ", %s %s", field_stored(&fields[i]), with_type ? field_sql_type(&fields[i]) : "");
}

static void add_extras(struct buffer *out, bool with_type)
{
	for (size_t i = 0; i < EXTRA_COUNT; i++)
		buffer_add_format(out, ", %s %s", extras[i].column, with_type ? extras[i].sql_type : "");
}

static void add_handshake_tables(struct buffer *out)
{
	buffer_add_text(out, "CREATE TABLE trait_rows(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE");
	add_stored(out, true, true);
	buffer_add_text(out, ") STRICT; CREATE TABLE handshake_rows(id INTEGER PRIMARY KEY");
	add_stored(out, false, true);
	add_extras(out, true);
	buffer_add_text(out, ") STRICT; CREATE INDEX handshake_rows_time ON handshake_rows(time_ns);");
}

static void add_handshakes_view(struct buffer *out)
{
	buffer_add_text(out, "CREATE VIEW handshakes AS SELECT ");
	for (size_t i = 0; i < field_count; i++) {
		field_add_view(&fields[i], out);
		buffer_add_format(out, " AS %s%s", fields[i].column, i + 1 < field_count ? ", " : " ");
	}
	buffer_add_text(out, "FROM handshake_rows h LEFT JOIN trait_rows t ON t.id = h.traits LEFT JOIN hello_rows c ON c.id = "
			     "h.client_hello LEFT JOIN hello_rows s ON s.id = h.server_hello;");
}

/* One list after the other: a hello's row holds the ids of its lists, a list its codes or names as JSON. */
static void add_offers_of(struct buffer *out, const char *sender, int hello, const char *column)
{
	buffer_add_format(out, "SELECT h.id AS handshake_id, '%s' AS sender, %d AS hello, CASE k.key", sender, hello);
	for (int i = 0; i < OFFER_KIND_COUNT; i++)
		buffer_add_format(out, " WHEN %d THEN '%s'", i, kinds[i].column);
	buffer_add_text(out, " END AS kind, o.key AS position, CASE o.type WHEN 'integer' THEN o.value END AS code, "
			     "CASE WHEN o.type <> 'integer' THEN o.value ELSE coalesce("
			     "(SELECT name FROM names WHERE code = o.value AND kind = CASE k.key");
	for (int i = 0; i < OFFER_KIND_COUNT; i++)
		buffer_add_format(out, " WHEN %d THEN '%s'", i, kinds[i].names);
	buffer_add_text(out, " END), CASE WHEN (o.value & 3855) = 2570 AND o.value >> 8 = (o.value & 255) THEN 'GREASE' "
			     "ELSE printf('0x%04x', o.value) END) END AS name "
			     "FROM handshake_rows h JOIN hello_rows y, json_each(json_array(");
	for (int i = 0; i < OFFER_KIND_COUNT; i++)
		buffer_add_format(out, "%sy.\"%s\"", i ? ", " : "", kinds[i].column);
	buffer_add_format(out, ")) k, lists l, json_each(l.content) o WHERE y.id = h.%s AND l.id = k.value", column);
}

static void add_offers_view(struct buffer *out)
{
	static const struct { const char *sender, *column; int hello; } parts[] = {
		{ "client", "client_hello", 1 },
		{ "client", "client_hello_second", 2 },
		{ "server", "server_hello", 1 },
		{ "server", "certificate_request", 1 },
	};

	buffer_add_text(out, "CREATE VIEW offers AS ");
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		buffer_add_text(out, i ? " UNION ALL " : "");
		add_offers_of(out, parts[i].sender, parts[i].hello, parts[i].column);
	}
	buffer_add_text(out, ";");
}

static void add_views(struct buffer *out)
{
	buffer_add_text(out, views);
	add_handshakes_view(out);
	add_offers_view(out);
	buffer_add_format(out, "PRAGMA application_id = %d; PRAGMA user_version = %d;", SCHEMA_APPLICATION_ID, SCHEMA_VERSION);
}

static int execute(sqlite3 *db, struct buffer *sql)
{
	int rc = sqlite3_exec(db, buffer_text(sql), NULL, NULL, NULL);

	buffer_finish(sql);
	return rc;
}

int schema_create(sqlite3 *db)
{
	struct buffer sql = { 0 };

	buffer_add_text(&sql, tables);
	add_handshake_tables(&sql);
	add_views(&sql);
	return execute(db, &sql);
}

int schema_create_views(sqlite3 *db)
{
	struct buffer sql = { 0 };

	add_views(&sql);
	return execute(db, &sql);
}

static int refresh_kind(sqlite3_stmt *upsert, enum registry_kind kind)
{
	size_t count;
	const struct registry_entry *entries = registry_entries(kind, &count);
	int rc = SQLITE_DONE;

	sqlite3_bind_text(upsert, 1, registry_kind_name(kind), -1, SQLITE_STATIC);
	for (size_t i = 0; i < count && rc == SQLITE_DONE; i++) {
		sqlite3_bind_int64(upsert, 2, entries[i].code);
		sqlite3_bind_text(upsert, 3, entries[i].name, -1, SQLITE_STATIC);
		rc = sqlite3_step(upsert);
		sqlite3_reset(upsert);
	}
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int schema_refresh_names(sqlite3 *db)
{
	sqlite3_stmt *upsert;
	int rc = sqlite3_prepare_v2(db,
				    "INSERT INTO names(kind, code, name) VALUES(?1, ?2, ?3) "
				    "ON CONFLICT(kind, code) DO UPDATE SET name = excluded.name "
				    "WHERE name <> excluded.name",
				    -1, &upsert, NULL);

	for (int kind = 0; kind < REGISTRY_KIND_COUNT && rc == SQLITE_OK; kind++)
		rc = refresh_kind(upsert, (enum registry_kind)kind);
	sqlite3_finalize(upsert);
	return rc;
}

static int count_stored(bool shared)
{
	int count = 0;

	for (size_t i = 0; i < field_count; i++)
		count += field_stored(&fields[i]) && fields[i].shared == shared;
	return count;
}

/* The first column gets `first`, each of the others a parameter. */
static void add_values(struct buffer *out, const char *first, int count)
{
	buffer_add_format(out, ") VALUES(%s", first);
	for (int i = 0; i < count; i++)
		buffer_add_text(out, ", ?");
	buffer_add_text(out, ")");
}

void schema_add_insert(struct buffer *out)
{
	buffer_add_text(out, "INSERT INTO handshake_rows(id");
	add_stored(out, false, false);
	add_extras(out, false);
	add_values(out, "NULL", count_stored(false) + EXTRA_COUNT);
}

void schema_add_traits_insert(struct buffer *out)
{
	buffer_add_text(out, "INSERT INTO trait_rows(hash");
	add_stored(out, true, false);
	add_values(out, "?", count_stored(true));
	buffer_add_text(out, " ON CONFLICT(hash) DO NOTHING");
}
