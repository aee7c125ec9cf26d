#!/usr/bin/env python3
"""Sealing takes time and memory in proportion to the module, whatever its functions are like; and so does compiling what
was sealed.

    large.py [MEGABYTES]    of the smaller module of each kind (0.5); the other is twice that

A kind fails when the larger module takes more than three times the CPU time, or more than 60 bytes of memory a byte. A
shape fails when Wasmtime takes more than thirteen times the CPU time for four times of it: with the square that would be
sixteen, and was 64 for nested loops. What the runtime alone takes is taken off both, and is known to a tenth of a second.
"""

import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
from binary import name, section, uleb, vector  # noqa: E402
from checks import check, finish  # noqa: E402
from travel import TOOLS  # noqa: E402

YADO = ROOT / "build" / "yado"
WASMTIME = TOOLS / "bin" / "wasmtime"
PLACE = pathlib.Path(tempfile.mkdtemp(prefix="yado-large-"))
LOCALS = 60
rng = random.Random(1)


def local():
    return uleb(rng.randrange(LOCALS))


def straight(size, functions):
    """Loads, calls, small loops and blocks one after the other."""
    code = bytearray()
    while len(code) < size:
        a, b, c, kind = local(), local(), local(), rng.random()
        if kind < 0.1:
            code += b"\x20" + a + b"\x10" + uleb(rng.randrange(functions)) + b"\x21" + b
        elif kind < 0.12:
            code += b"\x03\x40\x20" + a + b"\x41\x01\x6b\x22" + a + b"\x0d\x00\x0b"
        elif kind < 0.2:
            code += b"\x02\x40\x20" + a + b"\x0d\x00\x20" + b + b"\x21" + c + b"\x0b"
        else:
            code += b"\x20" + a + b"\x20" + b + b"\x6a\x28\x02" + uleb(rng.randrange(9999)) + b"\x21" + c
    return bytes(code)


def nested_loops(size, functions):
    code = b""
    while len(code) < size:
        code += b"\x03\x40" * 8 + straight(200, functions) + b"\x20\x00\x0d\x00\x0b" * 8
    return code


def switch(size, functions):
    """An interpreter's loop with a case for each 200 bytes: so many nested blocks."""
    cases = size // 200
    code = b"\x03\x40" + b"\x02\x40" * (cases + 1) + b"\x20\x00\x0e"
    code += vector([uleb(i) for i in range(cases)]) + uleb(cases) + b"\x0b"
    for i in range(cases):
        code += straight(190, functions) + b"\x0c" + uleb(cases - i) + b"\x0b"
    return code + b"\x0b"


def nested_blocks(size, _functions):
    return b"\x02\x40" * (size // 14) + b"\x20\x00\x10\x00\x21\x01\x20\x00\x0d\x00\x0b" * (size // 14)


def module(codes):
    bodies = [vector([uleb(LOCALS) + b"\x7f"]) + code + b"\x20\x00\x0b" for code in codes]
    bodies = [uleb(len(body)) + body for body in bodies]
    types = [b"\x60\1\x7f\1\x7f"]
    return (b"\0asm\1\0\0\0" + section(1, vector(types)) + section(3, vector([b"\0"] * len(bodies)))
            + section(5, vector([b"\0\1"])) + section(7, vector([name("f0") + b"\0\0"])) + section(10, vector(bodies)))


KINDS = {
    "functions of 1 KB": (straight, 1000),
    "functions of 200 KB": (straight, 200_000),
    "one function": (straight, None),
    "nested loops": (nested_loops, 200_000),
    "a switch": (switch, None),
    "nested blocks": (nested_blocks, None),
}


def measure(make, each, size):
    """Seconds of CPU, the better of two; bytes of memory and of the module."""
    count = size // each if each else 1
    (PLACE / "in.wasm").write_bytes(module([make(each or size, count) for _ in range(count)]))
    best = peak = None
    for _ in range(2):
        process = subprocess.Popen([YADO, "seal", PLACE / "in.wasm", "-o", PLACE / "out.wasm"])
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        if status:
            return None
        best = min(best or 1e9, used.ru_utime + used.ru_stime)
        peak = used.ru_maxrss * 1024
    return best, peak


# A function that has something so many times, once in the other or one after the other.
CALL = b"\x20\x01\x10\x01\x21\x01"  # of a function with a loop
BACK = b"\x20\x02\x0d\x00"          # to the innermost label, sometimes


def table(count, before, case):
    """Blocks in blocks, and a jump to the end of one of them."""
    return (before + b"\x02\x40" * count + b"\x20\x02\x0e" + vector([uleb(i) for i in range(count - 1)]) + uleb(count - 1)
            + (b"\x0b" + case) * count)


SHAPES = {
    "nested loops": lambda n: b"\x03\x40" * n + (BACK + b"\x0b") * n,
    "nested loops with calls": lambda n: (b"\x03\x40" + CALL) * n + (BACK + b"\x0b") * n,
    "nested loops with calls behind": lambda n: b"\x03\x40" * n + (CALL + BACK + b"\x0b") * n,
    "nested blocks": lambda n: b"\x02\x40" * n + (CALL + BACK + b"\x0b") * n,
    "nested ifs": lambda n: (b"\x20\x02\x04\x40" + CALL + b"\x05") * n + CALL + b"\x0b" * n,
    "loops": lambda n: (b"\x03\x40" + BACK + b"\x0b") * n,
    "loops with calls": lambda n: (b"\x03\x40" + CALL + BACK + b"\x0b") * n,
    "calls": lambda n: CALL * n,
    "a table": lambda n: table(n, b"", CALL),
    "a table in a loop": lambda n: table(n, b"\x03\x40", CALL + BACK) + b"\x0b",
    "a table with one target": lambda n: b"\x02\x40\x20\x02\x0e" + vector([b"\0"] * n) + b"\0\x0b",
}


def shaped(code):
    bodies = [b"\1\4\x7f" + code + b"\x0b", b"\0\x03\x40\x20\0\x0d\0\x0b\x20\0\x0b"]
    return (b"\0asm\1\0\0\0" + section(1, vector([b"\x60\0\0", b"\x60\1\x7f\1\x7f"])) + section(3, b"\2\0\1")
            + section(5, b"\1\0\1") + section(7, vector([name("_start") + b"\0\0"]))
            + section(10, vector([uleb(len(body)) + body for body in bodies])))


def compile_time(code):
    """Seconds of CPU in Wasmtime, the better of two, for what was sealed."""
    (PLACE / "in.wasm").write_bytes(shaped(code))
    if subprocess.run([YADO, "seal", PLACE / "in.wasm", "-o", PLACE / "out.wasm"]).returncode:
        return None
    best = None
    for _ in range(2):
        process = subprocess.Popen([WASMTIME, "compile", "-C", "cache=n", PLACE / "out.wasm", "-o", PLACE / "out.cwasm"])
        _, process.returncode, used = os.wait4(process.pid, 0)
        best = min(best or 1e9, used.ru_utime + used.ru_stime) if process.returncode == 0 else None
    return best


def test_shapes(count=1000):
    alone = compile_time(b"") or 0  # mostly the runtime
    for kind, make in SHAPES.items():
        small, large = compile_time(make(count)), compile_time(make(4 * count))
        if check(small and large and large - alone < 13 * (small - alone + 0.1), f"{kind}, compiled", (alone, small, large)):
            print(f"{count} {kind}: {small - alone:.2f} s in Wasmtime, {4 * count}: {large - alone:.2f} s")


def main():
    test_shapes()
    size = int(float(sys.argv[1]) * 1e6) if sys.argv[1:] else 500_000
    for kind, (make, each) in KINDS.items():
        small, large = measure(make, each, size), measure(make, each, 2 * size)
        good = small and large and large[0] < 3 * small[0] + 0.05 and large[1] < 60 * 2 * size + (30 << 20)
        if small and large:
            print(f"{kind}: {size / 1e6:.1f} MB {small[0]:.2f} s, twice that {large[0]:.2f} s "
                  f"({2 * size / 1e6 / large[0]:.1f} MB/s), {large[1] / 2 / size:.0f} bytes of memory a byte")
        check(good, kind, (small, large))
    shutil.rmtree(PLACE)
    finish()


if __name__ == "__main__":
    main()
