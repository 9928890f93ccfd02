/* message.h: what is said on standard error: `overhear: FILE: what happened: what to do`. Erases a
 * progress bar first, lets no control byte through, and writes each line in one piece.
 */
#ifndef APP_MESSAGE_H
#define APP_MESSAGE_H

#include "base/error.h"

void message(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Says the error and returns its exit status. `what` (may be NULL) is the file or thing that it is
 * about. */
int message_error(const char *what, const struct error *error);

#endif
