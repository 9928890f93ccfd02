#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/reader.h"

static void a_spent_reader_gives_nothing_for_ever(void **state)
{
	static const uint8_t two[] = { 1, 2 };
	struct reader r = reader_of((struct bytes){ two, sizeof two });

	(void)state;
	assert_int_equal(rd_u24(&r), 0);
	assert_true(r.bad);
	assert_false(rd_more(&r));
	assert_int_equal(rd_u8(&r), 0);
	assert_false(rd_done(&r));
}

static void integers_are_big_endian(void **state)
{
	static const uint8_t wire[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xff, 0xfe };
	struct reader r = reader_of((struct bytes){ wire, sizeof wire });

	(void)state;
	assert_int_equal(rd_u8(&r), 0x01);
	assert_int_equal(rd_u16(&r), 0x0203);
	assert_int_equal(rd_u24(&r), 0x040506);
	assert_int_equal(rd_u32(&r), 0x0708090a);
	assert_int_equal(rd_u16_le(&r), 0xfeff);
	assert_true(rd_done(&r));
}

static void a_vector_that_lies_spends_its_parent(void **state)
{
	static const uint8_t lie[] = { 0, 5, 'h', '2' };
	struct reader r = reader_of((struct bytes){ lie, sizeof lie });
	struct reader child = rd_vec16(&r);

	(void)state;
	assert_true(child.bad);
	assert_false(rd_more(&child));
	assert_true(r.bad);
}

static void a_vector_reads_apart_from_its_parent(void **state)
{
	static const uint8_t wire[] = { 2, 'h', '2', 9 };
	struct reader r = reader_of((struct bytes){ wire, sizeof wire });
	struct reader child = rd_vec8(&r);

	(void)state;
	assert_int_equal(rd_rest(&child).len, 2);
	assert_true(rd_done(&child));
	assert_int_equal(rd_u8(&r), 9);
	assert_true(rd_done(&r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spent_reader_gives_nothing_for_ever),
		cmocka_unit_test(integers_are_big_endian),
		cmocka_unit_test(a_vector_that_lies_spends_its_parent),
		cmocka_unit_test(a_vector_reads_apart_from_its_parent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
