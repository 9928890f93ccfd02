#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "record/lookups.h"

#define SECOND INT64_C(1000000000)

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct lookups *lookups;
};

static void open_bench(struct bench *b)
{
	memset(b, 0, sizeof *b);
	hash_key_init(&b->key);
	b->lookups = lookups_create(&b->key, &b->limits);
}

static struct address address(uint32_t number)
{
	return (struct address){ { [10] = 0xff, [11] = 0xff, 10, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number } };
}

static void look_up(struct bench *b, uint32_t client, const char *name, uint32_t server, int64_t query_ns, int64_t answer_ns)
{
	struct lookup l = { .client = address(client), .query_ns = query_ns, .answer_ns = answer_ns, .name_len = (uint8_t)strlen(name),
		.address_count = 1, .addresses = { address(server) } };

	memcpy(l.name, name, l.name_len);
	lookups_add(b->lookups, &l);
}

static void assert_told(struct bench *b, uint32_t client, uint32_t server, int64_t time_ns, const char *name, int64_t dns_ns)
{
	struct handshake h;

	handshake_init(&h);
	h.client = address(client);
	h.server = address(server);
	h.time_ns = time_ns;
	lookups_tell(b->lookups, &h);
	struct bytes told = handshake_text(&h, h.dns_name);
	assert_int_equal(told.len, strlen(name));
	assert_memory_equal(told.at, name, told.len);
	assert_true(h.dns_ns == dns_ns);
	handshake_finish(&h);
}

static void assert_untold(struct bench *b, uint32_t client, uint32_t server, int64_t time_ns)
{
	struct handshake h;

	handshake_init(&h);
	h.client = address(client);
	h.server = address(server);
	h.time_ns = time_ns;
	lookups_tell(b->lookups, &h);
	assert_int_equal(h.dns_name.len, 0);
	assert_true(h.dns_ns == TIME_NONE);
	handshake_finish(&h);
}

static void the_latest_lookup_before_the_connection_counts(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	look_up(&b, 1, "old.test", 2, 1 * SECOND, 2 * SECOND);
	look_up(&b, 1, "new.test", 2, 10 * SECOND, 13 * SECOND);
	look_up(&b, 1, "later.test", 2, 30 * SECOND, 31 * SECOND);
	assert_told(&b, 1, 2, 20 * SECOND, "new.test", 3 * SECOND);
	assert_told(&b, 1, 2, 5 * SECOND, "old.test", 1 * SECOND);
	assert_untold(&b, 1, 2, 1 * SECOND);
	lookups_destroy(b.lookups);
}

static void a_lookup_counts_for_a_minute(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	look_up(&b, 1, "www.test", 2, 0, 1 * SECOND);
	assert_told(&b, 1, 2, 61 * SECOND, "www.test", 1 * SECOND);
	assert_untold(&b, 1, 2, 61 * SECOND + 1);
	lookups_destroy(b.lookups);
}

static void a_lookup_of_another_client_or_address_does_not_count(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	look_up(&b, 1, "www.test", 2, 0, 1 * SECOND);
	assert_untold(&b, 3, 2, 2 * SECOND);
	assert_untold(&b, 1, 3, 2 * SECOND);
	lookups_destroy(b.lookups);
}

static void a_later_handshake_of_a_connection_has_no_lookup(void **state)
{
	struct handshake h;
	struct bench b;

	(void)state;
	open_bench(&b);
	look_up(&b, 1, "www.test", 2, 0, 1 * SECOND);
	handshake_init(&h);
	h.client = address(1);
	h.server = address(2);
	h.time_ns = 2 * SECOND;
	h.sequence = 1;
	lookups_tell(b.lookups, &h);
	assert_int_equal(h.dns_name.len, 0);
	handshake_finish(&h);
	lookups_destroy(b.lookups);
}

static void ask_over_ipv4(struct bench *b, uint32_t client, struct address server)
{
	struct lookup l = { .client = address(client), .has_mac = true, .client_mac = { 2, 0, 0, 0, 0, 1 }, .answer_ns = 1 * SECOND,
		.name_len = 8, .name = "www.test", .address_count = 1, .addresses = { server } };

	lookups_add(b->lookups, &l);
}

static void connect_over_ipv6(struct bench *b, struct address server, struct handshake *h)
{
	handshake_init(h);
	h->client = (struct address){ { 0x20, 0x01, [15] = 1 } };
	h->server = server;
	h->has_mac = true;
	memcpy(h->client_mac, (uint8_t[]){ 2, 0, 0, 0, 0, 1 }, 6);
	h->time_ns = 2 * SECOND;
	lookups_tell(b->lookups, h);
}

static void a_host_may_ask_over_ipv4_and_connect_over_ipv6(void **state)
{
	static const struct address server = { { 0x20, 0x01, [15] = 2 } };
	struct handshake h;
	struct bench b;

	(void)state;
	open_bench(&b);
	ask_over_ipv4(&b, 1, server);
	connect_over_ipv6(&b, server, &h);
	assert_int_equal(h.dns_name.len, 8);
	assert_true(h.dns_ns == 1 * SECOND);
	handshake_finish(&h);
	lookups_destroy(b.lookups);
}

/* Of so many hosts some have both versions of IP fall into one place of the table, with any key. */
static void another_address_of_the_same_version_is_another_host(void **state)
{
	static const struct address server = { { 0x20, 0x01, [15] = 2 } };
	struct bench b;

	(void)state;
	open_bench(&b);
	for (uint32_t i = 0; i < 20000; i++) {
		struct lookup l = { .client = { { 0x20, 0x02 } }, .has_mac = true, .client_mac = { 2, 0, 0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
			.answer_ns = 1 * SECOND, .name_len = 8, .name = "www.test", .address_count = 1, .addresses = { server } };
		struct handshake h;

		lookups_add(b.lookups, &l);
		handshake_init(&h);
		h.client = (struct address){ { 0x20, 0x01, [15] = 1 } };
		h.server = server;
		h.has_mac = true;
		memcpy(h.client_mac, l.client_mac, sizeof h.client_mac);
		h.time_ns = 2 * SECOND;
		lookups_tell(b.lookups, &h);
		assert_int_equal(h.dns_name.len, 0);
		handshake_finish(&h);
	}
	lookups_destroy(b.lookups);
}

static void hosts_behind_a_router_are_not_taken_for_one(void **state)
{
	static const struct address server = { { 0x20, 0x01, [15] = 2 } };
	struct handshake h;
	struct bench b;

	(void)state;
	open_bench(&b);
	ask_over_ipv4(&b, 1, server);
	ask_over_ipv4(&b, 2, server);
	connect_over_ipv6(&b, server, &h);
	assert_int_equal(h.dns_name.len, 0);
	handshake_finish(&h);
	lookups_destroy(b.lookups);
}

/* LOOKUPS bites: the oldest go, the latest stay. */
static void lookups_beyond_the_limit_push_out_the_oldest(void **state)
{
	struct bench b;

	(void)state;
	open_bench(&b);
	for (uint32_t i = 0; i <= LOOKUPS_MAX; i++)
		look_up(&b, 1, "www.test", 2 + i, 0, 1 * SECOND);
	assert_int_equal(b.limits.bitten[LIMIT_LOOKUPS], 1);
	assert_untold(&b, 1, 2, 2 * SECOND);
	assert_told(&b, 1, 3, 2 * SECOND, "www.test", 1 * SECOND);
	assert_told(&b, 1, 2 + LOOKUPS_MAX, 2 * SECOND, "www.test", 1 * SECOND);
	lookups_destroy(b.lookups);
}

static void published_ech_configurations_are_known(void **state)
{
	static const uint8_t configs[] = {
		0, 25,			/* the list */
		0xfe, 0x0d, 0, 21,	/* version, length */
		42, 0, 0x20,		/* config_id, kem_id */
		0, 2, 1, 2,		/* public_key */
		0, 4, 0, 1, 0, 1,	/* cipher_suites */
		64,			/* maximum_name_length */
		4, 'E', 'c', 'h', '.',	/* public_name */
		0, 0,			/* extensions */
	};
	static const struct bytes name = { (const uint8_t *)"ech.", 4 }, other = { (const uint8_t *)"www.", 4 };
	struct lookup l = { .ech_len = sizeof configs };
	struct bench b;

	(void)state;
	open_bench(&b);
	assert_false(lookups_publishes(b.lookups, 42, name));
	memcpy(l.ech, configs, sizeof configs);
	lookups_add(b.lookups, &l);
	assert_true(lookups_publishes(b.lookups, 42, name));
	assert_false(lookups_publishes(b.lookups, 41, name));
	assert_false(lookups_publishes(b.lookups, 42, other));
	lookups_destroy(b.lookups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_latest_lookup_before_the_connection_counts),
		cmocka_unit_test(a_lookup_counts_for_a_minute),
		cmocka_unit_test(a_lookup_of_another_client_or_address_does_not_count),
		cmocka_unit_test(a_later_handshake_of_a_connection_has_no_lookup),
		cmocka_unit_test(a_host_may_ask_over_ipv4_and_connect_over_ipv6),
		cmocka_unit_test(another_address_of_the_same_version_is_another_host),
		cmocka_unit_test(hosts_behind_a_router_are_not_taken_for_one),
		cmocka_unit_test(lookups_beyond_the_limit_push_out_the_oldest),
		cmocka_unit_test(published_ech_configurations_are_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
