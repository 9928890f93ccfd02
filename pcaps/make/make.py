#!/usr/bin/env python3
"""Make the captures of pcaps/ and their truth from real endpoints: make.py [NAME...], as root on Debian 12.

See README.md next to this file for what it needs.
"""

import argparse
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import tempfile
import traceback

import scenarios
from lab import Lab
from pki import Pki
from registry import SCENARIOS, Attempts

HERE = os.path.dirname(os.path.abspath(__file__))
PCAPS = os.path.dirname(HERE)


def load_scenarios():
    for module in pkgutil.iter_modules(scenarios.__path__):
        importlib.import_module("scenarios." + module.name)


def write_truth(name, rows):
    path = os.path.join(PCAPS, "truth", name + ".json")
    with open(path, "w") as f:
        lines = ",".join("\n" + json.dumps(row) for row in rows)
        f.write('{"handshakes": [' + lines + ("\n]" if rows else "]"))
        f.write(f', "attempts": {json.dumps(rows.rows)}}}\n' if isinstance(rows, Attempts) else "}\n")


def has_secrets(keylog):
    """OpenSSL begins the file with a comment even where no handshake gets as far as a secret."""
    if not os.path.exists(keylog):
        return False
    with open(keylog) as f:
        return any(not line.startswith("#") for line in f)


def store(lab, name, container):
    target = os.path.join(PCAPS, f"{name}.{container}")
    if container == "pcapng":
        subprocess.run(["editcap", "-F", "pcapng", "--inject-secrets", "tls," + lab.keylog, lab.capture, target], check=True)
    else:
        shutil.copyfile(lab.capture, target)
        keys = os.path.join(PCAPS, name + ".keys")
        if has_secrets(lab.keylog):
            shutil.copyfile(lab.keylog, keys)
        elif os.path.exists(keys):
            os.unlink(keys)
    return os.path.getsize(target)


def make(name, pki, tools):
    lab = Lab(name, pki, tools)
    try:
        with lab:
            rows = SCENARIOS[name].run(lab)
        size = store(lab, name, SCENARIOS[name].container)
        write_truth(name, rows)
        print(f"{name}: {size} bytes, {len(rows)} handshakes", flush=True)
    finally:
        lab.discard()


def findings_text():
    """What tests/golden/findings.tsv says, as a table."""
    with open(os.path.join(PCAPS, os.pardir, "tests", "golden", "findings.tsv")) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")][1:]
    text = "\n## Findings\n\nEach finding has a capture that makes it, and one that comes close and does not; `.keys` means: with its key log.\n\n"
    text += "| finding | made by | close to it | how close |\n|---|---|---|---|\n"
    for code, maker, close, why in rows:
        maker, _, number = maker.partition(":")
        text += f"| `{code}` | `{maker}`{f' (handshake {number})' if number else ''} | `{close}` | {why} |\n"
    return text


def write_readme():
    """pcaps/README.md: the scenarios' own sentences, by room."""
    rooms = {}
    for name, it in SCENARIOS.items():
        if os.path.exists(os.path.join(PCAPS, f"{name}.{it.container}")):
            rooms.setdefault(it.room, []).append(f"- `{name}.{it.container}`: {it.says}")
    with open(os.path.join(HERE, "readme.head")) as f:
        text = f.read()
    for room in sorted(rooms):
        title = (importlib.import_module("scenarios." + room).__doc__ or room).strip().splitlines()[0].rstrip(".")
        text += f"\n## {title}\n\n" + "\n".join(sorted(rooms[room])) + "\n"
    text += findings_text()
    with open(os.path.join(PCAPS, "README.md"), "w") as f:
        f.write(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="scenarios to make; all where none is named")
    parser.add_argument("--node", default=shutil.which("node"), help="a node built with OpenSSL 3.5 or later")
    parser.add_argument("--trixie", help="a root of Debian 13, for endpoints that speak QUIC")
    parser.add_argument("--ech", help="ech.go, built with Go 1.24 or later")
    parser.add_argument("--readme", action="store_true", help="only write pcaps/README.md")
    arguments = parser.parse_args()
    load_scenarios()
    unknown = [name for name in arguments.names if name not in SCENARIOS]
    if unknown:
        sys.exit(f"no such scenario: {', '.join(unknown)}")
    broken = []
    if not arguments.readme:
        pki = Pki(tempfile.mkdtemp(prefix="pki-"))
        for name in arguments.names or sorted(SCENARIOS):
            try:
                make(name, pki, {"node": arguments.node, "trixie": arguments.trixie, "ech": arguments.ech})
            except (AssertionError, KeyError, OSError, RuntimeError, StopIteration, TypeError, ValueError):
                traceback.print_exc()
                broken.append(name)
        pki.discard()
    write_readme()
    if broken:
        sys.exit(f"not made: {', '.join(broken)}")


if __name__ == "__main__":
    main()
