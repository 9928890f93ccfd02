"""Other stacks: GnuTLS, NSS, Java, Chromium, nginx, curl, stunnel, haproxy."""

import re

from lab import NAME, SERVER
from node import node_client, node_seen, node_server
from openssl import OLD, finish, iana_name, s_client, s_server, seen
from registry import scenario
from stacks import (chromium, gnutls_client, gnutls_seen, gnutls_server, java_client, java_seen, java_server, nginx,
                    nss_client, nss_seen, nss_server)


@scenario("GnuTLS both sides, TLS 1.3")
def gnutls_tls13(lab):
    gnutls_server(lab)
    lab.record()
    return [gnutls_seen(gnutls_client(lab))]


@scenario("GnuTLS both sides, TLS 1.2")
def gnutls_tls12(lab):
    gnutls_server(lab, priority="NORMAL:-VERS-ALL:+VERS-TLS1.2")
    lab.record()
    return [gnutls_seen(gnutls_client(lab), server_certificates=2)]


@scenario("GnuTLS client, OpenSSL server")
def gnutls_to_openssl(lab):
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    return [gnutls_seen(gnutls_client(lab))]


@scenario("GnuTLS: TLS 1.3, then resumed by PSK")
def gnutls_resume(lab):
    gnutls_server(lab)
    lab.record()
    result = gnutls_client(lab, "--resume", "--waitresumption")
    assert result.has("This is a resumed session"), result.text
    return [gnutls_seen(result), gnutls_seen(result, number=-1, resumption="psk")]


@scenario("GnuTLS: external PSK in TLS 1.3 with psk_ke: no key share, no forward secrecy")
def gnutls_psk_ke(lab):
    secrets = lab.file("psk.txt", "meter:0123456789abcdef0123456789abcdef\n")
    priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK"
    gnutls_server(lab, "--pskpasswd", secrets, cert=None, priority=priority)
    lab.record()
    result = gnutls_client(lab, "--pskusername", "meter", "--pskkey", "0123456789abcdef0123456789abcdef",
                           priority=priority)
    row = gnutls_seen(result, resumption="none", key_exchange="PSK", forward_secrecy=0, named_group=None)
    row.pop("server_certificates", None)
    return [row]


@scenario("GnuTLS offers and accepts heartbeat in TLS 1.2; nobody sends one")
def gnutls_heartbeat(lab):
    gnutls_server(lab, "--heartbeat", priority="NORMAL:-VERS-ALL:+VERS-TLS1.2")
    lab.record()
    return [gnutls_seen(gnutls_client(lab, "--heartbeat"), server_certificates=2)]


@scenario("GnuTLS: a client certificate asked for after the TLS 1.3 handshake")
def gnutls_post_handshake_auth(lab):
    lab.pki.client()
    gnutls_server(lab, "--x509cafile", lab.pki.root)
    lab.record()
    result = gnutls_client(lab, "--post-handshake-auth", "--x509certfile", lab.pki.chain("client", "intermediate"),
                           "--x509keyfile", lab.pki.key("client"), say=[b"**REAUTH**\n", b"hello\n"])
    return [gnutls_seen(result)]


@scenario("NSS both sides (tstclnt, selfserv), TLS 1.3")
def nss_tls13(lab):
    nss_server(lab)
    lab.record()
    return [nss_seen(nss_client(lab))]


@scenario("NSS both sides, TLS 1.2; the server sends the root too")
def nss_tls12(lab):
    nss_server(lab, versions="tls1.2:tls1.2")
    lab.record()
    return [nss_seen(nss_client(lab), server_certificates=3)]


@scenario("NSS client, OpenSSL server")
def nss_to_openssl(lab):
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    return [nss_seen(nss_client(lab))]


@scenario("OpenSSL client, NSS server")
def openssl_to_nss(lab):
    nss_server(lab)
    lab.record()
    return [seen(s_client(lab, say=b"GET / HTTP/1.0\r\n\r\n"))]


@scenario("NSS sends an ECH that is only grease")
def nss_ech_grease(lab):
    nss_server(lab, versions="tls1.3:tls1.3")
    lab.record()
    return [nss_seen(nss_client(lab, "-i", "100", versions="tls1.3:tls1.3"))]


PUBLIC_NAME = "public.example.test"


def go_ech_server(lab, *group, port=443):
    """A server with a key of its own for ECH, and the configuration that it says to publish."""
    assert lab.tools["ech"], "give --ech"
    lab.pki.leaf("fronted", "rsa", san=f"DNS:{NAME},DNS:{PUBLIC_NAME}")
    server = lab.server(lab.tools["ech"], "server", str(port), lab.pki.chain("fronted", "intermediate"), lab.pki.key("fronted"),
                        PUBLIC_NAME, *group, port=port)
    return server, server.find(r"^list (\S+)")


def go_ech_client(lab, configuration):
    return lab.client(lab.tools["ech"], "client", f"{SERVER}:443", NAME, lab.pki.root, lab.keylog, configuration, hold=0)


def add_ech_secrets(lab, server):
    """What Go does not write into its key log."""
    with open(lab.keylog, "a") as log:
        log.writelines(line + "\n" for line in re.findall(r"(?m)^ECH_.*$", server.text()))


def ech_taken(lab, *group, **more):
    server, configuration = go_ech_server(lab, *group)
    lab.record()
    result = go_ech_client(lab, configuration)
    assert server.has(f"name {NAME} ech true") and result.has("ech true"), result.text
    add_ech_secrets(lab, server)
    return [finish({"server_name": PUBLIC_NAME, "outcome": "completed", "version": "TLS 1.3", "cipher": result.find(r"^cipher (\S+)"),
                    "ech": "offered", "no_findings": ["ech-required", "hostname-mismatch"], **more},
                   {"ech": "accepted", "inner_server_name": NAME, "server_certificates": 2}, {})]


@scenario("Go 1.24: ECH by the configuration that the server has the key of; in the clear is the public name; with key log")
def ech_accepted(lab):
    return ech_taken(lab)


@scenario("Go 1.24: the same after a HelloRetryRequest, which the inner ClientHello is sealed anew for; with key log")
def ech_hello_retry(lab):
    return ech_taken(lab, "P-384", hello_retry=1)


@scenario("Go 1.24: ECH by a configuration whose key the server has lost: ech_required by the client, encrypted; with key log")
def ech_required(lab):
    _, stale = go_ech_server(lab, port=8443)
    go_ech_server(lab)
    lab.record()
    result = go_ech_client(lab, stale)
    assert result.has("server rejected ECH"), result.text
    # Go has sent its Finished before it refuses: without secrets the alert looks like a close_notify.
    return [{"server_name": PUBLIC_NAME, "version": "TLS 1.3", "hidden": {
        "outcome": "failed", "ended_by": "client", "cause": "ech-required", "ech": "rejected", "alert": "ech_required", "alert_from": "client"}}]


@scenario("Java 17 both sides, TLS 1.3, then resumed")
def java_tls13(lab):
    java_server(lab)
    lab.record()
    result = java_client(lab, connections=2)
    return [java_seen(result), java_seen(result, number=1, resumption="psk")]


@scenario("Java 17 both sides, TLS 1.2, then resumed")
def java_tls12(lab):
    java_server(lab, protocols="TLSv1.2")
    lab.record()
    result = java_client(lab, connections=2, protocols="TLSv1.2")
    second = java_seen(result, number=1, server_certificates=0)
    second.pop("resumption")
    return [java_seen(result), second]


@scenario("Java client, OpenSSL server")
def java_to_openssl(lab):
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    return [java_seen(java_client(lab))]


@scenario("Java sends its ClientHello in the SSL 2.0 format, OpenSSL answers with TLS 1.2")
def java_sslv2_format_hello(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-tls1_2", "-cipher", "ALL" + OLD)
    lab.record()
    return [java_seen(java_client(lab, protocols="SSLv2Hello,TLSv1.2"), sni=None, client_auth="none")]


def chromium_rows(result, lab, **more):
    """Chromium connects as often as it likes: each of its handshakes has one such line in the key log."""
    assert result.has("rel=.?icon"), result.text
    with open(lab.keylog) as keys:
        count = sum(line.startswith("CLIENT_TRAFFIC_SECRET_0 ") for line in keys)
    row = {"server_name": NAME, "outcome": "completed", "version": "TLS 1.3", "resumption": "none"}
    return [finish(dict(row), {}, {**more, "hidden": dict(more.get("hidden", {}))}) for _ in range(count)]


@scenario("Chromium to nginx: GREASE, ECH grease, X25519MLKEM768 offered in a ClientHello of two segments, x25519 chosen")
def chromium_nginx(lab):
    server = nginx(lab)
    lab.record()
    result = chromium(lab)
    said = re.findall(r"(?m)^(TLSv1\.3) (\S+) (\S+) alpn=(\S+) reused=", server.text())
    assert said, server.text()
    return chromium_rows(result, lab, cipher=said[0][1], named_group="x25519", hidden={"alpn": said[0][3]})


@scenario("Chromium to OpenSSL 3.5: X25519MLKEM768 chosen")
def chromium_mlkem(lab):
    server = node_server(lab, ALPNProtocols=["http/1.1"])
    lab.record()
    result = chromium(lab)
    said = re.search(r'"cipher":"(\S+?)"', server.text())
    assert said, server.text()
    return chromium_rows(result, lab, cipher=said[1], named_group="X25519MLKEM768", key_exchange="hybrid",
                         post_quantum=1, hidden={"alpn": "http/1.1"})


@scenario("Chromium to OpenSSL 3.5: the certificates compressed with brotli (RFC 8879)")
def chromium_compressed_brotli(lab):
    node_server(lab, certificateCompression=["brotli"])
    lab.record()
    return chromium_rows(chromium(lab), lab, hidden={"certificate_compression": "brotli", "server_certificates": 2})


def compressed(lab, algorithm):
    node_server(lab, certificateCompression=[algorithm])
    lab.record()
    said = node_client(lab, certificateCompression=[algorithm])
    return [node_seen(said[0], hidden={"certificate_compression": algorithm, "server_certificates": 2})]


@scenario("OpenSSL 3.5: the certificates compressed with zlib (RFC 8879)")
def compressed_zlib(lab):
    return compressed(lab, "zlib")


@scenario("OpenSSL 3.5: the certificates compressed with zstd (RFC 8879)")
def compressed_zstd(lab):
    return compressed(lab, "zstd")


def curl(lab, *options, host=NAME, port=443, path="/"):
    return lab.client("curl", "-sv", "--cacert", lab.pki.root, "--resolve", f"{host}:{port}:{SERVER}", *options,
                      f"https://{host}:{port}{path}", hold=0, env={"SSLKEYLOGFILE": lab.keylog})


def curl_seen(result, sni=NAME, **more):
    version, cipher = re.search(r"SSL connection using (TLSv1\.\d) / (\S+)", result.text).groups()
    version = version.replace("TLSv", "TLS ")
    alpn = result.find(r"ALPN: server accepted (\S+)")
    place = "hidden" if version == "TLS 1.3" else None
    row = {"server_name": sni, "outcome": "completed", "version": version, "cipher": iana_name(cipher),
           "resumption": "none"}
    return finish(row, {"alpn": alpn} if place else row.setdefault("alpn", alpn) and {}, more)


@scenario("curl to nginx, HTTP/2")
def curl_nginx(lab):
    nginx(lab)
    lab.record()
    return [curl_seen(curl(lab))]


@scenario("curl to nginx, TLS 1.2")
def curl_nginx_tls12(lab):
    nginx(lab, protocols="TLSv1.2")
    lab.record()
    return [curl_seen(curl(lab), server_certificates=2)]


@scenario("OpenSSL client to haproxy, TLS 1.2 from a session ticket")
def haproxy_tls12(lab):
    lab.pki.leaf("rsa")
    with open(lab.pki.key("rsa")) as key, open(lab.pki.chain("rsa", "intermediate")) as chain:
        pem = lab.file("haproxy.pem", chain.read() + key.read())
    settings = lab.file("haproxy.cfg", f"""
defaults
    mode http
    timeout client 10s
    timeout connect 10s
    timeout server 10s
frontend tls
    bind :443 ssl crt {pem} ssl-max-ver TLSv1.2 alpn http/1.1
    http-request return status 200 content-type text/plain string hello
""")
    lab.server("haproxy", "-f", settings, "-db")
    lab.record()
    saved, options = lab.work + "/session", ["-tls1_2", "-alpn", "http/1.1"]
    get = b"GET / HTTP/1.0\r\n\r\n"
    first = s_client(lab, *options, "-sess_out", saved, say=get)
    return [seen(first), seen(s_client(lab, *options, "-sess_in", saved, say=get), server_certificates=0)]


@scenario("OpenSSL client to stunnel")
def stunnel_tls13(lab):
    lab.pki.leaf("ec")
    lab.server("socat", "TCP-LISTEN:8080,fork,reuseaddr", "EXEC:cat", port=8080)
    settings = lab.file("stunnel.conf", f"""
foreground = yes
pid =
[echo]
accept = 443
connect = 127.0.0.1:8080
cert = {lab.pki.chain("ec", "intermediate")}
key = {lab.pki.key("ec")}
""")
    lab.server("stunnel4", settings)
    lab.record()
    return [seen(s_client(lab))]


@scenario("GnuTLS server without secure renegotiation (RFC 5746)")
def gnutls_insecure_renegotiation(lab):
    gnutls_server(lab, priority="NORMAL:-VERS-ALL:+VERS-TLS1.2:%DISABLE_SAFE_RENEGOTIATION")
    lab.record()
    result = s_client(lab, "-legacy_server_connect")
    assert result.has("Secure Renegotiation IS NOT supported"), result.text
    return [seen(result, secure_renegotiation=0, findings=["insecure-renegotiation"])]
