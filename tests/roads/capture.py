"""Capture files as lists of packets, and the headers that the roads are made of. Nothing here knows of TLS."""
import gzip
import ipaddress
import struct

ETHERNET, IPV4, IPV6 = 1, 0x0800, 0x86dd
TCP, UDP = 6, 17
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Packet:
    """A frame and its time in nanoseconds. `wire_len` is more than the frame's where a snap length cut it."""
    __slots__ = ("time", "frame", "wire_len")

    def __init__(self, time, frame, wire_len=None):
        self.time, self.frame, self.wire_len = time, frame, wire_len or len(frame)


def read_pcap(path):
    """The packets of a pcap file with times in microseconds, as those of pcaps/ are."""
    data = path.read_bytes()
    magic, link = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
    if magic not in (0xa1b2c3d4, 0xa1b23c4d):
        raise ValueError(f"{path}: no pcap of this machine's byte order")
    unit, at, packets = 1000 if magic == 0xa1b2c3d4 else 1, 24, []
    while at + 16 <= len(data):
        seconds, part, length, wire = struct.unpack_from("<IIII", data, at)
        packets.append(Packet(seconds * 10**9 + part * unit, data[at + 16:at + 16 + length], wire))
        at += 16 + length
    return link, packets


def write_pcap(path, link, packets):
    """Nanoseconds, so that no time is rounded."""
    out = [struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, link)]
    for p in packets:
        out.append(struct.pack("<IIII", p.time // 10**9, p.time % 10**9, len(p.frame), p.wire_len) + p.frame)
    path.write_bytes(b"".join(out))


def write_gz(path, link, packets):
    write_pcap(path, link, packets)
    path.write_bytes(gzip.compress(path.read_bytes(), 1, mtime=0))


def pcapng_block(kind, body):
    body += bytes(-len(body) % 4)
    return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)


def write_pcapng(path, link, packets):
    """Two interfaces that take turns, one of them counting nanoseconds, the other microseconds where that loses nothing."""
    out = [pcapng_block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)),
           pcapng_block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0)),
           pcapng_block(1, struct.pack("<HHI", link, 0, 0))]
    for number, p in enumerate(packets):
        coarse = number % 2 and p.time % 1000 == 0
        ticks = p.time // 1000 if coarse else p.time
        head = struct.pack("<IIIII", 1 if coarse else 0, ticks >> 32, ticks & 0xffffffff, len(p.frame), p.wire_len)
        out.append(pcapng_block(6, head + p.frame))
    path.write_bytes(b"".join(out))


def checksum(data):
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def split_ethernet(frame):
    """Addresses, type and payload, which may have padding behind it."""
    return frame[:12], struct.unpack_from(">H", frame, 12)[0], frame[14:]


class Ip:
    """An IP packet without options, of either version; `place` is what IPv4 says of fragments."""
    __slots__ = ("version", "src", "dst", "protocol", "payload", "ttl", "id", "place")

    def __init__(self, version, src, dst, protocol, payload, ttl=64, id=0, place=0):
        self.version, self.src, self.dst = version, src, dst
        self.protocol, self.payload, self.ttl, self.id, self.place = protocol, payload, ttl, id, place

    def with_payload(self, payload, protocol=None, place=0):
        return Ip(self.version, self.src, self.dst, self.protocol if protocol is None else protocol, payload, self.ttl, self.id,
                  place)

    @property
    def ethertype(self):
        return IPV4 if self.version == 4 else IPV6

    def header(self, length):
        if self.version == 6:
            return struct.pack(">IHBB", 0x60000000, length, self.protocol, self.ttl) + self.src + self.dst
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + length, self.id, self.place, self.ttl, self.protocol, 0) + self.src + self.dst
        return head[:10] + struct.pack(">H", checksum(head)) + head[12:]

    def bytes(self):
        return self.header(len(self.payload)) + self.payload

    def with_checksum(self):
        """The transport's checksum made right: a capture may have left it to the network card."""
        at = {TCP: 16, UDP: 6}.get(self.protocol)
        if at is None or len(self.payload) < at + 2:
            return self
        blank = self.payload[:at] + b"\0\0" + self.payload[at + 2:]
        pseudo = self.src + self.dst + struct.pack(">IHH", len(blank), 0, self.protocol)
        value = checksum(pseudo + blank)
        if self.protocol == UDP and not value:
            value = 0xffff
        return self.with_payload(blank[:at] + struct.pack(">H", value) + blank[at + 2:])


def ip_of(data):
    """What is there of an IP packet, or None where it is none, is in pieces, or has options."""
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= 20 and data[0] == 0x45:
        total, id, place = struct.unpack_from(">HHH", data, 2)
        if place & 0x3fff or total > len(data) or total < 20:
            return None
        return Ip(4, data[12:16], data[16:20], data[9], data[20:total], data[8], id)
    if version == 6 and len(data) >= 40:
        length = struct.unpack_from(">H", data, 4)[0]
        if data[6] not in (TCP, UDP, 58) or 40 + length > len(data):
            return None
        return Ip(6, data[8:24], data[24:40], data[6], data[40:40 + length], data[7])
    return None


class Tcp:
    """A TCP segment; its options are kept as they are."""
    __slots__ = ("ports", "seq", "ack", "flags", "rest", "options", "data")

    def __init__(self, payload):
        self.ports, self.seq, self.ack, offset, self.flags = payload[:4], *struct.unpack_from(">IIBB", payload, 4)
        end = (offset >> 4) * 4
        self.rest, self.options, self.data = payload[14:20], payload[20:end], payload[end:]

    def bytes(self, data=None, seq=None, flags=None):
        data = self.data if data is None else data
        return (self.ports + struct.pack(">IIBB", (self.seq if seq is None else seq) & 0xffffffff, self.ack,
                                         (20 + len(self.options)) // 4 << 4, self.flags if flags is None else flags)
                + self.rest + self.options + data)


def address(text):
    return ipaddress.ip_address(text).packed
