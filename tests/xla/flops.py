#!/usr/bin/env python3
"""FLOPs of every opcode, ours beside XLA's own cost analysis.

XLA adds up in 32-bit floats and tells only a module's sum, which is off by up to 1e-4 on large ones. So each distinct
instruction is analysed alone, in a module of its own, and the sums are made here. Loop bodies count once.

usage: flops.py --automap BIN --proto DIR [--table] MODULE.hlo.pb.gz ...
"""

import argparse
import collections
import gzip
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import jax
from jaxlib import _jax, xla_client

# Counted by entering them, or nothing at all.
ENTERED = {"call", "fusion", "while", "conditional", "async-start"}
NOTHING = {"parameter", "constant", "tuple", "get-tuple-element", "after-all", "opt-barrier", "iota"}


def generated_protos(folder):
    """The hlo_pb2 that protoc makes of our wire-compatible subset."""
    out = tempfile.mkdtemp()
    subprocess.run(["protoc", f"-I{folder}", f"--python_out={out}", "xla/hlo.proto", "xla/xla_data.proto"], check=True)
    sys.path[0] = out  # instead of this folder, whose xla.py would hide the package xla
    return importlib.import_module("xla.hlo_pb2")


def executions(module):
    """How often each computation runs, with loop bodies and conditions once."""
    by_id = {c.id: c for c in module.computations}
    counts = collections.Counter()

    def enter(computation):
        counts[computation.id] += 1
        for instruction in computation.instructions:
            if instruction.opcode in ENTERED:
                for callee in instruction.called_computation_ids:
                    enter(by_id[callee])

    enter(by_id[module.entry_computation_id])
    return by_id, counts


def alone(pb2, callees, by_id, instruction):
    """A module that runs this instruction on parameters, with the computations that it applies."""
    single = pb2.HloModuleProto(name="alone", id=1)
    needed, todo = [], list(instruction.called_computation_ids)
    while todo:
        callee = callees[todo.pop()]
        if callee.id not in [c.id for c in needed]:
            needed.insert(0, callee)
            todo += [i for inner in callee.instructions for i in inner.called_computation_ids]
    single.computations.extend(needed)
    entry = single.computations.add(name="alone", id=max(callees) + 1)
    for number, operand in enumerate(instruction.operand_ids):
        parameter = entry.instructions.add(name=f"p{number}", opcode="parameter", id=number + 1, parameter_number=number)
        parameter.shape.CopyFrom(by_id[operand & 0xFFFFFFFF].shape)
        entry.program_shape.parameters.add().CopyFrom(parameter.shape)
        entry.program_shape.parameter_names.append(parameter.name)
    root = entry.instructions.add()
    root.CopyFrom(instruction)
    root.id = len(instruction.operand_ids) + 1
    root.name = "root"
    root.ClearField("metadata")
    root.ClearField("sharding")
    del root.operand_ids[:]
    root.operand_ids.extend(range(1, root.id))
    entry.root_id = root.id
    entry.program_shape.result.CopyFrom(instruction.shape)
    single.entry_computation_id, single.entry_computation_name = entry.id, entry.name
    single.host_program_shape.CopyFrom(entry.program_shape)
    return single.SerializeToString()


def signature(instruction, shapes):
    copy = type(instruction)()
    copy.CopyFrom(instruction)
    copy.ClearField("name")
    copy.ClearField("id")
    copy.ClearField("metadata")
    copy.ClearField("operand_ids")
    return copy.SerializeToString(), tuple(shapes[o & 0xFFFFFFFF] for o in instruction.operand_ids)


def xla_counts(pb2, data):
    module = pb2.HloModuleProto.FromString(data)
    for computation in module.computations:
        for instruction in computation.instructions:
            instruction.id &= 0xFFFFFFFF
    by_id, counts = executions(module)
    client = jax.devices()[0].client
    known, sums = {}, collections.defaultdict(lambda: [0.0, 0.0])
    for identifier, times in counts.items():
        computation = by_id[identifier]
        places = {i.id & 0xFFFFFFFF: i for i in computation.instructions}
        shapes = {i.id & 0xFFFFFFFF: i.shape.SerializeToString() for i in computation.instructions}
        for instruction in computation.instructions:
            if instruction.opcode in ENTERED | NOTHING:
                continue
            key = signature(instruction, shapes)
            if key not in known:
                proto = alone(pb2, by_id, places, instruction)
                result = _jax.hlo_module_cost_analysis(client, xla_client.XlaComputation(proto).as_hlo_module())
                known[key] = (result.get("flops", 0.0), result.get("transcendentals", 0.0))
            for i in range(2):
                sums[instruction.opcode][i] += times * known[key][i]
    return sums


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--automap", required=True)
    parser.add_argument("--proto", default=pathlib.Path(__file__).parents[2] / "proto")
    parser.add_argument("--table", action="store_true", help="print the sums as rows of tests/planner/plan/work_test.cc")
    parser.add_argument("modules", nargs="+")
    options = parser.parse_args()
    pb2 = generated_protos(options.proto)
    differences = 0
    for path in options.modules:
        theirs = xla_counts(pb2, gzip.open(path).read())
        inspected = subprocess.run([options.automap, "inspect", path, "-o", "json"], check=True, capture_output=True)
        ours = json.loads(inspected.stdout)["arithmetic"]
        name = pathlib.Path(path).name.split(".hlo")[0]
        total = [sum(values[i] for values in theirs.values()) for i in range(2)]
        if options.table:
            print(f'    {{"{name}", {total[0]:.0f}, {total[1]:.0f}}},')
        for opcode in sorted(set(theirs) | set(ours)):
            mine = [ours.get(opcode, {}).get(k, 0.0) for k in ("flops", "transcendentals")]
            if any(abs(a - b) > 1e-6 * max(a, b) for a, b in zip(mine, theirs[opcode])):
                differences += 1
                print(f"{name} {opcode}: ours {mine[0]:.0f} and {mine[1]:.0f}, XLA {theirs[opcode][0]:.0f} and "
                      f"{theirs[opcode][1]:.0f}")
        print(f"{name}: {total[0]:.9g} FLOPs, {len(theirs)} opcodes", file=sys.stderr)
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
