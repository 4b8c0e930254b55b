#!/usr/bin/env python3
"""docs/export.md as it stands: a step out of JAX, its plan back through jax.jit, the same numbers.

usage: export_doc_test.py BIN_DIR
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import xla  # first: sets the number of devices

import jax
import jax.numpy as jnp
import numpy as np

import models

ROOT = pathlib.Path(__file__).parents[2]
SNIPPET = re.search(r"```python\n(.*?)```", (ROOT / "docs/export.md").read_text(), re.S).group(1)


# Devices so slow that even the smallest step is worth splitting.
CLUSTER = {
    "deviceTypes": [{"name": "slow", "memoryBytes": "34359738368", "memoryBandwidthBytesPerS": 1e7,
                     "peakFlopsPerS": {"f32": 1e7}, "launchS": 1e-6}],
    "servers": [{"deviceType": "slow", "devices": 8, "link": "fast"}],
    "links": [{"name": "fast", "bandwidthBytesPerS": 1e11, "latencyS": 1e-6}]}


def values(tree, rng):
    def value(leaf):
        if jnp.issubdtype(leaf.dtype, jnp.integer):
            return jnp.asarray(rng.integers(0, 16 if leaf.shape else 1, leaf.shape), leaf.dtype)
        return jnp.asarray(np.abs(rng.normal(0, 0.1, leaf.shape)), leaf.dtype)

    return jax.tree.map(value, tree)


def check(name, bin_dir):
    def automap(*arguments):
        return subprocess.run([bin_dir / "automap", *arguments], check=True, capture_output=True).stdout

    step, state, batch = models.MODELS[name]()
    pathlib.Path("cluster.json").write_text(json.dumps(CLUSTER))
    subprocess.run([sys.executable, ROOT / "tests/tools/export_jax.py", f"{ROOT}/tests/xla/models.py:{name}",
                    "--out", "step.hlo.pb.gz", "--roles", "step.roles.json"], check=True)
    pathlib.Path("plan.json").write_bytes(automap(
        "plan", "step.hlo.pb.gz", "--roles", "step.roles.json", "--cluster", "cluster.json", "--local",
        "--strategy", "opp", "--axis-size", "4", "-o", "json"))
    automap("export", "step.hlo.pb.gz", "--plan", "plan.json", "--format", "partition-spec", "--out", "spec.json")
    split = sum(any(e["spec"]) for e in json.loads(pathlib.Path("spec.json").read_text())["parameters"])
    scope = {"step": step, "state": state, "batch": batch}
    exec(SNIPPET, scope)
    state, batch = values((state, batch), np.random.default_rng(0))
    expected = jax.tree.leaves(jax.jit(step)(state, batch))
    worst = 0.0
    for a, b in zip(jax.tree.leaves(scope["fast"](state, batch)), expected):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        worst = max(worst, np.max(np.abs(a - b), initial=0) / max(np.max(np.abs(b), initial=0), 1e-3))
    print(f"{name}: {split} parameters split, largest relative difference {worst:.1e}")
    return split > 0 and worst < 2e-3


def main():
    bin_dir = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        results = [check(name, bin_dir) for name in ("mlp", "gpt", "unet")]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
