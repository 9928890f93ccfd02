/* budget.h: how the memory of --memory is shared: a table of what the program needs whatever comes, what each worker needs, and the rest, which
 * is for connections. They are what grows; the flow table keeps each worker's within its share (flow/table.h).
 */
#ifndef APP_BUDGET_H
#define APP_BUDGET_H

#include <stddef.h>
#include <stdint.h>

enum { BUDGET_LEAST = 64 << 20 };	/* below, nothing would be left for connections */

/* What one of so many workers may spend on its connections. */
uint64_t budget_of_connections(uint64_t memory, size_t workers);

#endif
