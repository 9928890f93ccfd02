/* worker.h: a pipeline with what it needs around it: its lane to the writer, and the key log of -k. One thread at a time uses it. */
#ifndef APP_WORKER_H
#define APP_WORKER_H

#include "app/keyfile.h"
#include "app/lanes.h"
#include "app/pipeline.h"

struct worker {
	struct pipeline *pipeline;
	struct lane *lane;
	struct keyfile keyfile;		/* of -k; live it is read again and again */
};

struct worker_options {
	const char *keylog;		/* -k; NULL */
	bool live;
	uint32_t share;			/* of so many workers */
	uint64_t memory;		/* what its connections may take */
	const struct hash_key *key;	/* outlives them all */
};

/* False where the key log cannot be read (yet); the worker works all the same. It stays where it is until worker_finish(). */
bool worker_begin(struct worker *w, struct lane *lane, const struct worker_options *options, struct error *error);
/* Handshakes that were stored go back to where they were made. */
void worker_take_back(struct worker *w);
void worker_finish(struct worker *w);

#endif
