"""verify.py OVERHEAR FOLDER, or OVERHEAR CERTIFICATES CAPTURE...: every chain that overhear records, judged again by openssl.

overhear's verdict on a server's chain is sound where no finding of TRUST is about it; `openssl verify` is asked about the
same chain, at the same second, for the same name. CERTIFICATES is the file of trusted roots, root.pem in a FOLDER. Where a
leaf has no subject alternative names, openssl falls back to the common name, which RFC 9525 section 2 forbids: such leaves
are asked about without a name. Chains with bytes that are no certificate, which openssl cannot be asked about, are left out.
"""
import datetime
import ipaddress
import pathlib
import sqlite3
import ssl
import subprocess
import sys
import tempfile

TRUST = {"certificate-expired", "certificate-not-yet-valid", "hostname-mismatch", "issuer-untrusted", "self-signed", "chain-incomplete"}
HANDSHAKES = """SELECT id AS handshake, server_name AS name, time_ns / 1000000000 AS second FROM handshakes
    WHERE id IN (SELECT handshake_id FROM chains WHERE sender = 'server')"""
# What only the client's alert says is no verdict on the certificate.
FOUND = "SELECT code FROM findings WHERE handshake_id = ? AND detail NOT LIKE 'the client''s alert %'"
CHAIN = "SELECT sha256 FROM chains WHERE handshake_id = ? AND sender = 'server' ORDER BY position"


def rows(database, sql, parameters=()):
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, parameters)]


def pem(der):
    return ssl.DER_cert_to_PEM_cert(der)


def name_options(name, san):
    if not name or not san:
        return []
    try:
        ipaddress.ip_address(name)
        return ["-verify_ip", name]
    except ValueError:
        return ["-verify_hostname", name.rstrip(".")]


def openssl_accepts(folder, roots, certificates, second, name):
    leaf, rest = folder / "leaf.pem", folder / "rest.pem"
    leaf.write_text(pem(certificates[0]["der"]))
    rest.write_text("".join(pem(certificate["der"]) for certificate in certificates[1:]))
    others = ["-untrusted", str(rest)] if len(certificates) > 1 else []
    command = ["openssl", "verify", "-no-CAfile", "-no-CApath", "-no-CAstore", "-trusted", str(roots), "-attime", str(second),
               *name_options(name, certificates[0]["san"]), *others, str(leaf)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0, (done.stdout + done.stderr).strip()


class Judge:
    def __init__(self, program, roots):
        self.program, self.roots, self.known, self.count, self.sound = program, roots, {}, 0, 0

    def capture(self, path, folder):
        database = folder / "verify.db"
        for old in folder.glob("verify.db*"):
            old.unlink()
        subprocess.run([self.program, "read", "-q", "--ca-file", str(self.roots), "-o", str(database), str(path)], capture_output=True)
        if not database.exists():
            return
        stored = {c["sha256"]: c for c in rows(database, "SELECT sha256, san, der, subject FROM certificates")}
        for row in rows(database, HANDSHAKES):
            found = {f["code"] for f in rows(database, FOUND, (row["handshake"],))}
            chain = [stored[member["sha256"]] for member in rows(database, CHAIN, (row["handshake"],))]
            if all(member["subject"] is not None for member in chain):
                yield from self.compare(folder, path, row, chain, found & TRUST)

    def compare(self, folder, path, row, certificates, found):
        if not certificates[0]["san"]:
            found.discard("hostname-mismatch")
        day = (tuple(c["der"] for c in certificates), row["name"], row["second"])
        if day not in self.known:
            self.known[day] = openssl_accepts(folder, self.roots, certificates, row["second"], row["name"])
        fine, said = self.known[day]
        self.count += 1
        self.sound += fine
        if fine != (not found):
            when = datetime.datetime.fromtimestamp(row["second"], datetime.timezone.utc)
            yield f"{path}: handshake {row['handshake']} at {when}: overhear finds {sorted(found)}, openssl says {said!r}"


def main(program, roots, *captures):
    if not captures:
        roots, captures = pathlib.Path(roots) / "root.pem", sorted(pathlib.Path(roots).glob("*.pcap*"))
    judge = Judge(program, pathlib.Path(roots).resolve())
    with tempfile.TemporaryDirectory() as folder:
        wrong = [complaint for path in captures for complaint in judge.capture(pathlib.Path(path), pathlib.Path(folder))]
    for complaint in wrong:
        print(complaint)
    print(f"{judge.count} chains, {judge.sound} of them sound, {len(wrong)} judged otherwise than by openssl")
    # Both verdicts must have come up, else nothing was compared.
    return 1 if wrong or not judge.sound or judge.sound == judge.count else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
