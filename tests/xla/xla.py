"""Compiling HLO modules that carry shardings, for eight virtual CPU devices, and what came of it."""

import atexit
import collections
import os
import pathlib
import re
import shutil
import tempfile

# What the partitioner made, before the CPU's own passes merge, widen and move collectives.
_DUMP = pathlib.Path(tempfile.mkdtemp(prefix="partitioned-"))
atexit.register(shutil.rmtree, _DUMP, True)
os.environ["XLA_FLAGS"] = os.environ.get("XLA_FLAGS", "") + (
    " --xla_force_host_platform_device_count=8 --xla_backend_optimization_level=0"
    " --xla_llvm_disable_expensive_passes=true --xla_dump_hlo_pass_re=spmd-partitioning|batchnorm"
    f" --xla_dump_to={_DUMP}")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxlib import _jax, xla_client

KINDS = ("all-reduce", "all-gather", "reduce-scatter", "all-to-all", "collective-permute")
BYTES = {"pred": 1, "s8": 1, "u8": 1, "s16": 2, "u16": 2, "f16": 2, "bf16": 2, "s32": 4, "u32": 4,
         "f32": 4, "s64": 8, "u64": 8, "f64": 8, "c64": 8, "c128": 16}
COLLECTIVE = re.compile(r"= (\(.*?\)|\S+) (" + "|".join(KINDS) + r")(-start)?\(")
GATHER = re.compile(r"%([\w.-]+) = \S+ all-gather\(")
INSTRUCTION = re.compile(r"\s*(?:ROOT )?%([\w.-]+) = (?:\(.*?\)|\S+) ([\w-]+)\((.*?)\)")
ARRAY = re.compile(r"([a-z]\w*)\[([\d,]*)\]")

Collective = collections.namedtuple("Collective", "kind dtype dims")


def compile_module(data, devices=8):
    """A serialized HloModuleProto, partitioned as its shardings say: executable and program text."""
    options = xla_client.CompileOptions()
    options.num_replicas, options.num_partitions = 1, devices
    options.device_assignment = xla_client.DeviceAssignment.create(
        np.arange(devices).reshape(1, devices))
    build = options.executable_build_options
    build.num_partitions = devices
    build.use_spmd_partitioning, build.use_shardy_partitioner = True, False
    for old in _DUMP.iterdir():
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    executable = jax.devices()[0].client.compile_and_load(
        _jax.mlir.hlo_to_stablehlo(data),
        _jax.DeviceList(tuple(jax.devices()[:devices])), options)
    if devices == 1:  # nothing is partitioned
        return executable, ""
    program, = _DUMP.glob("*.after_spmd-partitioning.*.txt")
    return executable, program.read_text()


def expand_batch_norms(data):
    """The text of a module in which XLA's own pass has written out batch norm opcodes."""
    compile_module(data, devices=1)
    program, = _DUMP.glob("*.after_batchnorm_expander.*.txt")
    return program.read_bytes()


def collectives(program):
    """Collectives of a partitioned program, once for each array; those of loop bodies once.

    An all-reduce of an all-reduce, over another axis of the mesh, goes on with the same sum.
    """
    found = collections.Counter()
    for match in COLLECTIVE.finditer(program):
        if match.group(2) == "all-reduce" and program.startswith("%all-reduce", match.end()):
            continue
        for dtype, dims in ARRAY.findall(match.group(1)):
            dims = tuple(int(d) for d in dims.split(",") if d)
            found[Collective(match.group(2), dtype, dims)] += 1
    return found


def gathered_for(opcodes, program):
    """The all-gathers that are read by these opcodes and nothing else."""
    readers = collections.defaultdict(set)
    for line in program.splitlines():
        match = INSTRUCTION.match(line)
        for operand in match and re.findall(r"%([\w.-]+)", match.group(3)) or ():
            readers[operand].add(match.group(2))
    found = collections.Counter()
    for match in GATHER.finditer(program):
        if readers[match.group(1)] and readers[match.group(1)] <= set(opcodes):
            found += collectives(match.group(0))
    return found


def size_of(collective):
    return BYTES.get(collective.dtype, 4) * int(np.prod(collective.dims, dtype=np.int64))


def total(counter, keep=lambda c: True):
    """(count, bytes) of those collectives that are kept."""
    kept = {c: n for c, n in counter.items() if keep(c)}
    return sum(kept.values()), sum(n * size_of(c) for c, n in kept.items())


def as_text(counter, sign):
    return [f"{sign}{n} {c.kind} {c.dtype}{list(c.dims)}" for c, n in sorted(counter.items())]


def shardings(mesh_axes, entries):
    """NamedShardings of the entries of an exported partition-spec."""
    sizes = [axis["size"] for axis in mesh_axes]
    devices = np.array(jax.devices()[:int(np.prod(sizes))]).reshape(sizes)
    mesh = Mesh(devices, [axis["name"] for axis in mesh_axes])
    return [NamedSharding(mesh, PartitionSpec(*(tuple(d) if isinstance(d, list) else d
                                                for d in entry["spec"]))) for entry in entries]


def run(executable, plan, arguments, result_shapes):
    """Results of the partitioned program as whole arrays."""
    placed = [jax.device_put(a, s)
              for a, s in zip(arguments, shardings(plan["mesh"], plan["parameters"]))]
    parts = executable.execute_sharded(placed).disassemble_into_single_device_arrays()
    return [jax.make_array_from_single_device_arrays(shape.shape, sharding, list(pieces))
            for shape, sharding, pieces in zip(
                result_shapes, shardings(plan["mesh"], plan["outputs"]), parts)]
