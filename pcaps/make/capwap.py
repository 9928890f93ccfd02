#!/usr/bin/env python3
"""capwap.py wrap|unwrap PORT ADDRESS TO: hands datagrams on, and back, with CAPWAP's preamble for DTLS (RFC 5415 section 4.2) or without it."""

import select
import socket
import sys

PREAMBLE = b"\1\0\0\0"


def main():
    way, port, address, to = sys.argv[1:]
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.bind(("127.0.0.1" if way == "wrap" else "0.0.0.0", int(port)))
    back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    back.connect((address, int(to)))
    client = None
    while True:
        for ready in select.select([front, back], [], [])[0]:
            data, sender = ready.recvfrom(65535)
            client = sender if ready is front else client
            # Towards the wire it is put on, from the wire it is taken off.
            data = PREAMBLE + data if (ready is front) == (way == "wrap") else data[len(PREAMBLE):]
            if ready is front:
                back.send(data)
            elif client:
                front.sendto(data, client)


main()
