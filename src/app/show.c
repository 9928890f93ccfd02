#include "app/show.h"

#include "app/command.h"
#include "app/message.h"
#include "app/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The views that one handshake's page is made of. `json` names the member of the object that --json
 * gives. */
static const struct part {
	const char *view, *json, *sql;
	size_t at;
} parts[] = {
	{ "captures", "captures",
	  "SELECT * FROM captures WHERE id = (SELECT capture_id FROM handshakes WHERE id = ?1)",
	  offsetof(struct shown, capture) },
	{ "messages", "messages", "SELECT * FROM messages WHERE handshake_id = ?1 ORDER BY seq",
	  offsetof(struct shown, messages) },
	{ "alerts", "alerts", "SELECT * FROM alerts WHERE handshake_id = ?1 ORDER BY seq",
	  offsetof(struct shown, alerts) },
	{ "offers", "offers",
	  "SELECT * FROM offers WHERE handshake_id = ?1 ORDER BY sender, hello, kind, position",
	  offsetof(struct shown, offers) },
	{ "certificates", "certificates",
	  "SELECT * FROM certificates WHERE sha256 IN (SELECT sha256 FROM chains WHERE "
	  "handshake_id = ?1) ORDER BY sha256",
	  offsetof(struct shown, certificates) },
	{ "chains", "chains",
	  "SELECT chains.*, subject, issuer, not_before, not_after, key_type, key_bits, curve, "
	  "signature_algorithm, san, self_signed, "
	  "(CAST(strftime('%s', not_after) AS INTEGER) - (SELECT time_ns / 1000000000 FROM "
	  "handshakes WHERE id = ?1)) / 86400 AS days_left "
	  "FROM chains LEFT JOIN certificates USING (sha256) WHERE handshake_id = ?1 ORDER BY "
	  "sender DESC, position",
	  offsetof(struct shown, chains) },
	{ "findings", "findings", "SELECT * FROM findings WHERE handshake_id = ?1",
	  offsetof(struct shown, findings) },
};
enum { PARTS = sizeof parts / sizeof *parts };

static struct rows *part_of(struct shown *s, const struct part *part)
{
	return (struct rows *)(void *)((char *)s + part->at);
}

static void shown_finish(struct shown *s)
{
	row_finish(&s->handshake);
	for (size_t i = 0; i < PARTS; i++)
		rows_finish(part_of(s, &parts[i]));
}

static bool shown_read(struct shown *s, struct query_database *d, int64_t id, struct error *error)
{
	struct rows found = { 0 };

	if (!rows_read(&found, d, "SELECT * FROM handshakes WHERE id = ?1", id, error) ||
	    !found.count) {
		if (!error->text[0])
			error_set(error, EXIT_USAGE,
				  "no handshake %lld: 'overhear list' shows their ids",
				  (long long)id);
		rows_finish(&found);
		return false;
	}
	s->handshake = found.at[0];
	free(found.at);
	for (size_t i = 0; i < PARTS; i++)
		if (query_has(d, parts[i].view) &&
		    !rows_read(part_of(s, &parts[i]), d, parts[i].sql, id, error))
			return false;
	return true;
}

static void draw_header(struct page *p, const struct shown *s)
{
	const struct row *h = &s->handshake;
	const char *name = row_text(h, "server_name"), *time = row_text(h, "time");

	page_format(p, BOLD, "handshake %lld", (long long)row_value(h, "id").integer);
	if (name) {
		page_text(p, PLAIN, "  ");
		page_text(p, BOLD, name);
	}
	size_t len = time ? strlen(time) : 0;
	if (p->column + len + 2 > p->width)
		page_newline(p);
	page_to(p, p->width > len ? p->width - len : 0);
	page_text(p, FAINT, time ? time : "");
	page_newline(p);
}

static void draw_outcome(struct page *p, const struct shown *s)
{
	static const struct {
		const char *outcome;
		enum style style;
	} styles[] = {
		{ "completed", GOOD },
		{ "failed", BAD },
		{ "open", CLIENT_SIDE },
		{ "partial", CAUTION },
	};
	const char *outcome = row_text(&s->handshake, "outcome");
	struct buffer sentence = { 0 };
	enum style style = PLAIN;

	for (size_t i = 0; outcome && i < sizeof styles / sizeof *styles; i++)
		if (!strcmp(styles[i].outcome, outcome))
			style = styles[i].style;
	outcome_sentence(&sentence, s);
	p->indent = 2;
	page_words(p, style, buffer_text(&sentence));
	page_newline(p);
	buffer_finish(&sentence);
}

static void draw_capture(struct page *p, const struct shown *s)
{
	const struct row *h = &s->handshake;
	const char *source = s->capture.count ? row_text(&s->capture.at[0], "source") : NULL;
	struct value first = row_value(h, "first_packet"), last = row_value(h, "last_packet");

	page_label(p, "seen in");
	page_words(p, PLAIN, source ? source : "?");
	if (first.type == VALUE_INTEGER && last.type == VALUE_INTEGER) {
		page_format(p, PLAIN, ", packet%s %lld", first.integer == last.integer ? "" : "s",
			    (long long)first.integer);
		if (first.integer != last.integer) {
			page_glyph(p, PLAIN, GLYPH_DASH, 1);
			page_format(p, PLAIN, "%lld", (long long)last.integer);
		}
	}
	page_newline(p);
}

static void draw_transfer(struct page *p, const struct row *h)
{
	struct value client = row_value(h, "client_bytes"), server = row_value(h, "server_bytes");
	struct value trips = row_value(h, "round_trips"), again = row_value(h, "retransmissions");

	if (client.type == VALUE_INTEGER || server.type == VALUE_INTEGER) {
		page_label(p, "bytes");
		page_format(p, PLAIN, "%lld from the client, %lld from the server",
			    (long long)client.integer, (long long)server.integer);
		page_newline(p);
	}
	if (trips.type == VALUE_INTEGER) {
		page_label(p, "round trips");
		page_format(p, PLAIN, "%lld", (long long)trips.integer);
		if (again.integer)
			page_format(p, CAUTION, ", %lld retransmission%s", (long long)again.integer,
				    again.integer == 1 ? "" : "s");
		page_newline(p);
	}
}

static void draw_reassembly(struct page *p, const struct row *h)
{
	const char *marks = row_text(h, "reassembly");

	if (!marks || !strcmp(marks, "whole"))
		return;
	page_label(p, "reassembly");
	page_text(p, CAUTION, marks);
	page_newline(p);
}

static void draw_connection(struct page *p, const struct shown *s)
{
	static const struct {
		const char *label, *column;
	} fields[] = {
		{ "transport", "transport" },
		{ "around it", "encapsulation" },
		{ "starttls", "starttls" },
		{ "application", "application" },
		{ "inner name", "inner_server_name" },
		{ "dns name", "dns_name" },
		{ "quic", "quic_version" },
		{ "ja3", "ja3" },
		{ "ja3s", "ja3s" },
		{ "ja4", "ja4" },
		{ "community id", "community_id" },
	};

	page_heading(p, "connection");
	draw_capture(p, s);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		page_field(p, fields[i].label, row_text(&s->handshake, fields[i].column));
	draw_transfer(p, &s->handshake);
	draw_reassembly(p, &s->handshake);
}

static void draw_findings(struct page *p, const struct shown *s)
{
	if (s->findings.count)
		page_heading(p, "findings");
	for (size_t i = 0; i < s->findings.count; i++) {
		const struct row *f = &s->findings.at[i];
		const char *severity = row_text(f, "severity"),
			   *confidence = row_text(f, "confidence"), *title = row_text(f, "title");
		bool likely = confidence && !strcmp(confidence, "likely");
		enum style style = severity && !strcmp(severity, "error")     ? BAD
				   : severity && !strcmp(severity, "warning") ? CAUTION
									      : PLAIN;

		page_label(p, severity ? severity : "?");
		page_text(p, style, row_text(f, "code") ? row_text(f, "code") : "?");
		page_format(p, style, "%s%s", likely ? " (likely)" : "", title ? ": " : "");
		page_words(p, style, title ? title : "");
		page_newline(p);
		page_field(p, "", row_text(f, "detail"));
		page_field(p, "  remedy", row_text(f, "remedy"));
	}
}

static void show_page(const struct shown *s)
{
	struct page p;

	page_init(&p, terminal_of_stdout());
	draw_header(&p, s);
	draw_outcome(&p, s);
	draw_findings(&p, s);
	ladder_draw(&p, s);
	times_draw(&p, s);
	offers_draw(&p, s);
	chains_draw(&p, s);
	draw_connection(&p, s);
	output_write(&p.out);
	page_finish(&p);
}

static void add_json_rows(struct buffer *out, const char *name, const struct rows *rows)
{
	buffer_add_format(out, ",\"%s\":[", name);
	for (size_t i = 0; i < rows->count; i++) {
		if (i)
			buffer_add_text(out, ",");
		output_add_json_row(out, &rows->at[i]);
	}
	buffer_add_text(out, "]");
}

/* The row of `handshakes` with the rows that belong to it as further members. */
static void show_json(struct shown *s)
{
	struct buffer out = { 0 };

	output_add_json_row(&out, &s->handshake);
	out.len--;
	for (size_t i = 0; i < PARTS; i++)
		add_json_rows(&out, parts[i].json, part_of(s, &parts[i]));
	buffer_add_text(&out, "}\n");
	output_write(&out);
	buffer_finish(&out);
}

static bool show_csv(struct query_database *d, int64_t id, struct error *error)
{
	struct query *q = NULL;

	if (!query_prepare(d, "SELECT * FROM messages WHERE handshake_id = ?1 ORDER BY seq", &q,
			   error))
		return false;
	query_bind(q, 1, id);
	bool fine = output_csv(q, error);
	query_finish(q);
	return fine;
}

static bool parse_id(const char *text, int64_t *out, struct error *error)
{
	char *end;

	errno = 0;
	long long id = strtoll(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno)
		return error_set(
			error, EXIT_USAGE,
			"'%s' is not an id: give a number of the first column of 'overhear list'",
			text);
	*out = id;
	return true;
}

int command_show(const struct options *o)
{
	struct error error = { 0 };
	struct shown s = { 0 };
	int64_t id = 0;
	int status;

	if (!parse_id(o->operands[0], &id, &error))
		return message_error(NULL, &error);
	struct query_database *d = database_open(o, 1, &status);
	if (!d)
		return status;
	if (!shown_read(&s, d, id, &error) || (o->csv && !show_csv(d, id, &error)))
		status = message_error(NULL, &error);
	else if (o->json)
		show_json(&s);
	else if (!o->csv)
		show_page(&s);
	shown_finish(&s);
	query_close(d);
	return status;
}
