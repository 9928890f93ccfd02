#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "app/command.h"
#include "app/options.h"

enum { ARGUMENTS_MAX = 16 };

/* Parses a line split at its spaces. The words live as long as the program, as an argument vector
 * does. */
static bool parse(const char *line, struct options *out, struct error *error)
{
	static char words[256];
	char *argv[ARGUMENTS_MAX] = { "overhear" };
	int argc = 1;

	snprintf(words, sizeof words, "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	*error = (struct error){ 0 };
	return options_parse(out, argc, argv, error);
}

static void assert_refused(const char *line, const char *saying)
{
	struct options o;
	struct error e;

	if (parse(line, &o, &e))
		fail_msg("'%s' was taken", line);
	assert_int_equal(e.status, EXIT_USAGE);
	if (!strstr(e.text, saying))
		fail_msg("'%s' says '%s', not '%s'", line, e.text, saying);
	options_finish(&o);
}

static void options_stand_before_and_after_operands(void **state)
{
	static const char *const lines[] = { "list --json day.db", "list day.db --json",
					     "--json list day.db" };
	struct options o;
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		assert_true(parse(lines[i], &o, &e));
		assert_ptr_equal(o.command, command_find("list"));
		assert_true(o.json);
		assert_int_equal(o.operand_count, 1);
		assert_string_equal(o.operands[0], "day.db");
		options_finish(&o);
	}
}

static void operands_keep_their_order(void **state)
{
	struct options o;
	struct error e;

	(void)state;
	assert_true(parse("show --csv 17 -- -day.db", &o, &e));
	assert_int_equal(o.operand_count, 2);
	assert_string_equal(o.operands[0], "17");
	assert_string_equal(o.operands[1], "-day.db");
	options_finish(&o);
}

static void what_is_not_given_is_the_default(void **state)
{
	struct options o;
	struct error e;

	(void)state;
	assert_true(parse("list", &o, &e));
	assert_int_equal(o.operand_count, 0);
	assert_false(o.json || o.csv || o.quiet || o.again);
	assert_null(o.filter);
	assert_string_equal(o.output, "overhear.db");
	options_finish(&o);
}

static void an_unknown_command_suggests_the_nearest(void **state)
{
	(void)state;
	assert_refused("lsit", "did you mean 'list'");
	assert_refused("expalin x", "'explain'");
	assert_refused("quux", "'overhear -h' lists them");
}

static void an_unknown_option_suggests_the_nearest(void **state)
{
	(void)state;
	assert_refused("list --jsn", "'--json'");
	assert_refused("list -y", "unknown option '-y'");
	assert_refused("list --zzzzzz", "unknown option '--zzzzzz'");
}

static void an_option_of_another_command_is_refused(void **state)
{
	(void)state;
	assert_refused("list -f tcp", "list has no option -f, --filter");
	assert_refused("--json", "needs a command");
}

static void the_number_of_operands_is_checked(void **state)
{
	(void)state;
	assert_refused("show", "usage: overhear show ID [DB]");
	assert_refused("list a.db b.db", "'b.db'");
	assert_refused("", "no command given");
}

static void json_and_csv_exclude_each_other(void **state)
{
	(void)state;
	assert_refused("list --json --csv", "exclude each other");
}

static void a_missing_argument_is_told_from_a_superfluous_one(void **state)
{
	(void)state;
	assert_refused("list -o", "option '-o' needs an argument");
	assert_refused("list --json=yes", "'--json' takes no argument");
}

static void ages_and_sizes_have_units(void **state)
{
	struct options o;
	struct error e;

	(void)state;
	assert_true(parse("listen eth0 --keep 30d --max-size 10G", &o, &e));
	assert_int_equal(o.keep, 30 * 86400);
	assert_int_equal(o.max_size, INT64_C(10) << 30);
	options_finish(&o);
	assert_true(parse("read a --keep 12h --max-size 500M", &o, &e));
	assert_int_equal(o.keep, 12 * 3600);
	assert_int_equal(o.max_size, 500 << 20);
	options_finish(&o);
	assert_refused("listen eth0 --keep 30", "not a number with one of s, m, h, d or w");
	assert_refused("listen eth0 --keep 5s", "too little");
	assert_refused("listen eth0 --keep 30days", "not a number");
	assert_refused("listen eth0 --max-size 10", "not a number with one of K, M, G or T");
	assert_refused("listen eth0 --max-size 1K", "too little");
	assert_refused("listen eth0 --max-size 99999999999T", "too much");
	assert_refused("listen eth0 --max-size -1G", "not a number");
}

static void numbers_outside_their_range_are_refused(void **state)
{
	(void)state;
	assert_refused("read -c 0 x", "'0' is not a number from 1");
	assert_refused("read -c -1 x", "'-1' is not a number");
	assert_refused("read -s 262145 x", "from 1 to 262144");
	assert_refused("read -c 12k x", "'12k'");
	assert_refused("read -c 99999999999999999999 x", "is not a number");
}

static void help_needs_no_operands(void **state)
{
	struct options o;
	struct error e;

	(void)state;
	assert_true(parse("show -h", &o, &e));
	assert_true(o.help);
	assert_ptr_equal(o.command, command_find("show"));
	options_finish(&o);
	assert_true(parse("--version", &o, &e));
	assert_true(o.version);
	assert_null(o.command);
	options_finish(&o);
}

static void r_and_i_stand_for_read_and_listen(void **state)
{
	struct options o;
	struct error e;

	(void)state;
	assert_true(parse("-c 5 -r a.pcap -q b.pcap", &o, &e));
	assert_ptr_equal(o.command, command_find("read"));
	assert_int_equal(o.operand_count, 2);
	assert_string_equal(o.operands[0], "a.pcap");
	assert_string_equal(o.operands[1], "b.pcap");
	assert_int_equal(o.count, 5);
	assert_true(o.quiet);
	options_finish(&o);
	assert_true(parse("-i eth0", &o, &e));
	assert_ptr_equal(o.command, command_find("listen"));
	options_finish(&o);
	assert_refused("-r a.pcap -i eth0", "cannot be read in one run");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_before_and_after_operands),
		cmocka_unit_test(operands_keep_their_order),
		cmocka_unit_test(what_is_not_given_is_the_default),
		cmocka_unit_test(an_unknown_command_suggests_the_nearest),
		cmocka_unit_test(an_unknown_option_suggests_the_nearest),
		cmocka_unit_test(an_option_of_another_command_is_refused),
		cmocka_unit_test(the_number_of_operands_is_checked),
		cmocka_unit_test(json_and_csv_exclude_each_other),
		cmocka_unit_test(a_missing_argument_is_told_from_a_superfluous_one),
		cmocka_unit_test(numbers_outside_their_range_are_refused),
		cmocka_unit_test(ages_and_sizes_have_units),
		cmocka_unit_test(help_needs_no_operands),
		cmocka_unit_test(r_and_i_stand_for_read_and_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
