/* Tests of src/app/budget.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/budget.h"
#include "overhear/limits.h"

static void connections_get_what_is_left(void **state)
{
	uint64_t one = budget_of_connections(MEMORY_MAX, 1), two = budget_of_connections(MEMORY_MAX, 2);

	(void)state;
	assert_true(one > MEMORY_MAX / 2 && one < MEMORY_MAX);
	assert_true(2 * two < one);
	assert_int_equal(budget_of_connections(MEMORY_MAX + 1000, 1), one + 1000);
}

static void something_is_left_of_the_least(void **state)
{
	(void)state;
	for (size_t workers = 1; workers <= 64; workers++)
		assert_true(budget_of_connections(BUDGET_LEAST, workers) >= BUDGET_LEAST / 8 / workers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(connections_get_what_is_left),
		cmocka_unit_test(something_is_left_of_the_least),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
