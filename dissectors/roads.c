/* roads.c: the table of what may lead to TLS, and the short ones of text: HTTP, XMPP, PROXY version 1. */
#include "dissectors/road.h"

#include "record/attempt.h"

#include <ctype.h>
#include <string.h>

/* The dialogues first, so that their bits fit into starttls.candidates. */
const struct road roads[] = {
	{ "smtp", { 25, 587, 2525 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "lmtp", { 24, 2003, 0 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "ftp", { 21, 0, 0 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "imap", { 143, 0, 0 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "pop3", { 110, 0, 0 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "nntp", { 119, 433, 0 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "irc", { 6667, 194, 6666 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "sieve", { 4190, 2000, 0 }, true, '\n', dialogue_looks, NULL, dialogue_take },
	{ "xmpp", { 5222, 5269, 0 }, false, '>', xmpp_looks, NULL, xmpp_take },
	{ "http-connect", { 3128, 8080, 0 }, false, '\n', http_connect_looks, NULL, http_connect_take },
	{ "http-upgrade", { 80, 631, 0 }, false, '\n', http_upgrade_looks, NULL, http_upgrade_take },
	{ "proxy-v1", { 0 }, false, '\n', proxy_v1_looks, NULL, proxy_v1_take },
	{ "proxy-v2", { 0 }, false, 0, proxy_v2_looks, proxy_v2_measure, proxy_v2_take },
	{ "postgresql", { 5432, 0, 0 }, false, 0, postgresql_looks, postgresql_measure, postgresql_take },
	{ "ldap", { 389, 3268, 0 }, false, 0, ldap_looks, ldap_measure, ldap_take },
	{ "rdp", { 3389, 0, 0 }, false, 0, rdp_looks, rdp_measure, rdp_take },
	{ "tds", { 1433, 0, 0 }, false, 0, tds_looks, tds_measure, tds_take },
	{ "socks5", { 1080, 0, 0 }, false, 0, socks5_looks, socks5_measure, socks5_take },
	{ "socks4", { 1080, 0, 0 }, false, 0, socks4_looks, socks4_measure, socks4_take },
	{ "mysql", { 3306, 0, 0 }, true, 0, mysql_looks, mysql_measure, mysql_take },
};
const size_t road_count = sizeof roads / sizeof roads[0];

_Static_assert(sizeof roads / sizeof roads[0] <= 32, "candidates have a bit each");
_Static_assert(sizeof roads / sizeof roads[0] < 1 << ROAD_BITS, "levels have ROAD_BITS each");

/* ---- texts ---- */

enum look text_begins(struct bytes text, const char *word)
{
	size_t i = 0;

	while (word[i] && i < text.len && toupper(text.at[i]) == toupper((unsigned char)word[i]))
		i++;
	if (!word[i])
		return LOOK_YES;
	return i == text.len ? LOOK_MAYBE : LOOK_NO;
}

bool text_holds(struct bytes text, const char *word)
{
	for (struct reader r = reader_of(text); rd_more(&r); rd_skip(&r, 1))
		if (text_begins(rd_peek(&r), word) == LOOK_YES)
			return true;
	return false;
}

static struct bytes without_ending(struct bytes line)
{
	while (line.len && isspace(line.at[line.len - 1]))
		line.len--;
	return line;
}

/* ---- HTTP ---- */

enum http_stage { HTTP_START, HTTP_HEADERS, HTTP_ANSWERED };

static const char *const http_methods[] = { "GET ", "POST ", "HEAD ", "OPTIONS ", "PUT ", "DELETE ", "PATCH ", "TRACE " };

bool is_http_request(struct bytes first)
{
	for (size_t i = 0; i < sizeof http_methods / sizeof http_methods[0]; i++)
		if (text_begins(first, http_methods[i]) == LOOK_YES)
			return true;
	return false;
}

enum look http_connect_looks(struct bytes first)
{
	return text_begins(first, "CONNECT ");
}

/* RFC 9112 section 4: the digits of "HTTP/1.1 200 ..."; 0 for another line. */
static unsigned status_of(struct bytes line)
{
	struct reader r = reader_of(line);
	struct bytes version = rd_take(&r, 7);
	unsigned status = 0;

	if (text_begins(version, "HTTP/1.") != LOOK_YES)
		return 0;
	rd_skip(&r, 2);
	for (int i = 0; i < 3; i++) {
		uint8_t digit = rd_u8(&r);

		status = isdigit(digit) ? status * 10 + digit - '0' : 0;
	}
	return r.bad ? 0 : status;
}

/* Is the port behind the last colon one where TLS is spoken? */
static bool wants_tls_port(struct bytes target)
{
	unsigned port = 0;

	for (size_t i = 0; i < target.len && target.at[i] != ' '; i++) {
		if (target.at[i] == ':')
			port = 0;
		else
			port = isdigit(target.at[i]) && port < 65536 ? port * 10 + target.at[i] - '0' : 0;
	}
	return port < 65536 && attempt_is_tls_port((uint16_t)port);
}

static enum road_step server_header(struct road_side *server, struct bytes line)
{
	if (server->stage == HTTP_ANSWERED && !line.len)
		return ROAD_THROUGH;
	return ROAD_ON;
}

/* RFC 9110 section 9.3.6. A refusal may be followed by another try, with a password. */
enum road_step http_connect_take(struct starttls *s, bool client, struct bytes line, struct bytes rest)
{
	struct road_side *side = &s->side[road_end(s, client)];
	unsigned status = status_of(line);

	(void)rest;
	line = without_ending(line);
	if (client) {
		if (http_connect_looks(line) == LOOK_YES) {
			struct reader r = reader_of(line);

			rd_skip(&r, 8);
			s->asked = true;
			s->wanted = wants_tls_port(rd_rest(&r));
		} else if (!s->asked && is_http_request(line)) {
			return ROAD_OVER;
		}
		return ROAD_ON;
	}
	if (status && s->asked && side->stage != HTTP_ANSWERED) {
		s->refused = status >= 300 && s->wanted;
		s->asked = status < 300;
		side->stage = status >= 200 && status < 300 ? HTTP_ANSWERED : HTTP_START;
		return ROAD_ON;
	}
	return server_header(side, line);
}

/* RFC 2817 section 3: an Upgrade to TLS in the first request. Other requests are many: they are told by their first packet. */
enum look http_upgrade_looks(struct bytes first)
{
	enum look best = LOOK_NO;

	for (size_t i = 0; i < sizeof http_methods / sizeof http_methods[0] && best != LOOK_YES; i++) {
		enum look look = text_begins(first, http_methods[i]);

		best = look > best ? look : best;
	}
	if (best != LOOK_YES)
		return best;
	bool whole = first.len >= ROAD_PIECE_MAX || (first.len > 4 && memmem(first.at, first.len, "\r\n\r\n", 4));
	return whole && !text_holds(first, "\nUpgrade: TLS/") ? LOOK_NO : LOOK_YES;
}

enum road_step http_upgrade_take(struct starttls *s, bool client, struct bytes line, struct bytes rest)
{
	struct road_side *side = &s->side[road_end(s, client)];
	unsigned status = status_of(line);

	(void)rest;
	line = without_ending(line);
	if (client) {
		if (text_begins(line, "Upgrade:") == LOOK_YES && text_holds(line, "TLS/"))
			s->asked = true;
		return line.len || s->asked ? ROAD_ON : ROAD_OVER;
	}
	if (status == 101 && s->asked)
		side->stage = HTTP_ANSWERED;
	/* The upgrade is a wish (RFC 2817 section 3.1): only an error refuses it. */
	s->refused |= status >= 400 && s->asked;
	if (status >= 200)
		return ROAD_OVER;
	return server_header(side, line);
}

/* ---- XMPP: RFC 6120 section 5 ---- */

enum look xmpp_looks(struct bytes first)
{
	enum look xml = text_begins(first, "<?xml"), stream = text_begins(first, "<stream:stream");

	return xml > stream ? xml : stream;
}

/* A piece ends with '>'; the tag begins with its last '<'. */
static struct bytes tag_in(struct bytes piece)
{
	struct bytes tag = { NULL, 0 };

	for (struct reader r = reader_of(piece); rd_more(&r); rd_skip(&r, 1))
		if (rd_peek(&r).at[0] == '<')
			tag = rd_peek(&r);
	return tag;
}

enum road_step xmpp_take(struct starttls *s, bool client, struct bytes piece, struct bytes rest)
{
	struct bytes tag = tag_in(piece);

	(void)rest;
	if (client) {
		s->asked |= text_begins(tag, "<starttls") == LOOK_YES;
		return text_begins(tag, "<auth") == LOOK_YES || text_begins(tag, "<message") == LOOK_YES ? ROAD_OVER : ROAD_ON;
	}
	s->offered |= text_begins(tag, "<starttls") == LOOK_YES;
	if (s->asked && text_begins(tag, "<failure") == LOOK_YES)
		s->refused = true;
	return s->asked && text_begins(tag, "<proceed") == LOOK_YES ? ROAD_TLS : ROAD_ON;
}

/* ---- the PROXY protocol, version 1 ---- */

enum look proxy_v1_looks(struct bytes first)
{
	return text_begins(first, "PROXY ");
}

enum road_step proxy_v1_take(struct starttls *s, bool client, struct bytes line, struct bytes rest)
{
	(void)s;
	(void)rest;
	/* The specification's section 2.1: 107 bytes at the most, with CR LF. */
	return client && line.len <= 107 && line.len >= 2 && line.at[line.len - 2] == '\r' ? ROAD_THROUGH : ROAD_OVER;
}
