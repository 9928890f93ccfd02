"""Names looked up before the handshake: a name server that answers after a known time."""

import contextlib
import json
import os
import shutil

from lab import NAME, SERVER, SERVER6
from openssl import s_client, s_server, seen
from registry import scenario
from stacks import nss_client, nss_server, nss_seen

RESOLVER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "resolver.py")
DELAY_MS, SLACK_MS = 40, 15


@contextlib.contextmanager
def resolving(lab, records, options=""):
    """The client asks our name server. `options` are those of resolv.conf(5)."""
    lab.server("/usr/bin/python3", RESOLVER, SERVER, str(DELAY_MS), json.dumps(records), port=53)
    # ip-netns(8) lays these over /etc.
    place = os.path.join("/etc/netns", lab.spaces["client"])
    os.makedirs(place)
    try:
        with open(os.path.join(place, "resolv.conf"), "w") as f:
            f.write(f"nameserver {SERVER}\n" + (f"options {options}\n" if options else ""))
        lab.record(filter="tcp or udp")
        yield
    finally:
        shutil.rmtree(place)


def looked_up(row, name=NAME):
    return {**row, "dns_name": name, "between": {"dns_ms": [DELAY_MS, DELAY_MS + SLACK_MS]}}


@scenario("the address of a name, looked up over UDP: the answer takes 40 ms")
def dns_address(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    with resolving(lab, {NAME: [["A", SERVER]]}):
        return [looked_up(seen(s_client(lab, "-4", address=NAME)))]


@scenario("an IPv6 address of a name")
def dns_address_ipv6(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    with resolving(lab, {NAME: [["A", SERVER], ["AAAA", SERVER6]]}):
        return [looked_up(seen(s_client(lab, "-6", address=NAME), server_ip=SERVER6))]


@scenario("a name that is an alias of an alias: the client asked for the first")
def dns_alias(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    records = {NAME: [["CNAME", "edge.example.test"]], "edge.example.test": [["CNAME", "pod.example.test"]],
               "pod.example.test": [["A", SERVER]]}
    with resolving(lab, records):
        return [looked_up(seen(s_client(lab, "-4", address=NAME)))]


@scenario("the address of a name, looked up over TCP")
def dns_over_tcp(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    with resolving(lab, {NAME: [["A", SERVER]]}, options="use-vc"):
        return [looked_up(seen(s_client(lab, "-4", address=NAME)))]


@scenario("no SNI: the name that was looked up tells where the client wanted to go")
def dns_without_sni(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    with resolving(lab, {NAME: [["A", SERVER]]}):
        return [looked_up(seen(s_client(lab, "-4", address=NAME, sni=None), sni=None))]


@scenario("two names at one address: each connection has the one that was looked up last")
def dns_two_names(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    with resolving(lab, {NAME: [["A", SERVER]], "www.example.test": [["A", SERVER]]}):
        return [looked_up(seen(s_client(lab, "-4", address=NAME))),
                looked_up(seen(s_client(lab, "-4", address="www.example.test")), "www.example.test")]


@scenario("NSS sends GREASE as ECH: the name in its hello is the one that it looked up")
def dns_ech_grease(lab):
    nss_server(lab, versions="tls1.3:tls1.3")
    with resolving(lab, {NAME: [["A", SERVER]]}):
        return [looked_up(nss_seen(nss_client(lab, "-i", "100", "-4", "-h", NAME, versions="tls1.3:tls1.3"), ech="grease"))]
