#include "frames.h"

static void a_tcp_header_cut_by_the_snap_length_still_counts(void **state)
{
	static const uint8_t frame[] = { IPV6(100, 6), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0xa0, TCP_SYN };
	struct walked w;

	(void)state;
	walk_frame(&w, 229, (struct bytes){ frame, sizeof frame }, 140);
	assert_int_equal(w.result, DECAP_SEGMENT);
	assert_int_equal(w.segment.flags, TCP_SYN);
	assert_int_equal(w.segment.window, 0);
	assert_int_equal(w.segment.payload.len, 0);
	assert_int_equal(w.segment.payload_len, 60);
	assert_int_equal(w.segment.transport.len, 0);
	assert_true(segment_checksum_fits(&w.segment));
}

static void a_data_offset_that_lies_is_malformed(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 228, IPV4(20, 6), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x40, 0x10, 0, 0, 0, 0, 0, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
	WALK(&w, 228, IPV4(20, 6), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x60, 0x10, 0, 0, 0, 0, 0, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void a_signed_segment_is_known_by_its_option(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 228, IPV4(40, 6), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0xa0, 0x10, 0, 0, 0, 0, 0, 0,
		1, 19, 18, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 0);
	assert_true(w.segment.has_md5);
	WALK(&w, 228, IPV4_TCP_HI);
	assert_false(w.segment.has_md5);
}

static void options_that_lie_are_left_alone(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 228, IPV4(24, 6), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x60, 0x10, 0, 0, 0, 0, 0, 0, 8, 0, 19, 18);
	assert_int_equal(w.result, DECAP_SEGMENT);
	assert_false(w.segment.has_md5);
}

static void udp_ends_where_its_length_says(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 228, IPV4(12, 17), UDP(2), 'h', 'i', 0, 0);
	assert_int_equal(w.result, DECAP_SEGMENT);
	assert_int_equal(w.segment.protocol, PROTOCOL_UDP);
	assert_int_equal(w.segment.flags, 0);
	assert_int_equal(w.segment.dst_port, TO_PORT);
	assert_int_equal(w.segment.payload_len, 2);
	assert_int_equal(w.segment.transport.len, 10);
}

static void a_udp_length_below_its_header_is_malformed(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 228, IPV4(10, 17), U16(1), U16(2), 0, 7, 0, 0, 'h', 'i');
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void a_right_checksum_fits_and_a_flipped_bit_does_not(void **state)
{
	uint8_t frame[] = { IPV4(23, 6), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0x20, 0, 0x30, 0x92, 0, 0, 'h', 'i', '!' };
	struct walked w;

	(void)state;
	walk_frame(&w, 228, (struct bytes){ frame, sizeof frame }, 0);
	assert_true(segment_checksum_fits(&w.segment));
	for (size_t bit = 20 * 8; bit < sizeof frame * 8; bit++) {
		if (bit / 8 == 20 + 12)		/* the data offset: the header itself would change its shape */
			continue;
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
		walk_frame(&w, 228, (struct bytes){ frame, sizeof frame }, 0);
		assert_false(segment_checksum_fits(&w.segment));
		frame[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void a_checksum_over_ipv6_addresses_fits(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 229, IPV6(10, 17), U16(FROM_PORT), U16(TO_PORT), 0, 10, 0x7a, 0x40, 'h', 'i');
	assert_true(segment_checksum_fits(&w.segment));
	WALK(&w, 229, IPV6(10, 17), U16(FROM_PORT), U16(TO_PORT), 0, 10, 0x7a, 0x41, 'h', 'i');
	assert_false(segment_checksum_fits(&w.segment));
}

static void a_udp_checksum_of_zero_was_never_made(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 228, IPV4(10, 17), UDP(2), 'h', 'i');
	assert_true(segment_checksum_fits(&w.segment));
}

static void a_cut_segment_is_given_the_benefit_of_the_doubt(void **state)
{
	static const uint8_t frame[] = { IPV4(1000, 6), TCP_HI };
	struct walked w;

	(void)state;
	walk_frame(&w, 228, (struct bytes){ frame, sizeof frame }, 1020);
	assert_true(segment_checksum_fits(&w.segment));
	walk_frame(&w, 228, (struct bytes){ frame, sizeof frame }, 0);
	assert_false(segment_checksum_fits(&w.segment));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tcp_header_cut_by_the_snap_length_still_counts),
		cmocka_unit_test(a_data_offset_that_lies_is_malformed),
		cmocka_unit_test(a_signed_segment_is_known_by_its_option),
		cmocka_unit_test(options_that_lie_are_left_alone),
		cmocka_unit_test(udp_ends_where_its_length_says),
		cmocka_unit_test(a_udp_length_below_its_header_is_malformed),
		cmocka_unit_test(a_right_checksum_fits_and_a_flipped_bit_does_not),
		cmocka_unit_test(a_checksum_over_ipv6_addresses_fits),
		cmocka_unit_test(a_udp_checksum_of_zero_was_never_made),
		cmocka_unit_test(a_cut_segment_is_given_the_benefit_of_the_doubt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
