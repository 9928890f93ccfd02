#!/usr/bin/env python3
"""A server for clients of Microsoft's SQL Server: tds.py PORT CERT KEY [HABIT], one connection after the other.

It does what [MS-TDS] section 3.3.5 has a server do until the login, which it refuses. HABIT is how it encrypts: required (the
default), refused (it does not), or strict: TDS 8, where TLS comes first.
"""

import socket
import ssl
import struct
import sys

PRELOGIN, RESPONSE, LAST = 0x12, 0x04, 1
VERSION_OPTION, ENCRYPTION_OPTION, END = 0, 1, 0xFF
NOT_SUPPORTED, REQUIRED = 2, 3
VERSION = bytes([15, 0, 0x10, 0, 0, 0])


class Hangup(Exception):
    pass


def read(receive, n):
    data = b""
    while len(data) < n:
        more = receive(n - len(data))
        if not more:
            raise Hangup
        data += more
    return data


def read_packet(receive):
    kind, _, length, _, _, _ = struct.unpack(">BBHHBB", read(receive, 8))
    return kind, read(receive, length - 8)


def packet(kind, body):
    return struct.pack(">BBHHBB", kind, LAST, 8 + len(body), 0, 1, 0) + body


def prelogin(encryption):
    place = 2 * 5 + 1
    options = struct.pack(">BHHBHHB", VERSION_OPTION, place, len(VERSION), ENCRYPTION_OPTION, place + len(VERSION), 1, END)
    return packet(RESPONSE, options + VERSION + bytes([encryption]))


def refusal():
    """An ERROR token (section 2.2.7.10) and DONE."""
    text = "Login failed"
    body = struct.pack("<IBB", 18456, 1, 14) + struct.pack("<H", len(text)) + text.encode("utf-16le") + b"\0\0" + struct.pack("<I", 1)
    return packet(RESPONSE, b"\xaa" + struct.pack("<H", len(body)) + body + b"\xfd" + struct.pack("<HHQ", 2, 0, 0))


class Tunnel:
    """TLS whose handshake goes in packets of TDS (section 3.3.5.2), and what follows does not."""

    def __init__(self, connection, context):
        self.connection = connection
        self.come, self.gone = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.come, self.gone, server_side=True)
        self.wrapped = True

    def pump(self, step, *arguments):
        while True:
            try:
                return step(*arguments)
            except ssl.SSLWantReadError:
                self.flush()
                self.come.write(read_packet(self.connection.recv)[1] if self.wrapped else self.connection.recv(4096) or self.end())
            finally:
                self.flush()

    @staticmethod
    def end():
        raise Hangup

    def flush(self):
        data = self.gone.read()
        if data:
            self.connection.sendall(packet(PRELOGIN, data) if self.wrapped else data)

    def handshake(self):
        self.pump(self.tls.do_handshake)
        self.wrapped = False

    def recv(self, n):
        return self.pump(self.tls.read, n)

    def sendall(self, data):
        self.pump(self.tls.write, data)


def serve(connection, context, habit):
    if habit == "strict":
        connection = context.wrap_socket(connection, server_side=True)
    kind, _ = read_packet(connection.recv)
    assert kind == PRELOGIN, kind
    connection.sendall(prelogin(NOT_SUPPORTED if habit == "refused" else REQUIRED))
    if habit == "required":
        connection = Tunnel(connection, context)
        connection.handshake()
        print("secured by", connection.tls.version(), connection.tls.cipher()[0], flush=True)
    read_packet(connection.recv)
    connection.sendall(refusal())
    connection.recv(1)


def main():
    port, cert, key = sys.argv[1:4]
    habit = sys.argv[4] if len(sys.argv) > 4 else "required"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if habit == "strict":
        context.set_alpn_protocols(["tds/8.0"])
    else:
        # As SQL Server: TLS 1.3 is for TDS 8.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    listener = socket.create_server(("0.0.0.0", int(port)))
    while True:
        connection, _ = listener.accept()
        try:
            with connection:
                serve(connection, context, habit)
        except (Hangup, OSError) as why:
            print(repr(why), flush=True)


main()
