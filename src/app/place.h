/* place.h: where the database lies, and whether that is a place for one: others must be able neither to put a file or
 * a link of theirs where ours is made, nor to read what is in it.
 */
#ifndef APP_PLACE_H
#define APP_PLACE_H

#include "base/error.h"

#include <stdbool.h>
#include <sys/stat.h>

struct place {
	const char *path;	/* borrowed: as the user wrote it */
	char *folder;		/* owned; absolute, without links */
	char *name;		/* owned; in it */
	struct stat stat;	/* of the folder */
};

/* False, and nothing is owned, where it is no place. */
bool place_find(struct place *p, const char *path, struct error *error);
void place_finish(struct place *p);
/* Makes the file, empty, readable for its owner alone, where there is none. Not through a link, nor where somebody
 * else's file already stands in a folder that all may write to. */
bool place_make(const struct place *p, uid_t owner, gid_t group, struct error *error);

#endif
