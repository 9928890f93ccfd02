#include "app/command.h"
#include "app/message.h"
#include "app/porter.h"
#include "app/progress.h"
#include "app/run.h"
#include "app/signals.h"
#include "base/buffer.h"
#include "sinks/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BATCH = 64 };

struct reading {
	struct run run;
	struct filter *filter;			/* of -f; NULL */
	char keylog_hash[65], ca_hash[65];	/* of -k and --ca-file; "" */
};

/* How the same reading is known again: the file, and the options that change what comes of it. */
static bool fingerprint(int fd, const struct reading *reading, struct buffer *out)
{
	const struct options *o = reading->run.options;
	char hash[65];

	if (!source_fingerprint_descriptor(fd, hash))
		return false;
	buffer_add_format(out, "%s f=%s c=%llu s=%llu", hash, o->filter ? o->filter : "", (unsigned long long)o->count, (unsigned long long)o->snaplen);
	if (o->keylog)
		buffer_add_format(out, " k=%s", reading->keylog_hash);
	if (o->no_ndpi)
		buffer_add_text(out, " no-ndpi");
	if (o->ca_file)
		buffer_add_format(out, " ca-file=%s", *reading->ca_hash ? reading->ca_hash : o->ca_file);
	if (o->ca_path)
		buffer_add_format(out, " ca-path=%s", o->ca_path);
	return true;
}

/* True where there is nothing to do: the database holds this very reading. */
static bool already_read(struct run *r, const char *path, const char *fingerprint)
{
	int64_t id;
	int status;

	if (!fingerprint || !sqlite_find_capture(writer_store(r->writer)->sink, fingerprint, &status, &id))
		return false;
	if (r->options->again) {
		struct error error;

		if (!sqlite_forget_capture(writer_store(r->writer)->sink, id, &error))
			run_status(r, message_error(r->rotation.name, &error));
		return false;
	}
	if (!r->options->quiet)
		message("%s: is in '%s' already: use --again to read it anew", path, r->rotation.name);
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

/* A pipe with a name gives nothing until its writer comes; poll(2) waits for that, and a signal ends it. */
static bool await_writer(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct stat st;

	while (!fstat(fd, &st) && S_ISFIFO(st.st_mode) && poll(&p, 1, -1) < 0)
		if (errno != EINTR || signals_stop_wanted())
			return false;
	return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK) >= 0;
}

static int open_input(const char *path)
{
	if (!strcmp(path, "-"))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int fd = porter_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd >= 0 && !await_writer(fd)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void read_file(struct reading *reading, const char *path)
{
	struct run *r = &reading->run;
	const struct options *o = r->options;
	struct source_options options = { .filter = o->filter, .prepared = reading->filter, .snaplen = (uint32_t)o->snaplen };
	struct buffer known = { 0 };
	struct capturing c;
	struct source *s;
	struct error error;
	int fd = open_input(path);

	run_turn(r);
	if (fd < 0) {
		(void)error_set(&error, EXIT_IO, "cannot be opened: %s", source_reason(errno));
		run_status(r, message_error(path, &error));
		return;
	}
	const char *print = strcmp(path, "-") && fingerprint(fd, reading, &known) ? buffer_text(&known) : NULL;
	if (already_read(r, path, print)) {
		close(fd);
		goto out;
	}
	if (!source_open_descriptor(fd, path, &options, &s, &error)) {
		run_status(r, message_error(NULL, &error));
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
	struct reading reading = { 0 };
	struct run *r = &reading.run;
	struct error error;

	if (o->keylog && !keyfile_hash(o->keylog, reading.keylog_hash, &error))
		return message_error(o->keylog, &error);
	if (o->filter && !(reading.filter = source_prepare_filter(o->filter, &error)))
		return message_error(NULL, &error);
	if (o->ca_file && !source_fingerprint(o->ca_file, reading.ca_hash))
		*reading.ca_hash = 0;
	if (!signals_start(&error))
		return message_error(NULL, &error);
	if (!run_open(r, o))
		return r->status;
	bool confined = run_confine(r, NULL, 0);
	for (size_t i = 0; confined && i < o->operand_count && !signals_stop_wanted(); i++)
		read_file(&reading, o->operands[i]);
	source_drop_filter(reading.filter);
	return run_close(r);
}
