#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/progress.h"

static void assert_line(struct progress_view v, const char *wanted)
{
	char line[512];

	size_t len = progress_format(&v, line, sizeof line);
	assert_string_equal(line, wanted);
	assert_int_equal(len, strlen(wanted));
	assert_true(len < v.width);
}

static void a_bar_shows_share_rate_and_time_left(void **state)
{
	(void)state;
	assert_line((struct progress_view){ .name = "a.pcap",
					    .done = 26214400,
					    .total = 104857600,
					    .elapsed_ns = 2000000000,
					    .width = 80 },
		    "a.pcap  ########......................  25 %  12 MiB/s  0:06 left");
}

static void an_unknown_size_shows_the_rate_alone(void **state)
{
	(void)state;
	assert_line(
		(struct progress_view){
			.name = "-", .done = 5242880, .elapsed_ns = 1000000000, .width = 80 },
		"-  5.0 MiB/s");
}

static void a_narrow_terminal_loses_the_bar_then_the_name(void **state)
{
	struct progress_view v = {
		.name = "a.pcap", .done = 50, .total = 100, .elapsed_ns = 1000000000, .width = 38
	};

	(void)state;
	assert_line(v, "a.pcap   50 %  50 B/s  0:01 left");
	v.width = 30;
	assert_line(v, " 50 %  50 B/s  0:01 left");
	v.width = 10;
	assert_line(v, " 50 %  50");
}

static void a_file_that_grew_is_at_most_done(void **state)
{
	(void)state;
	assert_line((struct progress_view){ .name = "a",
					    .done = 300,
					    .total = 100,
					    .elapsed_ns = 1000000000,
					    .width = 40 },
		    "a  ########## 100 %  300 B/s  0:00 left");
}

static void long_work_shows_hours(void **state)
{
	(void)state;
	assert_line((struct progress_view){ .name = "a",
					    .done = 1024,
					    .total = 1024 * 3661,
					    .elapsed_ns = 1000000000,
					    .width = 38 },
		    "a    0 %  1.0 KiB/s  1:01:00 left");
}

static void a_name_with_control_bytes_is_made_safe(void **state)
{
	(void)state;
	assert_line(
		(struct progress_view){
			.name = "a\033[2J", .done = 10, .elapsed_ns = 1000000000, .width = 80 },
		"a\\x1b[2J  10 B/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bar_shows_share_rate_and_time_left),
		cmocka_unit_test(an_unknown_size_shows_the_rate_alone),
		cmocka_unit_test(a_narrow_terminal_loses_the_bar_then_the_name),
		cmocka_unit_test(a_file_that_grew_is_at_most_done),
		cmocka_unit_test(long_work_shows_hours),
		cmocka_unit_test(a_name_with_control_bytes_is_made_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
