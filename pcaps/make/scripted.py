#!/usr/bin/env python3
"""Both ends of a conversation that no living endpoint holds any more: scripted.py client|server PORT FILE.

FILE has a line a step, `client HEX` or `server HEX`; each end sends its own steps and reads the other's to the last byte.
"""

import socket
import struct
import sys
import time

from lab import SERVER


def record(kind, version, body):
    return struct.pack(">BHH", kind, version, len(body)) + body


def message(kind, body):
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


def vector(size, body):
    return len(body).to_bytes(size, "big") + body


def extension(kind, body):
    return struct.pack(">H", kind) + vector(2, body)


def client_hello(version, suites, compressions=b"\0", extensions=b"", session_id=b""):
    body = struct.pack(">H", version) + bytes(range(32)) + vector(1, session_id) + vector(2, suites) + \
        vector(1, compressions) + (vector(2, extensions) if extensions else b"")
    return record(22, min(version, 0x0301), message(1, body))


def server_hello(version, suite, compression=0, extensions=b"", session_id=b"", random=bytes(range(64, 96))):
    body = struct.pack(">H", version) + random + vector(1, session_id) + struct.pack(">HB", suite, compression) + \
        (vector(2, extensions) if extensions else b"")
    return record(22, version, message(2, body))


def server_name(name):
    return extension(0, vector(2, b"\0" + vector(2, name.encode())))


def rsa_conversation(version, suite, compression, offered, certificates, finished, name, compressions=None):
    """RSA key exchange up to TLS 1.2; what is encrypted is filled with bytes that mean nothing."""
    compressions = compressions or (b"\1\0" if compression else b"\0")
    chain = b"".join(vector(3, der) for der in certificates)
    key = bytes(i * 7 % 256 for i in range(256))
    closing = record(20, version, b"\1") + record(22, version, finished)
    data = record(23, version, finished)
    return [
        ("client", client_hello(version, offered, compressions, server_name(name))),
        ("server", server_hello(version, suite, compression) + record(22, version, message(11, vector(3, chain)))
         + record(22, version, message(14, b""))),
        ("client", record(22, version, message(16, vector(2, key))) + closing),
        ("server", closing),
        ("client", data),
        ("server", data),
    ]


def downgrade_conversation(certificates, name):
    """RFC 8446 section 4.1.3: what a client sees whose TLS 1.3 was taken out on the way."""
    steps = rsa_conversation(0x0303, 0x002F, 0, b"", certificates, bytes(range(80)), name)
    offers = server_name(name) + extension(43, b"\4\3\4\3\3")
    plain = server_hello(0x0303, 0x002F)
    marked = server_hello(0x0303, 0x002F, random=bytes(range(64, 88)) + b"DOWNGRD\1")
    return [("client", client_hello(0x0303, b"\x13\1\0\x2f", extensions=offers)),
            ("server", marked + steps[1][1].removeprefix(plain)), *steps[2:]]


def ssl2_conversation(der):
    """SSL 2.0: its own records, hello and certificate; then encrypted."""
    suites = bytes.fromhex("010080 0700c0 020080")
    hello = b"\1" + struct.pack(">HHHH", 2, len(suites), 0, 16) + suites + bytes(range(16))
    answer = b"\4\0\1" + struct.pack(">HHHH", 2, len(der), 3, 16) + der + suites[:3] + bytes(range(32, 48))
    master_key = b"\2" + suites[:3] + struct.pack(">HHH", 0, 128, 0) + bytes(128)

    def framed(body):
        return struct.pack(">H", 0x8000 | len(body)) + body
    return [("client", framed(hello)), ("server", framed(answer)), ("client", framed(master_key)),
            ("server", framed(bytes(range(33)))), ("client", framed(bytes(range(40)))),
            ("server", framed(bytes(range(41))))]


def draft_conversation(version, name):
    """TLS 1.3 as a draft had it; the encrypted records have the sizes of a real handshake."""
    share = struct.pack(">H", 29) + vector(2, bytes(range(100, 132)))
    offers = server_name(name) + extension(43, vector(1, struct.pack(">H", version))) + \
        extension(10, vector(2, b"\0\x1d")) + extension(13, vector(2, b"\x08\x04\x04\x03")) + extension(51, vector(2, share))
    chosen = extension(43, struct.pack(">H", version)) + extension(51, share)
    session = bytes(range(200, 232))
    change = record(20, 0x0303, b"\1")

    def sealed(size):
        return record(23, 0x0303, bytes(i * 11 % 256 for i in range(size)))
    return [
        ("client", client_hello(0x0303, b"\x13\x01", extensions=offers, session_id=session)),
        ("server", server_hello(0x0303, 0x1301, extensions=chosen, session_id=session) + change + sealed(23) + sealed(900)
         + sealed(281) + sealed(53)),
        ("client", change + sealed(53)),
        ("client", sealed(40)),
        ("server", sealed(60)),
    ]


def play(role, connection, steps):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for sender, data in steps:
        if sender == role:
            connection.sendall(data)
            continue
        missing = len(data)
        while missing:
            got = connection.recv(missing)
            if not got:
                return
            missing -= len(got)
    if role == "server":
        connection.recv(1)
    else:
        time.sleep(0.1)


def main():
    role, port, path = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    with open(path) as f:
        steps = [(sender, bytes.fromhex(data)) for sender, data in (line.split() for line in f)]
    if role == "client":
        with socket.create_connection((SERVER, port)) as connection:
            play(role, connection, steps)
        return
    with socket.create_server(("0.0.0.0", port)) as listener:
        connection, _ = listener.accept()
        with connection:
            play(role, connection, steps)


if __name__ == "__main__":
    main()
