#include "app/run.h"

#include "app/message.h"
#include "diagnose/findings.h"
#include "sinks/sqlite.h"

#include <string.h>
#include <unistd.h>

enum { ATTEMPTS_NS = 1000000000 };

static bool open_diagnosis(struct run *r, struct error *error)
{
	struct trust_options roots = { .ca_file = r->options->ca_file, .ca_path = r->options->ca_path };

	return diagnose_create(&roots, &r->diagnose, error);
}

static bool open_database(struct run *r, struct error *error)
{
	if (!sqlite_sink.open(&r->sink, r->options->output, error))
		return false;
	if (sqlite_know_findings(r->sink, finding_kinds, FINDING_KIND_COUNT, error))
		return true;
	sqlite_sink.close(r->sink, NULL);
	return false;
}

bool run_open(struct run *r, const struct options *options)
{
	struct error error;

	*r = (struct run){ .options = options };
	if (gethostname(r->sensor, sizeof r->sensor - 1))
		strcpy(r->sensor, "localhost");
	if (!open_diagnosis(r, &error)) {
		run_status(r, message_error(NULL, &error));
		return false;
	}
	if (!open_database(r, &error)) {
		run_status(r, message_error(options->output, &error));
		diagnose_destroy(r->diagnose);
		return false;
	}
	r->writer = writer_create(&sqlite_sink, r->sink, r->diagnose, options->no_ndpi);
	return true;
}

void run_status(struct run *r, int status)
{
	if (status > r->status)
		r->status = status;
}

int run_close(struct run *r)
{
	struct sink_counts counts;
	struct error error;

	writer_destroy(r->writer);
	if (diagnose_lacks_roots(r->diagnose))
		message("no trusted roots were found, so that no issuer was judged: name some with --ca-file");
	diagnose_destroy(r->diagnose);
	sqlite_sink.counts(r->sink, &counts);
	if (!sqlite_sink.close(r->sink, &error))
		run_status(r, message_error(r->options->output, &error));
	if (counts.lost) {
		message("%s: %llu handshakes could not be stored: make room and read again", r->options->output, (unsigned long long)counts.lost);
		run_status(r, EXIT_IO);
	}
	if (!r->options->quiet)
		message("received %llu packets, kernel dropped %llu, interface dropped %llu, recorded %llu handshakes", (unsigned long long)r->packets,
			(unsigned long long)r->kernel_drops, (unsigned long long)r->interface_drops, (unsigned long long)r->handshakes);
	return r->status;
}

static void take_back(struct capturing *c)
{
	for (struct handshake *h; (h = writer_take_back(c->run->writer));)
		pipeline_give_back(c->pipeline, h);
}

static void emit(void *context, struct handshake *h)
{
	struct capturing *c = context;

	take_back(c);
	writer_put(c->run->writer, h);
}

static void emit_lookups(void *context, struct lookup_batch *batch)
{
	struct capturing *c = context;

	writer_put_lookups(c->run->writer, batch);
}

static void store_attempts(struct capturing *c, bool all)
{
	size_t count;
	struct attempt *attempts = pipeline_attempts(c->pipeline, all, &count);

	if (attempts)
		writer_put_attempts(c->run->writer, attempts, count);
}

/* Live, who looks at the database shall see what is going on. */
static void store_attempts_when_due(struct capturing *c, int64_t now_ns)
{
	if (c->attempts_ns == TIME_NONE || now_ns < c->attempts_ns)
		c->attempts_ns = now_ns;
	if (now_ns - c->attempts_ns < ATTEMPTS_NS)
		return;
	c->attempts_ns = now_ns;
	store_attempts(c, false);
}

static bool more_secrets(void *context, bool urgent)
{
	struct capturing *c = context;

	return keyfile_refresh(&c->keyfile, c->pipeline, urgent);
}

/* A live capture may begin before the program that writes the key log does. */
static void begin_secrets(struct capturing *c, bool live)
{
	const char *path = c->run->options->keylog;
	struct error error;

	if (!path || !keyfile_open(&c->keyfile, path, &error)) {
		keyfile_await(&c->keyfile, path);
		if (path && live)
			message("%s: is not there yet: it is looked for again", path);
		else if (path)
			run_status(c->run, message_error(path, &error));
		return;
	}
	keyfile_read(&c->keyfile, c->pipeline, !live);
}

static void end_secrets(struct capturing *c)
{
	const char *path = c->run->options->keylog;
	uint64_t secrets, bad_lines;

	pipeline_secret_counts(c->pipeline, &secrets, &bad_lines);
	if (bad_lines)
		message("%s: %llu lines are no lines of a key log (RFC 9850): they were left out", path ? path : c->capture.source,
			(unsigned long long)bad_lines);
	keyfile_close(&c->keyfile);
}

bool capturing_begin(struct capturing *c, struct run *r, const char *source, const char *kind, const char *fingerprint)
{
	struct error error;

	*c = (struct capturing){ .run = r, .left = r->options->count ? r->options->count : UINT64_MAX, .attempts_ns = TIME_NONE };
	c->capture = (struct capture){ .source = source, .kind = kind, .fingerprint = fingerprint, .filter = r->options->filter, .sensor = r->sensor,
		.started_ns = TIME_NONE, .ended_ns = TIME_NONE };
	if (!writer_begin(r->writer, &c->capture, &error)) {
		run_status(r, message_error(r->options->output, &error));
		return false;
	}
	bool live = !strcmp(kind, "interface");
	c->pipeline = pipeline_create(&(struct pipeline_options){ .emit = emit, .emit_lookups = emit_lookups,
		.more_secrets = live && r->options->keylog ? more_secrets : NULL, .context = c });
	begin_secrets(c, live);
	return true;
}

bool capturing_packets(struct capturing *c, const struct packet *packets, size_t count)
{
	if (count > c->left)
		count = (size_t)c->left;
	c->left -= count;
	pipeline_packets(c->pipeline, packets, count);
	take_back(c);
	if (count && !c->capture.fingerprint)
		store_attempts_when_due(c, packets[count - 1].time_ns);
	return c->left != 0;
}

void capturing_tick(struct capturing *c, int64_t now_ns)
{
	pipeline_tick(c->pipeline, now_ns);
	store_attempts_when_due(c, now_ns);
}

void capturing_end(struct capturing *c, const struct source_stats *stats, const char *link_type, int status)
{
	struct run *r = c->run;
	struct error error;

	pipeline_drain(c->pipeline);
	store_attempts(c, true);
	writer_stop(r->writer);
	take_back(c);
	pipeline_counts(c->pipeline, &c->capture);
	writer_add_limits(r->writer, &c->capture.limits);
	c->capture.link_type = link_type;
	c->capture.status = status;
	c->capture.drops_known = stats->drops_known;
	c->capture.kernel_drops = stats->kernel_drops;
	c->capture.interface_drops = stats->interface_drops;
	if (!writer_end(r->writer, &c->capture, &error))
		run_status(r, message_error(r->options->output, &error));
	r->packets += c->capture.packets;
	r->kernel_drops += stats->kernel_drops;
	r->interface_drops += stats->interface_drops;
	r->handshakes += c->capture.handshakes;
	run_status(r, status);
	end_secrets(c);
	pipeline_destroy(c->pipeline);
	c->pipeline = NULL;
}

void capturing_print(const struct capturing *c)
{
	struct capture now = c->capture;

	pipeline_counts(c->pipeline, &now);
	message("%s: %llu packets, %llu bytes, %llu connections, %llu handshakes, %llu malformed, %llu cut by the snap length, %llu holes, %llu evicted",
		now.source, (unsigned long long)now.packets, (unsigned long long)now.bytes, (unsigned long long)now.flows, (unsigned long long)now.handshakes,
		(unsigned long long)now.malformed_packets, (unsigned long long)now.truncated_packets, (unsigned long long)now.reassembly_gaps,
		(unsigned long long)now.evicted_flows);
	for (size_t i = 0; i < LIMIT_COUNT; i++) {
		if (now.limits.bitten[i])
			message("%s: limit %s (%llu) bit %llu times", now.source, limit_table[i].name, (unsigned long long)limit_table[i].value,
				(unsigned long long)now.limits.bitten[i]);
	}
}
