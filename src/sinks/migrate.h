/* migrate.h: brings a database of an earlier release to this one's schema. */
#ifndef SINKS_MIGRATE_H
#define SINKS_MIGRATE_H

#include <sqlite3.h>
#include <stdint.h>

/* From version `from`, at least 1; call it within a transaction, so that it is done whole or not at all. Gives SQLite's code. */
int migrate(sqlite3 *db, int64_t from);

#endif
