#!/usr/bin/env python3
"""Where the loop's one jump to the next instruction lies in Wasmtime's machine code for x86-64: over the border of two
cache lines, large programs take a third longer (docs/performance.md).

    layout.py MODULE...
"""

import pathlib
import re
import subprocess
import sys
import tempfile

CACHE_LINE = 64


def dispatch(wasmtime, module):
    """The addresses at which what leads to the jump begins, and at which the jump's two bytes end."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = pathlib.Path(folder) / "layout.cwasm"
        subprocess.run([wasmtime, "compile", "-o", compiled, module], check=True)
        code = subprocess.run([wasmtime, "objdump", "--addresses", compiled], capture_output=True, text=True).stdout
    # The largest function: the disassembly ends at its jump table.
    functions = re.split(r"^(?=[0-9a-f]{8} wasm)", code, flags=re.M)[1:]
    starts = [int(function[:8], 16) for function in functions]
    loop = max(zip((end - start for start, end in zip(starts, starts[1:])), functions))[1]
    lines = re.findall(r"^ *([0-9a-f]+): (.*)", loop, flags=re.M)
    jump = next(i for i, line in enumerate(lines) if line[1].startswith("jmpq"))
    fetch = next(i for i in range(jump, 0, -1) if lines[i][1].startswith("movzw"))
    return int(lines[fetch][0], 16), int(lines[jump][0], 16) + 1


def in_one_line(first, last):
    return first // CACHE_LINE == last // CACHE_LINE


if __name__ == "__main__":
    from bench import BIN
    for module in sys.argv[1:]:
        where = dispatch(BIN / "wasmtime", module)
        print(module, *map(hex, where), "one line" if in_one_line(*where) else "two lines")
