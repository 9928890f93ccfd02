"""OpenSSL's s_server and s_client, and what s_client says of a handshake in the words of the contract."""

import functools
import re
import subprocess

from lab import NAME, SERVER

VERSIONS = {"TLSv1.3": "TLS 1.3", "TLSv1.2": "TLS 1.2", "TLSv1.1": "TLS 1.1", "TLSv1": "TLS 1.0",
            "DTLSv1.2": "DTLS 1.2", "DTLSv1": "DTLS 1.0"}
GROUPS = {"X25519": "x25519", "X448": "x448", "prime256v1": "secp256r1", "secp384r1": "secp384r1",
          "secp521r1": "secp521r1", "prime192v1": "secp192r1", "P-256": "secp256r1", "P-384": "secp384r1"}
SIGNATURES = {("RSA-PSS", "SHA256"): "rsa_pss_rsae_sha256", ("RSA-PSS", "SHA384"): "rsa_pss_rsae_sha384",
              ("RSA-PSS", "SHA512"): "rsa_pss_rsae_sha512",
              ("RSA", "SHA256"): "rsa_pkcs1_sha256", ("RSA", "SHA1"): "rsa_pkcs1_sha1",
              ("ECDSA", "SHA256"): "ecdsa_secp256r1_sha256", ("ECDSA", "SHA384"): "ecdsa_secp384r1_sha384",
              ("Ed25519", None): "ed25519"}
OLD = ":@SECLEVEL=0"


@functools.lru_cache
def iana_ciphers():
    listing = subprocess.run(["openssl", "ciphers", "-stdname", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
    return {line.split()[2]: line.split()[0] for line in listing.splitlines()}


def iana_name(cipher):
    return cipher if cipher.startswith("TLS_") else iana_ciphers()[cipher]


def s_server(lab, *options, cert="rsa", chain=("intermediate",), port=443, rev=True, address=None, env=None):
    certificate = []
    if cert:
        certificate = ["-cert", lab.pki.cert(cert), "-key", lab.pki.key(cert)]
        if chain:
            certificate += ["-cert_chain", lab.pki.chain(*chain)]
    else:
        certificate = ["-nocert"]
    accept = f"{address}:{port}" if address else str(port)
    return lab.server("openssl", "s_server", "-accept", accept, *certificate, *(["-rev"] if rev else []), *options,
                      port=port, env=env)


def s_client(lab, *options, say=b"hello\n", sni=NAME, address=SERVER, port=443, hold=0.35, env=None, keys=True,
             seconds=40):
    name = ["-servername", sni] if sni else ["-noservername"]
    logged = ["-keylogfile", lab.keylog] if keys else []
    return lab.client("openssl", "s_client", "-connect", f"{address}:{port}", *name, "-CAfile", lab.pki.root,
                      "-showcerts", *logged, *options, say=say, hold=hold, env=env, seconds=seconds)


def version_of(result):
    if result.has(r"(?m)^(New|Reused), TLSv1\.3, "):
        return "TLS 1.3"
    return VERSIONS.get(result.find(r"^ *Protocol *: (\S+)"))


def named_group_of(result):
    key = result.find(r"^Server Temp Key: (.*)$")
    if not key or key.startswith("DH,"):
        return None
    return GROUPS[key.split(", ")[1] if key.startswith("ECDH") else key.split(",")[0]]


def seen(result, sni=NAME, **more):
    """A row of truth for a handshake that s_client completed; `more` is what the construction adds to it."""
    version = version_of(result)
    assert version, result.text
    cipher = iana_name(result.find(r"^(?:New|Reused), \S+ Cipher is (\S+)"))
    row = {"server_name": sni, "outcome": "completed", "version": version, "cipher": cipher}
    hidden = {}
    group = named_group_of(result)
    if group:
        row["named_group"] = group
    prime = result.find(r"^Server Temp Key: DH, (\d+) bits")
    if prime and version != "TLS 1.3":
        row["dh_bits"] = int(prime)
    place = hidden if version == "TLS 1.3" else row
    place["alpn"] = result.find(r"^ALPN protocol: (\S+)")
    resumed = result.has(r"(?m)^Reused, ")
    row["resumption"] = ("psk" if version == "TLS 1.3" else "ticket") if resumed else "none"
    if not resumed:
        place["server_certificates"] = len(re.findall(r"(?m)^ *\d+ s:", result.text))
        signature = (result.find(r"^Peer signature type: (\S+)"), result.find(r"^Peer signing digest: (\S+)"))
        if signature in SIGNATURES and version in ("TLS 1.2", "TLS 1.3", "DTLS 1.2"):
            place["signature_scheme"] = SIGNATURES[signature]
    if version != "TLS 1.3":
        row["extended_master_secret"] = int(result.has(r"Extended master secret: yes"))
    return finish(row, hidden, more)


def failed(ended_by, cause, sni=NAME, **more):
    """`cause` is None where only the secrets can tell it."""
    row = {"server_name": sni, "outcome": "failed", "ended_by": ended_by}
    return finish(row | ({"cause": cause} if cause else {}), {}, more)


def finish(row, hidden, more):
    """`hidden` holds what only the secrets can show: those columns are NULL without a key log."""
    hidden.update(more.pop("hidden", {}))
    row.update(more)
    if row.get("version") == "TLS 1.3" and row.get("resumption") == "none":
        row.setdefault("server_certificates", None)
        row.setdefault("client_auth", None)
    if row.get("version") == "TLS 1.3":
        row.setdefault("certificates_visible", 0)
        row.setdefault("hello_retry", 0)
        row.setdefault("alpn", None)
    if hidden:
        row["hidden"] = hidden
    return row
