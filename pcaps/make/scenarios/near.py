"""Near misses: what a finding must not be made of, as close to it as an endpoint will go."""

import datetime
import sys
import threading
import time

from lab import NAME, SERVER, run
from node import node_client
from openssl import failed, s_client, s_server, seen
from pki import openssl
from registry import scenario
from scenarios.certificates import TLS12, refused, stranger_authority, worked
from scenarios.failures import RUDE
from stacks import gnutls_server

SECOND = 1 / 86400


def moment_of(lab, cert, end):
    """A certificate's notBefore or notAfter, in seconds since the epoch."""
    said = openssl("x509", "-in", lab.pki.cert(cert), "-noout", "-startdate" if end == "first" else "-enddate")
    when = datetime.datetime.strptime(said.strip().split("=")[1], "%b %d %H:%M:%S %Y GMT")
    return when.replace(tzinfo=datetime.timezone.utc).timestamp()


def worked_at(lab, cert, when, **more):
    """The handshake begins at this second, not before."""
    s_server(lab, TLS12, cert=cert)
    lab.record()
    assert time.time() < when, "too late"
    time.sleep(when - time.time())
    return [seen(s_client(lab, TLS12, "-verify_return_error"), **more)]


@scenario("the leaf expires a second after the handshake")
def certificate_expires_in_a_second(lab):
    lab.pki.leaf("last_second", first=-80, last=6 * SECOND)
    return worked_at(lab, "last_second", moment_of(lab, "last_second", "last") - 0.8, findings=["expires-soon"],
                     no_findings=["certificate-expired"])


@scenario("the leaf became valid a second before the handshake")
def certificate_valid_since_a_second(lab):
    lab.pki.leaf("first_second", first=6 * SECOND, last=80)
    return worked_at(lab, "first_second", moment_of(lab, "first_second", "first") + 0.2, no_findings=["certificate-not-yet-valid"])


@scenario("the leaf has two weeks and a minute left")
def certificate_expires_later(lab):
    lab.pki.leaf("fortnight", first=-70, last=14 + 60 * SECOND)
    return worked(lab, "fortnight", no_findings=["expires-soon"])


@scenario("valid for 200 days to the second, which is what a public CA may")
def certificate_validity_longest(lab):
    lab.pki.leaf("longest", first=-10, last=190 - 2 * SECOND)
    return worked(lab, "longest", no_findings=["validity-too-long"])


@scenario("the name that is asked for fits by the wildcard alone")
def certificate_wildcard_fits(lab):
    lab.pki.leaf("wildcard_alone", san="DNS:*.example.test", common_name="elsewhere.test")
    s_server(lab, TLS12, cert="wildcard_alone")
    lab.record()
    result = s_client(lab, TLS12, "-verify_return_error", "-verify_hostname", "www.example.test", sni="www.example.test")
    return [seen(result, sni="www.example.test", no_findings=["hostname-mismatch"])]


@scenario("the leaf alone, and it needs no more: the root itself has issued it")
def chain_of_one(lab):
    lab.pki.leaf("direct", issuer="root")
    return worked(lab, "direct", chain=(), client=["-verify_return_error"], server_certificates=1,
                  no_findings=["chain-incomplete", "self-signed", "issuer-untrusted"])


@scenario("a root that nobody knows, with a second certificate for its key by one that is known: the chain is trusted")
def chain_cross_signed(lab):
    stranger_authority(lab)
    pki = lab.pki
    with open(pki.key("stranger_root")) as f, open(pki.key("crossed"), "w") as out:
        out.write(f.read())
    pki.sign("crossed", "/O=Strangers/CN=Stranger Root", "root", "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n",
             -100, 1000)
    return worked(lab, "under_stranger", chain=("stranger_intermediate", "crossed"), client=["-verify_return_error"],
                  server_certificates=3, no_findings=["issuer-untrusted", "chain-has-root", "self-signed"])


@scenario("a root that nobody knows is sent along, signed by itself with SHA-1: unknown_ca")
def certificate_untrusted_with_root(lab):
    pki = lab.pki
    pki.make_key("sha1_root", "rsa")
    pki.sign("sha1_root", "/O=Strangers/CN=Stranger SHA-1 Root", "sha1_root",
             "basicConstraints=critical,CA:true\nkeyUsage=critical,keyCertSign\n", -100, 1000, digest="sha1")
    pki.leaf("under_sha1_root", issuer="sha1_root")
    rows = refused(lab, "unknown_ca", "issuer-untrusted", "under_sha1_root", chain=("sha1_root",))
    return [rows[0] | {"no_findings": ["self-signed", "weak-signature"]}]


@scenario("one name, two servers' certificates under two intermediates of one trusted root: a change of CA")
def two_trusted_issuers(lab):
    lab.pki.authority("other_intermediate", "Overhear Other Intermediate", "root")
    lab.pki.leaf("ec")
    lab.pki.leaf("under_other", issuer="other_intermediate")
    s_server(lab, TLS12, cert="ec", port=443)
    s_server(lab, TLS12, cert="under_other", chain=("other_intermediate",), port=8443)
    lab.record()
    return [seen(s_client(lab, TLS12)), seen(s_client(lab, TLS12, port=8443), server_port=8443,
                                            no_findings=["interception-suspected"])]


@scenario("TLS 1.2: signature schemes that meet in one")
def signature_scheme_in_common(lab):
    suite = "ECDHE-RSA-AES128-GCM-SHA256"
    lab.pki.leaf("rsa")
    s_server(lab, TLS12, "-cipher", suite, "-sigalgs", "RSA+SHA512:RSA+SHA256")
    lab.record()
    return [seen(s_client(lab, TLS12, "-cipher", suite, "-sigalgs", "RSA+SHA256"), signature_scheme="rsa_pkcs1_sha256")]


@scenario("the client offers suites without encryption, without a certificate and with RC4; the server takes another")
def weak_cipher_offered(lab):
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record()
    return [seen(s_client(lab, TLS12, "-cipher", "eNULL:aNULL:RC4:ALL:@SECLEVEL=0"), no_findings=["weak-cipher", "null-cipher"])]


def late_server(lab, habit):
    lab.pki.leaf("rsa")
    lab.server(sys.executable, RUDE, "tls-" + habit, "443", lab.pki.chain("rsa", "intermediate"), lab.pki.key("rsa"))
    lab.record()


@scenario("the server takes two and a half seconds for its answer")
def server_slow(lab):
    late_server(lab, "slow")
    return [seen(s_client(lab, TLS12, hold=3), between={"server_think_ms": [2400, 2700]})]


@scenario("the server resets the connection once the handshake is whole and an answer given")
def server_resets_later(lab):
    late_server(lab, "reset")
    return [seen(s_client(lab, TLS12), ended_by=None, cause=None)]


@scenario("the server closes once the handshake is whole, without data and without close_notify")
def server_closes_later(lab):
    late_server(lab, "close")
    return [seen(s_client(lab, TLS12, say=None), ended_by=None, cause=None)]


@scenario("the client resets the connection once it has its answer")
def client_resets_later(lab):
    late_server(lab, "slow")
    lab.client(sys.executable, RUDE, "client-late-reset")
    return [{"server_name": NAME, "outcome": "completed", "ended_by": None, "cause": None, "version": "TLS 1.2"}]


@scenario("a ClientHello with ML-KEM is lost again and again, until the path takes it")
def large_hello_late(lab):
    lab.shrink_path(1200)
    lab.pki.leaf("ec")
    s_server(lab, cert="ec")
    lab.record()
    wider = ["ip", "-n", lab.spaces["server"], "link", "set", "eth0", "mtu", "1500"]
    timer = threading.Timer(1.2, lambda: run(*wider))
    timer.start()
    said = node_client(lab)
    timer.join()
    assert "error" not in said[0], said
    return [{"server_name": NAME, "outcome": "completed", "ended_by": None, "cause": None, "version": "TLS 1.3"}]


@scenario("the SYN is answered only when it is sent again")
def connection_answered_late(lab):
    lab.lose_answers()
    lab.pki.leaf("rsa")
    s_server(lab, TLS12)
    lab.record()
    timer = threading.Timer(0.4, lambda: run("ip", "-n", lab.spaces["server"], "route", "del", "blackhole", "192.0.2.1/32"))
    timer.start()
    result = s_client(lab, TLS12, hold=2)
    timer.join()
    return [seen(result)]


@scenario("an honest heartbeat, sent in the clear in mid-handshake (GnuTLS server)")
def heartbeat_honest(lab):
    gnutls_server(lab, "--heartbeat", priority="NORMAL:-VERS-ALL:+VERS-TLS1.2")
    lab.record()
    lab.client(sys.executable, RUDE, "client-heartbeat")
    return [{"server_name": None, "outcome": "failed", "version": "TLS 1.2", "server_certificates": 2,
             "no_findings": ["heartbleed-probe"]}]
