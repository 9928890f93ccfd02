#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/pipeline.h"
#include "tests/unit/wire.h"

/* The rules of time that need TCP: whole packets go in, one row comes out. */

enum { MS = 1000000, FIN = 1, SYN = 2, ACK = 16, ETHERNET_LINK = 1 };
static const enum sender CLIENT = SENDER_CLIENT, SERVER = SENDER_SERVER;

struct bench {
	struct pipeline *p;
	struct hash_key key;
	struct handshake *h;
	uint64_t number;
	uint32_t next[2]; /* sequence numbers */
	struct attempt_event attempt; /* the last of them */
	unsigned attempts;
};

static void take(void *context, struct handshake *h)
{
	struct bench *b = context;

	assert_null(b->h);
	b->h = h;
}

static void take_lookups(void *context, struct lookup_batch *batch)
{
	(void)context;
	free(batch);
}

static void take_attempt(void *context, const struct attempt_event *e)
{
	struct bench *b = context;

	b->attempt = *e;
	b->attempts++;
}

static struct bench *open_bench(void)
{
	struct bench *b = calloc(1, sizeof *b);

	b->p = pipeline_create(&(struct pipeline_options){ .emit = take,
		.emit_lookups = take_lookups, .emit_attempt = take_attempt, .key = &b->key, .context = b });
	b->next[0] = 1000;
	b->next[1] = 2000;
	return b;
}

static void close_bench(struct bench *b)
{
	if (b->h)
		pipeline_give_back(b->p, b->h);
	pipeline_destroy(b->p);
	free(b);
}

static struct handshake *row(struct bench *b)
{
	pipeline_drain(b->p);
	assert_non_null(b->h);
	return b->h;
}

static void add_headers(struct buffer *f, const struct bench *b, enum sender from, uint32_t seq,
			uint8_t flags, size_t len)
{
	static const uint8_t link[14] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 };

	buffer_add(f, link, sizeof link);
	wire_int(f, 0x4500, 2);
	wire_int(f, 40 + len, 2);
	wire_int(f, 0x1234000040060000, 8);
	wire_int(f, from == CLIENT ? 0x0a000001 : 0x0a000002, 4);
	wire_int(f, from == CLIENT ? 0x0a000002 : 0x0a000001, 4);
	wire_int(f, from == CLIENT ? 49152 : 443, 2);
	wire_int(f, from == CLIENT ? 443 : 49152, 2);
	wire_int(f, seq, 4);
	wire_int(f, flags & ACK ? b->next[from == CLIENT] : 0, 4);
	wire_int(f, 0x5000u | flags, 2);
	wire_int(f, 0xffff, 2);
	wire_int(f, 0, 4);
}

static void segment_at(struct bench *b, enum sender from, uint32_t seq, uint8_t flags,
		       struct bytes data, int64_t ms)
{
	struct buffer f = { 0 };

	add_headers(&f, b, from, seq, flags, data.len);
	if (data.len)
		buffer_add(&f, data.at, data.len);
	struct packet p = { .time_ns = ms * MS,
			    .number = ++b->number,
			    .data = buffer_bytes(&f),
			    .wire_len = (uint32_t)f.len,
			    .link_type = ETHERNET_LINK };
	pipeline_packets(b->p, &p, 1);
	buffer_finish(&f);
}

static const struct bytes nothing = { NULL, 0 };

static void segment(struct bench *b, enum sender from, uint8_t flags, struct bytes data, int64_t ms)
{
	unsigned side = from == SERVER;

	segment_at(b, from, b->next[side], flags, data, ms);
	b->next[side] += (uint32_t)data.len + (flags & (SYN | FIN) ? 1 : 0);
}

static void hello_record(struct buffer *record, uint8_t type)
{
	struct buffer body = { 0 }, message = { 0 };

	if (type == 1)
		wire_client_hello(&body, "\xc0\x2f", 2, NULL);
	else
		wire_server_hello(&body, 0xc02f, NULL);
	wire_message(&message, type, body.at, body.len);
	wire_record(record, 22, message.at, message.len);
	buffer_finish(&body);
	buffer_finish(&message);
}

static void hello(struct bench *b, enum sender from, int64_t ms)
{
	struct buffer record = { 0 };

	hello_record(&record, from == CLIENT ? 1 : 2);
	segment(b, from, ACK, buffer_bytes(&record), ms);
	buffer_finish(&record);
}

/* SYN at 100 ms, SYN/ACK at 104, acknowledgement at 107. */
static void opened(struct bench *b)
{
	segment(b, CLIENT, SYN, nothing, 100);
	segment(b, SERVER, SYN | ACK, nothing, 104);
	segment(b, CLIENT, ACK, nothing, 107);
}

/* A second later, what was not heard is said again: by the client, or by the server. */
static void opened_again(struct bench *b, enum sender who)
{
	segment(b, CLIENT, SYN, nothing, 100);
	if (who == CLIENT)
		segment_at(b, CLIENT, b->next[0] - 1, SYN, nothing, 1100);
	segment(b, SERVER, SYN | ACK, nothing, who == CLIENT ? 1104 : 104);
	if (who == SERVER)
		segment_at(b, SERVER, b->next[1] - 1, SYN | ACK, nothing, 1104);
	segment(b, CLIENT, ACK, nothing, 1107);
}

static void the_round_trip_is_the_sum_of_its_halves(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	opened(b);
	hello(b, CLIENT, 110);
	hello(b, SERVER, 125);
	struct handshake *h = row(b);
	assert_int_equal(h->time_ns, 100 * MS);
	assert_int_equal(h->tcp_ns, 7 * MS);
	assert_int_equal(h->server_rtt_ns, 4 * MS);
	assert_int_equal(h->client_rtt_ns, 3 * MS);
	assert_int_equal(h->server_hello_ns, 15 * MS);
	assert_int_equal(h->server_think_ns, 11 * MS);
	assert_int_equal(h->retransmissions, 0);
	close_bench(b);
}

/* Karn's rule: of a repeated SYN or SYN/ACK nobody knows which was answered. */
static void a_repeated_opening_hides_the_halves(void **state)
{
	(void)state;
	for (int who = 0; who < 2; who++) {
		struct bench *b = open_bench();

		opened_again(b, who ? SERVER : CLIENT);
		hello(b, CLIENT, 1110);
		hello(b, SERVER, 1125);
		struct handshake *h = row(b);
		assert_int_equal(h->tcp_ns, 1007 * MS);
		assert_true(h->server_rtt_ns == TIME_NONE);
		assert_true(h->client_rtt_ns == TIME_NONE);
		assert_true(h->server_think_ns == TIME_NONE);
		assert_int_equal(h->server_hello_ns, 15 * MS);
		close_bench(b);
	}
}

static void the_first_acknowledgement_may_carry_the_hello(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	segment(b, CLIENT, SYN, nothing, 100);
	segment(b, SERVER, SYN | ACK, nothing, 104);
	hello(b, CLIENT, 110);
	hello(b, SERVER, 125);
	assert_int_equal(row(b)->tcp_ns, 10 * MS);
	assert_int_equal(b->h->client_rtt_ns, 6 * MS);
	close_bench(b);
}

static void a_server_that_answers_at_once_thinks_no_time(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	opened(b);
	hello(b, CLIENT, 110);
	hello(b, SERVER, 112);
	assert_int_equal(row(b)->server_think_ns, 0);
	close_bench(b);
}

static void a_repeated_hello_counts_at_its_first_arrival(void **state)
{
	struct bench *b = open_bench();
	struct buffer record = { 0 };

	(void)state;
	opened(b);
	uint32_t seq = b->next[0];
	hello(b, CLIENT, 110);
	hello_record(&record, 1);
	segment_at(b, CLIENT, seq, ACK, buffer_bytes(&record), 118);
	hello(b, SERVER, 125);
	struct handshake *h = row(b);
	assert_int_equal(h->server_hello_ns, 15 * MS);
	assert_int_equal(h->retransmissions, 1);
	assert_int_equal(h->client_bytes, record.len);
	buffer_finish(&record);
	close_bench(b);
}

static void without_its_syn_nothing_is_known_of_the_round_trip(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	hello(b, CLIENT, 110);
	hello(b, SERVER, 125);
	struct handshake *h = row(b);
	assert_true(h->tcp_ns == TIME_NONE);
	assert_true(h->server_rtt_ns == TIME_NONE);
	assert_true(h->server_think_ns == TIME_NONE);
	assert_int_equal(h->server_hello_ns, 15 * MS);
	assert_true(h->reassembly & REASSEMBLY_MIDSTREAM);
	close_bench(b);
}

static void a_hello_sent_again_after_the_end_is_no_other_connection(void **state)
{
	struct bench *b = open_bench();
	struct buffer record = { 0 };

	(void)state;
	opened(b);
	uint32_t seq = b->next[0];
	hello(b, CLIENT, 110);
	segment(b, CLIENT, ACK | FIN, nothing, 120);
	segment(b, SERVER, ACK | FIN, nothing, 121);
	hello_record(&record, 1);
	segment_at(b, CLIENT, seq, ACK, buffer_bytes(&record), 130);
	struct handshake *h = row(b);
	assert_int_equal(h->outcome, OUTCOME_FAILED);
	assert_int_equal(h->ended_by, ENDED_BY_NETWORK);
	buffer_finish(&record);
	close_bench(b);
}

static void datagram(struct bench *b, enum sender from, struct bytes data)
{
	struct buffer f = { 0 };

	buffer_add(&f, (const uint8_t[]){ 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0 }, 14);
	wire_int(&f, 0x4500, 2);
	wire_int(&f, 20 + 8 + data.len, 2);
	wire_int(&f, 0x1234000040110000, 8);
	wire_int(&f, from == CLIENT ? 0x0a000001 : 0x0a000002, 4);
	wire_int(&f, from == CLIENT ? 0x0a000002 : 0x0a000001, 4);
	wire_int(&f, from == CLIENT ? 49152 : 443, 2);
	wire_int(&f, from == CLIENT ? 443 : 49152, 2);
	wire_int(&f, 8 + data.len, 2);
	wire_int(&f, 0, 2);
	buffer_add(&f, data.at, data.len);
	struct packet p = { .time_ns = 5 * MS, .number = ++b->number, .data = buffer_bytes(&f), .wire_len = (uint32_t)f.len, .link_type = ETHERNET_LINK };
	pipeline_packets(b->p, &p, 1);
	buffer_finish(&f);
}

static const uint8_t list_of_versions[] = { 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };

/* A datagram of an unknown version tells nothing; what the server answers does. */
static void a_client_that_gets_a_list_of_versions_alone_is_an_attempt(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	datagram(b, SERVER, (struct bytes){ list_of_versions, sizeof list_of_versions });
	pipeline_drain(b->p);
	assert_int_equal(b->attempts, 1);
	assert_int_equal(b->attempt.reason, ATTEMPT_QUIC_VERSION_MISMATCH);
	assert_int_equal(b->attempt.server_port, 443);
	assert_int_equal(b->attempt.client.at[15], 1);
	assert_int_equal(b->attempt.first_ns, 5 * MS);
	close_bench(b);
}

static void a_client_that_asks_for_the_list_lacks_nothing(void **state)
{
	static const uint8_t asks[1200] = { 0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8 };
	struct bench *b = open_bench();

	(void)state;
	datagram(b, CLIENT, (struct bytes){ asks, sizeof asks });
	datagram(b, SERVER, (struct bytes){ list_of_versions, sizeof list_of_versions });
	pipeline_drain(b->p);
	assert_int_equal(b->attempts, 0);
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_round_trip_is_the_sum_of_its_halves),
		cmocka_unit_test(a_repeated_opening_hides_the_halves),
		cmocka_unit_test(the_first_acknowledgement_may_carry_the_hello),
		cmocka_unit_test(a_server_that_answers_at_once_thinks_no_time),
		cmocka_unit_test(a_repeated_hello_counts_at_its_first_arrival),
		cmocka_unit_test(without_its_syn_nothing_is_known_of_the_round_trip),
		cmocka_unit_test(a_hello_sent_again_after_the_end_is_no_other_connection),
		cmocka_unit_test(a_client_that_gets_a_list_of_versions_alone_is_an_attempt),
		cmocka_unit_test(a_client_that_asks_for_the_list_lacks_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
