"""What the server's certificates say, and clients that mind."""

import os

from lab import NAME, SERVER
from openssl import failed, finish, s_client, s_server, seen
from registry import scenario
from stacks import gnutls_client, java_client

TLS12, TLS13 = "-tls1_2", "-tls1_3"
STRICT = ["-verify_return_error", "-verify_hostname", NAME]


def refused(lab, alert, cause, cert, chain=("intermediate",), version=TLS12, sni=NAME, count=None, strict=STRICT):
    """OpenSSL's client judges the certificate and sends an alert before its Finished."""
    s_server(lab, version, cert=cert, chain=chain)
    lab.record()
    result = s_client(lab, version, *strict, sni=sni)
    assert result.code != 0, result.text
    certificates = 1 + len(chain) if count is None else count
    if version == TLS13:
        # OpenSSL's client sends this alert before it begins to encrypt.
        return [failed("client", None, sni=sni, version="TLS 1.3", alert=alert, alert_from="client", hidden={
            "cause": cause, "server_certificates": certificates})]
    return [failed("client", cause, sni=sni, version="TLS 1.2", alert=alert, alert_from="client",
                   server_certificates=certificates, stage="certificate")]


def worked(lab, cert, *options, chain=("intermediate",), version=TLS12, client=(), **more):
    s_server(lab, version, *options, cert=cert, chain=chain)
    lab.record()
    return [seen(s_client(lab, version, *client), **more)]


@scenario("the leaf has expired: certificate_expired by the client")
def certificate_expired(lab):
    lab.pki.leaf("expired", first=-100, last=-3)
    return refused(lab, "certificate_expired", "certificate-expired", "expired")


@scenario("the same in TLS 1.3, with key log: the certificate is encrypted, OpenSSL's alert is not")
def certificate_expired_tls13(lab):
    lab.pki.leaf("expired", first=-100, last=-3)
    return refused(lab, "certificate_expired", "certificate-expired", "expired", version=TLS13)


@scenario("the intermediate has expired, the leaf has not")
def certificate_expired_intermediate(lab):
    lab.pki.authority("old_intermediate", "Overhear Old Intermediate", "root", first=-900, last=-5)
    lab.pki.leaf("under_old", issuer="old_intermediate")
    return refused(lab, "certificate_expired", "certificate-expired", "under_old", chain=("old_intermediate",))


@scenario("the leaf is valid from ten days hence: the client sends bad_certificate")
def certificate_not_yet_valid(lab):
    lab.pki.leaf("future", first=10, last=90)
    return refused(lab, "bad_certificate", "certificate-not-yet-valid", "future")


@scenario("the client's clock is 200 days ahead: it refuses a certificate that is valid as expired")
def client_clock_wrong(lab):
    lab.pki.leaf("ec")
    s_server(lab, TLS12, cert="ec")
    lab.record()
    result = lab.client("faketime", "-f", "+200d", "openssl", "s_client", TLS12, "-connect", f"{SERVER}:443",
                        "-servername", NAME, "-CAfile", lab.pki.root, *STRICT, say=b"hello\n")
    assert result.has("has expired"), result.text
    return [failed("client", "client-clock-wrong", version="TLS 1.2", alert="certificate_expired", alert_from="client",
                   server_certificates=2)]


@scenario("the names in the certificate do not fit: bad_certificate by OpenSSL's client")
def certificate_wrong_name(lab):
    lab.pki.leaf("other_name", san="DNS:other.test,IP:198.51.100.7", common_name="other.test")
    return refused(lab, "bad_certificate", "hostname-mismatch", "other_name")


@scenario("the names do not fit: curl looks after the handshake and closes without a word of data")
def certificate_wrong_name_curl(lab):
    lab.pki.leaf("other_name", san="DNS:other.test,IP:198.51.100.7", common_name="other.test")
    s_server(lab, TLS12, cert="other_name")
    lab.record()
    result = lab.client("curl", "-sv", "--cacert", lab.pki.root, "--resolve", f"{NAME}:443:{SERVER}", f"https://{NAME}/",
                        hold=0, env={"SSLKEYLOGFILE": lab.keylog})
    assert result.code == 60, result.text
    return [finish({"server_name": NAME, "outcome": "completed", "ended_by": "client", "cause": "hostname-mismatch",
                    "version": "TLS 1.2", "server_certificates": 2}, {}, {})]


@scenario("no root for the chain: Java sends certificate_unknown")
def certificate_untrusted_java(lab):
    stranger_authority(lab)
    s_server(lab, TLS12, cert="under_stranger", chain=("stranger_intermediate",))
    lab.record()
    result = java_client(lab, protocols="TLSv1.2")
    assert result.has("PKIX path"), result.text
    return [failed("client", "issuer-untrusted", version="TLS 1.2", alert="certificate_unknown", alert_from="client",
                   server_certificates=2)]


def stranger_authority(lab):
    if not os.path.exists(lab.pki.cert("stranger_root")):
        lab.pki.make_key("stranger_root", "rsa")
        lab.pki.sign("stranger_root", "/O=Strangers/CN=Stranger Root", "stranger_root",
                     "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n", -100, 1000)
    lab.pki.authority("stranger_intermediate", "Stranger Intermediate", "stranger_root", first=-90, last=900)
    lab.pki.leaf("under_stranger", issuer="stranger_intermediate")


@scenario("leaf and intermediate of a root that the client does not have: unknown_ca")
def certificate_untrusted(lab):
    stranger_authority(lab)
    return refused(lab, "unknown_ca", "issuer-untrusted", "under_stranger", chain=("stranger_intermediate",))


@scenario("the same in TLS 1.3, with key log")
def certificate_untrusted_tls13(lab):
    stranger_authority(lab)
    return refused(lab, "unknown_ca", "issuer-untrusted", "under_stranger", chain=("stranger_intermediate",),
                   version=TLS13)


@scenario("GnuTLS does not know the root: in TLS 1.3 the alert is encrypted too; with key log")
def certificate_untrusted_gnutls(lab):
    stranger_authority(lab)
    s_server(lab, TLS13, cert="under_stranger", chain=("stranger_intermediate",))
    lab.record()
    result = gnutls_client(lab)
    assert result.has("issuer is unknown"), result.text
    return [failed("client", None, version="TLS 1.3", hidden={"server_certificates": 2})]


@scenario("Java does not know the root: in TLS 1.3 certificate_unknown is encrypted")
def certificate_untrusted_java_tls13(lab):
    stranger_authority(lab)
    s_server(lab, TLS13, cert="under_stranger", chain=("stranger_intermediate",))
    lab.record()
    result = java_client(lab)
    assert result.has("PKIX path"), result.text
    return [failed("client", None, version="TLS 1.3")]


@scenario("the client refuses a certificate in which nothing is wrong: it expects another name than it asked for")
def certificate_rejected(lab):
    lab.pki.leaf("ec")
    return refused(lab, "bad_certificate", "certificate-rejected", "ec",
                   strict=["-verify_return_error", "-verify_hostname", "elsewhere.test"])


@scenario("the leaf is its own issuer: unknown_ca")
def certificate_self_signed(lab):
    lab.pki.leaf("selfsigned", issuer="self")
    return refused(lab, "unknown_ca", "self-signed", "selfsigned", chain=())


@scenario("the server sends the leaf alone: unknown_ca")
def chain_incomplete(lab):
    lab.pki.leaf("ec")
    return refused(lab, "unknown_ca", "chain-incomplete", "ec", chain=())


@scenario("a leaf, then the issuer of its issuer, then its issuer: misordered")
def chain_misordered(lab):
    lab.pki.authority("second", "Overhear Second Intermediate", "intermediate")
    lab.pki.leaf("deep", issuer="second")
    return worked(lab, "deep", chain=("intermediate", "second"), server_certificates=3,
                  findings=["chain-misordered"], no_findings=["chain-incomplete"])


@scenario("the root is sent along")
def chain_with_root(lab):
    lab.pki.leaf("ec")
    return worked(lab, "ec", chain=("intermediate", "root"), server_certificates=3, findings=["chain-has-root"],
                  no_findings=["chain-misordered"])


@scenario("a chain of five: leaf and four intermediates")
def chain_of_five(lab):
    issuer = "intermediate"
    for number in range(2, 5):
        issuer = lab.pki.authority(f"tier{number}", f"Overhear Tier {number}", issuer)
    lab.pki.leaf("bottom", issuer=issuer)
    return worked(lab, "bottom", chain=("tier4", "tier3", "tier2", "intermediate"), server_certificates=5,
                  no_findings=["chain-misordered", "chain-incomplete", "chain-has-root", "issuer-untrusted"])


@scenario("an RSA key of 1024 bits")
def certificate_weak_key(lab):
    lab.pki.leaf("rsa1024")
    weak = ["-cipher", "DEFAULT:@SECLEVEL=0"]
    return worked(lab, "rsa1024", *weak, client=weak, findings=["weak-key"])


@scenario("a leaf signed with SHA-1")
def certificate_weak_signature(lab):
    lab.pki.leaf("sha1", digest="sha1")
    weak = ["-cipher", "DEFAULT:@SECLEVEL=0"]
    return worked(lab, "sha1", *weak, client=weak, findings=["weak-signature"])


@scenario("valid for 900 days, longer than a public CA may")
def certificate_validity_too_long(lab):
    lab.pki.leaf("long", first=-10, last=890)
    return worked(lab, "long", findings=["validity-too-long"])


@scenario("three days left")
def certificate_expires_soon(lab):
    lab.pki.leaf("soon", first=-87, last=3)
    return worked(lab, "soon", findings=["expires-soon"], no_findings=["certificate-expired"])


@scenario("the intermediate has five days left, the leaf more")
def certificate_expires_soon_intermediate(lab):
    lab.pki.authority("ending_intermediate", "Overhear Ending Intermediate", "root", last=5)
    lab.pki.leaf("under_ending", issuer="ending_intermediate")
    return worked(lab, "under_ending", chain=("ending_intermediate",), findings=["expires-soon"])


@scenario("signed certificate timestamps inside the certificate: two")
def scts_in_certificate(lab):
    lab.pki.with_scts()
    return worked(lab, "scts", sct_count=2)


@scenario("signed certificate timestamps in a TLS extension: three")
def scts_in_extension(lab):
    lab.pki.leaf("ec")
    no_logs = lab.file("logs", "enabled_logs =\n")
    return worked(lab, "ec", "-serverinfo", lab.pki.scts_as_extension(), client=["-ct", "-ctlogfile", no_logs], sct_count=3)


@scenario("a stapled OCSP response: good")
def ocsp_good(lab):
    lab.pki.leaf("ec")
    return worked(lab, "ec", "-status_file", lab.pki.ocsp_response("ec", "good"), client=["-status"],
                  ocsp_status="good", no_findings=["certificate-revoked"])


@scenario("a stapled OCSP response: revoked")
def ocsp_revoked(lab):
    lab.pki.leaf("revoked")
    return worked(lab, "revoked", "-status_file", lab.pki.ocsp_response("revoked", "revoked"), client=["-status"],
                  ocsp_status="revoked", findings=["certificate-revoked"])


@scenario("a stapled OCSP response: unknown")
def ocsp_unknown(lab):
    lab.pki.leaf("ec")
    return worked(lab, "ec", "-status_file", lab.pki.ocsp_response("ec", "unknown"), client=["-status"],
                  ocsp_status="unknown")


@scenario("a stapled OCSP response in TLS 1.3, with key log")
def ocsp_tls13(lab):
    lab.pki.leaf("ec")
    return worked(lab, "ec", "-status_file", lab.pki.ocsp_response("ec", "good"), client=["-status"], version=TLS13,
                  hidden={"ocsp_status": "good"})


@scenario("a wildcard name and an address as names")
def certificate_wildcard(lab):
    lab.pki.leaf("wildcard", san="DNS:*.test,DNS:example.test,IP:192.0.2.2,IP:2001:db8::2,email:admin@example.test")
    return worked(lab, "wildcard", no_findings=["hostname-mismatch"])


@scenario("no SNI, TLS 1.2")
def sni_missing(lab):
    lab.pki.leaf("ec")
    s_server(lab, TLS12, cert="ec")
    lab.record()
    return [seen(s_client(lab, TLS12, sni=None), sni=None, findings=["sni-missing"])]


@scenario("an RSA-PSS key")
def certificate_rsa_pss(lab):
    lab.pki.leaf("pss", "rsa-pss")
    s_server(lab, TLS12, cert="pss")
    lab.record()
    result = s_client(lab, TLS12)
    return [seen(result, signature_scheme="rsa_pss_pss_sha256")]
