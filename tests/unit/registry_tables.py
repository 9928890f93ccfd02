"""The generator takes the registry's tables as they are, and refuses each way to break them.

Usage: registry_tables.py GENERATE.PY FOLDER
"""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

GENERATOR, TABLES = sys.argv[1:3]


class Generator(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        for name in os.listdir(TABLES):
            if name.endswith(".tsv"):
                shutil.copy(os.path.join(TABLES, name), self.folder)

    def run_generator(self, output="out.c"):
        path = os.path.join(self.folder, output)
        done = subprocess.run([sys.executable, GENERATOR, self.folder, path], text=True,
                              stderr=subprocess.PIPE, check=False)
        return done, path

    def edit(self, table, old, new):
        path = os.path.join(self.folder, table)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new, 1))

    def assert_refused(self, reason):
        done, path = self.run_generator()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(reason, done.stderr)
        self.assertFalse(os.path.exists(path), "a refused table must not leave an output behind")

    def test_the_same_tables_give_the_same_bytes(self):
        first, one = self.run_generator("one.c")
        second, two = self.run_generator("two.c")
        self.assertEqual((first.returncode, second.returncode), (0, 0), first.stderr)
        with open(one, "rb") as a, open(two, "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_a_code_out_of_order_is_refused(self):
        self.edit("alerts.tsv", "\n40\t", "\n19\t")
        self.assert_refused("out of order")

    def test_a_code_that_comes_twice_is_refused(self):
        self.edit("alerts.tsv", "\n41\t", "\n40\t")
        self.assert_refused("out of order")

    def test_a_name_that_comes_twice_unannounced_is_refused(self):
        self.edit("alerts.tsv", "\tno_certificate\t", "\thandshake_failure\t")
        self.assert_refused("handshake_failure")

    def test_an_announced_repetition_that_is_not_there_is_refused(self):
        self.edit("groups.tsv", "# repeats: ", "# repeats: x448 ")
        self.assert_refused("x448")

    def test_a_field_too_many_is_refused(self):
        self.edit("psk_modes.tsv", "\tRFC 8446\t", "\tRFC 8446\tmore\t")
        self.assert_refused("5 fields")

    def test_an_empty_field_is_refused(self):
        self.edit("psk_modes.tsv", "\tRFC 8446\t", "\t\t")
        self.assert_refused("empty field")

    def test_a_meaning_that_is_no_sentence_is_refused(self):
        self.edit("psk_modes.tsv", "normally offer.\n", "normally offer\n")
        self.assert_refused("full stop")

    def test_a_suite_made_of_unknown_parts_is_refused(self):
        self.edit("ciphers.tsv", "TLS_RSA_WITH_AES_128_CBC_SHA\t", "TLS_RSA_WITH_ROT13_SHA\t")
        self.assert_refused("ROT13")

    def test_an_odd_suite_that_is_not_listed_is_refused(self):
        self.edit("ciphers.tsv", "\tECC_SM1_SM3\t", "\tECC_SM1_MD5\t")
        self.assert_refused("ECC_SM1_SM3")

    def test_an_unsorted_table_of_parts_is_refused(self):
        self.edit("encryptions.tsv", "\nSM4_GCM\t", "\nA_SM4_GCM\t")
        self.assert_refused("sort")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
