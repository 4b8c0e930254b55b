#!/usr/bin/env python3
"""The modules of a pipeline plan's stages, run one after the other, compute what the step computes.

usage: stages_test.py BIN_DIR

Each model is planned with two and with three stages, exported with --format stages, and the modules
are chained as manifest.json says, on one CPU device. The zoo's modules are compiled only.
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import xla  # first: sets the number of devices

import jax
import jax.numpy as jnp
import numpy as np
import optax

import models
from export_doc_test import CLUSTER, values

ROOT = pathlib.Path(__file__).parents[2]
ZOO = ROOT / "tests/data/zoo"
sys.path.append(str(ROOT / "tests/tools"))

import export_jax

# How many stages each model is cut into. The decoder's loop stays whole.
# The mlp has two layers: a third stage would hold a bias only, whose gradient is made behind it.
CHAINS = {"mlp": [2], "gpt": [2, 3], "tied_conv": [2, 3], "scanned_decoder": [2, 3]}


def tied_conv():
    """One kernel used twice with layers without variables in between, and an optimizer with a global norm."""
    params = {"in": models.shape(3, 3, 4, 16), "tied": models.shape(3, 3, 16, 16), "out": models.shape(256, 16)}

    def conv(x, w):
        return jax.lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))

    def pool(x):
        return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

    def loss(p, batch):
        x = pool(jax.nn.relu(conv(batch["image"], p["in"])))
        x = pool(jax.nn.relu(conv(x, p["tied"])))
        x = jax.nn.relu(conv(x, p["tied"]))
        return models.cross_entropy(x.reshape(x.shape[0], -1) @ p["out"], batch["y"])

    optimizer = optax.chain(optax.clip_by_global_norm(0.1), optax.adam(1e-3))
    step, state = models.training(loss, params, optimizer)
    return step, state, {"image": models.shape(8, 16, 16, 4), "y": models.shape(8, dtype=models.S32)}


class Chain:
    """The programs of a folder that `automap export --format stages` wrote."""

    def __init__(self, folder):
        self.manifest = json.loads((folder / "manifest.json").read_text())
        self.programs = self.manifest["programs"]
        self.executables = [xla.compile_module((folder / p["file"]).read_bytes(), devices=1)[0]
                            for p in self.programs]

    def run(self, arguments):
        """Results of the step. A parameter that a program overwrites is not there afterwards."""
        given, made = list(arguments), []

        def value(source):
            if "program" in source:
                return made[source["program"]][source["result"]]
            return given[source["parameterNumber"]]

        for program, executable in zip(self.programs, self.executables):
            parts = executable.execute_sharded([jnp.array(value(p), copy=True) for p in program["parameters"]])
            made.append([pieces[0] for pieces in parts.disassemble_into_single_device_arrays()])
            for alias in program["aliases"]:
                given[program["parameters"][alias["parameter"]]["parameterNumber"]] = None
        return [value(output) for output in self.manifest["outputs"]]


def automap(bin_dir, *arguments):
    return subprocess.run([bin_dir / "automap", *arguments], check=True, capture_output=True).stdout


def export(bin_dir, stages, name):
    """Plans the module step.hlo.pb.gz with that many stages; the folder of its programs."""
    cluster = json.loads(json.dumps(CLUSTER))
    cluster["servers"][0]["devices"] = stages
    pathlib.Path("cluster.json").write_text(json.dumps(cluster))
    roles = ["--roles", "step.roles.json"] if pathlib.Path("step.roles.json").exists() else []
    pathlib.Path("plan.json").write_bytes(automap(
        bin_dir, "plan", "step.hlo.pb.gz", *roles, "--cluster", "cluster.json", "--local", "--strategy", "pp",
        "--stages", str(stages), "--micro-batches", "2", "--ignore-memory", "-o", "json"))
    folder = pathlib.Path(f"{name}-{stages}")
    automap(bin_dir, "export", "step.hlo.pb.gz", "--plan", "plan.json", "--format", "stages", "--out", folder)
    return folder


def difference(results, expected):
    worst = 0.0
    for a, b in zip(results, expected, strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert a.shape == b.shape, (a.shape, b.shape)
        worst = max(worst, np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(b), initial=0), 1e-3))
    return worst


def problems_of(chain, stages, state):
    """What a good chain has: every stage and phase, and an alias for each array of the state."""
    phases = {(p["stage"], p["phase"]) for p in chain.programs}
    for stage in range(stages):
        for phase in ("forward", "backward", "update"):
            if (stage, phase) not in phases:
                yield f"no {phase} of stage {stage}"
    kept = sum(len(p["aliases"]) for p in chain.programs)
    if kept != len(jax.tree.leaves(state)):
        yield f"{kept} aliases of {len(jax.tree.leaves(state))}"


def check(bin_dir, name, model, stages):
    step, state, batch = model()
    lowered = jax.jit(step, donate_argnums=0, keep_unused=True).lower(state, batch)
    module = lowered.compiler_ir("hlo").as_serialized_hlo_module_proto()
    pathlib.Path("step.hlo.pb.gz").write_bytes(gzip.compress(module))
    pathlib.Path("step.roles.json").write_text(json.dumps(export_jax.roles(state, batch)))
    chain = Chain(export(bin_dir, stages, name))
    arguments = values((state, batch), np.random.default_rng(stages))
    expected = [np.asarray(leaf) for leaf in jax.tree.leaves(jax.jit(step)(*arguments))]
    worst = difference(chain.run(jax.tree.leaves(arguments)), expected)
    problems = list(problems_of(chain, stages, state))
    crossing = sum("program" in p and chain.programs[p["program"]]["stage"] != program["stage"]
                   for program in chain.programs for p in program["parameters"])
    print(f"{name}, {stages} stages: {len(chain.programs)} programs, {crossing} arrays cross, "
          f"largest relative difference {worst:.1e}", *problems, sep="; ")
    return worst < 2e-3 and not problems


def compile_zoo(bin_dir, name, stages):
    pathlib.Path("step.roles.json").unlink(missing_ok=True)
    pathlib.Path("step.hlo.pb.gz").write_bytes((ZOO / f"{name}.hlo.pb.gz").read_bytes())
    roles = ZOO / f"{name}.params.json.gz"
    if roles.exists():
        pathlib.Path("step.roles.json").write_bytes(gzip.decompress(roles.read_bytes()))
    chain = Chain(export(bin_dir, stages, name))
    print(f"{name}, {stages} stages: {len(chain.programs)} programs compiled")
    return True


def main():
    bin_dir = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        results = []
        for name, counts in CHAINS.items():
            model = tied_conv if name == "tied_conv" else models.MODELS[name]
            results += [check(bin_dir, name, model, stages) for stages in counts]
        results.append(compile_zoo(bin_dir, "vgg19", 3))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
