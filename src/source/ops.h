/* ops.h: what every kind of source is made of. Each kind puts a struct source first in a struct of its own
 * and gives a table of what it can do; what it leaves NULL has the answer of a source that cannot.
 */
#ifndef SOURCE_OPS_H
#define SOURCE_OPS_H

#include "base/buffer.h"
#include "source/link_type.h"
#include "source/source.h"

struct source_ops {
	size_t (*read)(struct source *s, struct packet *out, size_t max, enum source_state *state);
	void (*close)(struct source *s);
	int (*fd)(const struct source *s);
	void (*progress)(const struct source *s, uint64_t *read, uint64_t *size);
	void (*stats)(struct source *s, struct source_stats *out);
	bool (*next_secrets)(struct source *s, struct bytes *out);
};

struct source {
	const struct source_ops *ops;
	struct link_names links;
	struct buffer trouble;		/* what source_error() says */
};

enum { SNAPLEN_DEFAULT = 262144 };

/* What the kinds leave to the shared part of their struct. */
void source_finish(struct source *s);
char *source_copy_text(const char *text);

#endif
