"""bench.py OVERHEAR [--scale PERCENT,...] [--seed S] [--runs N] [--captures NAME,...] [--peers NAME,...] [--markdown] [--plot FILE.svg]

What reading costs. Makes captures with the generator that is built beside OVERHEAR (tests/bench/generate), lets overhear
and those of its peers that are installed read each of them in turns, and prints for each: CPU time, user and system of
all its threads, as a multiple of what `tcpdump -w /dev/null` took in the same round; the time that went by; the most
memory it held; and how many of the handshakes that the generator wrote down it found. Figures are medians over the rounds.

A peer that takes more than ten seconds is asked once, one that takes more than --patience (120) has failed.
--peers none measures overhear alone; by default every one that is in PATH takes part.
--keep FOLDER keeps the captures there, and uses those that it finds; 7 GB at 100 percent.
--save FILE keeps what was measured; --load FILE prints and draws that again.
"""
import argparse
import collections
import csv
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import plot

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = ("handshakes", "bulk", "syn", "idle", "half", "storm", "mix")
YARDSTICK = "tcpdump -w"
# Fewer rows say nothing of what one takes.
ROWS_ENOUGH = 1000
# A peer that took this long is not asked again.
SLOW_SECONDS = 10
OURS = {
    "overhear --no-ndpi": ["--no-ndpi"],
    "overhear": [],
    "overhear --no-ndpi -j 2": ["--no-ndpi", "-j", "2"],
}

Run = collections.namedtuple("Run", "cpu wall memory status")
# rows: None where a program does not tell; right: those that the truth has, each once.
Found = collections.namedtuple("Found", "rows right owed named database")


def read_truth(path):
    """(client, port, name or None) of every handshake that has to be found."""
    with open(path, newline="", encoding="ascii") as file:
        return [(client, int(port), name or None) for client, port, name, _ in csv.reader(file)]


def found_by_overhear(folder, _):
    with sqlite3.connect(folder / "out.db") as database:
        return database.execute("SELECT client_ip, client_port, server_name FROM handshakes").fetchall()


def lines_of(path):
    """None where a program found nothing to write down."""
    if not path.exists():
        return
    with open(path, encoding="utf-8", errors="replace") as file:
        yield from file


def objects_of(path):
    for line in lines_of(path):
        try:
            yield json.loads(line)
        except ValueError:
            continue


def names_by_tshark(folder, _):
    return (line.split("\t")[2] for line in lines_of(folder / "stdout"))


def names_by_zeek(folder, _):
    fields = []
    for line in lines_of(folder / "ssl.log"):
        cells = line.rstrip("\n").split("\t")
        if cells[0] == "#fields":
            fields = cells[1:]
        elif not line.startswith("#"):
            yield cells[fields.index("server_name")]


def names_by_mercury(folder, _):
    return (o.get("tls", {}).get("client", {}).get("server_name") for o in objects_of(folder / "out"))


def names_by_suricata(folder, _):
    return (o.get("tls", {}).get("sni") for o in objects_of(folder / "eve.json"))


def names_by_ndpi(folder, _):
    with open(folder / "out", newline="", encoding="utf-8", errors="replace") as file:
        for row in csv.DictReader(file):
            yield row["server_name_sni"]


def names_by_ssldump(folder, _):
    return (o.get("src_name") for o in objects_of(folder / "stdout") if o.get("handshake_type") == "ServerHello")


# A program, what it is told, and the names that it found. Each runs in a folder of its own.
PEERS = {
    "tshark": (["tshark", "-n", "-r", "{capture}", "-Y", "tls.handshake", "-T", "fields", "-e", "tcp.stream", "-e", "tls.handshake.type",
                "-e", "tls.handshake.extensions_server_name", "-e", "tls.handshake.ciphersuite", "-e", "tls.alert_message.desc"],
               names_by_tshark),
    "zeek": (["zeek", "-b", "-C", "-r", "{capture}", "base/protocols/ssl"], names_by_zeek),
    "mercury": (["mercury", "-r", "{capture}", "-f", "out", "--metadata"], names_by_mercury),
    "suricata": (["suricata", "-r", "{capture}", "-l", ".", "-k", "none"], names_by_suricata),
    "ndpiReader": (["ndpiReader", "-q", "-i", "{capture}", "-C", "out"], names_by_ndpi),
    "ssldump": (["ssldump", "-n", "-j", "-r", "{capture}"], names_by_ssldump),
}


def run(spend, command, folder, patience):
    """Runs through `spend`, which is small: the memory of whoever starts a program counts as the program's own."""
    with open(folder / "stdout", "wb") as out, open(folder / "stderr", "wb") as errors:
        process = subprocess.Popen([spend, "spent", *command], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                                   start_new_session=True)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return None
    cpu, wall, memory, status = (folder / "spent").read_text(encoding="ascii").split()
    return Run(float(cpu), float(wall), int(memory), int(status))


def compare(reader, folder, truth_file):
    truth = read_truth(truth_file)
    names = {name for _, _, name in truth if name}
    if reader is found_by_overhear:
        rows = reader(folder, None)
        right = sum((collections.Counter(rows) & collections.Counter(truth)).values())
        return Found(len(rows), right, len(truth), len(names), (folder / "out.db").stat().st_size)
    return Found(None, len(names & set(reader(folder, None))), len(truth), len(names), None)


def contestants(overhear, peers):
    """Name -> (command, who tells what was found)."""
    everyone = {YARDSTICK: (["tcpdump", "-n", "-r", "{capture}", "-w", "/dev/null"], None)}
    for name, options in OURS.items():
        everyone[name] = ([overhear, "read", "-q", *options, "--ca-file", str(ROOT / "pcaps/root.pem"), "-o", "out.db", "{capture}"],
                          found_by_overhear)
    for name, peer in PEERS.items():
        if name in peers:
            everyone[name] = peer
    return everyone


def make_capture(generator, name, scale, seed, folder):
    capture, truth = (folder / f"{name}-{scale:g}-{seed}.{suffix}" for suffix in ("pcap", "csv"))
    if not capture.exists():
        subprocess.run([generator, ROOT / "pcaps", name, f"{scale:g}", str(seed), capture, truth], check=True)
    return capture, truth


def warm(capture):
    with open(capture, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass


def one_run(tools, capture, truth, contestant, found, patience):
    """What it took, and what it found unless that is known: it is the same each time."""
    command, reader = contestant
    with tempfile.TemporaryDirectory(dir=capture.parent) as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        command = [word.format(capture=capture) for word in command]
        spent = run(tools / "spend", command, folder, patience)
        if spent and spent.status:
            words = (folder / "stderr").read_text(errors="replace").strip().rpartition("\n")[2]
            sys.stderr.write(f"bench: {pathlib.Path(command[0]).name} ended with status {spent.status}: {words}\n")
            return None, None
        return spent, compare(reader, folder, truth) if spent and reader and not found else found


def measure(tools, capture, truth, everyone, chosen, tell):
    """Program -> (round -> what it took, what it found). Rounds begin with another program each."""
    results = {name: ({}, None) for name in everyone}
    order = list(everyone)
    given_up = set()
    warm(capture)
    for number in range(chosen.runs):
        at = number % len(order)
        for name in order[at:] + order[:at]:
            if name in given_up:
                continue
            tell(f"{capture.stem}: round {number + 1} of {chosen.runs}, {name}")
            runs, found = results[name]
            spent, found = one_run(tools, capture, truth, everyone[name], found, chosen.patience)
            if spent:
                runs[number] = spent
            if name in PEERS and (not spent or spent.wall > SLOW_SECONDS):
                given_up.add(name)
            elif not spent:
                sys.exit(f"bench: {name} failed, or took more than {chosen.patience:g} seconds")
            results[name] = runs, found
    return results


def summary_of(results):
    """Program -> what the table and the plot show of it; None for one that failed or took too long."""
    yardstick = results[YARDSTICK][0]
    shown = {}
    for name, (runs, found) in results.items():
        shown[name] = {
            "ratio": statistics.median(one.cpu / yardstick[number].cpu for number, one in runs.items()),
            "cpu": statistics.median(one.cpu for one in runs.values()),
            "wall": statistics.median(one.wall for one in runs.values()),
            "memory": max(one.memory for one in runs.values()),
            "runs": len(runs),
            "found": found._asdict() if found else None,
        } if runs else None
    return shown


def megabytes(count):
    return f"{count / 1e6:,.0f} MB"


def found_text(found):
    """What was found of what there is; of programs whose rows are not known, the names."""
    if not found:
        return ""
    if found["rows"] is None:
        return f"{found['right']:,} of {found['named']:,} names" if found["named"] else "no names to find" if not found["right"] else "?"
    if found["rows"] == found["owed"] == found["right"]:
        return f"{found['rows']:,}"
    return f"{found['rows']:,} rows, {found['right']:,} of {found['owed']:,} right"


def per_row_text(one):
    found = one["found"]
    if not found or (found["rows"] or 0) < ROWS_ENOUGH:
        return ""
    return f"{one['cpu'] / found['rows'] * 1e6:,.1f} us, {found['database'] / found['rows']:,.0f} bytes"


def print_aligned(rows, out):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        out.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() + "\n")


def print_long(measured, out):
    rows = [("capture", "program", "CPU", "time", "memory", "found", "a handshake")]
    for capture, programs in measured.items():
        for i, (name, one) in enumerate(programs.items()):
            if not one:
                rows.append(("" if i else capture, name, "-", "failed", "-", "", ""))
                continue
            rows.append(("" if i else capture, name, f"{one['ratio']:.2f}x", f"{one['wall']:.2f} s", megabytes(one["memory"]),
                         found_text(one["found"]), per_row_text(one)))
        rows.append(("",) * 7)
    print_aligned(rows[:-1], out)


def markdown_cell(one):
    if not one:
        return "failed"
    found, cell = one["found"], f"{one['ratio']:.1f}x, {megabytes(one['memory'])}"
    if found and found["rows"] is None and found["right"] < found["named"]:
        return f"{cell}, {found['right']:,} names"
    if found and found["rows"] is not None and not found["rows"] == found["owed"] == found["right"]:
        return f"{cell}, {found_text(found)}"
    return cell


def print_markdown(measured, out):
    programs = [name for name in next(iter(measured.values())) if name != YARDSTICK]
    out.write("| capture | handshakes | " + " | ".join(f"`{name}`" for name in programs) + " |\n")
    out.write("|---|---" + "|---" * len(programs) + "|\n")
    for capture, shown in measured.items():
        owed = shown[programs[0]]["found"]["owed"]
        out.write(f"| {capture} | {owed:,} | " + " | ".join(markdown_cell(shown[name]) for name in programs) + " |\n")


def arguments():
    parser = argparse.ArgumentParser(usage="%(prog)s OVERHEAR [OPTION...]", description=__doc__.split("\n", 2)[2],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overhear", type=pathlib.Path, metavar="OVERHEAR")
    parser.add_argument("--scale", default="10", metavar="PERCENT,...")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--patience", type=float, default=120, metavar="SECONDS")
    parser.add_argument("--captures", default=",".join(CAPTURES), metavar="NAME,...")
    parser.add_argument("--peers", metavar="NAME,...")
    parser.add_argument("--markdown", action="store_true")
    parser.add_argument("--plot", type=pathlib.Path, metavar="FILE.svg")
    parser.add_argument("--keep", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--save", type=pathlib.Path, metavar="FILE.json")
    parser.add_argument("--load", type=pathlib.Path, metavar="FILE.json")
    return parser.parse_args()


def peers_of(text):
    if text is None:
        return [name for name, (command, _) in PEERS.items() if shutil.which(command[0])]
    names = [name for name in text.split(",") if name not in ("", "none")]
    for name in names:
        if name not in PEERS or not shutil.which(PEERS[name][0][0]):
            sys.exit(f"bench: there is no '{name}' here; known are {', '.join(PEERS)}")
    return names


def measure_all(chosen, tools, folder):
    scales = [float(text) for text in chosen.scale.split(",")]
    everyone = contestants(str(chosen.overhear.resolve()), peers_of(chosen.peers))
    measured = {}
    columns = shutil.get_terminal_size().columns

    def tell(text):
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{text[:columns - 1]:<{columns - 1}}")

    for name in chosen.captures.split(","):
        for scale in scales:
            tell(f"{name}: making the capture")
            capture, truth = make_capture(tools / "generate", name, scale, chosen.seed, folder)
            label = name if len(scales) == 1 else f"{name}, {scale:g} %"
            measured[label] = summary_of(measure(tools, capture, truth, everyone, chosen, tell))
            if not chosen.keep:
                capture.unlink()
                truth.unlink()
    tell("")
    sys.stderr.write("\r" * sys.stderr.isatty())
    return measured


def main():
    chosen = arguments()
    tools = chosen.overhear.resolve().parent / "tests/bench"
    if chosen.load:
        measured = json.loads(chosen.load.read_text())
    elif not (tools / "generate").exists() or not (tools / "spend").exists():
        sys.exit(f"bench: its tools are not built: ninja -C {chosen.overhear.parent} tests/bench/generate tests/bench/spend")
    elif not shutil.which("tcpdump"):
        sys.exit("bench: tcpdump, the yardstick, is not installed")
    else:
        with tempfile.TemporaryDirectory() as folder:
            if chosen.keep:
                chosen.keep.mkdir(parents=True, exist_ok=True)
            measured = measure_all(chosen, tools, (chosen.keep or pathlib.Path(folder)).resolve())
    if chosen.save:
        chosen.save.write_text(json.dumps(measured, indent="\t") + "\n")
    (print_markdown if chosen.markdown else print_long)(measured, sys.stdout)
    if chosen.plot:
        chosen.plot.write_text(plot.draw(measured, YARDSTICK), encoding="utf-8")


if __name__ == "__main__":
    main()
