#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks/once.h"

enum { PLACES = 2 * ONCE_WAYS };

static void what_is_remembered_is_recalled(void **state)
{
	struct once_memory table[PLACES] = { 0 };

	(void)state;
	assert_int_equal(once_recall(table, PLACES, 0), 0);
	once_remember(table, PLACES, 7, 70);
	assert_int_equal(once_recall(table, PLACES, 7), 70);
	assert_int_equal(once_recall(table, PLACES, 9), 0);
}

static void those_that_meet_do_not_drive_each_other_out(void **state)
{
	struct once_memory table[PLACES] = { 0 };

	(void)state;
	for (uint64_t i = 1; i <= ONCE_WAYS; i++)
		once_remember(table, PLACES, 2 * i, (int64_t)i);
	for (uint64_t i = 1; i <= ONCE_WAYS; i++)
		assert_int_equal(once_recall(table, PLACES, 2 * i), i);
}

static void of_too_many_the_first_is_forgotten(void **state)
{
	struct once_memory table[PLACES] = { 0 };

	(void)state;
	once_remember(table, PLACES, 1, 100);
	for (uint64_t i = 1; i <= ONCE_WAYS + 1; i++)
		once_remember(table, PLACES, 2 * i, (int64_t)i);
	assert_int_equal(once_recall(table, PLACES, 2), 0);
	assert_int_equal(once_recall(table, PLACES, 4), 2);
	assert_int_equal(once_recall(table, PLACES, 1), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_remembered_is_recalled),
		cmocka_unit_test(those_that_meet_do_not_drive_each_other_out),
		cmocka_unit_test(of_too_many_the_first_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
