#include "dissectors/keylog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define RANDOM "52362c10a2665e323a2adb4b9da0c10d4a8823719272f8b4c97af24f92784812"
#define MASTER "9F9A0F19A02BDDBE1A05926597D622CCA06D2AF416A28AD9C03163B87FF1B0C67824BBDB595B32D8027DB566EC04FB25"
#define TRAFFIC "0101010101010101010101010101010101010101010101010101010101010102"

static const uint8_t random_of_all[32] = { 0x52, 0x36, 0x2c, 0x10, 0xa2, 0x66, 0x5e, 0x32, 0x3a, 0x2a, 0xdb,
					   0x4b, 0x9d, 0xa0, 0xc1, 0x0d, 0x4a, 0x88, 0x23, 0x71, 0x92, 0x72,
					   0xf8, 0xb4, 0xc9, 0x7a, 0xf2, 0x4f, 0x92, 0x78, 0x48, 0x12 };

struct fixture {
	struct hash_key key;
	struct limit_counts limits;
	struct keylog *keylog;
};
static struct fixture fixture;

static int start(void **state)
{
	fixture = (struct fixture){ 0 };
	hash_key_init(&fixture.key);
	fixture.keylog = keylog_create(&fixture.key, &fixture.limits);
	*state = &fixture;
	return 0;
}

static int stop(void **state)
{
	keylog_destroy(((struct fixture *)*state)->keylog);
	return 0;
}

static size_t add(const struct fixture *f, const char *text, bool whole)
{
	return keylog_add(f->keylog, (struct bytes){ (const uint8_t *)text, strlen(text) }, whole);
}

static struct keylog_counts counts(const struct fixture *f)
{
	struct keylog_counts out;

	keylog_counts(f->keylog, &out);
	return out;
}

static void a_master_secret_is_found_by_its_random(void **state)
{
	struct fixture *f = *state;

	add(f, "CLIENT_RANDOM " RANDOM " " MASTER "\n", false);
	struct bytes secret = keylog_find(f->keylog, random_of_all, SECRET_MASTER);
	assert_int_equal(secret.len, 48);
	assert_int_equal(secret.at[0], 0x9f);
	assert_int_equal(secret.at[47], 0x25);
	assert_int_equal(keylog_find(f->keylog, random_of_all, SECRET_CLIENT_HANDSHAKE).len, 0);
}

static void every_label_has_its_kind(void **state)
{
	static const struct {
		const char *label;
		enum secret_kind kind;
	} rows[] = {
		{ "CLIENT_EARLY_TRAFFIC_SECRET", SECRET_CLIENT_EARLY },
		{ "CLIENT_HANDSHAKE_TRAFFIC_SECRET", SECRET_CLIENT_HANDSHAKE },
		{ "SERVER_HANDSHAKE_TRAFFIC_SECRET", SECRET_SERVER_HANDSHAKE },
		{ "CLIENT_TRAFFIC_SECRET_0", SECRET_CLIENT_APPLICATION },
		{ "SERVER_TRAFFIC_SECRET_0", SECRET_SERVER_APPLICATION },
		{ "ECH_SECRET", SECRET_ECH },
		{ "ECH_CONFIG", SECRET_ECH_CONFIG },
		{ "QUIC_SERVER_TRAFFIC_SECRET_0", SECRET_SERVER_APPLICATION },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[256];

		snprintf(line, sizeof line, "%s " RANDOM " " TRAFFIC "\n", rows[i].label);
		add(f, line, false);
		assert_int_equal(keylog_find(f->keylog, random_of_all, rows[i].kind).len, 32);
	}
}

static void a_premaster_secret_is_found_by_eight_bytes(void **state)
{
	static const uint8_t id[8] = { 0x3e, 0x2f, 0xfb, 0xd8, 0x6d, 0x10, 0xf6, 0x94 };
	struct fixture *f = *state;

	add(f, "RSA 3e2ffbd86d10f694 " MASTER "\n", false);
	assert_int_equal(keylog_find_premaster(f->keylog, id).len, 48);
}

static void comments_exporters_and_unknown_labels_are_no_bad_lines(void **state)
{
	struct fixture *f = *state;

	add(f, "# a comment\n\r\n\nEXPORTER_SECRET " RANDOM " " TRAFFIC "\nNEW_LABEL 00 11\n", true);
	assert_int_equal(counts(f).secrets, 0);
	assert_int_equal(counts(f).bad_lines, 0);
}

static void bad_lines_are_counted_and_passed_over(void **state)
{
	struct fixture *f = *state;

	add(f,
	    "CLIENT_RANDOM\nCLIENT_RANDOM " RANDOM "\nCLIENT_RANDOM " RANDOM " zz\n"
	    "CLIENT_RANDOM 1234 " MASTER "\nCLIENT_RANDOM " RANDOM " " TRAFFIC "\nnonsense\n"
	    "CLIENT_RANDOM " RANDOM " " MASTER " more\nCLIENT_RANDOM " RANDOM " " MASTER "\n",
	    true);
	assert_int_equal(counts(f).bad_lines, 7);
	assert_int_equal(counts(f).secrets, 1);
	assert_int_equal(keylog_find(f->keylog, random_of_all, SECRET_MASTER).len, 48);
}

static void a_line_without_its_end_waits(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(add(f, "# c\nCLIENT_RANDOM " RANDOM " " MASTER, false), 4);
	assert_int_equal(counts(f).secrets, 0);
	size_t len = strlen("CLIENT_RANDOM " RANDOM " " MASTER);
	assert_int_equal(add(f, "CLIENT_RANDOM " RANDOM " " MASTER, true), len);
	assert_int_equal(counts(f).secrets, 1);
}

static void every_line_end_will_do(void **state)
{
	struct fixture *f = *state;

	add(f, "#\rCLIENT_RANDOM " RANDOM " " MASTER "\r\n#\n", false);
	assert_int_equal(counts(f).secrets, 1);
	assert_int_equal(counts(f).bad_lines, 0);
}

static void of_two_lines_the_last_counts(void **state)
{
	struct fixture *f = *state;
	uint64_t before = keylog_version(f->keylog);

	add(f, "ECH_CONFIG " RANDOM " " MASTER MASTER "\nECH_CONFIG " RANDOM " 0102\n", false);
	struct bytes secret = keylog_find(f->keylog, random_of_all, SECRET_ECH_CONFIG);
	assert_int_equal(secret.len, 2);
	assert_int_equal(secret.at[1], 2);
	assert_true(keylog_version(f->keylog) > before);
	add(f, "ECH_CONFIG " RANDOM " " MASTER MASTER "\n", false);
	assert_int_equal(keylog_find(f->keylog, random_of_all, SECRET_ECH_CONFIG).len, 96);
}

static void add_number(const struct fixture *f, unsigned n)
{
	char line[256];

	snprintf(line, sizeof line, "CLIENT_RANDOM %064x " MASTER "\n", n);
	add(f, line, false);
}

static struct bytes find_number(const struct fixture *f, unsigned n)
{
	uint8_t random[32] = { 0 };

	for (int i = 0; i < 4; i++)
		random[31 - i] = (uint8_t)(n >> 8 * i);
	return keylog_find(f->keylog, random, SECRET_MASTER);
}

static void the_oldest_secret_yields_beyond_the_limit(void **state)
{
	struct fixture *f = *state;

	for (unsigned n = 0; n < KEYLOG_SECRETS_MAX; n++)
		add_number(f, n);
	assert_int_equal(f->limits.bitten[LIMIT_KEYLOG_SECRETS], 0);
	assert_int_equal(find_number(f, 0).len, 48);
	add_number(f, KEYLOG_SECRETS_MAX);
	assert_int_equal(f->limits.bitten[LIMIT_KEYLOG_SECRETS], 1);
	assert_int_equal(find_number(f, 0).len, 0);
	assert_int_equal(find_number(f, 1).len, 48);
	assert_int_equal(find_number(f, KEYLOG_SECRETS_MAX).len, 48);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_master_secret_is_found_by_its_random),
		TEST(every_label_has_its_kind),
		TEST(a_premaster_secret_is_found_by_eight_bytes),
		TEST(comments_exporters_and_unknown_labels_are_no_bad_lines),
		TEST(bad_lines_are_counted_and_passed_over),
		TEST(a_line_without_its_end_waits),
		TEST(every_line_end_will_do),
		TEST(of_two_lines_the_last_counts),
		TEST(the_oldest_secret_yields_beyond_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
