"""Shows what summary.py counts, and when it ends with a failure."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).with_name("summary.py")


class Summary(unittest.TestCase):
    def summary(self, results, checks=None, missing=False):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "testlog.json"
            if not missing:
                log.write_text("".join(f'{{"name": "a test", "result": "{result}"}}\n' for result in results))
            done = subprocess.run([sys.executable, SCRIPT, log, *(["-"] if checks is not None else [])], input=checks or "",
                                  capture_output=True, text=True, check=False)
        return done.stdout.strip(), done.returncode

    def test_passed_and_skipped_tests_are_no_failure(self):
        self.assertEqual(self.summary(["OK", "SKIP", "OK"]), ("2 passed, 0 failed, 1 skipped", 0))

    def test_every_other_result_is_a_failure(self):
        for result in ("FAIL", "TIMEOUT", "ERROR", "INTERRUPT", "UNEXPECTEDPASS", "new in meson 9"):
            self.assertEqual(self.summary(["OK", result]), ("1 passed, 1 failed, 0 skipped", 1))

    def test_a_missing_log_is_a_failure(self):
        self.assertEqual(self.summary([], missing=True), ("0 passed, 1 failed, 0 skipped", 1))

    def test_a_run_without_a_test_is_a_failure(self):
        self.assertEqual(self.summary([])[1], 1)
        self.assertEqual(self.summary(["SKIP"])[1], 1)

    def test_checks_of_standard_input_are_added(self):
        self.assertEqual(self.summary(["OK"], "compile passed\nfuzz-reader failed\nkit skipped\n"),
                         ("2 passed, 1 failed, 1 skipped", 1))


if __name__ == "__main__":
    unittest.main()
