"""QUIC: ngtcp2, OpenSSL 3.5, nginx, curl and Chromium."""

import sys

from lab import NAME
from quic import (nginx_seen, ngtcp2_client, ngtcp2_server, quic_chromium, quic_curl, quic_nginx, quic_s_client,
                  quic_seen)
from registry import Attempts, scenario
from scenarios.failures import RUDE
from scenarios.certificates import stranger_authority


@scenario("ngtcp2 both sides: QUIC version 1, with key log")
def quic_ngtcp2(lab):
    ngtcp2_server(lab)
    lab.record(filter="udp")
    ngtcp2_client(lab)
    return [quic_seen(quic_retry=0)]


@scenario("ngtcp2 both sides, captured with -s 300: the client's first packet goes on beyond that")
def quic_snapped(lab):
    ngtcp2_server(lab)
    lab.record("-s", "300", filter="udp")
    ngtcp2_client(lab)
    return [{"transport": "quic", "reassembly": "gap,truncated", "version": "TLS 1.3", "quic_version": "v1"}]


@scenario("ngtcp2 both sides: QUIC version 2 (RFC 9369), with key log")
def quic_v2(lab):
    ngtcp2_server(lab)
    lab.record(filter="udp")
    ngtcp2_client(lab, "--version=v2", "--preferred-versions=v2", "--available-versions=v2,v1")
    return [quic_seen(version="v2", quic_retry=0)]


@scenario("compatible version negotiation (RFC 9368): the client begins with version 1, the server goes on in version 2")
def quic_v1_to_v2(lab):
    ngtcp2_server(lab, "--preferred-versions=v2,v1")
    lab.record(filter="udp")
    ngtcp2_client(lab, "--version=v1", "--preferred-versions=v2,v1", "--available-versions=v2,v1")
    return [quic_seen(version="v2", quic_retry=0)]


@scenario("the client begins with a version that nobody speaks; a Version Negotiation leads it to version 1, from another port")
def quic_version_negotiation(lab):
    ngtcp2_server(lab)
    lab.record(filter="udp")
    ngtcp2_client(lab, "--version=0x1a2a3a4a", "--preferred-versions=v1")
    return [quic_seen(quic_retry=0)]


@scenario("the server wants the client's address proved: Retry")
def quic_retry(lab):
    ngtcp2_server(lab, "--validate-addr")
    lab.record(filter="udp")
    ngtcp2_client(lab)
    return [quic_seen(quic_retry=1)]


@scenario("a HelloRetryRequest inside QUIC: the client's key share is x25519, the server takes secp384r1")
def quic_hello_retry(lab):
    ngtcp2_server(lab, "--groups=-GROUP-ALL:+GROUP-SECP384R1")
    lab.record(filter="udp")
    ngtcp2_client(lab)
    return [quic_seen(hello_retry=1, named_group="secp384r1")]


@scenario("a full handshake, then one resumed with 0-RTT packets")
def quic_early_data(lab):
    ngtcp2_server(lab)
    kept = [f"--session-file={lab.work}/session", f"--tp-file={lab.work}/parameters"]
    lab.record(filter="udp")
    ngtcp2_client(lab, *kept, "--wait-for-ticket")
    ngtcp2_client(lab, *kept)
    return [quic_seen(early_data="none"), quic_seen(resumption="psk", early_data="offered", hidden={"early_data": "accepted"})]


@scenario("the server wants a client certificate, and the client has none")
def quic_client_auth(lab):
    ngtcp2_server(lab, "--verify-client")
    lab.record(filter="udp")
    ngtcp2_client(lab)
    return [{"transport": "quic", "version": "TLS 1.3", "quic_version": "v1", "outcome": "failed", "ended_by": "server",
             "alert": "certificate_required", "alert_from": "server"}]


@scenario("a client, written by hand, of a version that nobody knows; nginx offers version 1 and never hears of it again: no hello, an attempt")
def quic_version_mismatch(lab):
    quic_nginx(lab)
    lab.record(filter="udp")
    result = lab.client(sys.executable, RUDE, "client-quic-unknown", hold=0)
    assert result.has("list of versions: 00000001"), result.text
    return Attempts("quic-version-mismatch")


@scenario("curl with OpenSSL 3.5 to nginx: X25519MLKEM768, a ClientHello of two datagrams")
def quic_mlkem(lab):
    server = quic_nginx(lab)
    lab.record(filter="udp")
    quic_curl(lab)
    return [nginx_seen(server, quic_retry=0)]


@scenario("curl with OpenSSL 3.5 to nginx, which asks for a Retry")
def quic_nginx_retry(lab):
    server = quic_nginx(lab, "quic_retry on")
    lab.record(filter="udp")
    quic_curl(lab)
    return [nginx_seen(server, quic_retry=1)]


@scenario("no ALPN in common: CONNECTION_CLOSE for no_application_protocol")
def quic_no_common_alpn(lab):
    quic_nginx(lab)
    lab.record(filter="udp")
    quic_s_client(lab, alpn="nonsense")
    return [{"transport": "quic", "outcome": "failed", "ended_by": "server", "alert": "no_application_protocol",
             "alert_from": "server", "alert_level": "fatal", "quic_version": "v1"}]


@scenario("curl with OpenSSL 3.5 does not trust the chain: CONNECTION_CLOSE in a Handshake packet")
def quic_certificate_untrusted(lab):
    stranger_authority(lab)
    quic_nginx(lab, cert="under_stranger", chain="stranger_intermediate")
    lab.record(filter="udp")
    result = quic_curl(lab)
    assert result.has("certificate"), result.text
    # Some of its closes come in an Initial packet too, which anyone can read; this one need not.
    return [{"transport": "quic", "server_name": NAME, "version": "TLS 1.3", "quic_version": "v1",
             "hidden": {"outcome": "failed", "ended_by": "client", "alert": "unknown_ca", "alert_from": "client"}}]


@scenario("nobody listens: the client's Initial packets stay without an answer")
def quic_silent(lab):
    lab.lose_answers()
    quic_nginx(lab)
    lab.record(filter="udp")
    quic_curl(lab, "--connect-timeout", "2")
    return [{"transport": "quic", "outcome": "open", "quic_version": "v1", "version": None}]


@scenario("Chromium to nginx: ECH grease, ClientHello in pieces out of order")
def quic_chromium_nginx(lab):
    server = quic_nginx(lab)
    lab.record(filter="udp")
    quic_chromium(lab)
    return [nginx_seen(server, quic_retry=0)]
