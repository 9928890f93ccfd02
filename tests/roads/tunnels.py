"""Every encapsulation as a function: from an IP packet (a capture.Ip), its link addresses and its number in the
capture to a frame of some link type. What `encapsulation` must say of it stands in the table at the end."""
import struct

from capture import ETHERNET, UDP, Ip, address

ENDS4 = address("192.0.2.1"), address("192.0.2.2")
ENDS6 = address("2001:db8::1"), address("2001:db8::2")
LINKS = b"\x02\0\0\0\0\x11", b"\x02\0\0\0\0\x22"


class Road:
    """The packet on its way: which of the two tunnel ends sends it, and how manieth of the capture it is."""
    __slots__ = ("ip", "macs", "number", "way")

    def __init__(self, ip, macs, number):
        self.ip, self.macs, self.number = ip, macs, number
        self.way = ip.src > ip.dst


def ethernet(macs, kind, body):
    return macs + struct.pack(">H", kind) + body


def tunnel_ethernet(road):
    """The frame that travels inside: what the plain capture holds."""
    return ethernet(road.macs, road.ip.ethertype, road.ip.bytes())


def outer(road, protocol, body, version=4):
    """An IP packet between the tunnel's ends, in a frame with the plain capture's link addresses."""
    ends = ENDS4 if version == 4 else ENDS6
    ip = Ip(version, ends[road.way], ends[not road.way], protocol, body, id=road.number & 0xffff)
    if protocol == UDP:
        ip = ip.with_checksum()
    return ethernet(road.macs, ip.ethertype, ip.bytes())


def udp(road, port, body, source=None, version=4):
    return outer(road, UDP, struct.pack(">HHHH", source or 49152 + road.way, port, 8 + len(body), 0) + body, version)


def plain(road):
    return tunnel_ethernet(road)


def vlan(road):
    return ethernet(road.macs, 0x8100, struct.pack(">HH", 10, road.ip.ethertype) + road.ip.bytes())


def priority_tag(road):
    return ethernet(road.macs, 0x8100, struct.pack(">HH", 0xe000, road.ip.ethertype) + road.ip.bytes())


def qinq(road):
    return ethernet(road.macs, 0x88a8, struct.pack(">HHHH", 10, 0x8100, 20, road.ip.ethertype) + road.ip.bytes())


def mpls(road):
    return ethernet(road.macs, 0x8847, struct.pack(">I", (100 + road.way) << 12 | 0x1ff) + road.ip.bytes())


def mpls_twice(road):
    return ethernet(road.macs, 0x8847, struct.pack(">II", 16 << 12 | 0xff, (200 + road.way) << 12 | 0x1ff) + road.ip.bytes())


def mpls_frame(road):
    return ethernet(road.macs, 0x8847, struct.pack(">II", 16 << 12 | 0x1ff, 0) + tunnel_ethernet(road))


def ppp_body(road):
    return struct.pack(">H", 0x0021 if road.ip.version == 4 else 0x0057) + road.ip.bytes()


def pppoe(road):
    body = ppp_body(road)
    return ethernet(road.macs, 0x8864, struct.pack(">BBHH", 0x11, 0, 7, len(body)) + body)


def ppp(road):
    return b"\xff\x03" + ppp_body(road)


def gre(road):
    return outer(road, 47, struct.pack(">HH", 0, road.ip.ethertype) + road.ip.bytes())


def gre_key(road):
    return outer(road, 47, struct.pack(">HHII", 0x3000, road.ip.ethertype, 77, road.number) + road.ip.bytes())


def gre_checksum(road):
    return outer(road, 47, struct.pack(">HHHH", 0x8000, road.ip.ethertype, 0, 0) + road.ip.bytes(), version=6)


def gre_frame(road):
    return outer(road, 47, struct.pack(">HH", 0, 0x6558) + tunnel_ethernet(road))


def nvgre(road):
    return outer(road, 47, struct.pack(">HHI", 0x2000, 0x6558, 5000 << 8 | road.way) + tunnel_ethernet(road))


def pptp(road):
    body = b"\xff\x03" + ppp_body(road)
    return outer(road, 47, struct.pack(">HHHHI", 0x3001, 0x880b, len(body), 3 + road.way, road.number) + body)


def erspan_1(road):
    return outer(road, 47, struct.pack(">HH", 0, 0x88be) + tunnel_ethernet(road))


def erspan_2(road):
    return outer(road, 47, struct.pack(">HHIHHI", 0x1000, 0x88be, road.number, 0x1000, 0x1805, 0) + tunnel_ethernet(road))


def erspan_3(road):
    return outer(road, 47, struct.pack(">HHIHHIHH", 0x1000, 0x22eb, road.number, 0x2000, 0x0005, road.number, 0, 0)
                 + tunnel_ethernet(road))


def erspan_3_platform(road):
    return outer(road, 47, struct.pack(">HHIHHIHHQ", 0x1000, 0x22eb, road.number, 0x2000, 0x0005, road.number, 0, 1, 0)
                 + tunnel_ethernet(road))


def ip_in_ipv4(road):
    return outer(road, 4 if road.ip.version == 4 else 41, road.ip.bytes())


def ip_in_ipv6(road):
    return outer(road, 4 if road.ip.version == 4 else 41, road.ip.bytes(), version=6)


def vxlan(road):
    return udp(road, 4789, struct.pack(">II", 0x08000000, 42 << 8) + tunnel_ethernet(road))


def vxlan_gpe(road):
    return udp(road, 4790, struct.pack(">BHBI", 0x0c, 0, 1 if road.ip.version == 4 else 2, 42 << 8) + road.ip.bytes())


def geneve(road):
    """With an option of four bytes and one of eight."""
    options = struct.pack(">HBB4s", 0x0102, 1, 1, b"abcd") + struct.pack(">HBB8s", 0x0103, 2, 2, b"abcdefgh")
    return udp(road, 6081, struct.pack(">BBHI", len(options) // 4, 0, 0x6558, 42 << 8) + options + tunnel_ethernet(road), version=6)


def geneve_ip(road):
    return udp(road, 6081, struct.pack(">BBHI", 0, 0, road.ip.ethertype, 42 << 8) + road.ip.bytes())


def gtp_u(road):
    body = road.ip.bytes()
    return udp(road, 2152, struct.pack(">BBHI", 0x30, 255, len(body), 1 + road.way) + body, source=2152)


def gtp_u_extended(road):
    """A sequence number, and the extension headers of a PDU session (4 bytes) and of a long PDCP number (8 bytes)."""
    extensions = struct.pack(">HBB", road.number & 0xffff, 0, 0x85) + b"\1\x10\1\x82" + b"\2\0\0\0\0\0\0\0"
    body = extensions + road.ip.bytes()
    return udp(road, 2152, struct.pack(">BBHI", 0x36, 255, len(body), 1 + road.way) + body, source=2152)


def l2tp(road):
    body = b"\xff\x03" + ppp_body(road)
    return udp(road, 1701, struct.pack(">HHHH", 0x4002, 8 + len(body), 1 + road.way, 9 + road.way) + body, source=1701)


def l2tp_sequenced(road):
    body = struct.pack(">HHHHH", 1 + road.way, 9 + road.way, road.number & 0xffff, 0, 2) + b"\0\0" + ppp_body(road)
    return udp(road, 1701, struct.pack(">H", 0x0a02) + body, source=1701)


def ah(road):
    body = struct.pack(">BBHII", road.ip.protocol, 4, 0, 256 + road.way, road.number) + bytes(12)
    ip = road.ip.with_payload(body + road.ip.payload, protocol=51)
    return ethernet(road.macs, ip.ethertype, ip.bytes())


def ah_tunnel(road):
    body = struct.pack(">BBHII", 4 if road.ip.version == 4 else 41, 4, 0, 256 + road.way, road.number) + bytes(12)
    return outer(road, 51, body + road.ip.bytes(), version=6)


def etherip(road):
    return outer(road, 97, b"\x30\0" + tunnel_ethernet(road))


def pbb(road):
    inner = ethernet(LINKS[0] + LINKS[1], road.ip.ethertype, road.ip.bytes())
    return ethernet(road.macs, 0x88e7, struct.pack(">I", 4711) + inner)


def snap(road):
    return struct.pack(">BBB3sH", 0xaa, 0xaa, 3, b"\0\0\0", road.ip.ethertype) + road.ip.bytes()


def llc(road):
    """Its length leaves no room for the largest packets."""
    body = snap(road)
    if len(body) > 1500:
        return plain(road)
    return road.macs + struct.pack(">H", len(body)) + body


def wireless_data(road, quality):
    """One way through the access point to the network, the other way from it."""
    access, dst, src = LINKS[0], road.macs[:6], road.macs[6:]
    addresses = access + src + dst if road.way else dst + access + src
    control = (0x88 if quality else 0x08) | (0x100 if road.way else 0x200)
    head = struct.pack("<HH", control, 44) + addresses + struct.pack("<H", road.number % 4096 << 4)
    return head + (b"\0\0" if quality else b"")


def wireless(road):
    return wireless_data(road, True) + snap(road)


def radiotap(road):
    return struct.pack("<BBHI", 0, 0, 8, 0) + wireless_data(road, False) + snap(road)


def radiotap_padded(road):
    """With a time, and flags that say that the header is padded to whole words."""
    head = wireless_data(road, True)
    return struct.pack("<BBHIQB", 0, 0, 17, 3, road.number, 0x20) + head + bytes(-len(head) % 4) + snap(road)


def nflog(road):
    """An attribute before the packet, of a length that needs padding."""
    body = road.ip.bytes()
    return struct.pack(">BBH", 2 if road.ip.version == 4 else 10, 0, 5) + struct.pack("<HH2sxx", 6, 10, b"p\0") \
        + struct.pack("<HH", 4 + len(body), 9) + body


def pktap(road):
    return struct.pack("<III", 108, 1, ETHERNET) + bytes(96) + tunnel_ethernet(road)


def sll(road):
    return struct.pack(">HHH8sH", 4 if road.way else 0, 1, 6, road.macs[6:] + b"\0\0", road.ip.ethertype) + road.ip.bytes()


def sll2(road):
    return struct.pack(">HHIHBB8s", road.ip.ethertype, 0, 3, 1, 4 if road.way else 0, 6, road.macs[6:] + b"\0\0") + road.ip.bytes()


def raw(road):
    return road.ip.bytes()


def null(road):
    return struct.pack("<I", 2 if road.ip.version == 4 else 30) + road.ip.bytes()


def loop(road):
    return struct.pack(">I", 2 if road.ip.version == 4 else 24) + road.ip.bytes()


def hdlc(road):
    return b"\x0f\0" + struct.pack(">H", road.ip.ethertype) + road.ip.bytes()


def nested(road):
    """Seven layers and a frame: as deep as the program goes but one."""
    inner = struct.pack(">HH", 30, road.ip.ethertype) + road.ip.bytes()
    frame = udp(road, 4789, struct.pack(">II", 0x08000000, 43 << 8) + ethernet(road.macs, 0x8100, inner))
    body = struct.pack(">HH", 0, 0x6558) + frame
    ip = Ip(6, ENDS6[road.way], ENDS6[not road.way], 47, body)
    labels = struct.pack(">I", 100 << 12 | 0x1ff) + ip.bytes()
    return ethernet(road.macs, 0x88a8, struct.pack(">HHHH", 10, 0x8100, 20, 0x8847) + labels)


class Tunnel:
    """The row of a tunnel: link type, how it is made, what `encapsulation` and `vlan` say, whether the frame tells both
    link addresses. {4} and {6}: by the version of the packet inside."""

    def __init__(self, make, says=None, link=ETHERNET, vlan=None, macs=True):
        self.name, self.make, self.says, self.link, self.vlan, self.macs = make.__name__, make, says, link, vlan, macs

    def expected(self, version):
        return self.says[version] if isinstance(self.says, dict) else self.says


TUNNELS = [
    Tunnel(vlan, "vlan 10", vlan=10),
    Tunnel(priority_tag),
    Tunnel(qinq, "vlan 10/vlan 20", vlan=10),
    Tunnel(mpls, "mpls"),
    Tunnel(mpls_twice, "mpls"),
    Tunnel(mpls_frame, "mpls"),
    Tunnel(pppoe, "pppoe"),
    Tunnel(ppp, link=9, macs=False),
    Tunnel(gre, "gre"),
    Tunnel(gre_key, "gre 77"),
    Tunnel(gre_checksum, "gre"),
    Tunnel(gre_frame, "gre"),
    Tunnel(nvgre, "nvgre 5000"),
    Tunnel(pptp, "gre/ppp"),
    Tunnel(erspan_1, "gre/erspan"),
    Tunnel(erspan_2, "gre/erspan 5"),
    Tunnel(erspan_3, "gre/erspan 5"),
    Tunnel(erspan_3_platform, "gre/erspan 5"),
    Tunnel(ip_in_ipv4, {4: "ipip", 6: "6in4"}),
    Tunnel(ip_in_ipv6, {4: "4in6", 6: "6in6"}),
    Tunnel(vxlan, "vxlan 42"),
    Tunnel(vxlan_gpe, "vxlan-gpe 42"),
    Tunnel(geneve, "geneve 42"),
    Tunnel(geneve_ip, "geneve 42"),
    Tunnel(gtp_u, "gtp-u"),
    Tunnel(gtp_u_extended, "gtp-u"),
    Tunnel(l2tp, "l2tp"),
    Tunnel(l2tp_sequenced, "l2tp"),
    Tunnel(ah, "ah"),
    Tunnel(ah_tunnel, {4: "ah/4in6", 6: "ah/6in6"}),
    Tunnel(etherip, "etherip"),
    Tunnel(pbb, "pbb 4711"),
    Tunnel(llc),
    Tunnel(wireless, link=105),
    Tunnel(radiotap, link=127),
    Tunnel(radiotap_padded, link=127),
    Tunnel(nflog, link=239, macs=False),
    Tunnel(pktap, link=258),
    Tunnel(sll, link=113, macs=False),
    Tunnel(sll2, link=276, macs=False),
    Tunnel(raw, link=101, macs=False),
    Tunnel(null, link=0, macs=False),
    Tunnel(loop, link=108, macs=False),
    Tunnel(hdlc, link=104, macs=False),
    Tunnel(nested, "vlan 10/vlan 20/mpls/gre/vxlan 43/vlan 30", vlan=10),
]
