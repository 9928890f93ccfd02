"""Endpoints other than OpenSSL: GnuTLS, NSS, Java, Chromium."""

import os
import re

from lab import NAME, SERVER
from openssl import VERSIONS, finish

JAVA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Tls.java")


def gnutls_server(lab, *options, cert="rsa", priority="NORMAL", port=443, chain=("intermediate",)):
    identity = []
    if cert:
        lab.pki.leaf(cert)
        identity = ["--x509certfile", lab.pki.chain(cert, *chain), "--x509keyfile", lab.pki.key(cert)]
    return lab.server("gnutls-serv", "--echo", "-p", str(port), "--priority", priority, *identity, *options, port=port)


def gnutls_client(lab, *options, priority="NORMAL", say=b"hello\n", port=443, sni=NAME, hold=0.35):
    name = ["--sni-hostname", sni, "--verify-hostname", sni] if sni else ["--disable-sni", "--no-ca-verification"]
    return lab.client("gnutls-cli", "-p", str(port), *name, "--x509cafile", lab.pki.root, "--priority", priority,
                      *options, SERVER, say=say, hold=hold, env={"SSLKEYLOGFILE": lab.keylog})


# gnutls-cli's "- Description: (TLS1.3-X.509)-(ECDHE-SECP256R1)-(RSA-PSS-RSAE-SHA256)-(AES-256-GCM)".
GNUTLS_VERSIONS = {"TLS1.3": "TLS 1.3", "TLS1.2": "TLS 1.2", "TLS1.1": "TLS 1.1", "TLS1.0": "TLS 1.0"}


def gnutls_seen(result, sni=NAME, number=0, **more):
    """`number` picks one of several handshakes of the same run."""
    described = re.findall(r"(?m)^- Description: \(([A-Z0-9.]+)-", result.text)
    assert described, result.text
    row = {"server_name": sni, "outcome": "completed", "version": GNUTLS_VERSIONS[described[number]],
           "resumption": "none"}
    return finish(row, {}, more)


def nss_database(lab, *identities):
    """A database that trusts the root and holds these keys."""
    path = os.path.join(lab.work, "nss-" + "-".join(identities))
    os.makedirs(path, exist_ok=True)
    place = "sql:" + path
    lab.client("certutil", "-N", "-d", place, "--empty-password", hold=0)
    lab.client("certutil", "-A", "-d", place, "-n", "root", "-t", "CT,C,C", "-i", lab.pki.root, hold=0)
    for name in identities:
        done = lab.client("pk12util", "-i", lab.pki.pkcs12(name), "-d", place, "-W", "secret", hold=0)
        assert done.code == 0, done.text
    return place


def nss_server(lab, *options, cert="rsa", versions="tls1.2:tls1.3", port=443):
    lab.pki.leaf(cert)
    flag = "-n" if cert.startswith("rsa") else "-e"
    return lab.server("selfserv", "-d", nss_database(lab, cert), flag, cert, "-p", str(port), "-V", versions, "-v",
                      *options, port=port)


# tstclnt does not leave when its input ends; it is stopped, and the kernel closes its connection.
def nss_client(lab, *options, versions="tls1.2:tls1.3", sni=NAME, port=443, identity=None, hold=0.35,
               say=b"GET / HTTP/1.0\r\n\r\n"):
    place = nss_database(lab, identity) if identity else nss_database(lab)
    chosen = ["-n", identity] if identity else []
    return lab.client("tstclnt", "-h", SERVER, "-a", sni, "-p", str(port), "-d", place, "-V", versions, "-v", "-C",
                      *chosen, *options, say=say, hold=hold, env={"SSLKEYLOGFILE": lab.keylog}, seconds=1)


# tstclnt's "tstclnt: SSL version 3.4 using 256-bit AES-GCM with 128-bit AEAD MAC".
NSS_VERSIONS = {"3.4": "TLS 1.3", "3.3": "TLS 1.2", "3.2": "TLS 1.1", "3.1": "TLS 1.0", "3.0": "SSL 3.0"}


def nss_seen(result, sni=NAME, number=0, **more):
    versions = re.findall(r"SSL version (3\.\d) using", result.text)
    assert versions, result.text
    row = {"server_name": sni, "outcome": "completed", "version": NSS_VERSIONS[versions[number]], "resumption": "none"}
    return finish(row, {}, more)


def java(lab, role, identity=None, protocols=None, suites=None, connections=1, port=443, extra=()):
    p12 = lab.pki.pkcs12(identity) if identity else "-"
    return ["java", "-XX:TieredStopAtLevel=1", JAVA, role, str(port), p12, lab.pki.root, protocols or "-",
            suites or "-", str(connections), *extra]


def java_server(lab, cert="rsa", **options):
    lab.pki.leaf(cert)
    return lab.server(*java(lab, "server", cert, **options), port=options.get("port", 443))


def java_client(lab, **options):
    return lab.client(*java(lab, "client", **options), hold=0)


def java_seen(result, sni=NAME, number=0, **more):
    said = re.findall(r"(?m)^protocol=(\S+) cipher=(\S+) peer=(\d+)", result.text)
    assert said, result.text
    protocol, cipher, certificates = said[number]
    row = {"server_name": sni, "outcome": "completed", "version": VERSIONS[protocol], "cipher": cipher,
           "resumption": "none"}
    hidden = {}
    (hidden if protocol == "TLSv1.3" else row)["server_certificates"] = int(certificates)
    return finish(row, hidden, more)


def chromium(lab, *options, url=f"https://{NAME}/", trusting=True, quic=False, timeout=6000):
    """A fresh profile each time; the name leads to the server, all other names nowhere."""
    trust = ["--ignore-certificate-errors"] if trusting else []
    trust += ["--enable-quic" if quic else "--disable-quic"]
    return lab.client(
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--disable-extensions",
        "--disable-default-apps", f"--user-data-dir={lab.work}/profile", f"--ssl-key-log-file={lab.keylog}",
        f"--host-resolver-rules=MAP {NAME} {SERVER}, MAP * ~NOTFOUND", f"--timeout={timeout}", *trust, *options,
        "--dump-dom", url, hold=0, seconds=60)


def nginx(lab, protocols="TLSv1.2 TLSv1.3", cert="ec", chain=("intermediate",)):
    lab.pki.leaf(cert)
    configuration = lab.file("nginx.conf", f"""
daemon off; master_process off; pid {lab.work}/nginx.pid; error_log stderr info;
events {{ worker_connections 64; }}
http {{
    access_log /dev/stdout; client_body_temp_path {lab.work}/body; proxy_temp_path {lab.work}/proxy;
    fastcgi_temp_path {lab.work}/fastcgi; uwsgi_temp_path {lab.work}/uwsgi; scgi_temp_path {lab.work}/scgi;
    log_format tls '$ssl_protocol $ssl_cipher $ssl_curve alpn=$ssl_alpn_protocol reused=$ssl_session_reused';
    server {{
        listen 443 ssl http2; server_name {NAME}; ssl_protocols {protocols}; access_log /dev/stdout tls;
        ssl_certificate {lab.pki.chain(cert, *chain)}; ssl_certificate_key {lab.pki.key(cert)};
        location / {{ default_type text/html; return 200 '<link rel=icon href="data:,">'; }}
    }}
}}
""")
    return lab.server("nginx", "-c", configuration, "-p", lab.work)
