#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/tls.h"
#include "tests/unit/wire.h"

enum { CLIENT, SERVER };	/* ends of the flow */

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct tls t;
	int64_t now_ns;
	uint64_t number;
	bool ours;
};

static struct bench *open_bench(void)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->env.base_ns = 1000;
	b->now_ns = 1000;
	tls_init(&b->t);
	b->ours = true;
	return b;
}

static void close_bench(struct bench *b)
{
	tls_finish(&b->t, &b->env);
	assert_int_equal(b->env.message_bytes, 0);
	tls_env_finish(&b->env);
	free(b);
}

/* Each push is a packet of its own, a microsecond after the one before. */
static void push_after(struct bench *b, unsigned end, struct bytes data, uint64_t missing)
{
	struct chunk c = { .data = data, .time_ns = b->now_ns += 1000, .number = ++b->number, .missing = missing };

	b->ours = tls_push(&b->t, &b->env, end, &c) && b->ours;
}

static void push(struct bench *b, unsigned end, struct bytes data)
{
	push_after(b, end, data, 0);
}

static void push_record(struct bench *b, unsigned end, uint8_t type, const void *at, size_t len)
{
	struct buffer record = { 0 };

	wire_record(&record, type, at, len);
	push(b, end, buffer_bytes(&record));
	buffer_finish(&record);
}

static void add_client_hello(struct buffer *out, const char *name)
{
	static const uint8_t suites[] = { 0xc0, 0x2f };
	struct buffer x = { 0 }, body = { 0 };

	wire_server_name(&x, name);
	wire_client_hello(&body, suites, sizeof suites, &x);
	wire_message(out, 1, body.at, body.len);
	buffer_finish(&x);
	buffer_finish(&body);
}

static void add_server_flight(struct buffer *out)
{
	static const uint8_t certificate[] = { 0, 0, 5, 0, 0, 2, 0x30, 0 };
	struct buffer body = { 0 };

	wire_server_hello(&body, 0xc02f, NULL);
	wire_message(out, 2, body.at, body.len);
	wire_message(out, 11, certificate, sizeof certificate);
	wire_message(out, 14, "", 0);
	buffer_finish(&body);
}

static void push_messages(struct bench *b, unsigned end, void (*add)(struct buffer *))
{
	struct buffer m = { 0 };

	add(&m);
	push_record(b, end, 22, m.at, m.len);
	buffer_finish(&m);
}

static void add_hello(struct buffer *out)
{
	add_client_hello(out, "a.test");
}

/* A whole TLS 1.2 handshake; the rest of the flights is nothing but shapes. */
static void handshake(struct bench *b)
{
	static const uint8_t key_exchange[] = { 16, 0, 0, 1, 7 };

	push_messages(b, CLIENT, add_hello);
	push_messages(b, SERVER, add_server_flight);
	push_record(b, CLIENT, 22, key_exchange, sizeof key_exchange);
	push_record(b, CLIENT, 20, "\1", 1);
	push_record(b, CLIENT, 22, "encrypted client finished, 40 bytes long", 40);
	push_record(b, SERVER, 20, "\1", 1);
	push_record(b, SERVER, 22, "encrypted server finished, 40 bytes long", 40);
}

static struct handshake *only(struct bench *b)
{
	assert_int_equal(b->env.finished_count, 1);
	return b->env.finished[0];
}

static void assert_name(const struct handshake *h, const char *name)
{
	struct bytes is = handshake_text(h, h->server_name);

	assert_int_equal(is.len, strlen(name));
	assert_memory_equal(is.at, name, is.len);
}

static void a_handshake_is_emitted_with_the_first_answer(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	handshake(b);
	assert_int_equal(b->env.finished_count, 0);
	push_record(b, CLIENT, 23, "request", 7);
	push_record(b, SERVER, 23, "response", 8);
	struct handshake *h = only(b);
	assert_name(h, "a.test");
	assert_int_equal(h->outcome, OUTCOME_COMPLETED);
	assert_int_equal(h->stage, STAGE_FINISHED);
	assert_int_equal(h->version, 0x0303);
	assert_int_equal(h->cipher, 0xc02f);
	assert_int_equal(h->server_certificates, 1);
	assert_int_equal(h->round_trips, 2);
	assert_int_equal(h->packets, 7);
	/* Seven packets a microsecond apart, the server's Finished in the last. */
	assert_int_equal(h->tls_ns, 6000);
	assert_int_equal(h->server_hello_ns, 1000);
	assert_int_equal(h->first_byte_ns, 1000);
	close_bench(b);
}

static void every_split_gives_the_same(void **state)
{
	struct buffer hello = { 0 }, record = { 0 };

	(void)state;
	add_hello(&hello);
	wire_record(&record, 22, hello.at, hello.len);
	for (size_t cut = 1; cut < record.len; cut++) {
		struct bench *b = open_bench();

		push(b, CLIENT, (struct bytes){ record.at, cut });
		push(b, CLIENT, (struct bytes){ record.at + cut, record.len - cut });
		tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
		assert_name(only(b), "a.test");
		assert_int_equal(only(b)->outcome, OUTCOME_OPEN);
		close_bench(b);
	}
	buffer_finish(&hello);
	buffer_finish(&record);
}

static void a_message_may_lie_in_records_of_one_byte_and_empty_ones(void **state)
{
	struct bench *b = open_bench();
	struct buffer hello = { 0 };

	(void)state;
	add_hello(&hello);
	for (size_t i = 0; i < hello.len; i++) {
		push_record(b, CLIENT, 22, hello.at + i, 1);
		push_record(b, CLIENT, 22, "", 0);
	}
	push_record(b, SERVER, 21, "\2\50", 2);
	tls_closed(&b->t, &b->env, SERVER, true);
	struct handshake *h = only(b);
	assert_name(h, "a.test");
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->alert_code, 40);
	assert_int_equal(h->ended_by, ENDED_BY_SERVER);
	buffer_finish(&hello);
	close_bench(b);
}

static void an_empty_message_in_two_segments_waits_for_nothing(void **state)
{
	static const uint8_t certificate[] = { 11, 0, 0, 3, 0, 0, 0 }, done[] = { 22, 3, 3, 0, 4, 14, 0, 0, 0 };
	struct bench *b = open_bench();
	struct buffer hello = { 0 }, m = { 0 };

	(void)state;
	push_messages(b, CLIENT, add_hello);
	wire_server_hello(&hello, 0xc02f, NULL);
	wire_message(&m, 2, hello.at, hello.len);
	push_record(b, SERVER, 22, m.at, m.len);
	push_record(b, SERVER, 22, certificate, sizeof certificate);
	push(b, SERVER, (struct bytes){ done, 8 });
	push(b, SERVER, (struct bytes){ done + 8, 1 });
	assert_int_equal(handshake_message(&b->t.exchange.h, b->t.exchange.h.message_count - 1)->type, 14);
	buffer_finish(&hello);
	buffer_finish(&m);
	close_bench(b);
}

static void what_is_not_tls_is_refused(void **state)
{
	static const char *const others[] = { "GET / HTTP/1.1\r\n", "220 mail ready\r\n", "\x16\x02\x01", "\x16\x03\x09",
		"\x16\x03\x01\xff\xff\x01", "\x16\x03\x01\x02\x00\x09" };

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		assert_int_equal(tls_looks((struct bytes){ (const uint8_t *)others[i], i < 4 ? strlen(others[i]) : 6 }), LOOK_NO);
	assert_int_equal(tls_looks((struct bytes){ (const uint8_t *)"\x16\x03", 2 }), LOOK_MAYBE);
	assert_int_equal(tls_looks((struct bytes){ (const uint8_t *)"\x16\x03\x01\x02\x00\x01", 6 }), LOOK_YES);
}

static void the_answer_seen_before_the_hello_counts(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push_record(b, SERVER, 21, "\2\106", 2);	/* protocol_version */
	push_messages(b, CLIENT, add_hello);
	tls_end(&b->t, &b->env, EXCHANGE_END_IDLE, -1);
	assert_int_equal(only(b)->alert_code, 70);
	assert_int_equal(only(b)->alert_sender, SENDER_SERVER);
	close_bench(b);
}

static void an_answer_that_is_not_tls_fails_it(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push_messages(b, CLIENT, add_hello);
	push(b, SERVER, (struct bytes){ (const uint8_t *)"HTTP/1.1 400 Bad Request", 24 });
	tls_end(&b->t, &b->env, EXCHANGE_END_IDLE, SERVER);
	assert_int_equal(only(b)->outcome, OUTCOME_FAILED);
	assert_int_equal(only(b)->ended_by, ENDED_BY_SERVER);
	close_bench(b);
}

static void an_answer_that_is_not_tls_is_told_from_its_first_byte(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push_messages(b, CLIENT, add_hello);
	push(b, SERVER, (struct bytes){ (const uint8_t *)"SSH-", 4 });
	push(b, SERVER, (struct bytes){ (const uint8_t *)"2.0-x", 5 });
	tls_end(&b->t, &b->env, EXCHANGE_END_IDLE, SERVER);
	struct bytes answer = handshake_text(only(b), only(b)->answer);
	assert_int_equal(answer.len, 9);
	assert_memory_equal(answer.at, "SSH-2.0-x", 9);
	close_bench(b);
}

static void a_hole_in_the_certificate_costs_the_certificate_alone(void **state)
{
	struct bench *b = open_bench();
	struct buffer flight = { 0 }, record = { 0 };

	(void)state;
	push_messages(b, CLIENT, add_hello);
	add_server_flight(&flight);
	wire_record(&record, 22, flight.at, flight.len);
	/* The last four bytes are ServerHelloDone; the two before them, of the certificate, are lost. */
	push(b, SERVER, (struct bytes){ record.at, record.len - 6 });
	push_after(b, SERVER, (struct bytes){ record.at + record.len - 4, 4 }, 2);
	tls_end(&b->t, &b->env, EXCHANGE_END_IDLE, -1);
	struct handshake *h = only(b);
	assert_int_equal(h->cipher, 0xc02f);
	assert_int_equal(h->server_certificates, -1);
	assert_int_equal(handshake_message(h, (uint16_t)(h->message_count - 1))->type, 14);
	assert_true(h->reassembly & REASSEMBLY_GAP);
	assert_int_equal(h->outcome, OUTCOME_PARTIAL);
	buffer_finish(&flight);
	buffer_finish(&record);
	close_bench(b);
}

static void after_a_lost_header_a_record_is_found_again(void **state)
{
	struct bench *b = open_bench();
	struct buffer record = { 0 };

	(void)state;
	handshake(b);
	tls_finish(&b->t, &b->env);
	tls_init(&b->t);
	push_messages(b, CLIENT, add_hello);
	wire_record(&record, 20, "\1", 1);
	push_after(b, SERVER, buffer_bytes(&record), 500);
	assert_false(b->t.side[SERVER].lost);
	tls_end(&b->t, &b->env, EXCHANGE_END_IDLE, -1);
	assert_int_equal(only(b)->outcome, OUTCOME_PARTIAL);
	buffer_finish(&record);
	close_bench(b);
}

static void a_cut_hello_is_a_row_without_fingerprints(void **state)
{
	struct bench *b = open_bench();
	struct buffer hello = { 0 }, record = { 0 };

	(void)state;
	add_hello(&hello);
	wire_record(&record, 22, hello.at, hello.len);
	push(b, CLIENT, (struct bytes){ record.at, 60 });
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(only(b)->stage, STAGE_UNSEEN);
	assert_true(only(b)->has_client_random);
	assert_int_equal(only(b)->client_hello->ja3[0], 0);
	buffer_finish(&hello);
	buffer_finish(&record);
	close_bench(b);
}

static void a_hello_of_which_the_random_is_cut_is_no_row(void **state)
{
	struct bench *b = open_bench();
	struct buffer hello = { 0 }, record = { 0 };

	(void)state;
	add_hello(&hello);
	wire_record(&record, 22, hello.at, hello.len);
	push(b, CLIENT, (struct bytes){ record.at, 42 });
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(b->env.finished_count, 0);
	buffer_finish(&hello);
	buffer_finish(&record);
	close_bench(b);
}

static void an_encrypted_renegotiation_is_a_row_of_its_own(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	handshake(b);
	push_record(b, CLIENT, 22, "an encrypted ClientHello", 24);
	assert_int_equal(b->env.finished_count, 1);
	push_record(b, SERVER, 22, "an encrypted server flight", 26);
	push_record(b, CLIENT, 20, "sealed", 6);
	push_record(b, CLIENT, 22, "finished", 8);
	push_record(b, SERVER, 20, "sealed", 6);
	push_record(b, SERVER, 22, "finished", 8);
	tls_closed(&b->t, &b->env, CLIENT, true);
	assert_int_equal(b->env.finished_count, 2);
	struct handshake *second = b->env.finished[1];
	assert_int_equal(second->sequence, 1);
	assert_int_equal(second->outcome, OUTCOME_COMPLETED);
	assert_null(second->client_hello);
	assert_false(second->has_client_random);
	close_bench(b);
}

static void an_encrypted_renegotiation_may_be_answered_by_an_alert(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	handshake(b);
	push_record(b, CLIENT, 22, "an encrypted ClientHello", 24);
	push_record(b, SERVER, 21, "an encrypted no_renegotiation", 29);
	push_record(b, CLIENT, 21, "an encrypted refusal of that", 28);
	tls_closed(&b->t, &b->env, CLIENT, false);
	tls_closed(&b->t, &b->env, SERVER, false);
	assert_int_equal(b->env.finished_count, 2);
	assert_int_equal(b->env.finished[0]->outcome, OUTCOME_COMPLETED);
	assert_int_equal(b->env.finished[1]->outcome, OUTCOME_FAILED);
	assert_int_equal(b->env.finished[1]->ended_by, ENDED_BY_CLIENT);
	close_bench(b);
}

static void a_server_finished_is_enough_to_know(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push_messages(b, SERVER, add_server_flight);
	push_record(b, SERVER, 20, "\1", 1);
	push_record(b, SERVER, 22, "encrypted server finished, 40 bytes long", 40);
	tls_end(&b->t, &b->env, EXCHANGE_END_IDLE, -1);
	assert_int_equal(only(b)->outcome, OUTCOME_COMPLETED);
	assert_true(only(b)->inferred & INFERRED_OUTCOME);
	close_bench(b);
}

static void an_sslv2_hello_begins_a_handshake(void **state)
{
	static const uint8_t hello[] = { 0x80, 31, 1, 3, 1, 0, 6, 0, 0, 0, 16, 1, 0, 0x80, 0, 0xc0, 0x2f,
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct bench *b = open_bench();

	(void)state;
	push(b, CLIENT, (struct bytes){ hello, 4 });
	push(b, CLIENT, (struct bytes){ hello + 4, sizeof hello - 4 });
	push_messages(b, SERVER, add_server_flight);
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(only(b)->cipher, 0xc02f);
	assert_int_equal(only(b)->client_hello->offers[OFFER_CIPHER].codes[0], 0x010080);
	close_bench(b);
}

/* MESSAGE_BYTES bites: the message is skipped, not kept, and what follows is read. */
static void a_message_beyond_its_limit_is_skipped(void **state)
{
	struct bench *b = open_bench();
	uint8_t *body = calloc(1, 16384);
	const uint8_t certificate[] = { 11, 0x10, 0, 1 };	/* MESSAGE_BYTES_MAX + 1, its header aside */
	uint32_t left = 0x100001;

	(void)state;
	push_messages(b, CLIENT, add_hello);
	push_record(b, SERVER, 22, certificate, sizeof certificate);
	for (uint32_t n; left; left -= n) {
		n = left < 16384 ? left : 16384;
		push_record(b, SERVER, 22, body, n);
		assert_true(b->env.message_bytes < 65536);
	}
	push_messages(b, SERVER, add_server_flight);
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(b->limits.bitten[LIMIT_MESSAGE_BYTES], 1);
	assert_int_equal(only(b)->cipher, 0xc02f);
	assert_true(only(b)->reassembly & REASSEMBLY_LIMIT);
	free(body);
	close_bench(b);
}

/* MESSAGE_BUFFER_BYTES bites: what was read of the hello is kept. */
static void all_connections_share_a_budget(void **state)
{
	struct bench *b = open_bench();
	struct buffer hello = { 0 }, record = { 0 };

	(void)state;
	add_hello(&hello);
	wire_record(&record, 22, hello.at, hello.len);
	push(b, CLIENT, (struct bytes){ record.at, 60 });
	uint64_t others = MESSAGE_BUFFER_BYTES_MAX - b->env.message_bytes;
	b->env.message_bytes += others;
	push(b, CLIENT, (struct bytes){ record.at + 60, 5 });
	b->env.message_bytes -= others;
	assert_int_equal(b->limits.bitten[LIMIT_MESSAGE_BUFFER_BYTES], 1);
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_true(only(b)->has_client_random);
	assert_true(only(b)->reassembly & REASSEMBLY_LIMIT);
	buffer_finish(&hello);
	buffer_finish(&record);
	close_bench(b);
}

/* ALERTS and MESSAGES bite: the first are listed, the rest counted. */
static void a_flood_of_alerts_is_bounded(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push_messages(b, CLIENT, add_hello);
	for (int i = 0; i < MESSAGES_MAX + 10; i++)
		push_record(b, SERVER, 21, "\1\132", 2);
	tls_end(&b->t, &b->env, EXCHANGE_END_CAPTURE, -1);
	assert_int_equal(only(b)->alert_count, ALERTS_MAX);
	assert_int_equal(only(b)->message_count, MESSAGES_MAX);
	assert_true(b->limits.bitten[LIMIT_ALERTS] > 0);
	assert_true(b->limits.bitten[LIMIT_MESSAGES] > 0);
	assert_true(only(b)->reassembly & REASSEMBLY_LIMIT);
	close_bench(b);
}

/* CONNECTION_HANDSHAKES bites. */
static void renegotiations_are_bounded(void **state)
{
	struct bench *b = open_bench();
	size_t emitted = 0;

	(void)state;
	handshake(b);
	for (int i = 0; i < CONNECTION_HANDSHAKES_MAX + 5; i++) {
		push_record(b, CLIENT, 22, "hello", 5);
		push_record(b, CLIENT, 20, "sealed", 6);
		push_record(b, CLIENT, 22, "finished", 8);
		push_record(b, SERVER, 20, "sealed", 6);
		push_record(b, SERVER, 22, "finished", 8);
		for (; b->env.finished_count; emitted++)
			tls_env_give_back(&b->env, b->env.finished[--b->env.finished_count]);
	}
	assert_int_equal(emitted, CONNECTION_HANDSHAKES_MAX);
	assert_true(b->limits.bitten[LIMIT_CONNECTION_HANDSHAKES] > 0);
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_handshake_is_emitted_with_the_first_answer),
		cmocka_unit_test(every_split_gives_the_same),
		cmocka_unit_test(a_message_may_lie_in_records_of_one_byte_and_empty_ones),
		cmocka_unit_test(an_empty_message_in_two_segments_waits_for_nothing),
		cmocka_unit_test(what_is_not_tls_is_refused),
		cmocka_unit_test(the_answer_seen_before_the_hello_counts),
		cmocka_unit_test(an_answer_that_is_not_tls_fails_it),
		cmocka_unit_test(an_answer_that_is_not_tls_is_told_from_its_first_byte),
		cmocka_unit_test(a_hole_in_the_certificate_costs_the_certificate_alone),
		cmocka_unit_test(after_a_lost_header_a_record_is_found_again),
		cmocka_unit_test(a_cut_hello_is_a_row_without_fingerprints),
		cmocka_unit_test(a_hello_of_which_the_random_is_cut_is_no_row),
		cmocka_unit_test(an_encrypted_renegotiation_is_a_row_of_its_own),
		cmocka_unit_test(an_encrypted_renegotiation_may_be_answered_by_an_alert),
		cmocka_unit_test(a_server_finished_is_enough_to_know),
		cmocka_unit_test(an_sslv2_hello_begins_a_handshake),
		cmocka_unit_test(a_message_beyond_its_limit_is_skipped),
		cmocka_unit_test(all_connections_share_a_budget),
		cmocka_unit_test(a_flood_of_alerts_is_bounded),
		cmocka_unit_test(renegotiations_are_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
