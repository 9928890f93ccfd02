"""That golden.py can fail: a made-up program answers for one capture, rightly and in each wrong way."""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

FAKE = """#!{python}
import json, os, sqlite3, sys
if "-h" in sys.argv:
    print({help!r})
    sys.exit(0)
database = sqlite3.connect(sys.argv[sys.argv.index("-o") + 1])
with open(os.path.join({folder!r}, "answer.json")) as f:
    row = json.load(f)
if "--keylog" in sys.argv:
    row["alpn"] = "h2"
names = ", ".join(row)
database.execute(f"CREATE TABLE stored ({{names}})")
database.execute(f"INSERT INTO stored VALUES ({{', '.join('?' * len(row))}})", list(row.values()))
database.execute("CREATE VIEW handshakes AS SELECT * FROM stored")
database.commit()
"""
ANSWER = {"id": 1, "time_ns": 5, "server_name": "example.test", "version": "TLS 1.3", "alpn": None}
TRUTH = {"handshakes": [{"server_name": "example.test", "version": "TLS 1.3", "alpn": None, "encapsulation": "?",
                         "hidden": {"alpn": "h2"}}]}


class Tree:
    """A root with one capture, its golden and its truth, and the program that answers `answer`."""

    def __init__(self, folder, helped=""):
        self.root = pathlib.Path(folder)
        for place in ("pcaps/truth", "tests/golden"):
            (self.root / place).mkdir(parents=True)
        (self.root / "pcaps/one.pcap").touch()
        (self.root / "pcaps/one.keys").touch()
        (self.root / "pcaps/truth/one.json").write_text(json.dumps(TRUTH))
        self.program = self.root / "fake"
        self.program.write_text(FAKE.format(python=sys.executable, folder=folder, help=helped))
        os.chmod(self.program, 0o755)
        self.answer(ANSWER)
        self.run("--update")

    def answer(self, row):
        (self.root / "answer.json").write_text(json.dumps(row))

    def run(self, *options, names=("one",)):
        return subprocess.run([sys.executable, HERE / "golden.py", *options, self.root, self.program, *names],
                              stdout=subprocess.PIPE, text=True).stdout


def the_same_rows_pass(tree):
    assert "not ok" not in tree.run() and "ok 3" in tree.run()


def another_value_fails_golden_and_truth(tree):
    tree.answer({**ANSWER, "version": "TLS 1.2"})
    said = tree.run()
    assert "not ok 2 - one: rows" in said and "not ok 3 - one: truth" in said and "'TLS 1.2'" in said


def a_value_that_should_be_hidden_fails(tree):
    tree.answer({**ANSWER, "alpn": "h2"})
    assert "alpn is 'h2', truth is None" in tree.run()


def a_missing_golden_fails(tree):
    (tree.root / "tests/golden/one.golden").unlink()
    assert "one.golden is missing" in tree.run()


def a_handshake_too_few_fails(tree):
    (tree.root / "pcaps/truth/one.json").write_text(json.dumps({"handshakes": TRUTH["handshakes"] * 2}))
    assert "1 handshakes, truth has 2" in tree.run()


def a_program_that_dies_fails(tree):
    tree.program.write_text("#!/bin/sh\nexit 3\n")
    assert "overhear ended with 3" in tree.run()


def a_value_outside_its_range_fails(tree):
    known = {"handshakes": [{**TRUTH["handshakes"][0], "between": {"dns_ms": [40, 55]}}]}
    (tree.root / "pcaps/truth/one.json").write_text(json.dumps(known))
    assert "dns_ms is None, truth is 40 to 55" in tree.run()
    tree.answer({**ANSWER, "dns_ms": 39.9})
    assert "dns_ms is 39.9" in tree.run()
    tree.answer({**ANSWER, "dns_ms": 41.5})
    assert "truth is 40 to 55" not in tree.run()


def a_column_that_nobody_fills_fails(tree):
    assert "ja3 is NULL in every capture" in tree.run(names=())


def a_road_that_nobody_takes_fails(tree):
    tree.answer({**ANSWER, "starttls": "proxy-v1+smtp"})
    said = tree.run(names=())
    assert "imap leads nowhere" in said and "smtp leads nowhere" not in said, said


def a_column_that_came_early_fails(tree):
    tree.answer({**ANSWER, "encapsulation": "vlan 7"})
    assert "take it out of EXPECTED_LATER" in tree.run(names=())


def a_tree_without_captures_fails(tree):
    assert "none found" in tree.run(names=("another",))


def main():
    tests = [test for name, test in sorted(globals().items()) if callable(test) and test.__module__ == "__main__"
             and name not in ("main", "Tree")]
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            test(Tree(folder))
    with tempfile.TemporaryDirectory() as folder:
        said = Tree(folder, helped="-k, --keylog FILE").run()
        assert "ok 5 - one.keys: truth" in said and "not ok" not in said, said


if __name__ == "__main__":
    main()
