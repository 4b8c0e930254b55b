#!/usr/bin/env python3
"""XLA as the referee of single operations: random shapes and attributes of every opcode that its
importer takes, each feasible split of each parameter on an axis of two or four.

Compared are all-reduces, shape by shape, with everything pinned, and the numbers of the sharded and
the unsharded program. Prints what differs, and for each opcode how many splits were compared.

usage: operations.py --tools DIR [--seeds N] [--opcodes dot,gather,...] [--graphs N]

With --graphs, N random graphs of 20 of these operations follow.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import xla  # first: sets the number of devices

import jax
import jax.numpy as jnp
import numpy as np

OPCODES = """abs add and atan2 batch-norm-grad batch-norm-inference batch-norm-training
bitcast-convert broadcast call cbrt ceil cholesky clamp compare complex concatenate conditional
convert convolution copy cosine count-leading-zeros divide dot dynamic-slice dynamic-update-slice
erf exponential exponential-minus-one fft floor gather imag iota is-finite log log-plus-one logistic
map maximum minimum multiply negate not opt-barrier or pad popcnt power real reduce
reduce-precision reduce-window remainder reshape reverse round-nearest-afz round-nearest-even rsqrt
scatter select select-and-scatter shift-left shift-right-arithmetic shift-right-logical sign sine
slice sort sqrt subtract tan tanh topk transpose triangular-solve tuple while xor""".split()
OTHER_NUMBERS = "OTHER NUMBERS"
PARAMETER = re.compile(r"= (\w+)\[([\d,]*)\]\S* parameter\((\d+)\)")
DTYPES = {"f32": np.float32, "s32": np.int32, "pred": np.bool_, "u32": np.uint32, "u8": np.uint8,
          "u16": np.uint16, "c64": np.complex64}


def parameters_of(text):
    """(dtype, dims) of the entry parameters by number."""
    entry = text[text.index("ENTRY"):]
    found = {int(n): (DTYPES[t], tuple(int(d) for d in dims.split(",") if d))
             for t, dims, n in PARAMETER.findall(entry)}
    return [found[n] for n in range(len(found))]


def values_of(parameters, seed):
    rng = np.random.default_rng(seed)

    def value(dtype, dims):
        if dtype == np.bool_:
            return rng.integers(0, 2, dims).astype(dtype)
        if np.issubdtype(dtype, np.integer):
            return rng.integers(0, 9, dims).astype(dtype)
        return rng.integers(-16, 17, dims).astype(dtype) / dtype(8)

    return [jnp.asarray(value(*p)) for p in parameters]


class Case:
    def __init__(self, text, folder, tools):
        self.text, self.folder, self.tools = text, folder, tools
        self.path = folder / "module.txt"
        self.path.write_text(text)
        self.parameters = parameters_of(text)
        self.whole = None

    def plan(self, parameter, dim, size):
        output = subprocess.run(
            [self.tools / "apply_splits", self.path, "--axis", f"a:{size}:#{parameter}:{dim}",
             "--border", self.folder / "open.pb", "--reads", self.folder / "pinned.pb"],
            check=True, capture_output=True).stdout
        return json.loads(output)

    def expected(self, values):
        """Results of the module on one device."""
        if self.whole is None:
            array = next(p for p, (_, dims) in enumerate(self.parameters) if dims)
            self.plan(array, 0, 1000003)  # which splits nothing
            self.whole, _ = xla.compile_module((self.folder / "open.pb").read_bytes(), 1)
        parts = self.whole.execute_sharded(values).disassemble_into_single_device_arrays()
        return [part[0] for part in parts]

    def has_same_numbers(self, executable, plan, seed):
        """Whether the sharded program computes what the module does on one device."""
        values = values_of(self.parameters, seed)
        expected = self.expected([jax.device_put(v, jax.devices()[0]) for v in values])
        actual = xla.run(executable, plan, values, expected)
        return all(np.allclose(np.asarray(a), np.asarray(e), rtol=1e-4, atol=1e-4, equal_nan=True)
                   for a, e in zip(actual, expected))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--opcodes", default=",".join(OPCODES))
    parser.add_argument("--graphs", type=int, default=0)
    flags = parser.parse_args()
    counts = collections.Counter()
    for opcode in flags.opcodes.split(","):
        for seed in range(flags.seeds):
            judge_module(flags.tools, opcode, opcode, seed, 1, counts)
    for seed in range(flags.graphs):
        judge_module(flags.tools, "graph", flags.opcodes, seed, 20, counts)
    for key, count in sorted(counts.items()):
        print(*key, count)
    wrong = sum(count for (_, what), count in counts.items() if what == OTHER_NUMBERS)
    verdicts = collections.Counter()
    for (_, what), count in counts.items():
        verdicts[what] += count
    print(", ".join(f"{what}: {count}" for what, count in sorted(verdicts.items())))
    return 1 if wrong else 0


def judge_module(tools, name, opcodes, seed, count, counts):
    """Every feasible split of every parameter of one random module."""
    with tempfile.TemporaryDirectory() as folder:
        text = subprocess.run([tools / "write_random_module", str(seed), opcodes, str(count)],
                              check=True, capture_output=True, text=True).stdout
        case = Case(text, pathlib.Path(folder), tools)
        for p, (_, dims) in enumerate(case.parameters):
            for d, n in enumerate(dims):
                size = 4 if n % 4 == 0 else 2
                if n % size == 0:
                    judge(case, name, seed, p, d, size, counts)


def judge(case, opcode, seed, p, d, size, counts):
    plan = case.plan(p, d, size)
    if plan["splitParameters"] == 0:
        counts[opcode, "infeasible"] += 1
        return
    ours = collections.Counter(xla.Collective(c["kind"], c["dtype"], tuple(c["shape"]))
                               for c in plan["collectives"])
    where = f"{opcode} seed {seed} #{p}:{d} / {size}"
    try:
        _, program = xla.compile_module((case.folder / "pinned.pb").read_bytes(), size)
        pinned = xla.collectives(program)
        executable, _ = xla.compile_module((case.folder / "open.pb").read_bytes(), size)
        same_numbers = case.has_same_numbers(executable, plan, seed)
    except Exception as error:  # XLA refuses the module
        counts[opcode, "refused by XLA"] += 1
        print(f"{where}: {str(error)[:150]}", flush=True)
        return
    if pinned == ours and same_numbers:
        counts[opcode, "equal"] += 1
        return
    counts[opcode, "different" if same_numbers else OTHER_NUMBERS] += 1
    print(where, *xla.as_text(ours - pinned, "-"), *xla.as_text(pinned - ours, "+"),
          "" if same_numbers else OTHER_NUMBERS, flush=True)


if __name__ == "__main__":
    sys.exit(main())
