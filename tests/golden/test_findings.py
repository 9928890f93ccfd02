"""That findings.py can fail: a catalogue of two findings, and each way in which the table or a golden may be wrong."""
import contextlib
import io
import pathlib
import sys
import tempfile

from findings import judge
from golden import Tap

CATALOGUE = "| code |\n| `too-late` | error |\n| `refused` | error |\n"
HEAD = "# made up\nfinding\tmade by\tclose to it\thow close\n"
LATE = "too-late\tlate:2\tin_time\ta second earlier\n"
REFUSED = "refused\tshut\tin_time\tit is open\n"
GOLDENS = {
    "late": '{"view": "findings", "handshake_id": 2, "code": "too-late"}\n',
    "in_time": '{"view": "handshakes", "id": 1}\n',
    "shut": '{"view": "attempts", "reason": "refused"}\n',
}


def failures(table, goldens=GOLDENS):
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
        for name, text in goldens.items():
            (pathlib.Path(folder) / (name + ".golden")).write_text(text)
        tap = Tap()
        judge(tap, CATALOGUE, HEAD + table, pathlib.Path(folder))
        return tap.failures


def main():
    whole = LATE + REFUSED
    both = {**GOLDENS, "in_time": GOLDENS["late"] + GOLDENS["shut"]}
    expected = {
        "right": (failures(whole), 0),
        "a finding without a row": (failures(LATE), 1),
        "a row without a finding": (failures(whole + "never\tlate\tin_time\tnothing\n"), 1),
        "a finding listed twice": (failures(whole + LATE), 1),
        "a row without its reason": (failures(LATE + "refused\tshut\tin_time\n"), 1),
        "no such capture": (failures(whole.replace("in_time", "nowhere")), 2),
        "another handshake has it": (failures(whole.replace("late:2", "late:1")), 1),
        "none has it": (failures(whole, {**GOLDENS, "late": "", "shut": ""}), 2),
        "the close one has it too": (failures(whole, both), 2),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            print(f"{name}: {found} failures, {wanted} expected")
    return any(found != wanted for found, wanted in expected.values())


if __name__ == "__main__":
    sys.exit(main())
