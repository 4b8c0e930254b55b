#!/usr/bin/env python3
"""Memory of a whole step on one device, ours beside XLA's memory_analysis.

Arguments must be equal to the byte. Temporaries (with results that replace no argument) depend on the schedule, on what
is fused and on what a backend makes for itself, so each module is compiled twice: as XLA schedules for a CPU's threads,
which keeps more alive, and in the sequential order that needs little memory, which is what we compare with. XLA prints
the live range of every value in it; liveness.py works out from them how much is alive without what only the CPU backend
makes, how much less an order that runs readers as soon as it can would keep at most, and how much more were alive if
nothing were worked out again inside copies. Ours should lie between the last two, or within 10 % of one.

usage: memory.py --automap BIN [--markdown FILE.md] MODULE.hlo.pb.gz ...
"""

import argparse
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import liveness

ONE_DEVICE = {"servers": [{"deviceType": "v100", "devices": 1}]}
SEQUENTIAL = " --xla_cpu_enable_concurrency_optimized_scheduler=false"
FAST = " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
GIB = 2**30
CLOSE = 0.1

Xla = collections.namedtuple("Xla", "arguments temporaries live without_own own waiting with_remade")


def compiled_stats(path):
    """In a process of its own, because XLA reads its flags once: prints memory_analysis."""
    import jax
    from jaxlib import _jax, xla_client

    options = xla_client.CompileOptions()
    options.num_replicas = options.num_partitions = 1
    module = _jax.mlir.hlo_to_stablehlo(gzip.open(path).read())
    stats = jax.devices()[0].client.compile_and_load(module, _jax.DeviceList(tuple(jax.devices()[:1])), options)
    stats = stats.get_compiled_memory_stats()
    print(json.dumps([stats.argument_size_in_bytes, stats.output_size_in_bytes, stats.alias_size_in_bytes,
                      stats.temp_size_in_bytes]))


def xla_memory(path, flags):
    with tempfile.TemporaryDirectory() as folder:
        dump = f" --xla_dump_to={folder} --xla_dump_hlo_as_text"
        environment = dict(os.environ, JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="2",
                           XLA_FLAGS=os.environ.get("XLA_FLAGS", "") + FAST + flags + dump)
        done = subprocess.run([sys.executable, __file__, "--stats", path], check=True, capture_output=True, env=environment)
        arguments, output, alias, temporary = json.loads(done.stdout.splitlines()[-1])
        found = liveness.Liveness(pathlib.Path(folder))
        return Xla(arguments, temporary + output - alias, found.most(), found.without_own(), found.own(), found.waiting(),
                   found.with_remade())


def our_memory(automap, path):
    with tempfile.TemporaryDirectory() as folder:
        cluster = pathlib.Path(folder, "one.json")
        cluster.write_text(json.dumps(ONE_DEVICE))
        command = [automap, "plan", path, "--cluster", cluster, "--ignore-memory", "--strategy", "adp", "--local"]
        cost = json.loads(subprocess.run([*command, "-o", "json"], check=True, capture_output=True).stdout)["cost"]
    activations = int(cost["activationBytes"])
    return int(cost["peakMemoryBytes"]) - activations, activations


def listed(kinds, whole):
    """The largest few, with their sizes."""
    return ", ".join(f"{kind} {size / GIB:.3g}" for kind, size in kinds.most_common(4) if size > 0.01 * whole)


def verdict(ours, xla):
    """Whether ours is close to XLA's, or to what lies between an order that keeps less and one that works nothing out
    again, without what only its CPU backend makes."""
    if abs(ours / xla.temporaries - 1) <= CLOSE:
        return "within 10 %"
    least, most = xla.without_own - sum(xla.waiting.values()), xla.with_remade
    ratio = ours / min(max(ours, least), most)
    words = [f"{'explained' if abs(ratio - 1) <= CLOSE else 'NOT EXPLAINED'}, {ratio:.2f} of {least / GIB:.3g} to {most / GIB:.3g}"]
    for what, kinds in (("only a CPU's", xla.own), ("waiting", xla.waiting)):
        if listed(kinds, xla.live):
            words.append(f"{what}: {listed(kinds, xla.live)}")
    if most > 1.01 * xla.without_own:
        words.append(f"worked out again: {(most - xla.without_own) / GIB:.3g}")
    return "; ".join(words)


def row_of(automap, path):
    threads, sequential = xla_memory(path, ""), xla_memory(path, SEQUENTIAL)
    arguments, ours = our_memory(automap, path)
    name = pathlib.Path(path).name.removesuffix(".hlo.pb.gz")
    is_equal = arguments == sequential.arguments
    cells = [name, f"{arguments:,} {'=' if is_equal else '!= ' + format(sequential.arguments, ',')}".replace(",", " "),
             *(f"{size / GIB:.4g}" for size in (ours, sequential.temporaries, sequential.live, threads.temporaries)),
             f"{ours / sequential.temporaries:.2f}", verdict(ours, sequential)]
    return is_equal, "| " + " | ".join(cells) + " |"


HEAD = """# Memory beside XLA's

Written by `tests/xla/run --memory` (`tests/xla/memory.py`, jaxlib as in `tests/xla/requirements.txt`): a whole step on one
device. Argument bytes must be equal. Temporaries in GiB: ours by liveness over an order for little memory; XLA's in its
sequential order; what is alive at the fullest moment of that by the live ranges that XLA prints; and XLA's in the order that it takes
for a CPU's threads. The ratio is ours over XLA's sequential. Where it is more than 10 % off, the last column has between
what ours should lie, worked out from XLA's program, sizes and live ranges (`tests/xla/liveness.py`): at least what is
alive without what only the CPU backend makes and without what waits for readers that could have run, at most what were
alive if nothing were worked out again inside the copies that its convolutions read.

| module | arguments, ours and XLA's | ours | XLA, sequential | alive in it | XLA, for threads | ratio | why |
|---|---|---|---|---|---|---|---|"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--automap")
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("--stats", help=argparse.SUPPRESS)
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()
    if options.stats:
        compiled_stats(options.stats)
        return 0
    lines, all_equal = [HEAD], True
    print(HEAD.splitlines()[-2], HEAD.splitlines()[-1], sep="\n")
    for path in options.modules:
        is_equal, line = row_of(options.automap, path)
        all_equal = all_equal and is_equal
        lines.append(line)
        print(line, flush=True)
    if options.markdown:
        options.markdown.write_text("\n".join(lines) + "\n")
    return 0 if all_equal else 1


if __name__ == "__main__":
    sys.exit(main())
