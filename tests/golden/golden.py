"""golden.py [--update] ROOT OVERHEAR [NAME...]: reads every capture of pcaps/ and holds the rows to what is known of them.

Three checks, told as TAP:
- the views, as text, are as NAME.golden has them; with a key log next to the capture also NAME.keys.golden;
- the handshakes agree with pcaps/truth/NAME.json, what the endpoints themselves said;
- every column of `handshakes` holds a value in at least one capture, but for those in EXPECTED_LATER.

--update writes the goldens anew; look at the difference before it is committed.
"""
import argparse
import concurrent.futures
import difflib
import json
import os
import pathlib
import sqlite3
import subprocess
import sys
import tempfile

VIEWS = {
    "captures": "id",
    "handshakes": "time_ns, id",
    "messages": "handshake_id, seq",
    "alerts": "handshake_id, seq",
    "offers": "handshake_id, sender, hello, kind, position",
    "chains": "handshake_id, sender, position",
    "certificates": "sha256",
    "findings": "handshake_id, code, sha256",
    "attempts": "client_ip, server_ip, server_port, reason",
}
# What depends on the machine or on the version of nDPI, and what would only repeat the capture.
LEFT_OUT = {
    "captures": {"sensor", "version"},
    "handshakes": {"application", "category", "risks"},
    "certificates": {"der"},
}
# The columns of `handshakes` that the contract names.
COLUMNS = """
id capture_id connection_id time time_ns first_packet last_packet packets transport client_ip client_port server_ip
server_port client_mac server_mac vlan encapsulation community_id starttls application category risks server_name
inner_server_name dns_name outcome stage ended_by cause inferred version version_code version_offered cipher cipher_code
named_group named_group_code signature_scheme alpn key_exchange dh_bits forward_secrecy post_quantum client_random
server_random session_id hello_retry resumption resumed_from early_data ech client_auth extended_master_secret
encrypt_then_mac secure_renegotiation compression alert alert_code alert_level alert_from server_certificates
client_certificates certificates_visible leaf_sha256 certificate_compression ocsp_status sct_count ticket_lifetime_s ja3
ja3s ja4 quic_version quic_retry dtls_cookie reassembly dns_ms tcp_ms client_rtt_ms server_rtt_ms server_hello_ms
server_think_ms tls_ms first_byte_ms total_ms round_trips retransmissions client_bytes server_bytes
""".split()
# Columns that no capture can fill yet, and views without a row: each issue that lands takes its own out. Truth is silent
# about them.
EXPECTED_LATER = set("""
vlan encapsulation
""".split())
# What can stand before TLS, by the contract, and what else overhear knows.
ROADS = """
smtp lmtp imap pop3 ftp nntp ldap xmpp irc sieve postgresql mysql rdp tds http-connect http-upgrade socks4 socks5 proxy-v1
proxy-v2 openvpn eap capwap
""".split()
# nDPI's own: applications.py asks for them.
ELSEWHERE = {"application", "category", "risks"}
# A database for each capture: in memory, where the system has a place for that.
QUICK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Without secrets these are NULL or 0 in truth; a key log may show them.
HIDDEN = {"server_certificates", "certificates_visible", "client_auth", "alpn"}


class Program:
    """The built overhear, and which of the later options it has."""

    def __init__(self, path, root):
        self.path = path
        helped = subprocess.run([path, "read", "-h"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        trusted = root / "pcaps" / "root.pem"
        self.options = ["--ca-file", str(trusted)] if "--ca-file" in helped else []
        # What nDPI says changes from release to release; tests/golden/applications.py has a test of its own.
        self.options += ["--no-ndpi"] if "--no-ndpi" in helped else []
        # The rows are the same whatever -j is.
        self.options += ["-j", os.environ["OVERHEAR_JOBS"]] if os.environ.get("OVERHEAR_JOBS") else []
        self.opens_secrets = "--keylog" in helped

    def read(self, capture, database, keylog=None):
        options = self.options + (["--keylog", str(keylog)] if keylog else [])
        done = subprocess.run([self.path, "read", "-q", *options, str(capture), "-o", str(database)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        return done.returncode, done.stdout


def rows_of(database, view):
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'view' AND name = ?", (view,)).fetchone()
        return [dict(row) for row in connection.execute(f"SELECT * FROM {view} ORDER BY {VIEWS[view]}")] if known else []
    finally:
        connection.close()


def grouped(offers):
    """One row for each list of a hello; `codes` only where the list has any."""
    lists = {}
    for offer in offers:
        place = (offer["handshake_id"], offer["sender"], offer["hello"], offer["kind"])
        lists.setdefault(place, []).append(offer)
    for (handshake, sender, hello, kind), members in lists.items():
        codes = [member["code"] for member in members]
        yield {"handshake_id": handshake, "sender": sender, "hello": hello, "kind": kind,
               "names": [member["name"] for member in members],
               "codes": codes if any(code is not None for code in codes) else None}


def text_of(tables):
    """One line of JSON a row, without what is NULL."""
    lines = []
    for view, rows in tables.items():
        for row in grouped(rows) if view == "offers" else rows:
            kept = {name: value for name, value in row.items()
                    if value is not None and name not in LEFT_OUT.get(view, ())}
            if view == "captures":
                kept["source"] = os.path.basename(kept["source"])
            lines.append(json.dumps({"view": view, **kept}, ensure_ascii=False))
    return "\n".join(lines) + "\n"


class Reading:
    """What the program made of one capture."""

    def __init__(self, program, capture, keylog):
        with tempfile.TemporaryDirectory(dir=QUICK) as folder:
            database = pathlib.Path(folder) / "golden.db"
            self.status, self.said = program.read(capture, database, keylog)
            self.tables = {view: rows_of(database, view) for view in VIEWS} if database.exists() else {}
        self.text = text_of(self.tables)


def against_golden(reading, golden):
    if reading.status != 0 or not reading.tables:
        return [f"overhear ended with {reading.status}: {reading.said.strip()}"]
    if not golden.exists():
        return [f"{golden.name} is missing: run tests/golden/update.sh {golden.name.split('.')[0]} and look at it"]
    lines = difflib.unified_diff(golden.read_text().splitlines(), reading.text.splitlines(), "golden", "now", lineterm="", n=0)
    return [shortened(line) for line in list(lines)[:20]]


def shortened(line):
    return line if len(line) < 400 else line[:400] + " ..."


def expectation(row, with_secrets):
    """Truth of one handshake as the rows should show it."""
    hidden = row.get("hidden", {})
    wanted = {name: value for name, value in row.items() if name not in ("hidden", "findings", "no_findings", "between")}
    if with_secrets:
        wanted = {name: value for name, value in wanted.items() if name not in HIDDEN or value}
        wanted.update(hidden)
    if "cause" in EXPECTED_LATER and wanted.get("outcome") == "completed":
        wanted.pop("ended_by", None)
    return {name: value for name, value in wanted.items() if name not in EXPECTED_LATER}


def against_truth(tables, truth, with_secrets):
    handshakes, known = tables.get("handshakes", []), truth["handshakes"]
    if len(handshakes) != len(known):
        return [f"{len(handshakes)} handshakes, truth has {len(known)}"]
    wrong = against_attempts(tables, truth)
    for number, (row, its) in enumerate(zip(handshakes, known), 1):
        for name, value in expectation(its, with_secrets).items():
            if name not in row or row[name] != value:
                wrong.append(f"handshake {number}: {name} is {row.get(name)!r}, truth is {value!r}")
        wrong += [f"handshake {number}: {complaint}" for complaint in against_ranges(row, its) + against_findings(tables, row, its)]
    return wrong


def against_ranges(row, known):
    """`between` holds what can only be said roughly: the least and the most of a column."""
    return [f"{name} is {row.get(name)!r}, truth is {least} to {most}" for name, (least, most) in known.get("between", {}).items()
            if row.get(name) is None or not least <= row[name] <= most]


def against_findings(tables, row, known):
    """`findings` are those that must be among the handshake's, `no_findings` those that must not."""
    if "findings" in EXPECTED_LATER:
        return []
    codes = {finding["code"] for finding in tables["findings"] if finding["handshake_id"] == row["id"]}
    return [f"{code} is not found" for code in known.get("findings", []) if code not in codes] + \
        [f"{code} is found" for code in known.get("no_findings", []) if code in codes]


def against_attempts(tables, truth):
    known = truth.get("attempts")
    if known is None or "attempts" in EXPECTED_LATER:
        return []
    names = ("server_ip", "server_port", "reason", "starttls")
    found = [{name: row[name] for name in names if row[name] is not None} for row in tables["attempts"]]
    return [] if found == known else [f"attempts are {found}, truth is {known}"]


def never_filled(readings):
    """Columns against EXPECTED_LATER, in both directions, so that the list can only shrink."""
    filled = {name for reading in readings for row in reading.tables.get("handshakes", []) for name, value in row.items()
              if value is not None}
    filled |= {view for reading in readings for view, rows in reading.tables.items() if rows}
    complaints = [f"{name} is NULL in every capture" for name in COLUMNS if name not in filled | EXPECTED_LATER | ELSEWHERE]
    return complaints + [f"{name} holds values: take it out of EXPECTED_LATER" for name in sorted(filled & EXPECTED_LATER)]


def never_travelled(readings):
    """Roads that lead to a handshake in none of the captures."""
    seen = {road for reading in readings for row in reading.tables.get("handshakes", []) for road in (row.get("starttls") or "").split("+")}
    return [f"{road} leads nowhere" for road in ROADS if road not in seen]


class Tap:
    def __init__(self):
        self.count = self.failures = 0

    def say(self, name, complaints):
        self.count += 1
        self.failures += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {self.count} - {name}")
        for complaint in complaints:
            print(f"# {complaint}")

    def end(self):
        print(f"1..{self.count}")
        return 1 if self.failures else 0


def jobs_of(root, names, program):
    """(label, capture, key log) of each reading to make."""
    folder = root / "pcaps"
    for capture in sorted([*folder.glob("*.pcap"), *folder.glob("*.pcapng")]):
        if names and capture.stem not in names:
            continue
        yield capture.stem, capture, None
        keylog = folder / (capture.stem + ".keys")
        if program.opens_secrets and keylog.exists():
            yield capture.stem + ".keys", capture, keylog


def judge(tap, root, program, label, capture, keylog, reading):
    tap.say(f"{label}: rows", against_golden(reading, golden_path(root, label)))
    truth = root / "pcaps" / "truth" / (capture.stem + ".json")
    if truth.exists():
        with_secrets = keylog is not None or (program.opens_secrets and capture.suffix == ".pcapng")
        known = json.loads(truth.read_text())
        tap.say(f"{label}: truth", against_truth(reading.tables, known, with_secrets))


def golden_path(root, label):
    return root / "tests" / "golden" / (label + ".golden")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--update", action="store_true")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("overhear")
    parser.add_argument("names", nargs="*")
    arguments = parser.parse_args()
    program = Program(arguments.overhear, arguments.root)
    jobs = list(jobs_of(arguments.root, arguments.names, program))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        readings = list(pool.map(lambda job: Reading(program, job[1], job[2]), jobs))
    if arguments.update:
        for (label, _, _), reading in zip(jobs, readings):
            golden_path(arguments.root, label).write_text(reading.text)
        return 0
    tap = Tap()
    tap.say("there are captures", [] if jobs else ["none found"])
    for job, reading in zip(jobs, readings):
        judge(tap, arguments.root, program, *job, reading)
    if not arguments.names:
        tap.say("every column is filled by a capture", never_filled(readings))
        tap.say("every road to TLS has a capture", never_travelled(readings))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
