#!/usr/bin/env python3
"""A PyTorch/XLA training step as the file that Auto-MAP reads.

    export_torch.py FILE.py:FUNCTION --out step.hlo.txt.gz

FUNCTION(device) returns (step, updated): `step()` runs forward, backward and update on tensors of
the XLA device and returns the loss; `updated` are the tensors that it changes (parameters, then
optimizer state). The graph of the step is what these and the loss depend on.
"""

import argparse
import gzip
import importlib.util
import os
import pathlib
import sys

os.environ.setdefault("PJRT_DEVICE", "CPU")

import torch_xla
import torch_xla.core.xla_model as xm


def load(spec):
    path, _, name = spec.partition(":")
    sys.path.insert(0, str(pathlib.Path(path).resolve().parent))
    module_spec = importlib.util.spec_from_file_location(pathlib.Path(path).stem, path)
    module = importlib.util.module_from_spec(module_spec)
    module_spec.loader.exec_module(module)
    return getattr(module, name)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("function")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    flags = parser.parse_args()
    step, updated = load(flags.function)(xm.xla_device())
    xm.mark_step()  # what was built so far is input, not part of the step
    xm.wait_device_ops()
    loss = step()
    module = torch_xla._XLAC._get_xla_tensors_hlo([*updated, loss]).encode()
    flags.out.write_bytes(gzip.compress(module, mtime=0))
    print(f"{flags.out}: {len(module)} bytes before compression")


if __name__ == "__main__":
    main()
