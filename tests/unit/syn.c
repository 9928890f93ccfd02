#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/table.h"

enum { CLIENT, SERVER, ISN = 5000, FLOOD = 100000, CONNECTION_SIZE = 64 };

struct lab {
	struct flow_table *table;
	struct hash_key key;
	struct limit_counts limits;
	uint8_t blank[CONNECTION_SIZE];
	uint64_t number;
	int64_t now_ms;
	uint32_t client;
	unsigned refused, unanswered;
	struct syn_ends last;
	int64_t last_ns;
};

static void on_retire(void *context, struct flow *f, enum flow_end how)
{
	(void)context;
	(void)f;
	(void)how;
}

static void on_in_vain(void *context, const struct syn_ends *ends, const struct syn *syn, bool refused)
{
	struct lab *l = context;

	l->refused += refused;
	l->unanswered += !refused;
	l->last = *ends;
	l->last_ns = syn->time_ns;
}

static int create(void **state)
{
	struct lab *l = calloc(1, sizeof *l);

	hash_key_init(&l->key);
	struct flow_table_options options = { .connection_size = CONNECTION_SIZE, .blank_connection = l->blank, .key = &l->key,
		.limits = &l->limits, .retire = on_retire, .in_vain = on_in_vain, .context = l };
	l->table = flow_table_create(&options);
	l->now_ms = INT64_C(1700000000000);
	*state = l;
	return 0;
}

static int destroy(void **state)
{
	struct lab *l = *state;

	flow_table_destroy(l->table);
	free(l);
	return 0;
}

static struct address client_of(const struct lab *l)
{
	return (struct address){ { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = (uint8_t)(l->client >> 16), [14] = (uint8_t)(l->client >> 8),
		[15] = (uint8_t)l->client } };
}

static void sends(struct lab *l, unsigned from, uint8_t flags, uint32_t seq, uint32_t ack)
{
	struct address client = client_of(l), server = { { [10] = 0xff, [11] = 0xff, [12] = 9, [15] = 2 } };
	struct segment s = { .time_ns = l->now_ms * 1000000, .number = ++l->number, .protocol = PROTOCOL_TCP, .flags = flags, .seq = seq, .ack = ack,
		.vlan = VLAN_NONE, .src = from == CLIENT ? client : server, .dst = from == CLIENT ? server : client,
		.src_port = from == CLIENT ? 40000 : 443, .dst_port = from == CLIENT ? 443 : 40000 };
	unsigned end;

	flow_table_tick(l->table, s.time_ns);
	flow_table_get(l->table, &s, &end);
}

static void a_reset_refuses_the_syn_that_it_acknowledges(void **state)
{
	struct lab *l = *state;
	struct address client = client_of(l);

	sends(l, CLIENT, TCP_SYN, ISN, 0);
	sends(l, SERVER, TCP_RST | TCP_ACK, 0, ISN + 2);
	assert_int_equal(l->refused, 0);
	sends(l, SERVER, TCP_RST | TCP_ACK, 0, ISN + 1);
	assert_int_equal(l->refused, 1);
	assert_int_equal(l->last.server_port, 443);
	assert_memory_equal(&l->last.client, &client, sizeof client);
	/* The same packet seen twice. */
	sends(l, SERVER, TCP_RST | TCP_ACK, 0, ISN + 1);
	assert_int_equal(l->refused, 1);
	flow_table_drain(l->table);
	assert_int_equal(l->unanswered, 0);
}

static void a_syn_that_nobody_answers_is_told_once_it_is_idle(void **state)
{
	struct lab *l = *state;
	int64_t first_ns = l->now_ms * 1000000;

	sends(l, CLIENT, TCP_SYN, ISN, 0);
	l->now_ms += 3000;
	sends(l, CLIENT, TCP_SYN, ISN, 0);
	l->client++;
	for (int i = 0; i < 40; i++) {
		l->now_ms += 3000;
		sends(l, CLIENT, TCP_ACK, 1, 1);
	}
	assert_int_equal(l->unanswered, 1);
	assert_int_equal(l->last_ns, first_ns);
}

static void an_answered_syn_is_not_told(void **state)
{
	struct lab *l = *state;

	sends(l, CLIENT, TCP_SYN, ISN, 0);
	sends(l, SERVER, TCP_SYN | TCP_ACK, 9000, ISN + 1);
	l->now_ms += 5000;
	sends(l, CLIENT, TCP_ACK, ISN + 1, 9001);
	flow_table_drain(l->table);
	assert_int_equal(l->unanswered + l->refused, 0);
}

static void at_the_end_only_those_count_that_had_time_for_an_answer(void **state)
{
	struct lab *l = *state;

	sends(l, CLIENT, TCP_SYN, ISN, 0);
	l->now_ms += 1500;
	l->client++;
	sends(l, CLIENT, TCP_SYN, ISN, 0);
	flow_table_drain(l->table);
	assert_int_equal(l->unanswered, 1);
	assert_int_equal(l->last.client.at[15], 0);
}

static void each_of_a_flood_is_told(void **state)
{
	struct lab *l = *state;

	for (; l->client < FLOOD; l->client++)
		sends(l, CLIENT, TCP_SYN, ISN, 0);
	assert_true(l->unanswered >= FLOOD - SYN_SETS_MAX * SYN_WAYS);
	flow_table_drain(l->table);
	assert_int_equal(l->unanswered, FLOOD);
}

static void a_stray_syn_of_a_running_connection_does_not_count(void **state)
{
	struct lab *l = *state;

	sends(l, CLIENT, TCP_SYN, ISN, 0);
	sends(l, SERVER, TCP_SYN | TCP_ACK, 9000, ISN + 1);
	sends(l, CLIENT, TCP_ACK, ISN + 1, 9001);
	sends(l, CLIENT, TCP_SYN, ISN + 77777, 0);
	l->now_ms += 5000;
	sends(l, CLIENT, TCP_ACK, ISN + 1, 9001);
	flow_table_drain(l->table);
	assert_int_equal(l->unanswered, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_reset_refuses_the_syn_that_it_acknowledges),
		TEST(a_syn_that_nobody_answers_is_told_once_it_is_idle),
		TEST(an_answered_syn_is_not_told),
		TEST(at_the_end_only_those_count_that_had_time_for_an_answer),
		TEST(each_of_a_flood_is_told),
		TEST(a_stray_syn_of_a_running_connection_does_not_count),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
