/* rotate.h: a database's name that follows the clock: `-o day-%Y%m%d.db`. Fields are those of strftime(3), in local time, which
 * is the user's day; `%%` is a plain one. The clock is this machine's in `read` too, where a capture is never split: what is
 * read today goes to today's file.
 */
#ifndef APP_ROTATE_H
#define APP_ROTATE_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct rotation {
	const char *pattern;	/* borrowed: -o */
	char *name;		/* owned: the file that is written now */
	bool has_fields;
	struct stat file;	/* of `name`, once rotation_opened() has seen it */
	int64_t looked_s;
};

/* False where the pattern cannot be used: a field that does not exist, or in the folder's name, or that gives a slash. */
bool rotation_begin(struct rotation *r, const char *pattern, int64_t now_s, struct error *error);
void rotation_finish(struct rotation *r);
/* Notes which file it is. */
void rotation_opened(struct rotation *r);
/* The name that is due at this time, the caller's to free or to hand to rotation_take(): where the clock gives another one, or
 * where `asked` (SIGHUP) and the file is no longer there under its name, as after `mv`. Else NULL. */
char *rotation_due(struct rotation *r, int64_t now_s, bool asked);
/* This file is written from now on. */
void rotation_take(struct rotation *r, char *name);

#endif
