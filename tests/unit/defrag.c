#include "frames.h"

#include <stdlib.h>

#include "packet/defrag.h"

#define MORE 0x2000
#define SECOND INT64_C(1000000000)

struct road {
	struct hash_key key;
	struct limit_counts limits;
	struct decap_counts counts;
	struct defrag *defrag;
	struct walked last;
	int64_t time_ns;
};

static int set_up(void **state)
{
	struct road *r = calloc(1, sizeof *r);

	hash_key_init(&r->key);
	r->counts.limits = &r->limits;
	r->defrag = defrag_create(&r->key, &r->limits);
	*state = r;
	return 0;
}

static int tear_down(void **state)
{
	struct road *r = *state;

	defrag_destroy(r->defrag);
	free(r);
	return 0;
}

static enum decap_result offer(struct road *r, uint16_t link, const uint8_t *frame, size_t len, size_t wire_len)
{
	struct packet p = { .time_ns = r->time_ns, .number = 1, .data = { frame, len }, .wire_len = (uint32_t)wire_len, .link_type = link };
	/* A copy of its own, so that a sanitizer sees bytes used after their time. */
	uint8_t *copy = malloc(len);

	memcpy(copy, frame, len);
	p.data.at = copy;
	r->last.result = defrag_join(r->defrag, decap(&p, &r->last.segment, &r->counts), &r->last.segment, &r->counts);
	free(copy);
	return r->last.result;
}

#define OFFER(r, link, ...) offer(r, link, (const uint8_t[]){ __VA_ARGS__ }, sizeof (const uint8_t[]){ __VA_ARGS__ }, \
	sizeof (const uint8_t[]){ __VA_ARGS__ })

/* "hi", its TCP header split over three pieces. */
#define FIRST(id) IPV4_PIECE(8, 6, id, MORE), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7
#define SECOND_PIECE(id) IPV4_PIECE(8, 6, id, MORE | 1), 0, 0, 0, 9, 0x50, 0x18, 0x20, 0
#define LAST(id) IPV4_PIECE(6, 6, id, 2), 0, 0, 0, 0, 'h', 'i'
#define FORGED(id) IPV4_PIECE(8, 6, id, MORE | 1), 0, 0, 0, 9, 0x50, 0x04, 0x20, 0

static void pieces_in_order_make_a_packet(void **state)
{
	struct road *r = *state;

	assert_int_equal(OFFER(r, ETHERNET_LINK, MACS, 0x81, 0x00, 0, 5, 0x08, 0x00, FIRST(1)), DECAP_FRAGMENT);
	assert_int_equal(OFFER(r, ETHERNET_LINK, MACS, 0x81, 0x00, 0, 5, 0x08, 0x00, SECOND_PIECE(1)), DECAP_FRAGMENT);
	OFFER(r, ETHERNET_LINK, MACS, 0x81, 0x00, 0, 5, 0x08, 0x00, LAST(1));
	assert_says_hi(&r->last);
	assert_false(r->last.segment.fragments_overlap);
	assert_int_equal(r->last.segment.vlan, 5);
	assert_true(r->last.segment.has_mac);
	assert_lay_in(&r->last, "vlan 5");
	assert_int_equal(r->counts.fragments, 3);
}

static void pieces_in_any_order_make_a_packet(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, LAST(1));
	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	assert_says_hi(&r->last);
}

static void repeated_pieces_change_nothing(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, LAST(1));
	assert_says_hi(&r->last);
	assert_false(r->last.segment.fragments_overlap);
	assert_int_equal(OFFER(r, 101, LAST(1)), DECAP_FRAGMENT);
	/* which leaves nothing behind to spoil the next packet of this number */
	OFFER(r, 101, IPV4_PIECE(8, 6, 1, MORE), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 8);
	OFFER(r, 101, SECOND_PIECE(1));
	assert_int_equal(OFFER(r, 101, IPV4_PIECE(6, 6, 1, 2), 0, 0, 0, 0, 'h', 'o'), DECAP_SEGMENT);
	assert_int_equal(r->last.segment.seq, 8);
	assert_memory_equal(r->last.segment.payload.at, "ho", 2);
	assert_false(r->last.segment.fragments_overlap);
}

static void the_first_bytes_win_and_a_difference_is_marked(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, FORGED(1));
	OFFER(r, 101, LAST(1));
	assert_says_hi(&r->last);
	assert_true(r->last.segment.fragments_overlap);
}

static void a_partial_overlap_is_marked_though_it_agrees(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, IPV4_PIECE(16, 6, 1, MORE), U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0x20, 0);
	OFFER(r, 101, LAST(1));
	assert_says_hi(&r->last);
	assert_true(r->last.segment.fragments_overlap);
}

static void a_second_end_is_marked_and_left_out(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, LAST(1));
	OFFER(r, 101, IPV4_PIECE(8, 6, 1, 3), 'e', 'v', 'i', 'l', 'e', 'v', 'i', 'l');
	OFFER(r, 101, SECOND_PIECE(1));
	assert_says_hi(&r->last);
	assert_true(r->last.segment.fragments_overlap);
}

static void a_number_used_again_begins_with_its_first_piece(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, IPV4_PIECE(8, 6, 1, MORE), U16(1), U16(2), 0, 0, 0, 1);	/* whose others were lost */
	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, LAST(1));
	assert_says_hi(&r->last);
	assert_true(r->last.segment.fragments_overlap);	/* nobody can say that it was so */
}

static void packets_of_other_ends_or_numbers_are_apart(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(2));
	assert_int_equal(OFFER(r, 101, LAST(1)), DECAP_FRAGMENT);
	OFFER(r, 101, SECOND_PIECE(1));
	assert_says_hi(&r->last);
}

static void ipv6_pieces_take_their_protocol_from_the_first(void **state)
{
	struct road *r = *state;

	OFFER(r, 229, IPV6(14, 44), 99, 0, U16(16), 0, 0, 0, 1, 0, 0, 0, 0, 'h', 'i');
	OFFER(r, 229, IPV6(24, 44), 6, 0, U16(1), 0, 0, 0, 1, U16(FROM_PORT), U16(TO_PORT), 0, 0, 0, 7, 0, 0, 0, 9, 0x50, 0x18, 0x20, 0);
	assert_says_hi(&r->last);
}

static void extension_headers_may_lie_in_the_pieces(void **state)
{
	struct road *r = *state;

	OFFER(r, 229, IPV6(16, 44), 60, 0, U16(1), 0, 0, 0, 1, 6, 0, 1, 4, 0, 0, 0, 0);
	OFFER(r, 229, IPV6(30, 44), 60, 0, U16(8), 0, 0, 0, 1, TCP_HI);
	assert_says_hi(&r->last);
}

static void a_tunnel_in_pieces_may_carry_pieces(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, IPV4_PIECE(24, 4, 7, MORE), 0x45, 0, 0, 26, 0, 1, 0, 2, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0, 0, 0, 0);
	OFFER(r, 101, IPV4_PIECE(2, 4, 7, 3), 'h', 'i');
	assert_says_hi(&r->last);
	assert_lay_in(&r->last, "ipip");
}

/* A fragment header inside a packet put together, with the same number: its bytes lie in what it replaces. */
static void a_packet_may_hold_a_piece_of_its_own_name(void **state)
{
	struct road *r = *state;

	OFFER(r, 229, IPV6(24, 44), 44, 0, U16(1), 0, 0, 0, 1, 6, 0, 0, 1, 0, 0, 0, 1, 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a');
	assert_int_equal(OFFER(r, 229, IPV6(16, 44), 44, 0, U16(16), 0, 0, 0, 1, 'b', 'b', 'b', 'b', 'b', 'b', 'b', 'b'), DECAP_FRAGMENT);
}

static void a_piece_cut_by_the_snap_length_leaves_its_hole(void **state)
{
	static const uint8_t first[] = { IPV4_PIECE(800, 6, 1, MORE), TCP_HI };
	static const uint8_t last[] = { IPV4_PIECE(8, 6, 1, 100), 1, 2, 3, 4, 5, 6, 7, 8 };
	struct road *r = *state;

	offer(r, 101, first, sizeof first, 820);
	assert_int_equal(offer(r, 101, last, sizeof last, sizeof last), DECAP_SEGMENT);
	assert_int_equal(r->last.segment.payload.len, 2);
	assert_int_equal(r->last.segment.payload_len, 788);
}

static void a_packet_longer_than_ip_allows_is_not_put_together(void **state)
{
	struct road *r = *state;

	for (int i = 0; i < 2; i++)
		assert_int_equal(OFFER(r, 101, IPV4_PIECE(8, 6, 1, 0x1fff), 1, 2, 3, 4, 5, 6, 7, 8), DECAP_FRAGMENT);
}

static void a_packet_does_not_wait_for_ever(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	r->time_ns = (FRAGMENT_SECONDS_MAX + 1) * SECOND;
	assert_int_equal(OFFER(r, 101, LAST(1)), DECAP_FRAGMENT);
	assert_int_equal(r->limits.bitten[LIMIT_FRAGMENT_SECONDS], 1);
}

static void a_clock_that_leaps_forgets_nothing(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	r->time_ns = INT64_MAX;
	OFFER(r, 101, SECOND_PIECE(1));
	r->time_ns = INT64_MIN;
	OFFER(r, 101, LAST(1));
	assert_says_hi(&r->last);
	assert_int_equal(r->limits.bitten[LIMIT_FRAGMENT_SECONDS], 0);
}

static void a_complete_packet_that_goes_is_no_loss(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(1));
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, LAST(1));
	r->time_ns = 2 * FRAGMENT_SECONDS_MAX * SECOND;
	OFFER(r, 101, FIRST(2));
	assert_int_equal(r->limits.bitten[LIMIT_FRAGMENT_SECONDS], 0);
}

static void the_oldest_of_too_many_packets_goes_first(void **state)
{
	struct road *r = *state;

	OFFER(r, 101, FIRST(0));
	OFFER(r, 101, FIRST(1));
	for (unsigned id = 2; id <= FRAGMENTS_MAX; id++)
		OFFER(r, 101, FIRST(id));
	assert_int_equal(r->limits.bitten[LIMIT_FRAGMENTS], 1);
	OFFER(r, 101, SECOND_PIECE(1));
	OFFER(r, 101, LAST(1));
	assert_says_hi(&r->last);
}

static void a_hog_stays_within_its_bytes_and_hinders_nobody(void **state)
{
	static uint8_t hog[20 + 16] = { IPV4_PIECE(16, 6, 0, 0x1f00) };	/* far behind, so that each asks for much */
	struct road *r = *state;

	for (unsigned id = 0; id < 1000; id++) {
		hog[4] = (uint8_t)(id >> 8);
		hog[5] = (uint8_t)id;
		offer(r, 101, hog, sizeof hog, sizeof hog);
	}
	assert_true(r->limits.bitten[LIMIT_FRAGMENT_BYTES] > 800);
	OFFER(r, 101, FIRST(5000));
	OFFER(r, 101, SECOND_PIECE(5000));
	OFFER(r, 101, LAST(5000));
	assert_says_hi(&r->last);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(pieces_in_order_make_a_packet),
		T(pieces_in_any_order_make_a_packet),
		T(repeated_pieces_change_nothing),
		T(the_first_bytes_win_and_a_difference_is_marked),
		T(a_partial_overlap_is_marked_though_it_agrees),
		T(a_second_end_is_marked_and_left_out),
		T(a_number_used_again_begins_with_its_first_piece),
		T(packets_of_other_ends_or_numbers_are_apart),
		T(ipv6_pieces_take_their_protocol_from_the_first),
		T(extension_headers_may_lie_in_the_pieces),
		T(a_tunnel_in_pieces_may_carry_pieces),
		T(a_packet_may_hold_a_piece_of_its_own_name),
		T(a_piece_cut_by_the_snap_length_leaves_its_hole),
		T(a_packet_longer_than_ip_allows_is_not_put_together),
		T(a_packet_does_not_wait_for_ever),
		T(a_clock_that_leaps_forgets_nothing),
		T(a_complete_packet_that_goes_is_no_loss),
		T(the_oldest_of_too_many_packets_goes_first),
		T(a_hog_stays_within_its_bytes_and_hinders_nobody),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
