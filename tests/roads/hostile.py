"""What somebody who wants a row to be wrong puts between the packets of others, or does to them: QUIC, DTLS, fragments.
As in network.py, each is a function from a list of steps to another; no endpoint would take what is added."""
import struct

from capture import UDP
from network import cut_ip

ENOUGH = 24


def datagram(step, data, ttl=None):
    """Another payload from the same end."""
    body = step.ip.payload[:4] + struct.pack(">HH", 8 + len(data), 0) + data
    ip = step.ip.with_payload(body).with_checksum()
    ip.ttl = ttl or ip.ttl
    return step.with_ip(ip)


def among_datagrams(add, when=lambda data: True):
    """`add` gives what follows a datagram: payloads from its sender, for the first of each capture."""
    def change(steps, chance):
        out, count = [], 0
        for s in steps:
            out.append(s)
            data = s.ip.payload[8:]
            if s.ip.protocol == UDP and 53 not in struct.unpack(">HH", s.ip.payload[:4]) and data and when(data) and count < ENOUGH:
                count += 1
                out += [datagram(s, forged) for forged in add(data, chance)]
        return out
    return change


def is_quic_long(data):
    return data[0] & 0xc0 == 0xc0 and len(data) > 60


def is_dtls_record(data):
    return 20 <= data[0] <= 23 and data[1] == 0xfe and len(data) > 13


def flipped(data, chance):
    """A copy with one bit of its sealed half wrong: its tag does not fit."""
    at = chance.randrange(len(data) // 2, len(data))
    yield data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1:]


def cut_short(data, chance):
    yield data[:chance.randrange(1, min(len(data), 40))]


def noise(data, chance):
    """With the bit of QUIC's long headers, as RTP has it, too. Anything else may be a short header: its second bit is
    random where RFC 9287 was agreed on, and only its keys tell it from noise."""
    for first in (0xff, 0x80):
        yield bytes([first]) + chance.randbytes(chance.randrange(20, 600))


def retry_forged(data, chance):
    """A Retry whose tag nobody could make."""
    yield b"\xf0\0\0\0\1\0\x08" + chance.randbytes(8) + chance.randbytes(60)


def close_forged(data, chance):
    """A Handshake packet of the sender's with another's bytes: it cannot be opened."""
    yield b"\xe0" + data[1:6] + data[6:6 + data[5]] + b"\0\x40\x14" + chance.randbytes(20)


def dtls_other_version(data, chance):
    yield data[:1] + b"\x7f\x7f" + data[3:]


def dtls_beyond(data, chance):
    """A record that claims more than the datagram holds, of a message far behind."""
    body = struct.pack(">B3sHI", 11, b"\0\x40\0", 0x7fff, 0)[:9] + b"\0\0\x10" + chance.randbytes(16)
    yield b"\x16\xfe\xfd\0\0" + chance.randbytes(6) + struct.pack(">H", 2000) + body


def forge_pieces(steps, chance, forged_of):
    out = []
    for number, s in enumerate(steps):
        pieces = cut_ip(s.ip, number + 1, iter([64] + [256] * 300)) if len(s.ip.payload) > 64 else [s.ip]
        if len(pieces) == 1:
            out.append(s)
            continue
        out += [s.with_ip(p) for p in pieces[:-1]]
        out += [s.with_ip(p) for p in forged_of(pieces, chance)]
        out.append(s.with_ip(pieces[-1]))
    return out


def other_content(piece, chance):
    return piece.with_payload(chance.randbytes(len(piece.payload)), place=piece.place)


def pieces_rewritten(steps, chance):
    """Each fragment but the last once more with other bytes, behind the first: the first ones win."""
    return forge_pieces(steps, chance, lambda pieces, c: [other_content(p, c) for p in pieces[1:-1]])


def pieces_of_nobody(steps, chance):
    """Fragments of packets that never become whole, and of none that could."""
    def forged(pieces, c):
        lonely = other_content(pieces[0], c)
        lonely.id = c.randrange(40000, 65536)
        beyond = lonely.with_payload(c.randbytes(64), place=0x1fff)
        empty = lonely.with_payload(b"", place=0x2000)
        return [lonely, beyond, empty]
    return forge_pieces(steps, chance, forged)


def two_ends(steps, chance):
    """A last fragment that ends the packet elsewhere, behind the true one: it contradicts and is left out."""
    def change():
        for number, s in enumerate(steps):
            pieces = cut_ip(s.ip, number + 1, iter([64] + [256] * 300)) if len(s.ip.payload) > 600 else [s.ip]
            order = [pieces[-1], *pieces[:-1]]
            if len(pieces) > 2:
                place = pieces[-1].place + 4
                order.insert(1, pieces[-1].with_payload(chance.randbytes(24), place=place))
            yield from (s.with_ip(p) for p in order)
    return list(change())

