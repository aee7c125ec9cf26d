#!/usr/bin/env python3
"""Other CPUs, each under QEMU's user mode: unit tests, the official tests, and programs.

    cpus.py [--short] [CPU...]     arm64, riscv64, s390x (big-endian); --short: programs only, few of them

What `make cpus` built and scripts/setup.sh --only cpus installed is used. A place is a CPU with the
command compiled for it, or wazero compiled for it with yadokari.wasm inside.

A program is stopped after the same fuel in every place, x86-64's `yado` and Wasmtime included. Guests
that read no clock must give the same bytes everywhere, and then a restore in each place covers all
pairs. Every program also travels: from each CPU to the next and back to the first, with a snapshot
on each; what it prints on all of them together must be what it prints undisturbed.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
QEMU = {"arm64": "aarch64", "riscv64": "riscv64", "s390x": "s390x"}
CHECKPOINTED = 85

# name, arguments, whether every run has the same bytes, whether wazero under QEMU is quick enough
PROGRAMS = [
    ("fib.wasm", ["12"], True, True),
    ("nbody.wasm", ["100"], True, True),
    ("integer_mix.wasm", ["200"], True, False),
    ("pi_leibniz.wasm", ["20000"], True, False),
    ("sqlite_bench.wasm", ["20", ":memory:"], True, False),
    ("rust_mix.wasm", ["50"], True, False),
    ("cpp_mix.wasm", ["50"], True, False),
    ("lua.wasm", ["script.lua", "5"], False, False),
    ("files.wasm", ["3"], False, False),
    ("go_mix.wasm", ["3"], False, False),
]
SHORT = ("fib.wasm", "nbody.wasm", "sqlite_bench.wasm", "files.wasm")

passed = failed = 0


def report(good, what, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED {what}: {detail}", flush=True)


def emulated(cpu, program):
    return [str(TOOLS / "bin" / f"qemu-{QEMU[cpu]}"), str(program)]


def run(command, directory):
    # Go's collector would run for minutes under QEMU.
    result = subprocess.run(command, cwd=directory, capture_output=True, timeout=900,
                            stdin=subprocess.DEVNULL, env={**os.environ, "GOGC": "off"})
    return result.returncode, result.stdout, result.stderr


class Workplace:
    """A folder with a program in it."""

    def __init__(self, program):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-"))
        shutil.copy(BUILD / "guests" / program, self.path)
        if program == "lua.wasm":
            shutil.copy(BUILD / "guests" / "script.lua", self.path)

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path)


def in_wazero(cpu):
    # Its compiler knows arm64; on riscv64 and s390x it interprets.
    mode = [] if cpu == "arm64" else ["-interpreter"]
    return emulated(cpu, TOOLS / "cpus" / cpu / "wazero") + \
        ["run", *mode, "-mount=.:.", str(BUILD / "yadokari.wasm")]


def natives(cpus):
    return {"x86-64": [str(BUILD / "yado")],
            **{cpu: emulated(cpu, BUILD / cpu / "yado") for cpu in cpus}}


def places_of(cpus, small):
    places = natives(cpus)
    places["x86-64 in Wasmtime"] = [str(TOOLS / "bin" / "wasmtime"), "run", "--dir", ".",
                                    str(BUILD / "yadokari.wasm")]
    if small:
        places.update({f"{cpu} in wazero": in_wazero(cpu) for cpu in cpus})
    return places


def total_fuel(program, arguments):
    """What it prints undisturbed, its exit code, and the fuel that this takes."""
    with Workplace(program) as here:
        code, out, err = run([str(BUILD / "yado"), "run", "--dir", ".", "--show-fuel", program,
                              *arguments], here)
    return (code, out), int(re.search(rb"fuel: (\d+)", err).group(1))


def stopping(fuel):
    return ["--dir", ".", "--reproducible", "--checkpoint-after", str(fuel), "--snapshot", "next.snap"]


def same_bytes(places, program, arguments, fuel, expected):
    """Snapshots of all places after this fuel; the same one continued in all of them."""
    snapshots = {}
    for name, command in places.items():
        with Workplace(program) as here:
            code, out, err = run([*command, "run", *stopping(fuel), program, *arguments], here)
            good = code == CHECKPOINTED
            report(good, f"{program} after {fuel} on {name}", f"exit {code}: {err[-300:]}")
            if good:
                snapshots[name] = (here / "next.snap").read_bytes(), out
    kinds = {}
    for name, snapshot in snapshots.items():
        kinds.setdefault(snapshot, []).append(name)
    report(len(kinds) == 1, f"{program} after {fuel}: equal snapshots", list(kinds.values()))
    for (snapshot, before), _ in kinds.items():
        for name, command in places.items():
            with Workplace(program) as here:
                (here / "at.snap").write_bytes(snapshot)
                code, out, err = run([*command, "restore", "--dir", ".", "--module", program,
                                      "at.snap"], here)
                report((code, before + out) == expected, f"{program} after {fuel}: on to {name}",
                       f"exit {code}: {err[-300:]}")
    return snapshots


def travel(commands, program, arguments, total, expected):
    """Through all CPUs and back to the first, with the same part of its run on each."""
    names = [*commands, next(iter(commands))]
    text = b""
    with Workplace(program) as here:
        for step, name in enumerate(names):
            begin = ["run"] if step == 0 else ["restore", "--module", program]
            what = [program, *arguments] if step == 0 else ["at.snap"]
            last = step == len(names) - 1
            how = ["--dir", "."] if last else stopping(total * (step + 1) // len(names))
            code, out, err = run([*commands[name], *begin, *how, *what], here)
            text += out
            if not last and code != CHECKPOINTED:
                break
            if not last:
                (here / "next.snap").rename(here / "at.snap")
        report((code, text) == expected, f"{program}: {' -> '.join(names)}",
               f"exit {code} on {name}: {err[-300:]}")


def programs(cpus, short):
    for program, arguments, reproducible, small in PROGRAMS:
        if short and program not in SHORT:
            continue
        before = failed
        expected, total = total_fuel(program, arguments)
        if reproducible:
            places = places_of(cpus, small and not short)
            for percent in (50,) if short else (10, 60):
                same_bytes(places, program, arguments, max(1, total * percent // 100), expected)
        travel(natives(cpus), program, arguments, total, expected)
        print(f"{program}: {total} units of fuel, {failed - before} failed", flush=True)


def counted(what, command):
    """A program that prints "N passed, N failed" itself."""
    global passed, failed
    code, out, err = run(command, ROOT)
    line = re.search(rb"^(\d+) passed, (\d+) failed$", out, re.M)
    good = line and (code == 0) == (line.group(2) == b"0")
    print(f"{what}: {line.group().decode() if line else 'no count'}", flush=True)
    if good:
        passed, failed = passed + int(line.group(1)), failed + int(line.group(2))
    if not good or line.group(2) != b"0":
        report(False, what, (out + err)[-600:].decode(errors="replace"))


def tests(cpu):
    for test in sorted((BUILD / cpu / "tests").iterdir()):
        if test.is_file() and os.access(test, os.X_OK):
            counted(f"unit {test.name} on {cpu}", emulated(cpu, test))
    scripts = sorted(map(str, (BUILD / "spec").glob("*/*.script")))
    report(scripts, "official tests", "build/spec has none: see tests/run.sh")
    if scripts:
        counted(f"spec on {cpu}", emulated(cpu, BUILD / cpu / "spectest") + scripts)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--short", action="store_true")
    parser.add_argument("cpus", nargs="*", metavar="CPU", help=", ".join(QEMU))
    options = parser.parse_args()
    for cpu in options.cpus:
        if cpu not in QEMU:
            parser.error(f"unknown CPU {cpu}; there are: {', '.join(QEMU)}")
    cpus = options.cpus or list(QEMU)
    if not options.short:
        for cpu in cpus:
            tests(cpu)
    programs(cpus, options.short)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
