"""Wasmtime as the reference of smith.py: an instance whose calls and state are written as the words
that tests/spec/spectest.c reads (tests/spec/convert.py describes them), bit by bit.

Numbers go in and out as bits, past the package's floats, which would lose a NaN's payload.
"""

import ctypes
import os
import pathlib
import sys

TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
sys.path.insert(0, str(TOOLS / "wasmtime-python"))

try:
    import wasmtime
    from wasmtime import TrapCode, _ffi as ffi
except ImportError as missing:
    sys.exit(f"{missing}: run scripts/setup.sh --only tests")

STACK_SIZE = 2 << 20  # the most that Wasmtime takes through its C API

NAMES = {0: "i32", 1: "i64", 2: "f32", 3: "f64", 5: "funcref", 6: "externref"}
KINDS = {name: kind for kind, name in NAMES.items()}
MASKS = {"i32": 0xFFFFFFFF, "f32": 0xFFFFFFFF, "i64": 2**64 - 1, "f64": 2**64 - 1}

MESSAGES = {
    TrapCode.STACK_OVERFLOW: "call stack exhausted",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "out of bounds memory access",
    TrapCode.TABLE_OUT_OF_BOUNDS: "out of bounds table access",
    TrapCode.INDIRECT_CALL_TO_NULL: "uninitialized element",
    TrapCode.BAD_SIGNATURE: "indirect call type mismatch",
    TrapCode.INTEGER_OVERFLOW: "integer overflow",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "integer divide by zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "invalid conversion to integer",
    TrapCode.UNREACHABLE: "unreachable",
    TrapCode.OUT_OF_FUEL: "out of fuel",
}
CALL_INDIRECT = (0x11, 0x13)  # and its tail call

# The module `spectest` of tests/spec/host.c, as far as a generated module may import it.
PRINTS = {"print": "", "print_i32": "i32", "print_i64": "i64", "print_f32": "f32",
          "print_f64": "f64", "print_i32_f32": "i32 f32", "print_f64_f64": "f64 f64"}
GLOBALS = {"global_i32": ("i32", 666), "global_i64": ("i64", 666),
           "global_f32": ("f32", 666.6), "global_f64": ("f64", 666.6)}
TYPES = {"i32": wasmtime.ValType.i32(), "i64": wasmtime.ValType.i64(),
         "f32": wasmtime.ValType.f32(), "f64": wasmtime.ValType.f64()}


def import_text():
    """What a generated module may import, as a module in the text format."""
    functions = [f'(import "spectest" "{name}" (func (param {types})))'
                 for name, types in PRINTS.items()]
    values = [f'(import "spectest" "{name}" (global {kind}))' for name, (kind, _) in GLOBALS.items()]
    return "(module " + " ".join(functions + values) + ")"


def type_names(types):
    return [str(one).replace("anyref", "externref") for one in types]  # as the package calls it


def string(text):
    return "x" + text.encode("utf-8", "surrogatepass").hex()


class Trapped(Exception):
    """A trap; its text is the message in the specification's words. `frames`: function index and byte
    offset of each, innermost first; the outer ones may be missing.

    A load that traps is without an offset: Cranelift may make one machine instruction of it and of that
    which takes its value, and then names the latter.
    """

    def __init__(self, message, frames):
        super().__init__(message)
        self.frames = [f"{frame.func_index}:{frame.module_offset}" for frame in frames]
        if message == MESSAGES[TrapCode.MEMORY_OUT_OF_BOUNDS] and frames:
            self.frames[0] = f"{frames[0].func_index}:"


class Engine:
    """Compiles, and supplies the imports."""

    def __init__(self):
        config = wasmtime.Config()
        config.consume_fuel = True
        config.max_wasm_stack = STACK_SIZE
        config.cranelift_opt_level = "none"
        config.parallel_compilation = False
        self.engine = wasmtime.Engine(config)
        self.linker = wasmtime.Linker(self.engine)
        self.linker.allow_shadowing = True
        for name, types in PRINTS.items():
            kind = wasmtime.FuncType([TYPES[one] for one in types.split()], [])
            self.linker.define_func("spectest", name, kind, lambda *_: None)

    def compile(self, module):
        return wasmtime.Module(self.engine, module)


class Instance:
    """An instance of a module; its start function has run. May raise Trapped."""

    def __init__(self, engine, module, code, fuel):
        self.code = code
        self.store = wasmtime.Store(engine.engine)
        self.store.set_fuel(fuel)
        for name, (kind, number) in GLOBALS.items():
            value = wasmtime.Global(self.store, wasmtime.GlobalType(TYPES[kind], False),
                                    getattr(wasmtime.Val, kind)(number))
            engine.linker.define(self.store, "spectest", name, value)
        try:
            self.exports = engine.linker.instantiate(self.store, module).exports(self.store)
        except wasmtime.Trap as trap:
            raise Trapped(self.message(trap), trap.frames) from None
        self.functions = {}  # types of parameters and results by name
        self.names = {}      # of functions, by what a reference to them holds
        for name, item in self.exports.items():
            if isinstance(item, wasmtime.Func):
                kind = item.type(self.store)
                self.functions[name] = (type_names(kind.params), type_names(kind.results))
                self.names.setdefault(self.identity(item._func), name)

    @staticmethod
    def identity(function):
        return ctypes.c_uint64.from_buffer(function, 8).value

    def message(self, trap):
        """Wasmtime has one code for an index outside of a table; the specification two messages."""
        text = MESSAGES[trap.trap_code]
        if trap.trap_code == TrapCode.TABLE_OUT_OF_BOUNDS and trap.frames:
            if self.code[trap.frames[0].module_offset] in CALL_INDIRECT:
                return "undefined element"
        return text

    def word(self, raw):
        """A value as a pattern. Frees what `raw` holds."""
        kind = NAMES[raw.kind]
        if kind in MASKS:
            return f"{kind}:{ctypes.c_uint64.from_buffer(raw.of).value & MASKS[kind]}"
        if kind == "externref":
            value = wasmtime.Val._from_raw(self.store, raw).value
            return f"externref:{'null' if value is None else value}"
        if raw.of.funcref.store_id == 0:
            return "funcref:null"
        return f"funcref:{string(self.names[self.identity(raw.of.funcref)])}"

    def raw(self, word):
        kind, text = word.split(":")
        if kind == "externref":
            return wasmtime.Val.externref(None if text == "null" else int(text))._new_raw(self.store)
        raw = ffi.wasmtime_val_t(kind=KINDS[kind])
        if kind in MASKS:
            ctypes.c_uint64.from_buffer(raw.of).value = int(text)
        else:
            raw.of.funcref.store_id = 0
        return raw

    def call(self, name, arguments, fuel):
        """The results as words; may raise Trapped."""
        count = len(self.functions[name][1])
        given = (ffi.wasmtime_val_t * len(arguments))(*[self.raw(word) for word in arguments])
        results = (ffi.wasmtime_val_t * count)()
        trap = ctypes.POINTER(ffi.wasm_trap_t)()
        self.store.set_fuel(fuel)
        error = ffi.wasmtime_func_call(self.store._context(), ctypes.byref(self.exports[name]._func),
                                       given, len(arguments), results, count, ctypes.byref(trap))
        for one in given:
            ffi.wasmtime_val_unroot(ctypes.byref(one))
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
        if trap:
            trap = wasmtime.Trap._from_ptr(trap)
            raise Trapped(self.message(trap), trap.frames)
        return [self.word(one) for one in results]

    def globals(self):
        """The words of a `get` for each exported global that can change."""
        for name, item in self.exports.items():
            if isinstance(item, wasmtime.Global) and item.type(self.store).mutable:
                raw = ffi.wasmtime_val_t()
                ffi.wasmtime_global_get(self.store._context(), ctypes.byref(item._global),
                                        ctypes.byref(raw))
                yield [string(name), "=", self.word(raw)]

    def tables(self):
        for name, item in self.exports.items():
            if isinstance(item, wasmtime.Table):
                yield [string(name), "=", *self.elements(item)]

    def elements(self, table):
        for i in range(table.size(self.store)):
            raw = ffi.wasmtime_val_t()
            ffi.wasmtime_table_get(self.store._context(), ctypes.byref(table._table), i,
                                   ctypes.byref(raw))
            yield self.word(raw)

    def memories(self):
        """Name, pages and bytes (up to the last that is not zero) of each exported memory."""
        for name, item in self.exports.items():
            if isinstance(item, wasmtime.Memory):
                size = item.data_len(self.store)
                data = ctypes.string_at(item.data_ptr(self.store), size) if size else b""
                yield string(name), item.size(self.store), data.rstrip(b"\0")
