#!/usr/bin/env python3
"""Memory of a whole step on one device, ours beside XLA's memory_analysis.

Arguments must be equal to the byte. Temporaries (with results that replace no argument) depend on the schedule, on what
is fused and on what a backend makes for itself, so each module is compiled twice: as XLA schedules for a CPU's threads,
which keeps more alive, and in the sequential order that needs little memory, which is what we compare with. XLA prints
the live range of every value in it; their sum at its fullest moment is the liveness bound beside XLA's figure. Of that
moment's values the script names those that only the CPU backend makes: index arrays of window operations, 32-bit copies
of 16-bit arrays, and copies in another layout. Ours should be within 10 % of the rest, else the row says so.

usage: memory.py --automap BIN [--markdown FILE.md] MODULE.hlo.pb.gz ...
"""

import argparse
import collections
import gzip
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ONE_DEVICE = {"servers": [{"deviceType": "v100", "devices": 1}]}
SEQUENTIAL = " --xla_cpu_enable_concurrency_optimized_scheduler=false"
FAST = " --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
GIB = 2**30
CLOSE = 0.1

Xla = collections.namedtuple("Xla", "arguments temporaries undonated live own others")


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


def temporary_values(assignment):
    """Size and shape of the values that XLA puts into its temporary memory, by name."""
    values, is_temporary = {}, False
    for line in assignment.splitlines():
        if line.startswith("allocation "):
            is_temporary = "preallocated-temp" in line
        found = re.match(r" value: <\d+ (.+?) @\d+> \(size=(\d+),offset=\d+\): (.*)", line)
        if found and is_temporary:
            name, size, shape = found.groups()
            values[name if "{" in name else name + "{}"] = (int(size), shape)
    return values


def kind_of(name, shape):
    """Whether only the CPU backend makes such a value, and what it is."""
    words = re.split(r"[^a-z]+", name.split("{")[0])
    if "iota" in words:
        return "index arrays of windows"
    if "convert" in words and shape.startswith("f32"):
        return "32-bit copies of 16-bit arrays"
    if {"copy", "transpose"} & set(words):
        return "copies in another layout"
    return None


def fullest_moment(folder):
    """Bytes alive at the fullest moment of XLA's schedule by its own live ranges, then those of each kind that only its
    backend makes, and the others by operation."""
    values = temporary_values(next(folder.glob("*buffer-assignment.txt")).read_text())
    ranges = next(folder.glob("*live-range.txt")).read_text().partition("BufferLiveRange:")[2]
    change, alive = collections.Counter(), {}
    for name, first, last in re.findall(r"^\s+(.+):(\d+)-(\d+)$", ranges, re.MULTILINE):
        if name in values:
            alive[name] = (int(first), max(int(last), int(first)))
            change[int(first)] += values[name][0]
            change[alive[name][1] + 1] -= values[name][0]
    live = most = moment = 0
    for time in sorted(change):
        live += change[time]
        if live > most:
            most, moment = live, time
    own, others = collections.Counter(), collections.Counter()
    for name, (first, last) in alive.items():
        if first <= moment <= last:
            size, shape = values[name]
            kind = kind_of(name, shape)
            (own if kind else others)[kind or re.sub(r"[.\d]*\{.*", "", name)] += size
    return most, own, others


def xla_memory(path, flags):
    with tempfile.TemporaryDirectory() as folder:
        dump = f" --xla_dump_to={folder} --xla_dump_hlo_as_text"
        environment = dict(os.environ, JAX_PLATFORMS="cpu", TF_CPP_MIN_LOG_LEVEL="2",
                           XLA_FLAGS=os.environ.get("XLA_FLAGS", "") + FAST + flags + dump)
        done = subprocess.run([sys.executable, __file__, "--stats", path], check=True, capture_output=True, env=environment)
        arguments, output, alias, temporary = json.loads(done.stdout.splitlines()[-1])
        return Xla(arguments, temporary + output - alias, output - alias, *fullest_moment(pathlib.Path(folder)))


def our_memory(automap, path):
    with tempfile.TemporaryDirectory() as folder:
        cluster = pathlib.Path(folder, "one.json")
        cluster.write_text(json.dumps(ONE_DEVICE))
        command = [automap, "plan", path, "--cluster", cluster, "--ignore-memory", "--strategy", "adp", "--local"]
        cost = json.loads(subprocess.run([*command, "-o", "json"], check=True, capture_output=True).stdout)["cost"]
    activations = int(cost["activationBytes"])
    return int(cost["peakMemoryBytes"]) - activations, activations


def listed(kinds, xla):
    """The largest few, with their sizes."""
    return ", ".join(f"{kind} {size / GIB:.3g} GiB" for kind, size in kinds.most_common(4) if size > 0.01 * xla.temporaries)


def verdict(ours, xla):
    """Whether ours is close to XLA's, or to what is left without what only its CPU backend makes."""
    ratio = ours / xla.temporaries
    if abs(ratio - 1) <= CLOSE:
        return ratio, "within 10 %"
    own = collections.Counter(xla.own)
    if xla.undonated > 0.02 * xla.temporaries:
        own["results whose arguments the module does not donate"] = xla.undonated
    rest = ours / max(1, xla.temporaries - sum(own.values()))
    words = f"{rest:.2f} of the rest without {listed(own, xla)}" if listed(own, xla) else "none of these kinds is in it"
    return ratio, words if abs(rest - 1) <= CLOSE else f"{words}; fusion and order: the rest is {listed(xla.others, xla)}"


def row_of(automap, path):
    threads, sequential = xla_memory(path, ""), xla_memory(path, SEQUENTIAL)
    arguments, ours = our_memory(automap, path)
    ratio, words = verdict(ours, sequential)
    name = pathlib.Path(path).name.removesuffix(".hlo.pb.gz")
    is_equal = arguments == sequential.arguments
    cells = [name, f"{arguments:,} {'=' if is_equal else '!= ' + format(sequential.arguments, ',')}".replace(",", " "),
             *(f"{size / GIB:.4g}" for size in (ours, sequential.temporaries, sequential.live, threads.temporaries)),
             f"{ratio:.2f}", words]
    return is_equal, "| " + " | ".join(cells) + " |"


HEAD = """# Memory beside XLA's

Written by `tests/xla/run --memory` (`tests/xla/memory.py`, jaxlib as in `tests/xla/requirements.txt`): a whole step on one
device. Argument bytes must be equal. Temporaries in GiB: ours by liveness over an order for little memory; XLA's in its
sequential order; what is alive at the fullest moment of that by the live ranges that XLA prints; and XLA's in the order that it takes
for a CPU's threads. The ratio is ours over XLA's sequential; where it is more than 10 % off, the last column leaves out
what only XLA's CPU backend makes, sized at its fullest moment.

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
