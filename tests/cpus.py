#!/usr/bin/env python3
"""Other CPUs, each under QEMU's user mode: unit tests, the official tests, and programs.

    cpus.py [--short] [CPU...]     arm64, riscv64, s390x (big-endian); --short: programs only, few of them

What `make cpus` built and scripts/setup.sh --only cpus installed is used, by the hosts of
scripts/hosts/cpus.conf: `yado` compiled for each CPU, and wazero for each with yadokari.wasm inside.

A program is stopped after the same fuel in all of them, in this machine's own `yado` and in Wasmtime.
Guests that read no clock must give the same bytes everywhere, and then a restore in each host covers
all pairs. Every program also travels: from each CPU to the next and back to the first, with a
snapshot on each; what it prints on all of them together must be what it prints undisturbed.
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
YADO = str(BUILD / "yado")
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
    hosts = {"YADO_HOSTS": str(ROOT / "scripts" / "hosts" / "cpus.conf")}
    result = subprocess.run(command, cwd=directory, capture_output=True, timeout=900,
                            stdin=subprocess.DEVNULL, env={**os.environ, **hosts})
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


def natives(cpus):
    return ["native", *(f"native-{cpu}" for cpu in cpus)]


def all_hosts(cpus, small):
    return [*natives(cpus), "wasmtime", *(f"wazero-{cpu}" for cpu in cpus if small)]


def total_fuel(program, arguments):
    """What it prints undisturbed, its exit code, and the fuel that this takes."""
    with Workplace(program) as here:
        code, out, err = run([YADO, "run", "--dir", ".", "--show-fuel", program, *arguments], here)
    return (code, out), int(re.search(rb"fuel: (\d+)", err).group(1))


def stopping(fuel):
    return ["--dir", ".", "--reproducible", "--checkpoint-after", str(fuel), "--snapshot", "next.snap"]


def same_bytes(hosts, program, arguments, fuel, expected):
    """Snapshots of all hosts after this fuel; the same one continued in all of them."""
    snapshots = {}
    for host in hosts:
        with Workplace(program) as here:
            code, out, err = run([YADO, "run", "--host", host, *stopping(fuel), program, *arguments],
                                 here)
            good = code == CHECKPOINTED
            report(good, f"{program} after {fuel} on {host}", f"exit {code}: {err[-300:]}")
            if good:
                snapshots.setdefault(((here / "next.snap").read_bytes(), out), []).append(host)
    report(len(snapshots) == 1, f"{program} after {fuel}: equal snapshots", list(snapshots.values()))
    for snapshot, before in snapshots:
        for host in hosts:
            with Workplace(program) as here:
                (here / "at.snap").write_bytes(snapshot)
                code, out, err = run([YADO, "restore", "--host", host, "--dir", ".", "--module", program,
                                      "at.snap"], here)
                report((code, before + out) == expected, f"{program} after {fuel}: on to {host}",
                       f"exit {code}: {err[-300:]}")


def travel(hosts, program, arguments, total, expected):
    """Through all hosts and back to the first, with the same part of its run in each."""
    names = [*hosts, hosts[0]]
    text = b""
    with Workplace(program) as here:
        for step, host in enumerate(names):
            begin = ["run"] if step == 0 else ["restore", "--module", program]
            what = [program, *arguments] if step == 0 else ["at.snap"]
            last = step == len(names) - 1
            how = ["--dir", "."] if last else stopping(total * (step + 1) // len(names))
            code, out, err = run([YADO, *begin, "--host", host, *how, *what], here)
            text += out
            if not last and code != CHECKPOINTED:
                break
            if not last:
                (here / "next.snap").rename(here / "at.snap")
        report((code, text) == expected, f"{program}: {' -> '.join(names)}",
               f"exit {code} on {host}: {err[-300:]}")


def programs(cpus, short):
    for program, arguments, reproducible, small in PROGRAMS:
        if short and program not in SHORT:
            continue
        before = failed
        expected, total = total_fuel(program, arguments)
        if reproducible:
            hosts = all_hosts(cpus, small and not short)
            for percent in (50,) if short else (10, 60):
                same_bytes(hosts, program, arguments, max(1, total * percent // 100), expected)
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
