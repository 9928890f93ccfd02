"""pages.py [--write] ROOT OVERHEAR: runs what README.md and docs/*.md show, and compares the answers with the page.

Fenced blocks are read in order, each page in a folder of its own that holds `office.pcap` and `pcaps/` and has overhear in its path:

    ```console      lines that begin with `$ ` are run by sh (more lines after a trailing backslash); what follows each is
                    its output, standard error included. `$ sudo` is dropped; `$ sh run.sh` and installing are for .ci/run
    ```sql          is asked of overhear.db with `sqlite3 -box`; a ```text block right after it is the answer
    ```sh           as console, without answers: every line has to succeed

In an answer `…` stands for any text within a line, and a line of `…` alone for any number of lines. A command that shows an
exit status ends with `; echo $?`. With --write the answers that differ are written into the page. A link to a place of the
tree has to lead to something.
"""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

SKIPPED = 77
CAPTURE = "pcaps/office.pcap"
NOT_HERE = re.compile(r"^(sudo )?(sh run\.sh|apt-get|meson|ninja|git clone|cd )")
BECOMES = "overhear: continues as user "
LISTEN = re.compile(r"^(sudo )?overhear (listen|-i)\b")
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)[^)]*\)")
FENCE = re.compile(r"^```(\w*)\s*$")


class Block:
    """One fenced block: its language, and where its lines stand in the page."""

    def __init__(self, language, first, lines):
        self.language, self.first, self.lines = language, first, lines

    @property
    def end(self):
        return self.first + len(self.lines)


def blocks_of(lines):
    blocks, inside = [], None
    for number, line in enumerate(lines):
        fence = FENCE.match(line)
        if inside is None and fence:
            inside = Block(fence[1], number + 1, [])
        elif inside is not None and line.strip() == "```":
            blocks.append(inside)
            inside = None
        elif inside is not None:
            inside.lines.append(line)
    if inside is not None:
        raise ValueError(f"line {inside.first}: a fenced block has no end")
    return blocks


def commands_of(block):
    """(command, first line of its answer, answer) of a console block."""
    found, at = [], 0
    while at < len(block.lines):
        line = block.lines[at]
        if not line.startswith("$ "):
            raise ValueError(f"line {block.first + at + 1}: the block does not begin with a command")
        command = line[2:]
        while command.endswith("\\") and at + 1 < len(block.lines):
            at += 1
            command = command + "\n" + block.lines[at]
        at += 1
        answer = at
        while at < len(block.lines) and not block.lines[at].startswith("$ "):
            at += 1
        found.append((command, block.first + answer, block.lines[answer:at]))
    return found


def matches(shown, got):
    """Whether the shown lines stand for the ones that came."""
    pattern = ""
    for line in shown:
        if line.strip() == "…":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += "[^\n]*".join(re.escape(part) for part in line.rstrip().split("…")) + "\n"
    return re.fullmatch(pattern, "".join(line.rstrip() + "\n" for line in got)) is not None


class Page:
    def __init__(self, root, path, overhear):
        self.path = path
        self.lines = (root / path).read_text(encoding="utf-8").splitlines()
        self.folder = tempfile.TemporaryDirectory(prefix="pages-")
        self.at = pathlib.Path(self.folder.name)
        shutil.copyfile(root / CAPTURE, self.at / "office.pcap")
        (self.at / "pcaps").symlink_to((root / "pcaps").resolve())
        (self.at / "bin").mkdir()
        (self.at / "bin/overhear").symlink_to(overhear.resolve())
        self.environment = {"PATH": f"{self.at}/bin:{os.environ['PATH']}", "HOME": str(self.at), "LC_ALL": "C.UTF-8",
                            "TZ": "UTC", "TERM": "dumb", "COLUMNS": "100"}
        self.environment.update({name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS")})
        self.troubles, self.ran, self.left_out = [], 0, []
        self.answers = []

    def run(self, command):
        done = subprocess.run(["sh", "-c", command], cwd=self.at, env=self.environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
        self.ran += 1
        # Said to root alone, who reads these pages no more often than others.
        return [line for line in done.stdout.splitlines() if "continues as user" not in line], done.returncode

    def listen(self, command):
        """Takes packets on an eth0 made for it until Ctrl-C, in a network namespace of its own; None where that may not be."""
        command = command.removeprefix("sudo ")
        namespace = ["unshare", "--net", "sh", "-c"]
        interface = "ip link add eth0 type veth peer name eth1 && ip link set eth0 up && ip link set eth1 up"
        if os.geteuid() or not shutil.which("ip") or subprocess.run([*namespace, interface], capture_output=True,
                                                                    check=False).returncode:
            return None
        with subprocess.Popen([*namespace, f"{interface} && exec {command}"], cwd=self.at, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            # A program that never says that it is ready must not hold the tests up.
            patience = threading.Timer(20, process.kill)
            patience.start()
            got = []
            for line in process.stdout:
                got.append(line)
                if "capturing on" in line:
                    process.send_signal(signal.SIGINT)
            process.wait()
            patience.cancel()
        self.ran += 1
        return "".join(got).splitlines(), process.returncode

    def compare(self, what, line, shown, got):
        # A build with sanitizers puts up no walls, and becomes nobody else.
        if not any(said.startswith(BECOMES) for said in got):
            shown = [said for said in shown if not said.startswith(BECOMES)]
        if not matches(shown, got):
            self.answers.append((line, len(shown), got))
            self.troubles.append(f"{self.path}:{line + 1}: the answer of {what} is\n" + "\n".join(got)
                                 + "\n-- and the page shows\n" + "\n".join(shown))

    def console(self, block):
        for command, line, shown in commands_of(block):
            if NOT_HERE.match(command):
                self.left_out.append(command)
                continue
            result = self.listen(command) if LISTEN.match(command) else self.run(command.removeprefix("sudo "))
            if result is None:
                self.left_out.append(command)
                continue
            # The terminal shows ^C where the user types it.
            self.compare(f"'{command}'", line, [s.removeprefix("^C") for s in shown], result[0])
            if result[1]:
                self.troubles.append(f"{self.path}:{line}: '{command}' ends with {result[1]}")

    def script(self, block):
        for number, command in enumerate(block.lines):
            if not command.strip() or command.startswith("#"):
                continue
            if NOT_HERE.match(command):
                self.left_out.append(command)
                continue
            got, status = self.run(command)
            if status:
                self.troubles.append(f"{self.path}:{block.first + number + 1}: '{command}' ends with {status}\n" + "\n".join(got))

    def question(self, block, answer):
        query = "\n".join(block.lines)
        done = subprocess.run(["sqlite3", "-batch", "-bail", "-box", "overhear.db", query], cwd=self.at, env=self.environment,
                              capture_output=True, text=True, check=False)
        self.ran += 1
        if done.returncode or done.stderr:
            self.troubles.append(f"{self.path}:{block.first + 1}: {done.stderr}")
        elif not done.stdout:
            self.troubles.append(f"{self.path}:{block.first + 1}: the query has no answer")
        elif answer:
            self.compare("the query", answer.first, answer.lines, done.stdout.splitlines())

    def links(self, root):
        for number, line in enumerate(self.lines, 1):
            for target in LINK.findall(line):
                if not (root / self.path.parent / target).exists():
                    self.troubles.append(f"{self.path}:{number}: there is no {target}")

    def check(self):
        blocks = blocks_of(self.lines)
        for block, after in zip(blocks, [*blocks[1:], None]):
            if block.language == "console":
                self.console(block)
            elif block.language == "sh":
                self.script(block)
            elif block.language == "sql":
                follows = after and after.language == "text" and not "".join(self.lines[block.end + 1:after.first - 1]).strip()
                self.question(block, after if follows else None)

    def write(self, root):
        for line, count, got in reversed(self.answers):
            self.lines[line:line + count] = [text.rstrip() for text in got]
        (root / self.path).write_text("\n".join(self.lines) + "\n", encoding="utf-8")


def pages_of(root):
    return [pathlib.Path("README.md"), *sorted(path.relative_to(root) for path in (root / "docs").glob("*.md"))]


def main(arguments):
    write = arguments[0] == "--write"
    root, overhear = (pathlib.Path(a) for a in arguments[write:])
    if not shutil.which("sqlite3"):
        print("sqlite3 is not installed")
        return SKIPPED
    ran = troubles = 0
    for path in pages_of(root):
        page = Page(root, path, overhear)
        page.check()
        page.links(root)
        for command in page.left_out:
            print(f"{path}: not run here: {command}")
        for trouble in page.troubles:
            print(trouble)
        if write:
            page.write(root)
        ran += page.ran
        troubles += len(page.troubles)
        page.folder.cleanup()
    print(f"{ran} commands and queries run, {troubles} with another answer than the page shows")
    return 1 if troubles or not ran else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
