"""Shows that every rule of rules.py is silent on a good tree and complains about one that breaks it."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

import rules

COMPILER = sys.argv[1:] or ["cc"]

ARCHITECTURE = """
| room | holds | may include | exceptions |
|---|---|---|---|
| `include/overhear` | types | `src/base` | |
| `src/base` | tools | nothing | `handler`: set once |
| `src/flow` | flows | `include/overhear`, `src/base` | |
| `src/app` | all | `everything` | |

| header | only in |
|---|---|
| `pcap.h`, `pcap/` | `src/flow/live.c` |
| `netinet/` | nowhere |
"""
GOOD = {
    "docs/architecture.md": ARCHITECTURE,
    "include/overhear/limits.h": "#define LIMIT_TABLE(X) \\\n\tX(FLOWS, \"flows\", 5, \"reason\")\n",
    "src/base/base.h": "int base(void);\n",
    "src/base/reader.h": "int ntohl(int b);\n",
    "src/base/base.c": '#include "base/base.h"\n#include <stddef.h>\n/* ntohs() and _Atomic in a comment, "printf" */\n'
                       "static int (*handler)(void) = NULL;\nint base(void) { return handler ? handler() : 3; }\n",
    "src/flow/live.c": '#include <pcap/pcap.h>\n#include "base/base.h"\n#include "overhear/limits.h"\n',
    "src/flow/flow.c": "static const char *const names[] = { \"a\", \"b\" };\n"
                       "const char *name(int i);\nconst char *name(int i) { return names[i]; }\n",
    "src/app/main.c": '#include "flow/flow.h"\n',
    "src/app/ring.c": "#include <stdatomic.h>\n",
    "tests/unit/flow.c": "int flows = LIMIT_FLOWS;\n",
}


class Rules(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        for path, text in GOOD.items():
            self.write(path, text)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def complaints(self, rule):
        return list(rules.RULES[rule](self.root, self.root / "build", *COMPILER))

    def compile(self, room, text):
        self.write("bad.c", text)
        target = self.root / f"build/{room}/lib{pathlib.Path(room).name}.a.p"
        target.mkdir(parents=True, exist_ok=True)
        subprocess.run([*COMPILER, "-O1", "-fPIE", f"-I{self.root}/src", "-c", self.root / "bad.c", "-o", target / "bad.c.o"],
                       check=True)

    def assert_breaks(self, rule, path, text, words):
        self.assertEqual(self.complaints(rule), [])
        self.write(path, text)
        found = self.complaints(rule)
        self.assertEqual(len(found), 1, found)
        self.assertIn(words, found[0])
        self.assertIn(path.split("/")[0], found[0])

    def test_a_room_may_not_include_a_later_one(self):
        self.assert_breaks("includes", "src/base/bad.c", '#include "flow/flow.h"\n', "src/base may not include src/flow")

    def test_an_include_of_no_room_is_found(self):
        self.assert_breaks("includes", "src/base/bad.c", '#include "elsewhere/x.h"\n', "lies in no room")

    def test_a_file_outside_the_rooms_is_found(self):
        self.assert_breaks("includes", "src/attic/bad.c", "\n", "lies in no room")

    def test_a_missing_table_is_found(self):
        self.write("docs/architecture.md", "no table\n")
        self.assertTrue(any("no table of rooms" in c for c in self.complaints("includes")))
        self.assertTrue(any("no table of headers" in c for c in self.complaints("headers-of-others")))

    def test_a_header_of_a_library_stays_in_its_file(self):
        self.assert_breaks("headers-of-others", "src/flow/bad.c", "#include <pcap.h>\n", "<pcap.h> belongs to src/flow/live.c")

    def test_a_header_that_belongs_nowhere_is_found(self):
        self.assert_breaks("headers-of-others", "src/app/bad.c", "#include <netinet/tcp.h>\n", "belongs to no room")

    def test_byte_order_outside_the_reader_is_found(self):
        self.assert_breaks("words", "src/flow/bad.c", "int a = ntohs(3);\n", "reader.h")

    def test_atomics_outside_the_ring_are_found(self):
        self.assert_breaks("words", "src/app/bad.c", "static _Atomic int a;\n", "ring.c")

    def test_work_left_over_is_found(self):
        self.assert_breaks("words", "tests/unit/bad.c", "/* TO" "DO */\n", "left to do")

    def test_a_long_file_is_found(self):
        self.assert_breaks("length", "src/base/bad.c", "\n" * (rules.LINES_MAX + 1), "at most")

    def test_a_test_may_be_longer_within_bounds(self):
        self.write("tests/unit/long.c", "\n" * rules.TEST_LINES_MAX)
        self.assertEqual(self.complaints("length"), [])
        self.assert_breaks("length", "tests/unit/long.c", "\n" * (rules.TEST_LINES_MAX + 1), "at most")

    def test_a_limit_without_a_test_is_found(self):
        self.assert_breaks("limits", "tests/unit/flow.c", "int LIMIT_FLOWS_OTHER;\n", "the limit FLOWS")

    def test_a_header_that_needs_another_is_found(self):
        self.assert_breaks("headers", "src/flow/bad.h", "void f(size_t n);\n", "does not compile alone")

    def test_a_mutable_global_is_found(self):
        for text in ("static int n; int f(void); int f(void) { return n++; }", "int table[3] = { 1 };",
                     "int *f(void); int *f(void) { static int last; return &last; }", "_Thread_local int t;"):
            self.compile("src/flow", text)
            self.assertEqual(len(self.complaints("symbols")), 1, text)

    def test_constants_and_named_exceptions_are_no_mutable_globals(self):
        self.compile("src/flow", GOOD["src/flow/flow.c"])
        self.compile("src/base", GOOD["src/base/base.c"])
        self.assertEqual(self.complaints("symbols"), [])

    def test_calls_that_print_or_exit_or_ask_a_clock_are_found(self):
        for call in ('printf("x\\n")', 'fprintf(stderr, "%d", 3)', "exit(1)", "time(0)"):
            self.compile("src/flow", "#include <stdio.h>\n#include <stdlib.h>\n#include <time.h>\n"
                                     f"void f(void); void f(void) {{ {call}; }}\n")
            self.assertTrue(self.complaints("symbols"), call)

    def test_the_application_may_do_all_that(self):
        self.compile("src/flow", "int nothing(void); int nothing(void) { return 0; }")
        self.compile("src/app", "#include <stdio.h>\nint n; void f(void); void f(void) { printf(\"%d\", n++); }\n")
        self.assertEqual(self.complaints("symbols"), [])

    def test_a_build_without_objects_is_found(self):
        self.assertIn("no object files", self.complaints("symbols")[0])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
