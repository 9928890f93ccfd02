"""One scenario's network: a client and a server namespace joined by veth, and tcpdump on the client's end."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

CLIENT, SERVER = "192.0.2.1", "192.0.2.2"
CLIENT6, SERVER6 = "2001:db8::1", "2001:db8::2"
NAME = "example.test"


class Result:
    """What a finished client printed, and how it ended."""

    def __init__(self, text, code):
        self.text = text
        self.code = code

    def has(self, pattern):
        return re.search(pattern, self.text) is not None

    def find(self, pattern):
        found = re.search(pattern, self.text, re.M)
        return found.group(1) if found else None


class Background:
    """A server left running; everything it prints is kept for the truth."""

    def __init__(self, process, log):
        self.process = process
        self.log = log

    def text(self):
        with open(self.log, errors="replace") as f:
            return f.read()

    def has(self, pattern):
        return re.search(pattern, self.text()) is not None

    def find(self, pattern):
        found = re.search(pattern, self.text(), re.M)
        return found.group(1) if found else None

    def say(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(3)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options).stdout


class Lab:
    """Used as a context: namespaces and capture exist inside it, and nothing of them is left afterwards."""

    def __init__(self, name, pki, tools):
        self.name = name
        self.pki = pki
        self.tools = tools
        self.work = tempfile.mkdtemp(prefix="lab-")
        self.capture = os.path.join(self.work, "capture.pcap")
        self.keylog = os.path.join(self.work, "keys.txt")
        self.spaces = {"client": f"{name[:20]}-{os.getpid()}-c", "server": f"{name[:20]}-{os.getpid()}-s"}
        self.started = []
        self.tcpdump = None

    def __enter__(self):
        for space in self.spaces.values():
            run("ip", "netns", "add", space)
        run("ip", "link", "add", "eth0", "netns", self.spaces["client"], "address", "02:00:00:00:00:01",
            "type", "veth", "peer", "name", "eth0", "netns", self.spaces["server"], "address", "02:00:00:00:00:02")
        for side, four, six in (("client", CLIENT, CLIENT6), ("server", SERVER, SERVER6)):
            space = ["ip", "-n", self.spaces[side]]
            run(*space, "address", "add", f"{four}/24", "dev", "eth0")
            run(*space, "address", "add", f"{six}/64", "dev", "eth0", "nodad")
            run(*space, "link", "set", "lo", "up")
            run(*space, "link", "set", "eth0", "up")
            # Whole checksums and packets no larger than the MTU, as on a wire.
            run(*self.inside(side), "ethtool", "-K", "eth0", "tx", "off", "tso", "off", "gso", "off", "gro", "off")
        return self

    def shrink_path(self, bytes):
        """The server's end drops larger packets, and its MSS hides that from the client."""
        run("ip", "-n", self.spaces["server"], "link", "set", "eth0", "mtu", str(bytes))
        run("ip", "-n", self.spaces["server"], "route", "replace", "192.0.2.0/24", "dev", "eth0", "src", SERVER,
            "advmss", "1460")

    def lose_answers(self):
        run("ip", "-n", self.spaces["server"], "route", "add", "blackhole", CLIENT + "/32")

    def inside(self, side):
        return ["ip", "netns", "exec", self.spaces[side]]

    def record(self, *options, filter="tcp"):
        log = open(os.path.join(self.work, "tcpdump.log"), "wb")
        self.tcpdump = subprocess.Popen(
            self.inside("client") + ["tcpdump", "-Z", "root", "-i", "eth0", "-s", "65535", "-B", "131072", "-n",
                                     "-w", self.capture, *options, filter],
            stdout=log, stderr=log)
        self.wait_for(lambda: b"listening on" in open(log.name, "rb").read(), "tcpdump does not start")

    @staticmethod
    def wait_for(condition, complaint, seconds=20):
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise RuntimeError(complaint)
            time.sleep(0.02)

    def listening(self, port):
        return f":{port} " in run(*self.inside("server"), "ss", "-Hltn")

    def udp_sockets(self):
        return run(*self.inside("server"), "ss", "-Hlun")

    def server(self, *command, port=443, env=None, wait=True, cwd=None):
        log = os.path.join(self.work, f"server{len(self.started)}.log")
        with open(log, "wb") as out:
            process = subprocess.Popen(self.inside("server") + list(command), stdin=subprocess.PIPE, stdout=out,
                                       stderr=subprocess.STDOUT, env=self.environment(env), cwd=cwd or self.work,
                                       start_new_session=True)
        background = Background(process, log)
        self.started.append(background)
        if wait:
            try:
                self.wait_for(lambda: self.listening(port), "")
            except RuntimeError:
                raise RuntimeError(f"server does not listen: {background.text()}") from None
        return background

    def client(self, *command, say=None, hold=0.35, env=None, seconds=40, cwd=None):
        """Run a client to its end; `say` is typed in, and its input is closed `hold` seconds after the last line."""
        with open(os.path.join(self.work, "client.log"), "wb+") as out:
            process = subprocess.Popen(self.inside("client") + list(command), stdin=subprocess.PIPE, stdout=out,
                                       stderr=subprocess.STDOUT, env=self.environment(env), cwd=cwd or self.work)
            try:
                for line in [say] if isinstance(say, bytes) else say or []:
                    time.sleep(hold)
                    process.stdin.write(line)
                    process.stdin.flush()
                time.sleep(hold)
                process.stdin.close()
            except BrokenPipeError:
                pass
            try:
                code = process.wait(seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                code = process.wait()
            out.seek(0)
            return Result(out.read().decode(errors="replace"), code)

    def environment(self, extra):
        base = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.work, "LC_ALL": "C.UTF-8"}
        return {**base, **(extra or {})}

    def file(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def __exit__(self, *_):
        for server in self.started:
            server.stop()
        if self.tcpdump:
            # The kernel hands packets over in blocks, at the latest after a second.
            time.sleep(1.3)
            if self.tcpdump.poll() is None:
                self.tcpdump.send_signal(signal.SIGINT)
            self.tcpdump.wait()
        for space in self.spaces.values():
            subprocess.run(["ip", "netns", "del", space], check=False)

    def discard(self):
        shutil.rmtree(self.work, ignore_errors=True)


