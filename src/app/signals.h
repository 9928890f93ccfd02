/* signals.h: what the user asks of a run by signals. The handlers only set flags and wake a poll().
 */
#ifndef APP_SIGNALS_H
#define APP_SIGNALS_H

#include "base/error.h"

#include <stdbool.h>

/* Takes over SIGINT, SIGTERM, SIGUSR1 and SIGHUP, and ignores what would end a run for no reason (SIGXFSZ,
 * SIGUSR2 and such); commands that only print leave them alone. SIGINT and SIGTERM interrupt a system call
 * that waits (EINTR), so that a read from a silent pipe ends; the other two do not. */
bool signals_start(struct error *error);
/* SIGINT or SIGTERM came: end cleanly. As cheap as reading a variable; any thread may ask. */
bool signals_stop_wanted(void);
/* SIGUSR1 or SIGHUP came since the last call. */
bool signals_take_counters_wanted(void);
bool signals_take_new_file_wanted(void);
/* Readable once a signal has come: for poll(); signals_drain() empties it. */
int signals_fd(void);
void signals_drain(void);

#endif
