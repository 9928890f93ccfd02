#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/greetings.h"

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static void a_greeting_is_kept_until_the_client_speaks(void **state)
{
	struct greetings g = { 0 };

	(void)state;
	greetings_note(&g, 7, text("SSH-2.0-x"), 10);
	const struct greeting *kept = greetings_find(&g, 7);
	assert_non_null(kept);
	assert_int_equal(kept->len, 9);
	assert_memory_equal(kept->at, "SSH-2.0-x", 9);
	assert_int_equal(kept->next, 10);
	greetings_forget(&g, 7);
	assert_null(greetings_find(&g, 7));
}

static void a_long_greeting_is_cut(void **state)
{
	uint8_t banner[300] = { '2', '2', '0' };
	struct greetings g = { 0 };

	(void)state;
	greetings_note(&g, 7, (struct bytes){ banner, sizeof banner }, 301);
	assert_int_equal(greetings_find(&g, 7)->len, GREETING_KEPT);
}

static void another_connection_has_none_and_many_crowd_the_oldest_out(void **state)
{
	struct greetings g = { 0 };

	(void)state;
	greetings_note(&g, 7, text("220 a"), 6);
	assert_null(greetings_find(&g, 0));
	assert_null(greetings_find(&g, 8));
	assert_null(greetings_find(&g, 7 + GREETING_SETS));
	greetings_forget(&g, 7 + GREETING_SETS);
	assert_non_null(greetings_find(&g, 7));
	for (unsigned i = 1; i < GREETING_WAYS; i++)
		greetings_note(&g, 7 + i * GREETING_SETS, text("+OK"), 4);
	assert_non_null(greetings_find(&g, 7));
	greetings_note(&g, 7 + GREETING_WAYS * GREETING_SETS, text("+OK"), 4);
	assert_null(greetings_find(&g, 7));
	for (unsigned i = 1; i <= GREETING_WAYS; i++)
		assert_non_null(greetings_find(&g, 7 + i * GREETING_SETS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_greeting_is_kept_until_the_client_speaks),
		cmocka_unit_test(a_long_greeting_is_cut),
		cmocka_unit_test(another_connection_has_none_and_many_crowd_the_oldest_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
