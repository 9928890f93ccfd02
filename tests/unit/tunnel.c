#include "frames.h"

/* Each wraps IPV4_TCP_HI, 42 bytes. */
#define INNER 42
#define ETHERNET_INNER MACS, 0x08, 0x00, IPV4_TCP_HI
#define UDP_TO(port, payload) U16(50000), U16(port), U16(8 + (payload)), 0, 0
#define OVER_UDP(port, payload) IPV4(8 + (payload), 17), UDP_TO(port, payload)

enum { RAW = 101 };

static void mpls_is_one_layer_however_many_labels(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x47, 0, 0x3e, 0x80, 64, 0, 0x7d, 0x01, 64, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "mpls");
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x47, 0, 0x7d, 0x01, 64, IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
}

static void mpls_carries_ethernet_with_or_without_a_control_word(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x47, 0, 0x7d, 0x01, 64, 0, 0, 0, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x47, 0, 0x7d, 0x01, 64, ETHERNET_INNER);
	assert_says_hi(&w);
}

static void labels_without_a_bottom_are_malformed(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x47, 0, 0x7d, 0x00, 64, 0, 0x7d, 0x00, 64);
	assert_int_equal(w.result, DECAP_MALFORMED);
}

static void pppoe_carries_ppp_and_ends_where_it_says(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x64, 0x11, 0, 0, 1, U16(2 + INNER), 0x00, 0x21, IPV4_TCP_HI, 0, 0);
	assert_says_hi(&w);
	assert_lay_in(&w, "pppoe");
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x64, 0x11, 0, 0, 1, U16(2 + 62), 0x00, 0x57, IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0x64, 0x11, 0, 0, 1, U16(6), 0xc0, 0x21, 1, 1, 0, 4);
	assert_int_equal(w.result, DECAP_OTHER);
}

static void ppp_may_leave_out_what_it_agreed_on(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, 9, 0xff, 0x03, 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "");
	WALK(&w, 9, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 50, 0xff, 0x03, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 51, 0x11, 0, 0, 1, U16(2 + INNER), 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 166, 0x00, 0x03, 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, 204, 0x01, 0xff, 0x03, 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
}

static void gre_says_which_optional_fields_it_has(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(4 + INNER, 47), 0, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre");
	WALK(&w, RAW, IPV4(16 + INNER, 47), 0xb0, 0, 0x08, 0x00, 1, 2, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre 9");
	WALK(&w, RAW, IPV6(4 + INNER, 47), 0, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
}

static void gre_with_source_routes_is_left_alone(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(8 + INNER, 47), 0x40, 0, 0x08, 0x00, 0, 0, 0, 0, IPV4_TCP_HI);
	assert_int_equal(w.result, DECAP_OTHER);
}

static void a_bridged_frame_keeps_the_outer_macs(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, 9, 9, 9, 9, 9, 8, 9, 9, 9, 9, 9, 9, 0x08, 0x00, IPV4(4 + 14 + INNER, 47), 0, 0, 0x65, 0x58, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre");
	assert_int_equal(w.segment.dst_mac[5], 8);
	WALK(&w, RAW, IPV4(4 + 14 + INNER, 47), 0, 0, 0x65, 0x58, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_false(w.segment.has_mac);
}

static void a_large_key_on_a_bridged_frame_is_a_network(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(8 + 14 + INNER, 47), 0x20, 0, 0x65, 0x58, 0, 0x20, 0, 7, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "nvgre 8192");
	assert_int_equal(w.segment.network, 8192);
	WALK(&w, RAW, IPV4(8 + 14 + INNER, 47), 0x20, 0, 0x65, 0x58, 0, 0, 0, 7, ETHERNET_INNER);
	assert_lay_in(&w, "gre 7");
	assert_int_equal(w.segment.network, 0);
}

static void erspan_comes_in_three_shapes(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(4 + 14 + INNER, 47), 0, 0, 0x88, 0xbe, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre/erspan");
	WALK(&w, RAW, IPV4(8 + 8 + 14 + INNER, 47), 0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0x05, 0x08, 100, 0, 0, 0, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre/erspan 100");
	WALK(&w, RAW, IPV4(8 + 20 + 14 + INNER, 47), 0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 0x05, 0x08, 101, 0, 0, 0, 0, 0, 0, 0, 1,
		1, 2, 3, 4, 5, 6, 7, 8, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre/erspan 101");
}

static void pptp_carries_ppp(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(16 + 4 + INNER, 47), 0x30, 0x81, 0x88, 0x0b, U16(4 + INNER), 0, 7, 0, 0, 0, 1, 0, 0, 0, 2,
		0xff, 0x03, 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "gre/ppp");
	WALK(&w, RAW, IPV4(12, 47), 0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 7, 0, 0, 0, 2);
	assert_int_equal(w.result, DECAP_OTHER);
}

static void ip_in_ip_is_named_by_both_versions(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(INNER, 4), IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "ipip");
	WALK(&w, RAW, IPV4(62, 41), IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "6in4");
	WALK(&w, RAW, IPV6(INNER, 4), IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "4in6");
	WALK(&w, RAW, IPV6(62, 41), IPV6(22, 6), TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "6in6");
}

static void an_authentication_header_is_stepped_over(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(24 + 22, 51), 6, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "ah");
	/* and extension headers go on behind it */
	WALK(&w, RAW, IPV6(24 + 8 + 22, 51), 60, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12,
		6, 0, 1, 4, 0, 0, 0, 0, TCP_HI);
	assert_says_hi(&w);
}

static void ethernet_over_ip_and_over_ethernet(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, IPV4(2 + 14 + INNER, 97), 0x30, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "etherip");
	WALK(&w, ETHERNET_LINK, MACS, 0x88, 0xe7, 0, 0, 1, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "pbb 256");
	WALK(&w, ETHERNET_LINK, 9, 9, 9, 9, 9, 8, 9, 9, 9, 9, 9, 9, 0x89, 0x03, 0x40, 0x20, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "fabricpath");
	assert_int_equal(w.segment.dst_mac[5], 8);
}

static void tags_of_port_extenders_are_stepped_over(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x89, 0x3f, 0x10, 0, 0, 0xd3, 0, 0, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "e-tag");
	WALK(&w, ETHERNET_LINK, MACS, 0x89, 0x26, 0, 1, 0, 2, 0x81, 0x00, 0, 9, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "vn-tag/vlan 9");
}

static void vxlan_gives_its_network(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, ETHERNET_LINK, MACS, 0x81, 0x00, 0, 10, 0x08, 0x00, OVER_UDP(4789, 8 + 14 + INNER), 8, 0, 0, 0, 0, 0, 42, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "vlan 10/vxlan 42");
	assert_int_equal(w.segment.network, 42);
	assert_int_equal(w.segment.vlan, 10);
	WALK(&w, RAW, OVER_UDP(8472, 8 + 18 + INNER), 0x88, 0, 0, 5, 0, 0, 42, 0, MACS, 0x81, 0x00, 0, 6, 0x08, 0x00, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "vxlan 42/vlan 6");
	assert_int_equal(w.segment.vlan, VLAN_NONE);
}

static void the_innermost_network_counts(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, OVER_UDP(4789, 8 + 14 + 28 + 8 + 14 + INNER), 8, 0, 0, 0, 0, 0, 1, 0, MACS, 0x08, 0x00,
		OVER_UDP(4789, 8 + 14 + INNER), 8, 0, 0, 0, 0, 0, 2, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "vxlan 1/vxlan 2");
	assert_int_equal(w.segment.network, 2);
}

static void assert_is_plain_udp(const struct walked *w, size_t payload)
{
	assert_int_equal(w->result, DECAP_SEGMENT);
	assert_int_equal(w->segment.protocol, PROTOCOL_UDP);
	assert_int_equal(w->segment.payload.len, payload);
	assert_int_equal(w->segment.encapsulation.depth, 0);
	assert_int_equal(w->segment.network, 0);
}

static void a_datagram_to_a_tunnels_port_that_is_none_stays_a_datagram(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, OVER_UDP(4789, 8 + 14 + INNER), 0, 0, 0, 0, 0, 0, 42, 0, ETHERNET_INNER);		/* no network flag */
	assert_is_plain_udp(&w, 8 + 14 + INNER);
	WALK(&w, RAW, OVER_UDP(4788, 8 + 14 + INNER), 8, 0, 0, 0, 0, 0, 42, 0, ETHERNET_INNER);	/* another port */
	assert_is_plain_udp(&w, 8 + 14 + INNER);
	WALK(&w, RAW, OVER_UDP(4789, 8 + 14 + 40), 8, 0, 0, 0, 0, 0, 42, 0, MACS, 0x08, 0x00, IPV4(22, 6), TCP);	/* too long inside */
	assert_is_plain_udp(&w, 8 + 14 + 40);
	WALK(&w, RAW, OVER_UDP(4789, 3), 8, 0, 0);
	assert_is_plain_udp(&w, 3);
	WALK(&w, RAW, OVER_UDP(2152, 8 + 4), 0x30, 255, 0, 4, 0, 0, 0, 1, 'p', 'i', 'n', 'g');
	assert_is_plain_udp(&w, 12);
	WALK(&w, RAW, OVER_UDP(2152, 8 + INNER), 0x30, 254, U16(INNER), 0, 0, 0, 1, IPV4_TCP_HI);
	assert_is_plain_udp(&w, 8 + INNER);
	WALK(&w, RAW, OVER_UDP(6081, 8 + 14 + INNER), 0x40, 0, 0x65, 0x58, 0, 0, 7, 0, ETHERNET_INNER);	/* version 1 */
	assert_is_plain_udp(&w, 8 + 14 + INNER);
	WALK(&w, RAW, OVER_UDP(1701, 8 + INNER), 0x80, 2, 0, 1, 0, 2, 0x00, 0x21, IPV4_TCP_HI);		/* a control message */
	assert_is_plain_udp(&w, 8 + INNER);
}

static void vxlan_gpe_says_what_it_carries(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, OVER_UDP(4790, 8 + INNER), 0x0c, 0, 0, 1, 0, 0, 42, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "vxlan-gpe 42");
	WALK(&w, RAW, OVER_UDP(4790, 8 + 14 + INNER), 0x0c, 0, 0, 3, 0, 0, 42, 0, ETHERNET_INNER);
	assert_says_hi(&w);
}

static void geneve_steps_over_its_options(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, OVER_UDP(6081, 8 + 8 + 14 + INNER), 2, 0, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 0, 0, 0, 0, ETHERNET_INNER);
	assert_says_hi(&w);
	assert_lay_in(&w, "geneve 7");
	assert_int_equal(w.segment.network, 7);
	WALK(&w, RAW, OVER_UDP(6081, 8 + INNER), 0, 0, 0x08, 0x00, 0, 0, 7, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
}

static void gtp_u_steps_over_its_extension_headers(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, OVER_UDP(2152, 8 + INNER), 0x30, 255, U16(INNER), 0, 0, 0, 1, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "gtp-u");
	assert_int_equal(w.segment.network, 0);
	WALK(&w, RAW, OVER_UDP(2152, 8 + 4 + INNER), 0x32, 255, U16(4 + INNER), 0, 0, 0, 1, 0, 5, 0, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, RAW, OVER_UDP(2152, 8 + 4 + 4 + INNER), 0x34, 255, U16(8 + INNER), 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0x10, 9, 0, IPV4_TCP_HI);
	assert_says_hi(&w);
	WALK(&w, RAW, OVER_UDP(2152, 8 + 4 + 4 + INNER), 0x34, 255, U16(8 + INNER), 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0x10, 9, 0, IPV4_TCP_HI);
	assert_is_plain_udp(&w, 16 + INNER);	/* an extension header of no length */
}

static void l2tp_carries_ppp(void **state)
{
	struct walked w;

	(void)state;
	WALK(&w, RAW, OVER_UDP(1701, 6 + 2 + INNER), 0x00, 0x02, 0, 1, 0, 2, 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
	assert_lay_in(&w, "l2tp");
	WALK(&w, RAW, OVER_UDP(1701, 16 + 4 + INNER), 0x4a, 0x02, U16(16 + 4 + INNER), 0, 1, 0, 2, 0, 0, 0, 0, 0, 2, 0xaa, 0xaa,
		0xff, 0x03, 0x00, 0x21, IPV4_TCP_HI);
	assert_says_hi(&w);
}

static void a_snap_length_inside_a_tunnel_is_passed_through(void **state)
{
	static const uint8_t frame[] = { OVER_UDP(4789, 8 + 14 + 1000), 8, 0, 0, 0, 0, 0, 42, 0, MACS, 0x08, 0x00, IPV4(980, 6), TCP_HI };
	struct walked w;

	(void)state;
	walk_frame(&w, RAW, (struct bytes){ frame, sizeof frame }, 28 + 8 + 14 + 1000);
	assert_int_equal(w.result, DECAP_SEGMENT);
	assert_lay_in(&w, "vxlan 42");
	assert_int_equal(w.segment.payload.len, 2);
	assert_int_equal(w.segment.payload_len, 960);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mpls_is_one_layer_however_many_labels),
		cmocka_unit_test(mpls_carries_ethernet_with_or_without_a_control_word),
		cmocka_unit_test(labels_without_a_bottom_are_malformed),
		cmocka_unit_test(pppoe_carries_ppp_and_ends_where_it_says),
		cmocka_unit_test(ppp_may_leave_out_what_it_agreed_on),
		cmocka_unit_test(gre_says_which_optional_fields_it_has),
		cmocka_unit_test(gre_with_source_routes_is_left_alone),
		cmocka_unit_test(a_bridged_frame_keeps_the_outer_macs),
		cmocka_unit_test(a_large_key_on_a_bridged_frame_is_a_network),
		cmocka_unit_test(erspan_comes_in_three_shapes),
		cmocka_unit_test(pptp_carries_ppp),
		cmocka_unit_test(ip_in_ip_is_named_by_both_versions),
		cmocka_unit_test(an_authentication_header_is_stepped_over),
		cmocka_unit_test(ethernet_over_ip_and_over_ethernet),
		cmocka_unit_test(tags_of_port_extenders_are_stepped_over),
		cmocka_unit_test(vxlan_gives_its_network),
		cmocka_unit_test(the_innermost_network_counts),
		cmocka_unit_test(a_datagram_to_a_tunnels_port_that_is_none_stays_a_datagram),
		cmocka_unit_test(vxlan_gpe_says_what_it_carries),
		cmocka_unit_test(geneve_steps_over_its_options),
		cmocka_unit_test(gtp_u_steps_over_its_extension_headers),
		cmocka_unit_test(l2tp_carries_ppp),
		cmocka_unit_test(a_snap_length_inside_a_tunnel_is_passed_through),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
