#!/usr/bin/env python3
"""A server that speaks what comes before TLS: spoken.py PROTOCOL PORT CERT KEY [HABIT], one connection after the other.

HABIT is what it does when it is asked for TLS: grant (the default), refuse, or close. Where it is called `mangled`, its offer was
written over on the way; `plain` never offers. After the grant it echoes what comes through TLS.
"""

import re
import socket
import ssl
import sys

BANNER = "mail.example.test"
STREAM = ("<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' from='example.test' "
          "id='1' version='1.0'>")
TLS_NS = "xmlns='urn:ietf:params:xml:ns:xmpp-tls'"
# By protocol: the greeting, answers by command, the command that asks, its grant and its refusal. {tag} is IMAP's.
LINES = {
    "smtp": (f"220 {BANNER} ESMTP\n", {"EHLO": f"250-{BANNER}\n250-SIZE 1000000\n250 STARTTLS\n", "MAIL": "250 ok\n", "QUIT": "221 bye\n"},
             "STARTTLS", "220 2.0.0 go ahead\n", "454 4.7.0 TLS not available\n"),
    "lmtp": (f"220 {BANNER} LMTP\n", {"LHLO": f"250-{BANNER}\n250 STARTTLS\n"}, "STARTTLS", "220 2.0.0 go ahead\n", "454 4.7.0 no\n"),
    "imap": ("* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready\n", {"CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\n{tag} OK done\n"},
             "STARTTLS", "{tag} OK begin TLS now\n", "{tag} BAD not now\n"),
    "pop3": ("+OK ready\n", {"CAPA": "+OK\nUSER\nSTLS\n.\n", "QUIT": "+OK bye\n"}, "STLS", "+OK begin TLS now\n", "-ERR not now\n"),
    "ftp": ("220 ready\n", {"FEAT": "211-Features:\n AUTH TLS\n211 End\n"}, "AUTH TLS", "234 AUTH TLS successful\n", "534 not now\n"),
    "nntp": ("200 news.example.test ready\n", {"CAPABILITIES": "101 Capability list:\nVERSION 2\nSTARTTLS\nREADER\n.\n"}, "STARTTLS",
             "382 continue with TLS\n", "580 not now\n"),
    "irc": ("", {}, "STARTTLS", ":irc.example.test 670 * :STARTTLS successful, go ahead\n", ":irc.example.test 691 * :STARTTLS failed\n"),
    "sieve": ("\"IMPLEMENTATION\" \"spoken\"\n\"SASL\" \"\"\n\"STARTTLS\"\n\"VERSION\" \"1.0\"\nOK \"ready\"\n", {}, "STARTTLS", "OK \"begin TLS now\"\n",
              "NO \"not now\"\n"),
}


class Hangup(Exception):
    pass


def read(connection, n):
    data = b""
    while len(data) < n:
        more = connection.recv(n - len(data))
        if not more:
            raise Hangup
        data += more
    return data


def read_to(connection, end):
    data = b""
    while not data.endswith(end):
        data += read(connection, 1)
    return data


def say(connection, text, **values):
    connection.sendall(text.format(**values).replace("\n", "\r\n").encode())


def answer_tls(connection, habit, grant, refusal, **values):
    """True where TLS begins."""
    if habit == "close":
        raise Hangup
    say(connection, refusal if habit == "refuse" else grant, **values)
    return habit != "refuse"


def speak_lines(connection, protocol, habit):
    greeting, answers, request, grant, refusal = LINES[protocol]
    say(connection, greeting)
    while True:
        line = read_to(connection, b"\n").decode(errors="replace").strip()
        tag, command = line.split(" ", 1) if protocol == "imap" else ("", line)
        if command.upper().startswith(request):
            if answer_tls(connection, habit, grant, refusal, tag=tag):
                return
            continue
        known = [text for word, text in answers.items() if command.upper().startswith(word)]
        text = known[0] if known else "500 what?\n"
        if habit in ("mangled", "plain"):
            text = text.replace("STARTTLS", "XXXXXXXA" if habit == "mangled" else "HELP")
        say(connection, text, tag=tag)


def speak_xmpp(connection, habit):
    read_to(connection, b"version='1.0'>")
    connection.sendall(f"{STREAM}<stream:features><starttls {TLS_NS}><required/></starttls></stream:features>".encode())
    read_to(connection, b"/>")
    if not answer_tls(connection, habit, f"<proceed {TLS_NS}/>", f"<failure {TLS_NS}/></stream:stream>"):
        raise Hangup


def speak_ldap(connection, habit):
    """RFC 4511 section 4.14.2: an extended response, success or unavailable."""
    request = read(connection, 2)
    message = read(connection, request[1])
    number = message[2:3]
    connection.sendall(b"\x30\x0c\x02\x01" + number + b"\x78\x07\x0a\x01" + (b"\x34" if habit == "refuse" else b"\0") + b"\4\0\4\0")
    if habit == "refuse":
        read(connection, 1)


def speak_http_proxy(connection, habit):
    request = read_to(connection, b"\r\n\r\n")
    assert request.startswith(b"CONNECT "), request
    if habit == "refuse":
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        raise Hangup
    connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")


def speak_http_upgrade(connection, habit):
    request = read_to(connection, b"\r\n\r\n")
    assert re.search(rb"Upgrade: TLS/1", request), request
    if habit == "refuse":
        connection.sendall(b"HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n")
        raise Hangup
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: Upgrade\r\n\r\n")


def speak_socks(connection, habit):
    """The version that the client speaks; the tunnel ends here."""
    if read(connection, 1) == b"\4":
        far = read(connection, 7)[3:]
        read_to(connection, b"\0")
        if far[:3] == b"\0\0\0":
            read_to(connection, b"\0")
        connection.sendall(b"\0\x5a" + bytes(6) if habit != "refuse" else b"\0\x5b" + bytes(6))
    else:
        read(connection, read(connection, 1)[0])
        connection.sendall(b"\5\0")
        kind = read(connection, 4)[3]
        read(connection, {1: 4, 4: 16}.get(kind) or read(connection, 1)[0])
        read(connection, 2)
        connection.sendall((b"\5\0" if habit != "refuse" else b"\5\2") + b"\0\1" + bytes(6))
    if habit == "refuse":
        raise Hangup


def speak_proxied(connection, habit):
    """The header of the PROXY protocol, either version, and nothing else before TLS."""
    if read(connection, 1) == b"P":
        read_to(connection, b"\r\n")
    else:
        read(connection, 13)
        read(connection, int.from_bytes(read(connection, 2), "big"))


def speak_proxied_smtp(connection, habit):
    speak_proxied(connection, habit)
    speak_lines(connection, "smtp", habit)


OTHERS = {"xmpp": speak_xmpp, "ldap": speak_ldap, "http-proxy": speak_http_proxy, "http-upgrade": speak_http_upgrade, "socks": speak_socks,
          "proxied": speak_proxied, "proxied-smtp": speak_proxied_smtp}


def echo(connection, context):
    with context.wrap_socket(connection, server_side=True) as tls:
        while True:
            data = tls.recv(4096)
            if not data:
                return
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n" if data.startswith((b"GET ", b"OPTIONS ")) else data[::-1])


def serve(protocol, port, context, habit):
    listener = socket.create_server(("0.0.0.0", port))
    while True:
        connection, _ = listener.accept()
        try:
            with connection:
                if protocol in LINES:
                    speak_lines(connection, protocol, habit)
                else:
                    OTHERS[protocol](connection, habit)
                echo(connection, context)
        except (Hangup, OSError) as why:
            print(repr(why), flush=True)


def main():
    protocol, port, cert, key = sys.argv[1:5]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    serve(protocol, int(port), context, sys.argv[5] if len(sys.argv) > 5 else "grant")


main()
