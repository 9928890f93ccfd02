#include "app/output.h"
#include "app/show.h"

#include <stdio.h>
#include <string.h>

/* Two columns of times stand left of the posts. */
enum { TIME_END = 11, STEP_END = 22, POST_LEFT = 24 };

static bool from_client(const struct row *row)
{
	const char *sender = row_text(row, "sender");

	return sender && !strcmp(sender, "client");
}

/* The n-th message called `alert` is the n-th row of `alerts`. */
static const struct row *alert_of(const struct shown *s, size_t message)
{
	size_t nth = 0;

	for (size_t i = 0; i < message; i++) {
		const char *name = row_text(&s->messages.at[i], "message");

		nth += name && !strcmp(name, "alert");
	}
	return nth < s->alerts.count ? &s->alerts.at[nth] : NULL;
}

static enum style describe(struct buffer *out, const struct shown *s, size_t at)
{
	const struct row *m = &s->messages.at[at];
	const char *name = row_text(m, "message");
	struct value bytes = row_value(m, "bytes"), decrypted = row_value(m, "decrypted");
	bool hidden = name && !strncmp(name, "encrypted", 9), alert = name && strstr(name, "alert");

	buffer_add_text(out, name ? name : "?");
	if (alert && !hidden) {
		const struct row *a = alert_of(s, at);
		const char *level = a ? row_text(a, "level") : NULL,
			   *description = a ? row_text(a, "description") : NULL;

		if (description)
			buffer_add_format(out, ": %s%s%s", level ? level : "", level ? " " : "",
					  description);
	} else if (bytes.type == VALUE_INTEGER) {
		buffer_add_format(out, " %lld B", (long long)bytes.integer);
	}
	if (decrypted.type == VALUE_INTEGER && decrypted.integer)
		buffer_add_text(out, " (decrypted)");
	return alert ? BAD : hidden ? FAINT : from_client(m) ? CLIENT_SIDE : SERVER_SIDE;
}

static void draw_arrow(struct page *p, const char *label, enum style style, bool client,
		       size_t right)
{
	size_t label_width = strlen(label) + 2, inside = right - POST_LEFT - 1;
	size_t line = inside > label_width + 3 ? inside - label_width - 3 : 0;

	page_glyph(p, FAINT, client ? GLYPH_POST_RIGHT : GLYPH_POST, 1);
	if (client) {
		page_glyph(p, style, GLYPH_LINE, 2);
		page_format(p, style, " %s ", label);
		page_glyph(p, style, GLYPH_LINE, line);
		page_glyph(p, style, GLYPH_RIGHT, 1);
	} else {
		page_glyph(p, style, GLYPH_LEFT, 1);
		page_glyph(p, style, GLYPH_LINE, line);
		page_format(p, style, " %s ", label);
		page_glyph(p, style, GLYPH_LINE, 2);
	}
	page_to(p, right);
	page_glyph(p, FAINT, client ? GLYPH_POST : GLYPH_POST_LEFT, 1);
	page_newline(p);
}

static void draw_times(struct page *p, double at, double step, bool first, bool longest)
{
	char text[32];

	snprintf(text, sizeof text, "%.3f", at);
	page_to(p, TIME_END > strlen(text) ? TIME_END - strlen(text) : 0);
	page_text(p, PLAIN, text);
	if (!first && step >= 0.0005) {
		snprintf(text, sizeof text, "+%.3f", step);
		page_to(p, STEP_END > strlen(text) ? STEP_END - strlen(text) : 0);
		page_text(p, longest ? CAUTION : FAINT, text);
	}
	page_to(p, POST_LEFT);
}

static void end_point(char *out, size_t room, const struct row *h, const char *who)
{
	char ip_column[32], port_column[32];

	snprintf(ip_column, sizeof ip_column, "%s_ip", who);
	snprintf(port_column, sizeof port_column, "%s_port", who);
	const char *ip = row_text(h, ip_column);
	bool v6 = ip && strchr(ip, ':');
	snprintf(out, room, "%s%s%s:%lld", v6 ? "[" : "", ip ? ip : "?", v6 ? "]" : "",
		 (long long)row_value(h, port_column).integer);
}

/* Both end points on one line; long ones (IPv6) each on a line of their own. */
static void draw_head(struct page *p, const struct row *h, size_t right)
{
	char client[80], server[80];

	end_point(client, sizeof client, h, "client");
	end_point(server, sizeof server, h, "server");
	page_to(p, TIME_END - 2);
	page_text(p, FAINT, "ms");
	page_to(p, STEP_END - 4);
	page_text(p, FAINT, "step");
	page_to(p, POST_LEFT);
	page_text(p, CLIENT_SIDE, client);
	if (p->column + 2 + strlen(server) > right + 1) {
		page_newline(p);
		page_to(p, POST_LEFT);
	}
	page_to(p, right + 1 - strlen(server));
	page_text(p, SERVER_SIDE, server);
	page_newline(p);
}

static double time_of(const struct shown *s, size_t at)
{
	return row_value(&s->messages.at[at], "time_ms").real;
}

static size_t longest_step(const struct shown *s)
{
	size_t longest = 0;
	double most = 0;

	for (size_t i = 1; i < s->messages.count; i++) {
		double step = time_of(s, i) - time_of(s, i - 1);

		if (step > most) {
			most = step;
			longest = i;
		}
	}
	return longest;
}

void ladder_draw(struct page *p, const struct shown *s)
{
	size_t right = p->width - 2, longest = longest_step(s);

	if (!s->messages.count)
		return;
	page_heading(p, "messages");
	draw_head(p, &s->handshake, right);
	for (size_t i = 0; i < s->messages.count; i++) {
		struct buffer label = { 0 };
		enum style style = describe(&label, s, i);

		draw_times(p, time_of(s, i), i ? time_of(s, i) - time_of(s, i - 1) : 0, !i,
			   i == longest);
		size_t inside = right - POST_LEFT - 1;
		struct bytes cut = terminal_cut(buffer_bytes(&label), inside > 6 ? inside - 6 : 0);
		label.len = cut.len;
		draw_arrow(p, buffer_text(&label), style, from_client(&s->messages.at[i]), right);
		buffer_finish(&label);
	}
}
