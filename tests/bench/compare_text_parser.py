#!/usr/bin/env python3
"""Our text reader beside jaxlib's own parser on the same files, as ratios in one run.

    python3 -m venv /tmp/jaxenv && /tmp/jaxenv/bin/pip install jaxlib==0.4.38 'numpy<2.2'
    /tmp/jaxenv/bin/python tests/bench/compare_text_parser.py build/bin/bench-hlo

jaxlib's time is its parser alone; ours includes the judge. Best of five each.
"""

import gzip
import pathlib
import re
import subprocess
import sys
import time

from jaxlib import xla_client

ZOO = pathlib.Path(__file__).parents[1] / "data/zoo"


def best_of_five(function):
    times = []
    for _ in range(5):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    table = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, text=True, check=True).stdout
    ours = {name: float(ms) for name, ms in re.findall(r"^(\S+)\s+\.hlo\.txt\.gz.*?read\s+([\d.]+) ms", table, re.MULTILINE)}
    print(f"{'module':<16} {'jaxlib ms':>10} {'ours ms':>10} {'ratio':>6}")
    for name, ms in ours.items():
        text = gzip.decompress((ZOO / f"{name}.hlo.txt.gz").read_bytes()).decode()
        jaxlib_ms = 1e3 * best_of_five(lambda: xla_client._xla.hlo_module_from_text(text))
        print(f"{name:<16} {jaxlib_ms:>10.2f} {ms:>10.2f} {jaxlib_ms / ms:>5.1f}x")


if __name__ == "__main__":
    main()
