"""Shows that pages.py runs what a page shows, and notices an answer, a status or a query that is not as shown."""
import pathlib
import tempfile
import unittest

import pages

PROGRAM = """#!/bin/sh
case $1 in
read) sqlite3 overhear.db 'CREATE TABLE handshakes(id, version); INSERT INTO handshakes VALUES (1, "TLS 1.3")'; echo "read $2" >&2 ;;
fail) exit 3 ;;
esac
"""
GOOD = """# A page

```console
$ overhear read office.pcap
read office.pcap
$ cat pcaps/office.pcap; echo
packets
$ echo one; \\
  echo two
one
t…
```

```sql
SELECT version FROM handshakes
```

```text
┌─────────┐
│ version │
├─────────┤
│ TLS 1.3 │
└─────────┘
```

```sh
test -s overhear.db
sh run.sh
```
"""


class Pages(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = pathlib.Path(self.folder.name)
        (self.root / "docs").mkdir()
        (self.root / "pcaps").mkdir()
        (self.root / pages.CAPTURE).write_bytes(b"packets")
        program = self.root / "overhear"
        program.write_text(PROGRAM, encoding="utf-8")
        program.chmod(0o755)

    def troubles(self, text):
        (self.root / "README.md").write_text(text, encoding="utf-8")
        page = pages.Page(self.root, pathlib.Path("README.md"), self.root / "overhear")
        self.addCleanup(page.folder.cleanup)
        page.check()
        self.ran, self.left_out = page.ran, page.left_out
        self.page = page
        return page.troubles

    def test_a_right_page_has_no_troubles_and_is_run(self):
        self.assertEqual(self.troubles(GOOD), [])
        self.assertEqual(self.ran, 5)
        self.assertEqual(self.left_out, ["sh run.sh"])

    def test_a_link_that_leads_nowhere_is_a_trouble(self):
        self.troubles(GOOD + "\n[a](overhear) [b](docs) [c](https://example.test/x) [d](#a-page) [e](docs/gone.md#there)\n")
        self.page.links(self.root)
        self.assertEqual([t.split(": ")[1] for t in self.page.troubles], ["there is no docs/gone.md"])

    def test_another_answer_of_a_command_is_a_trouble(self):
        self.assertEqual(len(self.troubles(GOOD.replace("\none\n", "\nthree\n"))), 1)

    def test_an_answer_that_goes_on_is_a_trouble(self):
        self.assertEqual(len(self.troubles(GOOD.replace("\none\n", "\n"))), 1)

    def test_another_answer_of_a_query_is_a_trouble(self):
        self.assertEqual(len(self.troubles(GOOD.replace("│ TLS 1.3 │", "│ TLS 1.2 │"))), 1)

    def test_a_query_that_fails_is_a_trouble(self):
        self.assertEqual(len(self.troubles(GOOD.replace("SELECT version", "SELECT verzion"))), 1)

    def test_a_query_without_an_answer_is_a_trouble(self):
        self.assertEqual(len(self.troubles(GOOD.replace("FROM handshakes", "FROM handshakes WHERE id = 2"))), 1)

    def test_a_command_that_fails_is_a_trouble(self):
        self.assertEqual(len(self.troubles("```console\n$ overhear fail\n```\n")), 1)
        self.assertEqual(len(self.troubles("```sh\noverhear fail\n```\n")), 1)

    def test_a_line_of_dots_stands_for_any_lines(self):
        self.assertTrue(pages.matches(["a", "…", "d"], ["a", "b", "c", "d"]))
        self.assertTrue(pages.matches(["a", "…", "d"], ["a", "d"]))
        self.assertFalse(pages.matches(["a", "…", "d"], ["a", "b"]))

    def test_answers_can_be_written_into_the_page(self):
        self.assertTrue(self.troubles(GOOD.replace("│ TLS 1.3 │", "│ old │").replace("\none\nt…\n", "\n")))
        self.page.write(self.root)
        written = (self.root / "README.md").read_text(encoding="utf-8")
        self.assertEqual(written, GOOD.replace("t…", "two"))

    def test_a_block_without_an_end_is_an_error(self):
        self.assertRaises(ValueError, self.troubles, "```sh\ntrue\n")


if __name__ == "__main__":
    unittest.main()
