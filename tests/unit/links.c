/* The link types that are more than a fixed header: wireless ones, those with metadata in front, old serial lines. */
#include "frames.h"

#define SNAP_IPV4 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00
#define ADDRESS(n) 2, 0, 0, 0, 0, n

static void a_data_frame_of_80211_gives_its_ends(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 105, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, SNAP_IPV4, IPV4_TCP_HI);	/* to the access point */
	assert_says_hi(&w);
	assert_int_equal(w.segment.src_mac[5], 2);
	assert_int_equal(w.segment.dst_mac[5], 3);
	WALK(&w, 105, 0x88, 0x02, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, 0, 0, SNAP_IPV4, IPV4_TCP_HI);	/* from it, with QoS */
	assert_says_hi(&w);
	assert_int_equal(w.segment.src_mac[5], 3);
	assert_int_equal(w.segment.dst_mac[5], 1);
	WALK(&w, 105, 0x08, 0x03, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, ADDRESS(4), SNAP_IPV4, IPV4_TCP_HI);	/* between two */
	assert_says_hi(&w);
	assert_int_equal(w.segment.src_mac[5], 4);
	assert_int_equal(w.segment.dst_mac[5], 3);
	assert_lay_in(&w, "");
}

static void what_80211_hides_or_manages_is_none_of_our_business(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 105, 0x80, 0, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0, 0, 1, 2, 3);	/* a beacon */
	assert_int_equal(w.result, DECAP_OTHER);
	WALK(&w, 105, 0x08, 0x41, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, SNAP_IPV4, IPV4_TCP_HI);	/* protected */
	assert_int_equal(w.result, DECAP_OTHER);
	WALK(&w, 105, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x11, 0, SNAP_IPV4, IPV4_TCP_HI);	/* a later fragment */
	assert_int_equal(w.result, DECAP_OTHER);
	WALK(&w, 105, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void a_frame_of_eapol_is_keyed_by_its_peer_alone(void **state)
{
	struct walked answer, question;

	(void)state;
	/* The peer writes to a group, the switch to the peer. */
	WALK(&answer, 1, 1, 0x80, 0xc2, 0, 0, 3, ADDRESS(7), 0x88, 0x8e, 2, 0, 0, 5, 2, 9, 0, 5, 1);
	WALK(&question, 1, ADDRESS(7), ADDRESS(9), 0x88, 0x8e, 2, 0, 0, 5, 1, 9, 0, 5, 1);
	assert_int_equal(answer.result, DECAP_SEGMENT);
	assert_int_equal(question.segment.protocol, PROTOCOL_EAPOL);
	assert_int_equal(answer.segment.src.at[15], 7);
	assert_memory_equal(&answer.segment.src, &question.segment.dst, sizeof answer.segment.src);
	assert_memory_equal(&answer.segment.dst, &question.segment.src, sizeof answer.segment.src);
	assert_int_equal(answer.segment.payload_len, 9);
	/* Keys, starts and ends of EAPOL carry no EAP. */
	WALK(&answer, 1, 1, 0x80, 0xc2, 0, 0, 3, ADDRESS(7), 0x88, 0x8e, 2, 3, 0, 5, 2, 9, 0, 5, 1);
	assert_int_equal(answer.result, DECAP_OTHER);
}

static void an_aggregate_gives_its_first_frame(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 105, 0x88, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, 0x80, 0,
		ADDRESS(3), ADDRESS(2), U16(8 + 42), SNAP_IPV4, IPV4_TCP_HI, 0, 0, 1, 2, 3);
	assert_says_hi(&w);
}

static void radiotap_tells_of_padding_behind_the_header(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 127, 0, 0, 8, 0, 0, 0, 0, 0, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, SNAP_IPV4, IPV4_TCP_HI);
	assert_says_hi(&w);
	/* a time stamp on its boundary of eight, behind two words of presence, then the flags: padded */
	WALK(&w, 127, 0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x20,
		0x88, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, 0, 0, 0, 0, SNAP_IPV4, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 127, 0, 0, 4, 0, 0, 0, 0, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void prism_and_avs_say_their_length(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 119, 0x44, 0, 0, 0, 12, 0, 0, 0, 1, 2, 3, 4, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, SNAP_IPV4, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 163, 0x80, 0x21, 0x10, 0x01, 0, 0, 0, 12, 1, 2, 3, 4, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, SNAP_IPV4,
		IPV4_TCP_HI);
	assert_says_hi(&w);
}

static void nflog_finds_the_packet_among_its_attributes(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 239, 2, 0, 0, 5, 8, 0, 1, 0, 8, 0, 0, 0, 5, 0, 10, 0, 0, 0, 0, 0, 46, 0, 9, 0, IPV4_TCP_HI, 0, 0);
	assert_says_hi(&w);
	WALK(&w, 239, 2, 0, 0, 5, 0, 8, 0, 1, 8, 0, 0, 0, 0, 46, 0, 9, IPV4_TCP_HI, 0, 0);	/* written on a big-endian host */
	assert_says_hi(&w);
	WALK(&w, 239, 2, 0, 0, 5, 3, 0, 1, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
	WALK(&w, 239, 2, 0, 0, 5);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void pktap_and_ppi_name_the_link_type_inside(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 258, 16, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 9, 9, 9, MACS, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_true(w.segment.has_mac);
	WALK(&w, 258, 11, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, MACS, 0x08, 0x00, IPV4_TCP_HI);
	assert_int_equal(w.result, DECAP_MALFORMED);
	WALK(&w, 192, 0, 0, 8, 0, 105, 0, 0, 0, 0x08, 0x01, 0, 0, ADDRESS(1), ADDRESS(2), ADDRESS(3), 0x10, 0, SNAP_IPV4, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 192, 0, 0, 8, 0, 0xff, 0xff, 0xff, 0xff, IPV4_TCP_HI);
	assert_int_equal(w.result, DECAP_OTHER);
}

static void old_lines_carry_ip_too(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 104, 0x0f, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 9, 0x0f, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 242, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0x08, 0x00, 0, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 107, 0x18, 0x41, 0x03, 0xcc, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 107, 0x18, 0x41, 0x03, 0x00, 0x80, 0, 0, 0, 0x86, 0xdd, IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 10, 0x50, MACS, SNAP_IPV4, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 100, SNAP_IPV4, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 219, 0, 0x7d, 0x01, 64, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "mpls");
}

static void what_a_system_puts_before_its_packets_is_stepped_over(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 226, 1, 2, 0, 0, 0, 0, 0, 42, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 109, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 117, 5, 2, 0, 0, 0, 0, 0, 0, IPV4_TCP_HI);	/* 5 bytes and 3 of padding */
	assert_says_hi(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_data_frame_of_80211_gives_its_ends),
		cmocka_unit_test(what_80211_hides_or_manages_is_none_of_our_business),
		cmocka_unit_test(a_frame_of_eapol_is_keyed_by_its_peer_alone),
		cmocka_unit_test(an_aggregate_gives_its_first_frame),
		cmocka_unit_test(radiotap_tells_of_padding_behind_the_header),
		cmocka_unit_test(prism_and_avs_say_their_length),
		cmocka_unit_test(nflog_finds_the_packet_among_its_attributes),
		cmocka_unit_test(pktap_and_ppi_name_the_link_type_inside),
		cmocka_unit_test(old_lines_carry_ip_too),
		cmocka_unit_test(what_a_system_puts_before_its_packets_is_stepped_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
