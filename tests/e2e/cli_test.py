"""The command line as a person uses it: exit codes, JSON shapes, messages.

    cli_test.py BIN_DIR
"""

import json
import pathlib
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from serving import BIN, ROOT

_ZOO = ROOT / "tests/data/zoo"
_MLP, _VGG = str(_ZOO / "mlp.hlo.pb.gz"), str(_ZOO / "vgg19.hlo.pb.gz")


def automap(*arguments, stdin=None):
    return subprocess.run([BIN / "automap", *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=120, check=False)


class CommandLineTest(unittest.TestCase):

    def test_AWorkerServesTheFirstProcessOfAContainer(self):
        first = ["unshare", "--user", "--map-root-user", "--pid", "--fork"]
        if subprocess.run([*first, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("this machine makes no namespaces")
        done = subprocess.run([*first, BIN / "automap", "plan", _MLP, "--local", "--cluster", "v100x4x1-25gbps", "-o", "json"],
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_InspectNamesRolesAndReasons(self):
        done = automap("inspect", _MLP, "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(document["instructions"], 182)
        self.assertEqual([p["role"] for p in document["parameters"]], ["VARIABLE"] * 4 + ["INPUT"] * 2)
        self.assertTrue(all(p["reason"] for p in document["parameters"]))
        self.assertEqual(document["parameters"][1]["shape"], [784, 1024])
        self.assertEqual(document["opcodes"]["dot"], 5)

    def test_GroupsPartitionTheFeasibleDims(self):
        document = json.loads(automap("groups", _VGG, "--axis-size", 8, "-o", "json").stdout)
        self.assertEqual(len(document["groups"]), 18)
        places = [(m["parameterNumber"], m["dim"]) for g in document["groups"] for m in g["members"]]
        self.assertEqual(len(places), len(set(places)))
        self.assertEqual(len(places), 53)
        self.assertTrue(all(item["reason"] for item in document["infeasible"]))

    def test_PropagateSaysWhatFollows(self):
        done = automap("propagate", _MLP, "--axis-size", 4, "--set", "#1:1", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        document = json.loads(done.stdout)
        self.assertEqual(document["verdict"], "OK")
        self.assertIn({"parameterNumber": 0, "dim": 0}, document["split"])
        self.assertIsInstance(document["allReduces"]["count"], str)

    def test_PropagateExplainsAConflictWithTheChain(self):
        done = automap("propagate", _ZOO / "bert-48.hlo.pb.gz", "--axis-size", 4, "--set", "#1:0", "-o", "json")
        self.assertEqual(done.returncode, 1, done.stderr)
        conflict = json.loads(done.stdout)["conflict"]
        self.assertEqual(conflict["class"], "TWO_FACTORS")
        self.assertEqual(len(conflict["chains"]), 2)
        self.assertIn("(decided)", conflict["chains"][0][0])

    def test_PlanVerifiesAndAnAlteredOneDoesNot(self):
        with tempfile.TemporaryDirectory() as folder:
            plan_file = pathlib.Path(folder, "plan.json")
            done = automap("plan", _VGG, "--cluster", "v100x8x1-25gbps", "--local", "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            plan = json.loads(done.stdout)
            self.assertTrue(plan["cost"]["fits"])
            self.assertEqual({row["engine"] for row in plan["search"]["engines"]} & {"dqn", "greedy", "random"}, {"dqn", "greedy", "random"})
            plan_file.write_text(done.stdout)
            self.assertEqual(automap("verify", _VGG, "--cluster", "v100x8x1-25gbps", "--plan", plan_file).returncode, 0)
            plan["cost"]["stepTimeS"] *= 0.9
            plan_file.write_text(json.dumps(plan))
            refused = automap("verify", _VGG, "--cluster", "v100x8x1-25gbps", "--plan", plan_file)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("step_time_s", refused.stderr)

    def test_SimulateAndPicturesShowTheStep(self):
        with tempfile.TemporaryDirectory() as folder:
            plan_file, out = pathlib.Path(folder, "plan.json"), pathlib.Path(folder, "out")
            cluster = ("--cluster", "v100x4x1-25gbps")
            plan_file.write_text(automap("plan", _VGG, *cluster, "--strategy", "adp", "--local", "-o", "json").stdout)
            plan = json.loads(plan_file.read_text())
            done = automap("simulate", _VGG, *cluster, "--plan", plan_file, "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            shares = json.loads(done.stdout)
            self.assertAlmostEqual(sum(k["timeS"] for k in shares["kinds"]), plan["cost"]["stepTimeS"], places=9)
            self.assertAlmostEqual(sum(k["timeS"] for k in shares["layers"]), plan["cost"]["stepTimeS"], places=9)
            self.assertIn("#", automap("simulate", _VGG, *cluster, "--plan", plan_file).stdout)

            done = automap("export", _VGG, *cluster, "--plan", plan_file, "--format", "chrome-trace", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            events = json.loads(out.read_text())["traceEvents"]
            rows = [e["args"]["name"] for e in events if e["name"] == "thread_name"]
            self.assertEqual(rows, [f"device {i}" for i in range(4)])
            ends = [e["ts"] + e["dur"] for e in events if e["ph"] == "X"]
            self.assertAlmostEqual(max(ends), 1e6 * plan["cost"]["stepTimeS"], delta=0.1)

            done = automap("export", _VGG, *cluster, "--plan", plan_file, "--format", "svg", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            root = xml.etree.ElementTree.parse(out).getroot()
            self.assertTrue(root.tag.endswith("svg"))
            self.assertGreater(len(list(root.iter("{http://www.w3.org/2000/svg}rect"))), 40)
            missing = automap("export", _VGG, "--plan", plan_file, "--format", "svg", "--out", out)
            self.assertEqual(missing.returncode, 3)
            self.assertIn("--cluster", missing.stderr)

    def test_AStagePictureHasARowForEachStage(self):
        with tempfile.TemporaryDirectory() as folder:
            plan_file, out = pathlib.Path(folder, "plan.json"), pathlib.Path(folder, "out")
            cluster = ("--cluster", "v100x2x2-25gbps")
            done = automap("plan", _VGG, *cluster, "--strategy", "pp", "--stages", 2, "--micro-batches", 8, "--local", "-o", "json")
            self.assertEqual(done.returncode, 0, done.stderr)
            plan_file.write_text(done.stdout)
            done = automap("export", _VGG, *cluster, "--plan", plan_file, "--format", "chrome-trace", "--out", out)
            self.assertEqual(done.returncode, 0, done.stderr)
            events = json.loads(out.read_text())["traceEvents"]
            forwards = [e for e in events if e.get("cat") == "forward"]
            self.assertEqual(len(forwards), 2 * 8)
            rows = [e["args"]["name"] for e in events if e["name"] == "thread_name"]
            self.assertEqual([r for r in rows if "sends" not in r], ["stage 0", "stage 1"])
            shown = automap("simulate", _VGG, *cluster, "--plan", plan_file)
            self.assertEqual(shown.returncode, 0)
            self.assertIn("optimizer", shown.stdout)
            self.assertTrue(all(float(s) <= 100 for s in re.findall(r"([0-9.]+) %", shown.stdout)), shown.stdout)
            done = automap("simulate", _VGG, *cluster, "--plan", plan_file, "-o", "json")
            self.assertAlmostEqual(sum(k["timeS"] for k in json.loads(done.stdout)["kinds"]),
                                   json.loads(plan_file.read_text())["cost"]["stepTimeS"], places=9)

    def test_ARobustPlanIsVerifiedAndNoSlowerThanItSays(self):
        cluster = ("--cluster", "v100x4x2-25gbps")
        plain = json.loads(automap("plan", _VGG, *cluster, "--local", "-o", "json").stdout)
        done = automap("plan", _VGG, *cluster, "--local", "--robust", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        robust = json.loads(done.stdout)
        self.assertTrue(robust["semantics"]["robust"])
        self.assertGreaterEqual(robust["cost"]["stepTimeS"], plain["cost"]["stepTimeS"] * (1 - 1e-9))
        with tempfile.TemporaryDirectory() as folder:
            plan_file = pathlib.Path(folder, "plan.json")
            plan_file.write_text(done.stdout)
            verified = automap("verify", _VGG, *cluster, "--plan", plan_file)
            self.assertEqual(verified.returncode, 0, verified.stderr)

    def test_DevicesThatDivideNothingGetAVerifiedPlan(self):
        for strategy in ("opp", "adp", "auto"):
            done = automap("plan", _MLP, "--cluster", "v100x11x1-25gbps", "--strategy", strategy, "--local")
            self.assertEqual(done.returncode, 0, done.stderr)

    def test_MeasuredTimesWin(self):
        with tempfile.TemporaryDirectory() as folder:
            profile = pathlib.Path(folder, "profile.json")
            arguments = ("plan", _MLP, "--cluster", "v100x1x1-25gbps", "--local", "-o", "json", "--profile", profile)
            profile.write_text('{"entries": [{"match": "opcode:dot", "forwardS": 1, "backwardS": 2}]}')
            done = automap(*arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertAlmostEqual(json.loads(done.stdout)["cost"]["stepTimeS"], 3, delta=0.01)
            profile.write_text('{"entries": [{"match": "main/nothing.7", "forwardS": 1}]}')
            done = automap(*arguments)
            self.assertEqual(done.returncode, 3)
            self.assertIn("main/nothing.7", done.stderr)

    def test_APlanThatDoesNotFitIsANo(self):
        done = automap("plan", _ZOO / "t5-11b-paper.hlo.pb.gz", "--cluster", "v100x8x1-25gbps", "--strategy", "opp", "--local")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("fits in memory", done.stderr)
        self.assertIn("GiB are there", done.stderr)

    def test_ExitCodesTellTheKindOfFailure(self):
        cases = [
            (2, ["plan"], ""),
            (2, ["no-such-command"], ""),
            (3, ["inspect", "/no/such/file"], "cannot be read"),
            (3, ["inspect", "-"], "1:1"),
            (3, ["plan", _MLP, "--cluster", "v100", "--local"], "DEVICExGxN-LINK"),
            (3, ["plan", _MLP, "--cluster", "v100x4x1-25gbps", "--axis-size", "3", "--local"], "options.axis_size: 3"),
            (3, ["plan", _MLP, "--cluster", "v100x4x1-25gbps", "--strategy", "fast", "--local"], "options.strategy"),
            (3, ["groups", _MLP, "--axis-size", "4", "--allow", "nothing"], "options.allow[0]"),
            (4, ["plan", _MLP, "--cluster", "v100x4x1-25gbps", "--server", "127.0.0.1:1"], "--local"),
            (3, ["propagate", _MLP, "--axis-size", "4", "--set", "nobody:0"], "no such parameter"),
        ]
        for code, arguments, text in cases:
            done = automap(*arguments, stdin="!" if "-" in arguments else None)
            self.assertEqual(done.returncode, code, (arguments, done.stderr))
            self.assertIn(text, done.stderr)

    def test_RolesFilesOfTheZooServeAsTheyAre(self):
        done = automap("inspect", _MLP, "--roles", _ZOO / "mlp.params.json.gz", "-o", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue(all(p["reason"] == "given" for p in json.loads(done.stdout)["parameters"]))


if __name__ == "__main__":
    unittest.main()
