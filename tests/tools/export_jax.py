#!/usr/bin/env python3
"""A JAX training step as the file that Auto-MAP reads, with its roles.

    export_jax.py FILE.py:FUNCTION --out step.hlo.pb.gz [--roles step.roles.json] [--arg N ...]

FUNCTION, called with the --arg integers, returns (step, state, batch): `step(state, batch)` gives
(new state, anything); `state` and `batch` are pytrees of arrays or jax.ShapeDtypeStruct. The state
is donated, so that the module says which result replaces which parameter. The roles file names the
variables (leaves under a key "params"), the optimizer's state (the rest of the state) and the inputs.
"""

import argparse
import gzip
import importlib.util
import json
import pathlib
import sys

import jax


def load(spec):
    path, _, name = spec.partition(":")
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    module_spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return getattr(module, name)


def roles(state, batch):
    """One entry for each entry parameter: leaves of state, then of batch, in pytree order."""
    entries = []
    leaves = jax.tree_util.tree_flatten_with_path({"state": state})[0]
    for index, (path, _) in enumerate(leaves):
        is_variable = any(getattr(key, "key", None) == "params" for key in path)
        entries.append({"index": index, "role": "variable" if is_variable else "optimizer_state",
                        "name": jax.tree_util.keystr(path), "updatedBy": index})
    for path, _ in jax.tree_util.tree_flatten_with_path({"batch": batch})[0]:
        entries.append({"index": len(entries), "role": "input", "name": jax.tree_util.keystr(path)})
    return {"parameters": entries}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("function")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--roles", type=pathlib.Path)
    parser.add_argument("--arg", type=int, action="append", default=[])
    flags = parser.parse_args()
    step, state, batch = load(flags.function)(*flags.arg)
    lowered = jax.jit(step, donate_argnums=0, keep_unused=True).lower(state, batch)
    module = lowered.compiler_ir("hlo").as_serialized_hlo_module_proto()
    flags.out.write_bytes(gzip.compress(module, mtime=0))
    if flags.roles:
        flags.roles.write_text(json.dumps(roles(state, batch), indent=1) + "\n")
    print(f"{flags.out}: {len(module)} bytes before compression")


if __name__ == "__main__":
    main()
