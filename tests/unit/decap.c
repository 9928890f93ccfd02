#include "frames.h"

static void ethernet_gives_its_macs(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_true(w.segment.has_mac);
	assert_int_equal(w.segment.dst_mac[5], 0xdd);
	assert_int_equal(w.segment.src_mac[5], 0x55);
	assert_int_equal(w.segment.vlan, VLAN_NONE);
	assert_int_equal(w.segment.time_ns, 5);
	assert_int_equal(w.segment.number, 1);
	assert_lay_in(&w, "");
}

static void ipv4_stands_mapped_into_ipv6(void **state)
{
	static const uint8_t src[16] = { [10] = 0xff, 0xff, 10, 0, 0, 1 }, dst[16] = { [10] = 0xff, 0xff, 10, 0, 0, 2 };
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x08, 0x00, IPV4_TCP_HI);
	assert_memory_equal(w.segment.src.at, src, 16);
	assert_memory_equal(w.segment.dst.at, dst, 16);
}

static void the_outer_vlan_is_the_one_that_counts(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0xa8, 0x20, 10, 0x81, 0x00, 0x00, 20, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_int_equal(w.segment.vlan, 10);
	assert_lay_in(&w, "vlan 10/vlan 20");
}

static void a_tag_with_only_a_priority_is_no_vlan(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x81, 0x00, 0xe0, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_int_equal(w.segment.vlan, VLAN_NONE);
	assert_lay_in(&w, "");
}

static void too_many_layers_bite_the_limit(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x81, 0x00, 0, 1, 0x81, 0x00, 0, 2, 0x81, 0x00, 0, 3, 0x81, 0x00, 0, 4, 0x81, 0x00, 0, 5,
		0x81, 0x00, 0, 6, 0x81, 0x00, 0, 7, 0x81, 0x00, 0, 8, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_int_equal(w.limits.bitten[LIMIT_ENCAPSULATION_DEPTH], 0);
	WALK(&w, ETHERNET_LINK, MACS, 0x81, 0x00, 0, 1, 0x81, 0x00, 0, 2, 0x81, 0x00, 0, 3, 0x81, 0x00, 0, 4, 0x81, 0x00, 0, 5,
		0x81, 0x00, 0, 6, 0x81, 0x00, 0, 7, 0x81, 0x00, 0, 8, 0x81, 0x00, 0, 9, 0x08, 0x00, IPV4_TCP_HI);
	assert_int_equal(w.result, DECAP_OTHER);
	assert_int_equal(w.limits.bitten[LIMIT_ENCAPSULATION_DEPTH], 1);
}

static void llc_with_snap_carries_ip(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x00, 8 + 42, 0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
}

static void arp_is_none_of_our_business(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1);
	assert_int_equal(w.result, DECAP_OTHER);
}

static void linux_cooked_frames_give_no_mac(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 113, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_false(w.segment.has_mac);
	WALK(&w, 276, 0x08, 0x00, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_false(w.segment.has_mac);
}

static void a_cooked_frame_keeps_its_vlan(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 113, 0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 0x81, 0x00, 0, 7, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_int_equal(w.segment.vlan, 7);
}

static void raw_ip_tells_its_version_itself(void **state)
{
	static const uint16_t raw[] = { 12, 14, 101 };
	static const uint8_t four[] = { IPV4_TCP_HI }, six[] = { IPV6(22, 6), TCP_HI };
	struct walked w;

	(void)state;
	for (size_t i = 0; i < sizeof raw / sizeof *raw; i++) {
		walk_frame(&w, raw[i], (struct bytes){ four, sizeof four }, 0);
		assert_says_hi(&w);
		walk_frame(&w, raw[i], (struct bytes){ six, sizeof six }, 0);
		assert_says_hi(&w);
	}
	walk_frame(&w, 228, (struct bytes){ four, sizeof four }, 0);
	assert_says_hi(&w);
	walk_frame(&w, 229, (struct bytes){ six, sizeof six }, 0);
	assert_says_hi(&w);
	WALK(&w, 101, 0x50, 0, 0, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void a_null_header_is_read_in_either_byte_order(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 0, 2, 0, 0, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 0, 0, 0, 0, 30, IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 108, 0, 0, 0, 24, IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 0, 7, 0, 0, 0, IPV4_TCP_HI);
	assert_int_equal(w.result, DECAP_OTHER);
}

static void an_unknown_link_type_is_counted(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 147, IPV4_TCP_HI);
	assert_int_equal(w.result, DECAP_UNKNOWN_LINK);
	assert_int_equal(w.counts.unknown_link, 1);
	assert_false(decap_knows(147));
	assert_false(decap_knows(0xffff));
	assert_true(decap_knows(ETHERNET_LINK));
}

static void padding_after_the_ip_packet_is_cut(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x08, 0x00, IPV4_TCP_HI, 0, 0, 0, 0);
	assert_says_hi(&w);
	assert_int_equal(w.segment.transport.len, 22);
	WALK(&w, ETHERNET_LINK, MACS, 0x86, 0xdd, IPV6(22, 6), TCP_HI, 0, 0, 0, 0);
	assert_says_hi(&w);
}

static void an_ip_length_of_zero_means_all_that_is_there(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x08, 0x00, 0x45, 0, 0, 0, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, TCP_HI);
	assert_says_hi(&w);
	WALK(&w, ETHERNET_LINK, MACS, 0x86, 0xdd, IPV6(0, 6), TCP_HI);
	assert_says_hi(&w);
}

static void ip_options_are_stepped_over(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 101, 0x46, 0, 0, 46, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 1, 1, 1, 0, TCP_HI);
	assert_says_hi(&w);
}

static void an_ip_header_that_lies_is_malformed(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 101, 0x44, 0, 0, 42, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, TCP_HI);
	assert_int_equal(w.result, DECAP_MALFORMED);
	WALK(&w, 101, 0x45, 0, 0, 19, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, TCP_HI);
	assert_int_equal(w.result, DECAP_MALFORMED);
	WALK(&w, 101, 0x4f, 0, 0, 42, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, TCP_HI);
	assert_int_equal(w.result, DECAP_MALFORMED);
	assert_int_equal(w.counts.malformed, 1);
}

static void ipv6_extension_headers_are_stepped_over(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 101, IPV6(46, 0), 43, 0, 1, 4, 0, 0, 0, 0, 60, 0, 0, 0, 0, 0, 0, 0, 6, 0, 1, 4, 0, 0, 0, 0, TCP_HI);
	assert_says_hi(&w);
}

static void a_chain_of_too_many_extension_headers_is_malformed(void **state)
{
	static const uint8_t hop[8] = { 0, 0, 1, 4 }, head[] = { IPV6(8 * (IPV6_HEADERS_MAX + 1) + 22, 0) }, tail[] = { TCP_HI };
	uint8_t frame[sizeof head + 8 * (IPV6_HEADERS_MAX + 1) + sizeof tail];
	struct walked w;

	(void)state;
	memcpy(frame, head, sizeof head);
	for (size_t i = 0; i <= IPV6_HEADERS_MAX; i++)
		memcpy(frame + sizeof head + i * 8, hop, 8);
	frame[sizeof head + IPV6_HEADERS_MAX * 8] = 6;
	memcpy(frame + sizeof frame - sizeof tail, tail, sizeof tail);
	walk_frame(&w, 101, (struct bytes){ frame, sizeof frame }, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
	assert_int_equal(w.limits.bitten[LIMIT_IPV6_HEADERS], 1);
}

static void a_piece_of_a_packet_says_where_it_belongs(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 101, IPV4_PIECE(8, 6, 0xabcd, 0x2000 | 3), 1, 2, 3, 4, 5, 6, 7, 8);
	assert_int_equal(w.result, DECAP_FRAGMENT);
	assert_int_equal(w.segment.fragment.id, 0xabcd);
	assert_int_equal(w.segment.fragment.offset, 24);
	assert_true(w.segment.fragment.more);
	assert_false(w.segment.fragment.is_ipv6);
	assert_int_equal(w.segment.payload.len, 8);
	WALK(&w, 101, IPV6(10, 44), 6, 0, 0, 16, 1, 2, 3, 4, 'h', 'i');
	assert_int_equal(w.result, DECAP_FRAGMENT);
	assert_int_equal(w.segment.fragment.id, 0x01020304);
	assert_int_equal(w.segment.fragment.offset, 16);
	assert_false(w.segment.fragment.more);
	assert_true(w.segment.fragment.is_ipv6);
	assert_int_equal(w.segment.protocol, PROTOCOL_TCP);
	assert_int_equal(w.counts.fragments, 1);
}

static void an_ipv6_packet_in_one_fragment_is_whole(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 101, IPV6(30, 44), 6, 0, 0, 0, 1, 2, 3, 4, TCP_HI);
	assert_says_hi(&w);
}

static void a_cut_packet_gives_what_is_there(void **state)
{
	static const uint8_t frame[] = { MACS, 0x08, 0x00, IPV4(1000, 6), TCP_HI };
	struct walked w;

	(void)state;
	walk_frame(&w, ETHERNET_LINK, (struct bytes){ frame, sizeof frame }, 14 + 1020);
	assert_int_equal(w.result, DECAP_SEGMENT);
	assert_int_equal(w.segment.payload.len, 2);
	assert_int_equal(w.segment.payload_len, 980);
}

static void a_length_beyond_the_wire_is_not_believed(void **state)
{
	static const uint8_t frame[] = { MACS, 0x08, 0x00, IPV4(1000, 6), TCP_HI };
	struct walked w;

	(void)state;
	walk_frame(&w, ETHERNET_LINK, (struct bytes){ frame, sizeof frame }, sizeof frame + 10);
	assert_int_equal(w.segment.payload.len, 2);
	assert_int_equal(w.segment.payload_len, 12);
}

static void a_frame_cut_before_its_ports_is_truncated_or_malformed(void **state)
{
	static const uint8_t frame[] = { MACS, 0x81, 0x00, 0, 3, 0x08, 0x00, IPV4_TCP_HI };
	struct walked w;

	(void)state;
	for (size_t len = 0; len < 18 + 20 + 14; len++) {
		walk_frame(&w, ETHERNET_LINK, (struct bytes){ frame, len }, sizeof frame);
		assert_int_equal(w.result, DECAP_TRUNCATED);
		assert_int_equal(w.counts.truncated, 1);
		walk_frame(&w, ETHERNET_LINK, (struct bytes){ frame, len }, 0);
		assert_int_equal(w.result, DECAP_MALFORMED);
		assert_int_equal(w.counts.malformed, 1);
	}
}

static void an_empty_frame_is_malformed(void **state)
{
	struct walked w;

	(void)state;
	walk_frame(&w, ETHERNET_LINK, (struct bytes){ NULL, 0 }, 0);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void a_path_too_long_for_its_place_is_cut_as_by_snprintf(void **state)
{
	struct walked w;
	char little[6];

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0xa8, 0x20, 10, 0x81, 0x00, 0x00, 20, 0x08, 0x00, IPV4_TCP_HI);
	assert_int_equal(encapsulation_text(&w.segment.encapsulation, little, sizeof little), 15);
	assert_string_equal(little, "vlan ");
	assert_int_equal(encapsulation_text(&w.segment.encapsulation, NULL, 0), 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet_gives_its_macs),
		cmocka_unit_test(ipv4_stands_mapped_into_ipv6),
		cmocka_unit_test(the_outer_vlan_is_the_one_that_counts),
		cmocka_unit_test(a_tag_with_only_a_priority_is_no_vlan),
		cmocka_unit_test(too_many_layers_bite_the_limit),
		cmocka_unit_test(llc_with_snap_carries_ip),
		cmocka_unit_test(arp_is_none_of_our_business),
		cmocka_unit_test(linux_cooked_frames_give_no_mac),
		cmocka_unit_test(a_cooked_frame_keeps_its_vlan),
		cmocka_unit_test(raw_ip_tells_its_version_itself),
		cmocka_unit_test(a_null_header_is_read_in_either_byte_order),
		cmocka_unit_test(an_unknown_link_type_is_counted),
		cmocka_unit_test(padding_after_the_ip_packet_is_cut),
		cmocka_unit_test(an_ip_length_of_zero_means_all_that_is_there),
		cmocka_unit_test(ip_options_are_stepped_over),
		cmocka_unit_test(an_ip_header_that_lies_is_malformed),
		cmocka_unit_test(ipv6_extension_headers_are_stepped_over),
		cmocka_unit_test(a_chain_of_too_many_extension_headers_is_malformed),
		cmocka_unit_test(a_piece_of_a_packet_says_where_it_belongs),
		cmocka_unit_test(an_ipv6_packet_in_one_fragment_is_whole),
		cmocka_unit_test(a_cut_packet_gives_what_is_there),
		cmocka_unit_test(a_length_beyond_the_wire_is_not_believed),
		cmocka_unit_test(a_frame_cut_before_its_ports_is_truncated_or_malformed),
		cmocka_unit_test(an_empty_frame_is_malformed),
		cmocka_unit_test(a_path_too_long_for_its_place_is_cut_as_by_snprintf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
