#include "app/show.h"

#include <string.h>

/* How many columns the tree moves right with each certificate, and how often at most. */
enum { STEP = 2, STEPS_MAX = 6, CERTIFICATE_AT = 6 };

/* The next text of a JSON array of texts: what stands between quotes, its escapes of quotes and
 * backslashes undone. */
static bool next_name(const char **at, struct buffer *out)
{
	const char *c = strchr(*at, '"');

	if (!c)
		return false;
	buffer_clear(out);
	for (c++; *c && *c != '"'; c++) {
		if (*c == '\\' && (c[1] == '\\' || c[1] == '"'))
			c++;
		buffer_add(out, c, 1);
	}
	*at = *c ? c + 1 : c;
	return true;
}

static void draw_names(struct page *p, const struct row *c)
{
	const char *san = row_text(c, "san");
	struct buffer name = { 0 };

	if (!san || !strcmp(san, "[]"))
		return;
	page_text(p, FAINT, "names ");
	p->indent = p->column;
	p->item_before = false;
	while (next_name(&san, &name))
		page_item(p, PLAIN, buffer_text(&name), false);
	page_newline(p);
	buffer_finish(&name);
}

static void draw_validity(struct page *p, const struct row *c)
{
	const char *from = row_text(c, "not_before"), *to = row_text(c, "not_after");
	struct value days = row_value(c, "days_left");

	if (!from || !to)
		return;
	page_format(p, PLAIN, "valid %.10s to %.10s", from, to);
	if (days.type == VALUE_INTEGER) {
		bool over = days.integer < 0;

		page_text(p, PLAIN, ", ");
		page_format(p,
			    over		? BAD
			    : days.integer < 30 ? CAUTION
						: FAINT,
			    over ? "expired %lld days before this handshake"
				 : "%lld days left at this handshake",
			    (long long)(over ? -days.integer : days.integer));
	}
	page_newline(p);
}

static void draw_key(struct page *p, const struct row *c)
{
	const char *type = row_text(c, "key_type"), *curve = row_text(c, "curve"),
		   *signature = row_text(c, "signature_algorithm");
	struct value bits = row_value(c, "key_bits");

	if (!type && !signature)
		return;
	page_format(p, PLAIN, "key %s", type ? type : "not known");
	if (curve)
		page_format(p, PLAIN, " %s", curve);
	else if (bits.type == VALUE_INTEGER)
		page_format(p, PLAIN, " %lld bits", (long long)bits.integer);
	if (signature)
		page_format(p, PLAIN, ", signed with %s", signature);
	page_newline(p);
}

static void draw_line_start(struct page *p, size_t at)
{
	page_to(p, at);
	p->indent = at + 2;
}

static void draw_certificate(struct page *p, const struct row *c)
{
	int64_t position = row_value(c, "position").integer;
	size_t steps = position < STEPS_MAX ? (size_t)position : STEPS_MAX,
	       at = CERTIFICATE_AT + steps * STEP;
	const char *subject = row_text(c, "subject"), *issuer = row_text(c, "issuer"),
		   *sha256 = row_text(c, "sha256");
	struct value self_signed = row_value(c, "self_signed");

	page_to(p, 2);
	page_format(p, FAINT, "%lld", (long long)position);
	draw_line_start(p, position ? at - STEP : at);
	if (position) {
		page_glyph(p, FAINT, GLYPH_UNDER, 1);
		page_text(p, PLAIN, " ");
	}
	page_words(p, BOLD, subject && *subject ? subject : "(no subject)");
	page_newline(p);
	if (self_signed.integer) {
		draw_line_start(p, at);
		page_text(p, PLAIN, "signed by itself");
		page_newline(p);
	} else if (issuer) {
		draw_line_start(p, at);
		page_text(p, FAINT, "issued by ");
		page_words(p, PLAIN, issuer);
		page_newline(p);
	}
	draw_line_start(p, at);
	draw_validity(p, c);
	draw_line_start(p, at);
	draw_key(p, c);
	if (!position) {
		draw_line_start(p, at);
		draw_names(p, c);
	}
	if (sha256) {
		draw_line_start(p, at);
		page_format(p, FAINT, "sha256 %.*s%s", (int)(p->width >= at + 71 ? 64 : 32), sha256,
			    p->width >= at + 71 ? "" : "...");
		page_newline(p);
	}
}

static void draw_side(struct page *p, const struct shown *s, const char *sender,
		      const char *heading)
{
	bool any = false;

	for (size_t i = 0; i < s->chains.count; i++) {
		const char *who = row_text(&s->chains.at[i], "sender");

		if (!who || strcmp(who, sender))
			continue;
		if (!any)
			page_heading(p, heading);
		any = true;
		draw_certificate(p, &s->chains.at[i]);
	}
}

void chains_draw(struct page *p, const struct shown *s)
{
	draw_side(p, s, "server", "certificates of the server");
	draw_side(p, s, "client", "certificates of the client");
}
