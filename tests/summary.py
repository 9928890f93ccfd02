"""summary.py LOG...: counts what meson's testlog.json files hold and prints `N passed, N failed, N skipped`.

Lines of the form `name result` on standard input are counted too where the first argument is '-'. Ends with 1 where a
test failed or none ran.
"""
import json
import sys

KIND_OF_RESULT = {
    "OK": "passed", "EXPECTEDFAIL": "passed", "passed": "passed",
    "SKIP": "skipped", "IGNORED": "skipped", "skipped": "skipped",
}


def results(path):
    if path == "-":
        return [line.split()[-1] for line in sys.stdin if line.strip()]
    try:
        with open(path, encoding="utf-8") as log:
            return [json.loads(line)["result"] for line in log if line.strip()]
    except FileNotFoundError:
        print(f"summary.py: {path}: there is no such log", file=sys.stderr)
        return ["missing"]


def main(paths):
    count = {"passed": 0, "failed": 0, "skipped": 0}
    for path in paths:
        for result in results(path):
            count[KIND_OF_RESULT.get(result, "failed")] += 1
    print(", ".join(f"{number} {kind}" for kind, number in count.items()))
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
