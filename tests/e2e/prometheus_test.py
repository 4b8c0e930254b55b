"""A real Prometheus against a running server with jobs: every query of every panel and rule returns data.

    prometheus_test.py BIN_DIR FAKE_WORKER
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.parse

from serving import BIN, ROOT, WORKER, free_port, get, grpcurl_folder, wait_for

_WITHIN_S = 90
_FOLDER = ROOT / "deploy/observability"


def panel_queries():
    board = json.loads((_FOLDER / "dashboard.json").read_text())
    panels = [panel for top in board["panels"] for panel in [top, *top.get("panels", [])]]
    return {(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])}


def rule_expressions():
    """The expressions of the recording rules and what alerts compare, without a parser for YAML."""
    text = (_FOLDER / "rules.yml").read_text()
    return re.findall(r"^\s*- record: (\S+)", text, re.MULTILINE)


class PrometheusTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        cls.grpc, cls.http, cls.prometheus_port = free_port(), free_port(), free_port()
        cls.processes = []
        cls.start([BIN / "automapd", f"--listen=127.0.0.1:{cls.grpc}", f"--http-listen=127.0.0.1:{cls.http}",
                   f"--data-dir={folder / 'data'}", f"--worker-program={WORKER}"], {"FAKE_WORKER_DIR": str(folder)})
        assert wait_for(lambda: get(f"http://127.0.0.1:{cls.http}/readyz") != ""), "automapd does not serve"
        shutil.copy(_FOLDER / "rules.yml", folder)
        (folder / "prometheus.yml").write_text(f"""
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{folder}/rules.yml]
scrape_configs: [{{job_name: automap, static_configs: [{{targets: ["127.0.0.1:{cls.http}"]}}]}}]
""")
        cls.start(["prometheus", f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb",
                   f"--web.listen-address=127.0.0.1:{cls.prometheus_port}"], {})
        assert wait_for(lambda: get(f"http://127.0.0.1:{cls.prometheus_port}/-/ready") != ""), "no Prometheus"
        for round_number in range(6):
            cls.make_calls(round_number)
            time.sleep(1)

    @classmethod
    def start(cls, command, environment):
        cls.processes.append(subprocess.Popen([str(part) for part in command], env=os.environ | environment,
                                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    @classmethod
    def make_calls(cls, round_number):
        grpcurl = pathlib.Path(grpcurl_folder()) / "grpcurl"
        for order in ("ok", "always-crash", "wrong"):
            spec = {"spec": {"inlineHloText": order, "clusterPreset": "v100x4x1-25gbps",
                             "options": {"seed": str(round_number)}}}
            subprocess.run([grpcurl, "-plaintext", "-d", json.dumps(spec), f"127.0.0.1:{cls.grpc}",
                            "automap.v1.Planner/Plan"], capture_output=True, timeout=60, check=False)
        body = {"hlo": "b2s="}
        subprocess.run([grpcurl, "-plaintext", "-d", json.dumps(body), f"127.0.0.1:{cls.grpc}",
                        "automap.v1.Modules/CreateModule"], capture_output=True, timeout=60, check=False)

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.terminate()
        for process in cls.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        cls.folder.cleanup()

    def has_data(self, query):
        text = get(f"http://127.0.0.1:{self.prometheus_port}/api/v1/query?" + urllib.parse.urlencode({"query": query}))
        return text != "" and json.loads(text)["data"]["result"] != []

    def test_EveryPanelHasData(self):
        queries = panel_queries()
        self.assertGreater(len(queries), 25)
        missing = [f"{title}: {query}" for title, query in sorted(queries)
                   if not wait_for(lambda: self.has_data(query.replace("$__rate_interval", "20s")), 20)]
        self.assertEqual(missing, [])

    def test_EveryRecordingRuleHasData(self):
        names = rule_expressions()
        self.assertGreater(len(names), 3)
        self.assertEqual([name for name in names if not wait_for(lambda: self.has_data(name), 20)], [])

    def test_EveryMetricOfAnAlertIsScraped(self):
        used = set(re.findall(r"\b(automap_\w+)", (_FOLDER / "rules.yml").read_text()))
        self.assertEqual({name for name in used if not wait_for(lambda: self.has_data(name), 20)}, set())

    def test_MetricsFollowTheConventions(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=get(f"http://127.0.0.1:{self.http}/metrics"),
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_RulesPassTheirTests(self):
        done = subprocess.run(["promtool", "test", "rules", "rules_test.yml"], cwd=_FOLDER, capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_TheDashboardIsWhatItsCodeSays(self):
        node = subprocess.run([ROOT / "deploy/install_node"], stdout=subprocess.PIPE, text=True, check=True)
        environment = os.environ | {"PATH": node.stdout.splitlines()[-1] + os.pathsep + os.environ["PATH"]}
        with tempfile.TemporaryDirectory() as folder:
            for name in ("package.json", "package-lock.json", "dashboard.mjs"):
                shutil.copy(_FOLDER / name, folder)
            install = subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=folder,
                                     env=environment, capture_output=True, text=True, check=False)
            self.assertEqual(install.returncode, 0, install.stderr)
            made = subprocess.run(["node", "dashboard.mjs"], cwd=folder, env=environment, capture_output=True, text=True,
                                  check=True)
        self.assertEqual(made.stdout, (_FOLDER / "dashboard.json").read_text())


if __name__ == "__main__":
    unittest.main()
