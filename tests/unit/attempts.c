#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/attempts.h"
#include "record/attempt.h"

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct attempts *attempts;
};

static int open_bench(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	b->attempts = attempts_create(&b->key, &b->limits);
	*state = b;
	return 0;
}

static int close_bench(void **state)
{
	struct bench *b = *state;

	attempts_destroy(b->attempts);
	free(b);
	return 0;
}

static struct address address_of(uint32_t number)
{
	struct address a = { { [10] = 0xff, [11] = 0xff } };

	for (unsigned i = 0; i < 4; i++)
		a.at[12 + i] = (uint8_t)(number >> (24 - 8 * i));
	return a;
}

static void add(struct bench *b, uint32_t client, uint32_t server, uint16_t port, enum attempt_reason reason, int64_t ns)
{
	struct attempt_event e = { .client = address_of(client), .server = address_of(server), .server_port = port, .reason = (uint8_t)reason,
		.first_ns = ns, .last_ns = ns };

	attempts_add(b->attempts, &e);
}

static void those_alike_are_one_row(void **state)
{
	struct bench *b = *state;
	size_t count;

	add(b, 1, 2, 443, ATTEMPT_REFUSED, 20);
	add(b, 1, 2, 443, ATTEMPT_REFUSED, 10);
	add(b, 1, 2, 443, ATTEMPT_REFUSED, 30);
	struct attempt *rows = attempts_take(b->attempts, true, &count);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].attempts, 3);
	assert_int_equal(rows[0].first_ns, 10);
	assert_int_equal(rows[0].last_ns, 30);
	assert_int_equal(rows[0].server_port, 443);
	assert_false(rows[0].any_client || rows[0].only_with_tls);
	free(rows);
}

static void those_that_differ_are_rows_in_the_order_of_time(void **state)
{
	struct bench *b = *state;
	size_t count;

	add(b, 1, 2, 443, ATTEMPT_CLOSED, 50);
	add(b, 1, 2, 443, ATTEMPT_REFUSED, 40);
	add(b, 1, 2, 853, ATTEMPT_REFUSED, 30);
	add(b, 3, 2, 443, ATTEMPT_REFUSED, 20);
	add(b, 1, 4, 443, ATTEMPT_REFUSED, 10);
	struct attempt *rows = attempts_take(b->attempts, true, &count);
	assert_int_equal(count, 5);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(rows[i].first_ns, 10 * (i + 1));
	free(rows);
}

static void only_changed_rows_are_taken_again(void **state)
{
	struct bench *b = *state;
	size_t count;

	add(b, 1, 2, 443, ATTEMPT_RESET, 10);
	add(b, 3, 2, 443, ATTEMPT_RESET, 20);
	free(attempts_take(b->attempts, true, &count));
	assert_null(attempts_take(b->attempts, true, &count));
	assert_int_equal(count, 0);
	add(b, 3, 2, 443, ATTEMPT_RESET, 30);
	struct attempt *rows = attempts_take(b->attempts, false, &count);
	assert_int_equal(count, 1);
	assert_int_equal(rows[0].attempts, 2);
	free(rows);
}

static void other_ports_are_given_at_the_end(void **state)
{
	struct bench *b = *state;
	size_t count;

	add(b, 1, 2, 8080, ATTEMPT_RESET, 10);
	assert_null(attempts_take(b->attempts, false, &count));
	struct attempt *rows = attempts_take(b->attempts, true, &count);
	assert_int_equal(count, 1);
	assert_true(rows[0].only_with_tls);
	free(rows);
}

static void a_flood_is_counted_in_one_row(void **state)
{
	enum { FLOOD = 100000 };
	struct bench *b = *state;
	uint64_t sum = 0;
	size_t count, common = 0;

	for (uint32_t i = 0; i < FLOOD; i++)
		add(b, i * 2654435761U, 2, 443, ATTEMPT_UNANSWERED, i);
	struct attempt *rows = attempts_take(b->attempts, true, &count);
	assert_int_equal(count, ATTEMPT_CLIENTS_MAX + 1);
	for (size_t i = 0; i < count; i++) {
		sum += rows[i].attempts;
		common += rows[i].any_client;
	}
	assert_int_equal(sum, FLOOD);
	assert_int_equal(common, 1);
	assert_int_equal(b->limits.bitten[LIMIT_ATTEMPT_CLIENTS], FLOOD - ATTEMPT_CLIENTS_MAX);
	free(rows);
}

static void a_known_client_keeps_its_row_in_a_flood(void **state)
{
	struct bench *b = *state;
	size_t count;

	add(b, 7, 2, 443, ATTEMPT_UNANSWERED, 0);
	for (uint32_t i = 0; i < 1000; i++)
		add(b, 1000 + i, 2, 443, ATTEMPT_UNANSWERED, 1);
	add(b, 7, 2, 443, ATTEMPT_UNANSWERED, 2);
	struct attempt *rows = attempts_take(b->attempts, true, &count);
	assert_int_equal(rows[0].attempts, 2);
	assert_int_equal(rows[0].last_ns, 2);
	free(rows);
}

static void many_servers_do_not_need_more_than_attempt_rows_max(void **state)
{
	struct bench *b = *state;
	size_t count;

	for (uint32_t i = 0; i < 4 * ATTEMPT_ROWS_MAX; i++) {
		add(b, 1, i, 443, ATTEMPT_REFUSED, i);
		add(b, 1, i, 22, ATTEMPT_REFUSED, i);
	}
	assert_true(b->limits.bitten[LIMIT_ATTEMPT_ROWS] > 0);
	free(attempts_take(b->attempts, true, &count));
	assert_in_range(count, ATTEMPT_ROWS_MAX / 8, ATTEMPT_ROWS_MAX);
}

static void the_latest_of_other_ports_are_kept(void **state)
{
	struct bench *b = *state;
	bool found = false;
	size_t count;

	for (uint32_t i = 0; i < 4 * ATTEMPT_ROWS_MAX; i++)
		add(b, 1, i, 22, ATTEMPT_REFUSED, i);
	add(b, 1, 9, 4433, ATTEMPT_REFUSED, 1);
	struct attempt *rows = attempts_take(b->attempts, true, &count);
	for (size_t i = 0; i < count; i++)
		found |= rows[i].server_port == 4433;
	assert_true(found);
	free(rows);
}

static void tls_comes_first_on_its_own_ports(void **state)
{
	static const uint16_t yes[] = { 443, 465, 636, 853, 989, 990, 993, 995, 5061, 8443 }, no[] = { 0, 25, 80, 444, 988, 996, 5060, 8080, 65535 };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++)
		assert_true(attempt_is_tls_port(yes[i]));
	for (size_t i = 0; i < sizeof no / sizeof no[0]; i++)
		assert_false(attempt_is_tls_port(no[i]));
}

static void every_reason_has_a_name(void **state)
{
	(void)state;
	for (int i = 0; i < ATTEMPT_REASON_COUNT; i++)
		assert_non_null(attempt_reason_name((enum attempt_reason)i));
	assert_string_equal(attempt_reason_name(ATTEMPT_PLAIN_HTTP), "plain-http");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_bench, close_bench)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(those_alike_are_one_row),
		TEST(those_that_differ_are_rows_in_the_order_of_time),
		TEST(only_changed_rows_are_taken_again),
		TEST(other_ports_are_given_at_the_end),
		TEST(a_flood_is_counted_in_one_row),
		TEST(a_known_client_keeps_its_row_in_a_flood),
		TEST(many_servers_do_not_need_more_than_attempt_rows_max),
		TEST(the_latest_of_other_ports_are_kept),
		TEST(tls_comes_first_on_its_own_ports),
		TEST(every_reason_has_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
