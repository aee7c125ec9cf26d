#!/usr/bin/env python3
"""Limits (docs/limits.md) are the same natively and in hosts, and what is just below them runs: large frames in
particular, with snapshots in the middle which continue elsewhere.

    limits.py [HOST...]     (wasmtime node)
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
from binary import name, section, sleb, uleb, vector  # noqa: E402
from checks import check, finish  # noqa: E402
from travel import CHECKPOINTED  # noqa: E402

YADO = ROOT / "build" / "yado"
PLACE = pathlib.Path(tempfile.mkdtemp(prefix="yado-limits-"))
HOSTS = sys.argv[1:] or ["wasmtime", "node"]
MASK = (1 << 64) - 1
FAILED = 125
I32, I64 = b"\x7f", b"\x7e"
GET, SET, CALL, RETURN_CALL = b"\x20", b"\x21", b"\x10", b"\x12"
I64_ADD, I64_XOR, WRAP, EXTEND = b"\x7c", b"\x85", b"\xa7", b"\xad"


def functype(params, results):
    return b"\x60" + vector(params) + vector(results)


def const(number):
    return b"\x42" + sleb(number)


def const32(number):
    return b"\x41" + sleb(number)


def body(locals_, code):
    code = vector([uleb(count) + kind for count, kind in locals_]) + code + b"\x0b"
    return uleb(len(code)) + code


def module(types, functions, exports=((b"f", 0),), before=b"", behind=b""):
    """`functions` are pairs of a type and a body; sections before the exports and before the code."""
    return (b"\0asm\1\0\0\0" + section(1, vector(types)) + section(3, vector([uleb(kind) for kind, _ in functions]))
            + before + section(7, vector([name(text.decode()) + b"\0" + uleb(index) for text, index in exports]))
            + behind + section(10, vector([code for _, code in functions])))


# What the large frames call: rounds of a loop, which are where a guest stops; the argument plus three times as many.
ROUNDS = 20
SLOW = body([(1, I32)], b"\x03\x40" + GET + b"\0" + const(3) + I64_ADD + SET + b"\0" + GET + b"\1" + const32(1) + b"\x6a"
            + b"\x22\1" + const32(ROUNDS) + b"\x49\x0d\0\x0b" + GET + b"\0")
TYPES = [functype([], [I64]), functype([I64], [I64]), functype([I64, I64, I64], [I64, I64])]
# Gives its first and third argument less one another.
SPREAD = body([], GET + b"\0" + GET + b"\1" + b"\x7d" + GET + b"\2" + GET + b"\0" + b"\x7d")
TABLE = section(4, b"\1\x70\0\2")
MEMORY = section(5, b"\1\0\1")
ELEMENTS = section(9, b"\1\0\x41\0\x0b\2\1\2")


def slow(number):
    return (number + 3 * ROUNDS) & MASK


def many_locals():
    """50,000 locals, all of them used; calls and a loop in between."""
    count, code, values = 50_000, b"", []
    parts = []
    for i in range(count):
        value = (values[i - 1] if i else 5) * 2 + i & MASK
        parts.append((GET + uleb(i - 1) + b"\x22" + uleb(i) if i else const(5)) + const(1) + b"\x86" + const(i) + I64_ADD
                     + SET + uleb(i))
        if i % 5000 == 4999:
            parts.append(GET + uleb(i) + CALL + b"\1" + SET + uleb(i))
            value = slow(value)
        values.append(value)
    code = b"".join(parts)
    sample = list(range(0, count, 37)) + [count - 1]
    code += const(0) + b"".join(GET + uleb(i) + I64_XOR for i in sample)
    result = 0
    for i in sample:
        result ^= values[i]
    # A local beyond reach as a loop's counter and its condition's.
    far = uleb(count - 2)
    code = const(0) + SET + far + b"\x03\x40" + GET + far + const(1) + I64_ADD + b"\x22" + far + const(9) + b"\x54\x0d\0\x0b" + code
    return module(TYPES, [(0, body([(count, I64)], code)), (1, SLOW)]), result


def many_operands():
    """70,000 operands under calls of every kind, instructions that take several operands, blocks and branches."""
    count = 70_000
    parts, result = [], 0
    for i in range(count):
        parts.append(const(i) + GET + b"\0" + I64_ADD)
        result ^= i + 7
    deep = [
        (const(1) + CALL + b"\1", [slow(1)]),
        (const(2) + const32(0) + b"\x11\1\0", [slow(2)]),
        (const(10) + const(4) + const(30) + CALL + b"\2", [6, 20]),
        (const(10) + const(3) + const(30) + const32(1) + b"\x11\2\0", [7, 20]),
        (const32(16) + const32(7) + const32(40) + b"\xfc\x0b\0" + const32(100) + const32(16) + const32(40) + b"\xfc\x0a\0\0"
         + const32(104) + b"\x29\3\0", [0x0707070707070707]),
        (const32(200) + const(77) + b"\x37\3\0" + const32(200) + b"\x29\3\0", [77]),
        (const(8) + const(9) + const32(0) + b"\x1b", [9]),
        (b"\x02\x7e" + const(3) + const(4) + GET + b"\0" + WRAP + b"\x0d\0\x7c\x0b", [4]),
        (GET + b"\0" + WRAP + b"\x04\x7e" + const(11) + b"\x05" + const(12) + b"\x0b", [11]),
        (b"\xd2\1\xd1" + b"\xad", [0]),
        (b"\x3f\0\xad", [1]),
    ]
    for code, values in deep:
        parts.append(code)
        for value in values:
            result ^= value
    pushed = count + sum(len(values) for _, values in deep)
    code = const(7) + SET + b"\0" + b"".join(parts) + I64_XOR * (pushed - 1)
    functions = [(0, body([(1, I64)], code)), (1, SLOW), (2, SPREAD)]
    declared = ELEMENTS
    return module(TYPES, functions, before=TABLE + MEMORY, behind=declared), result & MASK


def nested_calls():
    """A call in an argument of a call in an argument ...: the operands of all sites together grow with the square."""
    depth = 20_000
    code = b"".join(const(i) + GET + b"\0" + I64_ADD for i in range(depth)) + (I64_ADD + CALL + b"\1") * (depth - 1)
    return (module(TYPES, [(0, body([(1, I64)], code)), (1, body([], GET + b"\0"))]), sum(range(depth)))


def tail_calls():
    """From one large frame into another, direct and by the table, and to a small one."""
    many = [(9000, I64)]
    last = GET + uleb(9000)
    functions = [
        (0, body(many, const(40) + SET + uleb(8999) + GET + uleb(8999) + RETURN_CALL + b"\1")),
        (1, body(many, GET + b"\0" + const(1) + I64_ADD + SET + uleb(9000) + last + const32(0) + b"\x13\1\0")),
        (1, body(many, GET + b"\0" + CALL + b"\3" + SET + uleb(9000) + last)),
        (1, SLOW),
    ]
    return module(TYPES, functions, before=section(4, b"\1\x70\0\1"), behind=section(9, b"\1\0\x41\0\x0b\1\2")), slow(41)


LARGE = {"locals": many_locals, "operands": many_operands, "nested calls": nested_calls, "tail calls": tail_calls}


def yado(*arguments):
    result = subprocess.run([YADO, *map(str, arguments)], cwd=PLACE, capture_output=True, timeout=900)
    return result.returncode, result.stdout.decode().strip(), result.stderr.decode().strip()


def on(host):
    return [] if host == "native" else ["--host", host]


def signed(number):
    return str(number - (1 << 64) if number >> 63 else number)


def test_large():
    for kind, make in LARGE.items():
        code, result = make()
        (PLACE / "large.wasm").write_bytes(code)
        want = (0, signed(result))
        for host in ["native", *HOSTS]:
            got = yado("run", *on(host), "--invoke", "f", "large.wasm")
            check(got[:2] == want, f"{kind}, {host}", (got, want))
        hosts = ["native", *HOSTS]
        for number, fuel in enumerate((3, 15)):
            for at, host in enumerate(hosts):
                there = hosts[(at + number + 1) % len(hosts)]
                got = yado("run", *on(host), "--checkpoint-after", fuel, "--snapshot", "large.snap", "--invoke", "f",
                           "large.wasm")
                if check(got[0] == CHECKPOINTED, f"{kind}, {host}: a snapshot at {fuel}", got):
                    got = yado("restore", *on(there), "large.snap")
                    check(got[:2] == want, f"{kind}, {host} to {there}", (got, want))
                (PLACE / "large.snap").unlink(missing_ok=True)


def few_of_many_locals():
    """50,000 locals of which two are named."""
    code = const(3) + SET + uleb(49_900) + const(1) + CALL + b"\1" + GET + uleb(49_900) + I64_ADD
    return module(TYPES, [(0, body([(49_000, I64), (500, I32), (500, I64)], code)), (1, SLOW)]), slow(1) + 3


def operands_alone():
    """No call above them."""
    return (module(TYPES, [(0, body([], b"".join(map(const, range(30_000))) + I64_ADD * 29_999))]), sum(range(30_000)))


def test_sealed():
    for kind, (make, sealed) in {"few of many locals": (few_of_many_locals, True), "operands": (operands_alone, True),
                                 "tail calls": (tail_calls, True), "all of many locals": (many_locals, False),
                                 "operands below calls": (many_operands, False), "nested calls": (nested_calls, False)}.items():
        code, result = make()
        (PLACE / "large.wasm").write_bytes(code)
        got = yado("seal", "--features", "tail-calls", "large.wasm", "-o", "large.sealed.wasm")
        if not sealed:
            check(got[0] == FAILED and "the interpreter runs it" in got[2], f"{kind} cannot be sealed", got)
            continue
        got = yado("run", "--tier", "sealed", "--host", "wasmtime", "--invoke", "f", "large.wasm")
        check(got[:2] == (0, signed(result)), f"{kind}, sealed", got)


def of_type(params, results):
    code = b"".join(const(0) for _ in range(params)) + CALL + b"\1" + b"\x1a" * results
    return module([functype([], []), functype([I64] * params, [I64] * results)],
                  [(0, body([], code)), (1, body([], const(0) * results))])


def repeated(before, part, count, behind):
    return module([functype([], [])], [(0, body([], before + part * count + behind))])


BOUNDARIES = {
    "locals": (50_000, lambda n: module([functype([], [])], [(0, body([(n, I64)], b""))])),
    "locals with parameters": (50_000, lambda n: module([functype([I64], []), functype([], [])],
                                                       [(1, body([], const(0) + CALL + b"\1")), (0, body([(n - 1, I64)], b""))])),
    "operands": (1_000_000, lambda n: repeated(b"", const32(1), n, b"\x1a" * n)),
    "parameters": (1000, lambda n: of_type(n, 0)),
    "results": (1000, lambda n: of_type(0, n)),
    "elements of a table": (10_000_000, lambda n: module([functype([], [])], [(0, body([], b""))],
                                                        before=section(4, b"\1\x70\0" + uleb(n)))),
}
# At least so many; there is no limit.
PLENTY = {
    "nested blocks": (100_000, lambda n: repeated(b"", b"\x02\x40", n, b"\x0b" * n)),
    "nested loops": (100_000, lambda n: repeated(b"", b"\x03\x40", n, b"\x0b" * n)),
    "targets of a br_table": (200_000, lambda n: repeated(b"\x02\x40" + const32(9) + b"\x0e" + uleb(n), b"\0", n, b"\0\x0b")),
    "bytes of a body": (8_000_000, lambda n: repeated(b"", b"\x01", n, b"")),
    "functions": (1_000_000, lambda n: module([functype([], [])], [(0, b"\2\0\x0b")] * n)),
    "types": (100_000, lambda n: module([functype([I64] * (i % 7), [I32] * (i % 3)) for i in range(0, n * 21, 21)],
                                        [(0, body([], b""))])),
    "globals": (200_000, lambda n: module([functype([], [])], [(0, body([], b""))],
                                          before=section(6, vector([b"\x7f\0\x41\0\x0b"] * n)))),
    "exports": (200_000, lambda n: module([functype([], [])], [(0, body([], b""))],
                                          ((f"f{i or ''}".encode(), 0) for i in range(n)))),
    "segments of data": (100_000, lambda n: module([functype([], [])], [(0, body([], b""))], before=section(5, b"\1\0\1"))
                         + section(11, vector([b"\0\x41\0\x0b\1x"] * n))),
    "tables": (1000, lambda n: module([functype([], [])], [(0, body([], b""))],
                                      before=section(4, vector([b"\x70\0\0"] * n)))),
    "elements of a segment": (1_000_000, lambda n: module([functype([], [])], [(0, body([], b""))],
                                                          before=section(4, b"\1\x70\0" + uleb(n)),
                                                          behind=section(9, b"\1\0\x41\0\x0b" + vector([b"\0"] * n)))),
}


def runs(code, host):
    (PLACE / "small.wasm").write_bytes(code)
    return yado("run", *on(host), "--invoke", "f", "small.wasm")


def test_boundaries():
    for kind, (limit, make) in BOUNDARIES.items():
        for host in ["native", *HOSTS]:
            got = runs(make(limit), host)
            check(got[0] == 0, f"{limit} {kind}, {host}", got)
            got = runs(make(limit + 1), host)
            check(got[0] not in (0, 134) and got[2], f"{limit + 1} {kind} are refused, {host}", got)
    for kind, (count, make) in PLENTY.items():
        for host in ["native", *HOSTS]:
            got = runs(make(count), host)
            check(got[0] == 0, f"{count} {kind}, {host}", got)


def test_depth():
    """Calls within calls go as deep natively as in a host."""
    code = module([functype([], []), functype([I32], [])],
                  [(0, body([], const32(0) + CALL + b"\1")),
                   (1, body([], GET + b"\0" + const32(1) + b"\x6a\x24\0" + b"\x23\0" + CALL + b"\1"))],
                  before=section(6, b"\1\x7f\1\x41\0\x0b"))
    (PLACE / "deep.wasm").write_bytes(code)
    fuel = {}
    for host in ["native", *HOSTS]:
        got = yado("run", *on(host), "--show-fuel", "--invoke", "f", "deep.wasm")
        fuel[host] = [got[0], *re.findall(r"fuel: \d+", got[2])]
    check(len({str(of) for of in fuel.values()}) == 1 and fuel["native"][0] == 134, "the stack has one depth", fuel)


def main():
    try:
        for test in (test_large, test_sealed, test_boundaries, test_depth):
            test()
    finally:
        shutil.rmtree(PLACE)
    finish()


if __name__ == "__main__":
    main()
