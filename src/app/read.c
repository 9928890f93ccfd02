#include "app/command.h"
#include "app/message.h"
#include "app/progress.h"
#include "app/run.h"
#include "app/signals.h"
#include "base/buffer.h"
#include "sinks/sqlite.h"

#include <string.h>

enum { BATCH = 64 };

/* How the same reading is known again: the file, and the options that change what comes of it. */
static bool fingerprint(const char *path, const struct options *o, const char *keylog_hash, struct buffer *out)
{
	char hash[65];

	if (!strcmp(path, "-") || !source_fingerprint(path, hash))
		return false;
	buffer_add_format(out, "%s f=%s c=%llu s=%llu", hash, o->filter ? o->filter : "", (unsigned long long)o->count, (unsigned long long)o->snaplen);
	if (o->keylog)
		buffer_add_format(out, " k=%s", keylog_hash);
	if (o->no_ndpi)
		buffer_add_text(out, " no-ndpi");
	if (o->ca_file)
		buffer_add_format(out, " ca-file=%s", source_fingerprint(o->ca_file, hash) ? hash : o->ca_file);
	if (o->ca_path)
		buffer_add_format(out, " ca-path=%s", o->ca_path);
	return true;
}

/* True where there is nothing to do: the database holds this very reading. */
static bool already_read(struct run *r, const char *path, const char *fingerprint)
{
	int64_t id;
	int status;

	if (!fingerprint || !sqlite_find_capture(r->sink, fingerprint, &status, &id))
		return false;
	if (r->options->again) {
		struct error error;

		if (!sqlite_forget_capture(r->sink, id, &error))
			run_status(r, message_error(r->options->output, &error));
		return false;
	}
	if (!r->options->quiet)
		message("%s: is in '%s' already: use --again to read it anew", path, r->options->output);
	run_status(r, status);
	return true;
}

static int read_packets(struct capturing *c, struct source *s, const char *path)
{
	struct packet packets[BATCH];
	struct progress progress;
	enum source_state state = SOURCE_MORE;
	bool more = true;

	progress_start(&progress, path, c->run->options->quiet);
	while (more && state == SOURCE_MORE && !signals_stop_wanted()) {
		size_t count = source_read(s, packets, BATCH, &state);
		struct bytes secrets;
		uint64_t done, total;

		while (source_next_secrets(s, &secrets))
			capturing_secrets(c, secrets);
		more = capturing_packets(c, packets, count);
		source_progress(s, &done, &total);
		progress_update(&progress, done, total);
		if (signals_take_counters_wanted())
			capturing_print(c);
	}
	progress_end(&progress);
	if (state == SOURCE_CUT) {
		message("%s", source_error(s));
		return EXIT_INCOMPLETE;
	}
	if (more && state == SOURCE_MORE) {
		uint64_t done, total;

		source_progress(s, &done, &total);
		message("%s: interrupted at byte %llu: what came before is stored", path, (unsigned long long)done);
		return EXIT_INCOMPLETE;
	}
	return EXIT_DONE;
}

static void read_file(struct run *r, const char *path, const char *keylog_hash)
{
	const struct options *o = r->options;
	struct source_options options = { .filter = o->filter, .snaplen = (uint32_t)o->snaplen };
	struct buffer known = { 0 };
	struct capturing c;
	struct source *s;
	struct error error;
	const char *print = fingerprint(path, o, keylog_hash, &known) ? buffer_text(&known) : NULL;

	if (already_read(r, path, print))
		goto out;
	if (!source_open_file(path, &options, &s, &error)) {
		run_status(r, message_error(path, &error));
		goto out;
	}
	if (capturing_begin(&c, r, path, "file", print)) {
		int status = read_packets(&c, s, path);

		if (capturing_unknown_links(&c)) {
			message("%s: %llu packets have a link type that is not known (%s): they were left out", path,
				(unsigned long long)capturing_unknown_links(&c), source_link_types(s));
			status = EXIT_INCOMPLETE;
		}
		capturing_end(&c, &(struct source_stats){ 0 }, source_link_types(s), status);
	}
	source_close(s);
out:
	buffer_finish(&known);
}

int command_read(const struct options *o)
{
	char keylog_hash[65] = "";
	struct error error;
	struct run r;

	if (o->keylog && !keyfile_hash(o->keylog, keylog_hash, &error))
		return message_error(o->keylog, &error);
	if (!signals_start(&error))
		return message_error(NULL, &error);
	if (!run_open(&r, o))
		return r.status;
	for (size_t i = 0; i < o->operand_count && !signals_stop_wanted(); i++)
		read_file(&r, o->operands[i], keylog_hash);
	return run_close(&r);
}
