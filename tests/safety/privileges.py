"""privileges.py OVERHEAR READELF PCAPS [--instrumented]: what a run gives up before it looks at packets, seen from outside.

A run is held at a pipe or an interface while the kernel is asked about it: users, groups, capabilities, system calls (its filter is read
and evaluated), descriptors, limits; for root and for an ordinary user. Then every use of the program is tried for what the filter would
kill. The program's file is looked at too. What needs root, and what this kernel lacks, is skipped, saying so.
"""
import ctypes
import gzip
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import sqlite3
import stat
import struct
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM, READELF, PCAPS = os.path.abspath(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3]).resolve()
INSTRUMENTED = "--instrumented" in sys.argv
ROOT = os.geteuid() == 0
CAPTURE = PCAPS / "office.pcap"
WAIT_S = 20
NOBODY = pwd.getpwnam("nobody")
ROOTS_WORDS = re.compile(r"continues as user '(\w+)'")

# Calls of x86-64 by number: what somebody who has taken over the process would want first.
WANTED = {
    "open": 2, "openat": 257, "openat2": 437, "creat": 85, "unlink": 87, "rename": 82, "truncate": 76, "link": 86, "symlink": 88, "mknod": 133,
    "chmod": 90, "chown": 92, "mkdir": 83, "mount": 165, "chroot": 161, "pivot_root": 155, "setns": 308, "unshare": 272,
    "execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "clone": 56, "clone3": 435, "kill": 62, "tkill": 200, "ptrace": 101,
    "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_open": 434, "pidfd_getfd": 438, "process_madvise": 440,
    "socket": 41, "connect": 42, "bind": 49, "listen": 50, "accept": 43, "sendto": 44, "socketpair": 53,
    "setuid": 105, "setresuid": 117, "setgroups": 116, "capset": 126, "prctl": 157, "seccomp": 317, "personality": 135, "setrlimit": 160,
    "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425, "memfd_create": 319, "keyctl": 250, "add_key": 248,
    "init_module": 175, "finit_module": 313, "kexec_load": 246, "reboot": 169, "open_by_handle_at": 304, "pkey_mprotect": 329,
    "arch_prctl": 158, "modify_ldt": 154, "iopl": 172, "ioperm": 173, "settimeofday": 164, "shmget": 29, "msgget": 68,
}
ALLOW, KILL_PROCESS, ERRNO = 0x7fff0000, 0x80000000, 0x00050000
X86_64, I386, AARCH64 = 0xC000003E, 0x40000003, 0xC00000B7


def run_filter(program, number, arch=X86_64, arguments=(0,) * 6):
    """A seccomp filter is classic BPF over struct seccomp_data."""
    data = struct.pack("<iIQ6Q", number, arch, 0, *arguments)
    a = x = at = 0
    memory = [0] * 16
    while at < len(program):
        code, true, false, k = program[at]
        at += 1
        kind = code & 7
        if kind == 0:
            a = {0x20: lambda: struct.unpack_from("<I", data, k)[0], 0: lambda: k, 0x60: lambda: memory[k]}[code & 0xe0]()
        elif kind == 1:
            x = memory[k] if code & 0xe0 else k
        elif kind in (2, 3):
            memory[k] = a if kind == 2 else x
        elif kind == 4:
            by = x if code & 8 else k
            a = {0: a + by, 0x10: a - by, 0x40: a | by, 0x50: a & by, 0x60: a << by, 0x70: a >> by, 0x80: -a}[code & 0xf0] & 0xffffffff
        elif kind == 5:
            by = x if code & 8 else k
            what = code & 0xf0
            if what == 0:
                at += k
            else:
                at += true if {0x10: a == by, 0x20: a > by, 0x30: a >= by, 0x40: bool(a & by)}[what] else false
        elif kind == 6:
            return a if code & 0x18 else k
        else:
            a, x = (x, x) if code & 0xf8 else (a, a)
    raise AssertionError("a filter without an end")


def filter_of(pid):
    """The one filter of a process, by ptrace, which only root may do."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.restype = ctypes.c_long
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    seize, interrupt, detach, get_filter = 0x4206, 0x4207, 17, 0x420c
    if libc.ptrace(seize, pid, None, None):
        return None
    try:
        libc.ptrace(interrupt, pid, None, None)
        os.waitpid(pid, 0x40000000)
        count = libc.ptrace(get_filter, pid, 0, None)
        if count <= 0:
            return None
        room = ctypes.create_string_buffer(count * 8)
        libc.ptrace(get_filter, pid, 0, ctypes.addressof(room))
        return [struct.unpack_from("<HBBI", room.raw, i * 8) for i in range(count)]
    finally:
        libc.ptrace(detach, pid, None, None)


def text(path):
    with open(path, errors="replace") as file:
        return file.read()


def threads_of(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/status") as lines:
            yield dict(line.rstrip("\n").split(":", 1) for line in lines if ":" in line)


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as words:
                    if int(words.read().rsplit(")", 1)[1].split()[1]) == pid:
                        found.append(int(entry))
            except (OSError, IndexError):
                pass
    return found


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as words:
            return words.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Held:
    """A reading that waits at a pipe: it has come as far as its first packet."""

    def __init__(self, test, *more, database="held.db", user=None, env=None):
        self.folder = test.folder
        pipe = os.path.join(self.folder, "pipe")
        if not os.path.exists(pipe):
            os.mkfifo(pipe)
            os.chmod(pipe, 0o644)
        self.errors = os.path.join(self.folder, "errors")
        command = [PROGRAM, "read", "-o", os.path.join(self.folder, database), *more, pipe]
        with open(self.errors, "w") as errors:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors, user=user,
                                            group=user and NOBODY.pw_gid, extra_groups=[] if user else None, env=env)
        data = CAPTURE.read_bytes()
        until = time.monotonic() + WAIT_S
        while True:         # the reader comes to the pipe when all is in place
            try:
                self.pipe = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > until:
                    raise AssertionError(text(self.errors))
                time.sleep(0.02)
        os.write(self.pipe, data[:30000])
        self.rest = data[30000:]
        while not os.path.exists(os.path.join(self.folder, database + "-wal")) and time.monotonic() < until:
            time.sleep(0.02)
        while len(list(threads_of(self.process.pid))) < 2 and self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)

    @property
    def pid(self):
        return self.process.pid

    def finish(self):
        os.set_blocking(self.pipe, True)
        while self.rest:
            self.rest = self.rest[os.write(self.pipe, self.rest):]
        os.close(self.pipe)
        status = self.process.wait(WAIT_S)
        return status, text(self.errors)


class Case(unittest.TestCase):
    def setUp(self):
        self.holder = tempfile.TemporaryDirectory(prefix="privileges-")
        self.folder = self.holder.name
        os.chmod(self.folder, 0o1777)

    def tearDown(self):
        self.holder.cleanup()

    def run_program(self, *arguments, status=0, **more):
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, text=True, capture_output=True, timeout=60, check=False, **more)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stderr

    def rows(self, name):
        database = sqlite3.connect(os.path.join(self.folder, name))
        try:
            return database.execute("SELECT count(*) FROM handshakes").fetchone()[0]
        finally:
            database.close()


@unittest.skipIf(INSTRUMENTED, "an instrumented build looks into itself and keeps its rights")
class Confined(Case):
    def look(self, held, uid):
        for status in threads_of(held.pid):
            with self.subTest(thread=status["Pid"].strip()):
                self.assertEqual(set(status["Uid"].split()), {str(uid)})
                self.assertNotIn("0", status["Gid"].split())
                self.assertEqual(status["Groups"].split(), [])
                for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                    self.assertEqual(int(status[kind], 16), 0, kind)
                self.assertEqual(status["NoNewPrivs"].strip(), "1")
                self.assertEqual(status["Seccomp"].strip(), "2")
        self.assertEqual(int(status["Umask"], 8), 0o077)
        self.assertEqual(os.stat(f"/proc/{held.pid}/mem").st_uid, 0, "dumpable")
        limits = text(f"/proc/{held.pid}/limits")
        self.assertRegex(limits, r"Max core file size +0 +0 ")
        self.assertLessEqual(int(re.search(r"Max open files +(\d+)", limits)[1]), 256)
        for line in text(f"/proc/{held.pid}/maps").splitlines():
            self.assertNotRegex(line.split()[1], "w.?x", line)

    @unittest.skipUnless(ROOT, "needs root")
    def test_what_root_starts_has_nothing_of_root(self):
        held = Held(self)
        self.look(held, NOBODY.pw_uid)
        for status in threads_of(held.pid):
            self.assertEqual(int(status["CapBnd"], 16), 0)
        status, errors = held.finish()
        self.assertEqual(status, 0, errors)
        self.assertEqual(ROOTS_WORDS.search(errors)[1], "nobody")
        self.assertEqual(self.rows("held.db"), 12)

    @unittest.skipUnless(ROOT, "needs root")
    def test_an_ordinary_user_is_confined_too(self):
        held = Held(self, user=NOBODY.pw_uid)
        self.look(held, NOBODY.pw_uid)
        status, errors = held.finish()
        self.assertEqual(status, 0, errors)
        self.assertNotRegex(errors, ROOTS_WORDS)

    @unittest.skipUnless(ROOT, "needs root")
    def test_what_opens_files_has_no_more_than_that(self):
        held = Held(self)
        children = children_of(held.pid)
        self.assertEqual(len(children), 1)
        for status in threads_of(children[0]):
            self.assertEqual(set(status["Uid"].split()), {str(NOBODY.pw_uid)})
            # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER
            self.assertEqual(int(status["CapEff"], 16) & ~0b1110, 0)
            self.assertEqual((status["NoNewPrivs"].strip(), status["Seccomp"].strip()), ("1", "2"))
        held.finish()
        until = time.monotonic() + WAIT_S
        while is_alive(children[0]) and time.monotonic() < until:
            time.sleep(0.02)
        self.assertFalse(is_alive(children[0]), "it outlives the first process")

    @unittest.skipUnless(ROOT, "needs root")
    def test_no_socket_of_a_network_is_open_and_nothing_elsewhere_is_written(self):
        held = Held(self)
        inodes = set()
        for kind in ("tcp", "tcp6", "udp", "udp6", "raw", "raw6"):
            path = f"/proc/{held.pid}/net/{kind}"
            if os.path.exists(path):
                inodes |= {line.split()[9] for line in text(path).splitlines()[1:]}
        for fd in os.listdir(f"/proc/{held.pid}/fd"):
            target = os.readlink(f"/proc/{held.pid}/fd/{fd}")
            flags = int(re.search(r"flags:\s+(\d+)", text(f"/proc/{held.pid}/fdinfo/{fd}"))[1], 8)
            self.assertNotIn(target[8:-1] if target.startswith("socket:") else None, inodes)
            if target.startswith("/") and flags & 3:
                self.assertTrue(target.startswith((self.folder, "/dev/")), target)
        held.finish()

    @unittest.skipUnless(ROOT, "needs root")
    @unittest.skipUnless(os.uname().machine == "x86_64", "the numbers are those of x86-64")
    def test_the_filter_refuses_what_an_intruder_would_want(self):
        held = Held(self)
        program = filter_of(held.pid)
        held.finish()
        if program is None:
            self.skipTest("the filter cannot be read here")
        allowed = [name for name, number in WANTED.items() if run_filter(program, number) == ALLOW]
        self.assertEqual(allowed, [])
        action = lambda *call, **more: run_filter(program, *call, **more) & 0xffff0000
        self.assertEqual(action(WANTED["execve"]), KILL_PROCESS)
        self.assertEqual(action(WANTED["openat"]), ERRNO)
        self.assertEqual(action(0, arch=I386), KILL_PROCESS)
        self.assertEqual(action(0, arch=AARCH64), KILL_PROCESS)
        self.assertEqual(action(0x40000000), KILL_PROCESS)
        # mmap and mprotect, but never executable; clone for threads, never for a process.
        self.assertEqual((action(9, arguments=(0, 4096, 3, 0, 0, 0)), action(9, arguments=(0, 4096, 4, 0, 0, 0))), (ALLOW, KILL_PROCESS))
        self.assertEqual((action(10, arguments=(0, 4096, 1, 0, 0, 0)), action(10, arguments=(0, 4096, 5, 0, 0, 0))), (ALLOW, KILL_PROCESS))
        self.assertEqual((action(56, arguments=(0x3d0f00, 0, 0, 0, 0, 0)), action(56, arguments=(0x11, 0, 0, 0, 0, 0))), (ALLOW, KILL_PROCESS))
        self.assertEqual(action(56, arguments=(0x3d0f00 | 0x10000000, 0, 0, 0, 0, 0)), KILL_PROCESS)
        # A limit may be asked for, not set; a signal is this process's own.
        self.assertEqual((action(302), action(302, arguments=(0, 7, 1, 0, 0, 0))), (ALLOW, KILL_PROCESS))
        self.assertEqual((action(234, arguments=(held.pid, 1, 6, 0, 0, 0)), action(234, arguments=(1, 1, 9, 0, 0, 0))), (ALLOW, KILL_PROCESS))
        self.assertLessEqual(sum(run_filter(program, number) == ALLOW for number in range(500)), 64)

    @unittest.skipUnless(ROOT, "needs root")
    def test_reading_without_the_sandbox_says_what_it_gives_up(self):
        held = Held(self, "--insecure-no-sandbox")
        for status in threads_of(held.pid):
            self.assertEqual((status["Seccomp"].strip(), set(status["Uid"].split())), ("0", {"0"}))
        status, errors = held.finish()
        self.assertEqual(status, 0)
        self.assertIn("--insecure-no-sandbox: packets are parsed with all of root's power", errors)

    @unittest.skipUnless(ROOT, "needs root")
    @unittest.skipUnless(os.uname().machine == "x86_64", "the numbers are those of x86-64")
    def test_nothing_is_read_where_a_wall_cannot_be_put_up(self):
        # landlock_create_ruleset and seccomp, refused by a filter that the program inherits, as a container's does.
        for number, words in ((444, "no Landlock"), (317, "does not filter system calls")):
            def refuse(number=number):
                libc = ctypes.CDLL(None)
                code = struct.pack("<" + "HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, number, 6, 0, 0, ERRNO | 38, 6, 0, 0, ALLOW)
                room = ctypes.create_string_buffer(code)
                program = ctypes.create_string_buffer(struct.pack("<HxxxxxxQ", 4, ctypes.addressof(room)))
                libc.prctl(38, 1, 0, 0, 0)
                assert libc.prctl(22, 2, ctypes.c_void_p(ctypes.addressof(program)), 0, 0) == 0
            with self.subTest(words):
                # seccomp(2) refused leaves prctl(2), which libseccomp does not try with threads to synchronize.
                errors = self.run_program("read", CAPTURE, "-o", "none.db", status=4, preexec_fn=refuse)
                self.assertIn(words, errors)
                self.assertIn("--insecure-no-sandbox", errors)
                self.assertEqual(self.rows("none.db") if os.path.getsize(os.path.join(self.folder, "none.db")) else 0, 0)
                self.run_program("read", "-q", CAPTURE, "-o", f"{number}.db", "--insecure-no-sandbox", preexec_fn=refuse)
                self.assertEqual(self.rows(f"{number}.db"), 12)


class Places(Case):
    """Where a database may lie."""

    def test_a_database_is_its_owners_alone(self):
        self.run_program("read", "-q", CAPTURE, "-o", "new.db", umask=0)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.join(self.folder, "new.db")).st_mode), 0o600)

    def test_a_database_is_not_reached_through_a_link(self):
        victim = os.path.join(self.folder, "victim")
        open(victim, "w").close()
        os.symlink(victim, os.path.join(self.folder, "link.db"))
        self.assertIn("symbolic link", self.run_program("read", CAPTURE, "-o", "link.db", status=3))
        self.assertEqual(os.path.getsize(victim), 0)

    def test_a_folder_that_all_may_write_to_needs_the_sticky_bit(self):
        os.chmod(self.folder, 0o777)
        self.assertIn("sticky", self.run_program("read", CAPTURE, "-o", "open.db", status=3))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "open.db")))

    @unittest.skipUnless(ROOT, "needs root")
    def test_a_strangers_database_in_a_shared_folder_is_not_filled(self):
        path = os.path.join(self.folder, "stranger.db")
        open(path, "w").close()
        os.chown(path, 12345, 12345)
        self.assertIn("belongs to another user", self.run_program("read", CAPTURE, "-o", "stranger.db", status=3))
        self.assertEqual(os.path.getsize(path), 0)

    @unittest.skipUnless(ROOT and not INSTRUMENTED, "needs root and a build that is not instrumented")
    def test_the_owner_of_the_folder_is_who_goes_on(self):
        os.chmod(self.folder, 0o700)
        os.chown(self.folder, NOBODY.pw_uid, NOBODY.pw_gid)
        errors = self.run_program("read", CAPTURE, "-o", "theirs.db")
        self.assertEqual(ROOTS_WORDS.search(errors)[1], "nobody")
        self.assertEqual(os.stat(os.path.join(self.folder, "theirs.db")).st_uid, NOBODY.pw_uid)
        self.assertEqual(sorted(os.listdir(self.folder)), ["theirs.db"])

    @unittest.skipUnless(ROOT and not INSTRUMENTED, "needs root and a build that is not instrumented")
    def test_a_folder_of_roots_works(self):
        os.chmod(self.folder, 0o700)
        for again in ([], ["--again"]):
            self.run_program("read", "-q", CAPTURE, "-o", "roots.db", *again)
        self.assertEqual(self.rows("roots.db"), 12)
        self.assertEqual(sorted(os.listdir(self.folder)), ["roots.db"])
        self.assertEqual(os.stat(os.path.join(self.folder, "roots.db")).st_uid, 0)

    @unittest.skipUnless(ROOT and not INSTRUMENTED, "needs root and a build that is not instrumented")
    def test_rotation_in_a_folder_of_roots_is_refused_at_the_start(self):
        os.chmod(self.folder, 0o755)
        self.assertIn("new files cannot be made", self.run_program("read", CAPTURE, "-o", "day-%d.db", status=3))
        self.assertEqual(os.listdir(self.folder), [])

    @unittest.skipUnless(ROOT, "needs root")
    def test_who_is_named_has_to_exist_and_not_to_be_root(self):
        self.assertIn("no user 'nosuchuser'", self.run_program("read", CAPTURE, "-o", "x.db", "-Z", "nosuchuser", status=2))
        self.assertIn("without root's power", self.run_program("read", CAPTURE, "-o", "x.db", "-Z", "root", status=2))

    @unittest.skipUnless(ROOT, "needs root")
    def test_only_root_becomes_another(self):
        self.assertIn("only root", self.run_program("read", CAPTURE, "-o", "x.db", "-Z", "daemon", status=4, user=NOBODY.pw_uid))


class Uses(Case):
    """Every use of the program within the walls: a call that is missing from the list kills."""

    def test_kinds_of_files(self):
        plain = CAPTURE.read_bytes()
        files = {"packed.gz": gzip.compress(plain), "empty.pcap": plain[:24]}
        for name, tool in (("packed.zst", ["zstd", "-qc"]), ("packed.lz4", ["lz4", "-qc"])):
            if shutil.which(tool[0]):
                files[name] = subprocess.run(tool, input=plain, stdout=subprocess.PIPE, check=True).stdout
        for name, data in files.items():
            with self.subTest(name):
                with open(os.path.join(self.folder, name), "wb") as out:
                    out.write(data)
                self.run_program("read", "-q", name, "-o", name + ".db")
        with open(CAPTURE, "rb") as plain:
            self.run_program("read", "-q", "-", "-o", "input.db", stdin=plain)
        self.assertEqual(self.rows("input.db"), 12)

    def test_a_file_that_only_root_can_read(self):
        shutil.copy(CAPTURE, os.path.join(self.folder, "own.pcap"))
        os.chmod(os.path.join(self.folder, "own.pcap"), 0o600)
        self.run_program("read", "-q", "own.pcap", "-o", "own.db")
        self.assertEqual(self.rows("own.db"), 12)

    def test_what_is_not_there_or_no_file_says_so(self):
        errors = self.run_program("read", "missing.pcap", self.folder, CAPTURE, "-o", "some.db", status=3)
        self.assertIn("missing.pcap: cannot be opened: no such file", errors)
        self.assertIn("a folder", errors)
        self.assertEqual(self.rows("some.db"), 12)

    def test_workers(self):
        self.run_program("read", "-q", "-j", "4", CAPTURE, "-o", "jobs.db")
        self.assertEqual(self.rows("jobs.db"), 12)

    def test_secrets_roots_and_names_in_a_filter(self):
        keys = next(PCAPS.glob("tls13*.keys"))
        self.run_program("read", "-q", keys.with_suffix(".pcap"), "-k", keys, "-o", "keys.db")
        database = sqlite3.connect(os.path.join(self.folder, "keys.db"))
        self.assertGreater(database.execute("SELECT count(*) FROM messages WHERE decrypted").fetchone()[0], 0)
        database.close()
        self.run_program("read", "-q", CAPTURE, "-f", "tcp port 443 or port 8443", "-o", "filter.db")

    def test_a_table_larger_than_the_cache_and_forgotten_again(self):
        self.run_program("read", "-q", *sorted(PCAPS.glob("t*.pcap")), "-o", "many.db")
        self.run_program("read", "-q", "--again", *sorted(PCAPS.glob("t*.pcap")), "-o", "many.db")

    def test_all_captures_together(self):
        self.run_program("read", "-q", *(f for f in sorted(PCAPS.glob("*.pcap"))[::3]), "-o", "all.db")

    def test_a_database_that_another_holds(self):
        self.run_program("read", "-q", CAPTURE, "-o", "busy.db")
        other = sqlite3.connect(os.path.join(self.folder, "busy.db"), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        process = subprocess.Popen([PROGRAM, "read", "-q", "--again", CAPTURE, "-o", os.path.join(self.folder, "busy.db")])
        time.sleep(1.5)
        other.execute("ROLLBACK")
        other.close()
        self.assertEqual(process.wait(60), 0)

    @unittest.skipUnless(ROOT and shutil.which("unshare") and shutil.which("mount"), "needs root, unshare and mount")
    def test_a_disk_that_is_full(self):
        script = ('mount -t tmpfs -o size=300k tmpfs "$1" && cp "$2" "$1/x.pcap" 2>/dev/null; "$0" read -q "$2" -o "$1/full.db"; s=$?; '
                  'umount "$1"; exit $s')
        done = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", script, PROGRAM, self.folder, str(CAPTURE)],
                              text=True, capture_output=True, timeout=60, check=False)
        if "propagation" in done.stderr:
            self.skipTest("a chroot, whose mounts cannot be set apart")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertRegex(done.stderr, "(?i)full|space")

    @unittest.skipUnless(ROOT and shutil.which("unshare") and shutil.which("ip"), "needs root, unshare and ip")
    def test_an_interface_signals_and_a_key_log_that_is_replaced(self):
        done = subprocess.run(["unshare", "-n", sys.executable, __file__, *sys.argv[1:], "--wire"], text=True, capture_output=True, timeout=100,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def wire():
    """In a network of its own: an interface that goes and comes back as another, all signals, a key log that is there late and replaced."""
    ip = lambda words: subprocess.run(["ip"] + words.split(), check=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o1777)

        def said(pattern):
            until = time.monotonic() + WAIT_S
            while time.monotonic() < until and process.poll() is None:
                if re.search(pattern, text(folder + "/errors")):
                    return
                time.sleep(0.05)
            raise AssertionError(f"'{pattern}' was not said: status {process.poll()}: " + text(folder + "/errors"))

        def plug():
            try:
                ip("link add oh0 type veth peer name oh1")
            except subprocess.CalledProcessError:
                print("SKIP: no veth here")
                sys.exit(0)
            ip("link set oh0 up")
            ip("link set oh1 up")

        def talk(pattern):
            """Sends until it is noticed: a link needs a moment."""
            data = CAPTURE.read_bytes()
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
                out.bind(("oh1", 0))
                until = time.monotonic() + WAIT_S
                while not re.search(pattern, text(folder + "/errors")) and time.monotonic() < until:
                    at = 24
                    while at < len(data):
                        length = struct.unpack_from("<I", data, at + 8)[0]
                        out.send(data[at + 16:at + 16 + min(length, 1514)])
                        at += 16 + length
                    time.sleep(0.3)
            said(pattern)

        def keys(name):
            with open(folder + "/new", "w") as out:
                out.write(f"CLIENT_RANDOM {name * 32} {'00' * 48}\n")
            os.chmod(folder + "/new", 0o600)
            os.rename(folder + "/new", folder + "/keys")

        plug()
        with open(folder + "/errors", "w") as errors:
            process = subprocess.Popen([PROGRAM, "listen", "oh0", "-k", folder + "/keys", "-o", folder + "/live.db"], stderr=errors)
        said("capturing on oh0")
        keys("aa")
        talk("oh0")
        time.sleep(0.3)
        keys("bb")
        for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGWINCH, signal.SIGPIPE, signal.SIGCHLD):
            process.send_signal(number)
            time.sleep(0.2)
        ip("link set oh0 down")
        said("interface is down")
        ip("link set oh0 up")
        talk("packets come again")
        ip("link del oh0")
        said("went away")
        plug()
        talk("(?s)went away.*packets come again")
        process.send_signal(signal.SIGTERM)
        status = process.wait(WAIT_S)
        errors = text(folder + "/errors")
        assert status == 0, (status, errors)
        database = sqlite3.connect(folder + "/live.db")
        assert database.execute("SELECT count(*) FROM handshakes").fetchone()[0] > 0, errors
        database.close()
        print(errors)


class File(unittest.TestCase):
    """The program's own file."""

    def ask(self, what):
        return subprocess.run([READELF, "-W", what, PROGRAM], text=True, stdout=subprocess.PIPE, check=True).stdout

    def test_it_lies_anywhere_in_memory(self):
        self.assertIn("DYN", self.ask("-h"))

    def test_what_the_linker_fills_is_read_only_before_main(self):
        self.assertIn("GNU_RELRO", self.ask("-l"))
        self.assertRegex(self.ask("-d"), r"\bNOW\b")

    def test_no_segment_is_written_and_executed(self):
        segments = self.ask("-l")
        self.assertRegex(segments, r"GNU_STACK.* RW ")
        self.assertNotRegex(segments, r"LOAD.* RWE ")

    def test_the_stack_is_guarded(self):
        self.assertIn("__stack_chk_fail", self.ask("--dyn-syms"))

    @unittest.skipIf(INSTRUMENTED or "--plain" in sys.argv, "the compiler checks lengths only where it optimizes")
    def test_lengths_are_checked(self):
        self.assertRegex(self.ask("--dyn-syms").replace("__stack_chk_fail", ""), r"_chk\b")

    def test_libraries_come_from_the_systems_folders_alone(self):
        self.assertNotRegex(self.ask("-d"), "RPATH|RUNPATH")


if __name__ == "__main__":
    if "--wire" in sys.argv:
        wire()
    else:
        unittest.main(argv=sys.argv[:1], verbosity=2)
