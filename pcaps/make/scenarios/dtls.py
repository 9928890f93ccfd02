"""DTLS: OpenSSL and GnuTLS."""

from datagrams import bad_network, dtls_gnutls_server, dtls_server, over_dtls
from openssl import OLD, failed, s_client, seen
from registry import scenario
from scenarios.client_auth import identity
from stacks import GNUTLS_VERSIONS, gnutls_client, gnutls_seen

GNUTLS_VERSIONS |= {"DTLS1.2": "DTLS 1.2", "DTLS1.0": "DTLS 1.0"}


def dtls(lab, *options, server=(), version="-dtls1_2", **settings):
    lab.pki.leaf("rsa")
    dtls_server(lab, *server, version=version)
    lab.record(filter="udp")
    return s_client(lab, version, *options, **settings)


@scenario("OpenSSL both sides: DTLS 1.2, the server first sends a cookie")
def dtls12_cookie(lab):
    result = dtls(lab)
    return [over_dtls(seen(result, client_auth="none", retransmissions=0, round_trips=3), 1)]


@scenario("DTLS 1.0 by OpenSSL at security level 0")
def dtls10_openssl(lab):
    result = dtls(lab, "-cipher", "ALL" + OLD, server=["-cipher", "ALL" + OLD], version="-dtls1")
    return [over_dtls(seen(result, client_auth="none"), 1)]


@scenario("DTLS 1.2 with an MTU of 300: each certificate comes in many pieces")
def dtls12_small_mtu(lab):
    result = dtls(lab, "-mtu", "300", server=["-mtu", "300"])
    return [over_dtls(seen(result, retransmissions=0), 1)]


@scenario("DTLS 1.2 with an MTU of 300 on a bad network: a fifth of all datagrams is lost, others come twice or too late")
def dtls12_bad_network(lab):
    lab.pki.leaf("rsa")
    dtls_server(lab, "-mtu", "300", port=444)
    bad_network(lab, 444, seed=7)
    lab.record(filter="udp")
    result = s_client(lab, "-dtls1_2", "-mtu", "300", hold=10)
    return [over_dtls(seen(result), 1)]


@scenario("DTLS 1.2: a client certificate is asked for and given")
def dtls12_client_auth(lab):
    lab.pki.client()
    result = dtls(lab, *identity(lab), server=["-Verify", "3", "-CAfile", lab.pki.root])
    return [over_dtls(seen(result, client_auth="provided", client_certificates=2), 1)]


@scenario("DTLS 1.2: a session, and its resumption by ticket from another port")
def dtls12_resumed(lab):
    session = lab.work + "/session"
    first = dtls(lab, "-sess_out", session)
    second = s_client(lab, "-dtls1_2", "-sess_in", session)
    return [over_dtls(seen(first), 1), over_dtls(seen(second), 1)]


@scenario("DTLS 1.2: no cipher suite in common: handshake_failure")
def dtls12_no_common_cipher(lab):
    result = dtls(lab, "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", server=["-cipher", "ECDHE-RSA-AES256-GCM-SHA384"])
    assert result.has("handshake failure"), result.text
    return [over_dtls(failed("server", "no-common-cipher", alert="handshake_failure", alert_from="server"), 1)]


@scenario("DTLS 1.2: the client does not know the root: unknown_ca")
def dtls12_untrusted(lab):
    result = dtls(lab, "-CAfile", lab.pki.cert("intermediate"), "-no-CApath", "-verify_return_error")
    assert result.has("certificate verify failed|unknown ca|verify error"), result.text
    return [over_dtls(failed("client", None, version="DTLS 1.2", alert_from="client"), 1)]


@scenario("GnuTLS both sides: DTLS 1.2 with a cookie")
def dtls12_gnutls(lab):
    dtls_gnutls_server(lab)
    lab.record(filter="udp")
    result = gnutls_client(lab, "--udp")
    return [over_dtls(gnutls_seen(result, server_certificates=2), 1)]


@scenario("GnuTLS both sides: DTLS 1.0, with an MTU of 400")
def dtls10_gnutls(lab):
    old = "NORMAL:-VERS-ALL:+VERS-DTLS1.0:%COMPAT"
    dtls_gnutls_server(lab, "--mtu", "400", priority=old)
    lab.record(filter="udp")
    result = gnutls_client(lab, "--udp", "--mtu", "400", priority=old)
    return [over_dtls(gnutls_seen(result, server_certificates=2), 1)]
