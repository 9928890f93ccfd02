"""Shows that the benchmark's captures are what they say and its count of what was found can be trusted, at a tiny scale; nothing
here looks at a clock.

usage: test_bench.py OVERHEAR FOLDER_OF_TOOLS
"""
import collections
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import bench
import plot

OVERHEAR, TOOLS = (pathlib.Path(argument).resolve() for argument in sys.argv[1:3])
# In percent: 200 handshakes, 2,000 flows of a flood.
TINY = {"handshakes": 0.1, "bulk": 0.4, "syn": 0.05, "idle": 0.1, "half": 0.1, "storm": 0.1, "mix": 0.1}


def packets_of(capture):
    content = capture.read_bytes()
    at = 24
    while at < len(content):
        seconds, micros, kept, _ = struct.unpack_from("<IIII", content, at)
        yield seconds * 10**6 + micros, content[at + 16:at + 16 + kept]
        at += 16 + kept


def ones_sum(data):
    total = sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


class Bench(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.folder.chmod(0o755)

    def make(self, name, seed=1, folder="."):
        place = self.folder / folder
        place.mkdir(exist_ok=True)
        return bench.make_capture(TOOLS / "generate", name, TINY[name], seed, place)

    def found_in(self, name, *options):
        capture, truth = self.make(name)
        subprocess.run([OVERHEAR, "read", "-q", *options, "-o", self.folder / "out.db", capture], check=True)
        return bench.compare(bench.found_by_overhear, self.folder, truth)

    def test_every_handshake_is_found_with_its_name(self):
        for name, owed in (("handshakes", 200), ("bulk", 6), ("idle", 1000), ("half", 1000), ("storm", 240)):
            with self.subTest(name):
                found = self.found_in(name)
                self.assertEqual((found.rows, found.right, found.owed, found.named), (owed, owed, owed, owed))
                (self.folder / "out.db").unlink()

    def test_several_threads_find_the_same(self):
        found = self.found_in("handshakes", "-j", "2")
        self.assertEqual((found.rows, found.right), (200, 200))

    def test_what_is_no_handshake_gives_no_row(self):
        for name in ("syn", "mix"):
            with self.subTest(name):
                found = self.found_in(name)
                self.assertEqual((found.rows, found.right, found.owed), (0, 0, 0))
                self.assertGreater(sum(1 for _ in packets_of(self.make(name)[0])), 500)
                (self.folder / "out.db").unlink()

    def test_a_wrong_name_and_a_missing_row_show(self):
        capture, truth = self.make("handshakes")
        self.found_in("handshakes")
        lines = truth.read_text(encoding="ascii").splitlines()
        cells = lines[7].split(",")
        lines[7] = ",".join([*cells[:2], "other.test", *cells[3:]])
        truth.write_text("\n".join(lines[:-1]) + "\n", encoding="ascii")
        found = bench.compare(bench.found_by_overhear, self.folder, truth)
        self.assertEqual((found.rows, found.right, found.owed), (200, 198, 199))
        self.assertIn("198 of 199 right", bench.found_text(found._asdict()))

    def test_a_seed_fixes_every_byte(self):
        for name in TINY:
            with self.subTest(name):
                once, truth = self.make(name)
                again, same_truth = self.make(name, folder="again")
                other, _ = self.make(name, seed=2)
                self.assertEqual(once.read_bytes(), again.read_bytes())
                self.assertEqual(truth.read_bytes(), same_truth.read_bytes())
                self.assertNotEqual(once.read_bytes(), other.read_bytes())

    def test_packets_are_in_order_and_their_checksums_right(self):
        for name in ("handshakes", "mix"):
            last = 0
            for at, packet in packets_of(self.make(name)[0]):
                self.assertGreaterEqual(at, last)
                last = at
                self.assertEqual(ones_sum(packet[14:34]), 0xffff)
                pseudo = packet[26:34] + struct.pack(">HH", packet[23], len(packet) - 34)
                self.assertEqual(ones_sum(pseudo + packet[34:]), 0xffff)

    def test_addresses_with_ports_and_names_occur_once(self):
        for name in ("handshakes", "half", "storm"):
            truth = bench.read_truth(self.make(name)[1])
            self.assertEqual(len({(client, port) for client, port, _ in truth}), len(truth))
            self.assertEqual(max(collections.Counter(name for _, _, name in truth).values()), 1)

    def test_two_percent_are_disturbed_in_every_way(self):
        capture, truth = bench.make_capture(TOOLS / "generate", "handshakes", 1, 1, self.folder)
        kinds = collections.Counter(line.rsplit(",", 1)[1] for line in truth.read_text(encoding="ascii").splitlines())
        self.assertEqual(set(kinds), {"", "swapped", "lost", "twice", "in pieces"})
        self.assertTrue(20 <= 2000 - kinds[""] <= 60, kinds)

    def test_the_table_and_the_plot_have_what_was_measured(self):
        capture, truth = self.make("handshakes")
        everyone = {bench.YARDSTICK: (["true"], None), "overhear": (["true"], None), "tshark": (["sleep", "5"], None),
                    "zeek": (["false"], bench.names_by_zeek), "ssldump": (["true"], bench.names_by_ssldump)}
        chosen = type("chosen", (), {"runs": 2, "patience": 0.2})
        measured = bench.measure(TOOLS, capture, truth, everyone, chosen, lambda text: None)
        self.assertEqual({name: len(runs) for name, (runs, _) in measured.items()},
                         {bench.YARDSTICK: 2, "overhear": 2, "tshark": 0, "zeek": 0, "ssldump": 2})
        one = {"ratio": 4.25, "cpu": 0.2, "wall": 0.3, "memory": 25 * 10**6, "runs": 2,
               "found": {"rows": 2000, "right": 2000, "owed": 2000, "named": 2000, "database": 10**6}}
        shown = {"handshakes": {bench.YARDSTICK: one, "overhear": one, "tshark": None}}
        drawn = xml.etree.ElementTree.fromstring(plot.draw(shown, bench.YARDSTICK))
        self.assertIn("4.2x", "".join(drawn.itertext()))
        self.assertEqual(bench.per_row_text(one), "100.0 us, 500 bytes")
        self.assertEqual(bench.markdown_cell(one), "4.2x, 25 MB")
        self.assertEqual(bench.markdown_cell(None), "failed")

    def test_memory_of_the_starter_does_not_count(self):
        ballast = bytearray(100 * 10**6)
        spent = bench.run(TOOLS / "spend", ["true"], self.folder, 60)
        self.assertEqual(spent.status, 0)
        self.assertLess(spent.memory, len(ballast) / 2)

    def test_a_program_that_fails_shows(self):
        spent = bench.run(TOOLS / "spend", ["false"], self.folder, 60)
        self.assertEqual(spent.status, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
