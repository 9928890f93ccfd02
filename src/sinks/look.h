/* look.h: what a file is before SQLite opens it, which would leave its traces beside a stranger's and write into a broken one. */
#ifndef SINKS_LOOK_H
#define SINKS_LOOK_H

#include "base/error.h"

#include <stdbool.h>

/* False where the file is not to be written: another program's, a newer overhear's, broken, or not to be read at all. It stays byte
 * for byte as it is, and nothing comes to lie beside it. *is_new: there is none, or an empty one. */
bool look_at_database(const char *path, bool *is_new, struct error *error);
/* Made by us, not by SQLite, so that nobody else can read it; SQLite gives its companions the same mode. */
bool look_make_database(const char *path, struct error *error);
/* What could not be filled is taken away again. */
void look_unmake_database(const char *path);

/* From now on files are opened, and removed, by these instead of open(2) and unlink(2), for all databases of the process. */
void sqlite_open_through(int (*open_file)(const char *path, int flags, int mode), int (*remove_file)(const char *path));

#endif
