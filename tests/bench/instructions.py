"""instructions.py OVERHEAR PCAPS [--store]: how many instructions reading takes, counted by valgrind, so that no other load
and no machine's speed matters; compared with tests/bench/instructions.txt. --store writes that file anew.

The input is pcaps/office.pcap many times over, each time between other addresses and later, with checksums that fit.
"""
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

TIMES = 150
RISE_PERCENT = 5
STORED = pathlib.Path(__file__).with_name("instructions.txt")
ETHERNET, TCP = 14, 6


def fit(packet, at, changed):
    """A checksum after words of what it covers have changed (RFC 1624)."""
    total = 0xffff - struct.unpack_from(">H", packet, at)[0]
    for old, new in changed:
        total += (0xffff - old) + new
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    struct.pack_into(">H", packet, at, 0xffff - total)


def elsewhere(packet, step):
    """The same packet between other addresses: their second byte differs."""
    packet = bytearray(packet)
    assert packet[12:14] == b"\x08\x00" and packet[ETHERNET + 9] == TCP, "office.pcap is TCP over IPv4"
    changed = []
    for at in (ETHERNET + 12, ETHERNET + 16):
        old = struct.unpack_from(">H", packet, at)[0]
        packet[at + 1] = (packet[at + 1] + step) & 0xff
        changed.append((old, struct.unpack_from(">H", packet, at)[0]))
    fit(packet, ETHERNET + 10, changed)
    fit(packet, ETHERNET + 4 * (packet[ETHERNET] & 15) + 16, changed)
    return packet


def packets(capture):
    at = 24
    while at < len(capture):
        seconds, fraction, kept, sent = struct.unpack_from("<IIII", capture, at)
        yield seconds, fraction, sent, capture[at + 16:at + 16 + kept]
        at += 16 + kept


def write_input(source, target):
    capture = source.read_bytes()
    with open(target, "wb") as out:
        out.write(capture[:24])
        for step in range(TIMES):
            for seconds, fraction, sent, packet in packets(capture):
                packet = elsewhere(packet, step)
                out.write(struct.pack("<IIII", seconds + 2 * step, fraction, len(packet), sent) + packet)


def count(program, pcaps):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write_input(pcaps / "office.pcap", folder / "in.pcap")
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'out'}", program, "read", "-q", "--insecure-no-sandbox",
                               "--no-ndpi", "--ca-file", pcaps / "root.pem", folder / "in.pcap", "-o", folder / "out.db"],
                              capture_output=True, text=True, check=True)
    return int(re.search(r"refs:\s+([\d,]+)", done.stderr)[1].replace(",", ""))


def main():
    program, pcaps = sys.argv[1], pathlib.Path(sys.argv[2])
    if not shutil.which("valgrind"):
        print("skipped: valgrind is not installed")
        return 77
    counted = count(program, pcaps)
    if "--store" in sys.argv[3:]:
        STORED.write_text(f"{counted}\n")
    stored = int(STORED.read_text())
    print(f"{counted:,} instructions; stored: {stored:,} ({100 * (counted - stored) / stored:+.1f} %)")
    if counted <= stored * (100 + RISE_PERCENT) / 100:
        return 0
    print(f"more than {RISE_PERCENT} % above: find out what costs it, or store the new number with --store and say why")
    return 1


if __name__ == "__main__":
    sys.exit(main())
