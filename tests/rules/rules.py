"""rules.py RULE ROOT [BUILD [COMPILER...]]: holds the tree to the house rules of docs/architecture.md.

Each rule yields complaints, `file:line: what is wrong`; none means that the rule holds. test_rules.py shows that each of
them can complain.
"""
import pathlib
import re
import subprocess
import sys

LINES_MAX = 900
TEST_LINES_MAX = 1300  # of facts that stand side by side, each for itself
APPLICATION = "src/app"
LIBRARY_FOLDERS = ("include/overhear", "src", "dissectors")

# What a library room may not call: it neither prints nor ends the program nor asks a clock nor starts threads.
FORBIDDEN_CALLS = {
    **dict.fromkeys(("printf", "vprintf", "fprintf", "vfprintf", "dprintf", "puts", "fputs", "putchar", "perror",
                     "__printf_chk", "__vprintf_chk", "__fprintf_chk", "__vfprintf_chk", "__dprintf_chk",
                     "warn", "warnx", "err", "errx", "syslog", "stdout", "stderr"), "prints"),
    **dict.fromkeys(("exit", "_exit", "_Exit", "quick_exit"), "ends the program"),
    **dict.fromkeys(("time", "clock_gettime", "gettimeofday", "clock"), "asks a clock"),
    **dict.fromkeys(("pthread_create", "thrd_create", "pthread_mutex_lock"), "knows of threads"),
}
BYTE_ORDER = re.compile(r"\b(ntoh[sl]|hton[sl]|be(?:16|32|64)toh|htobe(?:16|32|64))\b")
READER = "src/base/reader.h"
ATOMIC = re.compile(r"\b(_Atomic|atomic_\w+|__atomic_\w+|__sync_\w+|stdatomic\.h)\b")
ATOMIC_FILES = ("src/app/ring.c", "src/app/ring.h", "src/app/signals.c", "src/app/signals.h")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
WRITEABLE_SECTIONS = re.compile(r"\|\s*(\.bss|\.data(?!\.rel\.ro)|\.tbss|\.tdata|\*COM\*)\S*\s*$")


def sources(root, folders=LIBRARY_FOLDERS, suffixes=(".c", ".h")):
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in suffixes:
                yield path.relative_to(root)


def lines_of(root, path):
    return enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1)


def code_lines(root, path):
    """Numbered lines with comments and string literals blanked."""
    text = (root / path).read_text(encoding="utf-8")
    token = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
    return enumerate(token.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text).splitlines(), 1)


def table_rows(root, first_column):
    """The rows of the table in docs/architecture.md whose first column has this title, as dictionaries."""
    titles = None
    for _, line in lines_of(root, "docs/architecture.md"):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            titles = None
        elif cells[0] == first_column:
            titles = cells
        elif titles and not set(line) <= set("|-: "):
            yield dict(zip(titles, cells))


def quoted(cell):
    return re.findall(r"`([^`]+)`", cell)


def rooms(root):
    """Folder -> the folders that it may include, itself among them."""
    table = {}
    for row in table_rows(root, "room"):
        folder = quoted(row["room"])[0]
        table[folder] = {folder, *quoted(row["may include"])}
    for folder, allowed in table.items():
        if "everything" in allowed:
            table[folder] = set(table)
    return table


def room_of(path, table):
    return next((folder for folder in table if path.as_posix().startswith(folder + "/")), None)


def included_room(name, table):
    """`base/reader.h` lies in src/base, `overhear/packet.h` in include/overhear, `dissectors/tls.h` in dissectors."""
    for prefix in ("src/", "include/", ""):
        room = room_of(pathlib.PurePosixPath(prefix + name), table)
        if room:
            return room
    return None


def check_includes(root, *_):
    """Every include of ours goes in a direction that the table of rooms allows."""
    table = rooms(root)
    if not table:
        yield "docs/architecture.md: there is no table of rooms"
    for path in sources(root):
        room = room_of(path, table)
        if not room:
            yield f"{path}: lies in no room of the table"
            continue
        for number, line in lines_of(root, path):
            found = INCLUDE.match(line)
            if not found or found[1] == "<":
                continue
            target = included_room(found[2], table)
            if not target and "/" in found[2]:
                yield f"{path}:{number}: \"{found[2]}\" lies in no room"
            elif target and target not in table[room]:
                yield f"{path}:{number}: {room} may not include {target} (\"{found[2]}\")"


def check_headers_of_others(root, *_):
    """The headers of libraries stay where the table of headers says."""
    places = {}
    for row in table_rows(root, "header"):
        for header in quoted(row["header"]):
            places[header] = quoted(row["only in"])
    if not places:
        yield "docs/architecture.md: there is no table of headers"
    for path in sources(root):
        for number, line in lines_of(root, path):
            found = INCLUDE.match(line)
            if not found or found[1] != "<":
                continue
            for header, allowed in places.items():
                # `openssl/` stands for all headers that begin so.
                if found[2] != header and not (header.endswith("/") and found[2].startswith(header)):
                    continue
                if not any(path.as_posix() == place or path.as_posix().startswith(place + "/") for place in allowed):
                    yield f"{path}:{number}: <{found[2]}> belongs to {', '.join(allowed) or 'no room'}"


def check_words(root, *_):
    """Byte order is the reader's business, atomics are the ring's, and nothing is left for later."""
    for path in sources(root, (*LIBRARY_FOLDERS, "tests")):
        for number, line in lines_of(root, path):
            if UNFINISHED.search(line):
                yield f"{path}:{number}: something is left to do"
        if path.parts[0] == "tests":
            continue
        for number, line in code_lines(root, path):
            if BYTE_ORDER.search(line) and path.as_posix() != READER:
                yield f"{path}:{number}: bytes are put in order by base/reader.h alone"
            if ATOMIC.search(line) and path.as_posix() not in ATOMIC_FILES:
                yield f"{path}:{number}: atomics live in ring.c and signals.c"


def check_length(root, *_):
    """A file stays short enough to be read at one sitting."""
    for path in sources(root, (*LIBRARY_FOLDERS, "tests")):
        count = sum(1 for _ in lines_of(root, path))
        most = TEST_LINES_MAX if path.parts[0] == "tests" else LINES_MAX
        if count > most:
            yield f"{path}: {count} lines; at most {most}"


def check_limits(root, *_):
    """Every limit has a unit test that makes it bite, and so names it."""
    table = (root / "include/overhear/limits.h").read_text(encoding="utf-8")
    tests = "\n".join((root / path).read_text(encoding="utf-8") for path in sources(root, ("tests/unit",)))
    names = re.findall(r"^\s*X\((\w+),", table, re.M)
    if not names:
        yield "include/overhear/limits.h: there is no table of limits"
    for name in names:
        if not re.search(rf"\b(LIMIT_{name}|{name}_MAX)\b", tests):
            yield f"tests/unit: no test names the limit {name}"


def check_headers(root, _build, *compiler):
    """Each header compiles alone."""
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c"]
    paths = [f"-I{root / folder}" for folder in ("include", "src", ".")]
    for path in sources(root, suffixes=(".h",)):
        # Included, not compiled: a compiler judges unused inline functions of a main file otherwise.
        run = subprocess.run([*compiler, *flags, *paths, "-"], input=f'#include "{root / path}"\n', text=True,
                             capture_output=True, check=False)
        if run.returncode:
            yield f"{path}: does not compile alone:\n{run.stderr}"


def objects(build):
    """(object, room) of every object file of a library room."""
    for archive in (*build.glob("src/*/lib*.a.p"), *build.glob("dissectors/lib*.a.p")):
        for path in sorted(archive.rglob("*.o")):
            yield path, archive.parent.relative_to(build).as_posix()


def check_symbols(root, build, *_):
    """Library rooms have no mutable globals, and call nothing that prints, exits, asks a clock or starts a thread."""
    allowed = {(quoted(row["room"])[0], symbol)
               for row in table_rows(root, "room") for symbol in quoted(row.get("exceptions", ""))}
    seen = False
    for path, room in objects(build):
        if room == APPLICATION:
            continue
        seen = True
        name = path.relative_to(build)
        table = subprocess.run(["nm", "-f", "sysv", path], text=True, capture_output=True, check=True).stdout
        for line in table.splitlines():
            symbol = line.split("|")[0].strip()
            if WRITEABLE_SECTIONS.search(line) and (room, symbol.split(".")[0]) not in allowed:
                yield f"{name}: '{symbol}' can be changed; library rooms have no mutable globals"
            if re.search(r"\|\s*U\s*\|", line) and symbol in FORBIDDEN_CALLS and (room, symbol) not in allowed:
                yield f"{name}: '{symbol}' {FORBIDDEN_CALLS[symbol]}, which only {APPLICATION} may"
    if not seen:
        yield f"{build}: there are no object files to look at"


RULES = {
    "includes": check_includes,
    "headers": check_headers,
    "headers-of-others": check_headers_of_others,
    "words": check_words,
    "length": check_length,
    "limits": check_limits,
    "symbols": check_symbols,
}


def main(rule, root, build=".", *compiler):
    complaints = list(RULES[rule](pathlib.Path(root), pathlib.Path(build), *compiler))
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
