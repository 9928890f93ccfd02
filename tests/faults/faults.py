#!/usr/bin/env python3
"""faults.py OVERHEAR CAPTURE: kills, full files, locks, signals, broken databases, rotation; each with the real thing, in a network namespace of its own. TAP."""
import hashlib
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time

WAIT_S = 30
HERE = pathlib.Path


def frames(path):
    data = HERE(path).read_bytes()
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack("<I", data[at + 8:at + 12])[0]
        yield data[at + 16:at + 16 + length]
        at += 16 + length


def until(condition):
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def count(path, sql="SELECT count(*) FROM handshakes"):
    try:
        db = sqlite3.connect(path, timeout=WAIT_S)
        answer = db.execute(sql).fetchone()[0]
        db.close()
        return answer
    except sqlite3.Error:
        return -1


def is_sound(path):
    return count(path, "PRAGMA integrity_check") == "ok"


class Listener:
    def __init__(self, overhear, folder, *options):
        self.err = folder / f"err.{time.monotonic_ns()}"
        self.process = subprocess.Popen([overhear, "listen", "oh1", *options], stdout=subprocess.DEVNULL, stderr=open(self.err, "w", encoding="utf-8"))
        assert until(lambda: "capturing on" in self.text() or self.process.poll() is not None), "did not begin"

    def text(self):
        return self.err.read_text(encoding="utf-8", errors="replace")

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(WAIT_S)


def send(capture, times=1):
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    wire.bind(("oh0", 0))
    for _ in range(times):
        for frame in frames(capture):
            wire.send(frame[:1514])
            time.sleep(0.0005)
    wire.close()


def killed_it_goes_on(overhear, capture, folder):
    path = folder / "k.db"
    for run in range(1, 4):
        listener = Listener(overhear, folder, "-o", str(path))
        send(capture)
        if not until(lambda: count(path) == run):
            return f"{count(path)} handshakes instead of {run}: {listener.text()}"
        listener.stop(signal.SIGKILL)
        if not is_sound(path):
            return "is not sound"
    return None


def beyond_the_size_of_files_it_says_what_is_lost(overhear, capture, folder):
    path = folder / "f.db"
    done = subprocess.run([overhear, "read", capture, "-o", str(path)], stderr=subprocess.PIPE, text=True, timeout=WAIT_S, check=False,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
    if done.returncode != 3 or not done.stderr:
        return f"ended with {done.returncode}: {done.stderr}"
    return "an unusable file was left" if path.exists() and not is_sound(path) else None


def a_lock_is_waited_for(overhear, capture, folder):
    path = folder / "l.db"
    listener = Listener(overhear, folder, "-o", str(path))
    lock = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    send(capture, 3)
    time.sleep(1)
    if lock.execute("SELECT count(*) FROM handshakes").fetchone()[0]:
        return "the lock held nobody"
    lock.execute("ROLLBACK")
    lock.close()
    found = until(lambda: count(path) >= 1)
    status = listener.stop()
    return None if found and status == 0 and "could not be stored" not in listener.text() else f"{status}: {listener.text()}"


def a_lock_does_not_keep_it_from_ending(overhear, capture, folder):
    path = folder / "e.db"
    listener = Listener(overhear, folder, "-o", str(path))
    lock = sqlite3.connect(path, timeout=WAIT_S, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    send(capture)
    time.sleep(1)
    status = listener.stop()
    lock.close()
    return None if status == 3 and re.search(r"\d+ handshakes could not be stored", listener.text()) else f"{status}: {listener.text()}"


def signals_that_mean_nothing_end_nothing(overhear, capture, folder):
    path = folder / "s.db"
    listener = Listener(overhear, folder, "-o", str(path))
    for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM, signal.SIGPIPE, signal.SIGXFSZ):
        listener.process.send_signal(number)
    send(capture)
    found = until(lambda: count(path) == 1)
    return None if found and listener.stop() == 0 else listener.text()


def a_file_moved_away_is_made_anew_on_sighup(overhear, capture, folder):
    listener = Listener(overhear, folder, "-o", str(folder / "r-%Y.db"))
    path = next(folder.glob("r-*.db"))
    send(capture)
    if not until(lambda: count(path) == 1):
        return "the first was not stored"
    for end in ("", "-wal", "-shm"):
        if os.path.exists(f"{path}{end}"):
            os.rename(f"{path}{end}", f"{folder}/moved.db{end}")
    listener.process.send_signal(signal.SIGHUP)
    if not until(lambda: "goes on in" in listener.text()):
        return f"no new file: {listener.text()}"
    if not until(lambda: count(path, "SELECT count(*) FROM captures") == 1):
        return "the new file has no capture"
    status = listener.stop()
    return None if status == 0 and count(folder / "moved.db") == 1 and is_sound(path) else f"{status}: {listener.text()}"


def what_is_no_database_of_ours_stays_as_it_is(overhear, capture, folder):
    path = folder / "c.db"
    subprocess.run([overhear, "read", "-q", capture, "-o", str(path)], check=True, timeout=WAIT_S, stderr=subprocess.DEVNULL)
    good = path.read_bytes()
    broken = bytearray(good)
    broken[8192 * 3 + 3:8192 * 3 + 40] = b"\xff" * 37
    newer = good[:60] + b"\0\0\xff\xff" + good[64:]
    for name, content in (("text", b"#!/bin/sh\n" * 20), ("cut", good[:len(good) // 2]), ("broken", bytes(broken)), ("newer", newer)):
        path.write_bytes(content)
        done = subprocess.run([overhear, "read", capture, "-o", str(path)], stderr=subprocess.PIPE, text=True, timeout=WAIT_S, check=False)
        if done.returncode != 3 or "c.db" not in done.stderr:
            return f"{name}: ended with {done.returncode}: {done.stderr}"
        if hashlib.sha256(path.read_bytes()).digest() != hashlib.sha256(content).digest() or list(folder.glob("c.db-*")):
            return f"{name}: was changed, or something was left beside it"
    return None


TESTS = (killed_it_goes_on, beyond_the_size_of_files_it_says_what_is_lost, a_lock_is_waited_for, a_lock_does_not_keep_it_from_ending,
         signals_that_mean_nothing_end_nothing, a_file_moved_away_is_made_anew_on_sighup, what_is_no_database_of_ours_stays_as_it_is)


def main():
    overhear, capture = map(os.path.abspath, sys.argv[1:3])
    if os.geteuid() != 0 or not all(shutil.which(tool) for tool in ("unshare", "ip")):
        print("1..0 # SKIP needs root, unshare and ip")
        return 0
    if os.environ.get("OVERHEAR_NAMESPACE") != "1":
        os.environ["OVERHEAR_NAMESPACE"] = "1"
        os.execvp("unshare", ["unshare", "-n", sys.executable] + sys.argv)
    for command in ("link add oh0 type veth peer name oh1", "link set oh0 up", "link set oh1 up"):
        if subprocess.run(["ip"] + command.split(), check=False).returncode:
            print("1..0 # SKIP no veth here")
            return 0
    failed = 0
    print(f"1..{len(TESTS)}")
    for number, test in enumerate(TESTS, 1):
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o1777)
            why = test(overhear, capture, HERE(folder))
        failed += why is not None
        print(f"{'not ok' if why else 'ok'} {number} - {test.__name__.replace('_', ' ')}", flush=True)
        if why:
            print("# " + why[:1500].replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


sys.exit(main())
