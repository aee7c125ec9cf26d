"""Random structured modules, for what those of `wasm-tools smith` seldom reach: loops that count,
comparisons that branch, addresses that are in bounds, calls that return.

All that a function computes is seen: its locals are mixed into exported globals before it returns. A
float is made canonical wherever its bits could be seen, since which NaN an operation gives is open.
"""

import struct

from binary import name, section, sleb, uleb, vector

I32, I64, F32, F64 = 0x7F, 0x7E, 0x7D, 0x7C
TYPES = (I32, I64, F32, F64)
CONST = {I32: 0x41, I64: 0x42, F32: 0x43, F64: 0x44}
EQ = {I32: 0x46, I64: 0x51, F32: 0x5B, F64: 0x61}
UNARY = {I32: [0x67, 0x68, 0x69, 0xC0, 0xC1], I64: [0x79, 0x7A, 0x7B, 0xC2, 0xC3, 0xC4],
         F32: list(range(0x8B, 0x92)), F64: list(range(0x99, 0xA0))}
BINARY = {I32: range(0x6A, 0x79), I64: range(0x7C, 0x8B), F32: range(0x92, 0x99),
          F64: range(0xA0, 0xA7)}
DIVISIONS = {0x6D, 0x6E, 0x6F, 0x70, 0x7F, 0x80, 0x81, 0x82}
COPYSIGN = {0x98, 0xA6}
COMPARE = {I32: range(0x46, 0x50), I64: range(0x51, 0x5B), F32: range(0x5B, 0x61),
           F64: range(0x61, 0x67)}
EQZ = {I32: 0x45, I64: 0x50}
CONVERT = {  # operand and instruction, by result
    I32: [(I64, b"\xA7"), (F32, b"\xA8"), (F32, b"\xA9"), (F64, b"\xAA"), (F64, b"\xAB"), (F32, b"\xBC"),
          *((kind, b"\xFC" + bytes([i])) for i, kind in enumerate([F32, F32, F64, F64]))],
    I64: [(I32, b"\xAC"), (I32, b"\xAD"), (F32, b"\xAE"), (F32, b"\xAF"), (F64, b"\xB0"), (F64, b"\xB1"),
          (F64, b"\xBD"), *((kind, b"\xFC" + bytes([4 + i])) for i, kind in enumerate([F32, F32, F64, F64]))],
    F32: [(I32, b"\xB2"), (I32, b"\xB3"), (I64, b"\xB4"), (I64, b"\xB5"), (F64, b"\xB6"), (I32, b"\xBE")],
    F64: [(I32, b"\xB7"), (I32, b"\xB8"), (I64, b"\xB9"), (I64, b"\xBA"), (F32, b"\xBB"), (I64, b"\xBF")],
}
REINTERPRET = {F32: b"\xBC", F64: b"\xBD"}
LOADS = {I32: [0x28, *range(0x2C, 0x30)], I64: [0x29, *range(0x30, 0x36)], F32: [0x2A], F64: [0x2B]}
STORES = {I32: [0x36, 0x3A, 0x3B], I64: [0x37, 0x3C, 0x3D, 0x3E], F32: [0x38], F64: [0x39]}
# Conditions to go on while a counter from 0 is below a limit: counter first, limit first, and negated.
UP = {I32: [0x48, 0x49, 0x47], I64: [0x53, 0x54, 0x52], F32: [0x5D, 0x5C], F64: [0x63, 0x62]}
DOWN = {I32: [0x4A, 0x4B, 0x47], I64: [0x55, 0x56, 0x52], F32: [0x5E, 0x5C], F64: [0x64, 0x62]}
REACHED = {I32: [0x4E, 0x4F, 0x46], I64: [0x59, 0x5A, 0x51], F32: [0x60, 0x5B], F64: [0x66, 0x61]}
ADD = {I32: 0x6A, I64: 0x7C, F32: 0x92, F64: 0xA0}
SUB = {I32: 0x6B, I64: 0x7D, F32: 0x93, F64: 0xA1}
BLOCK, LOOP, IF, ELSE, END, BR, BR_IF, BR_TABLE = (bytes([i]) for i in (2, 3, 4, 5, 0xB, 0xC, 0xD, 0xE))
SELECT, EMPTY = b"\x1B", b"\x40"
INTERESTING = [0, 1, -1, 2, 7, 8, 31, 32, 63, 127, 128, 255, 65535, 65536, 2**31 - 1, -2**31, 2**31]
NUMBERS = [0.0, -0.0, 1.0, -1.0, 0.5, 1.5, 3.0, 1e10, -1e10, 2.0**31, -2.0**31, 2.0**63, 1e-40, 1e300,
           float("inf"), float("nan")]


def constant(kind, value):
    if kind in (I32, I64):
        bits = 32 if kind == I32 else 64
        value = (value + 2**(bits - 1)) % 2**bits - 2**(bits - 1)
        return bytes([CONST[kind]]) + sleb(value)
    if kind == F32 and 1e38 < abs(value) < float("inf"):
        value = 1e38
    return bytes([CONST[kind]]) + struct.pack("<f" if kind == F32 else "<d", value)


def local_get(index):
    return b"\x20" + uleb(index)


def local_set(index):
    return b"\x21" + uleb(index)


def local_tee(index):
    return b"\x22" + uleb(index)


class Function:
    """The body of function `index`; it may call those after it."""

    def __init__(self, rng, index, signatures):
        self.rng, self.index, self.signatures = rng, index, signatures
        self.params, self.results = signatures[index]
        declared = [kind for kind in TYPES for _ in range(rng.randint(1, 3))]
        self.kinds = list(self.params) + declared  # of the locals that expressions use
        self.counters = [kind for kind in TYPES for _ in range(3)]
        self.first_counter = len(self.kinds)
        self.scratch = {F32: self.first_counter + 12, F64: self.first_counter + 13}
        self.loops = 0      # around the statement that is being made
        self.labels = 0
        self.calls = 2      # at most

    def body(self):
        code = b"".join(self.statement(2) for _ in range(self.rng.randint(2, 9)))
        code += self.mix()
        code += b"".join(self.seen(kind, 3) for kind in self.results)
        locals_ = self.kinds[len(self.params):] + self.counters + [F32, F64]
        body = vector([b"\x01" + bytes([kind]) for kind in locals_]) + code + END
        return uleb(len(body)) + body

    def mix(self):
        """All locals into the globals of their types."""
        code = b""
        for index, kind in enumerate(self.kinds):
            wide = kind in (I64, F64)
            glob = uleb(TYPES.index(I64 if wide else I32))
            code += b"\x23" + glob + constant(I64 if wide else I32, 1) + (b"\x89" if wide else b"\x77")
            code += local_get(index) + REINTERPRET.get(kind, b"") + (b"\x85" if wide else b"\x73")
            code += b"\x24" + glob
        return code

    # Expressions.

    def local(self, kind):
        return self.rng.choice([i for i, one in enumerate(self.kinds) if one == kind])

    def leaf(self, kind):
        if self.rng.random() < 0.6:
            return local_get(self.local(kind))
        if kind in (F32, F64):
            return constant(kind, self.rng.choice(NUMBERS))
        numbers = INTERESTING + [self.rng.getrandbits(64), self.rng.randint(0, 99)]
        return constant(kind, self.rng.choice(numbers))

    def expression(self, kind, depth):
        if depth == 0 or self.rng.random() < 0.15:
            return self.leaf(kind)
        makers = [self.binary] * 5 + [self.unary, self.convert, self.load, self.load, self.choice, self.tee]
        if kind == I32:
            makers += [self.condition] * 3
        return self.rng.choice(makers)(kind, depth - 1)

    def seen(self, kind, depth):
        """An expression whose bits may be seen."""
        return self.expression(kind, depth) + self.canonical(kind)

    def canonical(self, kind):
        if kind not in self.scratch:
            return b""
        at = self.scratch[kind]
        return (local_tee(at) + constant(kind, float("nan")) + local_get(at) + local_get(at)
                + bytes([EQ[kind]]) + SELECT)

    def binary(self, kind, depth):
        operation = self.rng.choice(BINARY[kind])
        if operation in DIVISIONS and self.rng.random() < 0.05:
            least = local_get(self.local(kind)) + constant(kind, -2**(31 if kind == I32 else 63))
            return least + (b"\x72" if kind == I32 else b"\x84") + constant(kind, -1) + bytes([operation])
        right = self.expression(kind, depth) if self.rng.random() < 0.5 else self.leaf(kind)
        if operation in DIVISIONS and self.rng.random() < 0.9:
            right += constant(kind, 1) + (b"\x72" if kind == I32 else b"\x84")  # or: not by zero
        if operation in COPYSIGN:
            right += self.canonical(kind)
        return self.expression(kind, depth) + right + bytes([operation])

    def unary(self, kind, depth):
        return self.expression(kind, depth) + bytes([self.rng.choice(UNARY[kind])])

    def convert(self, kind, depth):
        operand, operation = self.rng.choice(CONVERT[kind])
        if operation[0] in (0xBC, 0xBD):
            return self.seen(operand, depth) + operation
        if 0xA8 <= operation[0] <= 0xB1 and operand in (F32, F64) and self.rng.random() < 0.9:
            return self.leaf(kind)  # it would trap as a rule
        return self.expression(operand, depth) + operation

    def address(self, depth):
        if self.rng.random() < 0.3:
            return constant(I32, self.rng.randint(0, 4000))
        return self.expression(I32, depth) + constant(I32, self.rng.choice([0xFF, 0xFF8, 0x7FFF])) + b"\x71"

    def memarg(self):
        offset = self.rng.choice([0, 0, 4, 8, self.rng.randint(0, 999), 30000])
        return b"\0" + uleb(offset if self.rng.random() < 0.99 else 2**16)

    def load(self, kind, depth):
        return self.address(depth) + bytes([self.rng.choice(LOADS[kind])]) + self.memarg()

    def choice(self, kind, depth):
        condition = self.condition(I32, min(depth, 1))
        first, second = self.expression(kind, depth), self.expression(kind, depth)
        if self.rng.random() < 0.5:
            return first + second + condition + SELECT
        return condition + IF + bytes([kind]) + first + ELSE + second + END

    def tee(self, kind, depth):
        return self.seen(kind, depth) + local_tee(self.local(kind))

    def condition(self, _, depth):
        kind = self.rng.choice(TYPES)
        if kind in EQZ and self.rng.random() < 0.15:
            return self.expression(kind, depth) + bytes([EQZ[kind]])
        code = self.expression(kind, depth)
        code += self.expression(kind, depth) if self.rng.random() < 0.4 else self.leaf(kind)
        code += bytes([self.rng.choice(COMPARE[kind])])
        return code + (b"\x45" if self.rng.random() < 0.2 else b"")

    # Statements.

    def statement(self, depth):
        makers = [self.assign] * 6 + [self.store] * 3 + [self.assign_global] * 2 + [self.call] * 2
        makers += [self.bulk]
        if depth:
            makers += [self.loop] * 6 + [self.leave] * 3 + [self.branch] * 2 + [self.switch]
        return self.rng.choice(makers)(depth)

    def statements(self, depth):
        return b"".join(self.statement(depth) for _ in range(self.rng.randint(1, 4)))

    def assign(self, _):
        kind = self.rng.choice(TYPES)
        return self.seen(kind, 3) + local_set(self.local(kind))

    def assign_global(self, _):
        kind = self.rng.choice(TYPES)
        return self.seen(kind, 2) + b"\x24" + uleb(TYPES.index(kind))

    def store(self, _):
        kind = self.rng.choice(TYPES)
        return (self.address(2) + self.seen(kind, 3) + bytes([self.rng.choice(STORES[kind])])
                + self.memarg())

    def bulk(self, _):
        """memory.fill, memory.copy, memory.grow"""
        size = constant(I32, self.rng.choice([0, 1, 7, 8, 100, 1000]))
        if self.rng.random() < 0.1:
            return constant(I32, 1) + b"\x40\0" + local_set(self.local(I32))
        if self.rng.random() < 0.5:
            return self.address(1) + self.expression(I32, 2) + size + b"\xFC\x0B\0"
        return self.address(1) + self.address(1) + size + b"\xFC\x0A\0\0"

    def call(self, _):
        if not self.calls or self.index + 1 == len(self.signatures):
            return b""
        self.calls -= 1
        callee = self.rng.randrange(self.index + 1, len(self.signatures))
        params, results = self.signatures[callee]
        code = b"".join(self.seen(kind, 2) for kind in params)
        if self.rng.random() < 0.6:
            code += b"\x10" + uleb(callee)
        else:
            code += constant(I32, callee) + b"\x11" + uleb(callee) + b"\0"
        return code + b"".join(local_set(self.local(kind)) for kind in reversed(results))

    def branch(self, depth):
        code = self.condition(I32, 2) + IF + EMPTY + self.statements(depth - 1)
        if self.rng.random() < 0.5:
            code += ELSE + self.statements(depth - 1)
        return code + END

    def leave(self, depth):
        """A block that is left in the middle."""
        return (BLOCK + EMPTY + self.statements(depth - 1) + self.condition(I32, 2) + BR_IF + b"\0"
                + self.statements(depth - 1) + END)

    def switch(self, depth):
        return (BLOCK + EMPTY + BLOCK + EMPTY + BLOCK + EMPTY + self.expression(I32, 2) + BR_TABLE
                + vector([b"\0", b"\1", b"\0"]) + b"\2" + END + self.statements(depth - 1) + END
                + self.statements(depth - 1) + END)

    def loop(self, depth):
        """Goes round up to four times, over one of the ways to say so."""
        if self.loops == 2:
            return self.assign(depth)
        kind = self.rng.choice([I32, I32, I64, F32, F64])
        counter = self.first_counter + TYPES.index(kind) * 3 + self.loops
        self.loops += 1
        inner = self.statements(depth - 1)
        self.loops -= 1
        limit = constant(kind, self.rng.randint(1, 4))
        up = local_get(counter) + constant(kind, 1) + bytes([ADD[kind]])
        reset = constant(kind, 0) + local_set(counter)
        way = self.rng.choice([0, 1, 2, 3, 4, 4, 4, 5])
        if way == 0:
            return (reset + LOOP + EMPTY + inner + up + local_tee(counter) + limit
                    + bytes([self.rng.choice(UP[kind])]) + BR_IF + b"\0" + END)
        if way == 1:
            return (reset + LOOP + EMPTY + inner + up + local_set(counter) + limit + local_get(counter)
                    + bytes([self.rng.choice(DOWN[kind])]) + BR_IF + b"\0" + END)
        if way == 2:
            return (reset + LOOP + EMPTY + inner + up + local_tee(counter) + limit
                    + bytes([self.rng.choice(REACHED[kind])]) + b"\x45" + BR_IF + b"\0" + END)
        if way == 3:
            return (reset + BLOCK + EMPTY + LOOP + EMPTY + local_get(counter) + limit
                    + bytes([self.rng.choice(REACHED[kind])]) + BR_IF + b"\1" + inner + up
                    + local_set(counter) + BR + b"\0" + END + END)
        if way == 4 or kind not in EQZ:  # any condition to go on, and the counter as a limit
            test = self.condition(I32, 1) if self.rng.random() < 0.8 else self.leaf(I32) + b"\x45"
            return (reset + BLOCK + EMPTY + LOOP + EMPTY + inner + up + local_tee(counter) + limit
                    + bytes([self.rng.choice(REACHED[kind])]) + BR_IF + b"\1" + test + BR_IF + b"\0"
                    + END + END)
        down = local_get(counter) + constant(kind, 1) + bytes([SUB[kind]]) + local_tee(counter)
        test = b"" if kind == I32 else bytes([EQZ[kind]]) + b"\x45"
        return (limit + local_set(counter) + LOOP + EMPTY + inner + down + test + BR_IF + b"\0" + END)


def generate(rng):
    """A module's bytes."""
    def kinds(most):
        return [rng.choice(TYPES) for _ in range(rng.randint(0, most))]

    count = rng.randint(2, 5)
    signatures = [(kinds(5), kinds(3)) for _ in range(count)]
    bodies = [Function(rng, i, signatures).body() for i in range(count)]
    types = [b"\x60" + vector([bytes([k]) for k in params]) + vector([bytes([k]) for k in results])
             for params, results in signatures]
    exports = [name(f"f{i}") + b"\0" + uleb(i) for i in range(count)]
    exports += [name(f"g{i}") + b"\3" + uleb(i) for i in range(len(TYPES))]
    exports += [name("memory") + b"\2\0", name("table") + b"\1\0"]
    elements = b"\0" + constant(I32, 0) + END + vector([uleb(i) for i in range(count)])
    return (b"\0asm\1\0\0\0" + section(1, vector(types))
            + section(3, vector([uleb(i) for i in range(count)]))
            + section(4, vector([b"\x70\1" + uleb(count) + uleb(count)])) + section(5, vector([b"\1\1\2"]))
            + section(6, vector([bytes([kind, 1]) + constant(kind, 5) + END for kind in TYPES]))
            + section(7, vector(exports)) + section(9, vector([elements])) + section(10, vector(bodies))
            + section(11, vector([b"\0" + constant(I32, 0) + END + uleb(3000) + rng.randbytes(3000)])))
