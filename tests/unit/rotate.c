#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/rotate.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NOON = 1790251200 };	/* 2026-09-24T12:00:00Z */

static void assert_name(const char *pattern, int64_t now_s, const char *want)
{
	struct rotation r;

	assert_true(rotation_begin(&r, pattern, now_s, NULL));
	assert_string_equal(r.name, want);
	rotation_finish(&r);
}

static void fields_become_the_time(void **state)
{
	(void)state;
	assert_name("/var/lib/day-%Y%m%d.db", NOON, "/var/lib/day-20260924.db");
	assert_name("%F-%H%M%S.db", NOON, "2026-09-24-120000.db");
	assert_name("plain.db", NOON, "plain.db");
	assert_name("100%%.db", NOON, "100%.db");
}

static void a_day_is_the_users(void **state)
{
	(void)state;
	setenv("TZ", "TEST-14", 1);
	tzset();
	assert_name("%d.db", NOON, "25.db");
	setenv("TZ", "UTC", 1);
	tzset();
}

static void what_cannot_be_a_name_is_refused(void **state)
{
	static const char *const patterns[] = { "a%", "%Q.db", "%D.db", "%x.db", "%5Y.db", "%Y/a.db" };
	struct error error;
	struct rotation r;

	(void)state;
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		assert_false(rotation_begin(&r, patterns[i], NOON, &error));
		assert_int_equal(error.status, EXIT_USAGE);
		assert_non_null(strstr(error.text, patterns[i]));
		rotation_finish(&r);
	}
}

static void another_hour_gives_another_name_once(void **state)
{
	struct rotation r;

	(void)state;
	assert_true(rotation_begin(&r, "%H.db", NOON, NULL));
	assert_null(rotation_due(&r, NOON + 3599, false));
	char *next = rotation_due(&r, NOON + 3600, false);
	assert_string_equal(next, "13.db");
	rotation_take(&r, next);
	assert_null(rotation_due(&r, NOON + 3601, false));
	rotation_finish(&r);
}

/* Where a file could not be opened, it is asked for again. */
static void a_name_that_was_not_taken_stays_due(void **state)
{
	struct rotation r;

	(void)state;
	assert_true(rotation_begin(&r, "%H.db", NOON, NULL));
	for (int i = 0; i < 2; i++) {
		char *next = rotation_due(&r, NOON + 3600 + i, false);

		assert_string_equal(next, "13.db");
		free(next);
	}
	rotation_finish(&r);
}

static void a_clock_set_back_gives_the_earlier_name(void **state)
{
	struct rotation r;

	(void)state;
	assert_true(rotation_begin(&r, "%Y.db", NOON, NULL));
	char *next = rotation_due(&r, NOON - 366 * 86400, false);
	assert_string_equal(next, "2025.db");
	free(next);
	rotation_finish(&r);
}

static void a_file_moved_away_is_made_anew_when_asked(void **state)
{
	char folder[] = "/tmp/overhear-test-XXXXXX", pattern[64], there[64], away[64];
	struct rotation r;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(pattern, sizeof pattern, "%s/%%Y.db", folder);
	snprintf(there, sizeof there, "%s/2026.db", folder);
	snprintf(away, sizeof away, "%s/old.db", folder);
	close(open(there, O_CREAT | O_WRONLY, 0600));
	assert_true(rotation_begin(&r, pattern, NOON, NULL));
	rotation_opened(&r);
	assert_null(rotation_due(&r, NOON, true));
	assert_int_equal(rename(there, away), 0);
	assert_null(rotation_due(&r, NOON + 1, false));
	char *next = rotation_due(&r, NOON + 1, true);
	assert_string_equal(next, there);
	free(next);
	rotation_finish(&r);
	unlink(away);
	rmdir(folder);
}

static void a_plain_name_never_changes(void **state)
{
	struct rotation r;

	(void)state;
	assert_true(rotation_begin(&r, "a%%.db", NOON, NULL));
	assert_null(rotation_due(&r, NOON + 1000000, true));
	rotation_finish(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_become_the_time),
		cmocka_unit_test(a_day_is_the_users),
		cmocka_unit_test(what_cannot_be_a_name_is_refused),
		cmocka_unit_test(another_hour_gives_another_name_once),
		cmocka_unit_test(a_name_that_was_not_taken_stays_due),
		cmocka_unit_test(a_clock_set_back_gives_the_earlier_name),
		cmocka_unit_test(a_file_moved_away_is_made_anew_when_asked),
		cmocka_unit_test(a_plain_name_never_changes),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
