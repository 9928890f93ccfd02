#include "app/run.h"

#include "app/command.h"
#include "app/confine.h"
#include "app/budget.h"
#include "app/message.h"
#include "app/signals.h"
#include "dissectors/crypto.h"
#include "sinks/sqlite.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static bool open_diagnosis(struct run *r, struct error *error)
{
	struct trust_options roots = { .ca_file = r->options->ca_file, .ca_path = r->options->ca_path };

	return diagnose_create(&roots, &r->diagnose, error);
}

enum { COMPLAIN_S = 60 };

static int64_t wall_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec;
}

static bool open_database(struct run *r, struct store **out, struct error *error)
{
	if (!store_open(out, r->rotation.name, r->options, error))
		return false;
	rotation_opened(&r->rotation);
	return true;
}

bool run_open(struct run *r, const struct options *options)
{
	struct store *store;
	struct error error;

	*r = (struct run){ .options = options, .jobs = options->jobs ? (size_t)options->jobs : 1 };
	hash_key_init(&r->key);
	if (gethostname(r->sensor, sizeof r->sensor - 1))
		strcpy(r->sensor, "localhost");
	if (!rotation_begin(&r->rotation, options->output, wall_s(), &error) || !confine_begin(options, &r->rotation, &error) || !open_diagnosis(r, &error)) {
		run_status(r, message_error(NULL, &error));
		rotation_finish(&r->rotation);
		return false;
	}
	if (!open_database(r, &store, &error)) {
		run_status(r, message_error(r->rotation.name, &error));
		rotation_finish(&r->rotation);
		diagnose_destroy(r->diagnose);
		return false;
	}
	r->writer = writer_create(&sqlite_sink, store, r->diagnose, &(struct writer_options){ .without_ndpi = options->no_ndpi,
		.live = options->command->bit == COMMAND_LISTEN, .lanes = r->jobs });
	return true;
}

bool run_confine(struct run *r, const int *packet_sockets, size_t count)
{
	struct error error;

	if (!r->options->insecure_no_sandbox)
		diagnose_read_roots(r->diagnose);
	/* libcrypto keeps old ciphers in a file of their own: what is loaded once can be had again, without opening any file. */
	r->crypto = crypto_create();
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
	struct store *store = writer_store(r->writer);
	uint64_t lost = r->lost + writer_lost(r->writer);
	struct error error;

	writer_destroy(r->writer);
	crypto_destroy(r->crypto);
	if (diagnose_lacks_roots(r->diagnose))
		message("no trusted roots were found, so that no issuer was judged: name some with --ca-file");
	diagnose_destroy(r->diagnose);
	if (!store_close(store, &lost, &error))
		run_status(r, message_error(r->rotation.name, &error));
	if (lost) {
		message("%s: %llu handshakes could not be stored: make room and read again", r->rotation.name, (unsigned long long)lost);
		run_status(r, EXIT_IO);
	}
	rotation_finish(&r->rotation);
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

static void count(const struct capturing *c, struct capture *out)
{
	if (c->jobs)
		jobs_counts(c->jobs, out);
	else
		pipeline_counts(c->worker.pipeline, out);
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

	*c = (struct capturing){ .run = r, .left = r->options->count ? r->options->count : UINT64_MAX, .before.ended_ns = TIME_NONE };
	c->capture = (struct capture){ .source = source, .kind = kind, .fingerprint = fingerprint, .filter = r->options->filter, .sensor = r->sensor,
		.started_ns = TIME_NONE, .ended_ns = TIME_NONE };
	if (!writer_begin(r->writer, &c->capture, &error)) {
		run_status(r, message_error(r->rotation.name, &error));
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

/* ---- another database ---- */

static void add_source(struct capture *out, const struct source_stats *stats, const char *link_type, int status)
{
	out->link_type = link_type;
	out->status = status;
	out->drops_known = stats->drops_known;
	out->kernel_drops = stats->kernel_drops;
	out->interface_drops = stats->interface_drops;
}

/* From what was counted since the start to what was counted since the database was exchanged. */
static void since_turn(struct capture *now, const struct capture *before)
{
	uint64_t *counters[] = { &now->packets, &now->bytes, &now->kernel_drops, &now->interface_drops, &now->truncated_packets,
		&now->malformed_packets, &now->reassembly_gaps, &now->flows, &now->evicted_flows, &now->handshakes };
	const uint64_t subtract[] = { before->packets, before->bytes, before->kernel_drops, before->interface_drops, before->truncated_packets,
		before->malformed_packets, before->reassembly_gaps, before->flows, before->evicted_flows, before->handshakes };

	for (size_t i = 0; i < sizeof subtract / sizeof *subtract; i++)
		*counters[i] -= subtract[i];
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		now->limits.bitten[i] -= before->limits.bitten[i];
	if (before->ended_ns != TIME_NONE)
		now->started_ns = now->ended_ns == before->ended_ns ? TIME_NONE : before->ended_ns;
	if (now->started_ns == TIME_NONE)
		now->ended_ns = TIME_NONE;
}

static bool is_told_again(struct run *r)
{
	int64_t now = wall_s();

	if (r->complained_s && now - r->complained_s < COMPLAIN_S && now >= r->complained_s)
		return false;
	r->complained_s = now;
	return true;
}

/* The next database, where it is time for one; NULL where there is none, or where it cannot be had now: then the one in use goes on. */
static struct store *next_database(struct run *r, char **name)
{
	bool asked = signals_take_new_file_wanted();
	struct store *next = NULL;
	struct error error;

	*name = rotation_due(&r->rotation, wall_s(), asked);
	if (*name && store_open(&next, *name, r->options, &error))
		return next;
	if (*name && is_told_again(r))
		message("%s: %s: '%s' goes on", *name, error.text, r->rotation.name);
	free(*name);
	return NULL;
}

void run_turn(struct run *r)
{
	char *name;
	struct store *next = next_database(r, &name);
	struct error error;

	if (!next)
		return;
	if (!store_close(writer_store(r->writer), &r->lost, &error))
		run_status(r, message_error(r->rotation.name, &error));
	writer_set_store(r->writer, next);
	rotation_take(&r->rotation, name);
}

void capturing_turn(struct capturing *c, void (*add_stats)(void *context, struct source_stats *stats), void *context, const char *link_type)
{
	struct run *r = c->run;
	char *name;
	struct store *next = next_database(r, &name);
	struct source_stats stats = { 0 };
	struct capture now = c->capture, ended;
	struct error error;

	if (!next)
		return;
	count(c, &now);
	add_stats(context, &stats);
	add_source(&now, &stats, link_type, EXIT_DONE);
	ended = now;
	since_turn(&ended, &c->before);
	if (!writer_turn(r->writer, next, &c->capture, &ended, &error)) {
		if (is_told_again(r))
			message("%s: %s: '%s' goes on", name, error.text, r->rotation.name);
		store_close(next, &r->lost, NULL);
		free(name);
		return;
	}
	c->before = now;
	rotation_take(&r->rotation, name);
	message("goes on in '%s'", r->rotation.name);
}

void capturing_end(struct capturing *c, const struct source_stats *stats, const char *link_type, int status)
{
	struct run *r = c->run;
	struct error error;

	end_workers(c);
	add_source(&c->capture, stats, link_type, status);
	r->packets += c->capture.packets;
	r->kernel_drops += stats->kernel_drops;
	r->interface_drops += stats->interface_drops;
	r->handshakes += c->capture.handshakes;
	since_turn(&c->capture, &c->before);
	if (!writer_end(r->writer, &c->capture, &error))
		run_status(r, message_error(r->rotation.name, &error));
	if (!upkeep_all(&writer_store(r->writer)->upkeep, &error))
		run_status(r, message_error(r->rotation.name, &error));
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

	count(c, &now);
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
