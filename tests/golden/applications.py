"""applications.py OVERHEAR NDPI_RELEASE PCAPS: holds what nDPI is heard to say of some captures to what it is known to say.

nDPI's names and judgements change from release to release, so the goldens are read without it, and this test skips all releases but 4.2.
"""
import json
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

SKIPPED = 77
NO_HTTPS = "TLS (probably) Not Carrying HTTPS"
# capture: (application, category, risks) of its first handshake
KNOWN = {
    "certificate_expired": ("TLS", "Web", {"TLS Expired Certificate", "TLS Fatal Alert", NO_HTTPS}),
    "certificate_self_signed": ("TLS", "Web", {"Self-signed Certificate", "TLS Fatal Alert", NO_HTTPS}),
    "sni_missing": ("TLS", "Web", {"Missing SNI TLS Extension", NO_HTTPS}),
    "curl_nginx": ("TLS", "Web", set()),
    "no_common_cipher": ("TLS", "Web", {"TLS Fatal Alert", NO_HTTPS}),
    "tls10_nss_rc4": ("TLS", "Web", {"Obsolete TLS Version (1.1 or older)"}),
    "quic_ngtcp2": ("QUIC", "Web", set()),
    "starttls_smtp": ("TLS", "Web", set()),
}


def heard(overhear, capture, *options):
    with tempfile.TemporaryDirectory() as folder:
        database = pathlib.Path(folder) / "applications.db"
        subprocess.run([overhear, "read", "-q", *options, str(capture), "-o", str(database)], check=True)
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        application, category, risks = connection.execute(
            "SELECT application, category, risks FROM handshakes ORDER BY id LIMIT 1").fetchone()
        return application, category, set(json.loads(risks)) if risks else set()


def main(overhear, release, pcaps):
    if not release.startswith("4.2"):
        print(f"nDPI {release} is not the one whose words are known here")
        return SKIPPED
    wrong = 0
    for name, known in KNOWN.items():
        capture = pathlib.Path(pcaps) / f"{name}.pcap"
        found = heard(overhear, capture)
        if found != known:
            print(f"{name}: nDPI says {found}, known is {known}")
            wrong += 1
    silent = heard(overhear, pathlib.Path(pcaps) / "sni_missing.pcap", "--no-ndpi")
    if silent != (None, None, set()):
        print(f"--no-ndpi: {silent} is said all the same")
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
