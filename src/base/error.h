/* error.h: why something of the world's (a file, a disk, a permission) failed. Filled once, where the
 * reason is known; lower case, no full stop, names quoted. `status` is the exit status that it asks for.
 */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdbool.h>

enum exit_status {
	EXIT_DONE = 0,
	EXIT_INCOMPLETE = 1,	/* done, but something was not read whole */
	EXIT_USAGE = 2,		/* unusable arguments, unknown ID or WORD */
	EXIT_IO = 3,		/* an input or output that cannot be opened or written */
	EXIT_PERMISSION = 4,	/* no permission to capture, or no sandbox */
};

struct error {
	enum exit_status status;
	char text[512];
};

/* Fills e (which may be NULL) and returns false, so that a caller can end with `return error_set(...)`. */
bool error_set(struct error *e, enum exit_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
