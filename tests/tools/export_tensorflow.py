#!/usr/bin/env python3
"""A TensorFlow training step as the file that Auto-MAP reads, with its roles.

    export_tensorflow.py FILE.py:FUNCTION --out step.hlo.pb.gz [--roles step.roles.json]

FUNCTION() returns (step, batch, trained): `step(*batch)` runs forward, backward and update on
tf.Variables, `batch` is a list of tensors or tf.TensorSpec, `trained` the variables that are
trained; other variables that the step uses are taken for the optimizer's state.
"""

import argparse
import gzip
import importlib.util
import json
import pathlib
import sys

import tensorflow as tf


def load(spec):
    path, _, name = spec.partition(":")
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    module_spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return getattr(module, name)


def roles(concrete, batch, trained):
    """The compiled step takes the batch, then the captured variables, in order of capture."""
    names = {id(v.handle): v for v in concrete.graph.variables}
    entries = [{"index": i, "role": "input", "name": f"batch[{i}]"} for i in range(len(batch))]
    for outer, _ in concrete.graph.captures:
        variable = names.get(id(outer))
        role = ("constant" if variable is None else
                "variable" if any(variable is t for t in trained) else "optimizer_state")
        name = f"constant {len(entries)}" if variable is None else variable.name
        entries.append({"index": len(entries), "role": role, "name": name})
    return {"parameters": entries}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("function")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--roles", type=pathlib.Path)
    flags = parser.parse_args()
    step, batch, trained = load(flags.function)()
    compiled = tf.function(step, jit_compile=True)
    module = compiled.experimental_get_compiler_ir(*batch)(stage="hlo_serialized")
    flags.out.write_bytes(gzip.compress(module, mtime=0))
    if flags.roles:
        concrete = compiled.get_concrete_function(*batch)
        flags.roles.write_text(json.dumps(roles(concrete, batch, trained), indent=1) + "\n")
    print(f"{flags.out}: {len(module)} bytes before compression")


if __name__ == "__main__":
    main()
