#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "flow/stream.h"
#include "overhear/handshake.h"

enum { ISN = 999, FIRST = 1000, GOT_MAX = 1 << 20 };

/* A stream, and all that came out of it. */
struct bench {
	struct stream s;
	struct stream_pool pool;
	struct limit_counts limits;
	struct hash_key key;
	uint64_t number;
	size_t len;
	uint64_t missing;
	unsigned chunks;
	struct chunk last;
	const uint8_t *last_at;
	uint8_t got[GOT_MAX];
};

static struct bench *bench_create(void)
{
	struct bench *b = calloc(1, sizeof *b);

	hash_key_init(&b->key);
	b->pool = (struct stream_pool){ .limits = &b->limits, .key = &b->key };
	stream_start(&b->s, ISN);
	return b;
}

static void fetch(struct bench *b)
{
	struct chunk c;

	while (stream_next(&b->s, &b->pool, &c)) {
		assert_true(b->len + c.data.len <= GOT_MAX);
		memcpy(b->got + b->len, c.data.at, c.data.len);
		b->len += c.data.len;
		b->missing += c.missing;
		b->chunks++;
		b->last = c;
		b->last_at = c.data.at;
	}
}

static void bench_destroy(struct bench *b)
{
	stream_finish(&b->s, &b->pool);
	stream_pool_finish(&b->pool);
	assert_int_equal(b->pool.waiting_bytes, 0);
	free(b);
}

static enum stream_verdict push_cut(
	struct bench *b, uint32_t seq, const void *at, size_t len, uint32_t wire_len)
{
	struct stream_segment in = { seq, { at, len }, wire_len, (int64_t)++b->number * 1000,
		b->number };
	enum stream_verdict verdict = stream_push(&b->s, &b->pool, &in, true);

	fetch(b);
	return verdict;
}

static enum stream_verdict push(struct bench *b, uint32_t seq, const char *text)
{
	return push_cut(b, seq, text, strlen(text), (uint32_t)strlen(text));
}

static void assert_got(const struct bench *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->got, text, b->len);
}

static void in_order_bytes_pass_without_a_copy(void **state)
{
	struct bench *b = bench_create();
	static const char hello[] = "hello";

	(void)state;
	assert_int_equal(push_cut(b, FIRST, hello, 5, 5), STREAM_NEW);
	assert_got(b, "hello");
	assert_ptr_equal(b->last_at, hello);
	assert_null(b->s.work);
	bench_destroy(b);
}

static void swapped_segments_come_out_in_order_with_their_own_times(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	assert_int_equal(push(b, FIRST + 3, "def"), STREAM_NEW);
	assert_int_equal(b->len, 0);
	assert_int_equal(push(b, FIRST, "abc"), STREAM_NEW);
	assert_got(b, "abcdef");
	assert_int_equal(b->chunks, 2);
	assert_int_equal(b->last.number, 1);
	assert_int_equal(b->last.time_ns, 1000);
	assert_int_equal(b->missing, 0);
	assert_int_equal(b->s.marks, 0);
	bench_destroy(b);
}

static void the_first_segment_may_come_last(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 2, "cd");
	push(b, FIRST + 4, "ef");
	push(b, FIRST + 6, "gh");
	assert_int_equal(b->len, 0);
	push(b, FIRST, "ab");
	assert_got(b, "abcdefgh");
	assert_false(stream_waits(&b->s));
	bench_destroy(b);
}

static void duplicates_give_nothing_and_are_counted(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "abc");
	assert_int_equal(push(b, FIRST, "abc"), STREAM_NOTHING);
	push(b, FIRST + 6, "ghi");
	assert_int_equal(push(b, FIRST + 6, "ghi"), STREAM_NOTHING);
	assert_int_equal(b->s.retransmissions, 2);
	assert_int_equal(b->s.marks, 0);
	bench_destroy(b);
}

static void equal_overlaps_are_no_trouble(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "abcd");
	push(b, FIRST + 2, "cdef");
	push(b, FIRST + 8, "ij");
	push(b, FIRST + 5, "fghij");
	push(b, FIRST + 1, "bcdefghijkl");
	assert_got(b, "abcdefghijkl");
	assert_int_equal(b->s.marks, 0);
	bench_destroy(b);
}

static void the_first_bytes_win_over_later_ones(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 2, "XY");
	push(b, FIRST, "abcdef");
	assert_got(b, "abXYef");
	assert_int_equal(b->s.marks, REASSEMBLY_OVERLAP);
	bench_destroy(b);
}

static void waiting_bytes_win_over_later_waiting_ones(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 4, "XY");
	push(b, FIRST + 2, "cdefgh");
	assert_int_equal(b->s.marks, REASSEMBLY_OVERLAP);
	push(b, FIRST, "ab");
	assert_got(b, "abcdXYgh");
	bench_destroy(b);
}

static void a_retransmission_with_other_bytes_is_marked(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "abc");
	assert_int_equal(push(b, FIRST, "abX"), STREAM_NOTHING);
	assert_got(b, "abc");
	assert_int_equal(b->s.marks, REASSEMBLY_OVERLAP);
	bench_destroy(b);
}

static void a_segment_of_the_first_sixteen_is_remembered(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	for (uint32_t i = 0; i < 16; i++)
		push(b, FIRST + 2 * i, "ab");
	assert_int_equal(push(b, FIRST + 2 * 9, "aX"), STREAM_NOTHING);
	assert_int_equal(b->s.marks, REASSEMBLY_OVERLAP);
	bench_destroy(b);
}

static void a_larger_retransmission_is_held_against_the_segments_inside_it(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "abc");
	push(b, FIRST + 3, "def");
	push(b, FIRST, "abcdef");
	assert_int_equal(b->s.marks, 0);
	push(b, FIRST, "abcdXfghi");
	assert_int_equal(b->s.marks, REASSEMBLY_OVERLAP);
	assert_got(b, "abcdefghi");
	bench_destroy(b);
}

static void what_cannot_be_compared_is_not_marked(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "abcdef");
	push(b, FIRST + 1, "XY");
	assert_int_equal(b->s.marks, 0);
	assert_int_equal(b->s.retransmissions, 1);
	bench_destroy(b);
}

static void a_keep_alive_probe_is_neither_overlap_nor_retransmission(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "a");
	assert_int_equal(push(b, FIRST, "\xff"), STREAM_NOTHING);
	push(b, FIRST + 4, "ef");
	assert_int_equal(push(b, FIRST + 5, "\xff"), STREAM_NOTHING);
	assert_int_equal(b->s.marks, 0);
	assert_int_equal(b->s.retransmissions, 0);
	bench_destroy(b);
}

static void a_probe_that_overtook_its_segment_yields_to_it(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 2, "\xff");
	push(b, FIRST, "abc");
	assert_got(b, "abc");
	assert_int_equal(b->s.marks, REASSEMBLY_OVERLAP);
	push(b, FIRST + 4, "\xff");
	push(b, FIRST + 3, "def");
	assert_int_equal(b->got[4], 0xff);
	bench_destroy(b);
}

static void one_byte_segments_in_any_order_come_out_whole(void **state)
{
	struct bench *b = bench_create();
	enum { COUNT = 3000 };

	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		uint32_t place = i * 1009 % COUNT;
		uint8_t byte = (uint8_t)(place * 7);

		push_cut(b, FIRST + place, &byte, 1, 1);
	}
	assert_int_equal(b->len, COUNT);
	for (uint32_t i = 0; i < COUNT; i++)
		assert_int_equal(b->got[i], (uint8_t)(i * 7));
	assert_int_equal(b->s.marks, 0);
	bench_destroy(b);
}

static void sequence_numbers_wrap(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	b->s = (struct stream){ 0 };
	stream_start(&b->s, 0xfffffffd);
	push(b, 2, "efg");
	push(b, 0xffffffff, "bcd");
	push(b, 0xfffffffe, "a");
	assert_got(b, "abcdefg");
	bench_destroy(b);
}

static void segments_far_from_the_window_are_invalid(void **state)
{
	struct bench *b = bench_create();
	const uint32_t oldest = FIRST + 3 - (uint32_t)STREAM_OLD_BYTES;

	(void)state;
	push(b, FIRST, "abc");
	assert_int_equal(push(b, FIRST + 0x40000000, "x"), STREAM_INVALID);
	assert_int_equal(push(b, FIRST + 3 + STREAM_WINDOW_BYTES + 1, "x"), STREAM_INVALID);
	assert_int_equal(push(b, oldest - 1, "x"), STREAM_INVALID);
	assert_int_equal(push(b, FIRST + 3 + STREAM_WINDOW_BYTES, "xy"), STREAM_NEW);
	assert_int_equal(push(b, oldest, "x"), STREAM_NOTHING);
	assert_got(b, "abc");
	bench_destroy(b);
}

static void a_stream_without_syn_begins_with_its_first_segment(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	b->s = (struct stream){ 0 };
	push(b, 777777, "abc");
	push(b, 777780, "def");
	assert_got(b, "abcdef");
	assert_int_equal(push(b, 777774, "xyz"), STREAM_NOTHING);
	bench_destroy(b);
}

static void a_hole_stands_until_it_is_given_up(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "ab");
	for (uint32_t i = 0; i < 100; i++)
		push(b, FIRST + 5 + i, "x");
	assert_got(b, "ab");
	assert_true(stream_waits(&b->s));
	stream_give_up(&b->s, &b->pool, REASSEMBLY_EVICTED);
	fetch(b);
	assert_int_equal(b->len, 102);
	assert_int_equal(b->missing, 3);
	assert_int_equal(b->s.marks, REASSEMBLY_GAP | REASSEMBLY_EVICTED);
	assert_false(stream_waits(&b->s));
	bench_destroy(b);
}

static void an_acknowledged_hole_is_given_up_after_more_segments(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 2, "cd");
	assert_false(stream_acknowledge(&b->s, &b->pool, FIRST + 4));
	for (uint32_t i = 0; i < STREAM_PATIENCE - 1; i++)
		push(b, FIRST + 4 + i, "x");
	assert_int_equal(b->len, 0);
	push(b, FIRST + 4 + STREAM_PATIENCE - 1, "x");
	assert_int_equal(b->len, 2 + STREAM_PATIENCE);
	assert_int_equal(b->missing, 2);
	assert_int_equal(b->s.marks, REASSEMBLY_GAP);
	bench_destroy(b);
}

static void data_captured_after_its_acknowledgement_is_no_gap(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 2, "cd");
	stream_acknowledge(&b->s, &b->pool, FIRST + 4);
	push(b, FIRST, "ab");
	assert_got(b, "abcd");
	assert_int_equal(b->s.marks, 0);
	bench_destroy(b);
}

static void an_acknowledgement_before_the_hole_gives_nothing_up(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 8, "ij");
	stream_acknowledge(&b->s, &b->pool, FIRST + 6);
	for (uint32_t i = 0; i < 3 * STREAM_PATIENCE; i++)
		push(b, FIRST + 10 + i, "x");
	assert_int_equal(b->len, 0);
	bench_destroy(b);
}

static void only_acknowledged_holes_are_given_up(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST + 2, "cd");
	stream_acknowledge(&b->s, &b->pool, FIRST + 4);
	push(b, FIRST + 10, "k");
	for (uint32_t i = 0; i < 2 * STREAM_PATIENCE; i++)
		push(b, FIRST + 11 + i, "x");
	assert_got(b, "cd");
	assert_int_equal(b->missing, 2);
	bench_destroy(b);
}

static void a_cut_segment_leaves_a_hole_that_its_retransmission_fills(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push_cut(b, FIRST, "abcdef", 2, 6);
	assert_int_equal(b->s.marks, REASSEMBLY_TRUNCATED);
	push(b, FIRST + 6, "gh");
	assert_got(b, "ab");
	push(b, FIRST, "abcdef");
	assert_got(b, "abcdefgh");
	assert_int_equal(b->missing, 0);
	bench_destroy(b);
}

static void the_hole_of_a_cut_segment_goes_with_the_acknowledgement(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push_cut(b, FIRST, "abcdef", 2, 6);
	push(b, FIRST + 6, "gh");
	assert_true(stream_acknowledge(&b->s, &b->pool, FIRST + 8));
	fetch(b);
	assert_got(b, "abgh");
	assert_int_equal(b->missing, 4);
	assert_int_equal(b->s.marks, REASSEMBLY_TRUNCATED | REASSEMBLY_GAP);
	bench_destroy(b);
}

static void a_cut_piece_that_waited_leaves_the_same_hole(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push_cut(b, FIRST + 2, "cdefgh", 2, 6);
	push(b, FIRST + 8, "ij");
	push(b, FIRST, "ab");
	assert_got(b, "abcd");
	assert_true(stream_acknowledge(&b->s, &b->pool, FIRST + 10));
	fetch(b);
	assert_got(b, "abcdij");
	bench_destroy(b);
}

static void too_many_waiting_bytes_end_the_waiting(void **state)
{
	struct bench *b = bench_create();
	static const uint8_t block[1024];

	(void)state;
	for (uint32_t i = 0; i < STREAM_BYTES_MAX / sizeof block; i++)
		push_cut(b, FIRST + 1 + i * (uint32_t)sizeof block, block, sizeof block,
			sizeof block);
	assert_int_equal(b->len, 0);
	push_cut(b, FIRST + 1 + STREAM_BYTES_MAX, block, 1, 1);
	assert_int_equal(b->len, STREAM_BYTES_MAX + 1);
	assert_int_equal(b->missing, 1);
	assert_int_equal(b->s.marks, REASSEMBLY_LIMIT | REASSEMBLY_GAP);
	assert_int_equal(b->limits.bitten[LIMIT_STREAM_BYTES], 1);
	bench_destroy(b);
}

static void too_many_waiting_pieces_end_the_waiting(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	for (uint32_t i = 0; i < STREAM_RANGES_MAX; i++)
		push(b, FIRST + 2 * STREAM_RANGES_MAX - 2 * i, "x");
	assert_int_equal(b->len, 0);
	push(b, FIRST + 2 * STREAM_RANGES_MAX + 2, "x");
	assert_int_equal(b->len, STREAM_RANGES_MAX + 1);
	assert_int_equal(b->limits.bitten[LIMIT_STREAM_RANGES], 1);
	assert_true(b->s.marks & REASSEMBLY_LIMIT);
	bench_destroy(b);
}

static void too_many_waiting_bytes_of_all_end_the_waiting_of_the_one_that_asks(void **state)
{
	struct bench *b = bench_create();
	enum { STREAMS = REASSEMBLY_BYTES_MAX / 200000 + 1 };
	static struct stream others[STREAMS];
	static uint8_t block[50000];

	(void)state;
	for (uint32_t i = 0; i < STREAMS; i++) {
		stream_start(&others[i], ISN);
		for (uint32_t j = 0; j < 4; j++) {
			struct stream_segment in = { FIRST + 1 + j * 50000, { block, sizeof block },
				sizeof block, 0, 0 };
			struct chunk c;

			stream_push(&others[i], &b->pool, &in, false);
			while (stream_next(&others[i], &b->pool, &c))
				;
		}
	}
	assert_true(b->limits.bitten[LIMIT_REASSEMBLY_BYTES] > 0);
	assert_true(b->pool.waiting_bytes <= REASSEMBLY_BYTES_MAX);
	assert_true(others[STREAMS - 1].marks & REASSEMBLY_LIMIT);
	assert_int_equal(others[0].marks, 0);
	for (uint32_t i = 0; i < STREAMS; i++)
		stream_finish(&others[i], &b->pool);
	bench_destroy(b);
}

static void an_ignored_stream_keeps_nothing_but_its_place(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "ab");
	push(b, FIRST + 5, "fg");
	stream_ignore(&b->s, &b->pool);
	assert_null(b->s.work);
	assert_int_equal(b->pool.waiting_bytes, 0);
	assert_int_equal(push(b, FIRST + 7, "hi"), STREAM_NOTHING);
	assert_int_equal(b->s.next, FIRST + 9);
	assert_got(b, "ab");
	assert_int_equal(b->s.early[0].len, 0);
	bench_destroy(b);
}

static void ignoring_in_the_middle_of_a_segment_forgets_its_rest(void **state)
{
	struct bench *b = bench_create();
	struct stream_segment in = { FIRST, { (const uint8_t *)"abcdef", 6 }, 6, 0, 1 };

	(void)state;
	stream_push(&b->s, &b->pool, &in, false);
	stream_ignore(&b->s, &b->pool);
	fetch(b);
	assert_int_equal(b->len, 0);
	assert_int_equal(b->s.next, FIRST + 6);
	bench_destroy(b);
}

static void the_fin_is_reached_when_all_before_it_came(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "ab");
	stream_fin(&b->s, FIRST + 4);
	stream_fin(&b->s, FIRST + 2);
	assert_false(stream_at_fin(&b->s));
	push(b, FIRST + 2, "cd");
	assert_true(stream_at_fin(&b->s));
	bench_destroy(b);
}

static void doubt(struct bench *b, uint32_t seq, const char *text)
{
	struct stream_segment in = { seq, { (const uint8_t *)text, strlen(text) },
		(uint32_t)strlen(text), (int64_t)++b->number * 1000, b->number };

	stream_doubt(&b->s, &b->pool, &in);
	fetch(b);
}

static void a_doubted_segment_counts_once_it_is_acknowledged(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	doubt(b, FIRST, "abc");
	assert_int_equal(b->len, 0);
	assert_true(stream_acknowledge(&b->s, &b->pool, FIRST + 3));
	fetch(b);
	assert_got(b, "abc");
	bench_destroy(b);
}

static void a_doubted_segment_waits_for_its_own_acknowledgement(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	doubt(b, FIRST, "abc");
	doubt(b, FIRST + 3, "XYZ");
	stream_acknowledge(&b->s, &b->pool, FIRST + 3);
	fetch(b);
	assert_got(b, "abc");
	doubt(b, FIRST + 6, "ghi");
	stream_acknowledge(&b->s, &b->pool, FIRST + 9);
	fetch(b);
	assert_got(b, "abcXYZghi");
	bench_destroy(b);
}

static void a_doubted_segment_yields_to_one_that_fits(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	doubt(b, FIRST, "XYZ");
	push(b, FIRST, "abc");
	stream_acknowledge(&b->s, &b->pool, FIRST + 3);
	fetch(b);
	assert_got(b, "abc");
	assert_int_equal(b->s.marks, 0);
	bench_destroy(b);
}

static void doubted_segments_count_where_nothing_better_can_come(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	doubt(b, FIRST + 3, "def");
	push(b, FIRST, "ab");
	stream_give_up(&b->s, &b->pool, 0);
	fetch(b);
	assert_got(b, "abdef");
	assert_int_equal(b->missing, 1);
	bench_destroy(b);
}

static void what_is_held_can_be_looked_at_and_comes_with_its_own_times(void **state)
{
	struct bench *b = bench_create();
	const char *text = "abcdef";
	uint8_t out[8];
	struct chunk c;

	(void)state;
	for (uint32_t i = 0; i < 4; i++) {
		struct stream_segment in = { FIRST + i, { (const uint8_t *)text + i, 1 }, 1, i, i };

		assert_int_equal(stream_push(&b->s, &b->pool, &in, true), STREAM_NEW);
		assert_true(i || stream_brings(&b->s, &b->pool, 1));
		assert_false(stream_brings(&b->s, &b->pool, 2));
		stream_hold(&b->s, &b->pool);
	}
	/* Behind a hole. */
	struct stream_segment far = { FIRST + 5, { (const uint8_t *)"f", 1 }, 1, 9, 9 };

	stream_push(&b->s, &b->pool, &far, true);
	assert_int_equal(stream_peek(&b->s, out, sizeof out), 4);
	assert_memory_equal(out, "abcd", 4);
	assert_int_equal(stream_peek(&b->s, out, 3), 3);
	assert_false(stream_gives_up(&b->s));
	for (uint32_t i = 0; i < 4; i++) {
		assert_true(stream_next(&b->s, &b->pool, &c));
		assert_int_equal(c.data.len, 1);
		assert_int_equal(c.time_ns, i);
	}
	assert_false(stream_next(&b->s, &b->pool, &c));
	stream_give_up(&b->s, &b->pool, 0);
	assert_true(stream_gives_up(&b->s));
	assert_true(stream_next(&b->s, &b->pool, &c));
	assert_int_equal(c.missing, 1);
	bench_destroy(b);
}

static void a_stream_starts_once(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	stream_start(&b->s, 5);
	assert_int_equal(b->s.next, FIRST);
	bench_destroy(b);
}

static void few_segments_in_order_cost_no_memory(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "abc");
	push(b, FIRST + 3, "def");
	assert_null(b->s.work);
	bench_destroy(b);
}

/* It has a number like a byte, and none of them is missing. */
static void an_acknowledged_fin_is_no_missing_tail(void **state)
{
	enum { SEGMENTS = 20 };		/* so many that a stream keeps books of them */
	struct bench *b = bench_create();

	(void)state;
	for (uint32_t i = 0; i < SEGMENTS; i++)
		push(b, FIRST + i, "a");
	stream_acknowledge(&b->s, &b->pool, FIRST + SEGMENTS + 1);
	assert_true(stream_lacks_tail(&b->s));
	stream_fin(&b->s, FIRST + SEGMENTS);
	assert_false(stream_lacks_tail(&b->s));
	bench_destroy(b);
}

static void bytes_before_a_fin_may_be_missing(void **state)
{
	struct bench *b = bench_create();

	(void)state;
	push(b, FIRST, "ab");
	stream_fin(&b->s, FIRST + 4);
	assert_true(stream_lacks_tail(&b->s));
	bench_destroy(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_bytes_pass_without_a_copy),
		cmocka_unit_test(few_segments_in_order_cost_no_memory),
		cmocka_unit_test(swapped_segments_come_out_in_order_with_their_own_times),
		cmocka_unit_test(the_first_segment_may_come_last),
		cmocka_unit_test(duplicates_give_nothing_and_are_counted),
		cmocka_unit_test(equal_overlaps_are_no_trouble),
		cmocka_unit_test(the_first_bytes_win_over_later_ones),
		cmocka_unit_test(waiting_bytes_win_over_later_waiting_ones),
		cmocka_unit_test(a_retransmission_with_other_bytes_is_marked),
		cmocka_unit_test(a_segment_of_the_first_sixteen_is_remembered),
		cmocka_unit_test(a_larger_retransmission_is_held_against_the_segments_inside_it),
		cmocka_unit_test(what_cannot_be_compared_is_not_marked),
		cmocka_unit_test(a_keep_alive_probe_is_neither_overlap_nor_retransmission),
		cmocka_unit_test(a_probe_that_overtook_its_segment_yields_to_it),
		cmocka_unit_test(one_byte_segments_in_any_order_come_out_whole),
		cmocka_unit_test(sequence_numbers_wrap),
		cmocka_unit_test(segments_far_from_the_window_are_invalid),
		cmocka_unit_test(a_stream_without_syn_begins_with_its_first_segment),
		cmocka_unit_test(what_is_held_can_be_looked_at_and_comes_with_its_own_times),
		cmocka_unit_test(a_stream_starts_once),
		cmocka_unit_test(a_doubted_segment_counts_once_it_is_acknowledged),
		cmocka_unit_test(a_doubted_segment_waits_for_its_own_acknowledgement),
		cmocka_unit_test(a_doubted_segment_yields_to_one_that_fits),
		cmocka_unit_test(doubted_segments_count_where_nothing_better_can_come),
		cmocka_unit_test(a_hole_stands_until_it_is_given_up),
		cmocka_unit_test(an_acknowledged_hole_is_given_up_after_more_segments),
		cmocka_unit_test(data_captured_after_its_acknowledgement_is_no_gap),
		cmocka_unit_test(an_acknowledgement_before_the_hole_gives_nothing_up),
		cmocka_unit_test(only_acknowledged_holes_are_given_up),
		cmocka_unit_test(a_cut_segment_leaves_a_hole_that_its_retransmission_fills),
		cmocka_unit_test(the_hole_of_a_cut_segment_goes_with_the_acknowledgement),
		cmocka_unit_test(a_cut_piece_that_waited_leaves_the_same_hole),
		cmocka_unit_test(too_many_waiting_bytes_end_the_waiting),
		cmocka_unit_test(too_many_waiting_pieces_end_the_waiting),
		cmocka_unit_test(
			too_many_waiting_bytes_of_all_end_the_waiting_of_the_one_that_asks),
		cmocka_unit_test(an_ignored_stream_keeps_nothing_but_its_place),
		cmocka_unit_test(ignoring_in_the_middle_of_a_segment_forgets_its_rest),
		cmocka_unit_test(the_fin_is_reached_when_all_before_it_came),
		cmocka_unit_test(an_acknowledged_fin_is_no_missing_tail),
		cmocka_unit_test(bytes_before_a_fin_may_be_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
