"""Handshakes that could not agree, and peers that went away."""

import os
import sys

from lab import NAME, SERVER
from node import node_client, node_server
from openssl import OLD, failed, s_client, s_server, seen
from registry import Attempts, scenario
from scenarios.certificates import stranger_authority
from stacks import chromium, gnutls_client, gnutls_server, java_client, nginx

RUDE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "rude.py")
TLS12, TLS13 = "-tls1_2", "-tls1_3"


def disagree(lab, server, client, alert, cause, *, cert="rsa", ended_by="server", says=None, **more):
    lab.pki.leaf(cert)
    s_server(lab, *server, cert=cert)
    lab.record()
    result = s_client(lab, *client)
    assert result.code != 0 and result.has(says or alert.replace("_", " ")), result.text
    return [failed(ended_by, cause, alert=alert, alert_from=ended_by, **more)]


@scenario("the client speaks TLS 1.3 only, the server TLS 1.2 only: protocol_version")
def no_common_version(lab):
    return disagree(lab, [TLS12], [TLS13], "protocol_version", "no-common-version", version=None, says="protocol version",
                    stage="client_hello")


@scenario("the client speaks TLS 1.2 only, the server TLS 1.3 only: protocol_version")
def no_common_version_old_client(lab):
    return disagree(lab, [TLS13], [TLS12], "protocol_version", "no-common-version", version=None,
                    says="protocol version", version_offered="TLS 1.2")


@scenario("the client speaks TLS 1.2 only, the server chooses TLS 1.1: the client sends protocol_version")
def no_common_version_by_client(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-tls1_1", "-cipher", "ALL" + OLD)
    lab.record()
    result = s_client(lab, TLS12)
    assert result.has("unsupported protocol|protocol version"), result.text
    return [failed("client", "no-common-version", alert="protocol_version", alert_from="client")]


@scenario("TLS 1.2: no suite in common: handshake_failure")
def no_common_cipher(lab):
    return disagree(lab, [TLS12, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"], [TLS12, "-cipher", "AES256-SHA256"],
                    "handshake_failure", "no-common-cipher", cipher=None)


@scenario("TLS 1.2: the client has suites for ECDSA only, the server has an RSA certificate: handshake_failure")
def no_common_cipher_ecdsa(lab):
    return disagree(lab, [TLS12], [TLS12, "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"], "handshake_failure",
                    "no-common-cipher", cipher=None)


@scenario("TLS 1.3: no suite in common: handshake_failure")
def no_common_cipher_tls13(lab):
    return disagree(lab, [TLS13, "-ciphersuites", "TLS_AES_128_GCM_SHA256"],
                    [TLS13, "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"], "handshake_failure", "no-common-cipher")


@scenario("TLS 1.3: no group in common: handshake_failure")
def no_common_group_tls13(lab):
    return disagree(lab, [TLS13, "-groups", "P-384"], [TLS13, "-groups", "X25519"], "handshake_failure",
                    "no-common-group")


@scenario("TLS 1.2: ECDHE suites on both sides, no curve in common: handshake_failure")
def no_common_group(lab):
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    return disagree(lab, [TLS12, "-groups", "P-384", "-cipher", suite], [TLS12, "-groups", "X25519", "-cipher", suite],
                    "handshake_failure", "no-common-group")


@scenario("TLS 1.3: the server's certificate is RSA, the client accepts ECDSA signatures only: handshake_failure")
def no_common_signature_scheme_tls13(lab):
    return disagree(lab, [TLS13], [TLS13, "-sigalgs", "ECDSA+SHA256"], "handshake_failure", "no-common-signature-scheme")


@scenario("TLS 1.2: signature schemes that do not meet: handshake_failure")
def no_common_signature_scheme(lab):
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    return disagree(lab, [TLS12, "-cipher", suite, "-sigalgs", "RSA+SHA512"],
                    [TLS12, "-cipher", suite, "-sigalgs", "RSA+SHA256"], "handshake_failure",
                    "no-common-signature-scheme")


@scenario("TLS 1.2: ALPN without a common name: no_application_protocol")
def no_common_alpn(lab):
    return disagree(lab, [TLS12, "-alpn", "h2"], [TLS12, "-alpn", "imap"], "no_application_protocol", "no-common-alpn",
                    says="no application protocol")


@scenario("TLS 1.3: ALPN without a common name: no_application_protocol")
def no_common_alpn_tls13(lab):
    return disagree(lab, ["-alpn", "h2"], ["-alpn", "imap"], "no_application_protocol", "no-common-alpn",
                    says="no application protocol")


@scenario("the server does not serve that name: unrecognized_name, fatal (GnuTLS)")
def server_name_unrecognized(lab):
    gnutls_server(lab, "--sni-hostname", "www.example.test", "--sni-hostname-fatal")
    lab.record()
    result = gnutls_client(lab)
    assert result.has("unrecognized|not recognized"), result.text
    return [failed("server", "server-name-unrecognized", alert="unrecognized_name", alert_from="server")]


@scenario("the server does not serve that name: a warning, unrecognized_name, and the handshake goes on (Java client)")
def server_name_warning(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12, "-servername", "www.example.test", "-cert2", lab.pki.cert("rsa"), "-key2", lab.pki.key("rsa"))
    lab.record()
    return [seen(s_client(lab, TLS12), alert="unrecognized_name", alert_from="server")]


@scenario("the server does not serve that name: unrecognized_name, fatal (OpenSSL)")
def server_name_fatal(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-servername", "www.example.test", "-servername_fatal", "-cert2", lab.pki.cert("rsa"), "-key2",
             lab.pki.key("rsa"))
    lab.record()
    result = s_client(lab)
    assert result.has("unrecognized name"), result.text
    return [failed("server", "server-name-unrecognized", alert="unrecognized_name", alert_from="server")]


def psk(lab, version, server_key, client_key, identity="meter 7", suite=()):
    s_server(lab, version, *suite, "-psk", server_key, "-psk_identity", "meter 7", "-nocert", cert=None)
    lab.record()
    return s_client(lab, version, *suite, "-psk", client_key, "-psk_identity", identity)


@scenario("TLS 1.2: the two keys differ: bad_record_mac")
def psk_mismatch(lab):
    result = psk(lab, TLS12, "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100",
                 suite=["-cipher", "PSK-AES128-GCM-SHA256"])
    assert result.has("bad record mac"), result.text
    return [failed("server", "psk-mismatch", version="TLS 1.2", key_exchange="PSK", alert="bad_record_mac",
                   alert_from="server")]


@scenario("TLS 1.3: the two keys differ: the server finds the binder wrong and sends illegal_parameter")
def psk_mismatch_tls13(lab):
    result = psk(lab, TLS13, "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100")
    assert result.has("illegal parameter"), result.text
    return [failed("server", "psk-mismatch", alert="illegal_parameter", alert_from="server")]


@scenario("TLS 1.2: the server does not know the PSK identity: unknown_psk_identity")
def unknown_psk(lab):
    suite = "PSK-AES128-GCM-SHA256"
    key = "00112233445566778899aabbccddeeff"
    node_server(lab, psk={"meter 7": key}, ciphers=suite, maxVersion="TLSv1.2")
    lab.record()
    result = s_client(lab, TLS12, "-cipher", suite, "-psk", key, "-psk_identity", "stranger")
    assert result.has("unknown psk identity"), result.text
    return [failed("server", "unknown-psk", version="TLS 1.2", key_exchange="PSK", alert="unknown_psk_identity",
                   alert_from="server")]


@scenario("TLS 1.2: the server does not know the PSK identity and does not say so: GnuTLS sends bad_record_mac")
def unknown_psk_gnutls(lab):
    secrets = lab.file("psk.txt", "meter:0123456789abcdef0123456789abcdef\n")
    priority = "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK"
    gnutls_server(lab, "--pskpasswd", secrets, cert=None, priority=priority)
    lab.record()
    result = gnutls_client(lab, "--pskusername", "stranger", "--pskkey", "ffffffffffffffffffffffffffffffff",
                           priority=priority)
    assert result.code != 0, result.text
    return [failed("server", "psk-mismatch", version="TLS 1.2", key_exchange="PSK", alert="bad_record_mac",
                   alert_from="server")]


@scenario("TLS 1.3: an external PSK that works")
def psk_tls13(lab):
    result = psk(lab, TLS13, "00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff")
    row = seen(result, resumption="none", forward_secrecy=1)
    row.pop("server_certificates", None)
    row.pop("hidden", None)
    return [row]


def rude_server(lab, habit, *client, say=b"hello\n", seconds=40):
    lab.server(sys.executable, RUDE, habit)
    lab.record()
    return s_client(lab, *client, say=say, seconds=seconds)


@scenario("the server closes right after the ClientHello, and the client then does; no alert on either side")
def server_closes(lab):
    lab.server(sys.executable, RUDE, "close")
    lab.record()
    lab.client(sys.executable, RUDE, "client-quiet")
    return [failed("server", "server-closed", version=None, stage="client_hello")]


@scenario("the server closes right after the ClientHello; OpenSSL's client answers the FIN with decode_error")
def server_closes_openssl(lab):
    rude_server(lab, "close")
    row = failed("server", "server-closed", version=None, stage="client_hello")
    row.pop("ended_by")
    return [row]


@scenario("the server resets the connection after the ClientHello")
def server_resets(lab):
    rude_server(lab, "reset")
    return [failed("server", "server-reset", version=None, stage="client_hello")]


@scenario("the server acknowledges the ClientHello and stays silent, until the client gives up after three seconds")
def server_silent(lab):
    rude_server(lab, "silent", seconds=3)
    return [failed("network", "server-silent", version=None, stage="client_hello")]


@scenario("the server answers the ClientHello in plain HTTP")
def not_tls_http(lab):
    rude_server(lab, "http")
    return [{"server_name": NAME, "outcome": "failed", "cause": "not-tls-server", "version": None}]


@scenario("the server answers the ClientHello with an SSH banner")
def not_tls_ssh(lab):
    rude_server(lab, "ssh")
    return [{"server_name": NAME, "outcome": "failed", "cause": "not-tls-server", "version": None}]


@scenario("the server sends its SSH banner first, and the client its ClientHello all the same")
def not_tls_speaks_first(lab):
    lab.server(sys.executable, RUDE, "early-banner")
    lab.record()
    lab.client(sys.executable, RUDE, "client-slow")
    return [{"server_name": NAME, "outcome": "failed", "cause": "not-tls-server", "version": None}]


@scenario("the server answers the ClientHello with bytes of no protocol")
def not_tls_nonsense(lab):
    rude_server(lab, "nonsense")
    return [{"server_name": NAME, "outcome": "failed", "cause": "not-tls-server", "version": None}]


@scenario("nginx answers plain HTTP on its TLS port: no handshake, an attempt")
def plain_http_to_tls_port(lab):
    nginx(lab)
    lab.record()
    lab.client(sys.executable, RUDE, "client-plain")
    return Attempts("plain-http")


@scenario("the client resets in mid-handshake, after the server's flight")
def client_resets(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record()
    lab.client(sys.executable, RUDE, "client-reset")
    return [failed("client", "client-reset", version="TLS 1.2", server_certificates=2)]


@scenario("the client closes in mid-handshake, after the server's flight; the server answers the FIN with decode_error")
def client_closes(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record()
    lab.client(sys.executable, RUDE, "client-quiet")
    row = failed("client", "client-closed", version="TLS 1.2", server_certificates=2)
    row.pop("ended_by")
    return [row]


@scenario("TLS 1.2: Node finishes, finds the certificate expired and closes; the server answers the FIN with decode_error")
def client_closes_for_certificate(lab):
    lab.pki.leaf("old", "ec", first=-100, last=-1)
    s_server(lab, TLS12, cert="old")
    lab.record()
    said = node_client(lab)
    assert said[0]["error"] == "CERT_HAS_EXPIRED", said
    return [{"server_name": NAME, "outcome": "completed", "ended_by": "client", "cause": "certificate-expired", "version": "TLS 1.2"}]


@scenario("nothing listens on the port: no handshake, an attempt")
def connection_refused(lab):
    lab.record()
    s_client(lab)
    return Attempts("refused")


@scenario("the SYN is never answered: no handshake, an attempt")
def connection_unanswered(lab):
    lab.lose_answers()
    lab.record()
    s_client(lab, seconds=3)
    return Attempts("unanswered")


@scenario("the server resets the connection before any hello: no handshake, an attempt")
def connection_reset(lab):
    lab.server(sys.executable, RUDE, "early-reset")
    lab.record()
    lab.client(sys.executable, RUDE, "client-listen", hold=0)
    return Attempts("reset")


@scenario("the server closes the connection before any hello: no handshake, an attempt")
def connection_closed(lab):
    lab.server(sys.executable, RUDE, "early-close")
    lab.record()
    lab.client(sys.executable, RUDE, "client-listen", hold=0)
    return Attempts("closed")


@scenario("a ClientHello whose last extension is longer than the message: decode_error by the server")
def malformed_hello(lab):
    lab.pki.leaf("rsa")
    server = s_server(lab, TLS12)
    lab.record()
    lab.client(sys.executable, RUDE, "client-malformed")
    assert server.has("bad extension|length"), server.text()
    return [{"outcome": "failed", "ended_by": "server", "alert": "decode_error", "alert_from": "server"}]


@scenario("an alert that says nothing of the reason: OpenSSL's internal_error to a client of TLS 1.0")
def alert_other(lab):
    lab.pki.leaf("rsa")
    s_server(lab)
    lab.record()
    result = java_client(lab, protocols="TLSv1")
    assert result.has("internal_error"), result.text
    return [{"server_name": NAME, "outcome": "failed", "ended_by": "server", "alert": "internal_error",
             "alert_from": "server", "version_offered": "TLS 1.0"}]


@scenario("only the client's packets were captured")
def one_sided_client(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record(filter=f"tcp and dst host {SERVER}")
    s_client(lab, TLS12)
    return [{"server_name": NAME, "reassembly": "one_sided", "version": None}]


@scenario("only the server's packets were captured")
def one_sided_server(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record(filter=f"tcp and src host {SERVER}")
    s_client(lab, TLS12)
    return [{"server_name": None, "reassembly": "one_sided", "version": "TLS 1.2", "server_certificates": 2}]


@scenario("the capture ends after the ClientHello")
def capture_cut_after_hello(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record("-c", "5")
    s_client(lab, TLS12)
    return [{"server_name": NAME, "outcome": "open", "ended_by": None, "cause": None}]


@scenario("the capture ends in the middle of the server's flight")
def capture_cut_in_flight(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record("-c", "6")
    s_client(lab, TLS12)
    return [{"server_name": NAME, "outcome": "open", "ended_by": None, "cause": None}]


@scenario("each packet is kept to its first 128 bytes")
def capture_snapped(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record("-s", "128")
    s_client(lab, TLS12)
    return [{}]


@scenario("the handshake completes and the client closes with close_notify, without data")
def close_notify_only(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record()
    return [seen(s_client(lab, TLS12, say=None), ended_by=None, cause=None, alert=None)]


@scenario("Chromium does not trust the chain and says so in an alert of TLS 1.2")
def certificate_untrusted_chromium(lab):
    server = nginx(lab, protocols="TLSv1.2")
    lab.record()
    chromium(lab, trusting=False)
    refusals = server.text().count("alert certificate unknown")
    assert refusals, server.text()
    return [failed("client", None, version="TLS 1.2", alert="certificate_unknown", alert_from="client",
                   server_certificates=2)] * refusals


@scenario("the path takes no packet above 1,214 bytes: a ClientHello with ML-KEM is never whole, a small one is answered")
def large_hello_dropped(lab):
    lab.shrink_path(1200)
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    small = s_client(lab, "-groups", "X25519")
    node_client(lab, deadline=3000)
    return [seen(small), failed("network", "large-hello-dropped")]


@scenario("one name, two servers' certificates under two roots at once: what an interceptor looks like")
def interception_suspected(lab):
    stranger_authority(lab)
    lab.pki.leaf("ec")
    s_server(lab, TLS12, cert="ec", port=443)
    s_server(lab, TLS12, cert="under_stranger", chain=("stranger_intermediate",), port=8443)
    lab.record()
    return [seen(s_client(lab, TLS12)), seen(s_client(lab, TLS12, port=8443), server_port=8443,
                                            findings=["interception-suspected"])]


@scenario("a heartbeat that claims more bytes than it has, sent in the clear in mid-handshake (GnuTLS server)")
def heartbleed_probe(lab):
    gnutls_server(lab, "--heartbeat", priority="NORMAL:-VERS-ALL:+VERS-TLS1.2")
    lab.record()
    lab.client(sys.executable, RUDE, "client-heartbleed")
    return [{"server_name": None, "outcome": "failed", "version": "TLS 1.2", "server_certificates": 2,
             "findings": ["heartbleed-probe"]}]


@scenario("OpenSSL 3.5 with X25519MLKEM768 only, a server that does not know it: handshake_failure")
def no_common_group_post_quantum(lab):
    lab.pki.leaf("ec")
    s_server(lab, TLS13, cert="ec")
    lab.record()
    said = node_client(lab, ecdhCurve="X25519MLKEM768", minVersion="TLSv1.3")
    assert "error" in said[0], said
    return [failed("server", "no-common-group", alert="handshake_failure", alert_from="server")]


@scenario("Java speaks TLS 1.0 only, a server from TLS 1.2 on: protocol_version")
def client_outdated(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-no_tls1", "-no_tls1_1", "-cipher", "ALL" + OLD)
    lab.record()
    result = java_client(lab, protocols="TLSv1")
    assert result.has("protocol_version"), result.text
    return [failed("server", "no-common-version", alert="protocol_version", alert_from="server",
                   version_offered="TLS 1.0", findings=["client-outdated"])]
