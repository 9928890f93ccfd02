/* The table of limits and its page. */
#include "record/limits_page.h"

#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/document.h"

static void every_limit_has_a_name_of_its_own_a_value_and_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		assert_true(limit_table[i].value > 0);
		assert_true(strlen(limit_table[i].reason) > 10);
		assert_int_equal(strspn(limit_table[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
			strlen(limit_table[i].name));
		for (size_t other = 0; other < i; other++)
			assert_string_not_equal(limit_table[i].name, limit_table[other].name);
	}
}

/* Run with the path of docs/limits.md: `ninja limits.md` makes it anew. */
static void the_document_is_current(void **state)
{
	(void)state;
	assert_document("LIMITS_DOCUMENT", limits_add_document);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_limit_has_a_name_of_its_own_a_value_and_a_reason),
		cmocka_unit_test(the_document_is_current),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
