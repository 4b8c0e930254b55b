"""The grpcurl line of README.md, run as printed against a server on its default port, streams a plan.

    readme_grpcurl_test.py BIN_DIR     (the folder with automapd)
"""

import json
import os
import re
import subprocess
import unittest

from serving import ROOT, Server, grpcurl_folder

_PLAN_WITHIN_S = 120


def readme_line():
    """The one line of README.md that pipes into grpcurl."""
    lines = re.findall(r"^printf .*\| grpcurl .*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(lines) == 1, f"README.md has {len(lines)} grpcurl lines, expected 1"
    return lines[0]


def parse_stream(text):
    """The JSON messages that grpcurl printed one after the other."""
    decoder = json.JSONDecoder()
    messages = []
    text = text.strip()
    while text:
        message, end = decoder.raw_decode(text)
        messages.append(message)
        text = text[end:].lstrip()
    return messages


class ReadmeGrpcurlTest(unittest.TestCase):

    def test_LineStreamsAPlan(self):
        environment = os.environ | {"PATH": grpcurl_folder() + os.pathsep + os.environ["PATH"]}
        with Server():
            done = subprocess.run(["bash", "-c", "set -o pipefail; " + readme_line()], cwd=ROOT, env=environment,
                                  capture_output=True, text=True, timeout=_PLAN_WITHIN_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        messages = parse_stream(done.stdout)
        self.assertRegex(messages[0]["snapshot"]["name"], r"^planJobs/.+")
        # The reflection of gRPC 1.51 carries no JSON names, so grpcurl prints the fields' own.
        final = messages[-1]["final_plan"]
        self.assertGreater(final["cost"]["step_time_s"], 0)
        self.assertTrue(final["shardings"])


if __name__ == "__main__":
    unittest.main()
