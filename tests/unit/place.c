#include "app/place.h"

#include "base/buffer.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	char folder[64];
	char path[128];
};

static int make_folder(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	strcpy(f->folder, "/tmp/place-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof f->path, "%s/x.db", f->folder);
	*state = f;
	return 0;
}

static int remove_folder(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	rmdir(f->folder);
	free(f);
	return 0;
}

static bool make(const struct fixture *f, struct error *error)
{
	struct place p;

	if (!place_find(&p, f->path, error))
		return false;
	bool made = place_make(&p, geteuid(), getegid(), error);
	place_finish(&p);
	return made;
}

static void a_new_file_is_its_owners_alone(void **state)
{
	struct fixture *f = *state;
	mode_t before = umask(0);
	struct stat st;

	assert_true(make(f, NULL));
	umask(before);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 0);
}

static void a_file_that_is_there_stays_as_it_is(void **state)
{
	struct fixture *f = *state;
	int fd = open(f->path, O_WRONLY | O_CREAT, 0640);
	struct stat st;

	assert_int_equal(write(fd, "abc", 3), 3);
	close(fd);
	assert_true(make(f, NULL));
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_size, 3);
}

static void a_link_is_no_place(void **state)
{
	struct fixture *f = *state;
	struct error error;

	assert_int_equal(symlink("/nonexistent/victim", f->path), 0);
	assert_false(make(f, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_non_null(strstr(error.text, "symbolic link"));
}

static void a_pipe_is_no_place(void **state)
{
	struct fixture *f = *state;
	struct error error;

	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_false(make(f, &error));
	assert_non_null(strstr(error.text, "not a file"));
}

static void a_folder_that_all_may_write_to_needs_the_sticky_bit(void **state)
{
	struct fixture *f = *state;
	struct error error;

	assert_int_equal(chmod(f->folder, 0777), 0);
	assert_false(make(f, &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_non_null(strstr(error.text, "sticky"));
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(chmod(f->folder, 01777), 0);
	assert_true(make(f, NULL));
}

static void the_folder_is_known_without_links(void **state)
{
	struct fixture *f = *state;
	char link[128];
	struct place p;

	snprintf(link, sizeof link, "%s-link", f->folder);
	assert_int_equal(symlink(f->folder, link), 0);
	strcat(link, "/x.db");
	assert_true(place_find(&p, link, NULL));
	assert_string_equal(p.folder, f->folder);
	assert_string_equal(p.name, "x.db");
	place_finish(&p);
	*strrchr(link, '/') = 0;
	unlink(link);
}

static void a_folder_that_is_not_there_is_no_place(void **state)
{
	struct error error;
	struct place p;

	(void)state;
	assert_false(place_find(&p, "/nonexistent/x.db", &error));
	assert_int_equal(error.status, EXIT_IO);
	assert_null(p.folder);
	assert_false(place_find(&p, "/tmp/", &error));
	assert_non_null(strstr(error.text, "folder"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
	const struct CMUnitTest tests[] = {
		TEST(a_new_file_is_its_owners_alone),
		TEST(a_file_that_is_there_stays_as_it_is),
		TEST(a_link_is_no_place),
		TEST(a_pipe_is_no_place),
		TEST(a_folder_that_all_may_write_to_needs_the_sticky_bit),
		TEST(the_folder_is_known_without_links),
		TEST(a_folder_that_is_not_there_is_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
