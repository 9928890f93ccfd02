#include "app/show.h"

#include <string.h>

/* The kinds of the view `offers`; `chosen` is the column that tells which item the server took. */
static const struct {
	const char *kind, *label, *chosen;
} kinds[] = {
	{ "version", "versions", "version" },
	{ "cipher", "suites", "cipher" },
	{ "group", "groups", "named_group" },
	{ "key_share", "key shares", "named_group" },
	{ "signature_scheme", "schemes", "signature_scheme" },
	{ "alpn", "alpn", "alpn" },
	{ "extension", "extensions", NULL },
	{ "psk_mode", "psk modes", NULL },
	{ "compression", "compression", "compression" },
	{ "certificate_authority", "authorities", NULL },
};

static bool is(const char *text, const char *wanted)
{
	return text && wanted && !strcmp(text, wanted);
}

static bool belongs(const struct row *offer, const char *sender, int64_t hello, const char *kind)
{
	return is(row_text(offer, "sender"), sender) &&
	       row_value(offer, "hello").integer == hello && is(row_text(offer, "kind"), kind);
}

/* The list as one text, to tell whether a second hello says anything new. */
static void add_list(struct buffer *out, const struct shown *s, const char *sender, int64_t hello,
		     const char *kind)
{
	for (size_t i = 0; i < s->offers.count; i++) {
		if (!belongs(&s->offers.at[i], sender, hello, kind))
			continue;
		const char *name = row_text(&s->offers.at[i], "name");

		buffer_add_format(out, "%s,", name ? name : "");
	}
}

static bool same_as_first(const struct shown *s, const char *kind)
{
	struct buffer first = { 0 }, second = { 0 };

	add_list(&first, s, "client", 1, kind);
	add_list(&second, s, "client", 2, kind);
	bool same = bytes_equal(buffer_bytes(&first), buffer_bytes(&second));
	buffer_finish(&first);
	buffer_finish(&second);
	return same;
}

/* What the server only repeats as its choice stands under "chosen" already. */
static bool only_repeats(const struct shown *s, const char *sender, const char *kind,
			 const char *chosen)
{
	for (size_t i = 0; i < s->offers.count; i++)
		for (int64_t hello = 1; hello <= 2; hello++)
			if (belongs(&s->offers.at[i], sender, hello, kind) &&
			    !is(row_text(&s->offers.at[i], "name"), chosen))
				return false;
	return true;
}

static bool draw_kind(struct page *p, const struct shown *s, const char *sender, int64_t hello,
		      size_t kind, const char *heading)
{
	const char *chosen =
		kinds[kind].chosen ? row_text(&s->handshake, kinds[kind].chosen) : NULL;
	bool client = is(sender, "client"), any = false;

	if (!client && only_repeats(s, sender, kinds[kind].kind, chosen))
		return false;
	for (size_t i = 0; i < s->offers.count; i++) {
		const struct row *offer = &s->offers.at[i];

		if (!belongs(offer, sender, hello, kinds[kind].kind))
			continue;
		if (!any && heading)
			page_heading(p, heading);
		if (!any)
			page_label(p, kinds[kind].label);
		any = true;
		const char *name = row_text(offer, "name");
		page_item(p, is(name, "GREASE") ? FAINT : PLAIN, name ? name : "(empty)",
			  client && is(name, chosen));
	}
	if (any)
		page_newline(p);
	return any;
}

static void draw_chosen(struct page *p, const struct row *h)
{
	static const struct {
		const char *label, *column;
	} fields[] = {
		{ "version", "version" },
		{ "suite", "cipher" },
		{ "group", "named_group" },
		{ "signature", "signature_scheme" },
		{ "alpn", "alpn" },
		{ "key exchange", "key_exchange" },
		{ "resumption", "resumption" },
		{ "early data", "early_data" },
		{ "ech", "ech" },
		{ "client auth", "client_auth" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		const char *text = row_text(h, fields[i].column);

		/* What is usual needs no line. */
		if (!text || is(text, "none"))
			continue;
		if (!any)
			page_heading(p, "chosen");
		any = true;
		page_field(p, fields[i].label, text);
	}
}

/* The lists of one hello under a heading; of a second one only those that differ from the first. */
static void draw_hello(struct page *p, const struct shown *s, const char *sender, int64_t hello,
		       const char *heading)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (is(sender, "client") && hello == 2 && same_as_first(s, kinds[i].kind))
			continue;
		if (draw_kind(p, s, sender, hello, i, heading))
			heading = NULL;
	}
}

void offers_draw(struct page *p, const struct shown *s)
{
	bool answered = row_text(&s->handshake, "cipher");
	const char *legend = p->terminal.utf8
				     ? "offered by the client (\xe2\x97\x8f chosen by the server)"
				     : "offered by the client (* chosen by the server)";

	draw_chosen(p, &s->handshake);
	draw_hello(p, s, "client", 1, answered ? legend : "offered by the client");
	draw_hello(p, s, "client", 2, "changed in the client's second hello");
	draw_hello(p, s, "server", 1, "sent by the server");
}
