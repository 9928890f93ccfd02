"""roads.py OVERHEAR PCAPS [--all] [--capture FILE]... [VARIANT...]: the same handshakes by every road give the same rows.

Some captures of pcaps/ are made anew: inside every tunnel, in fragments, in small segments, with segments lost, late,
repeated or in another order, as another kind of file. All captures of a variant are read in one run, and the rows of
each are held to those of the plain capture. What a variant may change is said by its row in VARIANTS, and nothing else
may differ. --all takes all captures there are; the plain run takes those of CAPTURES.
"""
import argparse
import concurrent.futures
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import tempfile

import capture
import hostile
import network
import tunnels

CAPTURES = """
curl_nginx curl_nginx_tls12 chromium_mlkem resume_tls13 resume_tls12_ticket client_auth_provided
client_auth_tls13_provided client_auth_missing certificate_expired no_common_cipher early_data_accepted pq_hello_retry
plain_http_to_tls_port connection_refused connection_reset server_silent server_resets not_tls_ssh
quic_ngtcp2 quic_chromium_nginx quic_retry quic_version_negotiation quic_early_data
dtls12_cookie dtls12_small_mtu dtls12_client_auth
starttls_smtp starttls_imap starttls_stripped mysql_mariadb http_connect_curl
dns_address dns_alias dns_over_tcp
""".split()
VIEWS = {
    "handshakes": "capture_id, client_ip, client_port, server_ip, server_port, time_ns, id",
    "messages": "handshake_id, seq",
    "alerts": "handshake_id, seq",
    "offers": "handshake_id, sender, hello, kind, position",
    "chains": "handshake_id, sender, position",
    "findings": "handshake_id, code, sha256",
    "attempts": "capture_id, client_ip, server_ip, server_port, reason",
}
SEED = 4

PLACES = {"first_packet", "last_packet"}
HALVES = {"client_rtt_ms", "server_rtt_ms", "server_think_ms"}
TIMES = HALVES | {"time", "time_ns", "time_ms", "dns_ms", "tcp_ms", "server_hello_ms", "tls_ms", "first_byte_ms", "total_ms",
                  "first_seen", "last_seen"}


class Variant:
    """How the steps of a capture become frames; `aside`, the columns that may differ; `over`, which steps: as captured, or
    the same over IPv6; `check`, what is asked of the columns aside."""

    def __init__(self, name, change=None, tunnel=None, aside=(), over="plain", write=capture.write_pcap, frames=None,
                 check=None):
        self.name, self.change, self.aside, self.over, self.write = name, change, set(aside), over, write
        self.tunnel = tunnel or tunnels.Tunnel(tunnels.plain)
        self.frames, self.check = frames, check

    def packets(self, steps, chance):
        if self.change:
            steps = self.change(steps, chance)
        packets = [capture.Packet(s.time, self.tunnel.make(tunnels.Road(s.ip, s.macs, number + 1)))
                   for number, s in enumerate(steps)]
        return self.frames(packets, chance) if self.frames else packets

    def says(self, row):
        """What the tunnel alone decides."""
        version = 6 if ":" in row["client_ip"] else 4
        said = {"encapsulation": self.tunnel.expected(version), "vlan": self.tunnel.vlan}
        if not self.tunnel.macs:
            said |= {"client_mac": None, "server_mac": None}
        return said


def outer_fragments(packets, chance):
    """The tunnel's own packets in fragments, out of order."""
    out = []
    for number, p in enumerate(packets):
        macs, kind, body = capture.split_ethernet(p.frame)
        ip = capture.ip_of(body)
        pieces = network.shuffled(network.cut_ip(ip, number + 1, iter([256] * 300)), chance)
        out += [capture.Packet(p.time, tunnels.ethernet(macs, kind, piece.bytes())) for piece in pieces]
    return out


def with_trailer(packets, chance):
    """Padding to sixty bytes and a checksum behind each frame, as some cards leave them."""
    return [capture.Packet(p.time, p.frame.ljust(60, b"\xaa") + b"\x16\x03\x01\x02") for p in packets]


def cut_trailer(packets, chance):
    """The snap length takes away what belongs to no packet."""
    return [capture.Packet(p.time, p.frame, len(p.frame) + 4) for p in packets]


def among_others(packets, chance):
    """Between frames that are none of ours: ARP, ICMP, a spanning tree, an IPv6 solicitation."""
    macs = b"\xff" * 6 + b"\x02\0\0\0\0\x99"
    others = [tunnels.ethernet(macs, 0x0806, bytes.fromhex("0001080006040001") + bytes(20)),
              tunnels.ethernet(macs, 0x0800, capture.Ip(4, b"\x0a\0\0\1", b"\x0a\0\0\2", 1, bytes(64)).bytes()),
              macs + b"\0\x26\x42\x42\3" + bytes(35),
              tunnels.ethernet(macs, 0x86dd, capture.Ip(6, bytes(16), b"\xff\2" + bytes(14), 58, b"\x87" + bytes(31)).bytes())]
    return [q for p in packets for q in (capture.Packet(p.time, chance.choice(others)), p)]


SERVER_MS, CLIENT_MS = network.TO_SERVER / network.MS, network.TO_CLIENT / network.MS
TAKE_LONGER = {"server_rtt_ms": SERVER_MS, "client_rtt_ms": CLIENT_MS, "tcp_ms": SERVER_MS + CLIENT_MS, "dns_ms": SERVER_MS}
# Other connections' turns, or a hello in several flights, lie between: so many turns more, and how many is not said.
IN_TURNS = ("server_hello_ms", "server_think_ms", "tls_ms", "first_byte_ms", "total_ms")
TURNS = [a * SERVER_MS + b * CLIENT_MS for a in range(16) for b in range(16)]


def check_farther(before, after):
    """Round trips take so much longer, a server thinks no longer, and all else is made of whole turns."""
    lines = []
    for number, (a, b) in enumerate(zip(before["handshakes"], after["handshakes"])):
        for column in (*TAKE_LONGER, *IN_TURNS):
            if a[column] is None or b[column] is None:
                right = a[column] is b[column]
            elif column in TAKE_LONGER:
                right = abs(b[column] - a[column] - TAKE_LONGER[column]) < 0.001
            else:
                right = any(abs(b[column] - a[column] - turns) < 0.001 for turns in TURNS)
            if not right:
                lines.append(f"handshakes {number + 1}: {column} became {b[column]} from {a[column]}")
        think, thought = a["server_think_ms"], b["server_think_ms"]
        if len(before["handshakes"]) == 1 and think is not None and abs(thought - think) > 0.001:
            lines.append(f"handshakes {number + 1}: server_think_ms became {thought} from {think}")
    return lines


def tunnel_named(name):
    return next(t for t in tunnels.TUNNELS if t.name == name)


def in_tunnel(name, **how):
    return Variant(f"{name}, {how.pop('as_')}", tunnel=tunnel_named(name), **how)


PIECES = {
    "in order": network.fragmented(512, 512, network.in_order),
    "shuffled": network.fragmented(256, 256, network.shuffled),
    "duplicated": network.fragmented(256, 256, network.twice),
    "tiny first": network.fragmented(8, 1024, network.in_order),
    "last first": network.fragmented(264, 264, network.last_first),
    "interleaved": network.interleaved,
}

# What cannot be opened may have been a packet of the handshake: it counts as bytes, and as an encrypted message.
HOSTILE = {"packets", "client_bytes", "server_bytes", "retransmissions"}
FORGED = {
    "copies of QUIC with a wrong bit": hostile.among_datagrams(hostile.flipped, hostile.is_quic_long),
    "QUIC cut short": hostile.among_datagrams(hostile.cut_short, hostile.is_quic_long),
    "forged Retry": hostile.among_datagrams(hostile.retry_forged, hostile.is_quic_long),
    "datagrams of noise": hostile.among_datagrams(hostile.noise),
    "DTLS of another version": hostile.among_datagrams(hostile.dtls_other_version, hostile.is_dtls_record),
    "DTLS cut short": hostile.among_datagrams(hostile.cut_short, hostile.is_dtls_record),
    "DTLS beyond its end": hostile.among_datagrams(hostile.dtls_beyond, hostile.is_dtls_record),
}

VARIANTS = [
    *(Variant(t.name, tunnel=t) for t in tunnels.TUNNELS),
    *(Variant(t.name + " over IPv6", tunnel=t, over="IPv6") for t in tunnels.TUNNELS
      if t.name in ("ip_in_ipv4", "ip_in_ipv6", "ah", "ah_tunnel", "raw", "null", "loop", "ppp", "mpls", "gtp_u", "geneve_ip",
                    "nested", "nflog", "vxlan_gpe")),
    *(Variant(f"fragments {name}", change, aside=PLACES) for name, change in PIECES.items()),
    *(Variant(f"IPv6 fragments {name}", change, aside=PLACES, over="IPv6") for name, change in PIECES.items()),
    in_tunnel("vxlan", as_="in fragments", frames=outer_fragments, aside=PLACES),
    in_tunnel("gre", as_="in fragments", frames=outer_fragments, aside=PLACES),
    in_tunnel("gtp_u", as_="with fragments", change=PIECES["shuffled"], aside=PLACES),
    in_tunnel("vxlan", as_="fragments in fragments", change=PIECES["shuffled"], frames=outer_fragments, aside=PLACES),
    Variant("MTU 300", network.resegmented, aside=PLACES | {"packets", "retransmissions"}),
    Variant("first bytes alone", network.first_bytes_alone, aside=PLACES | {"packets", "retransmissions", "detail"}),
    Variant("tiny segments", network.tiny_segments, aside=PLACES | {"packets", "retransmissions"}),
    Variant("reordered", network.reordered, aside=PLACES | TIMES | {"packets", "retransmissions"}),
    Variant("lost before", network.lost_before, aside=PLACES | TIMES | {"packets", "retransmissions"}),
    Variant("sent again", network.sent_again, aside=PLACES | {"retransmissions"}),
    Variant("sent again wider", network.sent_again_wider, aside=PLACES | {"retransmissions"}),
    Variant("SYN again", network.syn_again, aside=PLACES | TIMES | {"retransmissions"}),
    Variant("mirrored", network.mirrored, aside=PLACES | {"retransmissions"}),
    Variant("routed twice", network.routed_twice, aside=PLACES | {"retransmissions"}),
    Variant("farther", network.farther, aside=PLACES | TIMES, check=check_farther),
    Variant("with trailers", frames=with_trailer),
    Variant("trailers cut", frames=cut_trailer),
    Variant("among others", frames=among_others, aside=PLACES),
    *(Variant(name, change, aside=PLACES | HOSTILE) for name, change in FORGED.items()),
    Variant("fragments written over", hostile.pieces_rewritten, aside=PLACES | {"reassembly"}),
    Variant("fragments of nobody", hostile.pieces_of_nobody, aside=PLACES),
    Variant("fragments with two ends", hostile.two_ends, aside=PLACES | {"reassembly"}),
    Variant("pcapng", write=capture.write_pcapng),
    Variant("gz", write=capture.write_gz),
]


# One that looked its server up over the other version of IP is known by its link address alone.
ALSO_ASIDE = {("dns_address_ipv6", False): {"dns_name", "dns_ms"}}
# This server thinks while its client goes on. TLS behind a protocol not known here is found by a hello that begins a
# segment; a request that never asked for TLS is known for one by what follows its first words.
LEFT_OUT = {"farther": {"server_name_warning"}, "first bytes alone": {"not_tls_speaks_first", "plain_http_to_tls_port"}}
# Its finding counts how often the hello was sent.
COUNTS_PACKETS = {"large_hello_dropped": {"detail"}}


class Rows:
    """The rows of each capture, by its name, with numbers of rows that do not depend on their order."""

    def __init__(self, database):
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        self.captures = {row["id"]: pathlib.Path(row["source"]).name.split(".")[0]
                         for row in connection.execute("SELECT id, source FROM captures")}
        self.by_capture = {name: {view: [] for view in VIEWS} for name in self.captures.values()}
        self.handshake, self.connection = {None: None}, {}
        for view, order in VIEWS.items():
            for row in connection.execute(f"SELECT * FROM {view} ORDER BY {order}"):
                self.add(view, dict(row))
        for tables in self.by_capture.values():
            for row in tables["handshakes"]:
                row["resumed_from"] = self.handshake.get(row["resumed_from"])
        connection.close()

    def add(self, view, row):
        if view == "handshakes":
            name = self.captures[row.pop("capture_id")]
            number = len(self.by_capture[name][view]) + 1
            self.handshake[row.pop("id")] = name, number
            known = self.connection.setdefault((name, row["connection_id"]), f"of {number}")
            row["connection_id"] = known
        elif "handshake_id" in row:
            name, row["handshake_id"] = self.handshake[row["handshake_id"]]
        else:
            name = self.captures[row.pop("capture_id")]
        self.by_capture[name][view].append(row)


def sorted_rows(rows, view):
    if view == "handshakes":
        return rows
    if view == "messages":
        return sorted(rows, key=lambda row: (row["handshake_id"], row["seq"]))
    return sorted(rows, key=lambda row: str(sorted(row.items(), key=str)))


def differences(plain, made, aside, says=lambda row: {}):
    """Lines that tell what differs in the tables of one capture."""
    lines = []
    for view in VIEWS:
        before, after = sorted_rows(plain[view], view), sorted_rows(made[view], view)
        if len(before) != len(after):
            lines.append(f"{view}: {len(after)} rows instead of {len(before)}")
            continue
        for number, (a, b) in enumerate(zip(before, after)):
            if view == "handshakes":
                a = a | says(a)
            for column in a:
                if column not in aside and a[column] != b[column]:
                    lines.append(f"{view} {number + 1}: {column} is {b[column]!r}, not {a[column]!r}")
    return lines


class Laboratory:
    """Where captures are made and read."""

    def __init__(self, overhear, paths, folder):
        self.overhear, self.folder = overhear, folder
        self.captures, self.authority = {}, None
        keys = []
        for path in paths:
            link, packets = capture.read_pcap(path)
            if link != capture.ETHERNET:
                continue
            self.captures[path.stem] = network.steps_of(packets)
            if path.with_suffix(".keys").exists():
                keys.append(path.with_suffix(".keys").read_bytes())
        self.captures = {name: steps for name, steps in self.captures.items() if steps}
        self.keys = folder / "all.keys"
        self.keys.write_bytes(b"\n".join(keys))
        root = paths[0].parent / "root.pem"
        self.trust = ["--ca-file", root] if root.exists() else []

    def steps(self, over):
        if over == "IPv6":
            return {name: network.as_ipv6(steps) for name, steps in self.captures.items()}
        return self.captures

    def make(self, variant):
        folder = self.folder / variant.name.replace(" ", "_").replace(",", "")
        folder.mkdir()
        for name, steps in self.steps(variant.over).items():
            packets = variant.packets(steps, random.Random(f"{SEED} {name}"))
            variant.write(folder / name, variant.tunnel.link, packets)
        return folder

    def read(self, folder):
        database = folder.with_suffix(".db")
        done = subprocess.run([self.overhear, "read", "-q", "--no-ndpi", "-k", self.keys, *self.trust, "-o", database,
                               *sorted(folder.iterdir())], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise ChildProcessError(f"exit status {done.returncode}: {done.stdout.strip()[:500]}")
        return Rows(database)

    def rows(self, variant):
        try:
            return self.read(self.make(variant)), None
        except ChildProcessError as error:
            return None, str(error)


def judge(variant, plain, made):
    lines = []
    for name, tables in plain.by_capture.items():
        if name in LEFT_OUT.get(variant.name, ()):
            continue
        aside = variant.aside | ALSO_ASIDE.get((name, variant.tunnel.macs), set())
        if "retransmissions" in variant.aside:
            aside |= COUNTS_PACKETS.get(name, set())
        told = differences(tables, made.by_capture[name], aside, variant.says)
        if variant.check and not told:
            told = variant.check(tables, made.by_capture[name])
        lines += [f"{name}: {line}" for line in told]
    return lines


def tell(number, name, lines):
    print(f"{'not ok' if lines else 'ok'} {number} - {name}")
    for line in lines[:40]:
        print(f"# {line[:300]}")
    if len(lines) > 40:
        print(f"# and {len(lines) - 40} more")


def run(laboratory, variants):
    plain = {over: laboratory.rows(Variant("plain " + over, over=over)) for over in ("plain", "IPv6")}
    wrong = [why for _, why in plain.values() if why]
    if wrong:
        print(f"1..1\nnot ok 1 - the plain captures are read\n# {wrong[0]}")
        return 1
    failed = 0
    print(f"1..{len(variants)}")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for number, (variant, (made, why)) in enumerate(zip(variants, pool.map(laboratory.rows, variants))):
            lines = [why] if why else judge(variant, plain[variant.over][0], made)
            failed += bool(lines)
            tell(number + 1, variant.name, lines)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("overhear")
    parser.add_argument("pcaps", type=pathlib.Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", action="append", default=[])
    arguments = parser.parse_args()
    wanted = None if arguments.all else set(CAPTURES)
    paths = [p for p in sorted(arguments.pcaps.glob("*.pcap")) if wanted is None or p.stem in wanted]
    variants = [v for v in VARIANTS if not arguments.only or v.name in arguments.only]
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as folder:
        return run(Laboratory(arguments.overhear, paths, pathlib.Path(folder)), variants)


if __name__ == "__main__":
    sys.exit(main())
