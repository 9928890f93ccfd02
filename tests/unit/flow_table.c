#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/table.h"

enum { CLIENT, SERVER };
enum {
	CLIENT_ISN = 5000,
	SERVER_ISN = 90000,
	ENDED_MAX = 20000,
	CONNECTION_SIZE = 1200,
	ACK = TCP_ACK,
	SYN = TCP_SYN,
	FIN = TCP_FIN,
	RST = TCP_RST
};

struct ended {
	uint64_t id;
	enum flow_end how;
	bool has_connection;
	uint64_t word;		/* of its connection */
};

struct lab {
	struct flow_table *table;
	struct flow_table_options options;
	struct hash_key key;
	struct limit_counts limits;
	uint8_t blank[CONNECTION_SIZE];
	uint64_t number;
	int64_t now_ms;
	uint32_t client;	/* the last bytes of the client's address */
	uint16_t client_port;
	unsigned end;		/* of the last segment */
	uint64_t held;
	unsigned ended_count;
	struct ended ended[ENDED_MAX];
};

static void on_retire(void *context, struct flow *f, enum flow_end how)
{
	struct lab *l = context;
	struct ended e = { .id = f->id, .how = how, .has_connection = f->connection };

	if (f->connection)
		memcpy(&e.word, f->connection, sizeof e.word);
	assert_true(l->ended_count < ENDED_MAX);
	l->ended[l->ended_count++] = e;
}

static uint64_t on_held(const void *context)
{
	return ((const struct lab *)context)->held;
}

static struct lab *lab_create_with(uint32_t flows_max, uint32_t awake_max)
{
	struct lab *l = calloc(1, sizeof *l);

	hash_key_init(&l->key);
	memset(l->blank, 0x3c, sizeof l->blank);
	l->options = (struct flow_table_options){ .connection_size = CONNECTION_SIZE,
		.blank_connection = l->blank,
		.key = &l->key,
		.limits = &l->limits,
		.flows_max = flows_max,
		.awake_max = awake_max,
		.retire = on_retire,
		.held = on_held,
		.context = l };
	l->table = flow_table_create(&l->options);
	l->now_ms = INT64_C(1700000000000);
	l->client = 1;
	l->client_port = 40000;
	return l;
}

static struct lab *lab_create(void)
{
	return lab_create_with(0, 4);
}

static void lab_destroy(struct lab *l)
{
	flow_table_destroy(l->table);
	free(l);
}

static struct segment segment_of(
	struct lab *l, unsigned from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	static const uint8_t payload[65536];
	struct segment s = { .time_ns = l->now_ms * 1000000,
		.number = ++l->number,
		.protocol = PROTOCOL_TCP,
		.flags = flags,
		.seq = seq,
		.ack = ack,
		.payload_len = len,
		.payload = { payload, len },
		.vlan = VLAN_NONE };
	struct address client = { { [10] = 0xff,
		[11] = 0xff,
		[12] = 10,
		[13] = (uint8_t)(l->client >> 16),
		[14] = (uint8_t)(l->client >> 8),
		[15] = (uint8_t)l->client } };
	struct address server = { { [10] = 0xff, [11] = 0xff, [12] = 9, [15] = 2 } };

	s.src = from == CLIENT ? client : server;
	s.dst = from == CLIENT ? server : client;
	s.src_port = from == CLIENT ? l->client_port : 443;
	s.dst_port = from == CLIENT ? 443 : l->client_port;
	return s;
}

static struct flow *offer(struct lab *l, const struct segment *s)
{
	flow_table_tick(l->table, s->time_ns);
	return flow_table_get(l->table, s, &l->end);
}

static struct flow *sends(
	struct lab *l, unsigned from, uint8_t flags, uint32_t seq, uint32_t ack, uint32_t len)
{
	struct segment s = segment_of(l, from, flags, seq, ack, len);
	struct flow *f = offer(l, &s);

	if (f && len) {
		struct stream_segment in = { flow_data_seq(&s), s.payload, len, s.time_ns,
			s.number };
		struct chunk c;

		stream_push(&f->stream[l->end], flow_table_pool(l->table), &in, true);
		while (stream_next(&f->stream[l->end], flow_table_pool(l->table), &c))
			;
	}
	return f;
}

static struct flow *opens_at(struct lab *l, uint32_t client_isn, uint32_t server_isn)
{
	sends(l, CLIENT, SYN, client_isn, 0, 0);
	l->now_ms += 20;
	sends(l, SERVER, SYN | ACK, server_isn, client_isn + 1, 0);
	l->now_ms += 30;
	return sends(l, CLIENT, ACK, client_isn + 1, server_isn + 1, 0);
}

static struct flow *opens(struct lab *l)
{
	return opens_at(l, CLIENT_ISN, SERVER_ISN);
}

static uint64_t flows_made(struct lab *l)
{
	struct flow_table_counts counts;

	flow_table_counts(l->table, &counts);
	return counts.flows;
}

static uint64_t flows_now(struct lab *l)
{
	struct flow_table_counts counts;

	flow_table_counts(l->table, &counts);
	return counts.now;
}

/* Other connections, so that the lab's own falls asleep. */
static void others_come(struct lab *l, unsigned count)
{
	uint32_t client = l->client;

	for (unsigned i = 0; i < count; i++) {
		l->client = 0x100000 + (uint32_t)l->number;
		sends(l, CLIENT, ACK, 1, 1, 10);
	}
	l->client = client;
}

/* --- one flow --- */

static void both_directions_are_one_flow(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_non_null(f);
	assert_int_equal(f->id, 2);
	assert_int_equal(f->packets, 3);
	assert_int_equal(f->initiator, l->end);
	assert_int_equal(memcmp(f->end[0].at, f->end[1].at, 16) < 0, 1);
	assert_int_equal(f->port[f->initiator], 40000);
	assert_ptr_equal(sends(l, SERVER, ACK, SERVER_ISN + 1, CLIENT_ISN + 1, 5), f);
	assert_int_equal(l->end, 1U - f->initiator);
	assert_int_equal(flows_made(l), 1);
	lab_destroy(l);
}

static void equal_addresses_are_told_apart_by_their_ports(void **state)
{
	struct lab *l = lab_create();
	struct segment there = segment_of(l, CLIENT, ACK, 1, 1, 4), back = there;

	(void)state;
	there.dst = there.src;
	back.src = back.dst = there.src;
	back.src_port = there.dst_port;
	back.dst_port = there.src_port;
	struct flow *f = offer(l, &there);
	unsigned end = l->end;
	assert_ptr_equal(offer(l, &back), f);
	assert_int_equal(l->end, 1 - end);
	assert_true(f->port[0] <= f->port[1]);
	lab_destroy(l);
}

static void networks_and_protocols_are_apart(void **state)
{
	struct lab *l = lab_create();
	struct segment s = segment_of(l, CLIENT, ACK, 1, 1, 4);

	(void)state;
	offer(l, &s);
	s.network = 42;
	offer(l, &s);
	s.protocol = PROTOCOL_UDP;
	s.flags = 0;
	offer(l, &s);
	assert_int_equal(flows_made(l), 3);
	lab_destroy(l);
}

static void the_first_datagram_names_the_initiator(void **state)
{
	struct lab *l = lab_create();
	struct segment s = segment_of(l, SERVER, 0, 0, 0, 100);

	(void)state;
	s.protocol = PROTOCOL_UDP;
	struct flow *f = offer(l, &s);
	assert_non_null(f);
	assert_int_equal(f->initiator, l->end);
	assert_int_equal(f->first_number, 1);
	lab_destroy(l);
}

static void times_are_those_of_the_opening(void **state)
{
	struct lab *l = lab_create();
	int64_t start_ms = l->now_ms;
	struct flow *f = opens(l);

	(void)state;
	assert_int_equal(f->first_ns, start_ms * 1000000);
	assert_int_equal(f->first_number, 1);
	assert_int_equal(f->synack_ns, 20000000);
	assert_int_equal(f->ack_ns, 50000000);
	assert_int_equal(f->close_ns, -1);
	assert_int_equal(f->opening,
		OPENING_SYN | OPENING_SYNACK | OPENING_ACK | OPENING_ISN | OPENING_ISN << 1);
	assert_int_equal(f->stream[l->end].next, CLIENT_ISN + 1);
	assert_int_equal(f->stream[1 - l->end].next, SERVER_ISN + 1);
	assert_false(f->syn_retransmitted || f->synack_retransmitted);
	lab_destroy(l);
}

static void the_acknowledgement_may_carry_data(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	l->now_ms += 7;
	struct flow *f = sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 100);
	assert_int_equal(f->ack_ns, 7000000);
	l->now_ms += 7;
	sends(l, CLIENT, ACK, CLIENT_ISN + 101, SERVER_ISN + 1, 100);
	assert_int_equal(f->ack_ns, 7000000);
	lab_destroy(l);
}

static void retransmitted_opening_segments_keep_the_first_time_and_are_noted(void **state)
{
	struct lab *l = lab_create();
	int64_t start_ms = l->now_ms;

	(void)state;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	l->now_ms += 1000;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	l->now_ms += 10;
	struct flow *f = sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	assert_true(f->syn_retransmitted);
	assert_false(f->synack_retransmitted);
	l->now_ms += 1000;
	assert_ptr_equal(sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0), f);
	assert_true(f->synack_retransmitted);
	assert_int_equal(f->first_ns, start_ms * 1000000);
	assert_int_equal(f->synack_ns, 1010000000);
	lab_destroy(l);
}

static void a_mirror_port_that_doubles_packets_is_no_retransmission(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	l->now_ms += 1;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	l->now_ms += 1;
	struct flow *f = sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	assert_false(f->syn_retransmitted || f->synack_retransmitted);
	lab_destroy(l);
}

static void a_syn_captured_after_its_answer_belongs_to_it(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	struct flow *f = sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	assert_int_equal(f->initiator, 1 - l->end);
	assert_ptr_equal(sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0), f);
	assert_false(f->opening & OPENING_SYN);
	assert_int_equal(f->synack_ns, -1);
	assert_ptr_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 9), f);
	assert_int_equal(f->ack_ns, -1);
	assert_int_equal(f->stream[l->end].next, CLIENT_ISN + 10);
	assert_int_equal(flows_made(l), 1);
	lab_destroy(l);
}

static void a_clock_that_runs_back_gives_no_times(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	l->now_ms -= 5;
	struct flow *f = sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	l->now_ms += 500;
	sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0);
	assert_int_equal(f->synack_ns, -1);
	assert_int_equal(f->ack_ns, -1);
	lab_destroy(l);
}

/* --- what makes a flow --- */

static void a_bare_syn_makes_no_flow(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	assert_null(sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0));
	assert_int_equal(flows_made(l), 0);
	lab_destroy(l);
}

static void data_on_a_syn_makes_one_at_once(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	struct flow *f = sends(l, CLIENT, SYN, CLIENT_ISN, 0, 100);
	assert_non_null(f);
	assert_int_equal(f->initiator, l->end);
	assert_int_equal(f->packets, 1);
	assert_int_equal(f->stream[l->end].next, CLIENT_ISN + 101);
	assert_ptr_equal(sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 101, 0), f);
	assert_int_equal(f->synack_ns, 0);
	lab_destroy(l);
}

static void an_acknowledgement_after_a_syn_makes_one(void **state)
{
	struct lab *l = lab_create();
	int64_t start_ms = l->now_ms;

	(void)state;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	l->now_ms += 40;
	struct flow *f = sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0);
	assert_non_null(f);
	assert_int_equal(f->initiator, l->end);
	assert_int_equal(f->first_ns, start_ms * 1000000);
	assert_int_equal(f->packets, 2);
	lab_destroy(l);
}

static void the_servers_data_finds_the_clients_syn(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0);
	struct flow *f = sends(l, SERVER, ACK, SERVER_ISN + 1, CLIENT_ISN + 1, 30);
	assert_int_equal(f->initiator, 1 - l->end);
	assert_int_equal(f->first_number, 1);
	lab_destroy(l);
}

static void data_in_mid_connection_makes_one_without_initiator(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	struct flow *f = sends(l, CLIENT, ACK, 777, 888, 10);
	assert_int_equal(f->initiator, 2);
	assert_int_equal(f->opening, 0);
	assert_int_equal(f->first_number, 1);
	lab_destroy(l);
}

static void what_says_nothing_makes_none(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	assert_null(sends(l, CLIENT, ACK, 1, 1, 0));
	assert_null(sends(l, CLIENT, RST, 1, 0, 0));
	assert_null(sends(l, CLIENT, RST | ACK, 1, 1, 6));
	assert_null(sends(l, CLIENT, FIN | ACK, 1, 1, 0));
	assert_null(sends(l, CLIENT, TCP_PSH, 1, 0, 10));
	assert_null(sends(l, CLIENT, SYN | FIN, 1, 0, 10));
	assert_null(sends(l, CLIENT, SYN | RST, 1, 0, 10));
	assert_int_equal(flows_made(l), 0);
	lab_destroy(l);
}

static void a_flood_of_syns_takes_no_more_than_the_cache(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	for (l->client = 0; l->client < 200000; l->client++)
		sends(l, CLIENT, SYN, l->client, 0, 0);
	assert_int_equal(flows_made(l), 0);
	l->client--;
	assert_int_equal(
		sends(l, SERVER, SYN | ACK, 1, 200000, 0)->opening & OPENING_SYN, OPENING_SYN);
	l->client = 0;
	assert_int_equal(sends(l, SERVER, SYN | ACK, 1, 1, 0)->opening & OPENING_SYN, 0);
	lab_destroy(l);
}

/* --- forged segments --- */

static void data_without_acknowledgement_is_ignored(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_null(sends(l, CLIENT, TCP_PSH, CLIENT_ISN + 1, 0, 20));
	assert_int_equal(f->packets, 3);
	assert_int_equal(flows_made(l), 1);
	lab_destroy(l);
}

static void resets_outside_the_window_are_ignored(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_null(sends(l, CLIENT, RST, CLIENT_ISN + 1 + 0x50000000, 0, 0));
	assert_null(sends(l, SERVER, RST | ACK, SERVER_ISN + 1 + 65537, CLIENT_ISN + 1, 0));
	assert_int_equal(f->reset_by, 0);
	l->now_ms += 50;
	assert_ptr_equal(sends(l, SERVER, RST, SERVER_ISN + 1, 0, 0), f);
	assert_int_equal(f->reset_by, 1 + l->end);
	assert_int_equal(f->first_closer, 1 + l->end);
	assert_int_equal(f->close_ns, 100000000);
	lab_destroy(l);
}

static void a_reset_behind_waiting_bytes_counts(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	sends(l, SERVER, ACK, SERVER_ISN + 1 + 150000, CLIENT_ISN + 1, 100);
	assert_ptr_equal(sends(l, SERVER, RST, SERVER_ISN + 1 + 150100, 0, 0), f);
	assert_int_equal(f->reset_by, 1 + l->end);
	lab_destroy(l);
}

static void a_reset_before_any_answer_must_acknowledge_the_syn(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	struct flow *f = sends(l, CLIENT, SYN, CLIENT_ISN, 0, 100);
	assert_null(sends(l, SERVER, RST | ACK, 0, CLIENT_ISN + 0x1000000, 0));
	assert_ptr_equal(sends(l, SERVER, RST | ACK, 0, CLIENT_ISN + 1, 0), f);
	assert_int_equal(f->reset_by, 1 + l->end);
	lab_destroy(l);
}

static void a_fin_counts_only_in_the_window(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_null(sends(l, CLIENT, FIN | ACK, CLIENT_ISN + 1 + 0x50000000, 0, 0));
	sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 50);
	assert_null(sends(l, CLIENT, FIN | ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0));
	assert_int_equal(f->closed, 0);
	assert_ptr_equal(sends(l, CLIENT, FIN | ACK, CLIENT_ISN + 51, SERVER_ISN + 1, 10), f);
	assert_int_equal(f->closed, 1 << l->end);
	assert_int_equal(f->first_closer, 1 + l->end);
	assert_true(stream_at_fin(&f->stream[l->end]));
	assert_non_null(sends(l, CLIENT, FIN | ACK, CLIENT_ISN + 51, SERVER_ISN + 1, 10));
	sends(l, SERVER, FIN | ACK, SERVER_ISN + 1, CLIENT_ISN + 62, 0);
	assert_int_equal(f->closed, 3);
	assert_int_equal(f->first_closer, 1 + (1 - l->end));
	lab_destroy(l);
}

static uint16_t checksum_of(const struct segment *s, const uint8_t *at, size_t len)
{
	uint32_t sum = PROTOCOL_TCP + (uint32_t)len;

	for (unsigned i = 12; i < 16; i += 2)
		sum += (uint32_t)(s->src.at[i] << 8 | s->src.at[i + 1]) +
			(uint32_t)(s->dst.at[i] << 8 | s->dst.at[i + 1]);
	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)(at[i] << 8 | (i + 1 < len ? at[i + 1] : 0));
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* With its TCP header in sight, so that its checksum can be verified. `error`: added to the
 * right one. */
static struct flow *sends_verified(
	struct lab *l, unsigned from, uint8_t flags, uint32_t seq, uint32_t len, uint16_t error)
{
	static uint8_t wire[20 + 1000];
	struct segment s = segment_of(l, from, flags, seq, SERVER_ISN + 1, len);

	memset(wire, 0, sizeof wire);
	wire[12] = 0x50;
	wire[13] = flags;
	uint16_t checksum = (uint16_t)(checksum_of(&s, wire, 20 + len) + error);
	wire[16] = (uint8_t)(checksum >> 8);
	wire[17] = (uint8_t)checksum;
	s.transport = (struct bytes){ wire, 20 + len };
	return offer(l, &s);
}

static void a_wrong_checksum_is_doubted_where_right_ones_were_seen(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);
	uint32_t packets;

	(void)state;
	assert_ptr_equal(sends_verified(l, CLIENT, ACK, CLIENT_ISN + 1, 100, 0), f);
	assert_int_equal(f->checksum_right, 1 << l->end);
	assert_false(f->doubted);
	packets = f->packets;
	assert_ptr_equal(sends_verified(l, CLIENT, FIN | ACK, CLIENT_ISN + 1, 100, 1), f);
	assert_true(f->doubted);
	assert_int_equal(f->packets, packets);
	assert_int_equal(f->closed, 0);
	assert_null(sends_verified(l, CLIENT, RST | ACK, CLIENT_ISN + 1, 0, 1));
	assert_int_equal(f->reset_by, 0);
	assert_int_equal(f->checksum_wrong, 1 << l->end);
	assert_ptr_equal(sends_verified(l, CLIENT, ACK, CLIENT_ISN + 1, 100, 0), f);
	assert_false(f->doubted);
	lab_destroy(l);
}

static void an_end_whose_checksums_are_all_wrong_is_believed(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_ptr_equal(sends_verified(l, CLIENT, ACK, CLIENT_ISN + 1, 100, 3), f);
	assert_ptr_equal(sends_verified(l, CLIENT, FIN | ACK, CLIENT_ISN + 1, 100, 3), f);
	assert_int_equal(f->checksum_right, 0);
	lab_destroy(l);
}

static void the_syns_checksum_counts_too(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	assert_null(sends_verified(l, CLIENT, SYN, CLIENT_ISN, 0, 0));
	sends(l, SERVER, SYN | ACK, SERVER_ISN, CLIENT_ISN + 1, 0);
	assert_true(sends_verified(l, CLIENT, ACK, CLIENT_ISN + 1, 100, 9)->doubted);
	assert_false(sends_verified(l, CLIENT, ACK, CLIENT_ISN + 1, 100, 0)->doubted);
	lab_destroy(l);
}

static void payload_is_not_verified_where_nobody_reads_it(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	sends_verified(l, CLIENT, ACK, CLIENT_ISN + 1, 100, 0);
	f->unwatched = true;
	assert_ptr_equal(sends_verified(l, CLIENT, ACK, CLIENT_ISN + 101, 100, 1), f);
	assert_null(sends_verified(l, CLIENT, RST | ACK, CLIENT_ISN + 201, 0, 1));
	lab_destroy(l);
}

static void an_md5_option_where_there_was_none_is_forged(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);
	struct segment s = segment_of(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 20);

	(void)state;
	s.has_md5 = true;
	assert_null(offer(l, &s));
	assert_int_equal(f->packets, 3);
	lab_destroy(l);
}

static void an_md5_option_from_the_beginning_is_fine(void **state)
{
	struct lab *l = lab_create();
	struct segment s = segment_of(l, CLIENT, SYN, CLIENT_ISN, 0, 0);

	(void)state;
	s.has_md5 = true;
	offer(l, &s);
	s = segment_of(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 20);
	s.has_md5 = true;
	assert_non_null(offer(l, &s));
	assert_non_null(offer(l, &s));
	lab_destroy(l);
}

static void an_unwatched_flow_still_knows_its_place(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);
	unsigned end = l->end;

	(void)state;
	f->unwatched = true;
	for (uint32_t i = 0; i < 10; i++) {
		struct segment s = segment_of(
			l, CLIENT, ACK, CLIENT_ISN + 1 + 60000 * i, SERVER_ISN + 1, 60000);
		offer(l, &s);
	}
	assert_int_equal(f->stream[end].next, CLIENT_ISN + 1 + 600000);
	assert_null(sends(l, CLIENT, RST, CLIENT_ISN + 1, 0, 0));
	assert_ptr_equal(sends(l, CLIENT, RST, CLIENT_ISN + 1 + 600000, 0, 0), f);
	lab_destroy(l);
}

/* --- one five-tuple, several connections --- */

static void a_stray_syn_changes_nothing(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_null(sends(l, CLIENT, SYN, 123456, 0, 0));
	assert_ptr_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10), f);
	assert_null(sends(l, SERVER, SYN, 654321, 0, 0));
	assert_ptr_equal(sends(l, SERVER, ACK, SERVER_ISN + 1, CLIENT_ISN + 11, 10), f);
	assert_int_equal(f->id, 2);
	assert_int_equal(l->ended_count, 0);
	lab_destroy(l);
}

static void a_stray_syn_from_the_server_does_not_make_the_clients_first_bytes_new(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	sends(l, SERVER, SYN, 654321, 0, 0);
	assert_ptr_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10), f);
	assert_int_equal(l->ended_count, 0);
	lab_destroy(l);
}

static void an_answered_syn_replaces_the_old_connection(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	opens(l);
	l->now_ms += 1000;
	assert_null(sends(l, CLIENT, SYN, 700000, 0, 0));
	assert_int_equal(l->ended_count, 0);
	struct flow *f = sends(l, SERVER, SYN | ACK, 800000, 700001, 0);
	assert_int_equal(f->id, 5);
	assert_int_equal(f->first_ns, l->now_ms * 1000000);
	assert_int_equal(l->ended_count, 1);
	assert_int_equal(l->ended[0].how, FLOW_END_REPLACED);
	assert_int_equal(flows_now(l), 1);
	lab_destroy(l);
}

static void data_of_a_new_syn_replaces_the_old_connection(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	opens(l);
	sends(l, CLIENT, SYN, 700000, 0, 0);
	struct flow *f = sends(l, CLIENT, ACK, 700001, 800001, 10);
	assert_int_equal(f->id, 5);
	assert_int_equal(f->stream[l->end].next, 700011);
	assert_int_equal(l->ended[0].how, FLOW_END_REPLACED);
	lab_destroy(l);
}

static void an_unanswered_synack_is_ignored(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	assert_null(sends(l, SERVER, SYN | ACK, 4242, 777777, 0));
	assert_ptr_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10), f);
	lab_destroy(l);
}

static void a_syn_after_the_close_ends_the_old_connection_at_once(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	opens(l);
	sends(l, CLIENT, FIN | ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 0);
	sends(l, SERVER, FIN | ACK, SERVER_ISN + 1, CLIENT_ISN + 2, 0);
	assert_null(sends(l, CLIENT, SYN, 700000, 0, 0));
	assert_int_equal(l->ended_count, 1);
	assert_int_equal(l->ended[0].how, FLOW_END_REPLACED);
	assert_int_equal(sends(l, SERVER, SYN | ACK, 800000, 700001, 0)->id, 7);
	lab_destroy(l);
}

static void a_repeated_syn_of_a_live_connection_is_its_own(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 100);
	assert_ptr_equal(sends(l, CLIENT, SYN, CLIENT_ISN, 0, 0), f);
	assert_int_equal(flows_made(l), 1);
	lab_destroy(l);
}

static void far_data_after_a_reset_is_a_new_connection(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	sends(l, CLIENT, ACK, 1000, 1, 10);
	assert_int_equal(sends(l, CLIENT, ACK, 0x70000000, 1, 10)->id, 1);
	sends(l, SERVER, RST | ACK, 1, 1010, 0);
	assert_int_equal(sends(l, CLIENT, ACK, 1010, 1, 10)->id, 1);
	assert_int_equal(sends(l, CLIENT, ACK, 0x70000000, 1, 10)->id, 5);
	lab_destroy(l);
}

/* --- time --- */

static void ends_idle_after(int64_t ms, bool connected, uint8_t flow_state)
{
	for (int late = 0; late < 2; late++) {
		struct lab *l = lab_create();
		struct flow *f = opens(l);

		f->state = flow_state;
		if (connected)
			flow_connect(l->table, f);
		l->now_ms += ms + late;
		f = sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10);
		assert_int_equal(f->id, late ? 4 : 2);
		assert_int_equal(l->ended_count, late);
		if (late)
			assert_int_equal(l->ended[0].how, FLOW_END_IDLE);
		lab_destroy(l);
	}
}

static void a_silent_flow_ends_after_its_own_time(void **state)
{
	(void)state;
	ends_idle_after(FLOW_IDLE_NEW_MS, false, FLOW_NEW);
	ends_idle_after(FLOW_IDLE_UNDECIDED_MS, false, FLOW_UNDECIDED);
	ends_idle_after(FLOW_IDLE_UNDECIDED_MS, false, FLOW_OPAQUE);
	ends_idle_after(FLOW_IDLE_CONNECTION_MS, true, FLOW_FOLLOWED);
}

static void a_closed_flow_lingers_for_late_segments(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	sends(l, SERVER, RST, SERVER_ISN + 1, 0, 0);
	l->now_ms += FLOW_LINGER_MS;
	assert_ptr_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10), f);
	l->now_ms += FLOW_LINGER_MS + 1;
	assert_int_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10)->id, 6);
	assert_int_equal(l->ended[0].how, FLOW_END_CLOSED);
	lab_destroy(l);
}

static void sleeping_flows_end_without_being_asked_for(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	opens(l);
	others_come(l, 100);
	assert_int_equal(flows_now(l), 101);
	for (unsigned i = 0; i < 2000; i++) {
		l->now_ms += 100;
		flow_table_tick(l->table, l->now_ms * 1000000);
	}
	assert_int_equal(flows_now(l), 0);
	assert_int_equal(l->ended_count, 101);
	lab_destroy(l);
}

static void leaps_of_the_clock_end_nothing(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);
	int64_t ten_years_ms = INT64_C(315360000000), before = flow_table_now_ms(l->table);

	(void)state;
	flow_connect(l->table, f);
	l->now_ms += ten_years_ms;
	assert_int_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10)->id, 2);
	l->now_ms -= 2 * ten_years_ms;
	assert_int_equal(sends(l, CLIENT, ACK, CLIENT_ISN + 11, SERVER_ISN + 1, 10)->id, 2);
	assert_int_equal(flow_table_now_ms(l->table), before);
	l->now_ms += 10;
	sends(l, CLIENT, ACK, CLIENT_ISN + 21, SERVER_ISN + 1, 10);
	assert_int_equal(flow_table_now_ms(l->table), before + 10);
	lab_destroy(l);
}

static void the_clock_never_runs_back(void **state)
{
	struct lab *l = lab_create();
	int64_t start = l->now_ms;

	(void)state;
	flow_table_tick(l->table, start * 1000000);
	flow_table_tick(l->table, (start - 50) * 1000000);
	assert_int_equal(flow_table_now_ms(l->table), start);
	flow_table_tick(l->table, (start - 20) * 1000000);
	assert_int_equal(flow_table_now_ms(l->table), start);
	flow_table_tick(l->table, (start + 5) * 1000000);
	assert_int_equal(flow_table_now_ms(l->table), start + 5);
	lab_destroy(l);
}

static void the_farthest_times_are_survived(void **state)
{
	struct lab *l = lab_create();
	static const int64_t times[] = { 0, INT64_MAX, INT64_MIN, -1, INT64_MAX, 1, INT64_MIN };

	(void)state;
	for (unsigned i = 0; i < sizeof times / sizeof times[0]; i++) {
		struct segment s = segment_of(
			l, i % 2 ? SERVER : CLIENT, i % 3 ? ACK : SYN | ACK, 1 + i, 1, i % 2 * 10);
		s.time_ns = times[i];
		offer(l, &s);
	}
	assert_true(flows_made(l) > 0);
	lab_destroy(l);
}

/* --- asleep --- */

static void a_flow_wakes_as_it_fell_asleep(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l), before;
	uint8_t connection[CONNECTION_SIZE];

	(void)state;
	sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 100);
	sends(l, CLIENT, ACK, CLIENT_ISN + 101, SERVER_ISN + 1, 70);
	sends(l, CLIENT, ACK, CLIENT_ISN + 191, SERVER_ISN + 1, 70);
	sends(l, SERVER, FIN | ACK, SERVER_ISN + 1, CLIENT_ISN + 171, 33);
	uint8_t *place = flow_connect(l->table, f);
	assert_memory_equal(place, l->blank, CONNECTION_SIZE);
	f->state = FLOW_FOLLOWED;
	for (unsigned i = 0; i < CONNECTION_SIZE; i += 1 + i / 7)
		place[i] = (uint8_t)i;
	memcpy(connection, place, sizeof connection);
	memcpy(&before, f, sizeof before);
	others_come(l, 20);
	f = sends(l, CLIENT, ACK, CLIENT_ISN + 171, SERVER_ISN + 34, 0);
	assert_int_equal(f->packets, before.packets + 1);
	assert_memory_equal(f->connection, connection, sizeof connection);
	before.packets++;
	before.last_ms = f->last_ms;
	before.connection = f->connection;
	assert_memory_equal(f, &before, sizeof before);
	assert_int_equal(f->id, 2);
	lab_destroy(l);
}

static void an_ipv6_flow_in_mid_connection_wakes_the_same(void **state)
{
	struct lab *l = lab_create();
	struct segment s = segment_of(l, CLIENT, ACK, 0xfffffff0, 7, 100);

	(void)state;
	s.src = (struct address){ { 0x20, 1, 0xd, 0xb8, [15] = 9 } };
	s.dst = (struct address){ { 0xfe, 0x80, [11] = 0xff, [15] = 7 } };
	struct flow before, *f = offer(l, &s);
	memcpy(&before, f, sizeof before);
	others_come(l, 20);
	f = offer(l, &s);
	before.packets++;
	before.last_ms = f->last_ms;
	assert_memory_equal(f, &before, sizeof before);
	lab_destroy(l);
}

static void waiting_bytes_survive_sleep(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	opens(l);
	sends(l, CLIENT, ACK, CLIENT_ISN + 11, SERVER_ISN + 1, 10);
	others_come(l, 20);
	struct flow *f = sends(l, CLIENT, ACK, CLIENT_ISN + 1, SERVER_ISN + 1, 10);
	assert_int_equal(f->stream[l->end].next, CLIENT_ISN + 21);
	lab_destroy(l);
}

static void thousands_of_flows_are_all_found_again(void **state)
{
	struct lab *l = lab_create_with(0, 64);
	enum { FLOWS = 9000 };

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < FLOWS; i++) {
			l->client = i * 7919 % FLOWS;
			struct flow *f = sends(
				l, round % 2 ? SERVER : CLIENT, ACK, 100 + round, 100, 1);

			if (!round && l->client % 3 == 0)
				memcpy(flow_connect(l->table, f), &l->client, sizeof l->client);
			assert_int_equal(f->id, i + 1);
			assert_int_equal(f->packets, round + 1);
			assert_int_equal(f->connection != NULL, l->client % 3 == 0);
			if (f->connection)
				assert_memory_equal(f->connection, &l->client, sizeof l->client);
		}
	}
	assert_int_equal(flows_now(l), FLOWS);
	lab_destroy(l);
}

static void removed_flows_leave_the_others_to_be_found(void **state)
{
	struct lab *l = lab_create_with(0, 16);
	enum { FLOWS = 3000 };

	(void)state;
	for (l->client = 0; l->client < FLOWS; l->client++)
		sends(l, CLIENT, ACK, 100, 100, 1);
	for (l->client = 0; l->client < FLOWS; l->client += 2)
		flow_table_remove(l->table, sends(l, CLIENT, ACK, 101, 100, 1));
	assert_int_equal(flows_now(l), FLOWS / 2);
	for (l->client = 1; l->client < FLOWS; l->client += 2)
		assert_int_equal(sends(l, CLIENT, ACK, 101, 100, 1)->id, l->client + 1);
	assert_int_equal(flows_made(l), FLOWS);
	lab_destroy(l);
}

static void a_connection_can_be_given_back(void **state)
{
	struct lab *l = lab_create();
	struct flow *f = opens(l);

	(void)state;
	memset(flow_connect(l->table, f), 1, CONNECTION_SIZE);
	flow_disconnect(l->table, f);
	assert_null(f->connection);
	assert_memory_equal(flow_connect(l->table, f), l->blank, CONNECTION_SIZE);
	lab_destroy(l);
}

/* --- the end --- */

static void too_many_flows_end_the_one_whose_time_is_nearest(void **state)
{
	struct lab *l = lab_create_with(20, 4);

	(void)state;
	for (l->client = 0; l->client < 20; l->client++) {
		l->now_ms += 1000;
		struct flow *f = sends(l, CLIENT, ACK, 1, 1, 10);
		if (l->client != 7)
			flow_connect(l->table, f);
	}
	sends(l, CLIENT, ACK, 1, 1, 10);
	assert_int_equal(flows_now(l), 20);
	assert_int_equal(l->ended_count, 1);
	assert_int_equal(l->ended[0].how, FLOW_END_EVICTED);
	assert_int_equal(l->ended[0].id, 8);
	assert_int_equal(l->limits.bitten[LIMIT_FLOWS], 1);
	lab_destroy(l);
}

/* MEMORY bites: a sixteenth goes at once, those first whose time is over first, which is sooner for those without a connection. */
static void over_its_memory_the_oldest_half_open_go_first(void **state)
{
	struct lab *l = lab_create_with(0, 4);
	enum { FLOWS = 2000, PLAIN = 1500 };

	(void)state;
	for (l->client = 0; l->client < FLOWS; l->client++) {
		l->now_ms += 10;
		struct flow *f = sends(l, CLIENT, ACK, 1, 1, 10);
		if (l->client < PLAIN / 2 || l->client >= PLAIN)
			flow_connect(l->table, f);
	}
	assert_int_equal(l->ended_count, 0);
	flow_table_limit(l->table, 1);
	sends(l, CLIENT, ACK, 1, 1, 10);
	assert_int_equal(l->ended_count, FLOWS / 16 + 1);
	for (unsigned i = 0; i < l->ended_count; i++) {
		assert_int_equal(l->ended[i].how, FLOW_END_EVICTED);
		assert_false(l->ended[i].has_connection);
		/* Of the same second; within it any. */
		assert_in_range(l->ended[i].id, PLAIN / 2 + 1, PLAIN / 2 + FLOWS / 16 + 102);
	}
	assert_int_equal(l->limits.bitten[LIMIT_MEMORY], FLOWS / 16 + 1);
	flow_table_limit(l->table, UINT64_MAX);
	sends(l, CLIENT, ACK, 11, 1, 10);
	assert_int_equal(l->limits.bitten[LIMIT_MEMORY], FLOWS / 16 + 1);
	lab_destroy(l);
}

static void what_connections_hold_counts_too(void **state)
{
	struct lab *l = lab_create_with(0, 4);

	(void)state;
	for (l->client = 0; l->client < 100; l->client++)
		flow_connect(l->table, sends(l, CLIENT, ACK, 1, 1, 10));
	flow_table_limit(l->table, 1 << 20);
	sends(l, CLIENT, ACK, 1, 1, 10);
	assert_int_equal(l->ended_count, 0);
	l->held = 1 << 20;
	l->client++;
	l->now_ms++;
	sends(l, CLIENT, ACK, 1, 1, 10);
	assert_true(l->ended_count > 0);
	assert_int_equal(l->ended[0].how, FLOW_END_EVICTED);
	lab_destroy(l);
}

static void where_all_are_awake_the_oldest_is_evicted(void **state)
{
	struct lab *l = lab_create_with(3, 8);
	struct flow_table_counts counts;

	(void)state;
	for (l->client = 0; l->client < 5; l->client++) {
		l->now_ms += 1000;
		sends(l, CLIENT, ACK, 1, 1, 10);
	}
	assert_int_equal(l->ended_count, 2);
	assert_int_equal(l->ended[0].id, 1);
	assert_int_equal(l->ended[1].id, 2);
	flow_table_counts(l->table, &counts);
	assert_int_equal(counts.evicted, 2);
	assert_int_equal(counts.now, 3);
	lab_destroy(l);
}

static void draining_goes_by_age_whoever_sleeps(void **state)
{
	struct lab *l = lab_create_with(0, 5);
	enum { FLOWS = 1000 };

	(void)state;
	for (l->client = 0; l->client < FLOWS; l->client++) {
		struct flow *f = sends(l, CLIENT, ACK, 1, 1, 10);
		uint64_t id = f->id;
		memcpy(flow_connect(l->table, f), &id, sizeof id);
	}
	for (l->client = 0; l->client < FLOWS; l->client += 97)
		sends(l, CLIENT, ACK, 11, 1, 10);
	flow_table_drain(l->table);
	assert_int_equal(l->ended_count, FLOWS);
	for (unsigned i = 0; i < FLOWS; i++) {
		assert_int_equal(l->ended[i].id, i + 1);
		assert_int_equal(l->ended[i].word, i + 1);
		assert_int_equal(l->ended[i].how, FLOW_END_CAPTURE);
	}
	assert_int_equal(flows_now(l), 0);
	lab_destroy(l);
}

static void draining_calls_idle_what_was_silent_too_long(void **state)
{
	struct lab *l = lab_create_with(0, 4);

	(void)state;
	sends(l, CLIENT, ACK, 1, 1, 10);
	l->client++;
	l->now_ms += FLOW_IDLE_NEW_MS + 1;
	struct segment s = segment_of(l, CLIENT, ACK, 1, 1, 10);
	flow_table_get(l->table, &s, &l->end);
	flow_table_tick(l->table, s.time_ns);
	flow_table_drain(l->table);
	assert_int_equal(l->ended_count, 2);
	assert_int_equal(l->ended[0].how, FLOW_END_IDLE);
	lab_destroy(l);
}

static void a_drained_table_can_be_used_again(void **state)
{
	struct lab *l = lab_create();

	(void)state;
	opens(l);
	others_come(l, 30);
	flow_table_drain(l->table);
	assert_int_equal(opens(l)->id, 35);
	assert_int_equal(flows_now(l), 1);
	lab_destroy(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_directions_are_one_flow),
		cmocka_unit_test(equal_addresses_are_told_apart_by_their_ports),
		cmocka_unit_test(networks_and_protocols_are_apart),
		cmocka_unit_test(the_first_datagram_names_the_initiator),
		cmocka_unit_test(times_are_those_of_the_opening),
		cmocka_unit_test(the_acknowledgement_may_carry_data),
		cmocka_unit_test(retransmitted_opening_segments_keep_the_first_time_and_are_noted),
		cmocka_unit_test(a_mirror_port_that_doubles_packets_is_no_retransmission),
		cmocka_unit_test(a_syn_captured_after_its_answer_belongs_to_it),
		cmocka_unit_test(a_clock_that_runs_back_gives_no_times),
		cmocka_unit_test(a_bare_syn_makes_no_flow),
		cmocka_unit_test(data_on_a_syn_makes_one_at_once),
		cmocka_unit_test(an_acknowledgement_after_a_syn_makes_one),
		cmocka_unit_test(the_servers_data_finds_the_clients_syn),
		cmocka_unit_test(data_in_mid_connection_makes_one_without_initiator),
		cmocka_unit_test(what_says_nothing_makes_none),
		cmocka_unit_test(a_flood_of_syns_takes_no_more_than_the_cache),
		cmocka_unit_test(data_without_acknowledgement_is_ignored),
		cmocka_unit_test(resets_outside_the_window_are_ignored),
		cmocka_unit_test(a_reset_behind_waiting_bytes_counts),
		cmocka_unit_test(a_reset_before_any_answer_must_acknowledge_the_syn),
		cmocka_unit_test(a_fin_counts_only_in_the_window),
		cmocka_unit_test(a_wrong_checksum_is_doubted_where_right_ones_were_seen),
		cmocka_unit_test(an_end_whose_checksums_are_all_wrong_is_believed),
		cmocka_unit_test(the_syns_checksum_counts_too),
		cmocka_unit_test(payload_is_not_verified_where_nobody_reads_it),
		cmocka_unit_test(an_md5_option_where_there_was_none_is_forged),
		cmocka_unit_test(an_md5_option_from_the_beginning_is_fine),
		cmocka_unit_test(an_unwatched_flow_still_knows_its_place),
		cmocka_unit_test(a_stray_syn_changes_nothing),
		cmocka_unit_test(
			a_stray_syn_from_the_server_does_not_make_the_clients_first_bytes_new),
		cmocka_unit_test(an_answered_syn_replaces_the_old_connection),
		cmocka_unit_test(data_of_a_new_syn_replaces_the_old_connection),
		cmocka_unit_test(an_unanswered_synack_is_ignored),
		cmocka_unit_test(a_syn_after_the_close_ends_the_old_connection_at_once),
		cmocka_unit_test(a_repeated_syn_of_a_live_connection_is_its_own),
		cmocka_unit_test(far_data_after_a_reset_is_a_new_connection),
		cmocka_unit_test(a_silent_flow_ends_after_its_own_time),
		cmocka_unit_test(a_closed_flow_lingers_for_late_segments),
		cmocka_unit_test(sleeping_flows_end_without_being_asked_for),
		cmocka_unit_test(leaps_of_the_clock_end_nothing),
		cmocka_unit_test(the_clock_never_runs_back),
		cmocka_unit_test(the_farthest_times_are_survived),
		cmocka_unit_test(a_flow_wakes_as_it_fell_asleep),
		cmocka_unit_test(an_ipv6_flow_in_mid_connection_wakes_the_same),
		cmocka_unit_test(waiting_bytes_survive_sleep),
		cmocka_unit_test(thousands_of_flows_are_all_found_again),
		cmocka_unit_test(removed_flows_leave_the_others_to_be_found),
		cmocka_unit_test(a_connection_can_be_given_back),
		cmocka_unit_test(too_many_flows_end_the_one_whose_time_is_nearest),
		cmocka_unit_test(over_its_memory_the_oldest_half_open_go_first),
		cmocka_unit_test(what_connections_hold_counts_too),
		cmocka_unit_test(where_all_are_awake_the_oldest_is_evicted),
		cmocka_unit_test(draining_goes_by_age_whoever_sleeps),
		cmocka_unit_test(draining_calls_idle_what_was_silent_too_long),
		cmocka_unit_test(a_drained_table_can_be_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
