"""linear.py OVERHEAR [CASE...]: twice as many bytes cost twice as much work, not four times.

Each case is a capture that grows in one way. The instructions that reading takes are counted by valgrind at three sizes,
so that no machine's speed and no other load matters. From n to 4n there may be little more than three times what comes
from n to 2n: three where the work is linear, five where it is quadratic.
"""
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "roads"))

import capture  # noqa: E402

ALLOWED = 3.7
MACS = b"\2\0\0\0\0\1\2\0\0\0\0\2"
CLIENT, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"
SYN, ACK = 2, 16


def vector(width, body):
    return len(body).to_bytes(width, "big") + body


def record(kind, body):
    return b"".join(bytes([kind]) + b"\3\3" + vector(2, body[at:at + 16384]) for at in range(0, len(body), 16384))


def message(kind, body):
    return bytes([kind]) + vector(3, body)


def hello(extensions=b"", suites=b"\xc0\x2f"):
    return message(1, b"\3\3" + bytes(32) + b"\0" + vector(2, suites) + b"\1\0" + vector(2, extensions))


def server_hello():
    return message(2, b"\3\3" + bytes(32) + b"\0\xc0\x2f\0\0\0")


def der(tag, body):
    if len(body) < 128:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def certificate(names):
    """Its signature is nonsense."""
    algorithm = der(0x30, b"\x06\x03\x2b\x65\x70")
    name = der(0x30, der(0x31, der(0x30, b"\x06\x03\x55\x04\x03" + der(0x0c, b"www.example.test"))))
    dates = der(0x30, der(0x17, b"240101000000Z") + der(0x17, b"340101000000Z"))
    key = der(0x30, algorithm + der(0x03, b"\0" + bytes(32)))
    extension = der(0x30, b"\x06\x03\x55\x1d\x11" + der(0x04, der(0x30, b"".join(der(0x82, n) for n in names))))
    body = der(0x30, b"\xa0\3\2\1\2" + b"\2\1\1" + algorithm + name + dates + name + key + der(0xa3, der(0x30, extension)))
    return der(0x30, body + algorithm + der(0x03, b"\0" + bytes(64)))


class Network:
    """Packets, one a microsecond."""

    def __init__(self):
        self.packets = []

    def ip(self, ip):
        self.packets.append(capture.Packet(10**18 + 1000 * len(self.packets), MACS + b"\x08\0" + ip.bytes()))

    def tcp(self, from_client, seq, ack, flags, data=b""):
        src, dst, ports = (CLIENT, SERVER, b"\xc0\0\1\xbb") if from_client else (SERVER, CLIENT, b"\1\xbb\xc0\0")
        body = ports + struct.pack(">IIBBHHH", seq, ack, 0x50, flags, 0xffff, 0, 0) + data
        self.ip(capture.Ip(4, src, dst, 6, body).with_checksum())

    def open(self):
        self.tcp(True, 999, 0, SYN)
        self.tcp(False, 1999, 1000, SYN | ACK)
        self.tcp(True, 1000, 2000, ACK)

    def pieces(self, from_client, data, size, order, step=None):
        places = order(list(range(0, len(data), step or size)))
        for at in places:
            self.tcp(from_client, (1000 if from_client else 2000) + at, 2000 if from_client else 1000, ACK, data[at:at + size])

    def conversation(self, client=b"", server=b""):
        self.open()
        self.pieces(True, client, 1400, list)
        self.pieces(False, server, 1400, list)
        return self


def shuffled(places):
    random.Random(1).shuffle(places)
    return places


def backwards(places):
    return places[::-1]


def segments(order, size=1, step=None):
    def make(network, n):
        network.open()
        network.pieces(True, record(22, hello(b"\xff\xf1" + vector(2, bytes(n)))), size, order, step)
    return make


def records_of_a_byte(network, n):
    message_bytes = server_hello() + message(11, vector(3, vector(3, bytes(n))))
    network.conversation(record(22, hello()), b"".join(record(22, message_bytes[i:i + 1]) for i in range(len(message_bytes))))


def small_messages(network, n):
    network.conversation(record(22, hello()), record(22, server_hello() + message(0, b"") * n))


def alerts(network, n):
    network.conversation(record(22, hello()), record(22, server_hello()) + record(21, b"\1\x5a") * n)


def extensions(network, n):
    network.conversation(record(22, hello(b"".join(struct.pack(">HH", 0x1000 + i, 0) for i in range(n)))))


def same_extensions(network, n):
    network.conversation(record(22, hello(b"\0\x0a\0\4\0\2\0\x1d" * n)))


def suites(network, n):
    network.conversation(record(22, hello(suites=b"".join(struct.pack(">H", i) for i in range(n)))))


def protocols(network, n):
    names = b"".join(vector(1, b"%x" % i) for i in range(n))
    network.conversation(record(22, hello(b"\0\x10" + vector(2, vector(2, names)))))


def with_certificates(list_of):
    def make(network, n):
        chain = b"".join(vector(3, c) for c in list_of(n))
        network.conversation(record(22, hello()), record(22, server_hello() + message(11, vector(3, chain)) + message(14, b"")))
    return make


def many_names(n):
    return [certificate([b"host%d.example.test" % i for i in range(n)])]


def many_certificates(n):
    return [certificate([b"host%d.example.test" % i]) for i in range(n)]


def fragments(order, overlap):
    def make(network, n):
        body = b"\xc0\0\1\xbb" + bytes(8 * n)
        places = order(list(range(0, len(body) // 8 * 8, 8)))
        for at in places:
            end = min(at + 8 + 8 * overlap, len(body))
            more = end < len(body)
            network.ip(capture.Ip(4, CLIENT, SERVER, 6, body[at:end], id=7, place=at // 8 | more << 13))
    return make


def fragmented_packets(network, n):
    for i in range(n):
        network.ip(capture.Ip(4, CLIENT, SERVER, 6, bytes(64), id=i, place=1 << 13))


def dns(network, n):
    """One answer, all aliases, a pointer each."""
    name = b"\1a\4test\0"
    question = name + b"\0\1\0\1"
    for ports, flags, src, dst, answers in ((b"\xc0\0\0\x35", 0x0100, CLIENT, SERVER, 0), (b"\0\x35\xc0\0", 0x8180, SERVER, CLIENT, n)):
        rest = b"".join(b"\xc0\x0c\0\5\0\1\0\0\0\x3c\0\4\1a\xc0\x0e" for _ in range(answers))
        body = struct.pack(">HHHHHH", 1, flags, 1, answers, 0, 0) + question + rest
        network.ip(capture.Ip(4, src, dst, 17, ports + struct.pack(">HH", 8 + len(body), 0) + body))


def lookups(network, n):
    for i in range(n):
        body = struct.pack(">HHHHHH", i & 0xffff, 0x0100, 1, 0, 0, 0) + b"\5%05d\4test\0\0\1\0\1" % (i % 100000)
        network.ip(capture.Ip(4, CLIENT, SERVER, 17, struct.pack(">HHHH", 49152, 53, 8 + len(body), 0) + body))


def coalesced(network, n):
    """Long headers of QUIC one behind the other, none of which can be opened."""
    packet = b"\xc0\0\0\0\1\4abcd\0\0\x40\x14" + bytes(20)
    for _ in range(n):
        body = packet * 35
        network.ip(capture.Ip(4, CLIENT, SERVER, 17, b"\xc0\0\1\xbb" + struct.pack(">HH", 8 + len(body), 0) + body))


def dtls_pieces(network, n):
    """Pieces of a byte of one handshake message, the last ones first."""
    total = 20000
    for i in range(n):
        at = total - 2 * i - 2
        piece = b"\1" + total.to_bytes(3, "big") + b"\0\0" + at.to_bytes(3, "big") + b"\0\0\1" + b"\0"
        body = b"\x16\xfe\xfd\0\0" + i.to_bytes(6, "big") + vector(2, piece)
        network.ip(capture.Ip(4, CLIENT, SERVER, 17, b"\xc0\0\1\xbb" + struct.pack(">HH", 8 + len(body), 0) + body))


def connections(network, n):
    for i in range(n):
        for flags, seq in ((SYN, 999), (ACK, 1000)):
            data = record(22, hello()) if flags == ACK else b""
            body = struct.pack(">HHIIBBHHH", 1024 + i, 443, seq, 1, 0x50, flags, 0xffff, 0, 0) + data
            network.ip(capture.Ip(4, CLIENT, SERVER, 6, body).with_checksum())


# The smallest of three sizes, each twice the one before.
CASES = {
    "segments of a byte, backwards": (segments(backwards), 800),
    # Beyond STREAM_RANGES: up to that, what waits is put in its place by moving others.
    "segments of a byte, in any order": (segments(shuffled), 4500),
    "segments that overlap, in any order": (segments(shuffled, 64, 2), 3000),
    "segments that overlap, in order": (segments(list, 64, 1), 1000),
    "records of a byte": (records_of_a_byte, 4000),
    "messages of four bytes": (small_messages, 4000),
    "alerts": (alerts, 4000),
    "extensions": (extensions, 4000),
    "the same extension": (same_extensions, 2000),
    "cipher suites": (suites, 4000),
    "names of protocols": (protocols, 3000),
    "names of a certificate": (with_certificates(many_names), 2000),
    "certificates of a chain": (with_certificates(many_certificates), 200),
    "fragments of a packet, in any order": (fragments(shuffled, 0), 1000),
    "fragments of a packet that overlap": (fragments(shuffled, 8), 1000),
    "packets in fragments": (fragmented_packets, 2000),
    "aliases in an answer": (dns, 800),
    "queries": (lookups, 4000),
    "packets of QUIC in a datagram": (coalesced, 100),
    "pieces of a message of DTLS": (dtls_pieces, 1000),
    "connections": (connections, 1000),
}


def instructions(overhear, folder, make, n):
    network = Network()
    make(network, n)
    capture.write_pcap(folder / "in.pcap", capture.ETHERNET, network.packets)
    database = folder / "out.db"
    for left in folder.glob("out.db*"):
        left.unlink()
    done = subprocess.run(["valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null", overhear, "read", "-q", "--insecure-no-sandbox",
                           "--no-ndpi", "-o", database, folder / "in.pcap"], capture_output=True, text=True)
    counted = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode > 1 or not counted:
        raise ChildProcessError(done.stderr.strip()[-500:])
    return int(counted[1].replace(",", ""))


def main(overhear, *wanted):
    if not shutil.which("valgrind"):
        print("1..0 # SKIP valgrind is not installed")
        return 0
    cases = {name: case for name, case in CASES.items() if not wanted or name in wanted}
    failed = 0
    print(f"1..{len(cases)}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, (make, n)) in enumerate(cases.items()):
            once, twice, four = (instructions(overhear, pathlib.Path(folder), make, k * n) for k in (1, 2, 4))
            # What is cut by a limit may cost nothing more.
            growth = (four - once) / max(twice - once, once / 100)
            failed += growth > ALLOWED
            print(f"{'ok' if growth <= ALLOWED else 'not ok'} {number + 1} - {name}: {once / 1e6:.1f}, {twice / 1e6:.1f} and "
                  f"{four / 1e6:.1f} million instructions, {growth:.2f}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
