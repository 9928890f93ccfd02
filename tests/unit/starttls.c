#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/starttls.h"
#include "tests/unit/wire.h"

enum { CLIENT, SERVER };	/* ends of the flow */

struct said {
	unsigned end;
	const void *at;
	size_t len;
};

#define C(text) { CLIENT, text, sizeof text - 1 }
#define S(text) { SERVER, text, sizeof text - 1 }
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct starttls s;
	struct address ends[2];
	uint16_t ports[2];
	int64_t now_ns;
	uint64_t number;
	bool ours;
};

static struct bench *open_bench(uint16_t port)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->ports[SERVER] = port;
	b->env.end = b->ends;
	b->env.port = b->ports;
	starttls_init(&b->s);
	b->ours = true;
	return b;
}

static struct road_note close_bench(struct bench *b)
{
	starttls_finish(&b->s, &b->env);
	struct road_note note = road_note_of(b->env.road_note);

	assert_null(b->s.side[0].held);
	assert_null(b->s.side[1].held);
	assert_int_equal(b->env.message_bytes, 0);
	tls_env_finish(&b->env);
	free(b);
	return note;
}

static void push_after(struct bench *b, unsigned end, const void *at, size_t len, uint64_t missing)
{
	/* A copy of its exact size, so that a sanitizer sees what reads beyond it. */
	uint8_t *copy = malloc(len ? len : 1);
	memcpy(copy, at, len);
	struct chunk c = { .data = { copy, len }, .time_ns = b->now_ns += 1000, .number = ++b->number, .missing = missing };

	b->ours = b->ours && starttls_push(&b->s, &b->env, end, &c);
	free(copy);
}

/* In two packets, or, at 0, in one a byte. */
static void push_cut(struct bench *b, unsigned end, const void *at, size_t len, size_t cut)
{
	const uint8_t *bytes = at;

	for (size_t i = 0; !cut && i < len; i++)
		push_after(b, end, bytes + i, 1, 0);
	if (!cut)
		return;
	if (cut > len)
		cut = len;
	push_after(b, end, bytes, cut, 0);
	if (cut < len)
		push_after(b, end, bytes + cut, len - cut, 0);
}

static void push_all(struct bench *b, const struct said *said, size_t count, size_t cut)
{
	for (size_t i = 0; i < count; i++)
		push_cut(b, said[i].end, said[i].at, said[i].len, cut);
}

static void add_handshake(struct buffer *client, struct buffer *server)
{
	static const uint8_t suites[] = { 0xc0, 0x2f };
	struct buffer x = { 0 }, body = { 0 }, message = { 0 };

	wire_server_name(&x, "a.test");
	wire_client_hello(&body, suites, sizeof suites, &x);
	wire_message(&message, 1, body.at, body.len);
	wire_record(client, 22, message.at, message.len);
	buffer_clear(&body);
	buffer_clear(&message);
	wire_server_hello(&body, 0xc02f, NULL);
	wire_message(&message, 2, body.at, body.len);
	wire_record(server, 22, message.at, message.len);
	buffer_finish(&x);
	buffer_finish(&body);
	buffer_finish(&message);
}

/* [MS-TDS] section 2.2.3.1, the header: type, status, length, and four bytes that do not matter. */
static void wrap(struct buffer *b)
{
	struct buffer wrapped = { 0 };

	for (size_t at = 0; at < b->len; at += 40) {
		size_t n = b->len - at < 40 ? b->len - at : 40;

		wire_int(&wrapped, 0x1201, 2);
		wire_int(&wrapped, n + 8, 2);
		wire_int(&wrapped, 0, 4);
		buffer_add(&wrapped, b->at + at, n);
	}
	buffer_finish(b);
	*b = wrapped;
}

static void finish(struct bench *b, const char *name, bool answered)
{
	assert_true(b->ours);
	starttls_end(&b->s, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(b->env.finished_count, 1);
	struct handshake *h = b->env.finished[0];
	struct bytes road = handshake_text(h, h->starttls), sni = handshake_text(h, h->server_name);

	assert_int_equal(road.len, strlen(name));
	assert_memory_equal(road.at, name, road.len);
	assert_int_equal(sni.len, 6);
	assert_memory_equal(sni.at, "a.test", 6);
	assert_int_equal(h->stage, answered ? STAGE_SERVER_HELLO : STAGE_CLIENT_HELLO);
	assert_int_equal(b->env.road_note, 0);
	assert_int_equal(starttls_client(&b->s), CLIENT);
}

static void leads_once(const struct said *said, size_t count, const char *name, bool wrapped, size_t cut)
{
	struct bench *b = open_bench(0);
	struct buffer client = { 0 }, server = { 0 };

	add_handshake(&client, &server);
	if (wrapped) {
		wrap(&client);
		wrap(&server);
	}
	assert_int_not_equal(starttls_looks((struct bytes){ said[0].at, said[0].len }), LOOK_NO);
	push_all(b, said, count, cut);
	push_cut(b, CLIENT, client.at, client.len, cut);
	push_cut(b, SERVER, server.at, server.len, cut);
	finish(b, name, true);
	close_bench(b);
	buffer_finish(&client);
	buffer_finish(&server);
}

/* Whatever the packets: whole, each byte in one, cut at every place. */
static void leads(const struct said *said, size_t count, const char *name, bool wrapped)
{
	for (size_t cut = 0; cut < 130; cut++)
		leads_once(said, count, name, wrapped, cut);
	leads_once(said, count, name, wrapped, SIZE_MAX);
}

#define LEADS(said, name) leads(said, COUNT(said), name, false)

/* What the connection has to say where no hello came. */
static void ends(const struct said *said, size_t count, uint16_t port, enum road_reason reason, const char *name)
{
	for (size_t cut = 0; cut < 130; cut++) {
		struct bench *b = open_bench(port);
		char names[ROAD_NAMES_ROOM];

		push_all(b, said, count, cut);
		assert_int_equal(b->env.finished_count, 0);
		struct road_note note = close_bench(b);
		assert_int_equal(note.reason, reason);
		road_names(note.levels, names);
		assert_string_equal(names, name);
		if (reason != ROAD_QUIET)
			assert_int_equal(note.client, CLIENT);
	}
}

#define ENDS(said, reason, name) ends(said, COUNT(said), 0, reason, name)

/* ---- mail ---- */

static void smtp_grants_with_220(void **state)
{
	static const struct said said[] = { S("220 mx ESMTP\r\n"), C("EHLO a\r\n"), S("250-mx\r\n250-SIZE 1000\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
		S("220 2.0.0 go ahead\r\n") };

	(void)state;
	LEADS(said, "smtp");
}

static void a_reply_of_several_lines_grants_with_its_last(void **state)
{
	static const struct said said[] = { S("220-mx\r\n220 ESMTP\r\n"), C("EHLO a\r\n"), S("250 STARTTLS\r\n"), C("starttls\r\n"), S("220-one\r\n220 two\r\n") };

	(void)state;
	LEADS(said, "smtp");
}

static void smtp_refuses_with_an_error(void **state)
{
	static const struct said said[] = { S("220 mx ESMTP\r\n"), C("EHLO a\r\n"), S("250-mx\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"),
		S("454 4.7.0 TLS not available\r\n"), C("QUIT\r\n") };

	(void)state;
	ENDS(said, ROAD_REFUSED, "smtp");
}

static void an_offer_may_not_be_taken(void **state)
{
	static const struct said said[] = { S("220 mx ESMTP\r\n"), C("EHLO a\r\n"), S("250-mx\r\n250 STARTTLS\r\n"), C("MAIL FROM:<a@test>\r\n") };

	(void)state;
	ENDS(said, ROAD_UNUSED, "smtp");
}

static void what_was_not_offered_is_not_missed(void **state)
{
	static const struct said said[] = { S("220 mx ESMTP\r\n"), C("EHLO a\r\n"), S("250-mx\r\n250 HELP\r\n"), C("MAIL FROM:<a@test>\r\n") };

	(void)state;
	ENDS(said, ROAD_QUIET, "smtp");
}

static void crosses_over_the_offer_are_a_stripping(void **state)
{
	static const struct said said[] = { S("220 ********\r\n"), C("EHLO a\r\n"), S("250-mx\r\n250 XXXXXXXA\r\n"), C("MAIL FROM:<a@test>\r\n") };

	(void)state;
	ENDS(said, ROAD_STRIPPED, "smtp");
}

static void crosses_over_the_command_are_a_stripping(void **state)
{
	static const struct said said[] = { S("220 mx ESMTP\r\n"), C("EHLO a\r\n"), S("250-mx\r\n250 STARTTLS\r\n"), C("XXXXXXXX\r\n"),
		S("500 unrecognized\r\n"), C("QUIT\r\n") };

	(void)state;
	ENDS(said, ROAD_STRIPPED, "smtp");
}

static void lmtp_greets_with_lhlo(void **state)
{
	static const struct said said[] = { S("220 mx LMTP\r\n"), C("LHLO a\r\n"), S("250-mx\r\n250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n") };
	static const struct said refused[] = { S("220 mx LMTP\r\n"), C("LHLO a\r\n"), S("250 mx\r\n"), C("STARTTLS\r\n"), S("502 no\r\n") };

	(void)state;
	LEADS(said, "lmtp");
	ENDS(refused, ROAD_REFUSED, "lmtp");
}

static void imap_grants_with_the_tag_of_the_request(void **state)
{
	static const struct said said[] = { S("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\r\n"), C("a1 CAPABILITY\r\n"),
		S("* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK done\r\n"), C("a2 STARTTLS\r\n"), S("a2 OK begin\r\n") };
	static const struct said refused[] = { S("* OK ready\r\n"), C(". STARTTLS\r\n"), S(". BAD no\r\n") };
	static const struct said unused[] = { S("* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"), C("a1 LOGIN a b\r\n") };
	static const struct said absent[] = { S("* OK ready\r\n"), C("a1 LOGIN a b\r\n") };

	(void)state;
	LEADS(said, "imap");
	ENDS(refused, ROAD_REFUSED, "imap");
	ENDS(unused, ROAD_UNUSED, "imap");
	ENDS(absent, ROAD_QUIET, "imap");
}

static void an_answer_to_an_earlier_command_grants_nothing(void **state)
{
	static const struct said said[] = { S("* OK ready\r\n"), C("a1 NOOP\r\na2 STARTTLS\r\n"), S("a1 OK done\r\na2 OK begin\r\n") };
	static const struct said pop3[] = { S("+OK ready\r\n"), C("CAPA\r\nSTLS\r\n"), S("+OK list follows\r\nSTLS\r\n.\r\n+OK begin\r\n") };

	(void)state;
	LEADS(said, "imap");
	/* POP3 has no tags: what follows in the same packet shows it. */
	leads_once(pop3, COUNT(pop3), "pop3", false, SIZE_MAX);
}

static void pop3_is_asked_with_stls(void **state)
{
	static const struct said said[] = { S("+OK ready\r\n"), C("CAPA\r\n"), S("+OK\r\nUSER\r\nSTLS\r\n.\r\n"), C("STLS\r\n"), S("+OK begin\r\n") };
	static const struct said refused[] = { S("+OK ready\r\n"), C("STLS\r\n"), S("-ERR no\r\n"), C("QUIT\r\n") };
	static const struct said unused[] = { S("+OK ready\r\n"), C("CAPA\r\n"), S("+OK\r\nSTLS\r\n.\r\n"), C("USER a\r\n"), S("+OK\r\n"), C("PASS b\r\n") };

	(void)state;
	LEADS(said, "pop3");
	ENDS(refused, ROAD_REFUSED, "pop3");
	ENDS(unused, ROAD_UNUSED, "pop3");
}

static void sieve_greets_with_its_capabilities(void **state)
{
	static const struct said said[] = { S("\"IMPLEMENTATION\" \"x\"\r\n\"SASL\" \"\"\r\n\"STARTTLS\"\r\nOK \"ready\"\r\n"), C("STARTTLS\r\n"), S("OK \"begin\"\r\n") };
	static const struct said refused[] = { S("\"IMPLEMENTATION\" \"x\"\r\nOK\r\n"), C("STARTTLS\r\n"), S("NO \"no\"\r\n") };

	(void)state;
	LEADS(said, "sieve");
	ENDS(refused, ROAD_REFUSED, "sieve");
}

/* ---- files, news, chat ---- */

static void ftp_grants_with_234(void **state)
{
	static const struct said said[] = { S("220 (vsFTPd 3.0.3)\r\n"), C("AUTH TLS\r\n"), S("234 Proceed\r\n") };
	static const struct said second[] = { S("220 ftp\r\n"), C("FEAT\r\n"), S("211-Features:\r\n AUTH SSL\r\n211 End\r\n"), C("AUTH TLS\r\n"), S("504 no\r\n"),
		C("AUTH SSL\r\n"), S("234 Proceed\r\n") };
	static const struct said refused[] = { S("220 ftp\r\n"), C("AUTH TLS\r\n"), S("530 Please login\r\n"), C("USER a\r\n"), S("331\r\n"), C("PASS b\r\n") };

	(void)state;
	LEADS(said, "ftp");
	LEADS(second, "ftp");
	ENDS(refused, ROAD_REFUSED, "ftp");
}

static void nntp_grants_with_382(void **state)
{
	static const struct said said[] = { S("200 news ready\r\n"), C("CAPABILITIES\r\n"), S("101 list:\r\nVERSION 2\r\nSTARTTLS\r\n.\r\n"), C("STARTTLS\r\n"), S("382 go\r\n") };
	static const struct said refused[] = { S("201 news\r\n"), C("STARTTLS\r\n"), S("580 no\r\n") };
	static const struct said unused[] = { S("200 news\r\n"), C("CAPABILITIES\r\n"), S("101\r\nSTARTTLS\r\n.\r\n"), C("GROUP a.b\r\n") };

	(void)state;
	LEADS(said, "nntp");
	ENDS(refused, ROAD_REFUSED, "nntp");
	ENDS(unused, ROAD_UNUSED, "nntp");
}

static void irc_grants_with_670(void **state)
{
	static const struct said said[] = { S(":irc NOTICE * :*** Looking up your hostname\r\n"), C("CAP LS 302\r\n"), S(":irc CAP * LS :multi-prefix tls\r\n"), C("STARTTLS\r\n"),
		S(":irc 670 * :STARTTLS successful\r\n") };
	static const struct said client_first[] = { C("STARTTLS\r\n"), S(":irc 670 * :go\r\n") };
	static const struct said refused[] = { C("CAP LS\r\n"), C("STARTTLS\r\n"), S(":irc 691 * :failed\r\n") };

	(void)state;
	LEADS(said, "irc");
	ENDS(refused, ROAD_REFUSED, "irc");
	struct bench *b = open_bench(6667);
	struct buffer client = { 0 }, server = { 0 };

	/* The command alone may be of several protocols: the port tells. */
	push_all(b, client_first, COUNT(client_first), 0);
	add_handshake(&client, &server);
	push_cut(b, CLIENT, client.at, client.len, SIZE_MAX);
	finish(b, "irc", false);
	close_bench(b);
	buffer_finish(&client);
	buffer_finish(&server);
}

#define STREAM "<?xml version='1.0'?><stream:stream to='a.test' xmlns:stream='http://etherx.jabber.org/streams'>"

static void xmpp_proceeds(void **state)
{
	static const struct said said[] = { C(STREAM), S(STREAM "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"),
		C("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), S("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") };
	static const struct said refused[] = { C(STREAM), S(STREAM "<stream:features><starttls/></stream:features>"), C("<starttls/>"), S("<failure/></stream:stream>") };
	static const struct said unused[] = { C(STREAM), S(STREAM "<stream:features><starttls/></stream:features>"), C("<auth mechanism='PLAIN'>") };

	(void)state;
	LEADS(said, "xmpp");
	ENDS(refused, ROAD_REFUSED, "xmpp");
	ENDS(unused, ROAD_UNUSED, "xmpp");
}

/* ---- directories, databases, desktops ---- */

#define LDAP_STARTTLS "\x30\x1d\x02\x01\x01\x77\x18\x80\x16" "1.3.6.1.4.1.1466.20037"

static void ldap_answers_the_extended_request(void **state)
{
	static const struct said said[] = { C(LDAP_STARTTLS), S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00") };
	static const struct said after_bind[] = { C("\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"), S("\x30\x84\x00\x00\x00\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"),
		C(LDAP_STARTTLS), S("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00") };
	static const struct said refused[] = { C(LDAP_STARTTLS), S("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00") };

	(void)state;
	LEADS(said, "ldap");
	LEADS(after_bind, "ldap");
	ENDS(refused, ROAD_REFUSED, "ldap");
}

#define SSL_REQUEST "\0\0\0\x08\x04\xd2\x16\x2f"

static void postgresql_answers_with_a_letter(void **state)
{
	static const struct said said[] = { C(SSL_REQUEST), S("S") };
	static const struct said after_gss[] = { C("\0\0\0\x08\x04\xd2\x16\x30"), S("N"), C(SSL_REQUEST), S("S") };
	static const struct said refused[] = { C(SSL_REQUEST), S("N"), C("\0\0\0\x09\0\3\0\0\0") };

	(void)state;
	LEADS(said, "postgresql");
	LEADS(after_gss, "postgresql");
	ENDS(refused, ROAD_REFUSED, "postgresql");
}

/* HandshakeV10: version, thread, half of the challenge, a filler, the low half of the capabilities, and 31 more. */
#define MYSQL_GREETING(capabilities) "\x3c\0\0\0\x0a" "8.0.36\0" "\1\0\0\0" "12345678\0" capabilities "\xff\2\0\xff\xdf\x15" "\0\0\0\0\0\0\0\0\0\0" "123456789012\0" "12345678"
#define MYSQL_REST "\0\0\0\1\x2d\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void mysql_says_nothing_to_the_request(void **state)
{
	static const struct said said[] = { S(MYSQL_GREETING("\xff\xff")), C("\x20\0\0\1\x8d\xae\xff\x19" MYSQL_REST) };
	static const struct said unused[] = { S(MYSQL_GREETING("\xff\xff")), C("\x26\0\0\1\x85\xa6\xff\x19" MYSQL_REST "root\0\0") };
	static const struct said absent[] = { S(MYSQL_GREETING("\xff\xf7")), C("\x26\0\0\1\x85\xa6\xff\x19" MYSQL_REST "root\0\0") };

	(void)state;
	assert_int_equal(said[0].len, 4 + 0x3c);
	assert_int_equal(said[1].len, 4 + 0x20);
	LEADS(said, "mysql");
	ENDS(unused, ROAD_UNUSED, "mysql");
	ENDS(absent, ROAD_QUIET, "mysql");
}

static void rdp_names_the_protocol(void **state)
{
	static const struct said said[] = { C("\3\0\0\x2a\x25\xe0\0\0\0\0\0Cookie: mstshash=user\r\n\1\0\x08\0\3\0\0\0"), S("\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\2\x1f\x08\0\2\0\0\0") };
	static const struct said refused[] = { C("\3\0\0\x13\x0e\xe0\0\0\0\0\0\1\0\x08\0\1\0\0\0"), S("\3\0\0\x13\x0e\xd0\0\0\x12\x34\0\3\0\x08\0\2\0\0\0") };
	static const struct said unasked[] = { C("\3\0\0\x0b\x06\xe0\0\0\0\0\0"), S("\3\0\0\x0b\x06\xd0\0\0\x12\x34\0") };

	(void)state;
	assert_int_equal(said[0].len, 0x2a);
	LEADS(said, "rdp");
	ENDS(refused, ROAD_REFUSED, "rdp");
	ENDS(unasked, ROAD_QUIET, "rdp");
}

/* Two options: version at 11 (six bytes), encryption at 17 (one byte). */
#define PRELOGIN(type, encryption) type "\1\0\x1a\0\0\1\0" "\0\0\x0b\0\6" "\1\0\x11\0\1" "\xff" "\x10\0\0\0\0\0" encryption

static void tds_wraps_the_handshake_in_its_packets(void **state)
{
	static const struct said said[] = { C(PRELOGIN("\x12", "\0")), S(PRELOGIN("\4", "\1")) };
	static const struct said refused[] = { C(PRELOGIN("\x12", "\1")), S(PRELOGIN("\4", "\2")) };
	static const struct said unwanted[] = { C(PRELOGIN("\x12", "\2")), S(PRELOGIN("\4", "\2")) };

	(void)state;
	assert_int_equal(said[0].len, 0x1a);
	leads(said, COUNT(said), "tds", true);
	ENDS(refused, ROAD_REFUSED, "tds");
	ENDS(unwanted, ROAD_QUIET, "tds");
}

static void tds_goes_on_with_plain_records(void **state)
{
	static const struct said said[] = { C(PRELOGIN("\x12", "\0")), S(PRELOGIN("\4", "\1")) };

	(void)state;
	/* Some servers answer so from the first record on. */
	leads(said, COUNT(said), "tds", false);
}

/* ---- tunnels ---- */

#define CONNECT "CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n"

static void a_connect_ends_with_the_empty_line_of_its_answer(void **state)
{
	static const struct said said[] = { C(CONNECT), S("HTTP/1.1 200 OK\r\nVia: x\r\n\r\n") };
	static const struct said second[] = { C(CONNECT), S("HTTP/1.1 407 Who?\r\nContent-Length: 6\r\n\r\nlogin\n"), C(CONNECT), S("HTTP/1.0 200 OK\r\n\r\n") };
	static const struct said refused[] = { C(CONNECT), S("HTTP/1.1 403 No\r\n\r\n") };
	static const struct said unused[] = { C(CONNECT), S("HTTP/1.1 200 OK\r\n\r\n") };
	static const struct said other[] = { C("CONNECT a.test:22 HTTP/1.1\r\n\r\n"), S("HTTP/1.1 200 OK\r\n\r\n"), S("SSH-2.0-x\r\n") };

	(void)state;
	LEADS(said, "http-connect");
	LEADS(second, "http-connect");
	ENDS(refused, ROAD_REFUSED, "http-connect");
	ENDS(unused, ROAD_UNUSED, "http-connect");
	ENDS(other, ROAD_QUIET, "http-connect");
}

#define UPGRADE "OPTIONS * HTTP/1.1\r\nHost: a.test\r\nUpgrade: TLS/1.0\r\nConnection: Upgrade\r\n\r\n"

static void an_upgrade_switches_protocols(void **state)
{
	static const struct said said[] = { C(UPGRADE), S("HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.0, HTTP/1.1\r\n\r\n") };
	static const struct said refused[] = { C(UPGRADE), S("HTTP/1.1 501 Not Implemented\r\n\r\n") };
	static const struct said ignored[] = { C(UPGRADE), S("HTTP/1.1 200 OK\r\n\r\n") };

	(void)state;
	LEADS(said, "http-upgrade");
	ENDS(refused, ROAD_REFUSED, "http-upgrade");
	ENDS(ignored, ROAD_UNUSED, "http-upgrade");
}

static void other_requests_are_not_followed(void **state)
{
	static const uint8_t request[] = "GET / HTTP/1.1\r\nHost: a.test\r\nUpgrade: websocket\r\n\r\n";

	(void)state;
	assert_int_equal(starttls_looks((struct bytes){ request, sizeof request - 1 }), LOOK_NO);
	assert_true(is_http_request((struct bytes){ request, sizeof request - 1 }));
	assert_false(is_http_request((struct bytes){ request, 2 }));
}

static void socks5_ends_with_its_reply(void **state)
{
	static const struct said said[] = { C("\5\1\0"), S("\5\0"), C("\5\1\0\3\6a.test\1\xbb"), S("\5\0\0\1\0\0\0\0\0\0") };
	static const struct said password[] = { C("\5\2\0\2"), S("\5\2"), C("\1\1a\2bc"), S("\1\0"), C("\5\1\0\1\1\2\3\4\1\xbb"), S("\5\0\0\4" "1234567890123456" "\0\0") };
	static const struct said refused[] = { C("\5\1\0"), S("\5\0"), C("\5\1\0\1\1\2\3\4\1\xbb"), S("\5\5\0\1\0\0\0\0\0\0") };
	static const struct said other[] = { C("\5\1\0"), S("\5\0"), C("\5\1\0\1\1\2\3\4\0\x16"), S("\5\5\0\1\0\0\0\0\0\0") };

	(void)state;
	LEADS(said, "socks5");
	LEADS(password, "socks5");
	ENDS(refused, ROAD_REFUSED, "socks5");
	ends(other, COUNT(other), 0, ROAD_UNUSED, "socks5");
}

static void socks4_ends_with_its_reply(void **state)
{
	static const struct said said[] = { C("\4\1\1\xbb\1\2\3\4user\0"), S("\0\x5a\0\0\0\0\0\0") };
	static const struct said named[] = { C("\4\1\1\xbb\0\0\0\1user\0a.test\0"), S("\0\x5a\0\0\0\0\0\0") };
	static const struct said refused[] = { C("\4\1\1\xbb\1\2\3\4\0"), S("\0\x5b\0\0\0\0\0\0") };

	(void)state;
	LEADS(said, "socks4");
	LEADS(named, "socks4");
	ENDS(refused, ROAD_REFUSED, "socks4");
}

static void a_proxy_header_is_stepped_over(void **state)
{
	static const struct said v1[] = { C("PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n") };
	static const struct said v2[] = { C("\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\x13\x88\1\xbb") };

	(void)state;
	LEADS(v1, "proxy-v1");
	LEADS(v2, "proxy-v2");
}

static void a_hello_in_the_same_packet_as_the_header_is_found(void **state)
{
	struct bench *b = open_bench(443);
	struct buffer client = { 0 }, server = { 0 }, packet = { 0 };

	(void)state;
	add_handshake(&client, &server);
	buffer_add_text(&packet, "PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n");
	buffer_add(&packet, client.at, client.len);
	push_after(b, CLIENT, packet.at, packet.len, 0);
	push_after(b, SERVER, server.at, server.len, 0);
	finish(b, "proxy-v1", true);
	close_bench(b);
	buffer_finish(&client);
	buffer_finish(&server);
	buffer_finish(&packet);
}

static void roads_follow_one_another(void **state)
{
	static const struct said said[] = { C("PROXY TCP4 192.0.2.1 192.0.2.2 5000 25\r\n"), S("220 mx\r\n"), C("EHLO a\r\n"), S("250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n") };
	static const struct said tunnel[] = { C("\5\1\0"), S("\5\0"), C("\5\1\0\1\1\2\3\4\x0c\x38"), S("\5\0\0\1\0\0\0\0\0\0"), C(CONNECT), S("HTTP/1.1 200 OK\r\n\r\n"),
		C(SSL_REQUEST), S("S") };

	(void)state;
	LEADS(said, "proxy-v1+smtp");
	LEADS(tunnel, "socks5+http-connect+postgresql");
}

static void more_than_roads_max_are_not_followed(void **state)
{
	static const char header[] = "PROXY TCP4 192.0.2.1 192.0.2.2 5000 443\r\n";
	struct bench *b = open_bench(443);

	(void)state;
	for (int i = 0; i < ROADS_MAX; i++)
		push_after(b, CLIENT, header, sizeof header - 1, 0);
	assert_true(b->ours);
	push_after(b, CLIENT, header, sizeof header - 1, 0);
	assert_false(b->ours);
	assert_int_equal(b->limits.bitten[LIMIT_ROADS], 1);
	close_bench(b);
}

/* ---- what is odd ---- */

static void a_hello_may_come_before_its_grant(void **state)
{
	static const struct said said[] = { S("220 mx\r\n"), C("EHLO a\r\n"), S("250 STARTTLS\r\n"), C("STARTTLS\r\n") };
	struct bench *b = open_bench(25);
	struct buffer client = { 0 }, server = { 0 };

	(void)state;
	add_handshake(&client, &server);
	push_all(b, said, COUNT(said), SIZE_MAX);
	push_after(b, CLIENT, client.at, client.len, 0);
	push_after(b, SERVER, "220 go\r\n", 8, 0);
	push_after(b, SERVER, server.at, server.len, 0);
	finish(b, "smtp", true);
	close_bench(b);
	buffer_finish(&client);
	buffer_finish(&server);
}

static void a_grant_that_was_not_captured_is_not_needed(void **state)
{
	static const struct said said[] = { S("220 mx\r\n"), C("EHLO a\r\n"), C("STARTTLS\r\n") };
	struct bench *b = open_bench(25);
	struct buffer client = { 0 }, server = { 0 };

	(void)state;
	add_handshake(&client, &server);
	push_all(b, said, COUNT(said), SIZE_MAX);
	push_after(b, SERVER, server.at, server.len, 30);
	push_after(b, CLIENT, client.at, client.len, 0);
	finish(b, "smtp", true);
	close_bench(b);
	buffer_finish(&client);
	buffer_finish(&server);
}

static void a_grant_without_a_hello_is_not_used(void **state)
{
	static const struct said said[] = { S("220 mx\r\n"), C("EHLO a\r\n"), S("250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n") };

	(void)state;
	ENDS(said, ROAD_UNUSED, "smtp");
}

static void a_line_without_end_is_cut(void **state)
{
	static const struct said said[] = { S("220 mx\r\n"), C("EHLO a\r\n"), S("250 STARTTLS\r\n"), C("STARTTLS\r\n"), S("220 go\r\n") };
	static char line[3000];

	(void)state;
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 2] = '\n';
	for (size_t cut = 0; cut <= 2; cut++) {
		struct bench *b = open_bench(25);
		struct buffer client = { 0 }, server = { 0 };

		add_handshake(&client, &server);
		push_all(b, said, 1, cut);
		push_cut(b, SERVER, line, sizeof line - 1, cut);
		assert_true(b->s.side[SERVER].held_len <= ROAD_PIECE_MAX);
		push_all(b, said + 1, COUNT(said) - 1, cut);
		push_cut(b, CLIENT, client.at, client.len, cut);
		finish(b, "smtp", false);
		close_bench(b);
		buffer_finish(&client);
		buffer_finish(&server);
	}
}

static void plaintext_is_looked_at_for_so_long(void **state)
{
	static const char line[] = "NOOP NOOP NOOP NOOP NOOP NOOP\r\n";
	struct bench *b = open_bench(25);
	size_t sent = 0;

	(void)state;
	push_after(b, SERVER, "220 mx\r\n", 8, 0);
	for (; b->ours; sent += sizeof line - 1)
		push_after(b, CLIENT, line, sizeof line - 1, 0);
	assert_true(sent > STARTTLS_BYTES_MAX && sent < STARTTLS_BYTES_MAX + 100);
	assert_int_equal(b->limits.bitten[LIMIT_STARTTLS_BYTES], 1);
	close_bench(b);
}

static void other_protocols_are_left_alone(void **state)
{
	static const struct said others[] = { S("SSH-2.0-OpenSSH_9.2\r\n"), S("RFB 003.008\n"), C("\x13" "BitTorrent protocol"), C("*1\r\n$4\r\nPING\r\n"), C("\x10\x10\0\4MQTT\4\2\0\x3c") };

	(void)state;
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(starttls_looks((struct bytes){ others[i].at, others[i].len }), LOOK_NO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(smtp_grants_with_220),
		cmocka_unit_test(a_reply_of_several_lines_grants_with_its_last),
		cmocka_unit_test(smtp_refuses_with_an_error),
		cmocka_unit_test(an_offer_may_not_be_taken),
		cmocka_unit_test(what_was_not_offered_is_not_missed),
		cmocka_unit_test(crosses_over_the_offer_are_a_stripping),
		cmocka_unit_test(crosses_over_the_command_are_a_stripping),
		cmocka_unit_test(lmtp_greets_with_lhlo),
		cmocka_unit_test(imap_grants_with_the_tag_of_the_request),
		cmocka_unit_test(an_answer_to_an_earlier_command_grants_nothing),
		cmocka_unit_test(pop3_is_asked_with_stls),
		cmocka_unit_test(sieve_greets_with_its_capabilities),
		cmocka_unit_test(ftp_grants_with_234),
		cmocka_unit_test(nntp_grants_with_382),
		cmocka_unit_test(irc_grants_with_670),
		cmocka_unit_test(xmpp_proceeds),
		cmocka_unit_test(ldap_answers_the_extended_request),
		cmocka_unit_test(postgresql_answers_with_a_letter),
		cmocka_unit_test(mysql_says_nothing_to_the_request),
		cmocka_unit_test(rdp_names_the_protocol),
		cmocka_unit_test(tds_wraps_the_handshake_in_its_packets),
		cmocka_unit_test(tds_goes_on_with_plain_records),
		cmocka_unit_test(a_connect_ends_with_the_empty_line_of_its_answer),
		cmocka_unit_test(an_upgrade_switches_protocols),
		cmocka_unit_test(other_requests_are_not_followed),
		cmocka_unit_test(socks5_ends_with_its_reply),
		cmocka_unit_test(socks4_ends_with_its_reply),
		cmocka_unit_test(a_proxy_header_is_stepped_over),
		cmocka_unit_test(a_hello_in_the_same_packet_as_the_header_is_found),
		cmocka_unit_test(roads_follow_one_another),
		cmocka_unit_test(more_than_roads_max_are_not_followed),
		cmocka_unit_test(a_hello_may_come_before_its_grant),
		cmocka_unit_test(a_grant_that_was_not_captured_is_not_needed),
		cmocka_unit_test(a_grant_without_a_hello_is_not_used),
		cmocka_unit_test(a_line_without_end_is_cut),
		cmocka_unit_test(plaintext_is_looked_at_for_so_long),
		cmocka_unit_test(other_protocols_are_left_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
