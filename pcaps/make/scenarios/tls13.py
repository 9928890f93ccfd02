"""TLS 1.3."""

from lab import SERVER6
from openssl import s_client, s_server, seen
from registry import scenario


@scenario("OpenSSL 3.0 both sides: a full TLS 1.3 handshake, data, close_notify by the client")
def tls13_openssl(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-alpn", "h2,http/1.1")
    lab.record()
    result = s_client(lab, "-alpn", "h2,http/1.1")
    return [seen(result)]


@scenario("the same with the secrets inside the pcapng file", container="pcapng")
def tls13_secrets_inside(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-alpn", "h2,http/1.1")
    lab.record()
    return [seen(s_client(lab, "-alpn", "h2"))]


@scenario("HelloRetryRequest: the client's key share is x25519, the server takes secp384r1 only")
def tls13_hello_retry(lab):
    lab.pki.leaf("ec")
    s_server(lab, "-groups", "P-384", cert="ec")
    lab.record()
    return [seen(s_client(lab, "-groups", "X25519:P-384"), hello_retry=1)]


@scenario("IPv6")
def tls13_ipv6(lab):
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    result = s_client(lab, address=f"[{SERVER6}]")
    return [seen(result, client_ip="2001:db8::1", server_ip="2001:db8::2")]


@scenario("a port that is not known for TLS, no SNI, ChaCha20-Poly1305, Ed25519 certificate")
def tls13_odd_port_no_sni(lab):
    lab.pki.leaf("ed25519")
    s_server(lab, "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", cert="ed25519", port=12345)
    lab.record()
    return [seen(s_client(lab, sni=None, port=12345), sni=None, server_port=12345)]


@scenario("TLS_AES_128_CCM_8_SHA256: the Finished is 45 bytes")
def tls13_ccm8(lab):
    lab.pki.leaf("ec")
    suite = ["-ciphersuites", "TLS_AES_128_CCM_8_SHA256"]
    s_server(lab, *suite, "-cipher", "DEFAULT:@SECLEVEL=0", cert="ec")
    lab.record()
    return [seen(s_client(lab, *suite, "-cipher", "DEFAULT:@SECLEVEL=0"))]


@scenario("ffdhe2048 as the group")
def tls13_ffdhe(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-groups", "ffdhe2048")
    lab.record()
    return [seen(s_client(lab, "-groups", "ffdhe2048"), named_group="ffdhe2048")]


@scenario("the client sends KeyUpdate after the handshake, then data")
def tls13_key_update(lab):
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    return [seen(s_client(lab, say=[b"K\n", b"hello\n"]))]


@scenario("no middlebox compatibility: empty session id, no ChangeCipherSpec")
def tls13_no_compat(lab):
    lab.pki.leaf("ec")
    s_server(lab, "-no_middlebox", cert="ec")
    lab.record()
    return [seen(s_client(lab, "-no_middlebox"), session_id=None)]
