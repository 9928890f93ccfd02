#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/intern.h"
#include "tests/unit/wire.h"

struct bench {
	struct hash_key key;
	struct limit_counts limits;
	struct intern *in;
};

static void open_bench(struct bench *b)
{
	memset(b, 0, sizeof *b);
	hash_key_init(&b->key);
	b->in = intern_create(&b->key, &b->limits);
}

/* A key (hello.h) with one suite and no extensions. */
static void key_of(struct buffer *key, uint16_t suite)
{
	buffer_clear(key);
	wire_int(key, 0, 1);
	wire_int(key, 1, 1);
	wire_int(key, 0x0303, 2);
	wire_int(key, 2, 2);
	wire_int(key, suite, 2);
	wire_int(key, 0x0100, 2);
	wire_int(key, 0, 1);
}

static void equal_hellos_are_one(void **state)
{
	struct bench b;
	struct buffer key = { 0 };

	(void)state;
	open_bench(&b);
	key_of(&key, 0x1301);
	struct hello *one = intern_hello(b.in, buffer_bytes(&key)), *again = intern_hello(b.in, buffer_bytes(&key));
	assert_ptr_equal(one, again);
	assert_int_equal(one->uses, 2);
	key_of(&key, 0x1302);
	struct hello *other = intern_hello(b.in, buffer_bytes(&key));
	assert_ptr_not_equal(one, other);
	intern_release_hello(b.in, one);
	intern_release_hello(b.in, again);
	intern_release_hello(b.in, other);
	intern_destroy(b.in);
	buffer_finish(&key);
}

static void a_chain_keeps_each_certificate_and_its_hash(void **state)
{
	static const uint8_t list[] = { 0, 0, 2, 0x30, 0, 0, 0, 1, 0x31 };
	struct bench b;

	(void)state;
	open_bench(&b);
	struct chain *c = intern_chain(b.in, (struct bytes){ list, sizeof list }, false);
	assert_int_equal(c->count, 2);
	assert_int_equal(c->kept, 2);
	assert_int_equal(c->certificates[1].der.at[0], 0x31);
	assert_memory_not_equal(c->certificates[0].sha256, c->certificates[1].sha256, 32);
	assert_ptr_equal(intern_chain(b.in, (struct bytes){ list, sizeof list }, false), c);
	intern_release_chain(b.in, c);
	intern_release_chain(b.in, c);
	intern_destroy(b.in);
}

/* RFC 8446 section 4.4.2: each certificate is followed by extensions. */
static void a_chain_of_tls_1_3_skips_extensions(void **state)
{
	static const uint8_t list[] = { 0, 0, 1, 0x30, 0, 2, 9, 9, 0, 0, 1, 0x31, 0, 0 };
	struct bench b;

	(void)state;
	open_bench(&b);
	struct chain *c = intern_chain(b.in, (struct bytes){ list, sizeof list }, true);
	assert_int_equal(c->count, 2);
	assert_int_equal(c->certificates[1].der.at[0], 0x31);
	intern_release_chain(b.in, c);
	intern_destroy(b.in);
}

static void of_a_cut_list_the_whole_certificates_are_kept(void **state)
{
	static const uint8_t list[] = { 0, 0, 1, 0x30, 0, 0, 9, 0x31 };
	struct bench b;

	(void)state;
	open_bench(&b);
	struct chain *c = intern_chain(b.in, (struct bytes){ list, sizeof list }, false);
	assert_int_equal(c->count, 2);
	assert_int_equal(c->kept, 1);
	intern_release_chain(b.in, c);
	intern_destroy(b.in);
}

/* CHAIN_LENGTH bites: all are counted, the first are kept. */
static void a_long_chain_is_kept_up_to_its_limit(void **state)
{
	struct buffer list = { 0 };
	struct bench b;

	(void)state;
	open_bench(&b);
	for (int i = 0; i < CHAIN_LENGTH_MAX + 5; i++)
		wire_vec(&list, 3, "x", 1);
	struct chain *c = intern_chain(b.in, buffer_bytes(&list), false);
	assert_int_equal(c->count, CHAIN_LENGTH_MAX + 5);
	assert_int_equal(c->kept, CHAIN_LENGTH_MAX);
	assert_int_equal(b.limits.bitten[LIMIT_CHAIN_LENGTH], 1);
	intern_release_chain(b.in, c);
	intern_destroy(b.in);
	buffer_finish(&list);
}

/* SHAPES bites: what nobody uses is forgotten, what somebody uses stays. */
static void a_full_table_forgets_what_nobody_uses(void **state)
{
	struct buffer key = { 0 };
	struct bench b;

	(void)state;
	open_bench(&b);
	key_of(&key, 0xffff);
	struct hello *used = intern_hello(b.in, buffer_bytes(&key));
	for (unsigned i = 0; i <= SHAPES_MAX; i++) {
		key_of(&key, (uint16_t)i);
		intern_release_hello(b.in, intern_hello(b.in, buffer_bytes(&key)));
	}
	assert_true(b.limits.bitten[LIMIT_SHAPES] > 0);
	key_of(&key, 0xffff);
	assert_ptr_equal(intern_hello(b.in, buffer_bytes(&key)), used);
	intern_release_hello(b.in, used);
	intern_release_hello(b.in, used);
	intern_destroy(b.in);
	buffer_finish(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_hellos_are_one),
		cmocka_unit_test(a_chain_keeps_each_certificate_and_its_hash),
		cmocka_unit_test(a_chain_of_tls_1_3_skips_extensions),
		cmocka_unit_test(of_a_cut_list_the_whole_certificates_are_kept),
		cmocka_unit_test(a_long_chain_is_kept_up_to_its_limit),
		cmocka_unit_test(a_full_table_forgets_what_nobody_uses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
