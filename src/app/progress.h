/* progress.h: a bar on standard error for long work: percentage, rate, time left. Nothing where
 * standard error is not a terminal or the user wants quiet; drawn at most ten times a second,
 * erased at the end.
 */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
	bool on;
	const char *name; /* borrowed: the file that is read */
	int64_t started_ns, drawn_ns;
};

void progress_start(struct progress *p, const char *name, bool quiet);
/* Cheap enough to be called for each batch of packets. total 0: not known. */
void progress_update(struct progress *p, uint64_t done, uint64_t total);
void progress_end(struct progress *p);
/* Takes the bar off the screen, if there is one; the next update draws it again. message() does so.
 */
void progress_erase(void);

struct progress_view {
	const char *name;
	uint64_t done, total; /* bytes */
	int64_t elapsed_ns;
	size_t width; /* of the terminal */
	bool utf8;
};
/* The bar's line, at most v->width - 1 columns; returns its length. */
size_t progress_format(const struct progress_view *v, char *out, size_t room);

#endif
