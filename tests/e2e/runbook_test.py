"""docs/runbook.md: its commands as they stand, and whether the names on it exist.

    runbook_test.py BIN_DIR FAKE_WORKER
"""

import contextlib
import json
import os
import pathlib
import re
import shlex
import shutil
import sqlite3
import subprocess
import tempfile
import unittest

from serving import BIN, ROOT, WORKER, free_port, get, wait_for

_WITHIN_S = 60
_MLP = ROOT / "tests/data/zoo/mlp.hlo.pb.gz"


def page():
    return (ROOT / "docs/runbook.md").read_text()


def block_with(word):
    """The one ```sh block that says it."""
    [block] = [block for block in re.findall(r"```sh\n(.*?)```", page(), re.DOTALL) if word in block]
    return block


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, timeout=_WITHIN_S, check=False, **more)


def automapd(data, *flags, worker=WORKER):
    return [str(BIN / "automapd"), f"--data-dir={data}", f"--worker-program={worker}", *flags]


def start(data, *flags, **more):
    """automapd on that folder, once it serves, and its port. Another test may take a free port meanwhile: tries thrice."""
    for _ in range(3):
        grpc, http = free_port(), free_port()
        server = subprocess.Popen(
            automapd(data, f"--listen=127.0.0.1:{grpc}", f"--http-listen=127.0.0.1:{http}", *flags, **more),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"FAKE_WORKER_DIR": str(data)})
        wait_for(lambda: server.poll() is not None or get(f"http://127.0.0.1:{http}/readyz") != "")
        if server.poll() is None:
            return server, grpc
    raise AssertionError("automapd does not serve")


@contextlib.contextmanager
def serving(data, *flags, **more):
    """automapd on that folder; yields a call of the command line on it."""
    server, grpc = start(data, *flags, **more)
    try:
        environment = os.environ | {"AUTOMAP_SERVER": f"127.0.0.1:{grpc}"}
        yield lambda *words, **more: run([BIN / "automap", *map(str, words)], env=environment | more)
    finally:
        server.terminate()
        assert server.wait(_WITHIN_S) == 0


class RunbookTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def plan(self, automap):
        done = automap("plan", _MLP, "--cluster", "v100x4x1-25gbps", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_WhatWasBackedUpIsThereAfterARestore(self):
        data, backup = self.folder / "data", self.folder / "backup"
        backup.mkdir()
        worker = BIN / "automap-worker"
        with serving(data, worker=worker) as automap:
            plan, jobs = self.plan(automap), automap("jobs").stdout
        done = run(["bash", "-euc", block_with(".backup")], cwd=data, env=os.environ | {"BACKUP": str(backup)})
        self.assertEqual(done.returncode, 0, done.stderr)
        with serving(backup, worker=worker) as automap:
            self.assertEqual(automap("jobs").stdout, jobs)
            self.assertEqual(self.plan(automap), plan)

    def test_AnOlderServerRefusesANewerStore(self):
        with serving(self.folder):
            pass
        with sqlite3.connect(self.folder / "jobs.sqlite") as store:
            store.execute("UPDATE schema_version SET version = version + 1")
        store.close()
        done = run(automapd(self.folder, f"--listen=127.0.0.1:{free_port()}", f"--http-listen=127.0.0.1:{free_port()}"))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("newer", done.stdout + done.stderr)

    def test_ATokenIsMadeAsItSays(self):
        done = run(["bash", "-euc", block_with("openssl rand") + 'printf "%s\\n" "$TOKEN" >token'], cwd=self.folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        principals = {"principals": [{"name": "ci", "role": "submitter", "tokenSha256": [done.stdout.split()[0]]}]}
        (self.folder / "principals.json").write_text(json.dumps(principals))
        with serving(self.folder / "data", f"--principals={self.folder}/principals.json") as automap:
            self.assertNotEqual(automap("jobs").returncode, 0)
            done = automap("jobs", AUTOMAP_TOKEN_FILE=str(self.folder / "token"))
            self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(shutil.which("kubectl"), "needs kubectl")
    def test_ItsKubectlLinesMakeWhatTheManifestsMount(self):
        lines = re.findall(r"^kubectl (.*)$", page(), re.MULTILINE)
        for name in ("tls.crt", "tls.key", "ca.crt", "principals.json", "address"):
            (self.folder / name).write_text("x")
        made = set()
        for line in lines:
            words = shlex.split(line, comments=True)
            if words[:2] == ["apply", "-k"]:
                continue
            done = run(["kubectl", *words, "--dry-run=client", "-o", "json"], cwd=self.folder)
            self.assertEqual(done.returncode, 0, done.stderr)
            secret = json.loads(done.stdout)
            made |= {(secret["metadata"]["name"], key) for key in secret["data"]}
        used = set()
        [overlay] = [line.split()[2] for line in lines if line.startswith("apply -k")]
        for folder in (overlay, overlay.replace("embedded", "replicated")):
            done = run(["kubectl", "kustomize", str(ROOT / folder)])
            self.assertEqual(done.returncode, 0, done.stderr)
            used |= {(f"automap-{name}", key) for name, key in re.findall(r"=/etc/automap/(\w+)/(\S+)", done.stdout)}
            self.assertEqual(set(re.findall(r"secretName: (\S+)", done.stdout)) - {name for name, _ in made}, set())
        self.assertEqual(used, made)

    def test_EveryAlertHasItsSectionAndEverySectionItsAlert(self):
        rules = (ROOT / "deploy/observability/rules.yml").read_text()
        alerts = set(re.findall(r"- alert: (\w+)", rules))
        self.assertEqual(set(re.findall(r"^### (\w+)$", page(), re.MULTILINE)), alerts)
        self.assertEqual(set(re.findall(r"docs/runbook\.md#(\w+)", rules)), {alert.lower() for alert in alerts})

    def test_FlagsAndMetricsThatItNamesExist(self):
        helps = run([BIN / "automapd", "--help"]).stdout + run([BIN / "automap", "jobs", "--help"]).stdout
        flags = set(re.findall(r"`(--[a-z-]+)", page()))
        self.assertGreater(len(flags), 8)
        self.assertEqual({flag for flag in flags if flag not in helps}, set())
        sources = "\n".join(path.read_text() for path in (ROOT / "server").rglob("*.cc"))
        metrics = set(re.findall(r"automap_\w+", page()))
        self.assertEqual({metric for metric in metrics if f'"{metric}"' not in sources}, set())


if __name__ == "__main__":
    unittest.main()
