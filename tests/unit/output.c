#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "app/meanings.h"
#include "app/output.h"
#include "record/fields.h"

static struct value text(const char *s)
{
	return (struct value){ .type = VALUE_TEXT, .bytes = { (const uint8_t *)s, strlen(s) } };
}

static void assert_json(const char *column, struct value v, const char *wanted)
{
	struct buffer out = { 0 };

	output_add_json(&out, column, v);
	assert_string_equal(buffer_text(&out), wanted);
	buffer_finish(&out);
}

static void assert_csv(struct value v, const char *wanted)
{
	struct buffer out = { 0 };

	output_add_csv(&out, v);
	assert_string_equal(buffer_text(&out), wanted);
	buffer_finish(&out);
}

static void json_keeps_the_type_of_a_value(void **state)
{
	static const uint8_t two[] = { 0x30, 0xff };

	(void)state;
	assert_json("x", (struct value){ .type = VALUE_NULL }, "null");
	assert_json("x", (struct value){ .type = VALUE_INTEGER, .integer = INT64_MIN },
		    "-9223372036854775808");
	assert_json("x", (struct value){ .type = VALUE_REAL, .real = 0.1 }, "0.1");
	assert_json("x", (struct value){ .type = VALUE_REAL, .real = 10 }, "10.0");
	assert_json("x", (struct value){ .type = VALUE_REAL, .real = 1.0 / 3 },
		    "0.3333333333333333");
	assert_json("x", text("a\"b"), "\"a\\\"b\"");
	assert_json("x", (struct value){ .type = VALUE_BLOB, .bytes = { two, 2 } }, "\"30ff\"");
}

static void json_has_no_word_for_infinity(void **state)
{
	(void)state;
	assert_json("x", (struct value){ .type = VALUE_REAL, .real = INFINITY }, "null");
}

static void json_columns_are_arrays_and_others_texts(void **state)
{
	(void)state;
	assert_json("risks", text("[\"a\"]"), "[\"a\"]");
	assert_json("server_name", text("[\"a\"]"), "\"[\\\"a\\\"]\"");
	assert_json("risks", text("plain"), "\"plain\"");
}

static void csv_quotes_only_what_needs_it(void **state)
{
	(void)state;
	assert_csv(text("plain"), "plain");
	assert_csv(text("a,b"), "\"a,b\"");
	assert_csv(text("say \"hi\""), "\"say \"\"hi\"\"\"");
	assert_csv((struct value){ .type = VALUE_NULL }, "");
}

static void control_bytes_get_through_nowhere(void **state)
{
	(void)state;
	assert_csv(text("a\033[31m\n"), "a\\x1b[31m\\x0a");
	assert_json("x", text("a\033"), "\"a\\\\x1b\"");
	assert_json("risks", text("[\033]"), "[\\x1b]");
}

static void every_value_of_an_enumerated_column_is_explained(void **state)
{
	(void)state;
	for (size_t i = 0; i < field_count; i++) {
		/* The names of `inferred` are columns. */
		if (!fields[i].names || !strcmp(fields[i].column, "inferred"))
			continue;
		for (size_t j = 1; fields[i].names[j]; j++)
			if (!meaning_of(fields[i].column, fields[i].names[j]))
				fail_msg("%s of %s has no meaning", fields[i].names[j],
					 fields[i].column);
	}
}

static void every_meaning_belongs_to_a_column(void **state)
{
	(void)state;
	for (size_t i = 0; i < meaning_count; i++)
		if (!field_find(meanings[i].column))
			fail_msg("no column %s", meanings[i].column);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_keeps_the_type_of_a_value),
		cmocka_unit_test(json_has_no_word_for_infinity),
		cmocka_unit_test(json_columns_are_arrays_and_others_texts),
		cmocka_unit_test(csv_quotes_only_what_needs_it),
		cmocka_unit_test(control_bytes_get_through_nowhere),
		cmocka_unit_test(every_value_of_an_enumerated_column_is_explained),
		cmocka_unit_test(every_meaning_belongs_to_a_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
