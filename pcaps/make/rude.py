#!/usr/bin/env python3
"""Endpoints with bad manners: rude.py HABIT [PORT [CERT KEY]], a client where HABIT begins with client-.

A server closes, resets or keeps silent after the first bytes, or speaks HTTP; where HABIT begins with tls- it does so only
after a handshake. A client resets in mid-handshake or sends something that is not TLS.
"""

import socket
import ssl
import struct
import sys
import time

from lab import SERVER

HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def reset(connection):
    """With no time to linger, closing is a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def answer(connection, data):
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)
    time.sleep(0.2)
    connection.close()


SERVERS = {
    "close": lambda connection: connection.close(),
    "reset": reset,
    "silent": lambda connection: connection.recv(1),
    "http": lambda connection: answer(connection, HTTP),
    "ssh": lambda connection: answer(connection, b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "smtp": lambda connection: answer(connection, b"220 mail.example.test ESMTP\r\n"),
    "banner": lambda connection: (connection.sendall(b"SSH-2.0-dropbear_2022.83\r\n"), connection.recv(65536), connection.recv(1)),
    "nonsense": lambda connection: answer(connection, bytes(range(200, 256)) * 3),
}


def serve(habit, port):
    """A habit that begins with early- shows before the client has said anything."""
    listener = socket.create_server(("0.0.0.0", port))
    while True:
        connection, _ = listener.accept()
        if not habit.startswith("early-"):
            connection.recv(65536)
        SERVERS[habit.removeprefix("early-")](connection)


def echo(tls):
    while True:
        data = tls.recv(4096)
        if not data:
            return
        tls.sendall(data[::-1])


def answer_once(tls):
    tls.sendall(tls.recv(4096)[::-1])


def serve_tls(habit, port, cert, key):
    """`slow` takes its time before it answers; the others do what they do once the handshake is whole."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    listener = socket.create_server(("0.0.0.0", port))
    while True:
        connection, _ = listener.accept()
        if habit == "slow":
            time.sleep(2.5)
        # Closing without unwrap() says no close_notify.
        with context.wrap_socket(connection, server_side=True) as tls:
            if habit == "slow":
                echo(tls)
            elif habit == "reset":
                answer_once(tls)
                reset(tls)
            else:
                assert habit == "close", habit


def client_hello():
    """OpenSSL's own, taken from its memory."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    out = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname="example.test").do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def probing_hello():
    """TLS 1.2, one suite, the heartbeat extension (RFC 6520) and what the suite needs."""
    extensions = bytes.fromhex("000f0001 01 000a0004 0002 0017 000b0002 0100 000d0006 0004 0401 0804")
    body = b"\x03\x03" + bytes(range(32)) + b"\x00" + bytes.fromhex("0002 c02f 0100") + \
        struct.pack(">H", len(extensions)) + extensions
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


# A heartbeat request that claims 16,384 bytes and has none.
HEARTBLEED = bytes.fromhex("18 0303 0003 01 4000")
# One that claims the 16 bytes that it has, and 16 of padding.
HEARTBEAT = bytes.fromhex("18 0303 0023 01 0010") + bytes(range(32))


def late_reset(connection):
    """A whole handshake, a question, its answer, and then a reset."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    tls = context.wrap_socket(connection, server_hostname="example.test")
    tls.sendall(b"hello\n")
    tls.recv(4096)
    reset(tls)


def ask_in_unknown_version(port):
    """RFC 8999: what long headers have in common; what a version of its own makes of the rest, nobody knows."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(3)
        connection.connect((SERVER, port))
        own, other = bytes(range(8)), bytes(range(8, 16))
        connection.send((b"\xc0" + struct.pack(">I", 5) + b"\x08" + own + b"\x08" + other).ljust(1200, b"\x55"))
        answer = connection.recv(1500)
        print("list of versions:", answer[1 + 4 + 1 + 8 + 1 + 8:][:4].hex())


def client(habit, port):
    if habit == "quic-unknown":
        ask_in_unknown_version(port)
        return
    with socket.create_connection((SERVER, port)) as connection:
        if habit == "plain":
            connection.sendall(b"GET / HTTP/1.0\r\nHost: example.test\r\n\r\n")
            connection.recv(4096)
            return
        if habit == "listen":
            connection.recv(4096)
            return
        if habit == "late-reset":
            late_reset(connection)
            return
        hello = probing_hello() if habit in ("heartbleed", "heartbeat", "malformed") else client_hello()
        if habit == "malformed":
            # The last extension claims one byte more than there is.
            hello = hello[:-7] + bytes([hello[-7] + 1]) + hello[-6:]
        if habit == "slow":
            time.sleep(0.2)
        connection.sendall(hello)
        if habit == "slow":
            time.sleep(0.2)
            return
        connection.recv(4096)
        if habit == "reset":
            reset(connection)
        elif habit in ("heartbleed", "heartbeat"):
            connection.sendall(HEARTBLEED if habit == "heartbleed" else HEARTBEAT)
            connection.settimeout(1)
            try:
                connection.recv(4096)
            except TimeoutError:
                pass


if __name__ == "__main__":
    chosen = sys.argv[1].removeprefix("client-")
    number = int(sys.argv[2]) if len(sys.argv) > 2 else 443
    if chosen.startswith("tls-"):
        serve_tls(chosen.removeprefix("tls-"), number, *sys.argv[3:5])
    elif sys.argv[1] == chosen:
        serve(chosen, number)
    else:
        client(chosen, number)
