#include "sinks/migrate.h"

#include "sinks/schema.h"

#include <assert.h>

/* What became of the tables with each version; tests/schemas/ holds a database of each that was released. Views follow from
 * the table of fields: they are made anew with every version, and need no word here. */
static const char *const steps[] = {
	[2] = "",	/* a view: resumed_from is NULL once that handshake is gone */
};
static_assert(sizeof steps / sizeof *steps == SCHEMA_VERSION + 1, "a step for each version");

static const char drop_views[] =
	"DROP VIEW IF EXISTS handshakes; DROP VIEW IF EXISTS captures; DROP VIEW IF EXISTS messages; DROP VIEW IF EXISTS alerts;"
	"DROP VIEW IF EXISTS offers; DROP VIEW IF EXISTS chains; DROP VIEW IF EXISTS certificates; DROP VIEW IF EXISTS findings;"
	"DROP VIEW IF EXISTS attempts;";

int migrate(sqlite3 *db, int64_t from)
{
	int rc = sqlite3_exec(db, drop_views, NULL, NULL, NULL);

	assert(from >= 1 && from <= SCHEMA_VERSION);
	for (int64_t to = from + 1; to <= SCHEMA_VERSION && rc == SQLITE_OK; to++)
		rc = sqlite3_exec(db, steps[to], NULL, NULL, NULL);
	return rc == SQLITE_OK ? schema_create_views(db) : rc;
}
