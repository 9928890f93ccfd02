#include "app/show.h"

#include <string.h>

enum { FIGURE_END = 28, BARS_AT = 30 };

/* One line: a duration and where it lies from the start of the picture. */
struct phase {
	const char *label, *column;
	enum style style;
	double start, length;
	bool known;
};

static bool known(const struct shown *s, const char *column, double *out)
{
	struct value v = row_value(&s->handshake, column);

	*out = v.type == VALUE_REAL ? v.real : v.type == VALUE_INTEGER ? (double)v.integer : 0;
	return v.type == VALUE_REAL || v.type == VALUE_INTEGER;
}

/* The last hello of the client before the server's: server_hello_ms runs from its end (contract,
 * section 3). */
static double hello_end(const struct shown *s)
{
	double at = 0;

	for (size_t i = 0; i < s->messages.count; i++) {
		const char *message = row_text(&s->messages.at[i], "message");

		if (message && !strcmp(message, "server_hello"))
			break;
		if (message && !strcmp(message, "client_hello"))
			at = row_value(&s->messages.at[i], "time_ms").real;
	}
	return at;
}

enum { DNS, TCP, TLS, SERVER_HELLO, THINK, FIRST_BYTE, PHASES };

/* The phases follow one another; the pauses before the SYN and before the first request are not
 * drawn. */
static double place(struct phase *phases, const struct shown *s)
{
	double total, end = 0;
	bool has_total = known(s, "total_ms", &total);

	for (size_t i = 0; i < PHASES; i++)
		phases[i].known = known(s, phases[i].column, &phases[i].length);
	double start = phases[DNS].length;
	phases[TCP].start = start;
	phases[TLS].start = start + (has_total && phases[TLS].known && total > phases[TLS].length
					     ? total - phases[TLS].length
					     : phases[TCP].length);
	phases[SERVER_HELLO].start = start + hello_end(s);
	phases[THINK].start =
		phases[SERVER_HELLO].start + phases[SERVER_HELLO].length - phases[THINK].length;
	phases[FIRST_BYTE].start =
		phases[TLS].known ? phases[TLS].start + phases[TLS].length : start + total;
	for (size_t i = 0; i < PHASES; i++)
		if (phases[i].known && phases[i].start + phases[i].length > end)
			end = phases[i].start + phases[i].length;
	return end;
}

static void draw_phase(struct page *p, const struct phase *f, double end)
{
	size_t cells = p->width > BARS_AT + 2 ? p->width - BARS_AT - 2 : 1;
	double scale = end > 0 ? (double)cells / end : 0;
	size_t from = (size_t)(f->start * scale),
	       to = (size_t)((f->start + f->length) * scale + 0.5);

	if (from >= cells)
		from = cells - 1;
	if (to <= from)
		to = from + 1;
	page_to(p, BARS_AT + from);
	page_glyph(p, f->style, GLYPH_BAR, to - from);
}

static void draw_figure(struct page *p, const char *label, double ms)
{
	char text[32];

	snprintf(text, sizeof text, "%.3f ms", ms);
	page_label(p, label);
	page_to(p, FIGURE_END > strlen(text) ? FIGURE_END - strlen(text) : 0);
	page_text(p, PLAIN, text);
}

static void draw_round_trips(struct page *p, const struct shown *s)
{
	double client, server;
	bool has_client = known(s, "client_rtt_ms", &client),
	     has_server = known(s, "server_rtt_ms", &server);

	if (!has_client && !has_server)
		return;
	page_label(p, "round trip");
	if (has_client)
		page_format(p, PLAIN, "%.3f ms to the client", client);
	if (has_client && has_server)
		page_text(p, PLAIN, ", ");
	if (has_server)
		page_format(p, PLAIN, "%.3f ms to the server", server);
	page_newline(p);
}

void times_draw(struct page *p, const struct shown *s)
{
	struct phase phases[PHASES] = {
		[DNS] = { "dns", "dns_ms", FAINT, 0, 0, false },
		[TCP] = { "tcp", "tcp_ms", CAUTION, 0, 0, false },
		[TLS] = { "tls", "tls_ms", GOOD, 0, 0, false },
		[SERVER_HELLO] = { "  server hello", "server_hello_ms", SERVER_SIDE, 0, 0, false },
		[THINK] = { "  server think", "server_think_ms", SERVER_SIDE, 0, 0, false },
		[FIRST_BYTE] = { "first byte", "first_byte_ms", CLIENT_SIDE, 0, 0, false },
	};
	double end = place(phases, s), total;
	bool any = false;

	for (size_t i = 0; i < PHASES; i++) {
		if (!phases[i].known)
			continue;
		if (!any)
			page_heading(p, "times");
		any = true;
		draw_figure(p, phases[i].label, phases[i].length);
		draw_phase(p, &phases[i], end);
		page_newline(p);
	}
	if (any && known(s, "total_ms", &total)) {
		draw_figure(p, "total", total);
		page_newline(p);
	}
	if (any)
		draw_round_trips(p, s);
}
