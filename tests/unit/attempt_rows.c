#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "overhear/handshake.h"
#include "record/fields.h"
#include "sinks/attempt_rows.h"
#include "sinks/schema.h"

struct bench {
	sqlite3 *db;
	struct attempt_rows rows;
};

static int open_bench(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	assert_int_equal(sqlite3_open(":memory:", &b->db), SQLITE_OK);
	assert_int_equal(schema_create(b->db), SQLITE_OK);
	assert_int_equal(attempt_rows_init(&b->rows, b->db), SQLITE_OK);
	*state = b;
	return 0;
}

static int close_bench(void **state)
{
	struct bench *b = *state;

	attempt_rows_finish(&b->rows);
	assert_int_equal(sqlite3_close(b->db), SQLITE_OK);
	free(b);
	return 0;
}

static const struct attempt plain = {
	.client = { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 } },
	.server = { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 2 } },
	.server_port = 443, .reason = ATTEMPT_REFUSED, .attempts = 1, .first_ns = 1000000000, .last_ns = 2000000000,
};

static void put(struct bench *b, struct attempt a)
{
	assert_int_equal(attempt_rows_put(&b->rows, 1, &a), SQLITE_DONE);
}

static void expect(struct bench *b, const char *sql, const char *want)
{
	sqlite3_stmt *ask;
	char got[512] = "";

	assert_int_equal(sqlite3_prepare_v2(b->db, sql, -1, &ask, NULL), SQLITE_OK);
	while (sqlite3_step(ask) == SQLITE_ROW)
		for (int i = 0; i < sqlite3_column_count(ask); i++) {
			const char *text = (const char *)sqlite3_column_text(ask, i);

			strcat(got, text ? text : "-");
			strcat(got, i + 1 < sqlite3_column_count(ask) ? "|" : ";");
		}
	sqlite3_finalize(ask);
	assert_string_equal(got, want);
}

static void a_row_has_the_views_columns(void **state)
{
	put(*state, plain);
	expect(*state, "SELECT capture_id, client_ip, server_ip, server_port, reason, starttls, attempts, first_seen, last_seen FROM attempts",
		"1|192.0.2.1|192.0.2.2|443|refused|-|1|1970-01-01T00:00:01.000000000Z|1970-01-01T00:00:02.000000000Z;");
}

static void a_later_total_replaces_the_earlier(void **state)
{
	struct attempt more = plain;

	more.attempts = 5;
	more.last_ns = 9000000000;
	put(*state, plain);
	put(*state, more);
	expect(*state, "SELECT attempts, last_seen FROM attempts", "5|1970-01-01T00:00:09.000000000Z;");
}

static void clients_without_a_row_of_their_own_have_no_address(void **state)
{
	struct attempt all = plain;

	all.any_client = true;
	put(*state, all);
	all.attempts = 7;
	put(*state, all);
	put(*state, plain);
	expect(*state, "SELECT client_ip, attempts FROM attempts ORDER BY client_ip", "-|7;192.0.2.1|1;");
}

static void roads_are_rows_of_their_own(void **state)
{
	struct attempt smtp = plain;

	strcpy(smtp.starttls, "proxy-v1+smtp");
	put(*state, plain);
	put(*state, smtp);
	expect(*state, "SELECT starttls FROM attempts ORDER BY starttls", "-;proxy-v1+smtp;");
}

static int64_t mark(const char *column, unsigned value)
{
	return (int64_t)value << field_find(column)->bit;
}

static void store(struct bench *b, enum transport transport, enum stage stage, const char *starttls)
{
	/* fields.c: an IPv4 address and a port are one number. */
	char *sql = sqlite3_mprintf("INSERT INTO trait_rows(hash, starttls) VALUES(randomblob(16), %Q);"
		"INSERT INTO handshake_rows(capture_id, connection_id, server, traits, marks) "
		"VALUES(1, 1, 0xc0000202 << 16 | 4433, last_insert_rowid(), %lld)", starttls,
		(long long)(mark("transport", transport) | mark("stage", stage)));

	assert_int_equal(sqlite3_exec(b->db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_free(sql);
	attempt_rows_note(&b->rows);
}

static const struct attempt elsewhere = {
	.client = { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 1 } },
	.server = { { [10] = 0xff, [11] = 0xff, [12] = 192, [14] = 2, [15] = 2 } },
	.server_port = 4433, .only_with_tls = true, .attempts = 1,
};

static void other_ports_count_only_where_tls_was_seen(void **state)
{
	struct bench *b = *state;

	put(b, elsewhere);
	expect(b, "SELECT count(*) FROM attempts", "0;");
	store(b, TRANSPORT_TCP, STAGE_CLIENT_HELLO, NULL);
	store(b, TRANSPORT_QUIC, STAGE_FINISHED, NULL);
	put(b, elsewhere);
	expect(b, "SELECT count(*) FROM attempts", "0;");
	store(b, TRANSPORT_TCP, STAGE_SERVER_HELLO, NULL);
	store(b, TRANSPORT_TCP, STAGE_FINISHED, NULL);
	put(b, elsewhere);
	put(b, elsewhere);
	expect(b, "SELECT count(*) FROM attempts", "1;");
}

static void tls_behind_starttls_makes_no_port_of_tls(void **state)
{
	struct bench *b = *state;

	store(b, TRANSPORT_TCP, STAGE_FINISHED, "smtp");
	put(b, elsewhere);
	expect(b, "SELECT count(*) FROM attempts", "0;");
}

static void where_tls_was_seen_is_known_after_a_restart(void **state)
{
	struct bench *b = *state;

	store(b, TRANSPORT_TCP, STAGE_FINISHED, NULL);
	put(b, elsewhere);
	expect(b, "DELETE FROM attempt_rows", "");
	attempt_rows_finish(&b->rows);
	assert_int_equal(attempt_rows_init(&b->rows, b->db), SQLITE_OK);
	put(b, elsewhere);
	expect(b, "SELECT count(*) FROM attempts", "1;");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_row_has_the_views_columns),
		TEST(a_later_total_replaces_the_earlier),
		TEST(clients_without_a_row_of_their_own_have_no_address),
		TEST(roads_are_rows_of_their_own),
		TEST(other_ports_count_only_where_tls_was_seen),
		TEST(tls_behind_starttls_makes_no_port_of_tls),
		TEST(where_tls_was_seen_is_known_after_a_restart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
