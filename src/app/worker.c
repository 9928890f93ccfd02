#include "app/worker.h"

static void emit(void *context, struct handshake *h)
{
	struct worker *w = context;

	worker_take_back(w);
	if (!lane_put(w->lane, h))
		pipeline_give_back(w->pipeline, h);
}

static void emit_lookups(void *context, struct lookup_batch *batch)
{
	struct worker *w = context;

	lane_put_lookups(w->lane, batch);
}

static void emit_attempt(void *context, const struct attempt_event *e)
{
	struct worker *w = context;

	lane_put_attempt(w->lane, e);
}

static bool more_secrets(void *context, bool urgent)
{
	struct worker *w = context;

	return keyfile_refresh(&w->keyfile, w->pipeline, urgent);
}

bool worker_begin(struct worker *w, struct lane *lane, const struct worker_options *options, struct error *error)
{
	*w = (struct worker){ .lane = lane };
	w->pipeline = pipeline_create(&(struct pipeline_options){ .emit = emit, .emit_lookups = emit_lookups, .emit_attempt = emit_attempt,
		.more_secrets = options->live && options->keylog ? more_secrets : NULL, .context = w, .key = options->key, .live = options->live, .memory = options->memory,
		.share = options->share });
	if (!options->keylog || !keyfile_open(&w->keyfile, options->keylog, error)) {
		keyfile_await(&w->keyfile, options->keylog);
		return !options->keylog;
	}
	/* A live capture may begin before the program that writes the key log has written its last line. */
	keyfile_read(&w->keyfile, w->pipeline, !options->live);
	return true;
}

void worker_take_back(struct worker *w)
{
	for (struct handshake *h; (h = lane_take_back(w->lane));)
		pipeline_give_back(w->pipeline, h);
}

void worker_finish(struct worker *w)
{
	keyfile_close(&w->keyfile);
	pipeline_destroy(w->pipeline);
	w->pipeline = NULL;
}
