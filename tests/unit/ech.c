#include "dissectors/ech.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/ech_vectors.h"
#include "tests/unit/hex.h"
#include "tests/unit/wire.h"

enum { AES_128_GCM = 0x1301, BODY_MAX = 2048 };

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct tls_env env;
	struct inner_hello *ech;
	uint8_t body[4][BODY_MAX];
	struct bytes first, retry, second, server;
};

static struct bytes body_of(uint8_t *room, const char *hex)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= BODY_MAX);
	unhex(hex, room);
	return (struct bytes){ room, len };
}

static int start(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	tls_env_init(&b->env, &b->key, &b->limits);
	b->first = body_of(b->body[0], first_hello);
	b->retry = body_of(b->body[1], retry);
	b->second = body_of(b->body[2], second_hello);
	b->server = body_of(b->body[3], server_hello);
	*state = b;
	return 0;
}

static int stop(void **state)
{
	struct bench *b = *state;

	ech_destroy(b->ech);
	tls_env_finish(&b->env);
	free(b);
	return 0;
}

static void add_line(struct bench *b, const char *line)
{
	tls_env_secrets(&b->env, (struct bytes){ (const uint8_t *)line, strlen(line) }, true);
}

static void add_secrets(struct bench *b)
{
	add_line(b, secret_line);
	add_line(b, config_line);
}

static struct bytes open_hello(struct bench *b, struct bytes hello)
{
	struct reader r = reader_of(b->first);

	rd_skip(&r, 2);
	return ech_open(&b->ech, &b->env, rd_take(&r, RANDOM_LEN).at, hello, false);
}

static bool holds(struct bytes all, const char *text)
{
	return all.len && memmem(all.at, all.len, text, strlen(text));
}

static void the_inner_hello_holds_the_hidden_name(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	struct bytes inner = open_hello(b, b->first);
	assert_true(holds(b->first, "public.example.test"));
	assert_true(holds(inner, "example.test"));
	assert_false(holds(inner, "public.example.test"));
}

static void the_inner_hello_after_a_retry_is_sealed_by_the_same_secret(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	assert_true(open_hello(b, b->first).len);
	ech_retried(b->ech, &b->env, AES_128_GCM, b->retry);
	assert_true(holds(open_hello(b, b->second), "example.test"));
	assert_true(ech_accepted(b->ech, &b->env, AES_128_GCM, b->server));
}

static void a_server_that_cannot_read_it_does_not_confirm(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	open_hello(b, b->first);
	ech_retried(b->ech, &b->env, AES_128_GCM, b->retry);
	open_hello(b, b->second);
	b->body[3][2 + 31] ^= 1;
	assert_false(ech_accepted(b->ech, &b->env, AES_128_GCM, b->server));
}

static void without_its_secret_or_its_configuration_nothing_is_opened(void **state)
{
	struct bench *b = *state;

	assert_int_equal(open_hello(b, b->first).len, 0);
	add_line(b, secret_line);
	assert_int_equal(open_hello(b, b->first).len, 0);
	assert_null(b->ech);
}

static void a_hello_that_was_changed_on_its_way_is_not_opened(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	b->body[0][40] ^= 1;
	assert_int_equal(open_hello(b, b->first).len, 0);
	assert_null(b->ech);
}

static void a_cut_hello_is_not_opened(void **state)
{
	struct bench *b = *state;

	add_secrets(b);
	for (size_t cut = 0; cut < b->first.len; cut++)
		assert_int_equal(ech_open(&b->ech, &b->env, b->first.at + 2, (struct bytes){ b->first.at, cut }, false).len, 0);
}

/* ---- what the inner hello takes from the outer one ---- */

/* A hello with these extensions, as type and one byte of content. */
static void hello_of(struct buffer *out, const char *session, const uint8_t *types, size_t count)
{
	struct buffer extensions = { 0 };
	static const uint8_t suites[] = { 0x13, 0x01 };

	for (size_t i = 0; i < count; i++)
		wire_extension(&extensions, types[i], &types[i], 1);
	wire_int(out, 0x0303, 2);
	buffer_add(out, wire_client_random, 32);
	wire_vec(out, 1, session, strlen(session));
	wire_vec(out, 2, suites, sizeof suites);
	wire_int(out, 0x0100, 2);
	wire_vec(out, 2, extensions.at, extensions.len);
	buffer_finish(&extensions);
}

/* The inner hello has no session id, and one extension: the list of these. */
static void encoded_of(struct buffer *out, const uint8_t *types, size_t count)
{
	struct buffer names = { 0 }, content = { 0 }, extensions = { 0 };
	static const uint8_t suites[] = { 0x13, 0x01 };

	for (size_t i = 0; i < count; i++)
		wire_int(&names, types[i], 2);
	wire_vec(&content, 1, names.at, names.len);
	wire_extension(&extensions, 0xfd00, content.at, content.len);
	wire_int(out, 0x0303, 2);
	buffer_add(out, wire_client_random, 32);
	wire_int(out, 0, 1);
	wire_vec(out, 2, suites, sizeof suites);
	wire_int(out, 0x0100, 2);
	wire_vec(out, 2, extensions.at, extensions.len);
	wire_int(out, 0, 7);
	buffer_finish(&names);
	buffer_finish(&content);
	buffer_finish(&extensions);
}

static bool expands(const uint8_t *wanted, size_t count, const uint8_t *expected, size_t expected_count)
{
	static const uint8_t outer_types[] = { 10, 13, 43, 51 };
	struct buffer outer = { 0 }, encoded = { 0 }, inner = { 0 }, whole = { 0 };

	hello_of(&outer, "the id", outer_types, sizeof outer_types);
	encoded_of(&encoded, wanted, count);
	hello_of(&whole, "the id", expected, expected_count);
	bool ok = ech_decode(&inner, buffer_bytes(&encoded), buffer_bytes(&outer), false) &&
		  bytes_equal(buffer_bytes(&inner), buffer_bytes(&whole));
	buffer_finish(&outer);
	buffer_finish(&encoded);
	buffer_finish(&inner);
	buffer_finish(&whole);
	return ok;
}

static void extensions_of_the_outer_hello_stand_for_themselves(void **state)
{
	static const uint8_t wanted[] = { 10, 43, 51 };

	(void)state;
	assert_true(expands(wanted, sizeof wanted, wanted, sizeof wanted));
}

static void extensions_named_out_of_order_are_refused(void **state)
{
	static const uint8_t wanted[] = { 43, 10 };

	(void)state;
	assert_false(expands(wanted, sizeof wanted, wanted, sizeof wanted));
}

static void an_extension_that_the_outer_hello_lacks_is_refused(void **state)
{
	static const uint8_t wanted[] = { 10, 44 };

	(void)state;
	assert_false(expands(wanted, sizeof wanted, wanted, sizeof wanted));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_inner_hello_holds_the_hidden_name),
		TEST(the_inner_hello_after_a_retry_is_sealed_by_the_same_secret),
		TEST(a_server_that_cannot_read_it_does_not_confirm),
		TEST(without_its_secret_or_its_configuration_nothing_is_opened),
		TEST(a_hello_that_was_changed_on_its_way_is_not_opened),
		TEST(a_cut_hello_is_not_opened),
		TEST(extensions_of_the_outer_hello_stand_for_themselves),
		TEST(extensions_named_out_of_order_are_refused),
		TEST(an_extension_that_the_outer_hello_lacks_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
