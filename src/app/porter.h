/* porter.h: a second process that opens files for the first, which may not open any itself.
 *
 * It is started before anything of a stranger's is read, knows every file that the run may need, and never sees a
 * packet. A request names a file of that list, or one that belongs to the database; the answer is a descriptor. So who
 * takes over the process that reads packets can ask for nothing that was not agreed on before the first of them came.
 * Where no porter was started, the calls below do what open(2) and unlink(2) do.
 */
#ifndef APP_PORTER_H
#define APP_PORTER_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct porter_duties {
	const char *const *readable;	/* files to be opened for reading, by these very names */
	size_t readable_count;
	const char *folder;		/* absolute: the database's */
	const char *path;		/* the database's as the user gave it; where its name has strftime's fields, all that they */
					/* can give are meant */
	/* Run in the new process before the first request; false ends it. */
	bool (*confine)(void *context, int requests, struct error *error);
	void *context;
};

/* False where there can be no such process; the error says why. The duties are copied by the fork. */
bool porter_start(const struct porter_duties *duties, struct error *error);
/* The socket to it; -1 where there is none. */
int porter_fd(void);
/* Ends it. What it opened stays open. */
void porter_stop(void);

/* Any thread may call these; errno says why they failed, EACCES for what is not among its duties. */
int porter_open(const char *path, int flags, int mode);
int porter_unlink(const char *path);

/* Whether `name` is that of the database, of a file of its row, or of SQLite's companions to it; `pattern` may hold
 * strftime's fields. */
bool porter_is_of_database(const char *pattern, const char *name);

#endif
