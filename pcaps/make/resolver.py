#!/usr/bin/env python3
"""A name server for the scenarios: resolver.py ADDRESS DELAY_MS RECORDS, with RECORDS a JSON object of name to [type, value] pairs.

It answers over UDP and TCP, each query DELAY_MS after it came, and knows A, AAAA, CNAME and HTTPS. Aliases are followed, as a resolver does.
"""

import ipaddress
import json
import socket
import socketserver
import struct
import sys
import threading
import time

TYPES = {"A": 1, "CNAME": 5, "AAAA": 28, "HTTPS": 65}


def packed_name(name):
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def packed(kind, value):
    if kind == "CNAME":
        return packed_name(value)
    return bytes.fromhex(value) if kind == "HTTPS" else ipaddress.ip_address(value).packed


def records_for(records, name, wanted):
    """The aliases on the way, then what is there of the type."""
    found = []
    while True:
        alias = next((value for kind, value in records.get(name, []) if kind == "CNAME"), None)
        if not alias:
            return found + [(name, kind, value) for kind, value in records.get(name, []) if TYPES[kind] == wanted]
        found.append((name, "CNAME", alias))
        name = alias


def answer(records, query):
    end = query.index(b"\0", 12) + 5
    question, labels, at = query[12:end], [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    found = records_for(records, ".".join(labels).lower(), struct.unpack("!H", question[-4:-2])[0])
    body = b""
    for owner, kind, value in found:
        data = packed(kind, value)
        body += packed_name(owner) + struct.pack("!HHIH", TYPES[kind], 1, 60, len(data)) + data
    return query[:2] + struct.pack("!HHHHH", 0x8580, 1, len(found), 0, 0) + question + body


def serve_udp(address, records, delay):
    listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((address, 53))

    def one(query, peer):
        time.sleep(delay)
        listener.sendto(answer(records, query), peer)

    while True:
        threading.Thread(target=one, args=listener.recvfrom(4096), daemon=True).start()


class OverTcp(socketserver.StreamRequestHandler):
    def handle(self):
        while length := self.rfile.read(2):
            query = self.rfile.read(struct.unpack("!H", length)[0])
            time.sleep(self.server.delay)
            reply = answer(self.server.records, query)
            self.wfile.write(struct.pack("!H", len(reply)) + reply)


def main(address, delay_ms, records):
    records, delay = json.loads(records), int(delay_ms) / 1000
    threading.Thread(target=serve_udp, args=(address, records, delay), daemon=True).start()
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((address, 53), OverTcp) as server:
        server.records, server.delay = records, delay
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
