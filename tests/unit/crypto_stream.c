#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dissectors/crypto_stream.h"

/* Two messages: five bytes of body, and none. */
static const uint8_t flight[] = { 1, 0, 0, 5, 'h', 'e', 'l', 'l', 'o', 14, 0, 0, 0 };

struct bench {
	struct limit_counts limits;
	struct tls_env env;
	struct crypto_stream s;
	bool differs;
};

static struct bench *open_bench(void)
{
	struct bench *b = calloc(1, sizeof *b);

	b->env.limits = &b->limits;
	return b;
}

static void close_bench(struct bench *b)
{
	crypto_stream_finish(&b->s, &b->env);
	assert_int_equal(b->env.message_bytes, 0);
	free(b);
}

static enum crypto_verdict push(struct bench *b, size_t from, size_t to, int64_t ns)
{
	return crypto_stream_push(&b->s, &b->env, from, (struct bytes){ flight + from, to - from },
				  ns, &b->differs);
}

static void assert_next(struct bench *b, size_t from, size_t to, int64_t first_ns, int64_t last_ns)
{
	struct crypto_message m;

	assert_true(crypto_stream_next(&b->s, &b->env, &m));
	assert_int_equal(m.whole.len, to - from);
	assert_memory_equal(m.whole.at, flight + from, to - from);
	assert_int_equal(m.first_ns, first_ns);
	assert_int_equal(m.last_ns, last_ns);
}

static void assert_none(struct bench *b)
{
	struct crypto_message m;

	assert_false(crypto_stream_next(&b->s, &b->env, &m));
}

static void messages_in_one_frame_come_one_by_one(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	assert_int_equal(push(b, 0, sizeof flight, 7), CRYPTO_NEW);
	assert_next(b, 0, 9, 7, 7);
	assert_next(b, 9, 13, 7, 7);
	assert_none(b);
	close_bench(b);
}

static void pieces_in_any_order_make_the_same_messages(void **state)
{
	(void)state;
	for (unsigned order = 0; order < 24; order++) {
		static const size_t cuts[] = { 0, 2, 6, 10, sizeof flight };
		struct bench *b = open_bench();
		unsigned left[4] = { 0, 1, 2, 3 }, rest = order;
		size_t got = 0;
		struct crypto_message m;

		for (unsigned n = 4; n; n--) {
			unsigned pick = rest % n, piece = left[pick];

			rest /= n;
			left[pick] = left[n - 1];
			assert_int_equal(push(b, cuts[piece], cuts[piece + 1], 4 - (int)n),
					 CRYPTO_NEW);
			while (crypto_stream_next(&b->s, &b->env, &m)) {
				assert_memory_equal(m.whole.at, flight + got, m.whole.len);
				got += m.whole.len;
			}
		}
		assert_int_equal(got, sizeof flight);
		assert_false(b->differs);
		assert_false(crypto_stream_waits(&b->s));
		close_bench(b);
	}
}

static void a_message_knows_when_its_first_and_last_piece_came(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push(b, 4, 9, 10);
	push(b, 0, 2, 20);
	assert_none(b);
	push(b, 2, 4, 30);
	assert_next(b, 0, 9, 10, 30);
	close_bench(b);
}

static void what_comes_again_is_old(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push(b, 0, 6, 1);
	assert_int_equal(push(b, 0, 6, 2), CRYPTO_OLD);
	assert_int_equal(push(b, 3, 5, 3), CRYPTO_OLD);
	push(b, 9, 11, 4);
	assert_int_equal(push(b, 9, 11, 5), CRYPTO_OLD);
	assert_int_equal(push(b, 6, 13, 6), CRYPTO_NEW);
	assert_next(b, 0, 9, 1, 6);
	assert_false(b->differs);
	close_bench(b);
}

static void the_first_bytes_for_a_place_win_and_others_are_told(void **state)
{
	struct bench *b = open_bench();
	uint8_t other[] = { 'H', 'E' };

	(void)state;
	push(b, 0, 6, 1);
	push(b, 7, 9, 2);
	crypto_stream_push(&b->s, &b->env, 7, (struct bytes){ other, 2 }, 3, &b->differs);
	assert_true(b->differs);
	b->differs = false;
	crypto_stream_push(&b->s, &b->env, 4, (struct bytes){ other, 2 }, 4, &b->differs);
	assert_true(b->differs);
	push(b, 6, 7, 5);
	assert_next(b, 0, 9, 1, 5);
	close_bench(b);
}

static void the_beginning_of_a_message_can_be_had(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	push(b, 0, 6, 1);
	push(b, 8, 9, 2);
	assert_none(b);
	assert_int_equal(crypto_stream_begun(&b->s).whole.len, 6);
	assert_true(crypto_stream_waits(&b->s));
	close_bench(b);
}

static void crypto_bytes_bite(void **state)
{
	struct bench *b = open_bench();
	static uint8_t much[CRYPTO_BYTES_MAX];

	(void)state;
	assert_int_equal(crypto_stream_push(&b->s, &b->env, 10, (struct bytes){ much, sizeof much },
					    1, &b->differs),
			 CRYPTO_NEW);
	assert_int_equal(crypto_stream_push(&b->s, &b->env, 10 + sizeof much,
					    (struct bytes){ much, 1 }, 1, &b->differs),
			 CRYPTO_LIMIT);
	assert_int_equal(b->limits.bitten[LIMIT_CRYPTO_BYTES], 1);
	close_bench(b);
}

static void crypto_pieces_bite(void **state)
{
	struct bench *b = open_bench();

	(void)state;
	for (unsigned i = 0; i < CRYPTO_PIECES_MAX; i++)
		assert_int_equal(crypto_stream_push(&b->s, &b->env, 10 + 2 * i,
						    (struct bytes){ flight, 1 }, 1, &b->differs),
				 CRYPTO_NEW);
	assert_int_equal(
		crypto_stream_push(&b->s, &b->env, 9, (struct bytes){ flight, 1 }, 1, &b->differs),
		CRYPTO_LIMIT);
	assert_int_equal(b->limits.bitten[LIMIT_CRYPTO_PIECES], 1);
	close_bench(b);
}

static void a_message_that_is_too_long_is_skipped(void **state)
{
	struct bench *b = open_bench();
	static const uint8_t header[] = { 11, 0xff, 0xff, 0xff };
	static uint8_t much[65000];
	uint64_t end = 4 + 0xffffff, at = 4;

	(void)state;
	crypto_stream_push(&b->s, &b->env, 0, (struct bytes){ header, 4 }, 1, &b->differs);
	assert_none(b);
	assert_int_equal(b->limits.bitten[LIMIT_MESSAGE_BYTES], 1);
	while (at < end) {
		size_t n = end - at < sizeof much ? (size_t)(end - at) : sizeof much;

		assert_int_equal(crypto_stream_push(&b->s, &b->env, at, (struct bytes){ much, n },
						    1, &b->differs),
				 CRYPTO_NEW);
		assert_none(b);
		at += n;
	}
	assert_true(b->env.message_bytes < 10000);
	crypto_stream_push(&b->s, &b->env, at, (struct bytes){ flight + 9, 4 }, 2, &b->differs);
	assert_next(b, 9, 13, 2, 2);
	close_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_in_one_frame_come_one_by_one),
		cmocka_unit_test(pieces_in_any_order_make_the_same_messages),
		cmocka_unit_test(a_message_knows_when_its_first_and_last_piece_came),
		cmocka_unit_test(what_comes_again_is_old),
		cmocka_unit_test(the_first_bytes_for_a_place_win_and_others_are_told),
		cmocka_unit_test(the_beginning_of_a_message_can_be_had),
		cmocka_unit_test(crypto_bytes_bite),
		cmocka_unit_test(crypto_pieces_bite),
		cmocka_unit_test(a_message_that_is_too_long_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
