"""The grpcurl line of README.md, run as printed against a server on its default port, streams a plan.

    readme_grpcurl_test.py BIN_DIR     (the folder with automapd)
"""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

_ROOT = pathlib.Path(__file__).parents[2]
_BIN = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else _ROOT / "build/bin").resolve()
_GRPC_PORT, _HTTP_PORT = 8470, 8471
_READY_WITHIN_S = 60
_STOP_WITHIN_S = 20
_PLAN_WITHIN_S = 120


def readme_line():
    """The one line of README.md that pipes into grpcurl."""
    lines = re.findall(r"^printf .*\| grpcurl .*$", (_ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(lines) == 1, f"README.md has {len(lines)} grpcurl lines, expected 1"
    return lines[0]


def grpcurl_folder():
    done = subprocess.run([_ROOT / "deploy/install_grpcurl"], stdout=subprocess.PIPE, text=True, check=True)
    return str(pathlib.Path(done.stdout.splitlines()[-1]).parent)


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


class Server:
    """automapd on its default ports with a data folder of its own, ready while inside `with`."""

    def __enter__(self):
        for port in (_GRPC_PORT, _HTTP_PORT):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    raise RuntimeError(f"port {port} is taken, the README's line needs it")
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(pathlib.Path(self._folder.name, "log"), "w+")
        self._process = subprocess.Popen([_BIN / "automapd", "--data-dir", pathlib.Path(self._folder.name, "data")],
                                         stdout=self._log, stderr=subprocess.STDOUT)
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _wait_until_ready(self):
        deadline = time.monotonic() + _READY_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{_HTTP_PORT}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                pass
            time.sleep(0.05)
        self._log.seek(0)
        raise RuntimeError(f"automapd did not get ready; its log:\n{self._log.read()[-4000:]}")

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()
        self._folder.cleanup()


class ReadmeGrpcurlTest(unittest.TestCase):

    def test_LineStreamsAPlan(self):
        environment = os.environ | {"PATH": grpcurl_folder() + os.pathsep + os.environ["PATH"]}
        with Server():
            done = subprocess.run(["bash", "-c", "set -o pipefail; " + readme_line()], cwd=_ROOT, env=environment,
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
