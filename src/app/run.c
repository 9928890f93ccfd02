#include "app/run.h"

#include "app/message.h"
#include "sinks/sqlite.h"

#include <string.h>
#include <unistd.h>

bool run_open(struct run *r, const struct options *options)
{
	struct error error;

	*r = (struct run){ .options = options };
	if (gethostname(r->sensor, sizeof r->sensor - 1))
		strcpy(r->sensor, "localhost");
	if (!sqlite_sink.open(&r->sink, options->output, &error)) {
		run_status(r, message_error(options->output, &error));
		return false;
	}
	r->writer = writer_create(&sqlite_sink, r->sink, options->no_ndpi);
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
	c->pipeline = pipeline_create(&(struct pipeline_options){ .emit = emit, .emit_lookups = emit_lookups, .context = c });
	return true;
}

bool capturing_packets(struct capturing *c, const struct packet *packets, size_t count)
{
	if (count > c->left)
		count = (size_t)c->left;
	c->left -= count;
	pipeline_packets(c->pipeline, packets, count);
	take_back(c);
	return c->left != 0;
}

void capturing_end(struct capturing *c, const struct source_stats *stats, const char *link_type, int status)
{
	struct run *r = c->run;
	struct error error;

	pipeline_drain(c->pipeline);
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
