/* once.h: rows that are stored once and known again by a hash of what they hold. Not for others. */
#ifndef SINKS_ONCE_H
#define SINKS_ONCE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ONCE_HASH_LEN = 16 };

/* Runs a statement that gives no rows. */
bool once_run(sqlite3_stmt *statement);
/* The id that `find` gives for the hash; 0 where there is no such row, -1 where SQLite refused. */
int64_t once_find(sqlite3_stmt *find, const void *hash, int len);
/* Adds a row whose values are bound already, or finds the one that is there; *added tells which, where it is not NULL.
 * -1 where SQLite refused. */
int64_t once_add(sqlite3 *db, sqlite3_stmt *add, sqlite3_stmt *find, const void *hash, int len, bool *added);

/* Ids known by a quick hash of what they stand for, in a table of a fixed size: zeroes are an empty one. A few that fall on
 * the same place stand side by side, lest two that come at every handshake drive each other out; of more the latest stay. */
enum { ONCE_WAYS = 4 };
struct once_memory {
	uint64_t hash;
	int64_t id;
};
/* 0 where it is not known. `count` is that of the table's places, a multiple of ONCE_WAYS. */
int64_t once_recall(const struct once_memory *table, size_t count, uint64_t hash);
void once_remember(struct once_memory *table, size_t count, uint64_t hash, int64_t id);

#endif
