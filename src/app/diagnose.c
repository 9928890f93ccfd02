#include "app/command.h"
#include "app/database.h"
#include "app/message.h"
#include "app/output.h"
#include "app/page.h"
#include "diagnose/findings.h"

#include <string.h>

/* Failures by cause, the most frequent first; `servers` and `clients` name the three that it hit most. Connections
 * that never got to a hello have a reason where handshakes have a cause. */
#define END_POINT(who)                                                                             \
	"CASE WHEN instr(" who "_ip, ':') THEN '[' || " who "_ip || ']' ELSE " who "_ip END || "   \
	"':' || " who "_port"
#define NAMED(one) "coalesce(" one "server_name, " one "dns_name, " END_POINT("server") ")"
#define MOST(what, list)                                                                           \
	"(SELECT " list " FROM (SELECT " what " AS name, sum(n) AS n FROM failed AS o WHERE "      \
	"o.kind = f.kind AND o.cause = f.cause GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3))"
#define AS_TEXT "group_concat(name || CASE WHEN n > 1 THEN ' (' || n || ')' ELSE '' END, ', ')"
#define AS_JSON "json_group_array(json_object('name', name, 'failures', n))"
#define FAILED_HANDSHAKES                                                                          \
	"SELECT 'handshake' AS kind, cause, 1 AS n, ended_by, " NAMED("") " AS server, client_ip " \
	"AS client, id, time AS first_seen, time AS last_seen FROM handshakes WHERE cause IS NOT " \
	"NULL"
#define FAILED_ATTEMPTS                                                                            \
	" UNION ALL SELECT 'attempt', reason, attempts, NULL, " END_POINT("server") ", client_ip, "    \
	"NULL, first_seen, last_seen FROM attempts"
#define CAUSES(list, attempts)                                                                     \
	"WITH failed AS MATERIALIZED (" FAILED_HANDSHAKES attempts "), "                           \
	"grouped AS (SELECT kind, cause, sum(n) AS failures, sum(n * (ended_by IS 'client')) AS "  \
	"by_client, sum(n * (ended_by IS 'server')) AS by_server, sum(n * (ended_by IS "           \
	"'network')) AS by_network, count(DISTINCT server) AS server_count, count(DISTINCT "       \
	"client) AS client_count, min(first_seen) AS first_seen, max(last_seen) AS last_seen, "    \
	"max(id) AS example FROM failed GROUP BY kind, cause) "                                    \
	"SELECT f.kind, f.cause, f.failures, f.by_client, f.by_server, f.by_network, "             \
	"f.server_count, f.client_count, " MOST("server", list) " AS servers, "                    \
	MOST("client", list) " AS clients, f.first_seen, f.last_seen, f.example, (SELECT detail "  \
	"FROM findings WHERE handshake_id = f.example AND code = f.cause LIMIT 1) AS evidence "    \
	"FROM grouped AS f ORDER BY f.kind DESC, f.failures DESC, f.cause"

/* Findings of handshakes that they do not explain: what else is worth looking at. */
static const char others_sql[] =
	"SELECT f.code, f.severity, count(*) AS count, max(f.handshake_id) AS example FROM findings f "
	"JOIN handshakes h ON h.id = f.handshake_id WHERE f.code IS NOT h.cause GROUP BY f.code ORDER "
	"BY CASE f.severity WHEN 'error' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, count(*) DESC, f.code";

static const char *sql_of(struct query_database *d, bool as_text)
{
	if (query_has(d, "attempts"))
		return as_text ? CAUSES(AS_TEXT, FAILED_ATTEMPTS) : CAUSES(AS_JSON, FAILED_ATTEMPTS);
	return as_text ? CAUSES(AS_TEXT, "") : CAUSES(AS_JSON, "");
}

static const struct finding_kind *kind_of(const char *code)
{
	for (size_t i = 0; code && i < FINDING_KIND_COUNT; i++)
		if (!strcmp(finding_kinds[i].code, code))
			return &finding_kinds[i];
	return NULL;
}

static enum style style_of(uint8_t severity)
{
	return severity == SEVERITY_ERROR ? BAD : severity == SEVERITY_WARNING ? CAUTION : PLAIN;
}

static long long number(const struct row *r, const char *column)
{
	return (long long)row_value(r, column).integer;
}

static void draw_enders(struct page *p, const struct row *r)
{
	static const struct {
		const char *column, *name;
	} enders[] = {
		{ "by_client", "the client" },
		{ "by_server", "the server" },
		{ "by_network", "nobody: silence" },
	};

	if (!number(r, "by_client") && !number(r, "by_server") && !number(r, "by_network"))
		return;
	page_label(p, "ended by");
	for (size_t i = 0; i < sizeof enders / sizeof *enders; i++) {
		char text[64];

		if (!number(r, enders[i].column))
			continue;
		snprintf(text, sizeof text, "%s (%lld)", enders[i].name, number(r, enders[i].column));
		page_item(p, PLAIN, text, false);
	}
	page_newline(p);
}

static void draw_affected(struct page *p, const struct row *r, const char *label, const char *column, const char *count_column)
{
	const char *names = row_text(r, column);
	long long count = number(r, count_column);

	if (!names)
		return;
	page_label(p, label);
	page_words(p, PLAIN, names);
	if (count > 3)
		page_format(p, FAINT, " and %lld more", count - 3);
	page_newline(p);
}

static void draw_evidence(struct page *p, const struct row *r)
{
	const char *evidence = row_text(r, "evidence");
	char where[64];

	if (row_value(r, "example").type != VALUE_INTEGER)
		return;
	page_label(p, "evidence");
	page_words(p, PLAIN, evidence ? evidence : "see the handshake");
	snprintf(where, sizeof where, " (overhear show %lld)", number(r, "example"));
	if (p->column + strlen(where) > p->width) {
		page_newline(p);
		page_to(p, PAGE_LABEL_WIDTH - 1);
	}
	page_text(p, FAINT, where);
	page_newline(p);
}

static void draw_cause(struct page *p, const struct row *r)
{
	const char *cause = row_text(r, "cause");
	const struct finding_kind *kind = kind_of(cause);
	bool attempt = !strcmp(row_text(r, "kind"), "attempt");
	long long failures = number(r, "failures");

	if (p->out.len)
		page_newline(p);
	page_text(p, kind ? style_of(kind->severity) : BAD, cause);
	page_format(p, BOLD, "  %lld %s%s", failures, attempt ? "connection" : "handshake", failures == 1 ? "" : "s");
	page_newline(p);
	if (kind) {
		page_to(p, 2);
		p->indent = 2;
		page_words(p, PLAIN, kind->title);
		page_newline(p);
	}
	draw_enders(p, r);
	draw_affected(p, r, "servers", "servers", "server_count");
	draw_affected(p, r, "clients", "clients", "client_count");
	draw_evidence(p, r);
	if (kind)
		page_field(p, "remedy", kind->remedy);
}

static void draw_others(struct page *p, const struct rows *others)
{
	if (!others->count)
		return;
	if (p->out.len)
		page_heading(p, "also found");
	else
		page_text(p, BOLD, "found"), page_newline(p);
	for (size_t i = 0; i < others->count; i++) {
		const struct row *r = &others->at[i];
		const struct finding_kind *kind = kind_of(row_text(r, "code"));

		page_label(p, row_text(r, "severity"));
		page_format(p, kind ? style_of(kind->severity) : PLAIN, "%s", row_text(r, "code"));
		page_format(p, FAINT, " %lld time%s, last in handshake %lld", number(r, "count"), number(r, "count") == 1 ? "" : "s",
			    number(r, "example"));
		page_newline(p);
	}
}

static bool print_page(struct query_database *d, struct error *error)
{
	struct rows causes = { 0 }, others = { 0 };
	struct page p;
	bool fine = rows_read(&causes, d, sql_of(d, true), 0, error) &&
		    (!query_has(d, "findings") || rows_read(&others, d, others_sql, 0, error));

	page_init(&p, terminal_of_stdout());
	for (size_t i = 0; fine && i < causes.count; i++)
		draw_cause(&p, &causes.at[i]);
	if (fine && !causes.count) {
		page_words(&p, GOOD, "No handshake failed.");
		page_newline(&p);
	}
	if (fine)
		draw_others(&p, &others);
	output_write(&p.out);
	page_finish(&p);
	rows_finish(&causes);
	rows_finish(&others);
	return fine;
}

static bool print_rows(struct query_database *d, const struct options *o, struct error *error)
{
	struct query *q = NULL;

	if (!query_prepare(d, sql_of(d, o->csv), &q, error))
		return false;
	bool fine = o->json ? output_json_lines(q, error) : output_csv(q, error);
	query_finish(q);
	return fine;
}

int command_diagnose(const struct options *o)
{
	struct error error = { 0 };
	int status;
	struct query_database *d = database_open(o, 0, &status);

	if (!d)
		return status;
	if (!(o->json || o->csv ? print_rows(d, o, &error) : print_page(d, &error)))
		status = message_error(NULL, &error);
	query_close(d);
	return status;
}
