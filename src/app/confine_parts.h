/* confine_parts.h: the walls that confine.c puts up, one file each. Each is for this process from now on; where one
 * cannot be put up the error says so, in a sentence that ends with what to do.
 */
#ifndef APP_CONFINE_PARTS_H
#define APP_CONFINE_PARTS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* ---- users and capabilities (confine_user.c) ---- */

struct confine_user {
	bool change;		/* started as root: it becomes this one */
	bool is_nobody;		/* who shall own nothing */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/* `wanted` is -Z's, NULL without; the folder is the database's. */
bool confine_user_choose(struct confine_user *u, const char *wanted, const struct stat *folder, struct error *error);
/* Becomes the user and keeps these capabilities (bits), for most 0. */
bool confine_user_become(const struct confine_user *u, uint64_t capabilities, struct error *error);

/* ---- files and networks (confine_paths.c) ---- */

struct confine_paths {
	const char *const *readable;	/* files */
	size_t readable_count;
	const char *folder_read;	/* a folder whose files may be read; NULL */
	const char *folder_written;	/* one whose files may be made, written and removed; NULL */
};

bool confine_paths(const struct confine_paths *allowed, struct error *error);

/* ---- system calls (confine_calls.c) ---- */

/* Of the process that reads packets; `porter` is its socket to the other one. */
bool confine_calls(const int *packet_sockets, size_t count, int porter, struct error *error);
bool confine_calls_of_porter(int requests, struct error *error);

#endif
