#include "app/command.h"
#include "app/database.h"
#include "app/message.h"
#include "app/output.h"
#include "app/table.h"

#include <stdio.h>
#include <string.h>

/* What a terminal shows at most: a screenful of scrolling, never a million rows held in memory. */
enum { TERMINAL_ROWS_MAX = 1000, WIDE = 150, NARROW = 100 };

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"
#define FAINT  "\033[2m"

static const char *outcome_colour(struct value v)
{
	static const struct {
		const char *outcome, *colour;
	} colours[] = {
		{ "completed", GREEN },
		{ "failed", RED },
		{ "open", CYAN },
		{ "partial", YELLOW },
	};

	for (size_t i = 0; v.type == VALUE_TEXT && i < sizeof colours / sizeof *colours; i++)
		if (!strcmp((const char *)v.bytes.at, colours[i].outcome))
			return colours[i].colour;
	return NULL;
}

/* RFC 8996, RFC 7568, RFC 6176: versions that nobody should speak any more. */
static const char *version_colour(struct value v)
{
	static const char *const old[] = { "TLS 1.1", "TLS 1.0", "SSL 3.0", "SSL 2.0", "DTLS 1.0" };

	for (size_t i = 0; v.type == VALUE_TEXT && i < sizeof old / sizeof *old; i++)
		if (!strcmp((const char *)v.bytes.at, old[i]))
			return YELLOW;
	return NULL;
}

static const char *reason_colour(struct value v)
{
	return v.type == VALUE_NULL ? NULL : RED;
}

static const char *faint(struct value v)
{
	(void)v;
	return FAINT;
}

static const struct table_column columns[] = {
	{ .head = "ID", .right = true },
	{ .head = "TIME", .colour = faint, .spare = 3 },
	{ .head = "CLIENT", .least = 15, .spare = 6 },
	{ .head = "SERVER", .least = 15, .spare = 4 },
	{ .head = "NAME", .least = 12 },
	{ .head = "VERSION", .colour = version_colour, .spare = 1 },
	{ .head = "CIPHER", .least = 22, .spare = 5 },
	{ .head = "OUTCOME", .colour = outcome_colour },
	{ .head = "REASON", .least = 11, .colour = reason_colour },
	{ .head = "TLS MS", .right = true, .exact = true, .spare = 2 },
};

#define END_POINT(who)                                                                             \
	"CASE WHEN instr(" who "_ip, ':') THEN '[' || " who "_ip || ']' ELSE " who                 \
	"_ip END || ':' || " who "_port"

/* A narrow terminal has no room for the server's address: there it stands in for a missing name.
 * The newest are found from the end of the index on time_ns and then turned round. */
#define LIST(time, name, from)                                                                     \
	"SELECT id, " time ", " END_POINT("client") ", " END_POINT(                                \
		"server") ", " name ", version, cipher, outcome, "                                 \
			  "coalesce(cause, alert, CASE outcome WHEN 'failed' THEN 'by ' || "       \
			  "ended_by END), tls_ms FROM " from " ORDER BY time_ns, id"
#define NEWEST "(SELECT * FROM handshakes ORDER BY time_ns DESC, id DESC LIMIT ?1)"

static bool list_terminal(struct query_database *d, const struct terminal *terminal,
			  struct error *error)
{
	const char *sql =
		terminal->width >= WIDE
			? LIST("replace(substr(time, 1, 23), 'T', ' ')", "server_name", NEWEST)
		: terminal->width >= NARROW
			? LIST("substr(time, 12, 8)", "server_name", NEWEST)
			: LIST("substr(time, 12, 8)", "coalesce(server_name, server_ip)", NEWEST);
	struct query *q = NULL;

	if (!query_prepare(d, sql, &q, error))
		return false;
	query_bind(q, 1, TERMINAL_ROWS_MAX);
	bool fine = table_print(q, columns, sizeof columns / sizeof *columns, terminal, error);
	query_finish(q);
	return fine;
}

static void say_what_is_not_shown(struct query_database *d)
{
	struct query *q = NULL;

	if (query_prepare(d, "SELECT count(*) FROM handshakes", &q, NULL) &&
	    query_step(q, NULL) == QUERY_ROW && query_value(q, 0).integer > TERMINAL_ROWS_MAX) {
		fflush(stdout);
		message("the newest %d of %lld handshakes: 'overhear list | less' shows all",
			TERMINAL_ROWS_MAX, (long long)query_value(q, 0).integer);
	}
	query_finish(q);
}

static bool list_plain(struct query_database *d, const struct options *o,
		       const struct terminal *terminal, struct error *error)
{
	bool all = o->json || o->csv;
	const char *sql = all ? "SELECT * FROM handshakes ORDER BY time_ns, id"
			      : LIST("time", "server_name", "handshakes");
	struct query *q = NULL;

	if (!query_prepare(d, sql, &q, error))
		return false;
	bool fine = o->json  ? output_json_lines(q, error)
		    : o->csv ? output_csv(q, error)
			     : table_print(q, columns, sizeof columns / sizeof *columns, terminal,
					   error);
	query_finish(q);
	return fine;
}

int command_list(const struct options *o)
{
	struct terminal terminal = terminal_of_stdout();
	struct error error = { 0 };
	int status;
	struct query_database *d = database_open(o, 0, &status);

	if (!d)
		return status;
	bool on_terminal = terminal.tty && !o->json && !o->csv;
	if (!(on_terminal ? list_terminal(d, &terminal, &error)
			  : list_plain(d, o, &terminal, &error)))
		status = message_error(NULL, &error);
	else if (on_terminal)
		say_what_is_not_shown(d);
	query_close(d);
	return status;
}
