/* keyfile.h: the key log of -k: a file that others write to while it is read. It may grow, be cut,
 * be replaced by another or vanish, and need not be there yet when a live capture begins.
 */
#ifndef APP_KEYFILE_H
#define APP_KEYFILE_H

#include "app/pipeline.h"
#include "base/buffer.h"
#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Zeroes with fd -1 are one that is not open. */
struct keyfile {
	const char *path; /* borrowed */
	int fd;
	dev_t device;
	ino_t inode;
	struct buffer rest;    /* the line in progress */
	uint64_t offset;       /* bytes read of the file */
	int64_t looked_ns;     /* when it was looked at last */
	uint8_t tail[64], tail_len; /* the last bytes before offset */
};

/* False where the file cannot be opened: the error says why. */
bool keyfile_open(struct keyfile *k, const char *path, struct error *error);
/* For a file that is not there yet: keyfile_refresh() opens it when it is. */
void keyfile_await(struct keyfile *k, const char *path);
void keyfile_close(struct keyfile *k);

/* Hands what is new to the pipeline; where `whole`, the last line too, though it has no end. False
 * where nothing was new. */
bool keyfile_read(struct keyfile *k, struct pipeline *p, bool whole);
/* The same for a live capture, which asks often: looks at most every 100 ms, every millisecond where it is urgent. */
bool keyfile_refresh(struct keyfile *k, struct pipeline *p, bool urgent);

/* A hash of the content, in hexadecimal. */
bool keyfile_hash(const char *path, char out[65], struct error *error);

#endif
