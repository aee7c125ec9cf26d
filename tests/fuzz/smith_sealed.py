#!/usr/bin/env python3
"""Random valid modules, sealed: the original in Wasmtime, sealed in Wasmtime, and in the interpreter; the same
results and the same traps, also with snapshots in between, torn down in one tier and restored in the other.

    smith_sealed.py [--seconds N] [--seed S] [--first N] [--count N]

A module comes from `wasm-tools smith` or from structured.py, as for smith.py. To it functions are added: one makes
calls that return, one after the other, and returns what they gave, and what globals, memory and tables hold then;
others make a call that traps. What they do in the original decides.

Module N of seed S is always the same. What is out of fuel or stack in Wasmtime is not compared. Modules that failed
are kept in build/smith/failed.
"""

import collections
import contextlib
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import binary
import reference
import smith
import structured
import wasmtime
from reference import Trapped
from structured import CONST, END, I32, I64, constant, local_get, local_set

ROOT = smith.ROOT
YADO = ROOT / "build" / "yado"
CHECKPOINTED, TRAPPED = 85, 134
NOT_REACHED = 86  # the end came before --checkpoint-after
FEATURES = {"max-imports": 0, "min-imports": 0, "max-memory32-bytes": 1 << 17, "max-tables": 2}
MEMORY_LIMIT = 2     # pages of which the sum is taken
FUEL = 3_000_000     # of Wasmtime, for all calls together
LIMIT = "1000000"    # of Yadokari; far more than what is left after a run in Wasmtime
SECONDS = 20         # that one run may take
SIZES = {"i32": I32, "i64": I64, "f32": 0x7D, "f64": 0x7C, "funcref": 0x70, "externref": 0x6F}
OPTIONS = [[], [], ["--exact-fuel"]]
FEATURES_SEALED = [[], ["sign-extension", "saturating"], ["bulk-memory"], ["multi-memory"]]


# What is added.

class Adder:
    """The body of a function that makes calls and returns what came of them, as integers."""

    def __init__(self):
        self.code = b""
        self.kinds = []  # of the locals, which are the results

    def keep(self, kind):
        """What is on the stack, of that type."""
        if kind.endswith("ref"):
            self.code += b"\xD1"
        self.code += {"f32": b"\xBC", "f64": b"\xBD"}.get(kind, b"")
        self.kinds.append(I64 if kind.endswith("64") else I32)
        self.code += local_set(len(self.kinds) - 1)

    def call(self, index, arguments, results):
        for word in arguments:
            kind, _, text = word.partition(":")
            if kind.endswith("ref"):
                self.code += b"\xD0" + bytes([SIZES[kind]])
            elif kind.startswith("i"):
                self.code += constant(SIZES[kind], int(text))
            else:
                self.code += bytes([CONST[SIZES[kind]]]) + int(text).to_bytes(4 if kind == "f32" else 8, "little")
        self.code += b"\x10" + binary.uleb(index)
        for kind in reversed(results):
            self.keep(kind)

    def memory(self):
        """Its size, and a sum of its first pages."""
        address, total = len(self.kinds), len(self.kinds) + 1
        self.kinds += [I32, I64]
        body = (local_get(total) + constant(I64, 7) + b"\x89" + local_get(address) + b"\x29\0\0\x85"
                + local_set(total) + local_get(address) + constant(I32, 8) + b"\x6A\x22" + binary.uleb(address)
                + constant(I32, MEMORY_LIMIT << 16) + b"\x49" + local_get(address) + b"\x3F\0"
                + constant(I32, 16) + b"\x74\x49\x71\x0D\0")
        self.code += b"\x3F\0\x04\x40\x03\x40" + body + END + END
        self.code += b"\x3F\0"
        self.keep("i32")

    def table(self, index, size):
        self.code += b"\xFC\x10" + binary.uleb(index)
        self.keep("i32")
        for i in range(min(size, 10)):
            self.code += constant(I32, i) + b"\x25" + binary.uleb(index)
            self.keep("funcref")

    def function(self, name):
        kinds = self.kinds[:1000]
        body = binary.vector([b"\1" + bytes([kind]) for kind in self.kinds]) + self.code
        body += b"".join(local_get(i) for i in range(len(kinds))) + END
        return name, b"\x60\0" + binary.vector([bytes([kind]) for kind in kinds]), body


def with_checks(engine, rng, code):
    """The module with the functions that are to be called, and their names."""
    instance = reference.Instance(engine, engine.compile(code), code, smith.FUEL)
    indices = {name: index for name, kind, index in binary.exports(code) if kind == binary.FUNC_KIND}
    whole, others = Adder(), []
    names = list(instance.functions) * 3
    rng.shuffle(names)
    for name in names:
        parameters, results = instance.functions[name]
        arguments = ["externref:null" if kind == "externref" else smith.argument(rng, kind) for kind in parameters]
        try:
            instance.call(name, arguments, smith.FUEL)
            whole.call(indices[name], arguments, results)
        except Trapped as trap:
            if str(trap) in ("out of fuel", "call stack exhausted") or len(others) == 3:
                continue
            others.append(Adder())
            others[-1].call(indices[name], arguments, results)
    seen = set()
    for name, kind, index in binary.exports(code):
        item = instance.exports[name]
        if (kind, index) in seen:
            continue
        seen.add((kind, index))
        if kind == binary.GLOBAL_KIND:
            whole.code += b"\x23" + binary.uleb(index)
            whole.keep(str(item.type(instance.store).content).replace("anyref", "externref"))
        elif kind == binary.MEMORY_KIND and index == 0:
            whole.memory()
        elif kind == binary.TABLE_KIND:
            whole.table(index, item.size(instance.store))
    names = ["yado check", *(f"yado trap {i}" for i in range(len(others)))]
    return binary.add_functions(code, [one.function(name) for name, one in zip(names, [whole, *others])]), names


def expected(engine, code, name):
    """("returns", the lines that --invoke prints), ("traps", the message) or None."""
    try:
        instance = reference.Instance(engine, engine.compile(code), code, smith.FUEL)
        words = instance.call(name, [], FUEL)
    except Trapped as trap:
        unknown = str(trap) in ("out of fuel", "call stack exhausted")
        return None if unknown else ("traps", str(trap))
    return "returns", [signed(word) for word in words]


def signed(word):
    kind, _, bits = word.partition(":")
    number, size = int(bits), int(kind[1:])
    return str(number - (number >> size - 1 << size))


# The two tiers.

class Sealed:
    """A sealed module in Wasmtime, in this process."""

    def __init__(self, engine, folder, path):
        self.engine, self.folder, self.path = engine, folder, path
        self.module = wasmtime.Module(engine, path.read_bytes())

    def run(self, *words):
        """Exit code, output and errors."""
        out, err = self.folder / "stdout", self.folder / "stderr"
        wasi = wasmtime.WasiConfig()
        wasi.argv = [self.path.name, "--yado", *words]
        wasi.preopen_dir(str(self.folder), ".")
        wasi.stdout_file, wasi.stderr_file = str(out), str(err)
        store = wasmtime.Store(self.engine)
        store.set_wasi(wasi)
        store.set_epoch_deadline(1)
        linker = wasmtime.Linker(self.engine)
        linker.define_wasi()
        timer = threading.Timer(SECONDS, self.engine.increment_epoch)
        timer.start()
        code, trap = 0, ""
        try:
            linker.instantiate(store, self.module).exports(store)["_start"](store)
        except wasmtime.ExitTrap as end:
            code = end.code
        except wasmtime.Trap as end:
            code, trap = TRAPPED, reference.MESSAGES.get(end.trap_code, str(end))
        finally:
            timer.cancel()
        text = err.read_text(errors="replace")
        said = re.search(r" trapped: (.*)", text)
        if code == TRAPPED:
            trap = said.group(1) if said else trap
        return code, out.read_text(), trap or text


def interpreted(folder, *words):
    done = subprocess.run([YADO, *words], cwd=folder, capture_output=True, text=True, errors="replace",
                          timeout=SECONDS, check=False)
    said = re.search(r" trapped: (.*)", done.stderr)
    return done.returncode, done.stdout, said.group(1) if said else done.stderr


def outcome(result):
    code, out, text = result
    if code in (0, NOT_REACHED):  # a place of sealed code may be one that it passes later, or never
        return "returns", out.split()
    return ("traps", text) if code == TRAPPED else (f"ends with {code}", text[-300:])


def same(have, want):
    """A sealed module's own table has null behind its elements."""
    if have == want:
        return True
    return have == ("traps", "uninitialized element") and want == ("traps", "undefined element")


class Subject:
    """One module and the ways in which it is run."""

    def __init__(self, rng, sealed, folder, exact):
        self.rng, self.sealed, self.folder, self.exact = rng, sealed, folder, exact
        self.fuel = 1

    def tier(self, sealed, snapshot, more, name):
        """Begins, or goes on from a snapshot."""
        limit = ["--max-fuel", LIMIT]
        if sealed:
            words = ["restore", *limit, *more, "at.snap"] if snapshot else \
                    ["run", *limit, *more, "--invoke", name]
            return self.sealed.run(*words)
        words = ["restore", *limit, *more, "--module", "guest.wasm", "at.snap"] if snapshot else \
                ["run", *limit, *more, "--invoke", name, "guest.wasm"]
        return interpreted(self.folder, *words)

    def measure(self, name):
        done = subprocess.run([YADO, "run", "--show-fuel", "--max-fuel", LIMIT, "--invoke", name, "guest.wasm"],
                              cwd=self.folder, capture_output=True, text=True, errors="replace", timeout=SECONDS,
                              check=False)
        self.fuel = int(re.search(r"fuel: (\d+)", done.stderr).group(1))

    def mixed(self, name, first):
        """Checkpoints at random units of fuel; each time the other tier goes on."""
        fuel, sealed, snapshot = 0, first, False
        for _ in range(3):
            fuel += self.rng.randint(1, max(1, self.fuel // 2))
            result = self.tier(sealed, snapshot, ["--checkpoint-after", str(fuel), "--snapshot", "at.snap"], name)
            if result[0] != CHECKPOINTED:
                return result
            sealed, snapshot = not sealed, True
        return self.tier(sealed, True, [], name)

    def same_bytes(self, name):
        """Only with --exact-fuel. Says what is wrong."""
        for fuel in sorted({1, self.rng.randint(1, self.fuel), self.fuel - 1} - {0}):
            options = ["--reproducible", "--checkpoint-after", str(fuel), "--snapshot", "at.snap"]
            ends, files = [], []
            for sealed in True, False:
                with contextlib.suppress(FileNotFoundError):
                    (self.folder / "at.snap").unlink()
                own = ["--module", "guest.wasm", "--arg0", "guest.wasm"] if sealed else ["--canonical"]
                ends.append(self.tier(sealed, False, [*own, *options], name)[0])
                files.append(ends[-1] == CHECKPOINTED and (self.folder / "at.snap").read_bytes())
            if files[0] != files[1]:
                return f"after {fuel} units: exit codes {ends}, other bytes"
        return None

    def ways(self, name):
        yield "sealed", lambda: self.tier(True, False, [], name)
        yield "interpreted", lambda: self.tier(False, False, [], name)
        step = str(self.rng.choice([1, 2, 7]) * (1 + self.fuel // 300))
        yield "torn down", lambda: self.tier(True, False, ["--teardown", step], name)
        for first in True, False:
            yield f"from {'sealed' if first else 'interpreted'} on", lambda first=first: self.mixed(name, first)


class Run:
    def __init__(self, options):
        self.options = options
        self.reference = reference.Engine()
        config = wasmtime.Config()
        config.epoch_interruption = True
        config.cranelift_opt_level = "none"
        config.parallel_compilation = False
        config.max_wasm_stack = reference.STACK_SIZE
        self.engine = wasmtime.Engine(config)
        self.counts = collections.Counter()
        self.passed = self.failed = 0
        self.deadline = time.monotonic() + options.seconds
        self.folder = smith.HERE / f"sealed-{options.seed}"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        (self.folder / "imports").write_bytes(subprocess.run(
            [smith.WASM_TOOLS, "parse", "-"], input=b"(module)", capture_output=True, check=True).stdout)

    def make(self, rng, name):
        """The module with what is to be called, or None."""
        own = rng.random() < smith.STRUCTURED
        code = structured.generate(rng) if own else smith.smith(rng, self.folder, name, FEATURES)
        if code is None:
            self.counts["inputs that make no module"] += 1
            return None
        try:
            return with_checks(self.reference, rng, code)
        except Trapped:
            self.counts["modules that do not start"] += 1
        return None

    def seal(self, options):
        done = subprocess.run([YADO, "seal", *options, "guest.wasm", "-o", "sealed.wasm"], cwd=self.folder,
                              capture_output=True, text=True, check=False)
        if done.returncode:
            raise ValueError(done.stderr)
        return Sealed(self.engine, self.folder, self.folder / "sealed.wasm")

    def wrong(self, rng, code, names):
        """What is wrong with a module, or None."""
        (self.folder / "guest.wasm").write_bytes(code)
        features = [*rng.choice(FEATURES_SEALED), "tail-calls"]
        options = [*rng.choice(OPTIONS), "--features", ",".join(features)]
        try:
            sealed = self.seal(options)
        except (ValueError, wasmtime.WasmtimeError) as error:
            return f"sealing {options}: {error}"
        self.counts["modules"] += 1
        for name in names:
            want = expected(self.reference, code, name)
            if want is None:
                self.counts["runs out of fuel or stack"] += 1
                continue
            subject = Subject(rng, sealed, self.folder, "--exact-fuel" in options)
            subject.measure(name)
            for way, run in subject.ways(name):
                have = outcome(run())
                self.counts["runs"] += 1
                if have == ("traps", "call stack exhausted"):
                    self.counts["runs out of stack when sealed"] += 1
                elif not same(have, want):
                    return f"{name} {options} {way}: {have}, not {want}"
            if subject.exact and want[0] == "returns":
                differ = subject.same_bytes(name)
                if differ:
                    return f"{name} {differ}"
            self.counts[f"functions: {want[0]}"] += 1
        self.passed += 1
        return None

    def keep(self, number, code, what):
        self.failed += 1
        kept = smith.HERE / "failed"
        kept.mkdir(parents=True, exist_ok=True)
        path = kept / f"sealed-{self.options.seed}-{number}.wasm"
        path.write_bytes(code)
        print(f"FAILED {path}\n    {what}\n    again: {sys.argv[0]} --seed {self.options.seed} --first {number} "
              "--count 1", flush=True)

    def run(self):
        number = self.options.first
        while time.monotonic() < self.deadline and (
                not self.options.count or number < self.options.first + self.options.count):
            rng = random.Random(f"{self.options.seed}/{number}")
            made = self.make(rng, str(number))
            if made:
                try:
                    what = self.wrong(rng, *made)
                except subprocess.TimeoutExpired as late:
                    what = str(late)
                if what:
                    self.keep(number, made[0], what)
            number += 1
        shutil.rmtree(self.folder)

    def report(self):
        for what, count in sorted(self.counts.items()):
            print(f"{count:8} {what}")
        print(f"{self.passed} passed, {self.failed} failed")


def main():
    options = smith.options_of(__doc__).parse_args()
    smith.settle_seed(options)
    run = Run(options)
    try:
        run.run()
    except KeyboardInterrupt:
        print("interrupted")
    run.report()
    return bool(run.failed) or not run.passed


if __name__ == "__main__":
    sys.exit(main())
