#include "app/jobs.h"

#include "app/intake.h"
#include "app/ring.h"
#include "base/hash.h"
#include "base/xmalloc.h"
#include "flow/clock.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	LOAD_PIECES = 256,
	LOAD_BYTES = 64 * 1024,		/* with the pieces: the loads of two workers fit the second cache */
	LOADS = 4,			/* of a worker */
	LAG_PACKETS = 4096,		/* after so many each worker is told how far the capture is, whether something is for it or not */
	WAIT_MS = 2,
	TURN_MS = 1000,
};

enum piece_kind { PIECE_SEGMENT, PIECE_TIME, PIECE_SECRETS };

struct piece {
	enum piece_kind kind;
	uint64_t number;
	struct flow_clock clock;
	struct segment segment;		/* of secrets: payload alone */
};

struct load {
	uint32_t count;
	bool last;
	uint64_t number;		/* up to this packet, all that is for the worker was handed over */
	size_t used, room;
	uint8_t *bytes;
	struct piece pieces[LOAD_PIECES];
};

struct job {
	struct worker worker;
	struct ring *to, *from;		/* loads, and the same when they are done */
	struct load *filling;		/* the reader's; NULL: none at hand */
	uint64_t handed;		/* the packet's number at the last load */
	pthread_t thread;
	bool running;
	pthread_mutex_t lock;
	struct capture counts;		/* as of the last load; under the lock */
};

struct jobs {
	const struct hash_key *key;
	struct intake intake;
	struct limit_counts limits;
	struct flow_clock clock;
	uint64_t number, done;		/* of the packet that is dealt out, and of the last one that was */
	size_t count;
	struct job *each;
};

/* ---- a worker's thread ---- */

static void work_on(struct pipeline *p, const struct piece *piece)
{
	switch (piece->kind) {
	case PIECE_SEGMENT:
		pipeline_segment(p, &piece->segment, &piece->clock);
		break;
	case PIECE_TIME:
		pipeline_time(p, piece->number, &piece->clock);
		break;
	case PIECE_SECRETS:
		pipeline_secrets(p, piece->segment.payload, true);
		break;
	}
}

static void note_counts(struct job *job)
{
	pthread_mutex_lock(&job->lock);
	pipeline_counts(job->worker.pipeline, &job->counts);
	pthread_mutex_unlock(&job->lock);
}

static void work(struct job *job, const struct load *load)
{
	struct worker *w = &job->worker;

	for (uint32_t i = 0; i < load->count; i++)
		work_on(w->pipeline, &load->pieces[i]);
	pipeline_flush(w->pipeline);
	worker_take_back(w);
	note_counts(job);
	lane_pass(w->lane, moment_of(load->number, MOMENT_PASSED));
}

static void *run(void *argument)
{
	struct job *job = argument;
	bool last = false;

	while (!last) {
		struct load *load = ring_pop(job->to, TURN_MS);

		if (!load)
			continue;
		work(job, load);
		last = load->last;
		ring_push(job->from, load);
		ring_nudge(job->from);
	}
	pipeline_drain(job->worker.pipeline);
	note_counts(job);
	lane_pass(job->worker.lane, moment_of(MOMENT_END_NUMBER, MOMENT_PASSED));
	return NULL;
}

/* ---- loads ---- */

static void empty(struct load *load)
{
	load->count = 0;
	load->used = 0;
	load->last = false;
}

static void hand_over(struct jobs *j, struct job *job)
{
	struct load *load = job->filling;

	load->number = job->handed = j->done;
	job->filling = NULL;
	ring_push(job->to, load);
	ring_nudge(job->to);
}

static bool has_load(struct job *job)
{
	if (!job->filling && (job->filling = ring_try_pop(job->from)))
		empty(job->filling);
	return job->filling;
}

/* Whoever waits for the writer waits for the worker that is farthest behind, which may have nothing to do: it is told how far the
 * capture is. */
static void tell_others(struct jobs *j, const struct job *but)
{
	for (size_t i = 0; i < j->count; i++) {
		struct job *job = &j->each[i];

		if (job != but && job->handed < j->done && has_load(job))
			hand_over(j, job);
	}
}

static struct load *load_of(struct jobs *j, struct job *job)
{
	while (!has_load(job)) {
		tell_others(j, job);
		job->filling = ring_pop(job->from, WAIT_MS);
		if (job->filling)
			empty(job->filling);
	}
	return job->filling;
}

/* A piece in a load that has room for so many bytes besides. */
static struct piece *add_piece(struct jobs *j, struct job *job, enum piece_kind kind, size_t bytes)
{
	struct load *load = load_of(j, job);

	if (load->count == LOAD_PIECES || (load->count && load->used + bytes > load->room)) {
		hand_over(j, job);
		load = load_of(j, job);
	}
	if (bytes > load->room) {
		load->room = bytes;
		load->bytes = xrealloc(load->bytes, bytes);
	}
	struct piece *p = &load->pieces[load->count++];
	p->kind = kind;
	p->number = j->number;
	p->clock = j->clock;
	return p;
}

static struct bytes copy_bytes(struct load *load, struct bytes from)
{
	uint8_t *at = load->bytes + load->used;

	if (from.len)
		memcpy(at, from.at, from.len);
	load->used += from.len;
	return (struct bytes){ at, from.len };
}

static void copy_segment(struct load *load, const struct segment *s, struct segment *out)
{
	/* Few packets are wrapped in others: the list of layers stands last, and mostly stays behind. */
	memcpy(out, s, s->encapsulation.depth ? sizeof *s : offsetof(struct segment, encapsulation));
	out->encapsulation.depth = s->encapsulation.depth;
	if (!s->transport.len) {
		out->payload = copy_bytes(load, s->payload);
		return;
	}
	out->transport = copy_bytes(load, s->transport);
	struct reader r = reader_of(out->transport);
	rd_skip(&r, s->transport.len - s->payload.len);
	out->payload = rd_rest(&r);
}

/* ---- dealing out ---- */

/* The same for both directions. */
static struct job *job_of(struct jobs *j, const struct segment *s)
{
	struct address pair[2] = { s->src, s->dst };

	if (memcmp(&pair[0], &pair[1], sizeof *pair) > 0) {
		pair[0] = s->dst;
		pair[1] = s->src;
	}
	return &j->each[(hash_bytes(j->key, pair, sizeof pair) >> 32) * j->count >> 32];
}

static void deal(struct jobs *j, const struct segment *s)
{
	struct job *job = job_of(j, s);
	struct piece *p = add_piece(j, job, PIECE_SEGMENT, s->transport.len ? s->transport.len : s->payload.len);

	copy_segment(job->filling, s, &p->segment);
}

static void tell_time(struct jobs *j)
{
	for (size_t i = 0; i < j->count; i++)
		add_piece(j, &j->each[i], PIECE_TIME, 0);
}

/* What is silent too long ends in all pipelines at once, before the packet that ends the round. */
static void keep_time(struct jobs *j, int64_t time_ns)
{
	int64_t round = flow_clock_round(&j->clock);
	bool began = flow_clock_advance(&j->clock, time_ns);

	if (began || flow_clock_round(&j->clock) != round)
		tell_time(j);
}

static void tell_who_lags(struct jobs *j)
{
	for (size_t i = 0; i < j->count; i++) {
		struct job *job = &j->each[i];

		if (j->done - job->handed > LAG_PACKETS && has_load(job))
			hand_over(j, job);
	}
}

void jobs_packets(struct jobs *j, const struct packet *packets, size_t count)
{
	struct segment s;

	for (size_t i = 0; i < count; i++) {
		j->number = packets[i].number;
		keep_time(j, packets[i].time_ns);
		if (intake_take(&j->intake, &packets[i], &s))
			deal(j, &s);
		j->done = j->number;
	}
	tell_who_lags(j);
}

void jobs_secrets(struct jobs *j, struct bytes text)
{
	for (size_t i = 0; i < j->count; i++)
		add_piece(j, &j->each[i], PIECE_SECRETS, 0)->segment.payload = text;
}

void jobs_tick(struct jobs *j, int64_t now_ns)
{
	flow_clock_advance(&j->clock, now_ns);
	j->number = j->done + 1;
	tell_time(j);
	for (size_t i = 0; i < j->count; i++)
		if (has_load(&j->each[i]))
			hand_over(j, &j->each[i]);
}

/* ---- life ---- */

static bool start(struct job *job)
{
	sigset_t all, before;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	job->running = !pthread_create(&job->thread, NULL, run, job);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return job->running;
}

static bool prepare(struct job *job, struct lane *lane, const struct worker_options *options, struct error *error)
{
	job->to = ring_create(2 * LOADS, 1);
	job->from = ring_create(2 * LOADS, 1);
	for (unsigned i = 0; i < LOADS; i++) {
		struct load *load = xmalloc(sizeof *load);

		load->room = LOAD_BYTES;
		load->bytes = xmalloc(load->room);
		ring_push(job->from, load);
	}
	pthread_mutex_init(&job->lock, NULL);
	job->counts = (struct capture){ .started_ns = INT64_MIN };
	return worker_begin(&job->worker, lane, options, error);
}

bool jobs_create(struct jobs **out, size_t count, struct writer *writer, const struct worker_options *options, bool *keylog_read,
	struct error *keylog_error, struct error *error)
{
	struct jobs *j = xcalloc(1, sizeof *j);

	assert(count && count <= JOBS_MAX);
	j->key = options->key;
	intake_init(&j->intake, j->key, &j->limits);
	j->count = count;
	j->each = xcalloc(count, sizeof *j->each);
	*keylog_read = true;
	for (size_t i = 0; i < count; i++)
		*keylog_read &= prepare(&j->each[i], writer_lane(writer, i), options, keylog_error);
	for (size_t i = 0; i < count; i++) {
		if (start(&j->each[i]))
			continue;
		jobs_finish(j);
		jobs_destroy(j);
		return error_set(error, EXIT_IO, "cannot start a thread: too many are running");
	}
	*out = j;
	return true;
}

void jobs_finish(struct jobs *j)
{
	j->number = j->done + 1;
	for (size_t i = 0; i < j->count; i++) {
		struct job *job = &j->each[i];

		if (!job->running)
			continue;
		add_piece(j, job, PIECE_TIME, 0);
		job->filling->last = true;
		hand_over(j, job);
	}
	for (size_t i = 0; i < j->count; i++) {
		if (j->each[i].running)
			pthread_join(j->each[i].thread, NULL);
		j->each[i].running = false;
	}
}

static void add_counts(struct capture *sum, const struct capture *one)
{
	sum->reassembly_gaps += one->reassembly_gaps;
	sum->flows += one->flows;
	sum->evicted_flows += one->evicted_flows;
	sum->handshakes += one->handshakes;
	for (size_t i = 0; i < LIMIT_COUNT; i++)
		sum->limits.bitten[i] += one->limits.bitten[i];
}

void jobs_counts(struct jobs *j, struct capture *out)
{
	intake_counts(&j->intake, out);
	out->reassembly_gaps = out->flows = out->evicted_flows = out->handshakes = 0;
	out->limits = j->limits;
	for (size_t i = 0; i < j->count; i++) {
		pthread_mutex_lock(&j->each[i].lock);
		add_counts(out, &j->each[i].counts);
		pthread_mutex_unlock(&j->each[i].lock);
	}
}

uint64_t jobs_unknown_links(const struct jobs *j)
{
	return j->intake.decap.unknown_link;
}

void jobs_secret_counts(const struct jobs *j, uint64_t *secrets, uint64_t *bad_lines)
{
	pipeline_secret_counts(j->each[0].worker.pipeline, secrets, bad_lines);
}

static void free_load(struct load *load)
{
	if (load)
		free(load->bytes);
	free(load);
}

static void finish(struct job *job)
{
	free_load(job->filling);
	for (struct load *load; (load = ring_try_pop(job->to));)
		free_load(load);
	for (struct load *load; (load = ring_try_pop(job->from));)
		free_load(load);
	ring_destroy(job->to);
	ring_destroy(job->from);
	worker_take_back(&job->worker);
	worker_finish(&job->worker);
	pthread_mutex_destroy(&job->lock);
}

void jobs_destroy(struct jobs *j)
{
	if (!j)
		return;
	for (size_t i = 0; i < j->count; i++)
		finish(&j->each[i]);
	intake_finish(&j->intake);
	free(j->each);
	free(j);
}
