"""What the tests in Python share: where the programs are, a running automapd, waiting.

The programs under test are in the script's arguments BIN_DIR and FAKE_WORKER, else in the usual build.
"""

import http.client
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
_GRPC_PORT, _HTTP_PORT = 8470, 8471
_READY_WITHIN_S = 60
_STOP_WITHIN_S = 20


def _argument(usual):
    return pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ROOT / usual).resolve()


BIN = _argument("build/bin")
WORKER = _argument("build/tests/fake_worker")


def grpcurl_folder():
    done = subprocess.run([ROOT / "deploy/install_grpcurl"], stdout=subprocess.PIPE, text=True, check=True)
    return str(pathlib.Path(done.stdout.splitlines()[-1]).parent)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, http.client.HTTPException, OSError):
        return ""


def wait_for(what, within_s=90):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.1)
    return False


class Server:
    """automapd on its default ports with a data folder of its own, ready while inside `with`."""

    def __enter__(self):
        for port in (_GRPC_PORT, _HTTP_PORT):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    raise RuntimeError(f"port {port} is taken, the README's line needs it")
        self._folder = tempfile.TemporaryDirectory()
        self._log = open(pathlib.Path(self._folder.name, "log"), "w+")
        self._process = subprocess.Popen([BIN / "automapd", "--data-dir", pathlib.Path(self._folder.name, "data")],
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
