"""Runs the built program against small databases and looks at what it prints and how it ends.

usage: commands.py PROGRAM FOLDER_OF_CAPTURES
"""
import csv
import fcntl
import io
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import sample

PROGRAM = os.path.abspath(sys.argv[1])
CAPTURES = os.path.abspath(sys.argv[2])
ROOT = os.path.dirname(CAPTURES)
UTF8 = {"LC_ALL": "C.UTF-8"}
ASCII = {"LC_ALL": "C"}


def environment(extra):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("LC_") and k not in ("LANG", "COLUMNS", "NO_COLOR", "TERM")}
    return kept | {"TERM": "xterm"} | extra


def run(*arguments, env=UTF8, cwd=None, **more):
    return subprocess.run([PROGRAM, *arguments], env=environment(env), cwd=cwd, capture_output=True, timeout=60, **more)


def on_terminal(columns, *arguments, env=UTF8):
    """What the program writes where standard output is a terminal of that width."""
    try:
        master, slave = pty.openpty()
    except OSError as error:
        raise unittest.SkipTest(f"no terminal is to be had here: {error}") from error
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, *arguments], stdout=slave, stderr=subprocess.PIPE, env=environment(env))
    os.close(slave)
    out = b""
    while select.select([master], [], [], 30)[0]:
        try:
            piece = os.read(master, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(master)
    errors = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 0, errors
    return out.decode("utf-8"), errors.decode("utf-8")


def content(path):
    with open(path, "rb") as f:
        return f.read()


def without_colour(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Commands(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.db = os.path.join(cls.folder.name, "sample.db")
        sample.create(cls.db).close()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def good(self, *arguments, **more):
        done = run(*arguments, **more)
        self.assertEqual((done.returncode, done.stderr), (0, b""), arguments)
        return done.stdout.decode("utf-8")

    def refused(self, status, *arguments, **more):
        done = run(*arguments, **more)
        self.assertEqual(done.returncode, status, (arguments, done.stderr))
        self.assertTrue(done.stderr.startswith(b"overhear: "), done.stderr)
        return done.stderr.decode("utf-8")


class List(Commands):
    def test_json_has_every_column_in_its_type(self):
        rows = [json.loads(line) for line in self.good("list", "--json", self.db).splitlines()]
        self.assertEqual([r["id"] for r in rows], [1, 2, 3])
        self.assertEqual(list(rows[0]), sample.HANDSHAKE_COLUMNS)
        self.assertEqual(rows[0]["tls_ms"], 14.125)
        self.assertEqual(rows[0]["time_ns"], 1700000000123456789)
        self.assertEqual(rows[0]["risks"], ["Known Proto on Non Std Port"])
        self.assertEqual(rows[0]["inferred"], ["tls_ms", "total_ms"])
        self.assertIsNone(rows[1]["cipher"])
        self.assertEqual(rows[2]["server_name"], sample.HOSTILE)

    def test_csv_is_rfc_4180_with_a_header(self):
        text = self.good("list", self.db, "--csv")
        self.assertEqual(text.count("\r\n"), 4)
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        self.assertEqual(list(rows[0]), sample.HANDSHAKE_COLUMNS)
        self.assertEqual(rows[0]["risks"], '["Known Proto on Non Std Port"]')
        self.assertEqual(rows[0]["tls_ms"], "14.125")
        self.assertEqual(rows[1]["cipher"], "")

    def test_a_pipe_gets_every_row_uncut_and_plain(self):
        lines = self.good("list", self.db).splitlines()
        self.assertEqual(lines[0].split(), "ID TIME CLIENT SERVER NAME VERSION CIPHER OUTCOME REASON TLS MS".split())
        self.assertEqual(len(lines), 4)
        self.assertIn("192.0.2.10:51234", lines[1])
        self.assertIn("[2001:db8:ffff:ffff:ffff:ffff:ffff:2]:443", lines[3])
        self.assertIn("no-common-version", lines[2])
        self.assertNotIn("\x1b", "".join(lines))

    def test_a_terminal_gets_a_table_that_fits(self):
        for columns in (40, 80, 100, 120, 200):
            out, _ = on_terminal(columns, "list", self.db)
            for line in without_colour(out).splitlines():
                self.assertLessEqual(len(line), columns, (columns, line))
        self.assertIn("\x1b[31mfailed", on_terminal(80, "list", self.db)[0])

    def test_no_color_is_respected(self):
        for env in (UTF8 | {"NO_COLOR": "1"}, UTF8 | {"TERM": "dumb"}):
            self.assertNotIn("\x1b", on_terminal(80, "list", self.db, env=env)[0])

    def test_the_newest_stand_last_and_a_terminal_is_spared_the_rest(self):
        path = self.path("many.db")
        db = sample.create(path)
        for i in range(4, 1504):
            sample.insert(db, "handshakes", sample.FAILED | {"id": i, "time_ns": sample.START_NS - i * 10**9})
        db.commit()
        db.close()
        out, errors = on_terminal(80, "list", path, env=UTF8 | {"NO_COLOR": "1"})
        ids = [int(line.split()[0]) for line in out.splitlines()[1:] if line.strip()]
        self.assertEqual(len(ids), 1000)
        self.assertEqual(ids[-3:], [1, 2, 3])
        self.assertIn("1000 of 1503", errors)
        self.assertEqual(len(self.good("list", path).splitlines()), 1504)

    def test_a_reader_that_goes_away_is_no_failure(self):
        for option in ([], ["--json"], ["--csv"]):
            process = subprocess.Popen([PROGRAM, "list", *option, self.path("many.db") if os.path.exists(self.path("many.db")) else self.db],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(UTF8))
            process.stdout.close()
            self.assertEqual((process.stderr.read(), process.wait(30)), (b"", 0))
            process.stderr.close()

    def test_a_full_disk_is_said(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("no /dev/full here")
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, "list", self.db], stdout=full, stderr=subprocess.PIPE, env=environment(UTF8), timeout=60)
        self.assertEqual(done.returncode, 3)
        self.assertIn(b"standard output", done.stderr)

    def test_the_default_database_is_in_the_working_directory(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIn("overhear.db", self.refused(3, "list", cwd=folder))
            sample.create(os.path.join(folder, "overhear.db")).close()
            self.assertEqual(len(self.good("list", cwd=folder).splitlines()), 4)


class Databases(Commands):
    def test_what_is_not_ours_is_refused(self):
        sample.create(self.path("foreign.db"), application_id=7).close()
        sample.create(self.path("newer.db"), version=999).close()
        with open(self.path("text"), "w") as f:
            f.write("no database at all\n" * 100)
        open(self.path("empty"), "w").close()
        for name, saying in (("foreign.db", "not a database of overhear"), ("newer.db", "newer than this program"), ("text", "not a database"),
                             ("empty", "is empty"), ("missing", "no such database"), (".", "is a folder")):
            for command in (["list"], ["show", "1"]):
                self.assertIn(saying, self.refused(3, *command, self.path(name)), name)

    def test_odd_file_names_are_opened_as_they_are(self):
        for name in ("a?mode=rwc", "100%41#.db", ":memory:", "with space.db", "file:x.db"):
            sample.create(self.path(name)).close()
            self.assertIn("www.example.com", self.good("list", name, cwd=self.folder.name))

    def test_reading_leaves_the_database_as_it_was(self):
        before = content(self.db)
        for arguments in (["list"], ["show", "1"]):
            self.good(*arguments, self.db)
        self.assertEqual(content(self.db), before)

    def test_a_database_that_is_being_written_can_be_read(self):
        db = sample.create(self.path("live.db"), wal=True)
        sample.insert(db, "handshakes", sample.FAILED | {"id": 9})
        self.assertEqual(len(self.good("list", self.path("live.db")).splitlines()), 4)
        db.commit()
        self.assertEqual(len(self.good("list", self.path("live.db")).splitlines()), 5)
        db.close()

    def test_a_wal_database_in_a_read_only_folder_can_be_read(self):
        folder = self.path("sealed")
        os.mkdir(folder)
        sample.create(os.path.join(folder, "a.db"), wal=True).close()
        os.chmod(folder, 0o555)
        try:
            if os.geteuid() == 0:
                # Permissions do not bind root: let another user read.
                os.chmod(self.folder.name, 0o755)
                done = run("list", os.path.join(folder, "a.db"), user=65534, group=65534)
                if b"Permission denied" in done.stderr:
                    self.skipTest("the program's folder is closed to other users")
            else:
                done = run("list", os.path.join(folder, "a.db"))
            self.assertEqual((done.returncode, done.stderr), (0, b""))
            self.assertEqual(len(done.stdout.splitlines()), 4)
        finally:
            os.chmod(folder, 0o755)


class Show(Commands):
    def test_the_page_tells_the_whole_story(self):
        page = self.good("show", "1", self.db)
        for saying in ("handshake 1", "www.example.com", "completed: TLS 1.3 with TLS_AES_128_GCM_SHA256 over X25519MLKEM768 in 14.1 ms",
                       "client_hello 1700 B", "+11.500", "● TLS_AES_128_GCM_SHA256", "● h2", "CN=www.example.com", "16 days left at this handshake",
                       "expired 317 days before this handshake", "key RSA 2048 bits", "dns:example.com", "sample.pcapng, packets 1–9", "ja4"):
            self.assertIn(saying, page)
        self.assertNotIn("● x25519", page)

    def test_a_failure_is_told_with_alert_and_finding(self):
        page = " ".join(self.good("show", "2", self.db).split())
        self.assertIn("failed: the server answered with the alert handshake_failure (", page)
        self.assertIn("alert: fatal handshake_failure", page)
        self.assertIn("no-common-version (likely): client and server share no version", page)
        self.assertIn("update the client", page)

    def test_missing_bytes_are_told(self):
        page = " ".join(self.good("show", "3", self.db).split())
        self.assertIn("partial: bytes are missing (gap,truncated)", page)
        self.assertIn("2 retransmissions", page)

    def test_lines_fit_the_terminal(self):
        for columns in (80, 120, 300):
            for handshake in "123":
                out, _ = on_terminal(columns, "show", handshake, self.db)
                for line in without_colour(out).splitlines():
                    self.assertLessEqual(len(line), min(columns, 120), line)

    def test_a_locale_without_unicode_gets_ascii(self):
        for handshake in "123":
            for command in (["show", handshake], ["list"]):
                self.assertTrue(self.good(*command, self.db, env=ASCII).isascii())
        self.assertIn("|-- client_hello 1700 B ---", self.good("show", "1", self.db, env=ASCII))

    def test_json_is_one_object_with_all_that_belongs_to_it(self):
        text = self.good("show", "1", "--json", self.db)
        self.assertEqual(text.count("\n"), 1)
        whole = json.loads(text)
        self.assertEqual(whole["cipher_code"], 0x1301)
        self.assertEqual([m["message"] for m in whole["messages"]][:2], ["client_hello", "server_hello"])
        self.assertEqual(len(whole["offers"]), sum(len(v) for v in sample.OFFERS.values()))
        self.assertEqual([c["sha256"] for c in whole["chains"]], [sample.LEAF, sample.ROOT])
        self.assertEqual(whole["certificates"][0]["san"][0], "dns:www.example.com")
        self.assertEqual(whole["certificates"][0]["der"], "3000")
        self.assertEqual(whole["captures"][0]["limits"], {"messages": 0})
        self.assertEqual(json.loads(self.good("show", "2", "--json", self.db))["alerts"][0]["code"], 40)

    def test_csv_is_the_messages(self):
        rows = list(csv.DictReader(io.StringIO(self.good("show", "2", "--csv", self.db), newline="")))
        self.assertEqual([(r["sender"], r["message"]) for r in rows], [("client", "client_hello"), ("server", "alert")])

    def test_unknown_ids_are_refused(self):
        for word in ("99", "0", "abc", "-1", "1x", "99999999999999999999"):
            self.refused(2, "show", "--", word, self.db)

    def test_a_database_without_findings_can_be_shown(self):
        db = sample.create(self.path("old.db"))
        db.execute("DROP TABLE findings")
        db.commit()
        db.close()
        self.assertNotIn("findings", self.good("show", "2", self.path("old.db")))


class Recorded(Commands):
    """What the program itself recorded, through the real views."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.recorded = os.path.join(cls.folder.name, "recorded.db")
        captures = [os.path.join(CAPTURES, f"{name}.pcap") for name in ("certificate_wildcard", "client_auth_unknown_ca", "early_data_hello_retry")]
        done = run("read", "-q", "-o", cls.recorded, *captures)
        assert done.returncode == 0, done.stderr

    def rows(self):
        return [json.loads(line) for line in self.good("list", "--json", self.recorded).splitlines()]

    def test_the_view_has_the_columns_of_the_contract(self):
        for row in self.rows():
            self.assertEqual(list(row), sample.HANDSHAKE_COLUMNS)

    def test_every_handshake_can_be_shown(self):
        rows = self.rows()
        self.assertGreaterEqual(len(rows), 4)
        for row in rows:
            page = self.good("show", str(row["id"]), self.recorded)
            self.assertIn("client_hello", page)
            # A path is as long as it is.
            lines = [line for line in page.splitlines() if CAPTURES not in line]
            self.assertLessEqual(max(map(len, lines)), 80)
            whole = json.loads(self.good("show", "--json", str(row["id"]), self.recorded))
            self.assertEqual({k: whole[k] for k in row}, row)
            self.assertEqual(len(whole["chains"]), (row["server_certificates"] or 0) + (row["client_certificates"] or 0))

    def test_a_second_hello_shows_what_changed(self):
        retried = [row for row in self.rows() if row["hello_retry"] == 1]
        self.assertTrue(retried)
        page = self.good("show", str(retried[0]["id"]), self.recorded)
        second = page.split("changed in the client's second hello")[1].split("\n\n")[0]
        self.assertIn("key shares", second)
        self.assertNotIn("suites", second)

    def test_certificates_of_both_sides_are_shown(self):
        refused = [row for row in self.rows() if row["alert"] == "unknown_ca"]
        page = self.good("show", str(refused[0]["id"]), self.recorded)
        self.assertIn("certificates of the server", page)
        self.assertIn("certificates of the client", page)


class Diagnose(Commands):
    def test_a_failure_has_its_count_its_evidence_and_its_remedy(self):
        out = self.good("diagnose", self.db)
        for text in ("no-common-version  1 handshake\n", "the server (1)", "old.example.com", "192.0.2.10", "the client offers TLS 1.0 at most",
                     "(overhear show 2)", "update the client where"):
            self.assertIn(text, re.sub(r"\s*\n\s{16}", " ", out))

    def test_connections_without_a_hello_and_other_findings_follow(self):
        out = self.good("diagnose", self.db)
        self.assertIn("refused  3 connections\n", out)
        self.assertIn("[2001:db8::7]:8443 (3)", out)
        self.assertLess(out.index("refused"), out.index("also found"))
        self.assertIn("no-post-quantum 1 time, last in handshake 1", out)
        self.assertEqual(out.count("no-common-version"), 1)

    def test_json_names_who_was_hit(self):
        first, second = [json.loads(line) for line in self.good("diagnose", "--json", self.db).splitlines()]
        self.assertEqual((first["kind"], first["cause"], first["failures"], first["by_server"], first["by_client"]),
                         ("handshake", "no-common-version", 1, 1, 0))
        self.assertEqual(first["servers"], [{"name": "old.example.com", "failures": 1}])
        self.assertEqual(first["evidence"], "the client offers TLS 1.0 at most")
        self.assertEqual((second["kind"], second["cause"], second["failures"], second["example"]), ("attempt", "refused", 3, None))

    def test_csv_has_a_row_for_each_cause(self):
        rows = list(csv.DictReader(io.StringIO(self.good("diagnose", "--csv", self.db), newline="")))
        self.assertEqual([row["cause"] for row in rows], ["no-common-version", "refused"])
        self.assertEqual(rows[0]["clients"], "192.0.2.10")

    def test_where_nothing_failed_it_says_so(self):
        db = sample.create(self.path("fine.db"))
        db.execute("UPDATE handshakes SET cause = NULL")
        db.execute("DELETE FROM attempts")
        db.execute("DELETE FROM findings")
        db.commit()
        db.close()
        self.assertEqual(self.good("diagnose", self.path("fine.db")), "No handshake failed.\n")
        self.assertEqual(self.good("diagnose", "--json", self.path("fine.db")), "")

    def test_lines_fit_the_terminal(self):
        for columns in (60, 80, 120):
            for command in ("diagnose", "certs"):
                for line in without_colour(on_terminal(columns, command, self.db)[0]).splitlines():
                    self.assertLessEqual(len(line), columns, (columns, line))


class Certs(Commands):
    def test_every_member_has_its_days_at_the_newest_handshake(self):
        rows = [json.loads(line) for line in self.good("certs", "--json", self.db).splitlines()]
        self.assertEqual([(row["position"], row["sha256"], row["days_left"]) for row in rows], [(0, sample.LEAF, 16), (1, sample.ROOT, -318)])
        self.assertEqual(rows[0]["seen_at"], [{"place": "www.example.com", "handshakes": 1}])
        self.assertEqual(rows[1]["leaf_sha256"], sample.LEAF)

    def test_the_table_is_a_tree(self):
        lines = self.good("certs", self.db).splitlines()
        self.assertEqual(lines[0].split(), ["DAYS", "UNTIL", "KEY", "CERTIFICATE", "SEEN", "AT"])
        self.assertRegex(lines[1], r"^ +16 +2023-12-01 +EC prime256v1 +CN=www.example.com +1 +www.example.com$")
        self.assertRegex(lines[2], r"^ *-318 .* \u2514 CN=Example CA")
        self.assertIn("` CN=Example CA", self.good("certs", self.db, env=ASCII))

    def test_csv_has_a_row_for_each_member(self):
        rows = list(csv.DictReader(io.StringIO(self.good("certs", "--csv", self.db), newline="")))
        self.assertEqual([row["key_type"] for row in rows], ["EC", "RSA"])


class Explain(Commands):
    def test_every_finding_is_explained_with_its_remedy(self):
        listed = re.findall(r"^\| `([a-z-]+)` \|", content(os.path.join(ROOT, "docs", "findings.md")).decode(), re.M)
        self.assertGreater(len(listed), 50)
        for code in listed:
            senses = [json.loads(line) for line in self.good("explain", "--json", code).splitlines()]
            self.assertTrue(any(s["kind"].startswith("finding, ") and s["remedy"] for s in senses), code)

    def test_names_are_found_in_any_case(self):
        self.assertIn("cipher 0x1301", self.good("explain", "tls_aes_128_gcm_sha256"))
        self.assertIn("message 1", self.good("explain", "Client-Hello"))
        self.assertIn("version 0x0304", self.good("explain", "TLS", "1.3"))
        self.assertIn("alert 40", self.good("explain", "handshake_failure"))

    def test_a_column_lists_its_values(self):
        text = self.good("explain", "outcome")
        for value in ("completed", "failed", "open", "partial"):
            self.assertRegex(text, rf"(?m)^  {value} ")

    def test_a_value_is_found_in_each_of_its_columns(self):
        senses = [json.loads(line) for line in self.good("explain", "rejected", "--json").splitlines()]
        self.assertEqual({s["kind"] for s in senses}, {"value of ech", "value of early_data", "value of client_auth"})

    def test_a_code_is_found_in_each_registry(self):
        senses = {(s["kind"], s["name"]) for s in map(json.loads, self.good("explain", "--json", "0x0a").splitlines())}
        self.assertIn(("extension", "supported_groups"), senses)
        self.assertIn(("alert", "unexpected_message"), senses)
        self.assertEqual(self.good("explain", "10"), self.good("explain", "0x0A"))

    def test_unknown_words_suggest_the_nearest(self):
        self.assertIn("'handshake_failure'", self.refused(2, "explain", "handshak_failure"))
        self.refused(2, "explain", "qqqqqqqq")
        self.refused(2, "explain", "0xffffffff")

    def test_csv_has_a_header(self):
        rows = list(csv.DictReader(io.StringIO(self.good("explain", "x25519", "--csv"), newline="")))
        self.assertEqual((rows[0]["kind"], rows[0]["code"]), ("group", "29"))


class CommandLine(Commands):
    def test_help_names_every_option_of_a_command(self):
        text = self.good("-h")
        for word in ("list [DB]", "show ID [DB]", "explain WORD", "-V, --version", "-D, --interfaces"):
            self.assertIn(word, text)
        for command in ("list", "show", "explain"):
            text = self.good(command, "-h")
            self.assertIn(f"usage: overhear {command}", text)
            self.assertIn("--json", text)

    def test_help_fits_eighty_columns(self):
        for arguments in (["-h"], ["list", "-h"], ["show", "-h"], ["explain", "-h"], ["read", "-h"], ["listen", "-h"]):
            for line in self.good(*arguments).splitlines():
                self.assertLessEqual(len(line), 80, line)

    def test_the_version_is_printed(self):
        self.assertRegex(self.good("--version"), r"^overhear \d+\.\d+\.\d+\n$")

    def test_bad_arguments_end_with_2(self):
        self.assertIn("did you mean 'list'", self.refused(2, "lst"))
        self.assertIn("list", self.refused(2, "list", "-f", "tcp"))
        self.refused(2)
        self.refused(2, "show")
        self.refused(2, "list", "--json", "--csv")

    def test_no_control_byte_reaches_the_terminal(self):
        db = sample.create(self.path("evil.db"))
        evil = "a\x1b]0;x\x07\x9b31m\x7f\u202e\r\nb"
        db.execute("UPDATE handshakes SET server_name = ?1, alpn = ?1, cipher = ?1, cause = ?1, reassembly = ?1, time = ?1", [evil])
        db.execute("UPDATE messages SET message = ?1", [evil])
        db.execute("UPDATE offers SET name = ?1", [evil])
        db.execute("UPDATE certificates SET subject = ?1, issuer = ?1, san = '[\"dns:' || ?1 || '\"]', not_before = ?1", [evil])
        db.execute("UPDATE findings SET title = ?1, detail = ?1, remedy = ?1", [evil])
        db.execute("UPDATE captures SET source = ?1", [evil])
        db.execute("UPDATE alerts SET description = ?1", [evil])
        db.commit()
        db.close()
        for command in ([["list"], ["list", "--json"], ["list", "--csv"]] +
                        [[c, *o] for c in ("diagnose", "certs") for o in ([], ["--json"], ["--csv"])] +
                        [["show", i, *o] for i in "123" for o in ([], ["--json"], ["--csv"])]):
            for env in (UTF8, ASCII):
                text = self.good(*command, self.path("evil.db"), env=env)
                if "--csv" in command:
                    text = text.replace("\r\n", "\n")
                self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", command)
        out, _ = on_terminal(80, "show", "1", self.path("evil.db"), env=UTF8 | {"NO_COLOR": "1"})
        self.assertNotRegex(out.replace("\r\n", "\n"), "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
        done = run("explain", "a\x1b[31mb")
        self.assertNotIn(b"\x1b", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
