#include "app/store.h"

#include "base/xmalloc.h"
#include "diagnose/findings.h"
#include "sinks/sqlite.h"

#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}

bool store_open(struct store **out, const char *path, const struct options *o, struct error *error)
{
	struct sink *sink;

	if (!sqlite_sink.open(&sink, path, error))
		return false;
	if (!sqlite_know_findings(sink, finding_kinds, FINDING_KIND_COUNT, error)) {
		sqlite_sink.close(sink, NULL);
		return false;
	}
	struct store *s = xcalloc(1, sizeof *s);
	s->sink = sink;
	s->path = copy_text(path);
	upkeep_begin(&s->upkeep, sink, s->path, o);
	*out = s;
	return true;
}

bool store_close(struct store *s, uint64_t *lost, struct error *error)
{
	struct sink_counts counts;

	if (!s)
		return true;
	/* What close() cannot store any more is lost too. */
	bool done = sqlite_sink.flush(s->sink, error);
	sqlite_sink.counts(s->sink, &counts);
	*lost += counts.lost;
	done = sqlite_sink.close(s->sink, done ? error : NULL) && done;
	free(s->path);
	free(s);
	return done;
}
