/* store.h: a database that is being written, with what it needs besides rows (upkeep.h). Rotation opens the next one while the
 * last one is still in use.
 */
#ifndef APP_STORE_H
#define APP_STORE_H

#include "app/upkeep.h"

struct store {
	struct sink *sink;
	char *path;
	struct upkeep upkeep;
};

/* False: there is none, and the error says why. */
bool store_open(struct store **out, const char *path, const struct options *o, struct error *error);
/* Adds to *lost what could not be stored. False where the last rows could not be made durable. NULL is fine. */
bool store_close(struct store *s, uint64_t *lost, struct error *error);

#endif
