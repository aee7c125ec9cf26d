#!/usr/bin/env python3
"""Other CPUs, each under QEMU's user mode: unit tests, the official tests, and programs.

    cpus.py [--short] [CPU...]     arm64, riscv64, s390x (big-endian); --short: few programs, nothing else

What `make cpus` built and scripts/setup.sh --only cpus installed is used, by the hosts of
scripts/hosts/cpus.conf: `yado` compiled for each CPU, and wazero for each with yadokari.wasm inside.

A program is stopped after the same fuel in all of them, in this machine's own `yado` and in Wasmtime.
Guests that read no clock must give the same bytes everywhere, and then a restore in each host covers
all pairs. Every program also goes through all CPUs and back to the first, with a snapshot on each;
what it prints on all of them together must be what it prints undisturbed.
"""

import argparse
import os
import re
import shutil
import subprocess

import checks
from checks import check
from travel import CHECKPOINTED, PROGRAMS, ROOT, TOOLS, Travel, direct, workplace

BUILD = ROOT / "build"
QEMU = {"arm64": "aarch64", "riscv64": "riscv64", "s390x": "s390x"}
SMALL = [("fib.wasm", ["12"]), ("nbody.wasm", ["100"])]  # for an interpreter in an interpreter under QEMU
SHORT = ("fib.wasm", "nbody.wasm", "sqlite_bench.wasm", "files.wasm")

os.environ["YADO_HOSTS"] = str(ROOT / "scripts" / "hosts" / "cpus.conf")
TRAVEL = Travel(BUILD / "yado")


def same_bytes(hosts, program, arguments, fuel, expected):
    """Snapshots of all hosts after this fuel; the same one continued in all of them."""
    sources = {}
    for host in hosts:
        source, why = TRAVEL.checkpoint(host, program, arguments, fuel)
        check(source, f"{program} after {fuel} on {host}", why)
        if source:
            sources[host] = source
    kinds = {source[:2]: host for host, source in sources.items()}
    check(len(kinds) == 1, f"{program} after {fuel}: equal snapshots; these differ", list(kinds.values()))
    for kind in kinds.values():
        for host in hosts:
            good, detail = TRAVEL.restore(host, program, sources[kind], expected)
            check(good, f"{program} after {fuel}: {kind} -> {host}", detail)
    for _, _, directory in sources.values():
        shutil.rmtree(directory)


def journey(hosts, program, arguments, total, expected):
    """Through all hosts and back to the first, with the same part of its run in each."""
    names = [*hosts, hosts[0]]
    here = workplace(program)
    text = b""
    for step, host in enumerate(names):
        last = step == len(names) - 1
        stop = [] if last else ["--reproducible", "--checkpoint-after", str(total * (step + 1) // len(names)),
                                "--snapshot", "next.snap"]
        what = ["restore", "--module", program] if step else ["run"]
        which = ["at.snap"] if step else [program, *arguments]
        code, out, err = TRAVEL.run(here, *what, "--host", host, "--dir", ".", *stop, *which)
        text += out
        if last or code != CHECKPOINTED:
            break
        (here / "next.snap").rename(here / "at.snap")
    check((code, text) == expected, f"{program}: {' -> '.join(names)}", f"exit {code} on {host}: {err[-300:]}")
    shutil.rmtree(here)


def programs(cpus, short):
    natives = ["native", *(f"native-{cpu}" for cpu in cpus)]
    wazeros = [f"wazero-{cpu}" for cpu in cpus]
    todo = [(natives + ["wasmtime"], *one) for one in PROGRAMS if not short or one[0] in SHORT]
    if not short:
        todo += [(natives + ["wasmtime"] + wazeros, *one, True) for one in SMALL]
    for hosts, program, arguments, reproducible in todo:
        before = checks.failed
        expected = direct(program, arguments)
        total = TRAVEL.fuel(program, arguments)
        if reproducible:
            for percent in (50,) if short else (10, 60):
                same_bytes(hosts, program, arguments, max(1, total * percent // 100), expected)
        journey(natives, program, arguments, total, expected)
        print(f"{program}: {total} units of fuel, {len(hosts)} hosts, {checks.failed - before} failed", flush=True)


def counted(what, *command):
    """A program that prints "N passed, N failed" itself."""
    result = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=900, stdin=subprocess.DEVNULL)
    line = re.search(rb"^(\d+) passed, (\d+) failed$", result.stdout, re.M)
    print(f"{what}: {line.group().decode() if line else 'no count'}", flush=True)
    if line:
        checks.passed += int(line.group(1))
        checks.failed += int(line.group(2))
    if not line or result.returncode != 0:
        check(False, what, (result.stdout + result.stderr)[-600:].decode(errors="replace"))


def tests(cpu):
    emulator = TOOLS / "bin" / f"qemu-{QEMU[cpu]}"
    for test in sorted((BUILD / cpu / "tests").iterdir()):
        if test.is_file() and os.access(test, os.X_OK):
            counted(f"unit {test.name} on {cpu}", emulator, test)
    scripts = sorted((BUILD / "spec").glob("*/*.script"))
    check(scripts, "official tests", "build/spec has none: tests/run.sh --specs makes them")
    if scripts:
        counted(f"spec on {cpu}", emulator, BUILD / cpu / "spectest", *scripts)


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
    checks.finish()


if __name__ == "__main__":
    main()
