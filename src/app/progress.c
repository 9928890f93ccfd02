#include "app/progress.h"

#include "app/terminal.h"
#include "base/buffer.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { REDRAW_NS = 100000000, BAR_MIN = 8, BAR_MAX = 30, NAME_MAX_COLUMNS = 30 };
#define SECOND_NS 1000000000.0

/* Whether a bar stands on the screen: messages from anywhere must erase it first. */
static bool drawn;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void add_bar(struct buffer *out, double share, size_t cells, bool utf8)
{
	size_t full = (size_t)(share * (double)cells + 0.5);

	for (size_t i = 0; i < cells; i++)
		buffer_add_text(out, i < full ? (utf8 ? "\xe2\x94\x81" : "#")
					      : (utf8 ? "\xe2\x94\x80" : "."));
}

static void add_rate(struct buffer *out, double bytes_per_second)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB" };
	size_t unit = 0;

	while (bytes_per_second >= 1000 && unit + 1 < sizeof units / sizeof *units) {
		bytes_per_second /= 1024;
		unit++;
	}
	buffer_add_format(out, "%.*f %s/s", bytes_per_second < 10 && unit ? 1 : 0, bytes_per_second,
			  units[unit]);
}

static void add_time_left(struct buffer *out, double seconds)
{
	unsigned long s = seconds < 359999 ? (unsigned long)(seconds + 0.999) : 359999;

	if (s >= 3600)
		buffer_add_format(out, "%lu:%02lu:%02lu left", s / 3600, s / 60 % 60, s % 60);
	else
		buffer_add_format(out, "%lu:%02lu left", s / 60, s % 60);
}

static void add_figures(struct buffer *out, const struct progress_view *v, double share)
{
	double rate = v->elapsed_ns > 0 ? (double)v->done * SECOND_NS / (double)v->elapsed_ns : 0;

	if (v->total)
		buffer_add_format(out, "%3.0f %%  ", share * 100);
	add_rate(out, rate);
	if (v->total && rate > 0) {
		buffer_add_text(out, "  ");
		add_time_left(out, (double)(v->total > v->done ? v->total - v->done : 0) / rate);
	}
}

/* The bar takes what name and figures leave; a narrow terminal loses the bar first, then the name.
 */
size_t progress_format(const struct progress_view *v, char *out, size_t room)
{
	double share = v->total ? (v->done < v->total ? (double)v->done / (double)v->total : 1) : 0;
	struct buffer name = { 0 }, figures = { 0 }, line = { 0 };

	terminal_add_text(&name, (struct bytes){ (const uint8_t *)v->name, strlen(v->name) });
	struct bytes shown = terminal_cut(buffer_bytes(&name), NAME_MAX_COLUMNS);
	add_figures(&figures, v, share);
	size_t used = terminal_width(shown) + 2 + figures.len + 1;
	size_t left = v->width > used ? v->width - used : 0;
	if (v->width > used) {
		buffer_add(&line, shown.at, shown.len);
		buffer_add_text(&line, "  ");
	}
	if (v->total && left > BAR_MIN) {
		add_bar(&line, share, left - 1 < BAR_MAX ? left - 1 : BAR_MAX, v->utf8);
		buffer_add_text(&line, " ");
	}
	buffer_add(&line, figures.at, figures.len);
	struct bytes cut = terminal_cut(buffer_bytes(&line), v->width - 1);
	int len = snprintf(out, room, "%.*s", (int)cut.len, (const char *)cut.at);
	buffer_finish(&name);
	buffer_finish(&figures);
	buffer_finish(&line);
	return len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

void progress_start(struct progress *p, const char *name, bool quiet)
{
	int64_t now = now_ns();

	/* Short work shows nothing: the first bar comes after one interval. */
	*p = (struct progress){ .on = !quiet && isatty(STDERR_FILENO),
				.name = name,
				.started_ns = now,
				.drawn_ns = now };
}

void progress_update(struct progress *p, uint64_t done, uint64_t total)
{
	struct winsize size = { 0 };
	char line[1024];

	if (!p->on)
		return;
	int64_t now = now_ns();
	if (now - p->drawn_ns < REDRAW_NS)
		return;
	p->drawn_ns = now;
	size_t width = !ioctl(STDERR_FILENO, TIOCGWINSZ, &size) && size.ws_col ? size.ws_col : 80;
	struct progress_view v = {
		.name = p->name,
		.done = done,
		.total = total,
		.elapsed_ns = now - p->started_ns,
		.width = width,
		.utf8 = terminal_is_utf8(),
	};
	progress_format(&v, line, sizeof line);
	fprintf(stderr, "\r\033[K%s", line);
	fflush(stderr);
	drawn = true;
}

void progress_erase(void)
{
	if (!drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	drawn = false;
}

void progress_end(struct progress *p)
{
	progress_erase();
	p->on = false;
}
