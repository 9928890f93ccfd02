#include "packet/decap.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "packet/layer.h"

static enum layer parse_other(struct frame *f)
{
	return frame_end(f, DECAP_OTHER);
}

/* Every layer: how it is taken off and, where it is one to name in `encapsulation`, how it is
 * called there. Numbers that differ by direction (MPLS labels, GTP's tunnel ends) are left out,
 * since both directions share one row. */
static const struct {
	const char *name;
	bool numbered;
	enum layer (*parse)(struct frame *f);
} layers[LAYER_COUNT] = {
	[LAYER_4IN6] = { .name = "4in6" },
	[LAYER_6IN4] = { .name = "6in4" },
	[LAYER_6IN6] = { .name = "6in6" },
	[LAYER_AH] = { .name = "ah", .parse = parse_ah },
	[LAYER_EAPOL] = { .parse = parse_eapol },
	[LAYER_ERSPAN] = { .name = "erspan", .numbered = true, .parse = parse_erspan },
	[LAYER_ERSPAN_I] = { .name = "erspan", .parse = parse_erspan_i },
	[LAYER_ETHERIP] = { .name = "etherip", .parse = parse_etherip },
	[LAYER_ETHERNET] = { .parse = parse_ethernet },
	[LAYER_E_TAG] = { .name = "e-tag", .parse = parse_e_tag },
	[LAYER_FABRICPATH] = { .name = "fabricpath", .parse = parse_fabricpath },
	[LAYER_FDDI] = { .parse = parse_fddi },
	[LAYER_FRAME_RELAY] = { .parse = parse_frame_relay },
	[LAYER_GENEVE] = { .name = "geneve", .numbered = true },
	[LAYER_GRE] = { .name = "gre", .parse = parse_gre },
	[LAYER_GRE_KEY] = { .name = "gre", .numbered = true },
	[LAYER_GTP_U] = { .name = "gtp-u" },
	[LAYER_HDLC] = { .parse = parse_hdlc },
	[LAYER_INNER_IPV4] = { .parse = parse_inner_ipv4 },
	[LAYER_INNER_IPV6] = { .parse = parse_inner_ipv6 },
	[LAYER_IP] = { .parse = parse_ip },
	[LAYER_IPIP] = { .name = "ipip" },
	[LAYER_IPNET] = { .parse = parse_ipnet },
	[LAYER_IPOIB] = { .parse = parse_ipoib },
	[LAYER_IPSEC] = { .parse = parse_ipsec },
	[LAYER_IPV4] = { .parse = parse_ipv4 },
	[LAYER_IPV6] = { .parse = parse_ipv6 },
	[LAYER_IPV6_EXTENSION] = { .parse = parse_ipv6_extension },
	[LAYER_L2TP] = { .name = "l2tp" },
	[LAYER_LLC] = { .parse = parse_llc },
	[LAYER_MPLS] = { .name = "mpls", .parse = parse_mpls },
	[LAYER_NFLOG] = { .parse = parse_nflog },
	[LAYER_NULL] = { .parse = parse_null },
	[LAYER_NVGRE] = { .name = "nvgre", .numbered = true },
	[LAYER_OTHER] = { .parse = parse_other },
	[LAYER_PBB] = { .name = "pbb", .numbered = true, .parse = parse_pbb },
	[LAYER_PFLOG] = { .parse = parse_pflog },
	[LAYER_PKTAP] = { .parse = parse_pktap },
	[LAYER_PPI] = { .parse = parse_ppi },
	[LAYER_PPP] = { .name = "ppp", .parse = parse_ppp },
	[LAYER_PPPOE] = { .name = "pppoe", .parse = parse_pppoe },
	[LAYER_PPP_DIRECTED] = { .parse = parse_ppp_directed },
	[LAYER_PRISM] = { .parse = parse_prism },
	[LAYER_RADIOTAP] = { .parse = parse_radiotap },
	[LAYER_SLL] = { .parse = parse_sll },
	[LAYER_SLL2] = { .parse = parse_sll2 },
	[LAYER_TCP] = { .parse = parse_tcp },
	[LAYER_UDP] = { .parse = parse_udp },
	[LAYER_VLAN] = { .name = "vlan", .numbered = true, .parse = parse_vlan },
	[LAYER_VN_TAG] = { .name = "vn-tag", .parse = parse_vn_tag },
	[LAYER_VXLAN] = { .name = "vxlan", .numbered = true },
	[LAYER_VXLAN_GPE] = { .name = "vxlan-gpe", .numbered = true },
	[LAYER_WIRELESS] = { .parse = parse_wireless },
};

/* By LINKTYPE_ number, https://www.tcpdump.org/linktypes.html; 12 and 14 are what DLT_RAW was in
 * files of some systems. */
static const uint8_t links[] = {
	[0] = LAYER_NULL,
	[1] = LAYER_ETHERNET,
	[9] = LAYER_PPP,
	[10] = LAYER_FDDI,
	[12] = LAYER_IP,
	[14] = LAYER_IP,
	[50] = LAYER_PPP,
	[51] = LAYER_PPPOE,
	[100] = LAYER_LLC,
	[101] = LAYER_IP,
	[104] = LAYER_HDLC,
	[105] = LAYER_WIRELESS,
	[107] = LAYER_FRAME_RELAY,
	[108] = LAYER_NULL,
	[109] = LAYER_IPSEC,
	[113] = LAYER_SLL,
	[117] = LAYER_PFLOG,
	[119] = LAYER_PRISM,
	[127] = LAYER_RADIOTAP,
	[163] = LAYER_PRISM,
	[166] = LAYER_PPP_DIRECTED,
	[192] = LAYER_PPI,
	[204] = LAYER_PPP_DIRECTED,
	[219] = LAYER_MPLS,
	[226] = LAYER_IPNET,
	[228] = LAYER_IPV4,
	[229] = LAYER_IPV6,
	[239] = LAYER_NFLOG,
	[242] = LAYER_IPOIB,
	[258] = LAYER_PKTAP,
	[276] = LAYER_SLL2,
};

bool decap_knows(uint16_t link_type)
{
	return layer_of_link(link_type) != LAYER_END;
}

enum layer layer_of_link(uint32_t link_type)
{
	return link_type < sizeof links ? links[link_type] : LAYER_END;
}

enum layer frame_enter(struct frame *f, enum layer kind, uint32_t id, enum layer next)
{
	struct encapsulation *e = &f->out->encapsulation;

	if (e->depth == ENCAPSULATION_DEPTH_MAX) {
		f->limits->bitten[LIMIT_ENCAPSULATION_DEPTH]++;
		return frame_end(f, DECAP_OTHER);
	}
	e->layer[e->depth].kind = (uint8_t)kind;
	e->layer[e->depth].id = id;
	e->depth++;
	return next;
}

static enum decap_result walk(struct frame *f, enum layer next, struct decap_counts *counts)
{
	while (next != LAYER_END)
		next = layers[next].parse(f);
	switch (f->result) {
	case DECAP_FRAGMENT:
		counts->fragments++;
		break;
	case DECAP_TRUNCATED:
		counts->truncated++;
		break;
	case DECAP_MALFORMED:
		counts->malformed++;
		break;
	default:
		break;
	}
	return f->result;
}

static struct frame frame_of(const struct packet *p, struct segment *out,
	struct decap_counts *counts)
{
	assert(counts->limits);
	return (struct frame){
		.in = reader_of(p->data),
		.missing = p->wire_len > p->data.len ? p->wire_len - p->data.len : 0,
		.out = out,
		.limits = counts->limits,
		.result = DECAP_OTHER,
	};
}

enum decap_result decap(const struct packet *p, struct segment *out, struct decap_counts *counts)
{
	struct frame f = frame_of(p, out, counts);

	/* Only what a header may leave unset; the rest, and the many bytes of
	 * encapsulation.layer, need no clearing. */
	out->time_ns = p->time_ns;
	out->number = p->number;
	out->checksum_wrong = false;
	out->fragments_overlap = false;
	out->has_mac = false;
	out->vlan = VLAN_NONE;
	out->network = 0;
	out->encapsulation.depth = 0;
	if (!decap_knows(p->link_type)) {
		counts->unknown_link++;
		return DECAP_UNKNOWN_LINK;
	}
	return walk(&f, layer_of_link(p->link_type), counts);
}

enum decap_result decap_whole(const struct packet *whole, struct segment *out,
	struct decap_counts *counts)
{
	struct frame f = frame_of(whole, out, counts);

	return walk(&f, layer_of_protocol(out->protocol), counts);
}

int encapsulation_text(const struct encapsulation *e, char *out, size_t room)
{
	size_t len = 0;

	if (room)
		out[0] = '\0';
	for (unsigned i = 0; i < e->depth && i < ENCAPSULATION_DEPTH_MAX; i++) {
		char number[12] = "";
		unsigned kind = e->layer[i].kind < LAYER_COUNT ? e->layer[i].kind : LAYER_OTHER;

		if (layers[kind].numbered)
			snprintf(number, sizeof number, " %" PRIu32, e->layer[i].id);
		const char *name = layers[kind].name ? layers[kind].name : "?";
		bool fits = len < room;
		len += (size_t)snprintf(fits ? out + len : NULL, fits ? room - len : 0, "%s%s%s",
			i ? "/" : "", name, number);
	}
	return (int)len;
}
