"""TLS 1.2."""

import threading

from openssl import OLD, s_client, s_server, seen
from registry import scenario

TLS12 = "-tls1_2"


def full(lab, suite, *options, cert="rsa", kind=None, client=(), **more):
    lab.pki.leaf(cert, kind)
    s_server(lab, TLS12, "-cipher", suite + OLD, *options, cert=cert)
    lab.record()
    return [seen(s_client(lab, TLS12, "-cipher", suite + OLD, *client), **more)]


@scenario("ECDHE-RSA, AES-GCM, ALPN h2 taken")
def tls12_ecdhe_rsa(lab):
    return full(lab, "ECDHE-RSA-AES128-GCM-SHA256", "-alpn", "h2", client=["-alpn", "h2,http/1.1"],
                key_exchange="ECDHE", forward_secrecy=1, client_auth="none", no_findings=[
                    "no-forward-secrecy", "weak-cipher", "weak-group", "weak-key", "weak-signature", "deprecated-version",
                    "hostname-mismatch", "issuer-untrusted", "chain-incomplete", "expires-soon", "validity-too-long",
                    "sni-missing", "insecure-renegotiation", "downgrade-sentinel"])


@scenario("ECDHE-ECDSA on P-384 with a P-384 certificate")
def tls12_ecdhe_ecdsa(lab):
    return full(lab, "ECDHE-ECDSA-AES256-GCM-SHA384", "-groups", "P-384", cert="ec384", client=["-groups", "P-384"],
                key_exchange="ECDHE")


@scenario("ECDHE-RSA with ChaCha20-Poly1305, x448")
def tls12_chacha20_x448(lab):
    return full(lab, "ECDHE-RSA-CHACHA20-POLY1305", "-groups", "X448", client=["-groups", "X448"], key_exchange="ECDHE")


@scenario("DHE-RSA, 2048 bits of a named prime (RFC 7919)")
def tls12_dhe_rsa(lab):
    return full(lab, "DHE-RSA-AES256-GCM-SHA384", key_exchange="DHE", forward_secrecy=1, no_findings=["weak-group"])


@scenario("DHE-RSA with a prime of 1024 bits")
def tls12_dhe_1024(lab):
    parameters = lab.file("dh.pem", DH_1024)
    return full(lab, "DHE-RSA-AES128-SHA", "-dhparam", parameters, key_exchange="DHE", findings=["weak-group"])


@scenario("RSA key exchange: no forward secrecy")
def tls12_static_rsa(lab):
    return full(lab, "AES128-GCM-SHA256", key_exchange="RSA", forward_secrecy=0, findings=["no-forward-secrecy"])


@scenario("AES-CBC with encrypt-then-MAC")
def tls12_encrypt_then_mac(lab):
    return full(lab, "ECDHE-RSA-AES128-SHA256", encrypt_then_mac=1)


@scenario("AES-CBC, the client not offering encrypt-then-MAC")
def tls12_mac_then_encrypt(lab):
    return full(lab, "ECDHE-RSA-AES128-SHA", client=["-no_etm"], encrypt_then_mac=0)


@scenario("AES-CCM-8")
def tls12_ccm8(lab):
    return full(lab, "ECDHE-ECDSA-AES128-CCM8", cert="ec")


@scenario("Camellia and ARIA: a suite with an odd name")
def tls12_aria(lab):
    return full(lab, "ECDHE-ARIA128-GCM-SHA256")


@scenario("a suite without encryption: TLS_RSA_WITH_NULL_SHA256")
def tls12_null_cipher(lab):
    return full(lab, "NULL-SHA256", key_exchange="RSA", forward_secrecy=0, findings=["null-cipher"])


@scenario("without extended master secret, by the client's configuration")
def tls12_no_extended_master_secret(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record()
    configuration = lab.file("no-ems.cnf", "openssl_conf = all\n[all]\nssl_conf = modules\n[modules]\n"
                             "system_default = options\n[options]\nOptions = -ExtendedMasterSecret\n")
    result = s_client(lab, TLS12, env={"OPENSSL_CONF": configuration})
    return [seen(result, extended_master_secret=0)]


@scenario("renegotiation by the client ('R'), secure: a second row of the connection, encrypted")
def tls12_renegotiation(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12, "-client_renegotiation", rev=False)
    lab.record()
    result = s_client(lab, TLS12, say=[b"hello\n", b"R\n", b"again\n"])
    assert result.has("RENEGOTIATING"), result.text
    return [seen(result, secure_renegotiation=1), {"server_name": None, "hidden": {
        "server_name": "example.test", "version": "TLS 1.2", "server_certificates": 2}}]


@scenario("the server asks for renegotiation, the client will not (no_renegotiation), and the server ends the session for it")
def tls12_renegotiation_declined(lab):
    lab.pki.leaf("rsa")
    server = s_server(lab, "-tls1_2", rev=False)
    lab.record()
    threading.Timer(0.9, lambda: server.say(b"r\n")).start()
    result = s_client(lab, "-tls1_2", "-no_renegotiation", say=[b"hello\n", b"again\n"], hold=0.6)
    assert server.has("no renegotiation|handshake failure|NO_RENEGOTIATION"), server.text()
    return [seen(result, ended_by=None, cause=None)]


@scenario("the server asks for renegotiation with a HelloRequest")
def tls12_hello_request(lab):
    lab.pki.leaf("rsa")
    server = s_server(lab, TLS12, rev=False)
    lab.record()
    threading.Timer(0.6, lambda: server.say(b"r\n")).start()
    result = s_client(lab, TLS12, say=[b"hello\n", b"again\n", b"more\n"])
    assert result.has(r"RENEGOTIATING|read R BLOCK|hello") and server.has("RENEGOT|SSL_do_handshake"), server.text()
    return [seen(result, secure_renegotiation=1), {"server_name": None, "hidden": {"server_name": "example.test"}}]


@scenario("anonymous Diffie-Hellman: no certificate")
def tls12_anonymous_dh(lab):
    suite = "ADH-AES128-GCM-SHA256" + OLD
    s_server(lab, TLS12, "-cipher", suite, cert=None)
    lab.record()
    return [seen(s_client(lab, TLS12, "-cipher", suite), key_exchange="anonymous", server_certificates=0)]


@scenario("anonymous ECDH: no certificate")
def tls12_anonymous_ecdh(lab):
    suite = "AECDH-AES128-SHA" + OLD
    s_server(lab, TLS12, "-cipher", suite, cert=None)
    lab.record()
    return [seen(s_client(lab, TLS12, "-cipher", suite), key_exchange="anonymous", server_certificates=0)]


def with_psk(lab, suite, **more):
    key = ["-psk", "0123456789abcdef0123456789abcdef", "-psk_identity", "meter 7"]
    if more["key_exchange"] == "RSA_PSK":
        lab.pki.leaf("rsa")
    certificate = "rsa" if more["key_exchange"] == "RSA_PSK" else None
    s_server(lab, TLS12, "-cipher", suite + OLD, *key, cert=certificate)
    lab.record()
    result = s_client(lab, TLS12, "-cipher", suite + OLD, *key)
    return [seen(result, **more)]


@scenario("external PSK")
def tls12_psk(lab):
    return with_psk(lab, "PSK-AES128-GCM-SHA256", key_exchange="PSK", forward_secrecy=0, server_certificates=0)


@scenario("external PSK with ECDHE")
def tls12_ecdhe_psk(lab):
    return with_psk(lab, "ECDHE-PSK-CHACHA20-POLY1305", key_exchange="ECDHE_PSK", forward_secrecy=1,
                    server_certificates=0)


@scenario("external PSK with DHE")
def tls12_dhe_psk(lab):
    return with_psk(lab, "DHE-PSK-AES128-GCM-SHA256", key_exchange="DHE_PSK", server_certificates=0)


@scenario("external PSK with RSA")
def tls12_rsa_psk(lab):
    return with_psk(lab, "RSA-PSK-AES128-GCM-SHA256", key_exchange="RSA_PSK", server_certificates=2)


@scenario("ALPN offered, the server does not do ALPN: none is chosen")
def tls12_alpn_ignored(lab):
    return full(lab, "ECDHE-RSA-AES128-GCM-SHA256", client=["-alpn", "h2,http/1.1"], alpn=None)


@scenario("the TLS 1.2 client meets a server that could do TLS 1.3: its random ends in a downgrade sentinel")
def tls12_downgrade_sentinel(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    lab.record()
    return [seen(s_client(lab, TLS12), no_findings=["downgrade-sentinel"])]


DH_1024 = """-----BEGIN DH PARAMETERS-----
MIGHAoGBANw4W9geltawdwuwI3Lns0AGfnfImVE5u3xuuaJ4KdLVLtbY+2lARKb0
Nca4pUTWL8DqcmnbBc+fs2IUwwA7dAk+uEDXV2m996KiCeNm0AHyCR0xeFYG1tl8
lvaDFMYYeZ+Y8EhVI1eWH31geRjGujDN55RUA6gwTKhh0CZRTTJHAgEC
-----END DH PARAMETERS-----
"""
