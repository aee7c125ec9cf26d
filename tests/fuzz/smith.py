#!/usr/bin/env python3
"""Random valid modules, run by Yadokari and by Wasmtime; whatever can be seen must be the same.

    smith.py [--seconds N] [--seed S] [--first N] [--count N] [--spectest PROGRAM] [--opcodes]

A module comes from `wasm-tools smith` or from structured.py. Its exported functions are called with random
arguments, by Wasmtime first (reference.py). What comes of it is written as a script for
tests/spec/spectest.c: results and traps of each call, exported globals after each, tables and memories at
the end. The script is run twice, the second time with the instance torn down at every safepoint.

Module N of seed S is always the same. A call that is out of fuel or stack in Wasmtime is made in Yadokari
too, but not compared; the module is instantiated anew after it. A call that Wasmtime ends must end in
Yadokari with as much fuel: it takes a unit there for what takes at least one here.

Modules that failed are kept in build/smith/failed, with their scripts.
"""

import argparse
import collections
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import time

import reference
import structured
from binary import export_globals
from reference import Trapped, string

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HERE = ROOT / "build" / "smith"
WASM_TOOLS = reference.TOOLS / "bin" / "wasm-tools"

STRUCTURED = 0.4   # of all modules
FUEL = 5000        # of Wasmtime: about an instruction each
TRY_FUEL = 100     # of Yadokari, for calls that are not compared
STACK = 8 << 20    # of Yadokari: more than what Wasmtime has
OPTIONS = ["--verbose", "--fuel", str(FUEL), "--stack", str(STACK)]
WAYS = {"plain": [], "torn down": ["--teardown", "1"]}
BATCH = 40
TIMEOUT = 300      # seconds, for a batch

# The features that Yadokari has; sizes that a run of a few milliseconds can do something with.
FEATURES = {
    "export-everything": True, "generate-custom-sections": True, "tail-call-enabled": True,
    "extended-const-enabled": True, "gc-enabled": False, "simd-enabled": False,
    "relaxed-simd-enabled": False, "threads-enabled": False, "memory64-enabled": False,
    "exceptions-enabled": False, "wide-arithmetic-enabled": False, "compact-imports-enabled": False,
    "custom-descriptors-enabled": False, "custom-page-sizes-enabled": False,
    "memory-max-size-required": True, "max-memory32-bytes": 1 << 19,
    "table-max-size-required": True, "max-table-elements": 60, "max-tables": 3, "min-funcs": 2,
    "max-funcs": 9, "min-types": 12, "max-types": 16, "max-globals": 12,
}
INTEGERS = [0, 1, 2, 7, 8, 31, 32, 63, 64, 255, 65535, 65536, 2**31 - 1, 2**31, 2**32 - 1, 2**32,
            2**63 - 1, 2**63, 2**64 - 1]
FLOATS = {
    "f32": [0, 0x80000000, 0x3F800000, 0xBF800000, 0x3F000000, 0x7F800000, 0xFF800000, 1, 0x007FFFFF,
            0x7F7FFFFF, 0x4F000000, 0xCF000000, 0x4F800000, 0x5F000000, 0x7FC00000],
    "f64": [0, 1 << 63, 0x3FF << 52, 0xBFF << 52, 0x3FE << 52, 0x7FF << 52, 0xFFF << 52, 1,
            (1 << 52) - 1, (0x7FF << 52) - 1, 0x41E << 52, 0xC1E << 52, 0x41F << 52, 0x43E << 52,
            0x7FF8 << 48],
}

# What a module's functions are made of, and how often: of all there is, they leave soon and do little.
KINDS = {
    "numeric,reference,parametric,variable,table,memory,control": 8,
    "numeric,reference,parametric,variable,table,memory": 6,
    "numeric,variable,control": 3,
    "numeric,variable": 4,
    "numeric_non_float,variable": 6,
    "numeric_non_float,variable,memory": 3,
    "variable,memory": 2,
    "numeric_non_float,reference,parametric,variable,table,control": 2,
    "reference,variable,table": 2,
}


def configuration(rng):
    """Some modules trap seldom, and so get further; some end their loops by themselves."""
    chosen = dict(FEATURES)
    chosen["canonicalize-nans"] = True
    kinds, = rng.choices(list(KINDS), KINDS.values())
    # Without traps there are no bulk operations.
    chosen["disallow-traps"] = rng.random() < 0.6 and "numeric" in kinds
    chosen["max-instructions"] = rng.choice([100, 400, 1000])
    chosen["min-uleb-size"] = rng.choice([1, 1, 2, 5])
    chosen["max-imports"] = rng.choice([0, 4])
    chosen["min-tables"] = chosen["min-memories"] = rng.choice([0, 1, 1, 1])
    chosen["min-data-segments"] = chosen["min-element-segments"] = rng.choice([0, 2])
    flags = ["--allowed-instructions", kinds]
    if rng.random() < 0.3:
        flags += ["--ensure-termination", "--fuel", str(FUEL // 50)]
    return chosen, flags, rng.choice([3000, 15000, 60000])


def smith(rng, folder, name, changes=()):
    """The bytes of a module, or None: not every input makes one."""
    chosen, flags, size = configuration(rng)
    chosen.update(changes)
    chosen["available-imports"] = str(folder / "imports")
    settings = folder / f"{name}.json"
    settings.write_text(json.dumps(chosen))
    done = subprocess.run([WASM_TOOLS, "smith", *flags, "--config", settings],
                          input=rng.randbytes(size), capture_output=True, check=False)
    settings.unlink()
    if done.returncode not in (0, 2):
        sys.exit(f"smith.py: wasm-tools smith: {done.stderr.decode()}")
    return export_globals(done.stdout) if done.returncode == 0 else None


def argument(rng, kind):
    if kind == "funcref":
        return "funcref:null"
    if kind == "externref":
        return rng.choice(["externref:null", "externref:1", "externref:77"])
    bits = 32 if kind.endswith("32") else 64
    if rng.random() < 0.25:
        number = rng.getrandbits(bits)
    elif kind in FLOATS:
        number = rng.choice(FLOATS[kind])
    else:
        number = rng.choice(INTEGERS) + rng.choice([0, 0, 0, 1, -1])
    return f"{kind}:{number % 2**bits}"


class Script:
    """Runs one module in Wasmtime, and writes down what Yadokari has to do."""

    def __init__(self, engine, rng, folder, name, code, counts):
        self.engine, self.rng, self.code, self.counts = engine, rng, code, counts
        self.folder, self.name = folder, name
        self.lines = []
        self.module = engine.compile(code)
        self.instance = None
        self.dumps = 0

    def add(self, command, *words):
        self.lines.append(" ".join([command, str(len(self.lines) + 1), *words]))

    def instantiate(self):
        """False: it cannot be instantiated, which is compared too, but for its fuel and stack."""
        file = f"{self.name}.wasm"
        try:
            self.instance = reference.Instance(self.engine, self.module, self.code, FUEL)
        except Trapped as trap:
            if self.unknown(trap):
                self.counts["starts out of fuel or stack"] += 1
            else:
                self.add("uninstantiable", string(str(trap)), file)
            return False
        self.add("module", "-", file)
        return True

    def unknown(self, trap):
        """Counts a call that cannot be compared."""
        if str(trap) not in ("out of fuel", "call stack exhausted"):
            return False
        self.counts[f"calls {str(trap)}"] += 1
        return True

    def call(self, name):
        arguments = [argument(self.rng, kind) for kind in self.instance.functions[name][0]]
        self.counts["calls"] += 1
        try:
            results = self.instance.call(name, arguments, FUEL)
        except Trapped as trap:
            if self.unknown(trap):
                self.add("try", str(TRY_FUEL), "-", string(name), *arguments)
                return False
            self.add("trap", string(str(trap)), "-", string(name), *arguments, "=", *trap.frames)
            self.counts[f"trap: {trap}"] += 1
        else:
            self.add("return", "-", string(name), *arguments, "=", *results)
            self.counts["returns"] += 1
        self.counts["calls compared"] += 1
        return True

    def state(self):
        for words in self.instance.tables():
            self.add("table", "-", *words)
        for name, pages, data in self.instance.memories():
            file = f"{self.name}.{self.dumps}.memory"
            self.dumps += 1
            (self.folder / file).write_bytes(data)
            self.add("memory", "-", name, "=", str(pages), file)

    def run(self):
        if not self.instantiate():
            return
        names = list(self.instance.functions) * 3
        self.rng.shuffle(names)
        for name in names:
            if not self.call(name):
                if not self.instantiate():
                    return
                continue
            for words in self.instance.globals():
                self.add("get", "-", *words)
        self.state()

    def write(self):
        path = self.folder / f"{self.name}.script"
        path.write_text("\n".join(self.lines) + "\n")
        return path


def spectest(program, way, scripts):
    """What it says when it fails, or None."""
    try:
        done = subprocess.run([program, *OPTIONS, *WAYS[way], *scripts], capture_output=True, text=True,
                              errors="replace", timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        return f"not done after {TIMEOUT} s\n"
    return done.stdout + done.stderr if done.returncode else None


def failures(program, scripts):
    """Yields script, way and output of those that fail."""
    for way in WAYS:
        together = spectest(program, way, scripts) if scripts else None
        if together is None:
            continue
        alone = [(script, way, output) for script in scripts
                 if (output := spectest(program, way, [script])) is not None]
        yield from alone
        if not alone:
            yield scripts[-1], way, f"only together with the {len(scripts) - 1} before it:\n{together}"


def keep(options, script, way, output):
    kept = HERE / "failed" / f"{options.seed}-{script.stem}"
    kept.mkdir(parents=True, exist_ok=True)
    for file in script.parent.glob(f"{script.stem}.*"):
        shutil.copy(file, kept)
    copied = kept / script.name
    command = " ".join([str(options.spectest), *OPTIONS, *WAYS[way], str(copied)])
    (kept / f"{way.replace(' ', '-')}.log").write_text(f"{command}\n{output}")
    print(f"FAILED {way}: {kept / script.stem}.wasm", *output.strip().splitlines()[:3],
          f"again:      {command}",
          f"from seed:  {sys.argv[0]} --seed {options.seed} --first {script.stem} --count 1",
          sep="\n    ", flush=True)


def opcodes(folder):
    """The instructions that the modules hold, by name."""
    found = collections.Counter()
    for module in folder.glob("*.wasm"):
        text = subprocess.run([WASM_TOOLS, "print", module], capture_output=True, text=True,
                              errors="replace", check=True).stdout
        found.update(set(re.findall(r"^ +([a-z][a-z0-9_.]+)", text, re.MULTILINE)))
    return found


class Run:
    def __init__(self, options):
        self.options = options
        self.engine = reference.Engine()
        self.imports = subprocess.run([WASM_TOOLS, "parse", "-"], input=reference.import_text().encode(),
                                      capture_output=True, check=True).stdout
        self.counts = collections.Counter()
        self.opcodes = collections.Counter()
        self.compared = 0
        self.failed = set()
        self.next = options.first
        self.deadline = time.monotonic() + options.seconds

    def more(self):
        return (time.monotonic() < self.deadline
                and (not self.options.count or self.next < self.options.first + self.options.count))

    def batch(self):
        folder = HERE / f"work-{self.options.seed}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "imports").write_bytes(self.imports)
        scripts = []
        while len(scripts) < BATCH and self.more():
            name, self.next = str(self.next), self.next + 1
            rng = random.Random(f"{self.options.seed}/{name}")
            own = rng.random() < STRUCTURED
            code = structured.generate(rng) if own else smith(rng, folder, name)
            if code is None:
                self.counts["inputs that make no module"] += 1
                continue
            (folder / f"{name}.wasm").write_bytes(code)
            self.counts["modules"] += 1
            self.counts["modules of structured.py"] += own
            script = Script(self.engine, rng, folder, name, code, self.counts)
            script.run()
            if script.lines:
                scripts.append(script.write())
        self.compared += len(scripts)
        for script, way, output in failures(self.options.spectest, scripts):
            self.failed.add(script.stem)
            keep(self.options, script, way, output)
        if self.options.opcodes:
            self.opcodes.update(opcodes(folder))
        shutil.rmtree(folder)

    def report(self):
        for what, count in sorted(self.counts.items()):
            print(f"{count:8} {what}")
        if self.options.opcodes:
            print(f"{len(self.opcodes):8} instructions in modules; the rarest:",
                  ", ".join(f"{name} {count}" for name, count in self.opcodes.most_common()[:-20:-1]))
        print(f"{self.compared - len(self.failed)} passed, {len(self.failed)} failed")


def options_of(description):
    """A parser of what all fuzzers with random modules can be told."""
    parser = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--first", type=int, default=0, help="number of the first module")
    parser.add_argument("--count", type=int, default=0, help="how many modules at most")
    return parser


def settle_seed(options):
    if options.seed is None:
        options.seed = random.SystemRandom().getrandbits(32)
    print(f"seed {options.seed}", flush=True)


def main():
    parser = options_of(__doc__)
    parser.add_argument("--spectest", type=pathlib.Path, default=ROOT / "build" / "spectest")
    parser.add_argument("--opcodes", action="store_true", help="count which instructions modules have")
    options = parser.parse_args()
    if not options.spectest.exists():
        sys.exit(f"smith.py: there is no {options.spectest}: run make native")
    settle_seed(options)
    run = Run(options)
    try:
        while run.more():
            run.batch()
    except KeyboardInterrupt:
        print("interrupted")
    run.report()
    return bool(run.failed) or not run.compared


if __name__ == "__main__":
    sys.exit(main())
