#include "app/budget.h"

#define MIB (UINT64_C(1) << 20)

/* As measured, each when its limit (limits.h) is reached. */
static const struct share {
	const char *what;
	uint64_t once, for_each;	/* bytes; and for each worker */
} shares[] = {
	{ "the program, its libraries and the trusted roots", 14 * MIB, 0 },
	{ "SQLite: its cache and what a transaction holds", 6 * MIB, 0 },
	{ "servers, names and issuers remembered; lookups; answers of nDPI", 8 * MIB, 0 },
	{ "handshakes on their way to the writer and back", MIB, MIB },
	{ "the block that is read, and packets on their way to workers", MIB, MIB },
	{ "SYNs, fragments, queries", 2 * MIB, 2 * MIB },
	{ "hellos and chains that are remembered once", 4 * MIB, 4 * MIB },
};

uint64_t budget_of_connections(uint64_t memory, size_t workers)
{
	uint64_t taken = 0, least = BUDGET_LEAST / 8 / workers;

	for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
		taken += shares[i].once + shares[i].for_each * workers;
	return memory > taken + least * workers ? (memory - taken) / workers : least;
}
