#!/usr/bin/env python3
"""Reads from a program's ELF file how hard it is to misuse, and fails where it is not.

    check_hardening.py PROGRAM [--links-only]

--links-only leaves out what the compiler does (stack protector, fortified functions), for builds that are not releases.
"""

import re
import subprocess
import sys


def read(*arguments):
    return subprocess.run(["readelf", "-W", *arguments], check=True, capture_output=True, text=True).stdout


def findings(program):
    """(what, whether it holds, whether it is the linker's)."""
    headers, dynamic, symbols = read("-hl", program), read("-d", program), read("--dyn-syms", program)
    stack = re.search(r"GNU_STACK.*", headers)
    is_library = "INTERP" not in headers
    yield "position independent", "DYN" in headers and (is_library or "PIE" in dynamic), True
    yield "stack not executable", stack is not None and "RWE" not in stack[0], True
    yield "relocations read-only", "GNU_RELRO" in headers, True
    yield "no library path", not re.search(r"RPATH|RUNPATH", dynamic), True
    yield "all bound at start", bool(re.search(r"BIND_NOW|FLAGS_1.*NOW", dynamic)), False
    yield "stack protector", "__stack_chk_fail" in symbols, False
    yield "fortified functions", bool(re.search(r"__(mem|str|sn?printf|vsn?printf|read|fprintf|poll)\w*_chk", symbols)), False


def main():
    program, *flags = sys.argv[1:]
    failed = 0
    for what, holds, is_linkers in findings(program):
        if flags == ["--links-only"] and not is_linkers:
            continue
        print(f"{what}: {'yes' if holds else 'NO'}")
        failed += not holds
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
