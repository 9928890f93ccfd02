#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/suggest.h"

static struct suggestions near(const char *word, const char *const *names, size_t count)
{
	struct suggestions s = { .word = word };

	for (size_t i = 0; i < count; i++)
		suggest_consider(&s, names[i]);
	return s;
}

static const char *const names[] = { "client_hello", "server_hello", "hello_retry_request",
				     "finished", "certificate" };
enum { NAMES = sizeof names / sizeof *names };

static void case_and_dashes_make_no_difference(void **state)
{
	(void)state;
	assert_true(suggest_same("Client-Hello", "client_hello"));
	assert_true(suggest_same("tls 1.3", "TLS_1.3"));
	assert_false(suggest_same("client_hello", "client_hell"));
	assert_false(suggest_same("client_hell", "client_hello"));
}

static void swapped_letters_are_one_edit(void **state)
{
	struct suggestions s = near("fniished", names, NAMES);

	(void)state;
	assert_int_equal(s.count, 1);
	assert_string_equal(s.names[0], "finished");
	assert_int_equal(s.distances[0], 1);
}

static void the_nearest_comes_first(void **state)
{
	struct suggestions s = near("servr_hello", names, NAMES);

	(void)state;
	assert_true(s.count >= 1);
	assert_string_equal(s.names[0], "server_hello");
}

static void a_part_of_a_name_is_near(void **state)
{
	struct suggestions s = near("retry", names, NAMES);

	(void)state;
	assert_int_equal(s.count, 1);
	assert_string_equal(s.names[0], "hello_retry_request");
}

static void a_far_word_suggests_nothing(void **state)
{
	(void)state;
	assert_int_equal(near("banana", names, NAMES).count, 0);
	assert_int_equal(near("", names, NAMES).count, 0);
}

static void a_name_is_suggested_once(void **state)
{
	static const char *const twice[] = { "key_share", "key_share", "KEY-SHARE" };

	(void)state;
	assert_int_equal(near("key_shar", twice, 3).count, 1);
}

static void at_most_three_are_kept(void **state)
{
	static const char *const many[] = { "abcdx1", "abcdx2", "abcdx3", "abcdx4", "abcdx" };
	struct suggestions s = near("abcdx", many, 5);
	char text[64];

	(void)state;
	assert_int_equal(s.count, SUGGESTIONS_MAX);
	assert_string_equal(s.names[0], "abcdx");
	assert_string_equal(suggest_text(&s, "--", text, sizeof text),
			    "'--abcdx', '--abcdx1' or '--abcdx2'");
}

static void a_word_longer_than_any_name_is_no_trouble(void **state)
{
	char word[500];

	(void)state;
	memset(word, 'x', sizeof word - 1);
	word[sizeof word - 1] = 0;
	assert_int_equal(near(word, names, NAMES).count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(case_and_dashes_make_no_difference),
		cmocka_unit_test(swapped_letters_are_one_edit),
		cmocka_unit_test(the_nearest_comes_first),
		cmocka_unit_test(a_part_of_a_name_is_near),
		cmocka_unit_test(a_far_word_suggests_nothing),
		cmocka_unit_test(a_name_is_suggested_once),
		cmocka_unit_test(at_most_three_are_kept),
		cmocka_unit_test(a_word_longer_than_any_name_is_no_trouble),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
