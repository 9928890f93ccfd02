#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <locale.h>
#include <string.h>

#include "app/table.h"

static const struct table_column columns[] = {
	{ .head = "ID" },
	{ .head = "TIME", .spare = 1 },
	{ .head = "NAME", .least = 8 },
	{ .head = "CIPHER", .least = 6, .spare = 2 },
};
enum { COUNT = sizeof columns / sizeof *columns };

static void assert_fits(size_t width, size_t id, size_t time, size_t name, size_t cipher)
{
	size_t widths[COUNT] = { 4, 10, 20, 12 }; /* 46 and three gaps of two: 52 */

	table_fit(columns, COUNT, width, widths);
	assert_int_equal(widths[0], id);
	assert_int_equal(widths[1], time);
	assert_int_equal(widths[2], name);
	assert_int_equal(widths[3], cipher);
}

static void a_wide_terminal_cuts_nothing(void **state)
{
	(void)state;
	assert_fits(52, 4, 10, 20, 12);
}

static void the_widest_text_is_cut_first(void **state)
{
	(void)state;
	assert_fits(48, 4, 10, 16, 12);
	assert_fits(42, 4, 10, 11, 11);
}

static void the_least_needed_column_goes_when_cutting_is_not_enough(void **state)
{
	(void)state;
	assert_fits(34, 4, 10, 8, 6);
	assert_fits(33, 4, 10, 15, 0);
	assert_fits(25, 4, 0, 19, 0);
}

static void what_must_stay_stays_on_the_narrowest_terminal(void **state)
{
	(void)state;
	assert_fits(3, 4, 0, 8, 0);
}

static void assert_cut(const char *text, size_t width, const char *wanted)
{
	struct buffer out = { 0 };

	table_add_cut(&out, (struct bytes){ (const uint8_t *)text, strlen(text) }, width, true);
	assert_string_equal(buffer_text(&out), wanted);
	buffer_finish(&out);
}

static void a_cut_text_ends_with_an_ellipsis(void **state)
{
	(void)state;
	assert_cut("example", 7, "example");
	assert_cut("example", 6, "examp\xe2\x80\xa6");
	assert_cut("example", 1, "\xe2\x80\xa6");
}

static void wide_characters_count_as_two_columns(void **state)
{
	(void)state;
	if (!setlocale(LC_CTYPE, "C.UTF-8"))
		skip();
	assert_cut("\xe4\xb8\xad\xe6\x96\x87", 4, "\xe4\xb8\xad\xe6\x96\x87");
	assert_cut("\xe4\xb8\xad\xe6\x96\x87", 3, "\xe4\xb8\xad\xe2\x80\xa6");
	/* Half a wide character does not fit. */
	assert_cut("\xe4\xb8\xad\xe6\x96\x87", 2, "\xe2\x80\xa6");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wide_terminal_cuts_nothing),
		cmocka_unit_test(the_widest_text_is_cut_first),
		cmocka_unit_test(the_least_needed_column_goes_when_cutting_is_not_enough),
		cmocka_unit_test(what_must_stay_stays_on_the_narrowest_terminal),
		cmocka_unit_test(a_cut_text_ends_with_an_ellipsis),
		cmocka_unit_test(wide_characters_count_as_two_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
