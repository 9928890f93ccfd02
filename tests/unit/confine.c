#include "app/confine_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { CANNOT = 77 };

/* Walls stay: each is put up in a process of its own, whose wait status is returned. */
static int in_a_child(int (*act)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(act());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT)
		skip();
	return status;
}

static int try_files(void)
{
	static const char *const readable[] = { "/etc/passwd" };
	const struct confine_paths allowed = { .readable = readable, .readable_count = 1 };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!confine_paths(&allowed, NULL))
		return CANNOT;
	if (open("/etc/passwd", O_RDONLY) < 0)
		return 1;
	if (open("/etc/group", O_RDONLY) >= 0 || errno != EACCES)
		return 2;
	if (open("/etc/passwd", O_WRONLY) >= 0)
		return 3;
	return open("/tmp", O_RDONLY | O_DIRECTORY) >= 0 ? 4 : 0;
}

static void only_named_files_are_read(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(try_files), 0);
}

/* Whatever the sanitizers call would end at this wall. */
#ifndef OVERHEAR_INSTRUMENTED

static bool wall_of_calls(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return confine_calls(NULL, 0, 0, NULL);
}

static int try_refused(void)
{
	if (!wall_of_calls())
		return CANNOT;
	if (socket(AF_INET, SOCK_STREAM, 0) >= 0 || errno != EACCES)
		return 1;
	if (open("/etc/passwd", O_RDONLY) >= 0 || errno != EACCES)
		return 2;
	return unlink("/nonexistent") == 0 || errno != EACCES ? 3 : 0;
}

static void files_and_sockets_are_refused(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(try_refused), 0);
}

static int try_program(void)
{
	char *const arguments[] = { (char *)(uintptr_t)"true", NULL };

	if (!wall_of_calls())
		return CANNOT;
	execv("/bin/true", arguments);
	return 1;
}

static int try_process(void)
{
	if (!wall_of_calls())
		return CANNOT;
	return fork() ? 1 : 0;
}

static void programs_and_processes_kill(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		int status = in_a_child(i ? try_process : try_program);

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGSYS);
	}
}

static int try_ordinary(void)
{
	int fds[2];

	if (pipe(fds))
		return CANNOT;
	if (!wall_of_calls())
		return CANNOT;
	return write(fds[1], "x", 1) != 1;
}

static void what_is_open_works_on(void **state)
{
	(void)state;
	assert_int_equal(in_a_child(try_ordinary), 0);
}

#endif

static void an_unknown_user_or_root_is_nobody_to_become(void **state)
{
	const struct stat folder = { .st_uid = 0 };
	struct confine_user u;
	struct error error;

	(void)state;
	if (geteuid()) {
		assert_false(confine_user_choose(&u, "daemon", &folder, &error));
		assert_int_equal(error.status, EXIT_PERMISSION);
		assert_true(confine_user_choose(&u, NULL, &folder, &error));
		assert_false(u.change);
		return;
	}
	assert_false(confine_user_choose(&u, "no-such-user", &folder, &error));
	assert_false(confine_user_choose(&u, "root", &folder, &error));
	assert_int_equal(error.status, EXIT_USAGE);
}

static void the_owner_of_the_folder_is_chosen_where_that_is_not_root(void **state)
{
	const struct stat folder = { .st_uid = 4711, .st_gid = 4712 }, roots = { .st_uid = 0 };
	struct confine_user u;

	(void)state;
	if (geteuid())
		skip();
	assert_true(confine_user_choose(&u, NULL, &folder, NULL));
	assert_int_equal(u.uid, 4711);
	assert_int_not_equal(u.gid, 0);
	assert_false(u.is_nobody);
	assert_true(confine_user_choose(&u, NULL, &roots, NULL));
	assert_int_not_equal(u.uid, 0);
	assert_true(u.is_nobody);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_named_files_are_read),
#ifndef OVERHEAR_INSTRUMENTED
		cmocka_unit_test(files_and_sockets_are_refused),
		cmocka_unit_test(programs_and_processes_kill),
		cmocka_unit_test(what_is_open_works_on),
#endif
		cmocka_unit_test(an_unknown_user_or_root_is_nobody_to_become),
		cmocka_unit_test(the_owner_of_the_folder_is_chosen_where_that_is_not_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
