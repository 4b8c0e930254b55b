#!/usr/bin/env python3
"""What XLA's own sharding propagation and SPMD partitioner take for a module with its inputs split on
dim 0 over eight devices, by the times that XLA itself logs of its passes.

usage: xla_propagation.py --tools DIR MODULE.hlo.pb.gz...

Needs the packages of tests/xla/requirements.txt. One line for each module: its name, and the
milliseconds of both passes. The compilation is ended once they are done.
"""

import argparse
import gzip
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent
PASS = re.compile(r"HLO pass: (sharding-propagation|spmd-partitioning) time: .*\((\d+) us\) \(cum")


def pass_times(path):
    """Milliseconds by pass of compiling the module in a process of its own."""
    environment = dict(os.environ, TF_CPP_MIN_LOG_LEVEL="0", TF_CPP_VMODULE="hlo_pass_pipeline=1",
                       PYTHONPATH=str(FOLDER.parent / "xla"))
    code = "import sys, xla; xla.compile_module(open(sys.argv[1], 'rb').read())"
    times = {}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], env=environment, text=True,
                          errors="replace", stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE) as process:
        for line in process.stderr:
            found = PASS.search(line)
            if found:
                times[found.group(1)] = int(found.group(2)) / 1e3
            if "spmd-partitioning" in times:
                process.kill()
                break
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("modules", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    for module in arguments.modules:
        name = module.name.split(".")[0]
        with tempfile.TemporaryDirectory() as folder:
            plain, split = pathlib.Path(folder, "module.pb"), pathlib.Path(folder, "split.pb")
            plain.write_bytes(gzip.decompress(module.read_bytes()))
            subprocess.run([arguments.tools / "apply_splits", plain, "--axis", "data:8:inputs",
                            "--border", split], check=True, stdout=subprocess.DEVNULL)
            times = pass_times(split)
        if len(times) < 2:
            print(f"| {name} | XLA gave up before partitioning | |", flush=True)
            continue
        print(f"| {name} | {times['sharding-propagation']:.1f} | {times['spmd-partitioning']:.1f} |",
              flush=True)


if __name__ == "__main__":
    main()
