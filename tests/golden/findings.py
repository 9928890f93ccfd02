"""findings.py ROOT: holds findings.tsv to the catalogue, and the goldens to findings.tsv, told as TAP.

For each finding of docs/findings.md the table names a capture whose golden has it and one whose golden has not. A name may
end in `.keys`, for the reading with secrets, and in `:N`, for the handshake that has it.
"""
import json
import pathlib
import re
import sys

from golden import Tap

TITLE = ["finding", "made by", "close to it", "how close"]


def catalogue(document):
    """The codes of the tables, in order."""
    return re.findall(r"(?m)^\| `([a-z0-9-]+)` \|", document)


def table(text):
    lines = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    assert lines[0] == TITLE, lines[0]
    return lines[1:]


def codes_of(golden):
    """(code, handshake's number) of every finding, and (reason, None) of every attempt."""
    rows = [json.loads(line) for line in golden.read_text().splitlines()]
    return {(row["code"], row["handshake_id"]) for row in rows if row["view"] == "findings"} | \
        {(row["reason"], None) for row in rows if row["view"] == "attempts"}


def holds(codes, code, number):
    """Attempts have no number; a finding may be asked for in one handshake."""
    return (code, None) in codes or any(found == code and number in (None, at) for found, at in codes)


def against_goldens(goldens, code, maker, close):
    name, _, number = maker.partition(":")
    complaints = []
    for capture in (name, close):
        if not (goldens / (capture + ".golden")).exists():
            complaints.append(f"{capture} has no golden")
    if complaints:
        return complaints
    if not holds(codes_of(goldens / (name + ".golden")), code, int(number) if number else 1):
        complaints.append(f"{maker} does not make it")
    if holds(codes_of(goldens / (close + ".golden")), code, None):
        complaints.append(f"{close} makes it")
    return complaints


def against_catalogue(rows, codes):
    listed = [row[0] for row in rows]
    return [f"{code} is not in the table" for code in codes if code not in listed] + \
        [f"{code} is no finding" for code in listed if code not in codes] + \
        [f"{code} is listed twice" for code in set(listed) if listed.count(code) > 1] + \
        [f"{row[0]} has {len(row)} columns" for row in rows if len(row) != len(TITLE) or not all(row)]


def judge(tap, document, text, goldens):
    rows = table(text)
    complaints = against_catalogue(rows, catalogue(document))
    tap.say("the table lists the catalogue", complaints)
    for row in rows if not complaints else []:
        tap.say(f"{row[0]}: {row[1]}, not {row[2]}", against_goldens(goldens, *row[:3]))


def main():
    root = pathlib.Path(sys.argv[1])
    goldens = root / "tests" / "golden"
    tap = Tap()
    judge(tap, (root / "docs" / "findings.md").read_text(), (goldens / "findings.tsv").read_text(), goldens)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
