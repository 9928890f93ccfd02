#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/source.h"

enum { LARGE = 4 * 1024 * 1024 };

/* A file in memory, under the name that /proc gives it. */
static int make_file(size_t len, char path[64])
{
	int fd = memfd_create("capture", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static void write_at(int fd, const char *text, off_t offset)
{
	assert_int_equal(pwrite(fd, text, strlen(text), offset), strlen(text));
}

static void it_is_the_hash_of_the_size_and_sixteen_places(void **state)
{
	char path[64], out[65];
	int fd = make_file(0, path);

	(void)state;
	write_at(fd, "abc", 0);
	assert_true(source_fingerprint(path, out));
	assert_string_equal(out, "4c2836362036fb5c616ed9d66c289368fa55064f3a424acb4d3c993e373a99dc");
	close(fd);
}

static void a_change_at_either_end_or_of_the_size_shows(void **state)
{
	char path[64], before[65], after[65];
	int fd = make_file(LARGE, path);

	(void)state;
	assert_true(source_fingerprint(path, before));
	for (off_t at = 0; at < LARGE; at += LARGE - 1) {
		write_at(fd, "x", at);
		assert_true(source_fingerprint(path, after));
		assert_string_not_equal(before, after);
		memcpy(before, after, sizeof before);
	}
	assert_int_equal(ftruncate(fd, LARGE + 1), 0);
	assert_true(source_fingerprint(path, after));
	assert_string_not_equal(before, after);
	close(fd);
}

static void the_same_bytes_have_the_same_one(void **state)
{
	char path[64], first[65], second[65];
	int fd = make_file(LARGE, path);
	int other = make_file(LARGE, path);

	(void)state;
	assert_true(source_fingerprint(path, first));
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	assert_true(source_fingerprint(path, second));
	assert_string_equal(first, second);
	close(fd);
	close(other);
}

static void what_is_no_file_has_none(void **state)
{
	char path[64], out[65] = "untouched";
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
	assert_false(source_fingerprint(path, out));
	assert_false(source_fingerprint("-", out));
	assert_false(source_fingerprint("/", out));
	assert_false(source_fingerprint("/nonexistent/x.pcap", out));
	assert_string_equal(out, "untouched");
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_hash_of_the_size_and_sixteen_places),
		cmocka_unit_test(a_change_at_either_end_or_of_the_size_shows),
		cmocka_unit_test(the_same_bytes_have_the_same_one),
		cmocka_unit_test(what_is_no_file_has_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
