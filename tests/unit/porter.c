#include "app/porter.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], database[128], readable[128], other[128];

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool no_walls(void *context, int requests, struct error *error)
{
	(void)context;
	(void)requests;
	(void)error;
	return true;
}

static bool wall_that_fails(void *context, int requests, struct error *error)
{
	(void)context;
	(void)requests;
	return error_set(error, EXIT_PERMISSION, "no wall today");
}

static bool begin(bool (*confine)(void *context, int requests, struct error *error), struct error *error)
{
	static const char *list[] = { readable };

	return porter_start(&(struct porter_duties){ .readable = list, .readable_count = 1, .folder = folder, .path = database,
		.confine = confine }, error);
}

static int set_up(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/porter-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(database, sizeof database, "%s/x.db", folder);
	snprintf(readable, sizeof readable, "%s/named", folder);
	snprintf(other, sizeof other, "%s/other", folder);
	write_file(readable, "named");
	write_file(other, "other");
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	porter_stop();
	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	return system(command);
}

static void a_named_file_is_opened_for_reading(void **state)
{
	char text[8] = "";

	(void)state;
	assert_true(begin(no_walls, NULL));
	int fd = porter_open(readable, O_RDONLY, 0);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, text, sizeof text - 1), 5);
	assert_string_equal(text, "named");
	assert_int_equal(write(fd, "x", 1), -1);
	close(fd);
}

static void another_file_is_not_opened(void **state)
{
	(void)state;
	assert_true(begin(no_walls, NULL));
	assert_int_equal(porter_open(other, O_RDONLY, 0), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(porter_open("/etc/passwd", O_RDONLY, 0), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(porter_unlink(other), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(access(other, F_OK), 0);
}

static void a_named_file_that_is_not_there_says_so(void **state)
{
	(void)state;
	assert_true(begin(no_walls, NULL));
	unlink(readable);
	assert_int_equal(porter_open(readable, O_RDONLY, 0), -1);
	assert_int_equal(errno, ENOENT);
}

static void the_databases_files_are_made_and_removed(void **state)
{
	char wal[140];
	struct stat st;

	(void)state;
	snprintf(wal, sizeof wal, "%s-wal", database);
	assert_true(begin(no_walls, NULL));
	int fd = porter_open(wal, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	close(fd);
	assert_int_equal(stat(wal, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(porter_unlink(wal), 0);
	assert_int_equal(access(wal, F_OK), -1);
}

static void a_link_in_the_databases_place_is_not_followed(void **state)
{
	(void)state;
	assert_true(begin(no_walls, NULL));
	assert_int_equal(symlink(other, database), 0);
	assert_int_equal(porter_open(database, O_RDWR, 0), -1);
	assert_int_equal(errno, ELOOP);
}

static void the_folder_itself_can_be_opened(void **state)
{
	struct stat st;

	(void)state;
	assert_true(begin(no_walls, NULL));
	int fd = porter_open(folder, O_RDONLY, 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	close(fd);
}

static void a_wall_that_fails_ends_it_with_the_reason(void **state)
{
	struct error error;

	(void)state;
	assert_false(begin(wall_that_fails, &error));
	assert_int_equal(error.status, EXIT_PERMISSION);
	assert_string_equal(error.text, "no wall today");
	assert_int_equal(porter_fd(), -1);
}

static void without_it_files_are_opened_as_ever(void **state)
{
	(void)state;
	int fd = porter_open(other, O_RDONLY, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(porter_unlink(other), 0);
}

static void names_of_the_database_are_told_from_others(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool is;
	} cases[] = {
		{ "x.db", "x.db", true },	    { "x.db", "x.db-wal", true },
		{ "x.db", "x.db-shm", true },	    { "x.db", "x.db-journal", true },
		{ "x.db", "x.db2", false },	    { "x.db", "y.db", false },
		{ "x.db", "../x.db", false },	    { "x.db", "", false },
		{ "*", "y.db", false },		    { "[xy].db", "y.db", false },
		{ "*", "*", true },		    { "day-%Y%m%d.db", "day-20261124.db", true },
		{ "day-%Y%m%d.db", "day-20261124.db-wal", true },
		{ "day-%-d.db", "day-4.db", true }, { "day-%d.db", "night-4.db", false },
		{ "day-%d.db", "day-a/b.db", false }, { "%F.db", ".hidden.db", false },
		{ "100%%.db", "100%.db", true },    { "100%%.db", "1000.db", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (porter_is_of_database(cases[i].pattern, cases[i].name) != cases[i].is)
			fail_msg("'%s' for '%s'", cases[i].name, cases[i].pattern);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_named_file_is_opened_for_reading),
		TEST(another_file_is_not_opened),
		TEST(a_named_file_that_is_not_there_says_so),
		TEST(the_databases_files_are_made_and_removed),
		TEST(a_link_in_the_databases_place_is_not_followed),
		TEST(the_folder_itself_can_be_opened),
		TEST(a_wall_that_fails_ends_it_with_the_reason),
		TEST(without_it_files_are_opened_as_ever),
		TEST(names_of_the_database_are_told_from_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
