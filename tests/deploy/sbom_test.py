#!/usr/bin/env python3
"""The list of linked objects is whole, and the programs are linked as they should be.

    sbom_test.py PROGRAM...
"""

import json
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAMS = sys.argv[1:]


class Sbom(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = subprocess.run([ROOT / "deploy/write_sbom", *PROGRAMS], check=True, capture_output=True, text=True).stdout
        cls.bom = json.loads(text)

    def files(self):
        return {part["name"] for library in self.bom["components"] for part in library["components"]}

    def test_lists_every_object_that_the_loader_maps(self):
        for program in PROGRAMS:
            text = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
            lines = [line.split() for line in text.splitlines() if "linux-vdso" not in line]
            self.assertGreater(len(lines), 10)
            for words in lines:
                path = words[2] if "=>" in words else words[0]
                self.assertIn(path, self.files(), program)

    def test_names_package_version_and_digest(self):
        for library in self.bom["components"]:
            self.assertTrue(library["version"])
            self.assertTrue(library["purl"].startswith("pkg:deb/debian/" + library["name"] + "@"))
            for part in library["components"]:
                self.assertEqual(len(part["hashes"][0]["content"]), 64)

    def test_the_front_has_no_torch(self):
        text = subprocess.run(["ldd", PROGRAMS[0]], check=True, capture_output=True, text=True).stdout
        self.assertNotIn("torch", text)


class Hardening(unittest.TestCase):
    def test_the_linker_did_its_part(self):
        for program in PROGRAMS:
            subprocess.run([ROOT / "tests/deploy/check_hardening.py", program, "--links-only"], check=True)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
