#!/usr/bin/env python3
"""Run times of whole processes, alternated in one run, as ratios: median of RUNS after one warm-up.

Start-up is shown apart: it is the time of a program that does nothing, and is taken off each figure.
Writes the table to docs/performance-table.md as well.
"""

import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUESTS = ROOT / "build" / "guests"
YADO = str(ROOT / "build" / "yado")
TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
WASMTIME = str(TOOLS / "bin" / "wasmtime")
RUNS = int(os.environ.get("RUNS", "5"))
PROGRAMS = [("fib", ["36"]), ("pi_leibniz", ["60000000"]), ("nbody", ["500000"]),
            ("sqlite_bench", ["20000", ":memory:"])]
WAYS = [("direct", [WASMTIME, "run", "--dir", "."]),
        ("in Wasmtime", [YADO, "run", "--host", "wasmtime", "--dir", "."]),
        ("native", [YADO, "run", "--dir", "."])]


def seconds(command):
    before = time.perf_counter()
    subprocess.run(command, cwd=GUESTS, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - before


def measure(program, arguments):
    times = [[] for _ in WAYS]
    for run in range(RUNS + 1):
        for i, (_, start) in enumerate(WAYS):
            took = seconds([*start, f"{program}.wasm", *arguments])
            if run:
                times[i].append(took)
    return [statistics.median(one) for one in times]


def main():
    start_up = measure("hello", [])
    lines = [f"{platform.machine()}, {os.cpu_count()} cores, "
             + subprocess.run([WASMTIME, "--version"], capture_output=True, text=True).stdout.strip()
             + f", median of {RUNS}; start-up taken off.", "",
             "| program | direct on Wasmtime | inside Yadokari on Wasmtime | native Yadokari |",
             "| --- | --- | --- | --- |",
             "| start-up (hello) | " + " | ".join(f"{t * 1000:.0f} ms" for t in start_up) + " |"]
    for program, arguments in PROGRAMS:
        times = [max(t - s, 1e-9) for t, s in zip(measure(program, arguments), start_up)]
        row = [f"{times[0]:.2f} s"] + [f"{t / times[0]:.1f}x" for t in times[1:]]
        lines.append(f"| {program} {' '.join(arguments)} | " + " | ".join(row) + " |")
    table = "\n".join(lines) + "\n"
    (ROOT / "docs" / "performance-table.md").write_text(table)
    print(table, end="")


if __name__ == "__main__":
    sys.exit(main())
