#!/usr/bin/env python3
"""Memory of a whole step on one device, ours beside XLA's memory_analysis.

Arguments must be equal to the byte. XLA's temporaries are those of its CPU schedule, fusions and copies included; they
are printed, with results that replace no argument, beside our liveness bound as a ratio.

usage: memory.py --automap BIN MODULE.hlo.pb.gz ...
"""

import argparse
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + (
    " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
from jaxlib import _jax, xla_client

ONE_DEVICE = {"servers": [{"deviceType": "v100", "devices": 1}]}


def xla_memory(data):
    options = xla_client.CompileOptions()
    options.num_replicas = options.num_partitions = 1
    devices = _jax.DeviceList(tuple(jax.devices()[:1]))
    executable = jax.devices()[0].client.compile_and_load(_jax.mlir.hlo_to_stablehlo(data), devices, options)
    return executable.get_compiled_memory_stats()


def our_memory(automap, path):
    with tempfile.TemporaryDirectory() as folder:
        cluster = pathlib.Path(folder, "one.json")
        cluster.write_text(json.dumps(ONE_DEVICE))
        command = [automap, "plan", path, "--cluster", cluster, "--ignore-memory", "--strategy", "adp", "--local"]
        cost = json.loads(subprocess.run([*command, "-o", "json"], check=True, capture_output=True).stdout)["cost"]
    activations = int(cost["activationBytes"])
    return int(cost["peakMemoryBytes"]) - activations, activations


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--automap", required=True)
    parser.add_argument("modules", nargs="+")
    options = parser.parse_args()
    wrong = 0
    for path in options.modules:
        stats = xla_memory(gzip.open(path).read())
        arguments, activations = our_memory(options.automap, path)
        is_equal = arguments == stats.argument_size_in_bytes
        wrong += not is_equal
        temporaries = stats.temp_size_in_bytes + stats.output_size_in_bytes - stats.alias_size_in_bytes
        print(f"{pathlib.Path(path).name}: arguments {arguments} {'=' if is_equal else '!='} {stats.argument_size_in_bytes}, "
              f"temporaries {activations / 2**30:.3f} GiB, XLA {temporaries / 2**30:.3f} GiB, ratio "
              f"{activations / temporaries:.2f}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
