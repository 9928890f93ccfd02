#include "app/command.h"
#include "app/message.h"
#include "app/run.h"
#include "app/signals.h"
#include "base/buffer.h"
#include "base/xmalloc.h"

#include <poll.h>
#include <stdlib.h>
#include <time.h>

enum { BATCH = 64, POLL_MS = 100, TURNS_MAX = 64, DRAIN_NS = 500000000 };

/* All interfaces are one capture: the two directions of a connection may pass different ones. */
struct listening {
	size_t count;
	struct source **sources;
	struct pollfd *fds;		/* one each, and the signals' */
	bool *down;
	struct capturing capturing;
	uint64_t number;
};

static bool open_all(struct listening *l, struct run *r)
{
	const struct options *o = r->options;
	struct source_options options = { .filter = o->filter, .snaplen = (uint32_t)o->snaplen, .buffer_kib = (uint32_t)o->buffer_kib,
		.no_promiscuous = o->no_promiscuous };
	struct error error;

	l->sources = xcalloc(o->operand_count, sizeof *l->sources);
	l->down = xcalloc(o->operand_count, sizeof *l->down);
	l->fds = xcalloc(o->operand_count + 1, sizeof *l->fds);
	for (size_t i = 0; i < o->operand_count; i++) {
		if (!source_open_interface(o->operands[i], &options, &l->sources[i], &error)) {
			run_status(r, message_error(o->operands[i], &error));
			return false;
		}
		l->count++;
	}
	return true;
}

static void close_all(struct listening *l)
{
	for (size_t i = 0; i < l->count; i++)
		source_close(l->sources[i]);
	free(l->sources);
	free(l->down);
	free(l->fds);
}

/* What one interface has now, at most a few batches, so that the others have their turn. False once -c is reached. */
static bool read_one(struct listening *l, size_t which, bool *busy)
{
	struct packet packets[BATCH];
	enum source_state state = SOURCE_MORE;

	for (int turn = 0; turn < TURNS_MAX; turn++) {
		size_t count = source_read(l->sources[which], packets, BATCH, &state);

		if (state == SOURCE_DOWN) {
			message("%s", source_error(l->sources[which]));
			l->down[which] = true;
		}
		if (!count)
			return true;
		if (l->down[which])
			message("%s: packets come again", l->capturing.run->options->operands[which]);
		l->down[which] = false;
		*busy = true;
		for (size_t i = 0; l->count > 1 && i < count; i++)
			packets[i].number = ++l->number;
		if (!capturing_packets(&l->capturing, packets, count))
			return false;
	}
	return true;
}

static void wait_for_packets(struct listening *l)
{
	for (size_t i = 0; i < l->count; i++)
		l->fds[i] = (struct pollfd){ .fd = source_fd(l->sources[i]), .events = POLLIN };
	l->fds[l->count] = (struct pollfd){ .fd = signals_fd(), .events = POLLIN };
	poll(l->fds, (nfds_t)l->count + 1, POLL_MS);
	signals_drain();
	if (signals_take_counters_wanted())
		capturing_print(&l->capturing);
}

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_stats(void *context, struct source_stats *sum)
{
	const struct listening *l = context;

	for (size_t i = 0; i < l->count; i++) {
		struct source_stats one;

		source_stats(l->sources[i], &one);
		sum->drops_known |= one.drops_known;
		sum->kernel_drops += one.kernel_drops;
		sum->interface_drops += one.interface_drops;
	}
}

static void loop(struct listening *l)
{
	bool more = true;

	while (more && !signals_stop_wanted()) {
		bool busy = false;

		capturing_turn(&l->capturing, add_stats, l, source_link_types(l->sources[0]));
		for (size_t i = 0; more && i < l->count; i++)
			more = read_one(l, i, &busy);
		if (!busy) {
			/* Nothing came: the wall's clock and the packets' are the same here. */
			capturing_tick(&l->capturing, wall_ns());
			wait_for_packets(l);
		}
	}
	/* What the kernel took before the end belongs to it, unless that never ends. */
	int64_t until = wall_ns() + DRAIN_NS;
	for (bool busy = true; more && busy && wall_ns() < until;) {
		busy = false;
		for (size_t i = 0; more && i < l->count; i++)
			more = read_one(l, i, &busy);
	}
}


static const char *join_names(const struct options *o, struct buffer *out)
{
	for (size_t i = 0; i < o->operand_count; i++)
		buffer_add_format(out, i ? ",%s" : "%s", o->operands[i]);
	return buffer_text(out);
}

static bool confine(const struct listening *l, struct run *r)
{
	int *sockets = xcalloc(l->count, sizeof *sockets);

	for (size_t i = 0; i < l->count; i++)
		sockets[i] = source_fd(l->sources[i]);
	bool confined = run_confine(r, sockets, l->count);
	free(sockets);
	return confined;
}

static void listen_on(struct listening *l, struct run *r)
{
	struct buffer names = { 0 };
	struct source_stats stats = { 0 };

	if (!capturing_begin(&l->capturing, r, join_names(r->options, &names), "interface", NULL)) {
		buffer_finish(&names);
		return;
	}
	for (size_t i = 0; i < l->count; i++)
		message("capturing on %s", r->options->operands[i]);
	loop(l);
	add_stats(l, &stats);
	capturing_end(&l->capturing, &stats, source_link_types(l->sources[0]), EXIT_DONE);
	buffer_finish(&names);
}

int command_listen(const struct options *o)
{
	struct listening l = { 0 };
	struct error error;
	struct run r;

	if (!signals_start(&error))
		return message_error(NULL, &error);
	if (!run_open(&r, o))
		return r.status;
	if (open_all(&l, &r) && confine(&l, &r))
		listen_on(&l, &r);
	close_all(&l);
	return run_close(&r);
}
