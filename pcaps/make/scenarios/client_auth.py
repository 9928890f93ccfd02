"""Client certificates."""

import threading

from openssl import failed, s_client, s_server, seen
from registry import scenario
from stacks import gnutls_server, java_client, java_seen, java_server


def asking(lab, *options, client=(), version="-tls1_2", how="-verify", **settings):
    lab.pki.leaf("rsa")
    server = s_server(lab, version, how, "3", "-CAfile", lab.pki.root, *options)
    lab.record()
    return s_client(lab, version, *client, **settings), server


def identity(lab, name="client"):
    return ["-cert", lab.pki.cert(name), "-key", lab.pki.key(name), "-cert_chain", lab.pki.chain("intermediate")]


@scenario("TLS 1.2: a client certificate is asked for and declined, which the server accepts")
def client_auth_declined(lab):
    result, _ = asking(lab)
    return [seen(result, client_auth="declined", client_certificates=0)]


@scenario("TLS 1.2: a client certificate is asked for and given")
def client_auth_provided(lab):
    lab.pki.client()
    result, _ = asking(lab, client=identity(lab))
    return [seen(result, client_auth="provided", client_certificates=2)]


@scenario("TLS 1.2: the client certificate is required and the client has none: handshake_failure")
def client_auth_missing(lab):
    result, _ = asking(lab, how="-Verify")
    assert result.has("handshake failure"), result.text
    return [failed("server", "client-certificate-missing", version="TLS 1.2", client_auth="declined",
                   alert="handshake_failure", alert_from="server", client_certificates=0, server_certificates=2)]


@scenario("TLS 1.2: the client's certificate is of a CA that the server does not know: unknown_ca")
def client_auth_unknown_ca(lab):
    lab.pki.leaf("stranger", issuer="self", usage="clientAuth", common_name="a stranger", san="")
    result, _ = asking(lab, "-verify_return_error", how="-Verify",
                       client=["-cert", lab.pki.cert("stranger"), "-key", lab.pki.key("stranger")])
    assert result.has("unknown ca"), result.text
    return [failed("server", "client-certificate-rejected", version="TLS 1.2", client_auth="rejected",
                   alert="unknown_ca", alert_from="server", client_certificates=1, server_certificates=2)]


@scenario("TLS 1.2: the client's certificate has expired: certificate_expired")
def client_auth_expired(lab):
    lab.pki.client("client_expired", first=-100, last=-2)
    result, _ = asking(lab, "-verify_return_error", how="-Verify", client=identity(lab, "client_expired"))
    assert result.has("certificate expired"), result.text
    return [failed("server", "client-certificate-rejected", version="TLS 1.2", client_auth="rejected",
                   alert="certificate_expired", alert_from="server", client_certificates=2, server_certificates=2)]


@scenario("TLS 1.3 with key log: a client certificate is asked for and given")
def client_auth_tls13_provided(lab):
    lab.pki.client()
    result, _ = asking(lab, client=identity(lab), version="-tls1_3")
    return [seen(result, hidden={"client_auth": "provided", "client_certificates": 2})]


@scenario("TLS 1.3 with key log: a client certificate is asked for and declined")
def client_auth_tls13_declined(lab):
    result, _ = asking(lab, version="-tls1_3")
    return [seen(result, hidden={"client_auth": "declined", "client_certificates": 0})]


@scenario("TLS 1.3 with key log: the client certificate is required and missing: certificate_required")
def client_auth_tls13_missing(lab):
    result, _ = asking(lab, version="-tls1_3", how="-Verify")
    assert result.has("certificate required"), result.text
    return [failed("server", None, version="TLS 1.3", hidden={
        "cause": "client-certificate-missing", "client_auth": "declined", "alert": "certificate_required",
        "alert_from": "server"}) | {"stage": "finished"}]


@scenario("TLS 1.3 with key log: the client's certificate is of a CA that the server does not know")
def client_auth_tls13_unknown_ca(lab):
    lab.pki.leaf("stranger", issuer="self", usage="clientAuth", common_name="a stranger", san="")
    result, _ = asking(lab, "-verify_return_error", version="-tls1_3", how="-Verify",
                       client=["-cert", lab.pki.cert("stranger"), "-key", lab.pki.key("stranger")])
    assert result.has("unknown ca"), result.text
    return [failed("server", None, version="TLS 1.3", hidden={
        "cause": "client-certificate-rejected", "client_auth": "rejected", "alert": "unknown_ca",
        "alert_from": "server"}) | {"stage": "finished"}]


@scenario("TLS 1.2, Java server: the client certificate is required and missing: bad_certificate")
def client_auth_java_missing(lab):
    server = java_server(lab, protocols="TLSv1.2", extra=["need"])
    lab.record()
    java_client(lab, protocols="TLSv1.2")
    assert server.has("(?i)empty client certificate chain"), server.text()
    return [failed("server", "client-certificate-missing", version="TLS 1.2", client_auth="declined",
                   alert="bad_certificate", alert_from="server")]


@scenario("TLS 1.2, GnuTLS server: the client certificate is required and missing, which it calls decode_error")
def client_auth_gnutls_missing(lab):
    server = gnutls_server(lab, "--x509cafile", lab.pki.root, "--require-client-cert", priority="NORMAL:-VERS-ALL:+VERS-TLS1.2")
    lab.record()
    s_client(lab, "-tls1_2")
    assert server.has("No certificate was found"), server.text()
    return [failed("server", "client-certificate-missing", version="TLS 1.2", client_auth="declined", alert="decode_error",
                   alert_from="server", client_certificates=0)]


@scenario("TLS 1.2, Java both sides: a client certificate given, with the names of the CAs asked for")
def client_auth_java_provided(lab):
    lab.pki.client("client_rsa", kind="rsa")
    java_server(lab, protocols="TLSv1.2", extra=["want"])
    lab.record()
    result = java_client(lab, protocols="TLSv1.2", identity="client_rsa")
    return [java_seen(result, client_auth="provided", client_certificates=2)]


@scenario("TLS 1.2: asked for in a renegotiation, inside the encryption")
def client_auth_renegotiation(lab):
    lab.pki.client()
    lab.pki.leaf("rsa")
    server = s_server(lab, "-tls1_2", "-CAfile", lab.pki.root, "-no_resumption_on_reneg", rev=False)
    lab.record()
    typed = [b"hello\n", b"again\n", b"more\n"]
    threading.Timer(0.6, lambda: server.say(b"R\n")).start()
    result = s_client(lab, "-tls1_2", *identity(lab), say=typed)
    assert server.has("depth=0 CN ?= ?a client"), server.text()
    return [seen(result, secure_renegotiation=1), {"server_name": None, "hidden": {
        "server_name": "example.test", "client_auth": "provided", "client_certificates": 2}}]
