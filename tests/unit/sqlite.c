#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "record/fields.h"
#include "sinks/schema.h"
#include "sinks/sqlite.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct place {
	char folder[64], path[80];
	struct capture capture;
	struct sink *sink;
	struct error error;
};

static int make_place(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	strcpy(p->folder, "/tmp/overhear-test-XXXXXX");
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->path, sizeof p->path, "%s/t.db", p->folder);
	*state = p;
	return 0;
}

static void remove_files(const struct place *p)
{
	static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		char path[100];

		snprintf(path, sizeof path, "%s%s", p->path, ends[i]);
		unlink(path);
	}
}

static int remove_place(void **state)
{
	struct place *p = *state;

	if (p->sink)
		sqlite_sink.close(p->sink, NULL);
	remove_files(p);
	rmdir(p->folder);
	free(p);
	return 0;
}

static void start(struct place *p)
{
	p->capture = (struct capture){ .source = "a.pcap",
				       .kind = "file",
				       .sensor = "here",
				       .fingerprint = "f1",
				       .started_ns = 1,
				       .ended_ns = INT64_MIN,
				       .status = 1 };
	if (!sqlite_sink.open(&p->sink, p->path, &p->error))
		fail_msg("%s", p->error.text);
	assert_true(sqlite_sink.begin(p->sink, &p->capture, &p->error));
}

static void stop(struct place *p)
{
	assert_true(sqlite_sink.end(p->sink, &p->capture, &p->error));
	assert_true(sqlite_sink.close(p->sink, &p->error));
	p->sink = NULL;
}

static void put(struct place *p, struct handshake *h)
{
	if (!sqlite_sink.put(p->sink, h, &p->error))
		fail_msg("%s", p->error.text);
	handshake_finish(h);
}

/* Every value of every row, `|` between columns and `;` between rows, NULL as `-`. */
static char *ask(const struct place *p, const char *sql)
{
	struct buffer out = { 0 };
	sqlite3_stmt *statement;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(p->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	for (int row = 0; sqlite3_step(statement) == SQLITE_ROW; row++) {
		buffer_add_text(&out, row ? ";" : "");
		for (int i = 0; i < sqlite3_column_count(statement); i++) {
			const char *text = (const char *)sqlite3_column_text(statement, i);

			buffer_add_text(&out, i ? "|" : "");
			buffer_add_text(&out, text ? text : "-");
		}
	}
	sqlite3_finalize(statement);
	sqlite3_close(db);
	char *answer = strdup(buffer_text(&out));
	buffer_finish(&out);
	return answer;
}

static void expect(const struct place *p, const char *sql, const char *want)
{
	char *got = ask(p, sql);

	assert_string_equal(got, want);
	free(got);
}

static void database_is_sound(const struct place *p)
{
	expect(p, "PRAGMA foreign_key_check", "");
	expect(p, "PRAGMA integrity_check", "ok");
}

static struct handshake a_handshake(uint64_t connection)
{
	struct handshake h;

	handshake_init(&h);
	h.connection_id = connection;
	h.time_ns = 1700000000123456789;
	h.transport = TRANSPORT_TCP;
	h.client = (struct address){ { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	h.server = (struct address){ { [10] = 0xff, 0xff, 192, 0, 2, 2 } };
	h.client_port = 40000;
	h.server_port = 443;
	return h;
}

static void the_view_has_the_columns_of_the_table_in_its_order(void **state)
{
	struct place *p = *state;
	struct buffer want = { 0 };

	start(p);
	for (size_t i = 0; i < field_count; i++)
		buffer_add_format(&want, "%s%s", i ? ";" : "", fields[i].column);
	expect(p, "SELECT name FROM pragma_table_info('handshakes')", buffer_text(&want));
	buffer_finish(&want);
}

static void what_was_seen_comes_back(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.server_name = handshake_keep_text(&h, "www.example.org");
	h.version = 0x0304;
	h.cipher = 0x1301;
	h.outcome = OUTCOME_FAILED;
	h.stage = STAGE_SERVER_HELLO;
	h.ended_by = ENDED_BY_SERVER;
	h.alert_code = 40;
	h.alert_level = 2;
	h.alert_sender = SENDER_SERVER;
	h.hello_retry = 0;
	h.post_quantum = 1;
	h.tls_ns = 1234567;
	h.has_mac = true;
	memcpy(h.client_mac, "\x02\x00\x00\xab\xcd\xef", 6);
	h.has_client_random = true;
	memset(h.client_random, 0xab, sizeof h.client_random);
	h.session_id_len = 2;
	h.session_id[0] = 0xfe;
	h.vlan = 10;
	put(p, &h);
	stop(p);
	expect(p,
	       "SELECT id, capture_id, connection_id, time, time_ns, transport, client_ip, "
	       "client_port, server_port FROM handshakes",
	       "1|1|1|2023-11-14T22:13:20.123456789Z|1700000000123456789|tcp|192.0.2.1|40000|443");
	expect(p,
	       "SELECT server_name, version, version_code, cipher, cipher_code, outcome, stage, "
	       "ended_by FROM handshakes",
	       "www.example.org|TLS "
	       "1.3|772|TLS_AES_128_GCM_SHA256|4865|failed|server_hello|server");
	expect(p,
	       "SELECT alert, alert_code, alert_level, alert_from, hello_retry, post_quantum, "
	       "forward_secrecy, tls_ms FROM handshakes",
	       "handshake_failure|40|fatal|server|0|1|-|1.234567");
	expect(p, "SELECT client_mac, client_random, session_id, vlan FROM handshakes",
	       "02:00:00:ab:cd:ef|abababababababababababababababababababababababababababababababab|"
	       "fe00|10");
	database_is_sound(p);
}

static void what_was_not_seen_is_null(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);
	struct buffer sql = { 0 };

	start(p);
	put(p, &h);
	stop(p);
	buffer_add_text(&sql, "SELECT ''");
	for (size_t i = (size_t)(field_find("server_name") - fields); i < field_count; i++)
		if (strcmp(fields[i].column, "reassembly"))
			buffer_add_format(&sql,
					  " || CASE WHEN %s IS NOT NULL THEN '%s ' ELSE '' END",
					  fields[i].column, fields[i].column);
	buffer_add_text(&sql, " FROM handshakes");
	expect(p, buffer_text(&sql), "");
	expect(p,
	       "SELECT reassembly, vlan, client_mac, first_packet, encapsulation FROM handshakes",
	       "whole|-|-|-|-");
	expect(p,
	       "SELECT count(*) FROM messages UNION ALL SELECT count(*) FROM alerts UNION ALL "
	       "SELECT count(*) FROM offers",
	       "0;0;0");
	buffer_finish(&sql);
}

static void an_empty_session_id_is_null(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.session_id_len = 0;
	put(p, &h);
	stop(p);
	expect(p, "SELECT session_id FROM handshakes", "-");
}

static void ends_come_back_whatever_they_are(void **state)
{
	static const struct {
		struct address address;
		uint16_t port;
	} ends[] = {
		{ { { [10] = 0xff, 0xff, 255, 254, 253, 252 } }, 65535 },
		{ { { [10] = 0xff, 0xff } }, 0 },
		{ { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } }, 443 },
		{ { { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } }, 0 },
		{ { { 0 } }, 80 },
		{ { { 0 } }, 0 },
	};
	struct place *p = *state;

	start(p);
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		struct handshake h = a_handshake(i + 1);

		h.client = ends[i].address;
		h.client_port = ends[i].port;
		h.server = ends[sizeof ends / sizeof *ends - 1 - i].address;
		h.server_port = ends[sizeof ends / sizeof *ends - 1 - i].port;
		put(p, &h);
	}
	stop(p);
	expect(p, "SELECT client_ip, client_port FROM handshakes",
	       "255.254.253.252|65535;0.0.0.0|-;2001:db8::1|443;2001:db8::2|-;-|80;-|-");
	expect(p, "SELECT server_ip, server_port FROM handshakes ORDER BY id DESC",
	       "255.254.253.252|65535;0.0.0.0|-;2001:db8::1|443;2001:db8::2|-;-|80;-|-");
}

static void each_of_the_randoms_may_be_unseen(void **state)
{
	struct place *p = *state;

	start(p);
	for (unsigned seen = 0; seen < 8; seen++) {
		struct handshake h = a_handshake(seen + 1);

		if ((h.has_client_random = seen & 1))
			h.client_random[31] = 0xc1;
		if ((h.has_server_random = seen & 2))
			h.server_random[0] = 0x5e;
		if (seen & 4)
			h.session_id[0] = 0x1d;
		h.session_id_len = seen & 4 ? 1 : -1;
		put(p, &h);
	}
	stop(p);
	expect(p, "SELECT substr(client_random, 63), substr(server_random, 1, 2), session_id FROM handshakes",
	       "-|-|-;c1|-|-;-|5e|-;c1|5e|-;-|-|1d;c1|-|1d;-|5e|1d;c1|5e|1d");
}

static void handshakes_that_agree_share_rows(void **state)
{
	static const struct finding_kind kinds[] = { { .code = "one", .severity = 1, .title = "t", .remedy = "r" } };
	struct place *p = *state;

	start(p);
	assert_true(sqlite_know_findings(p->sink, kinds, 1, &p->error));
	for (unsigned i = 0; i < 4; i++) {
		struct handshake h = a_handshake(i + 1);
		struct finding_list list = { .count = 1,
					     .at = { { .kind = kinds, .certificate = FINDING_NO_CERTIFICATE,
						       .detail = i == 3 ? "other" : "same" } } };

		h.findings = &list;
		h.alpn = handshake_keep_text(&h, i == 2 ? "h2" : "h3");
		handshake_add_message(&h, (struct message){ .type = i == 1, .bytes = i, .time_ns = h.time_ns });
		put(p, &h);
	}
	stop(p);
	expect(p, "SELECT (SELECT count(*) FROM trait_rows), (SELECT count(*) FROM handshake_lists)", "2|4");
	expect(p, "SELECT group_concat(alpn) FROM handshakes", "h3,h3,h2,h3");
	expect(p, "SELECT group_concat(detail) FROM findings", "same,same,same,other");
	expect(p, "SELECT group_concat(message), group_concat(bytes) FROM messages",
	       "hello_request,client_hello,hello_request,hello_request|0,1,2,3");
	database_is_sound(p);
}

static void marks_become_lists_in_their_order(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.reassembly = REASSEMBLY_ONE_SIDED | REASSEMBLY_GAP;
	h.inferred = INFERRED_TLS_MS | INFERRED_OUTCOME | INFERRED_CAUSE;
	put(p, &h);
	stop(p);
	expect(p, "SELECT reassembly, inferred, inferred ->> 2 FROM handshakes",
	       "gap,one_sided|[\"outcome\",\"tls_ms\",\"cause\"]|cause");
}

static void every_enumeration_and_flag_has_a_place_of_its_own(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.transport = TRANSPORT_DTLS;
	h.outcome = OUTCOME_PARTIAL;
	h.stage = STAGE_FINISHED;
	h.ended_by = ENDED_BY_CAPTURE;
	h.resumption = RESUMPTION_PSK;
	h.early_data = EARLY_DATA_REJECTED;
	h.ech = ECH_REJECTED;
	h.client_auth = CLIENT_AUTH_REJECTED;
	h.key_exchange = KEY_EXCHANGE_NULL;
	h.ocsp_status = OCSP_UNKNOWN;
	h.alert_sender = SENDER_CLIENT;
	put(p, &h);
	h = a_handshake(2);
	h.forward_secrecy = h.hello_retry = h.encrypt_then_mac = h.certificates_visible =
		h.dtls_cookie = 1;
	h.post_quantum = h.extended_master_secret = h.secure_renegotiation = h.quic_retry = 0;
	put(p, &h);
	stop(p);
	expect(p,
	       "SELECT transport, outcome, stage, ended_by, resumption, early_data, ech, "
	       "client_auth, key_exchange, ocsp_status, alert_from "
	       "FROM handshakes WHERE id = 1",
	       "dtls|partial|finished|capture|psk|rejected|rejected|rejected|NULL|unknown|client");
	expect(p,
	       "SELECT forward_secrecy, post_quantum, hello_retry, extended_master_secret, "
	       "encrypt_then_mac, secure_renegotiation, "
	       "certificates_visible, quic_retry, dtls_cookie FROM handshakes WHERE id = 2",
	       "1|0|1|0|1|0|1|0|1");
}

static void codes_without_a_name_are_printed_as_numbers(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.version = 0x7f1c;
	h.cipher = 0xfefd;
	h.named_group = 0x1a1a;
	h.alert_code = ALERT_ENCRYPTED;
	h.quic_version = 0x1234abcd;
	put(p, &h);
	stop(p);
	expect(p,
	       "SELECT version, cipher, named_group, alert, alert_code, quic_version FROM "
	       "handshakes",
	       "TLS 1.3 draft 28|0xfefd|GREASE|encrypted|-|0x1234abcd");
}

static void text_from_the_wire_is_made_safe(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.server_name =
		handshake_keep(&h, (struct bytes){ (const uint8_t *)"a\0\x1b\xff", 4 }, NULL);
	h.alpn = handshake_keep_text(&h, "h2\n");
	put(p, &h);
	stop(p);
	expect(p, "SELECT server_name, alpn FROM handshakes", "a\\x00\\x1b\\xff|h2\\x0a");
}

static void times_before_the_epoch_are_dates_too(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	h.time_ns = -1;
	put(p, &h);
	stop(p);
	expect(p, "SELECT time, time_ns FROM handshakes", "1969-12-31T23:59:59.999999999Z|-1");
}

static void whole_microseconds_come_back_to_the_nanosecond(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	handshake_add_message(&h, (struct message){ .type = 1, .bytes = 517, .time_ns = h.time_ns + 1234567000 });
	handshake_add_message(&h, (struct message){ .type = 2, .bytes = 90, .time_ns = TIME_NONE });
	put(p, &h);
	h = a_handshake(2);
	handshake_add_message(&h, (struct message){ .type = 1, .bytes = 517, .time_ns = h.time_ns + 1234567001 });
	put(p, &h);
	stop(p);
	expect(p, "SELECT time_ms FROM messages", "1234.567;-;1234.567001");
}

static void the_ladder_comes_back_as_messages_and_alerts(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	handshake_add_message(
		&h, (struct message){ .type = 1, .bytes = 517, .time_ns = h.time_ns + 1500000 });
	handshake_add_message(&h, (struct message){ .type = MESSAGE_CHANGE_CIPHER_SPEC,
						    .sender = SENDER_SERVER,
						    .bytes = 1,
						    .time_ns = TIME_NONE });
	handshake_add_message(&h, (struct message){ .type = 8,
						    .sender = SENDER_SERVER,
						    .bytes = 20,
						    .time_ns = h.time_ns - 1,
						    .decrypted = true });
	handshake_add_alert(&h, (struct alert){ .sender = SENDER_SERVER,
						.level = 2,
						.description = 48,
						.time_ns = h.time_ns + 1 });
	put(p, &h);
	stop(p);
	expect(p, "SELECT * FROM messages",
	       "1|1|client|client_hello|517|1.5|0;1|2|server|change_cipher_spec|1|-|0;1|3|server|"
	       "encrypted_extensions|20|-1.0e-06|1");
	expect(p, "SELECT * FROM alerts", "1|1|server|fatal|2|unknown_ca|48|1.0e-06");
}

static const uint32_t two_ciphers[] = { 0x0a0a, 0x1301 }, other_ciphers[] = { 0x010080 };
static const struct bytes two_names[] = { { (const uint8_t *)"h2", 2 },
					  { (const uint8_t *)"http/1.1\"", 9 } };

static struct hello a_hello(void)
{
	return (struct hello){
		.version_highest = 0x0304,
		.offers = {
			[OFFER_CIPHER] = { .seen = true, .count = 2, .codes = two_ciphers },
			[OFFER_EXTENSION] = { .seen = true },
			[OFFER_ALPN] = { .seen = true, .count = 2, .names = two_names },
		},
		.ja3 = "00112233445566778899aabbccddeeff",
		.ja4 = "t13d0202h2_000000000000_000000000000",
	};
}

static void offers_name_what_was_offered(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);
	struct hello client = a_hello(), second = {
		.offers[OFFER_CIPHER] = { .seen = true, .count = 1, .codes = other_ciphers }
	};

	start(p);
	h.client_hello = &client;
	h.client_hello_second = &second;
	put(p, &h);
	stop(p);
	expect(p, "SELECT * FROM offers ORDER BY hello, kind, position",
	       "1|client|1|alpn|0|-|h2;1|client|1|alpn|1|-|http/"
	       "1.1\";1|client|1|cipher|0|2570|GREASE;"
	       "1|client|1|cipher|1|4865|TLS_AES_128_GCM_SHA256;1|client|2|cipher|0|65664|SSL_CK_"
	       "RC4_128_WITH_MD5");
	expect(p, "SELECT ja3, ja4, ja3s, version_offered FROM handshakes",
	       "00112233445566778899aabbccddeeff|t13d0202h2_000000000000_000000000000|-|TLS 1.3");
	database_is_sound(p);
}

static void hellos_that_are_alike_are_stored_once(void **state)
{
	struct place *p = *state;
	struct hello one = a_hello(), same = a_hello(), other = a_hello();

	start(p);
	other.ja4[0] = 'q';
	for (int i = 0; i < 3; i++) {
		struct handshake h = a_handshake((uint64_t)i + 1);

		h.client_hello = i == 0 ? &one : i == 1 ? &same : &other;
		put(p, &h);
	}
	stop(p);
	start(p);
	struct handshake again = a_handshake(1);
	again.client_hello = &one;
	put(p, &again);
	stop(p);
	expect(p,
	       "SELECT (SELECT count(*) FROM hello_rows), (SELECT count(*) FROM lists), "
	       "count(DISTINCT ja4), count(*) FROM handshakes",
	       "2|3|2|4");
	database_is_sound(p);
}

/* A chain of two, freed by the caller. */
static struct chain *a_chain(uint8_t leaf)
{
	struct chain *c = calloc(1, sizeof *c + 2 * sizeof(struct certificate_ref));
	struct certificate_ref *members = c->certificates;

	c->count = c->kept = 2;
	for (int i = 0; i < 2; i++)
		members[i].der = (struct bytes){ (const uint8_t *)"no certificate", 14 };
	memset(members[0].sha256, leaf, 32);
	memset(members[1].sha256, 0xcc, 32);
	return c;
}

static void chains_are_stored_once_and_counted(void **state)
{
	struct place *p = *state;
	struct chain *first = a_chain(1), *second = a_chain(2);

	start(p);
	for (int i = 0; i < 3; i++) {
		struct handshake h = a_handshake((uint64_t)i + 1);

		h.time_ns += i;
		h.server_chain = i < 2 ? first : second;
		h.client_chain = i == 1 ? second : NULL;
		put(p, &h);
	}
	stop(p);
	expect(p,
	       "SELECT handshake_id, sender, position, substr(sha256, 1, 2) FROM chains ORDER BY "
	       "1, 2, 3",
	       "1|server|0|01;1|server|1|cc;2|client|0|02;2|client|1|cc;2|server|0|01;2|server|1|"
	       "cc;3|server|0|02;3|server|1|cc");
	expect(p,
	       "SELECT substr(sha256, 1, 2), handshakes, substr(first_seen, 21), substr(last_seen, "
	       "21) FROM certificates WHERE sha256 LIKE '0%' ORDER BY 1",
	       "01|2|123456789Z|123456790Z;02|2|123456790Z|123456791Z");
	expect(p, "SELECT substr(leaf_sha256, 1, 4) FROM handshakes ORDER BY id", "0101;0101;0202");
	database_is_sound(p);
	free(first);
	free(second);
}

static void a_certificate_that_cannot_be_read_keeps_its_bytes(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);
	struct chain *chain = a_chain(1);

	start(p);
	h.server_chain = chain;
	put(p, &h);
	stop(p);
	free(chain);
	expect(p,
	       "SELECT subject, not_after, key_type, is_ca, sct_count, der FROM certificates LIMIT "
	       "1",
	       "-|-|-|-|-|no certificate");
}

static void a_reopened_database_goes_on(void **state)
{
	struct place *p = *state;
	for (int run = 0; run < 2; run++) {
		start(p);
		struct chain *chain = a_chain(1);
		for (uint64_t i = 1; i <= 2; i++) {
			struct handshake h = a_handshake(i);

			h.server_chain = chain;
			put(p, &h);
		}
		stop(p);
		free(chain);
	}
	expect(p, "SELECT id, capture_id, connection_id FROM handshakes ORDER BY id",
	       "1|1|1;2|1|2;3|2|3;4|2|4");
	expect(p,
	       "SELECT count(*) FROM certificates UNION ALL SELECT max(handshakes) FROM "
	       "certificates",
	       "2;4");
	database_is_sound(p);
}

static void a_row_remembered_from_another_database_is_not_believed(void **state)
{
	struct place *p = *state;
	struct hello hello = a_hello();
	struct chain *chain = a_chain(1);

	for (int run = 0; run < 2; run++) {
		struct handshake h = a_handshake(1);

		start(p);
		h.client_hello = &hello;
		h.server_chain = chain;
		put(p, &h);
		stop(p);
		expect(p, "SELECT count(ja4), (SELECT count(*) FROM certificates) FROM handshakes",
		       "1|2");
		database_is_sound(p);
		remove_files(p);
	}
	assert_true(hello.stored_id != 0);
	free(chain);
}

static void a_resumption_names_where_it_came_from(void **state)
{
	struct place *p = *state;
	struct handshake first = a_handshake(1), second = a_handshake(2), full = a_handshake(3);

	start(p);
	first.session_given = 76;
	first.more_sessions_given[HANDSHAKE_TICKETS_MORE - 1] = 77;
	put(p, &first);
	second.session_offered = 77;
	second.resumption = RESUMPTION_TICKET;
	put(p, &second);
	full.session_offered = 77;
	full.resumption = RESUMPTION_NONE;
	put(p, &full);
	stop(p);
	expect(p, "SELECT resumed_from FROM handshakes ORDER BY id", "-;1;-");
	database_is_sound(p);
}

static void make_with(const struct place *p, const char *sql);

/* The chain's leaf is no certificate at all, and says nothing of timestamps. */
static void timestamps_of_all_carriers_are_counted_together(void **state)
{
	struct place *p = *state;
	struct chain *chain = a_chain(1);
	struct handshake with = a_handshake(1), without = a_handshake(2), neither = a_handshake(3);

	start(p);
	with.sct_count = 2;
	with.server_chain = chain;
	put(p, &with);
	without.sct_count = 3;
	put(p, &without);
	put(p, &neither);
	stop(p);
	expect(p, "SELECT sct_count FROM handshakes ORDER BY id", "2;3;-");
	make_with(p, "UPDATE certificate_rows SET sct_count = 1");
	expect(p, "SELECT sct_count FROM handshakes ORDER BY id", "3;3;-");
	free(chain);
}

static void a_capture_has_its_counters(void **state)
{
	struct place *p = *state;

	start(p);
	p->capture.packets = 12;
	p->capture.kernel_drops = 3;
	p->capture.link_type = "EN10MB";
	p->capture.limits.bitten[LIMIT_MESSAGES] = 2;
	p->capture.limits.bitten[LIMIT_FLOWS] = 1;
	stop(p);
	expect(p,
	       "SELECT id, source, kind, link_type, filter, started, ended, packets, kernel_drops, "
	       "limits, version FROM captures",
	       "1|a.pcap|file|EN10MB|-|1970-01-01T00:00:00.000000001Z|-|12|-|{\"messages\":2,"
	       "\"flows\":1}|" OVERHEAR_VERSION);
	start(p);
	p->capture.drops_known = true;
	p->capture.kernel_drops = 3;
	stop(p);
	expect(p, "SELECT kernel_drops, interface_drops, limits FROM captures WHERE id = 2",
	       "3|0|{}");
}

static void only_a_finished_reading_is_known_again(void **state)
{
	struct place *p = *state;
	int64_t id = 0;
	int status = 0;

	start(p);
	assert_false(sqlite_find_capture(p->sink, "f1", &status, &id));
	assert_true(sqlite_sink.end(p->sink, &p->capture, &p->error));
	assert_true(sqlite_find_capture(p->sink, "f1", &status, &id));
	assert_int_equal(status, 1);
	assert_int_equal(id, 1);
	assert_false(sqlite_find_capture(p->sink, "f2", &status, &id));
	assert_false(sqlite_find_capture(p->sink, NULL, &status, &id));
}

static void a_forgotten_capture_takes_along_what_only_it_used(void **state)
{
	struct place *p = *state;
	struct hello shared = a_hello(), own = a_hello();
	struct chain *both = a_chain(1), *only = a_chain(2);

	own.offers[OFFER_CIPHER].count = 1;
	for (int run = 0; run < 2; run++) {
		start(p);
		for (int i = 0; i < 2; i++) {
			struct handshake h = a_handshake((uint64_t)i + 1);

			if (i && run)
				break;
			h.client_hello = i ? &own : &shared;
			h.server_chain = i ? only : both;
			put(p, &h);
		}
		stop(p);
	}
	start(p);
	assert_true(sqlite_forget_capture(p->sink, 1, &p->error));
	struct handshake h = a_handshake(1);
	h.client_hello = &own;
	put(p, &h);
	stop(p);
	expect(p, "SELECT count(*), min(capture_id), count(ja4) FROM handshakes", "2|2|2");
	expect(p, "SELECT substr(sha256, 1, 2), handshakes FROM certificates ORDER BY 1",
	       "01|1;cc|1");
	expect(p, "SELECT group_concat(id) FROM captures", "2,3");
	expect(p, "SELECT count(*) FROM hello_rows UNION ALL SELECT count(*) FROM lists", "2;4");
	expect(p, "SELECT count(*) FROM trait_rows WHERE id NOT IN (SELECT traits FROM handshake_rows)", "0");
	database_is_sound(p);
	free(both);
	free(only);
}

static void write_file(const struct place *p, const void *at, size_t len)
{
	FILE *f = fopen(p->path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(at, 1, len, f), len);
	fclose(f);
}

static char *read_file(const struct place *p, size_t *len)
{
	char *at = calloc(1, 1 << 20);
	FILE *f = fopen(p->path, "rb");

	assert_non_null(f);
	*len = fread(at, 1, 1 << 20, f);
	fclose(f);
	return at;
}

static void refuses_and_leaves_alone(struct place *p, const char *why)
{
	size_t before_len, after_len;
	char *before = read_file(p, &before_len), *after;

	assert_false(sqlite_sink.open(&p->sink, p->path, &p->error));
	assert_int_equal(p->error.status, EXIT_IO);
	assert_non_null(strstr(p->error.text, why));
	assert_non_null(strstr(p->error.text, p->path));
	after = read_file(p, &after_len);
	assert_int_equal(before_len, after_len);
	assert_memory_equal(before, after, after_len);
	free(before);
	free(after);
}

static void make_with(const struct place *p, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(p->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void what_is_no_database_is_refused(void **state)
{
	struct place *p = *state;

	write_file(p, "some notes\n", 11);
	refuses_and_leaves_alone(p, "not a database");
}

static void a_strangers_database_is_refused(void **state)
{
	struct place *p = *state;

	make_with(p, "CREATE TABLE notes(t)");
	refuses_and_leaves_alone(p, "another program");
	make_with(p, "DROP TABLE notes; PRAGMA application_id = 7");
	refuses_and_leaves_alone(p, "another program");
}

static void a_newer_database_is_refused(void **state)
{
	struct place *p = *state;

	start(p);
	stop(p);
	make_with(p, "PRAGMA user_version = 1000; PRAGMA journal_mode = DELETE");
	refuses_and_leaves_alone(p, "newer");
}

static void an_empty_file_becomes_a_database(void **state)
{
	struct place *p = *state;

	write_file(p, "", 0);
	start(p);
	stop(p);
	expect(p, "PRAGMA application_id", "1870030962");
	expect(p, "PRAGMA user_version", "3");
	expect(p, "PRAGMA journal_mode", "wal");
}

static void a_database_whose_making_was_cut_short_is_made(void **state)
{
	struct place *p = *state;

	make_with(p, "PRAGMA journal_mode = WAL");
	start(p);
	stop(p);
	expect(p, "SELECT count(*) FROM captures", "1");
}

/* Killed at once: all but the first page still lies in the write-ahead log. */
static void a_database_whose_writer_was_killed_goes_on(void **state)
{
	struct place *p = *state;
	int how;
	pid_t writer = fork();

	if (!writer) {
		start(p);
		_exit(0);
	}
	assert_int_equal(waitpid(writer, &how, 0), writer);
	assert_int_equal(how, 0);
	start(p);
	stop(p);
	expect(p, "SELECT count(*) FROM captures", "2");
}

static void nobody_else_may_read_it(void **state)
{
	struct place *p = *state;
	struct stat s;

	start(p);
	assert_int_equal(stat(p->path, &s), 0);
	assert_int_equal(s.st_mode & 0777, 0600);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	struct place *p = *state;

	assert_false(sqlite_sink.open(&p->sink, "/nonexistent/t.db", &p->error));
	assert_string_equal(p->error.text,
			    "cannot open '/nonexistent/t.db': No such file or directory");
}

static void limit_file_size(rlim_t most)
{
	struct rlimit r;

	getrlimit(RLIMIT_FSIZE, &r);
	r.rlim_cur = most;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

/* A limit on file sizes is a full disk that a test can have. */
static void a_full_disk_loses_rows_by_number_and_goes_on(void **state)
{
	struct place *p = *state;
	struct sink_counts counts;
	uint64_t refused = 0;
	struct hello hello = a_hello();
	enum { ROWS = 20000, ROWS_AFTER = 7 };

	signal(SIGXFSZ, SIG_IGN);
	start(p);
	limit_file_size(300000);
	for (uint64_t i = 1; i <= ROWS; i++) {
		struct handshake h = a_handshake(i);

		h.client_hello = &hello;
		refused += !sqlite_sink.put(p->sink, &h, &p->error);
		handshake_finish(&h);
	}
	sqlite_sink.flush(p->sink, &p->error);
	limit_file_size(RLIM_INFINITY);
	assert_true(refused > 0);
	assert_non_null(strstr(p->error.text, p->path));
	for (uint64_t i = 1; i <= ROWS_AFTER; i++) {
		struct handshake h = a_handshake(ROWS + i);

		h.client_hello = &hello;
		put(p, &h);
	}
	assert_true(sqlite_sink.flush(p->sink, &p->error));
	sqlite_sink.counts(p->sink, &counts);
	assert_true(counts.lost > 0);
	assert_int_equal(counts.handshakes + counts.lost, ROWS + ROWS_AFTER);
	stop(p);
	char want[24];
	snprintf(want, sizeof want, "%llu", (unsigned long long)counts.handshakes);
	expect(p, "SELECT count(ja4) FROM handshakes", want);
	database_is_sound(p);
}

struct holder {
	sqlite3 *db;
};

static void *let_go(void *context)
{
	struct holder *holder = context;

	usleep(20000);
	sqlite3_exec(holder->db, "COMMIT", NULL, NULL, NULL);
	return NULL;
}

static void another_writer_is_waited_for(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);
	struct holder holder;
	pthread_t thread;

	start(p);
	assert_int_equal(sqlite3_open(p->path, &holder.db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(holder.db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(pthread_create(&thread, NULL, let_go, &holder), 0);
	put(p, &h);
	pthread_join(thread, NULL);
	sqlite3_close(holder.db);
	stop(p);
	expect(p, "SELECT count(*) FROM handshakes", "1");
}

static void readers_see_what_was_flushed(void **state)
{
	struct place *p = *state;
	struct handshake h = a_handshake(1);

	start(p);
	put(p, &h);
	expect(p, "SELECT count(*) FROM handshakes", "0");
	assert_true(sqlite_sink.flush(p->sink, &p->error));
	expect(p, "SELECT count(*) FROM handshakes", "1");
}

static void many_rows_are_made_durable_unasked(void **state)
{
	struct place *p = *state;

	start(p);
	for (uint64_t i = 1; i <= 6000; i++) {
		struct handshake h = a_handshake(i);

		put(p, &h);
	}
	expect(p, "SELECT count(*) > 0 FROM handshakes", "1");
}

static void community_ids_are_those_of_the_specification(void **state)
{
	struct place *p = *state;
	struct handshake tcp = a_handshake(1), back = a_handshake(2), udp = a_handshake(3);

	start(p);
	tcp.client = (struct address){ { [10] = 0xff, 0xff, 128, 232, 110, 120 } };
	tcp.server = (struct address){ { [10] = 0xff, 0xff, 66, 35, 250, 204 } };
	tcp.client_port = 34855;
	tcp.server_port = 80;
	back.client = tcp.server;
	back.server = tcp.client;
	back.client_port = 80;
	back.server_port = 34855;
	udp.transport = TRANSPORT_QUIC;
	udp.client = (struct address){ { [10] = 0xff, 0xff, 192, 168, 1, 52 } };
	udp.server = (struct address){ { [10] = 0xff, 0xff, 8, 8, 8, 8 } };
	udp.client_port = 54585;
	udp.server_port = 53;
	put(p, &tcp);
	put(p, &back);
	put(p, &udp);
	stop(p);
	expect(p, "SELECT community_id FROM handshakes ORDER BY id",
	       "1:LQU9qZlK+B5F3KDmev6m5PMibrg=;1:LQU9qZlK+B5F3KDmev6m5PMibrg=;1:d/"
	       "FP5EW3wiY1vCndhwleRRKHowQ=");
}

static void views_of_later_releases_have_their_columns(void **state)
{
	struct place *p = *state;

	start(p);
	stop(p);
	expect(p,
	       "SELECT handshake_id, sha256, code, severity, confidence, title, detail, remedy "
	       "FROM findings",
	       "");
	expect(p,
	       "SELECT capture_id, client_ip, server_ip, server_port, reason, starttls, attempts, "
	       "first_seen, last_seen FROM attempts",
	       "");
	expect(p, "SELECT name FROM names WHERE kind = 'cipher' AND code = 4865",
	       "TLS_AES_128_GCM_SHA256");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_view_has_the_columns_of_the_table_in_its_order),
		TEST(what_was_seen_comes_back),
		TEST(what_was_not_seen_is_null),
		TEST(an_empty_session_id_is_null),
		TEST(ends_come_back_whatever_they_are),
		TEST(each_of_the_randoms_may_be_unseen),
		TEST(handshakes_that_agree_share_rows),
		TEST(marks_become_lists_in_their_order),
		TEST(every_enumeration_and_flag_has_a_place_of_its_own),
		TEST(codes_without_a_name_are_printed_as_numbers),
		TEST(text_from_the_wire_is_made_safe),
		TEST(times_before_the_epoch_are_dates_too),
		TEST(whole_microseconds_come_back_to_the_nanosecond),
		TEST(the_ladder_comes_back_as_messages_and_alerts),
		TEST(offers_name_what_was_offered),
		TEST(hellos_that_are_alike_are_stored_once),
		TEST(chains_are_stored_once_and_counted),
		TEST(a_certificate_that_cannot_be_read_keeps_its_bytes),
		TEST(a_reopened_database_goes_on),
		TEST(a_row_remembered_from_another_database_is_not_believed),
		TEST(a_resumption_names_where_it_came_from),
		TEST(timestamps_of_all_carriers_are_counted_together),
		TEST(a_capture_has_its_counters),
		TEST(only_a_finished_reading_is_known_again),
		TEST(a_forgotten_capture_takes_along_what_only_it_used),
		TEST(what_is_no_database_is_refused),
		TEST(a_strangers_database_is_refused),
		TEST(a_newer_database_is_refused),
		TEST(an_empty_file_becomes_a_database),
		TEST(a_database_whose_making_was_cut_short_is_made),
		TEST(a_database_whose_writer_was_killed_goes_on),
		TEST(nobody_else_may_read_it),
		TEST(a_folder_that_is_not_there_is_named),
		TEST(a_full_disk_loses_rows_by_number_and_goes_on),
		TEST(another_writer_is_waited_for),
		TEST(readers_see_what_was_flushed),
		TEST(many_rows_are_made_durable_unasked),
		TEST(community_ids_are_those_of_the_specification),
		TEST(views_of_later_releases_have_their_columns),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
