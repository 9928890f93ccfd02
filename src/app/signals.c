#include "app/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static atomic_bool stop, counters, new_file;
static int wake[2] = { -1, -1 };

/* What ends a run must also end a read() that waits for standard input; the others need not disturb
 * it. */
static const struct {
	int number;
	atomic_bool *flag;
	int flags;
} handled[] = {
	{ SIGINT, &stop, 0 },
	{ SIGTERM, &stop, 0 },
	{ SIGUSR1, &counters, SA_RESTART },
	{ SIGHUP, &new_file, SA_RESTART },
};

/* What would end the program by default, though nothing is wrong with it: a write beyond the file-size limit shall fail with
 * EFBIG, and a signal that means nothing to us is none of our business. */
static const int ignored[] = { SIGXFSZ, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR2, SIGPOLL };

static void handle(int number)
{
	int saved = errno;

	for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
		if (handled[i].number == number)
			atomic_store(handled[i].flag, true);
	/* A full pipe wakes as well. */
	ssize_t written = write(wake[1], "", 1);
	(void)written;
	errno = saved;
}

bool signals_start(struct error *error)
{
	if (wake[0] < 0 && pipe2(wake, O_CLOEXEC | O_NONBLOCK))
		return error_set(error, EXIT_IO, "cannot make a pipe for signals: %s",
				 strerror(errno));
	for (size_t i = 0; i < sizeof handled / sizeof *handled; i++) {
		struct sigaction action = { .sa_handler = handle, .sa_flags = handled[i].flags };

		sigemptyset(&action.sa_mask);
		sigaction(handled[i].number, &action, NULL);
	}
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		signal(ignored[i], SIG_IGN);
	return true;
}

bool signals_stop_wanted(void)
{
	return atomic_load_explicit(&stop, memory_order_relaxed);
}

bool signals_take_counters_wanted(void)
{
	return atomic_load_explicit(&counters, memory_order_relaxed) &&
	       atomic_exchange(&counters, false);
}

bool signals_take_new_file_wanted(void)
{
	return atomic_load_explicit(&new_file, memory_order_relaxed) &&
	       atomic_exchange(&new_file, false);
}

int signals_fd(void)
{
	return wake[0];
}

void signals_drain(void)
{
	char sink[64];

	while (read(wake[0], sink, sizeof sink) > 0)
		;
}
