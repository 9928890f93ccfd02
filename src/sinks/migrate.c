#include "sinks/migrate.h"

#include "sinks/schema.h"

#include <assert.h>

#define TRAITS \
	"vlan, encapsulation, starttls, application, category, risks, cause, inferred, version_code, cipher_code, " \
	"named_group_code, signature_scheme_code, alpn, dh_bits, compression_code, alert_stored, alert_level_code, " \
	"server_certificates, client_certificates, certificate_compression_code, sct_count, ticket_lifetime_s, " \
	"quic_version_code, reassembly, round_trips, retransmissions"
#define SAME \
	"id, capture_id, connection_id, time_ns, first_packet, last_packet, packets, community_id, server_name, inner_server_name, " \
	"dns_name, resumed_from, dns_ns, tcp_ns, client_rtt_ns, server_rtt_ns, server_hello_ns, server_think_ns, tls_ns, " \
	"first_byte_ns, total_ns, client_bytes, server_bytes, marks, client_hello, client_hello_second, server_hello, " \
	"certificate_request, server_chain, client_chain, alerts"
#define END_OF(end) \
	"CASE WHEN " end "_ip LIKE '%:%' OR " end "_ip IS NULL " \
	"THEN nullif(coalesce(" end "_port, 0) || ' ' || coalesce(" end "_ip, ''), '0 ') " \
	"ELSE (SELECT ((j ->> 0) << 40) + ((j ->> 1) << 32) + ((j ->> 2) << 24) + ((j ->> 3) << 16) + coalesce(" end "_port, 0) " \
	"FROM (SELECT '[' || replace(" end "_ip, '.', ',') || ']' AS j)) END"
#define ID_OF(table, value) "(SELECT id FROM " table " WHERE hash = CAST(" value " AS BLOB))"

/* What handshakes share gets a table of its own. A row's hash may be any blob of which there is one: here it is the content,
 * since SQLite's built-ins have no hash. */
static const char share_traits[] =
	"CREATE TABLE handshake_lists(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, content TEXT NOT NULL) STRICT;"
	"CREATE TABLE trait_rows(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, vlan INTEGER, encapsulation TEXT, starttls TEXT, "
	"application TEXT, category TEXT, risks TEXT, cause TEXT, inferred INTEGER, version_code INTEGER, cipher_code INTEGER, "
	"named_group_code INTEGER, signature_scheme_code INTEGER, alpn TEXT, dh_bits INTEGER, compression_code INTEGER, "
	"alert_stored INTEGER, alert_level_code INTEGER, server_certificates INTEGER, client_certificates INTEGER, "
	"certificate_compression_code INTEGER, sct_count INTEGER, ticket_lifetime_s INTEGER, quic_version_code INTEGER, "
	"reassembly INTEGER, round_trips INTEGER, retransmissions INTEGER) STRICT;"
	"DROP INDEX handshake_rows_time;"
	"ALTER TABLE handshake_rows RENAME TO rows_before;"
	"CREATE TABLE handshake_rows(id INTEGER PRIMARY KEY, capture_id INTEGER NOT NULL REFERENCES capture_runs(id), connection_id "
	"INTEGER NOT NULL, time_ns INTEGER, first_packet INTEGER, last_packet INTEGER, packets INTEGER, community_id TEXT, server_name "
	"TEXT, inner_server_name TEXT, dns_name TEXT, resumed_from INTEGER REFERENCES handshake_rows(id), dns_ns INTEGER, tcp_ns "
	"INTEGER, client_rtt_ns INTEGER, server_rtt_ns INTEGER, server_hello_ns INTEGER, server_think_ns INTEGER, tls_ns INTEGER, "
	"first_byte_ns INTEGER, total_ns INTEGER, client_bytes INTEGER, server_bytes INTEGER, marks INTEGER NOT NULL, client ANY, "
	"server ANY, traits INTEGER NOT NULL REFERENCES trait_rows(id), client_hello INTEGER REFERENCES hello_rows(id), "
	"client_hello_second INTEGER REFERENCES hello_rows(id), server_hello INTEGER REFERENCES hello_rows(id), certificate_request "
	"INTEGER REFERENCES hello_rows(id), server_chain INTEGER REFERENCES chain_rows(id), client_chain INTEGER REFERENCES "
	"chain_rows(id), ladder INTEGER REFERENCES handshake_lists(id), findings INTEGER REFERENCES handshake_lists(id), alerts TEXT, "
	"messages TEXT, macs BLOB, randoms BLOB) STRICT;"
	"CREATE TEMP VIEW packed AS SELECT *, json_array(" TRAITS ") AS traits, " END_OF("client") " AS client, " END_OF("server") " AS "
	"server, CASE WHEN messages IS NOT NULL THEN (SELECT json_group_array(json(CASE WHEN m.value ->> 4 THEN json_array(m.value ->> "
	"0, m.value ->> 1, 1) ELSE json_array(m.value ->> 0, m.value ->> 1) END)) FROM json_each(messages) m) END AS ladder, "
	"CASE WHEN messages IS NOT NULL THEN '[0,' || (SELECT group_concat((m.value ->> 2) || ',' || coalesce(m.value ->> 3, 'null')) "
	"FROM json_each(messages) m) || ']' END AS sizes, CAST(client_mac || server_mac AS BLOB) AS macs, "
	"CASE WHEN coalesce(client_random, server_random, session_id) IS NOT NULL THEN CAST(CASE (client_random IS NOT NULL) + 2 * "
	"(server_random IS NOT NULL) WHEN 0 THEN x'00' WHEN 1 THEN x'01' WHEN 2 THEN x'02' ELSE x'03' END || coalesce(client_random, "
	"zeroblob(32)) || CASE WHEN coalesce(server_random, session_id) IS NOT NULL THEN coalesce(server_random, zeroblob(32)) ELSE "
	"x'' END || coalesce(session_id, x'') AS BLOB) END AS randoms FROM rows_before;"
	"INSERT OR IGNORE INTO trait_rows(hash, " TRAITS ") SELECT CAST(traits AS BLOB), " TRAITS " FROM packed;"
	"INSERT OR IGNORE INTO handshake_lists(hash, content) SELECT CAST(ladder AS BLOB), ladder FROM packed WHERE ladder IS NOT NULL "
	"UNION ALL SELECT CAST(findings AS BLOB), findings FROM packed WHERE findings IS NOT NULL;"
	"INSERT INTO handshake_rows(" SAME ", client, server, macs, randoms, messages, traits, ladder, findings) SELECT " SAME ", client, "
	"server, macs, randoms, sizes, " ID_OF("trait_rows", "traits") ", " ID_OF("handshake_lists", "ladder") ", "
	ID_OF("handshake_lists", "findings") " FROM packed ORDER BY id;"
	"DROP VIEW packed; DROP TABLE rows_before; CREATE INDEX handshake_rows_time ON handshake_rows(time_ns);";

/* What became of the tables with each version; tests/schemas/ holds a database of each that was released. Views follow from
 * the table of fields: they are made anew with every version, and need no word here. */
static const char *const steps[] = {
	[2] = "",	/* a view: resumed_from is NULL once that handshake is gone */
	[3] = share_traits,
};
static_assert(sizeof steps / sizeof *steps == SCHEMA_VERSION + 1, "a step for each version");

static const char drop_views[] =
	"DROP VIEW IF EXISTS handshakes; DROP VIEW IF EXISTS captures; DROP VIEW IF EXISTS messages; DROP VIEW IF EXISTS alerts;"
	"DROP VIEW IF EXISTS offers; DROP VIEW IF EXISTS chains; DROP VIEW IF EXISTS certificates; DROP VIEW IF EXISTS findings;"
	"DROP VIEW IF EXISTS attempts;";

int migrate(sqlite3 *db, int64_t from)
{
	int rc = sqlite3_exec(db, drop_views, NULL, NULL, NULL);

	assert(from >= 1 && from <= SCHEMA_VERSION);
	for (int64_t to = from + 1; to <= SCHEMA_VERSION && rc == SQLITE_OK; to++)
		rc = sqlite3_exec(db, steps[to], NULL, NULL, NULL);
	return rc == SQLITE_OK ? schema_create_views(db) : rc;
}
