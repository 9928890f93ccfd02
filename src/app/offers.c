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
	return is(row_text(offer, "sender"), sender) && row_value(offer, "hello").integer == hello && is(row_text(offer, "kind"), kind);
}

/* The list as one text, to tell whether a second hello says anything new. */
static void add_list(struct buffer *out, const struct shown *s, const char *sender, int64_t hello, const char *kind)
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

static void draw_kind(struct page *p, const struct shown *s, const char *sender, int64_t hello, size_t kind)
{
	const char *chosen = kinds[kind].chosen ? row_text(&s->handshake, kinds[kind].chosen) : NULL;
	bool client = is(sender, "client"), any = false;

	for (size_t i = 0; i < s->offers.count; i++) {
		const struct row *offer = &s->offers.at[i];

		if (!belongs(offer, sender, hello, kinds[kind].kind))
			continue;
		if (!any)
			page_label(p, kinds[kind].label);
		any = true;
		const char *name = row_text(offer, "name");
		page_item(p, is(name, "GREASE") ? FAINT : PLAIN, name ? name : "(empty)", client && is(name, chosen));
	}
	if (any)
		page_newline(p);
}

static bool has_hello(const struct shown *s, const char *sender, int64_t hello)
{
	for (size_t i = 0; i < s->offers.count; i++)
		if (is(row_text(&s->offers.at[i], "sender"), sender) && row_value(&s->offers.at[i], "hello").integer == hello)
			return true;
	return false;
}

static void draw_chosen(struct page *p, const struct row *h)
{
	static const struct { const char *label, *column; } fields[] = {
		{ "version", "version" }, { "suite", "cipher" }, { "group", "named_group" }, { "signature", "signature_scheme" },
		{ "alpn", "alpn" }, { "key exchange", "key_exchange" }, { "resumption", "resumption" }, { "early data", "early_data" },
		{ "ech", "ech" }, { "client auth", "client_auth" },
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

void offers_draw(struct page *p, const struct shown *s)
{
	enum { KINDS = sizeof kinds / sizeof *kinds };

	if (has_hello(s, "client", 1))
		page_heading(p, row_text(&s->handshake, "cipher") ? (p->terminal.utf8 ? "offered by the client (\xe2\x97\x8f chosen by the server)"
			: "offered by the client (* chosen by the server)") : "offered by the client");
	for (size_t i = 0; i < KINDS; i++)
		draw_kind(p, s, "client", 1, i);
	if (has_hello(s, "client", 2))
		page_heading(p, "changed in the client's second hello");
	for (size_t i = 0; i < KINDS && has_hello(s, "client", 2); i++)
		if (!same_as_first(s, kinds[i].kind))
			draw_kind(p, s, "client", 2, i);
	draw_chosen(p, &s->handshake);
	if (has_hello(s, "server", 1))
		page_heading(p, "sent by the server");
	for (int64_t hello = 1; hello <= 2; hello++)
		for (size_t i = 0; i < KINDS; i++)
			draw_kind(p, s, "server", hello, i);
}
