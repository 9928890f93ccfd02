#include "app/run.h"

#include "app/budget.h"
#include "app/confine.h"
#include "app/message.h"
#include "diagnose/findings.h"
#include "sinks/sqlite.h"

#include <string.h>
#include <unistd.h>

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

	*r = (struct run){ .options = options, .jobs = options->jobs ? (size_t)options->jobs : 1 };
	if (!confine_begin(options, &error)) {
		run_status(r, message_error(NULL, &error));
		return false;
	}
	hash_key_init(&r->key);
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
	r->writer = writer_create(&sqlite_sink, r->sink, r->diagnose, options->no_ndpi, r->jobs);
	return true;
}

bool run_confine(struct run *r, const int *packet_sockets, size_t count)
{
	struct error error;

	if (!r->options->insecure_no_sandbox)
		diagnose_read_roots(r->diagnose);
	if (confine_enter(packet_sockets, count, &error))
		return true;
	run_status(r, message_error(NULL, &error));
	return false;
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

/* A live capture may begin before the program that writes the key log does. */
static void tell_unread_keylog(struct capturing *c, bool live, const struct error *error)
{
	const char *path = c->run->options->keylog;

	if (live)
		message("%s: is not there yet: it is looked for again", path);
	else
		run_status(c->run, message_error(path, error));
}

static bool begin_workers(struct capturing *c, bool live, struct error *error)
{
	struct run *r = c->run;
	struct worker_options options = { .keylog = r->options->keylog, .live = live, .share = (uint32_t)r->jobs, .key = &r->key,
		.memory = budget_of_connections(r->options->memory ? r->options->memory : MEMORY_MAX, r->jobs) };
	struct error keylog_error;
	bool keylog_read = true;

	if (r->jobs == 1)
		keylog_read = worker_begin(&c->worker, writer_lane(r->writer, 0), &options, &keylog_error);
	else if (!jobs_create(&c->jobs, r->jobs, r->writer, &options, &keylog_read, &keylog_error, error))
		return false;
	if (!keylog_read)
		tell_unread_keylog(c, live, &keylog_error);
	return true;
}

static void end_workers(struct capturing *c)
{
	if (c->jobs) {
		jobs_finish(c->jobs);
		writer_stop(c->run->writer);
		jobs_counts(c->jobs, &c->capture);
		return;
	}
	pipeline_drain(c->worker.pipeline);
	writer_stop(c->run->writer);
	worker_take_back(&c->worker);
	pipeline_counts(c->worker.pipeline, &c->capture);
}

static void end_secrets(struct capturing *c)
{
	const char *path = c->run->options->keylog;
	uint64_t secrets, bad_lines;

	if (c->jobs)
		jobs_secret_counts(c->jobs, &secrets, &bad_lines);
	else
		pipeline_secret_counts(c->worker.pipeline, &secrets, &bad_lines);
	if (bad_lines)
		message("%s: %llu lines are no lines of a key log (RFC 9850): they were left out", path ? path : c->capture.source,
			(unsigned long long)bad_lines);
}

bool capturing_begin(struct capturing *c, struct run *r, const char *source, const char *kind, const char *fingerprint)
{
	struct error error;

	*c = (struct capturing){ .run = r, .left = r->options->count ? r->options->count : UINT64_MAX };
	c->capture = (struct capture){ .source = source, .kind = kind, .fingerprint = fingerprint, .filter = r->options->filter, .sensor = r->sensor,
		.started_ns = TIME_NONE, .ended_ns = TIME_NONE };
	if (!writer_begin(r->writer, &c->capture, &error)) {
		run_status(r, message_error(r->options->output, &error));
		return false;
	}
	if (begin_workers(c, !strcmp(kind, "interface"), &error))
		return true;
	writer_stop(r->writer);
	run_status(r, message_error(NULL, &error));
	return false;
}

bool capturing_packets(struct capturing *c, const struct packet *packets, size_t count)
{
	if (count > c->left)
		count = (size_t)c->left;
	c->left -= count;
	if (c->jobs) {
		jobs_packets(c->jobs, packets, count);
	} else {
		pipeline_packets(c->worker.pipeline, packets, count);
		worker_take_back(&c->worker);
	}
	return c->left != 0;
}

void capturing_secrets(struct capturing *c, struct bytes text)
{
	if (c->jobs)
		jobs_secrets(c->jobs, text);
	else
		pipeline_secrets(c->worker.pipeline, text, true);
}

uint64_t capturing_unknown_links(const struct capturing *c)
{
	return c->jobs ? jobs_unknown_links(c->jobs) : pipeline_unknown_links(c->worker.pipeline);
}

void capturing_tick(struct capturing *c, int64_t now_ns)
{
	if (c->jobs) {
		jobs_tick(c->jobs, now_ns);
		return;
	}
	pipeline_tick(c->worker.pipeline, now_ns);
	lane_pass(c->worker.lane, 0);
}

void capturing_end(struct capturing *c, const struct source_stats *stats, const char *link_type, int status)
{
	struct run *r = c->run;
	struct error error;

	end_workers(c);
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
	if (c->jobs)
		jobs_destroy(c->jobs);
	else
		worker_finish(&c->worker);
}

void capturing_print(const struct capturing *c)
{
	struct capture now = c->capture;

	if (c->jobs)
		jobs_counts(c->jobs, &now);
	else
		pipeline_counts(c->worker.pipeline, &now);
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
