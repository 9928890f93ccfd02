#include "sinks/once.h"

#include <string.h>

bool once_run(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	sqlite3_reset(statement);
	return rc == SQLITE_DONE;
}

int64_t once_find(sqlite3_stmt *find, const void *hash, int len)
{
	int64_t id = -1;

	sqlite3_bind_blob(find, 1, hash, len, SQLITE_STATIC);
	int rc = sqlite3_step(find);
	if (rc == SQLITE_ROW)
		id = sqlite3_column_int64(find, 0);
	else if (rc == SQLITE_DONE)
		id = 0;
	sqlite3_reset(find);
	return id;
}

int64_t once_add(sqlite3 *db, sqlite3_stmt *add, sqlite3_stmt *find, const void *hash, int len, bool *added)
{
	if (!once_run(add))
		return -1;
	bool fresh = sqlite3_changes(db) == 1;
	if (added)
		*added = fresh;
	return fresh ? sqlite3_last_insert_rowid(db) : once_find(find, hash, len);
}

static size_t first_way(size_t count, uint64_t hash)
{
	return hash % (count / ONCE_WAYS) * ONCE_WAYS;
}

int64_t once_recall(const struct once_memory *table, size_t count, uint64_t hash)
{
	const struct once_memory *ways = &table[first_way(count, hash)];

	for (int i = 0; i < ONCE_WAYS; i++)
		if (ways[i].id && ways[i].hash == hash)
			return ways[i].id;
	return 0;
}

void once_remember(struct once_memory *table, size_t count, uint64_t hash, int64_t id)
{
	struct once_memory *ways = &table[first_way(count, hash)];

	memmove(&ways[1], &ways[0], (ONCE_WAYS - 1) * sizeof *ways);
	ways[0] = (struct once_memory){ .hash = hash, .id = id };
}
