#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "flow/rest.h"
#include "flow/slab.h"

enum { SIZE = 1544 };

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t round_trip(const uint8_t *at, const uint8_t *blank, size_t size)
{
	uint8_t packed[4096], out[SIZE];
	size_t len;

	memset(packed, 0xa5, sizeof packed);
	len = rest_pack(at, blank, size, packed);
	assert_true(len <= rest_bound(size));
	assert_true(rest_bound(size) <= sizeof packed);
	memset(out, 0x5a, sizeof out);
	assert_int_equal(rest_unpack(packed, blank, size, out), len);
	assert_memory_equal(out, at, size);
	return len;
}

static void a_blank_struct_is_a_map_of_nothing(void **state)
{
	static uint8_t blank[SIZE];

	(void)state;
	memset(blank, 0x77, sizeof blank);
	assert_int_equal(round_trip(blank, blank, SIZE), 4);
}

static void one_byte_costs_three_and_the_map(void **state)
{
	uint8_t blank[SIZE] = { 0 }, at[SIZE] = { 0 };

	(void)state;
	at[700] = 9;
	assert_int_equal(round_trip(at, blank, SIZE), 4 + 3);
}

static void any_difference_comes_back_exactly(void **state)
{
	uint8_t blank[SIZE], at[SIZE];
	uint32_t seed = 7;

	(void)state;
	for (unsigned round = 0; round < 400; round++) {
		for (size_t i = 0; i < SIZE; i++) {
			blank[i] = (uint8_t)next_random(&seed);
			at[i] = next_random(&seed) % 400 < round ? (uint8_t)next_random(&seed) :
								   blank[i];
		}
		size_t size = 8 * (1 + next_random(&seed) % (SIZE / 8));
		round_trip(at, blank, size);
	}
}

static void a_struct_with_nothing_in_common_fits_its_bound(void **state)
{
	uint8_t blank[SIZE], at[SIZE];

	(void)state;
	memset(blank, 0, sizeof blank);
	memset(at, 0xff, sizeof at);
	round_trip(at, blank, SIZE);
}

static void blocks_keep_their_bytes_whatever_comes_and_goes(void **state)
{
	enum { BLOCKS = 3000 };
	static uint32_t block[BLOCKS];
	static size_t len[BLOCKS];
	struct slab slab = { 0 };
	uint32_t seed = 3;

	(void)state;
	for (unsigned round = 0; round < 60000; round++) {
		uint32_t i = next_random(&seed) % BLOCKS;

		if (block[i]) {
			uint8_t *at = slab_at(&slab, block[i]);
			for (size_t k = 0; k < len[i]; k++)
				assert_int_equal(at[k], (uint8_t)(i % 255 + 1));
			slab_give(&slab, block[i]);
			block[i] = 0;
		} else {
			len[i] = 2 + next_random(&seed) % (round % 8 ? 300 : 4000);
			block[i] = slab_take(&slab, len[i]);
			assert_int_not_equal(block[i], 0);
			memset(slab_at(&slab, block[i]), (int)(i % 255 + 1), len[i]);
		}
	}
	slab_finish(&slab);
}

static void a_walk_meets_every_block_once(void **state)
{
	enum { BLOCKS = 500 };
	struct slab slab = { 0 };
	uint32_t blocks[BLOCKS], from = 0, budget = UINT32_MAX, met = 0;

	(void)state;
	for (uint32_t i = 0; i < BLOCKS; i++) {
		blocks[i] = slab_take(&slab, 20 + i % 7 * 50);
		memset(slab_at(&slab, blocks[i]), 1, 20);
	}
	for (uint32_t i = 0; i < BLOCKS; i += 2)
		slab_give(&slab, blocks[i]);
	while (slab_walk(&slab, &from, &budget))
		met++;
	assert_int_equal(met, BLOCKS / 2);
	assert_int_equal(from, 0);
	slab_finish(&slab);
}

static void a_walk_goes_on_where_its_budget_ended(void **state)
{
	struct slab slab = { 0 };
	uint32_t blocks[1000], from = 0, met = 0, rounds = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		blocks[i] = slab_take(&slab, 64);
		memset(slab_at(&slab, blocks[i]), 1, 64);
	}
	for (uint32_t i = 0; i < 1000; i++)
		if (i % 10)
			slab_give(&slab, blocks[i]);
	do {
		uint32_t budget = 3;

		met += slab_walk(&slab, &from, &budget) != 0;
		assert_true(++rounds < 10000);
	} while (from);
	assert_int_equal(met, 100);
	slab_finish(&slab);
}

static void pages_of_one_size_serve_another_when_empty(void **state)
{
	struct slab slab = { 0 };
	static uint32_t blocks[2000];

	(void)state;
	for (unsigned size = 40; size < 500; size += 40) {
		for (unsigned i = 0; i < 2000; i++) {
			blocks[i] = slab_take(&slab, size);
			memset(slab_at(&slab, blocks[i]), 1, size);
		}
		for (unsigned i = 0; i < 2000; i++)
			slab_give(&slab, blocks[i]);
	}
	assert_true(slab.count <= 2000 * 480 / 16000 + 4);
	slab_finish(&slab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_blank_struct_is_a_map_of_nothing),
		cmocka_unit_test(one_byte_costs_three_and_the_map),
		cmocka_unit_test(any_difference_comes_back_exactly),
		cmocka_unit_test(a_struct_with_nothing_in_common_fits_its_bound),
		cmocka_unit_test(blocks_keep_their_bytes_whatever_comes_and_goes),
		cmocka_unit_test(a_walk_meets_every_block_once),
		cmocka_unit_test(a_walk_goes_on_where_its_budget_ended),
		cmocka_unit_test(pages_of_one_size_serve_another_when_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
