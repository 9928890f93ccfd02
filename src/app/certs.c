#include "app/command.h"
#include "app/database.h"
#include "app/message.h"
#include "app/output.h"
#include "app/table.h"

#include <stdio.h>
#include <string.h>

/* Each leaf with the chain that it was last sent with. Days are counted from the newest handshake in the database, so
 * that an old capture is judged by its own time. */
#define END_POINT(who)                                                                             \
	"CASE WHEN instr(h." who "_ip, ':') THEN '[' || h." who "_ip || ']' ELSE h." who "_ip "    \
	"END || ':' || h." who "_port"
#define LEFT "(CAST(strftime('%s', e.not_after) AS INTEGER) - (SELECT second FROM newest))"
#define WHOLE_DAYS(seconds) "((" seconds ") - ((" seconds ") % 86400 + 86400) % 86400) / 86400"
#define MEMBERS                                                                                    \
	"WITH newest AS MATERIALIZED (SELECT max(time_ns) / 1000000000 AS second FROM "            \
	"handshakes), "                                                                            \
	"seen AS MATERIALIZED (SELECT c.sha256 AS leaf, c.sender AS sender, CASE c.sender WHEN "   \
	"'client' THEN h.client_ip ELSE coalesce(h.server_name, " END_POINT("server") ") END AS "  \
	"place, count(*) AS n, max(h.id) AS latest FROM chains c JOIN handshakes h ON h.id = "     \
	"c.handshake_id WHERE c.position = 0 GROUP BY 1, 2, 3), "                                  \
	"leaves AS MATERIALIZED (SELECT leaf, sender, sum(n) AS handshakes, max(latest) AS "       \
	"latest, count(*) AS places FROM seen GROUP BY 1, 2), "                                    \
	"members AS MATERIALIZED (SELECT l.leaf, l.sender, l.handshakes, l.places, m.position, "   \
	"e.sha256, e.subject, e.issuer, e.serial, e.not_before, e.not_after, "                     \
	WHOLE_DAYS(LEFT) " AS days_left, e.key_type, e.key_bits, e.curve, "                        \
	"e.signature_algorithm, e.self_signed, e.is_ca, e.san, e.first_seen, e.last_seen FROM "    \
	"leaves l JOIN chains m ON m.handshake_id = l.latest AND m.sender = l.sender JOIN "        \
	"certificates e ON e.sha256 = m.sha256), "                                                 \
	"urgency AS MATERIALIZED (SELECT leaf, sender, min(days_left) AS first_end FROM members "  \
	"GROUP BY 1, 2) "
/* The tree whose first member ends soonest comes first. */
#define IN_ORDER                                                                                   \
	" FROM members m JOIN urgency u ON u.leaf = m.leaf AND u.sender = m.sender ORDER BY "      \
	"u.first_end, m.leaf, m.sender, m.position"
static const char rows_sql[] =
	MEMBERS "SELECT m.leaf AS leaf_sha256, m.sender, m.position, m.sha256, m.subject, m.issuer, "
		"m.serial, m.not_before, m.not_after, m.days_left, m.key_type, m.key_bits, m.curve, "
		"m.signature_algorithm, m.self_signed, m.is_ca, m.san, m.handshakes, (SELECT "
		"json_group_array(json_object('place', place, 'handshakes', n)) FROM seen s WHERE s.leaf = "
		"m.leaf AND s.sender = m.sender) AS seen_at, m.first_seen, m.last_seen" IN_ORDER;

/* A mark that the screen can show takes the place of %1$s. */
static const char table_sql[] =
	MEMBERS "SELECT m.days_left, substr(m.not_after, 1, 10), m.key_type || coalesce(' ' || m.curve, ' ' || m.key_bits, ''), "
		"CASE WHEN m.position THEN substr('                ', 1, 2 * (min(m.position, 8) - 1)) || '%1$s ' ELSE '' END || "
		"coalesce(m.subject, '(no subject)'), "
		"CASE WHEN m.position = 0 THEN m.handshakes END, CASE WHEN m.position = 0 THEN CASE m.sender WHEN 'client' THEN "
		"'client ' ELSE '' END || (SELECT group_concat(name, ', ') FROM (SELECT place AS name FROM seen s WHERE s.leaf = "
		"m.leaf AND s.sender = m.sender ORDER BY n DESC, place LIMIT 3)) || CASE WHEN m.places > 3 THEN ' and ' || "
		"(m.places - 3) || ' more' ELSE '' END END" IN_ORDER;

enum { SOON_DAYS = 30 };

static const char *days_colour(struct value v)
{
	if (v.type != VALUE_INTEGER || v.integer >= SOON_DAYS)
		return NULL;
	return v.integer < 0 ? "\033[31m" : "\033[33m";
}

static const char *faint(struct value v)
{
	(void)v;
	return "\033[2m";
}

static const struct table_column columns[] = {
	{ .head = "DAYS", .right = true, .colour = days_colour },
	{ .head = "UNTIL", .colour = faint, .spare = 3 },
	{ .head = "KEY", .least = 8, .spare = 2 },
	{ .head = "CERTIFICATE", .least = 24 },
	{ .head = "SEEN", .right = true, .spare = 1 },
	{ .head = "AT", .least = 16 },
};

static bool print_table(struct query_database *d, struct error *error)
{
	struct terminal terminal = terminal_of_stdout();
	struct buffer sql = { 0 };
	struct query *q = NULL;
	const char *mark = strstr(table_sql, "%1$s");

	buffer_add(&sql, table_sql, (size_t)(mark - table_sql));
	buffer_add_text(&sql, terminal.utf8 ? "\xe2\x94\x94" : "`");
	buffer_add_text(&sql, mark + strlen("%1$s"));
	bool fine = query_prepare(d, buffer_text(&sql), &q, error) &&
		    table_print(q, columns, sizeof columns / sizeof *columns, &terminal, error);
	query_finish(q);
	buffer_finish(&sql);
	return fine;
}

static bool print_rows(struct query_database *d, const struct options *o, struct error *error)
{
	struct query *q = NULL;

	if (!query_prepare(d, rows_sql, &q, error))
		return false;
	bool fine = o->json ? output_json_lines(q, error) : output_csv(q, error);
	query_finish(q);
	return fine;
}

int command_certs(const struct options *o)
{
	struct error error = { 0 };
	int status;
	struct query_database *d = database_open(o, 0, &status);

	if (!d)
		return status;
	if (!(o->json || o->csv ? print_rows(d, o, &error) : print_table(d, &error)))
		status = message_error(NULL, &error);
	query_close(d);
	return status;
}
