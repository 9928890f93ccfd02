"""Old versions and odd habits."""

from openssl import OLD, failed, s_client, s_server, seen
from registry import scenario
from stacks import gnutls_client, gnutls_seen, gnutls_server, nss_client, nss_seen, nss_server

OLD_GNUTLS = "NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT"


def old(lab, version, suite="ALL", *options, **more):
    lab.pki.leaf("rsa")
    s_server(lab, version, "-cipher", suite + OLD, *options)
    lab.record()
    return [seen(s_client(lab, version, "-cipher", suite + OLD), server_certificates=2, findings=["deprecated-version"],
                 **more)]


@scenario("TLS 1.0, ECDHE-RSA, AES-CBC")
def tls10_openssl(lab):
    return old(lab, "-tls1", signature_scheme=None)


@scenario("TLS 1.0 with RSA key exchange")
def tls10_static_rsa(lab):
    return old(lab, "-tls1", "AES128-SHA", key_exchange="RSA", forward_secrecy=0)


@scenario("TLS 1.1, DHE-RSA")
def tls11_openssl(lab):
    return old(lab, "-tls1_1", "DHE-RSA-AES256-SHA", key_exchange="DHE")


@scenario("TLS 1.1 without encryption: TLS_RSA_WITH_NULL_SHA")
def tls11_null_cipher(lab):
    return old(lab, "-tls1_1", "NULL-SHA")


@scenario("a client that speaks up to TLS 1.3 meets a server of TLS 1.0 only")
def tls10_server_modern_client(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-tls1", "-cipher", "ALL" + OLD)
    lab.record()
    return [seen(s_client(lab, "-cipher", "ALL" + OLD), version_offered="TLS 1.3")]


@scenario("GnuTLS, TLS 1.0 both sides")
def tls10_gnutls(lab):
    gnutls_server(lab, priority=OLD_GNUTLS)
    lab.record()
    return [gnutls_seen(gnutls_client(lab, priority=OLD_GNUTLS), server_certificates=2)]


@scenario("NSS, SSL 3.0 both sides")
def ssl30_nss(lab):
    nss_server(lab, "-c", ":002F", versions="ssl3:ssl3")
    lab.record()
    result = nss_client(lab, "-c", ":002F", versions="ssl3:ssl3")
    return [nss_seen(result, sni=None, server_certificates=3, key_exchange="RSA", findings=["deprecated-version"])]


@scenario("NSS, TLS 1.1 with 3DES")
def tls11_nss_3des(lab):
    nss_server(lab, "-c", ":000A", versions="tls1.1:tls1.1")
    lab.record()
    result = nss_client(lab, "-c", ":000A", versions="tls1.1:tls1.1")
    return [nss_seen(result, server_certificates=3, cipher="TLS_RSA_WITH_3DES_EDE_CBC_SHA", findings=["weak-cipher"])]


@scenario("NSS, TLS 1.0 with RC4-MD5")
def tls10_nss_rc4(lab):
    nss_server(lab, "-c", ":0004", versions="tls1.0:tls1.0")
    lab.record()
    result = nss_client(lab, "-c", ":0004", versions="tls1.0:tls1.0")
    return [nss_seen(result, server_certificates=3, cipher="TLS_RSA_WITH_RC4_128_MD5", findings=["weak-cipher"])]


@scenario("the client falls back to TLS 1.1 with the fallback SCSV, the server could do more: inappropriate_fallback")
def fallback_scsv_refused(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-cipher", "ALL" + OLD)
    lab.record()
    result = s_client(lab, "-tls1_1", "-fallback_scsv", "-cipher", "ALL" + OLD)
    assert result.has("inappropriate fallback"), result.text
    return [failed("server", "inappropriate-fallback", alert="inappropriate_fallback", alert_from="server",
                   version=None, cipher=None)]


@scenario("the fallback SCSV at the server's highest version: accepted")
def fallback_scsv_accepted(lab):
    lab.pki.leaf("rsa")
    s_server(lab, "-tls1_2")
    lab.record()
    return [seen(s_client(lab, "-tls1_2", "-fallback_scsv"))]


@scenario("TLS 1.2 on P-192, a weak curve")
def tls12_weak_curve(lab):
    lab.pki.leaf("rsa")
    weak = ["-tls1_2", "-groups", "P-192", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256" + OLD]
    s_server(lab, *weak)
    lab.record()
    result = s_client(lab, *weak)
    return [seen(result, named_group="secp192r1", findings=["weak-group"])]
