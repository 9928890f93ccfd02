"""secrets.py ROOT OVERHEAR: reads the captures of pcaps/ that have a key log, and looks at every byte of what is stored.

The endpoints of these captures speak HTTP; what they say (WORDS) is application data and must be nowhere in the
database, its journal, or what the program prints. That the words are in the captures is shown where anybody can see
it, in one without encryption, and for all others by tshark, where that is installed. That the test can fail is shown
with a database into which a word was written.
"""
import pathlib
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

# Lines of HTTP/1, and the answer to "hello", that no name, certificate or list of offers holds.
WORDS = [b"olleh", b"GET /", b"HTTP/1.0", b"HTTP/1.1 ", b"User-Agent:", b"Content-Type:", b"Content-Length:", b"<html", b"<!DOCTYPE"]
# TLS without encryption: its application data lies open in the capture.
OPEN = "tls11_null_cipher"
# HTTP/1 in TLS 1.3, part of it as early data.
SEALED = "early_data_accepted"
HEX_LINE = re.compile(r"^[0-9a-f]{4}  ((?:[0-9a-f]{2} )+)", re.M)


def stored(folder):
    """Every byte that the program wrote."""
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def words_in(data):
    return [word for word in WORDS if word in data]


def read(overhear, capture, keylog, folder):
    done = subprocess.run([overhear, "read", "-k", keylog, capture, "-o", folder / "rows.db"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def opened_messages(folder):
    connection = sqlite3.connect(f"file:{folder / 'rows.db'}?mode=ro", uri=True)
    try:
        return connection.execute("SELECT count(*) FROM messages WHERE decrypted").fetchone()[0]
    finally:
        connection.close()


def words_by_tshark(capture, *options):
    done = subprocess.run(["tshark", "-r", capture, "-x", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True)
    return words_in(bytes.fromhex("".join(HEX_LINE.findall(done.stdout))))


def check_capture(overhear, capture):
    """What is wrong, and whether anything was opened."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        status, said = read(overhear, capture, capture.with_suffix(".keys"), folder)
        if status:
            return [f"exit status {status}: {said.decode(errors='replace')}"], False
        wrong = [f"{word!r} is in the database" for word in words_in(stored(folder))]
        wrong += [f"{word!r} was printed" for word in words_in(said)]
        return wrong, opened_messages(folder) > 0


def check_itself(root):
    """The test can fail: the words are in the open capture, and would be seen in a database."""
    wrong = []
    capture = root / "pcaps" / f"{OPEN}.pcap"
    if not words_in(capture.read_bytes()):
        wrong.append(f"{capture.name} holds none of the words: it shows nothing")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        connection = sqlite3.connect(folder / "rows.db")
        connection.execute("CREATE TABLE t(x)")
        connection.execute("INSERT INTO t VALUES (?)", (b"User-Agent: nobody",))
        connection.commit()
        connection.close()
        if words_in(stored(folder)) != [b"User-Agent:"]:
            wrong.append("a word in a database is not seen")
    return wrong


def sealed_words(root):
    name = "another tool finds the words where we store none"
    if not shutil.which("tshark"):
        return f"{name} # SKIP tshark is not installed", []
    capture = root / "pcaps" / f"{SEALED}.pcap"
    wrong = []
    if not words_by_tshark(capture, "-o", f"tls.keylog_file:{capture.with_suffix('.keys')}"):
        wrong.append(f"tshark finds no word in {capture.name}")
    if words_by_tshark(capture):
        wrong.append(f"the words of {capture.name} are not sealed")
    return name, wrong


def main():
    root, overhear = pathlib.Path(sys.argv[1]), sys.argv[2]
    captures = sorted(path.with_suffix(".pcap") for path in (root / "pcaps").glob("*.keys"))
    results = [("the test can fail", check_itself(root))]
    opened = 0
    for capture in captures:
        wrong, any_opened = check_capture(overhear, capture)
        opened += any_opened
        results.append((f"{capture.stem}: no application data is stored", wrong))
    results.append(("most of them were opened", [] if opened * 2 > len(captures) else [f"{opened} of {len(captures)}"]))
    results.append(sealed_words(root))
    print(f"1..{len(results)}")
    for number, (name, wrong) in enumerate(results, 1):
        print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
        for line in wrong:
            print(f"# {line}")


main()
