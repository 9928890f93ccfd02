#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "app/signals.h"

static bool is_awake(void)
{
	struct pollfd p = { .fd = signals_fd(), .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void a_request_is_taken_once(void **state)
{
	(void)state;
	assert_false(signals_take_counters_wanted());
	raise(SIGUSR1);
	assert_true(signals_take_counters_wanted());
	assert_false(signals_take_counters_wanted());
	raise(SIGHUP);
	assert_true(signals_take_new_file_wanted());
	assert_false(signals_take_new_file_wanted());
	assert_false(signals_stop_wanted());
	signals_drain();
}

static void a_signal_wakes_a_poll_until_it_is_drained(void **state)
{
	(void)state;
	assert_false(is_awake());
	raise(SIGUSR1);
	assert_true(is_awake());
	signals_drain();
	assert_false(is_awake());
}

static void more_signals_than_the_pipe_holds_are_no_trouble(void **state)
{
	(void)state;
	for (int i = 0; i < 100000; i++)
		raise(SIGUSR1);
	assert_true(is_awake());
	signals_drain();
	assert_true(signals_take_counters_wanted());
}

static void signals_that_mean_nothing_end_nothing(void **state)
{
	static const int numbers[] = { SIGUSR2, SIGALRM, SIGPIPE, SIGXFSZ };

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		raise(numbers[i]);
	assert_false(signals_stop_wanted());
	assert_false(is_awake());
}

static void a_stop_interrupts_a_read_that_waits_and_stays(void **state)
{
	int pipe_ends[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(pipe_ends), 0);
	struct sigaction now;
	sigaction(SIGTERM, NULL, &now);
	assert_false(now.sa_flags & SA_RESTART);
	sigaction(SIGUSR1, NULL, &now);
	assert_true(now.sa_flags & SA_RESTART);
	/* The alarm ends the test should the read not be interrupted. */
	alarm(10);
	pid_t parent = getpid(), child = fork();
	if (!child) {
		/* Again and again, since the parent may not wait yet. */
		for (int i = 0; i < 1000 && !kill(parent, SIGTERM); i++)
			usleep(5000);
		_exit(0);
	}
	assert_int_equal(read(pipe_ends[0], &byte, 1), -1);
	assert_int_equal(errno, EINTR);
	alarm(0);
	kill(child, SIGKILL);
	assert_true(signals_stop_wanted());
	assert_true(signals_stop_wanted());
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_once),
		cmocka_unit_test(a_signal_wakes_a_poll_until_it_is_drained),
		cmocka_unit_test(more_signals_than_the_pipe_holds_are_no_trouble),
		cmocka_unit_test(signals_that_mean_nothing_end_nothing),
		cmocka_unit_test(a_stop_interrupts_a_read_that_waits_and_stays),
	};

	if (!signals_start(NULL))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
