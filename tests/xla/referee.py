#!/usr/bin/env python3
"""XLA as the referee: what we predict of a plan must be what XLA's partitioner does with it.

For each module and each plan XLA compiles the step for eight virtual CPU devices three times: with
our shardings on parameters and results only (border), on every instruction (values), and on every
read as well (reads), which leaves it nothing to choose. Compared are the collectives, kind by kind
and shape by shape (loop bodies once, as they stand in the program), parameter bytes per device
exactly, and, for the models of models.py, the numbers that the sharded step computes with those of
the unsharded one.

A difference has one of these causes:
  XLA splits what we keep whole   it disappears when the values are pinned
  XLA reads otherwise             it disappears when the reads are pinned: XLA gathers an operand
                                  where we take a slice of the other one and sum, or a loop's state
                                  was left open
  batch norm kept whole           XLA's partitioner gathers the operands of its batch norm opcodes
                                  (it disappears when XLA's own pass has written them out before)

usage: referee.py --tools DIR [--modules mlp,gpt,PATH.hlo.pb.gz[:expanded]] [--plans N] [--scale N]
                  [--markdown FILE] [--resume FILE]

--resume keeps the rows in a file, one JSON a line, and judges only those that it lacks.
"""

import argparse
import gzip
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import xla  # first: sets the number of devices

import jax
import jax.numpy as jnp
import numpy as np

import models

LEVELS = ("border", "values", "reads")
BATCH_NORMS = ("batch-norm-training", "batch-norm-grad", "batch-norm-inference")
SMALL = 8192  # bytes: collectives that do not count as a difference of the pinned program


def plans_of(count):
    """Names and axes of the plans: data parallel, random operator partitioning, both at once."""
    yield "adp 8", ["data:8:inputs"]
    for seed in range(count):
        yield f"opp 8 #{seed}", [f"model:8:random:{seed}"]
    yield "adp 2 x opp 4", ["data:2:inputs", "model:4:random:1"]
    yield "opp 2 x opp 4", ["a:2:random:3", "b:4:random:4"]


class Module:
    """An HLO module in a file, and plans for it by our own tools."""

    def __init__(self, name, data, folder, tools):
        self.name, self.folder, self.tools = name, folder, tools
        self.path = folder / "module.pb"
        self.path.write_bytes(data)

    def plan(self, axes):
        command = [str(self.tools / "apply_splits"), str(self.path)]
        for level in LEVELS:
            command += [f"--{level}", str(self.folder / f"{level}.pb")]
        for axis in axes:
            command += ["--axis", axis]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)

    def compile(self, level):
        return xla.compile_module((self.folder / f"{level}.pb").read_bytes())

    def program(self, level):
        """What the partitioner made; None where XLA's importer refuses the module."""
        try:
            return self.compile(level)[1]
        except jax.errors.JaxRuntimeError:
            return None

    def error(self, executable, plan):
        return None


class FileModule(Module):
    """A gzipped module; after `:expanded` with its batch norm opcodes written out."""

    def __init__(self, path, folder, tools):
        path, _, expanded = path.partition(":")
        path = pathlib.Path(path)
        name, data = path.name.split(".")[0], gzip.decompress(path.read_bytes())
        if expanded:
            name, data = f"{name}, batch norms expanded", xla.expand_batch_norms(data)
        super().__init__(name, data, folder, tools)


class FrameworkModule(Module):
    """One of models.py, which can also be run."""

    def __init__(self, name, scale, folder, tools):
        self.step, state, batch = models.MODELS[name](scale)
        self.arguments = (state, batch)
        lowered = jax.jit(self.step, donate_argnums=0, keep_unused=True).lower(*self.arguments)
        super().__init__(name, lowered.compiler_ir("hlo").as_serialized_hlo_module_proto(), folder,
                         tools)
        self.results = jax.tree.leaves(jax.eval_shape(self.step, *self.arguments))
        self.values = None

    def make_values(self):
        rng = np.random.default_rng(0)

        def value(leaf):
            if jnp.issubdtype(leaf.dtype, jnp.integer):
                return jnp.asarray(rng.integers(0, 16 if leaf.shape else 1, leaf.shape), leaf.dtype)
            return jnp.asarray(np.abs(rng.normal(0, 0.1, leaf.shape)), leaf.dtype)

        self.values = jax.tree.map(value, self.arguments)
        self.expected = jax.tree.leaves(jax.jit(self.step)(*self.values))

    def error(self, executable, plan):
        """Largest difference of any result, relative to that result's largest element."""
        if self.values is None:
            self.make_values()
        copies = [jnp.array(v) for v in jax.tree.leaves(self.values)]  # the step may take them over
        actual = xla.run(executable, plan, copies, self.results)
        worst = 0.0
        for a, b in zip(actual, self.expected):
            a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
            scale = max(np.max(np.abs(b), initial=0.0), 1e-3)
            worst = max(worst, float(np.max(np.abs(a - b), initial=0.0)) / scale)
        return worst


def counted(plan):
    """Our collectives as XLA's are counted."""
    found = xla.collections.Counter()
    for c in plan["collectives"]:
        found[xla.Collective(c["kind"], c["dtype"], tuple(c["shape"]))] += 1
    return found


def difference(ours, theirs):
    return (ours - theirs) + (theirs - ours)


def judge(module, name, axes):
    start = time.time()
    plan = module.plan(axes)
    ours = counted(plan)
    open_program, border = module.compile("border")
    values, reads = module.program("values"), module.program("reads")
    whole = xla.gathered_for(BATCH_NORMS, reads or "")
    border, values, reads = (None if program is None else xla.collectives(program)
                             for program in (border, values, reads))
    if reads is None:
        missing, extra, causes = ours, border, ["importer refuses the pinned module"]
    else:
        missing = ours - reads
        extra = xla.collections.Counter({c: n for c, n in (reads - ours - whole).items()
                                         if xla.size_of(c) > SMALL})
        causes = causes_of(ours, border, values, reads, whole)
    is_reduce = lambda c: c.kind == "all-reduce"
    totals = lambda found, keep: found and xla.total(found, keep)
    return {
        "module": module.name, "plan": name, "split": plan["splitParameters"],
        "ours": xla.total(ours, is_reduce), "xla": xla.total(border, is_reduce),
        "other": xla.total(border, lambda c: not is_reduce(c)),
        "values": totals(values, is_reduce), "reads": totals(reads, is_reduce), "causes": causes,
        "unexplained": (total_bytes(missing) + total_bytes(extra)) / max(1, total_bytes(ours)),
        "difference": xla.as_text(missing, "-") + xla.as_text(extra, "+"),
        "memory": open_program.get_compiled_memory_stats().argument_size_in_bytes
        == plan["parameterBytesPerDevice"],
        "error": module.error(open_program, plan), "seconds": time.time() - start,
    }


def causes_of(ours, border, values, reads, whole):
    """Which of the closed list there are: each but the last by what disappears at the next level."""
    causes = []
    found = [difference(ours, level) for level in (border, values, reads) if level is not None]
    if found[0] - found[1]:
        causes.append("XLA splits what we keep whole" if values is not None
                      else "XLA reads otherwise")
    if values is not None and found[1] - found[2]:
        causes.append("XLA reads otherwise")
    if whole:
        causes.append("batch norm kept whole")
    return causes


def total_bytes(counter):
    return sum(n * xla.size_of(c) for c, n in counter.items())


INTRODUCTION = """# XLA as the referee

Written by `tests/xla/run`. For each module and plan XLA's partitioner gets the step with our shardings, on eight virtual
devices, three times: on parameters and results only ("XLA"), pinned on every value, and pinned on every read, too
(`automap export --format hlo`, `--pin`, `--pin-reads`). Counted are all-reduces (one for each array, loop bodies once) and the
bytes of their results on a device; "other" are the all-gathers, all-to-alls and permutes that XLA adds when only the border
is pinned. "Unexplained" is what of all collectives still differs with the reads pinned, in bytes of ours, all-gathers of at
most 8 KB aside. Parameter memory per device is compared exactly; "numbers" is the largest difference of any result of the
sharded step from the unsharded one, relative to that result's largest element. Plans are strict: data parallel, random
operator partitioning, and two axes at once. The causes are told in `tests/xla/referee.py`.

"""

HEADER = ("| module | plan | parameters split | all-reduces, bytes: ours | XLA | values pinned | "
          "reads pinned | XLA's other collectives | causes | unexplained | parameter memory | "
          "numbers |\n" + "|---" * 12 + "|")


def as_markdown(row):
    pair = lambda value: f"{value[0]}, {value[1]:,}" if value else "refused"
    unexplained = f"{row['unexplained']:.2%} " + "; ".join(row["difference"])[:200]
    return "| " + " | ".join([
        row["module"], row["plan"], str(row["split"]), pair(row["ours"]), pair(row["xla"]),
        pair(row["values"]), pair(row["reads"]), pair(row["other"]), ", ".join(row["causes"]),
        unexplained.strip() if row["unexplained"] else "0", "equal" if row["memory"] else "DIFFERS",
        "-" if row["error"] is None else f"{row['error']:.1e}"]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tools", type=pathlib.Path, required=True)
    parser.add_argument("--modules", default=",".join(models.MODELS))
    parser.add_argument("--plans", type=int, default=3)
    parser.add_argument("--scale", type=int, default=1)
    parser.add_argument("--markdown", type=pathlib.Path)
    parser.add_argument("--resume", type=pathlib.Path)
    flags = parser.parse_args()
    rows, known = [], {}
    if flags.resume and flags.resume.exists():
        for line in flags.resume.read_text().splitlines():
            found = json.loads(line)
            known[found["module"], found["plan"]] = found
    print(HEADER, flush=True)
    for name in flags.modules.split(","):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            module = (FrameworkModule(name, flags.scale, folder, flags.tools)
                      if name in models.MODELS else
                      FileModule(name, folder, flags.tools))
            for plan, axes in plans_of(flags.plans):
                if (module.name, plan) in known:
                    rows.append(known[module.name, plan])
                else:
                    rows.append(judge(module, plan, axes))
                    if flags.resume:
                        with flags.resume.open("a") as file:
                            file.write(json.dumps(rows[-1]) + "\n")
                print(as_markdown(rows[-1]), flush=True)
    wrong = [r for r in rows
             if not r["memory"] or (r["error"] or 0) > 2e-3 or r["unexplained"] > 0.01]
    equal = lambda key: sum(list(r["ours"]) == list(r[key] or []) for r in rows)
    summary = (f"{len(rows)} plans: all-reduces equal in count and bytes in {equal('xla')}, in "
               f"{equal('values')} once every value is pinned, in {equal('reads')} once every read "
               f"is, too; wrong (memory, numbers, or more than 1 % of the bytes unexplained): "
               f"{len(wrong)}.")
    print("\n" + summary)
    if flags.markdown:
        flags.markdown.write_text(INTRODUCTION + "\n".join([HEADER] + [as_markdown(r) for r in rows]) +
                                  "\n\n" + summary + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
