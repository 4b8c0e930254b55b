"""docs/api.md, run as it stands against a server on its default ports, and the scheduler's example with it.

    api_md_test.py BIN_DIR     (the folder with automapd)
"""

import os
import re
import subprocess
import tempfile
import unittest

from serving import ROOT, Server, grpcurl_folder

_WITHIN_S = 240


def page():
    return (ROOT / "docs/api.md").read_text()


def script():
    return "set -euo pipefail\n" + "\n".join(re.findall(r"```sh\n(.*?)```", page(), re.DOTALL))


def declared_calls():
    calls = set()
    for name in ("planner", "modules"):
        text = (ROOT / f"proto/automap/v1/{name}.proto").read_text()
        service = re.search(r"^service (\w+)", text, re.MULTILINE).group(1)
        calls |= {f"{service}/{rpc}" for rpc in re.findall(r"^  rpc (\w+)", text, re.MULTILINE)}
    return calls


class ApiMdTest(unittest.TestCase):

    def test_HasALineForEveryCall(self):
        shown = set(re.findall(r"automap\.v1\.(\w+/\w+)", script()))
        self.assertEqual(declared_calls() - shown, set())

    def test_NamesEveryReasonThatTheServerGives(self):
        sources = "\n".join(path.read_text() for folder in ("server/api", "server/jobs", "server/blobs")
                            for path in (ROOT / folder).glob("*.cc"))
        given = set(re.findall(r'^\s*"([A-Z]+_[A-Z_]+)"\)', sources, re.MULTILINE)) | set(
            re.findall(r'return "([A-Z_]+)";', sources))
        self.assertEqual({reason for reason in given if reason not in page()} - {"INTERNAL", "CANCELLED"}, set())

    def test_RunsAsItStandsAndSoDoesTheScheduler(self):
        environment = os.environ | {"PATH": grpcurl_folder() + os.pathsep + os.environ["PATH"]}
        with Server(), tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(["bash", "-c", script()], cwd=ROOT, env=environment, capture_output=True, text=True,
                                  timeout=_WITHIN_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr[-4000:])
            self.assertIn("final_plan", done.stdout)
            done = subprocess.run(["docs/examples/scheduler/run", "127.0.0.1:8470", folder], cwd=ROOT, capture_output=True,
                                  text=True, timeout=_WITHIN_S, check=False)
            self.assertEqual(done.returncode, 0, done.stderr[-4000:])
            self.assertIn("placed in cycle", done.stdout)


if __name__ == "__main__":
    unittest.main()
