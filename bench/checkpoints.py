#!/usr/bin/env python3
"""How long a guest stops for a snapshot, how big that is, and how fast a guest starts from one.

Each figure is the median of RUNS (5); writes docs/checkpoint-table.md. A first checkpoint, whose file the
system has not had in its cache yet, is shown apart.

    checkpoints.py soon     only how soon a guest stops; prints, writes nothing
"""

import os
import re
import statistics
import subprocess
import sys
import threading
import time

from bench import GUESTS, ROOT, RUNS, WORK, YADO, Table, alternate, machine


def yado(*arguments):
    result = subprocess.run([YADO, *map(str, arguments)], cwd=WORK, capture_output=True, text=True)
    return result.stdout + result.stderr


def stops(host, *options, run=()):
    """Milliseconds of RUNS + 1 checkpoints of a running guest with 64 MB, and the size in bytes."""
    name = f"bench{os.getpid()}-{host}"
    guest = subprocess.Popen([YADO, "run", "--host", host, "--name", name, *run, GUESTS / "touch.wasm", "64"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=WORK)
    while name not in yado("ps"):
        time.sleep(0.05)
    time.sleep(4)  # until all of it is filled
    yado("checkpoint", "--leave-running", "--output", "base.snap", name)
    times = []
    for _ in range(RUNS + 1):
        text = yado("checkpoint", "--leave-running", *options, "--output", "stop.snap", name)
        size, taken = re.search(r"(\d+) bytes, written in ([\d.]+) ms", text).groups()
        times.append(float(taken))
    yado("checkpoint", "--output", "stop.snap", name)  # killing it would leave its host running
    guest.wait()
    return times, int(size)


def stop_table():
    table = Table("a guest with 64 MB stops for", "goal", "first", "median", "size")
    for host, goal in (("native", "60 ms"), ("wasmtime", "150 ms")):
        for options in ((), ("--sync",), ("--compress",), ("--base", "base.snap")):
            times, size = stops(host, *options)
            table.row(f"{host} {' '.join(options[:1])}", goal if not options else "", f"{times[0]:.0f} ms",
                      f"{statistics.median(times[1:]):.0f} ms", f"{size / 1000:,.0f} KB")
    yado("keygen", "bench")
    for keys in (("--sign", "bench.key"), ("--encrypt-to", "bench.pub")):
        times, size = stops("native", run=keys)
        table.row(f"native, run {keys[0]}", "", f"{times[0]:.0f} ms", f"{statistics.median(times[1:]):.0f} ms",
                  f"{size / 1000:,.0f} KB")
    return table.text()


# Programs that hardly compute (tests/guests/loops.c), then some that do.
SHAPES = ["sleep1", "sleep20", "sleep49", "poll30", "line20", "read", "write", "fifo", "yield", "clock", "files",
          "large"]
COMPUTING = {"fib": ["fib.wasm", "45"], "nbody": ["nbody.wasm", "100000000"],
             "sha256": ["sha256.wasm", "1000000000"]}
WAYS = {"native": [], "wasmtime": ["--host", "wasmtime"], "wasmedge-aot": ["--host", "wasmedge-aot"],
        "wasmtime, sealed": ["--host", "wasmtime", "--tier", "sealed"]}
STOPS = 100
ANSWERED = """From the start of `yado checkpoint` to its end, without the writing. The first twelve hardly compute: they sleep for 1, 20
and 49 ms, poll with a limit of 30 ms, write a line each 20 ms, read a slow pipe, write into one that nobody reads, open
a FIFO that nobody writes to, yield, read the clock, open, write and read small files, and read and write 64 MB at a
time. A dash: what the host does not let anybody wait for with a limit.

"""


def feed(pipe):
    """A line each 20 ms."""
    try:
        while True:
            pipe.write(b"x")
            pipe.flush()
            time.sleep(0.02)
    except (OSError, ValueError):
        pass


def drain(pipe):
    while pipe.read(65536):
        pass


def answers(way, shape):
    """Milliseconds from the start of `yado checkpoint` to its end, without what the writing took."""
    name = f"bench{os.getpid()}-{shape}"
    program = COMPUTING.get(shape) or ["loops.wasm", shape, "2000000000", shape]
    if shape == "fifo" and not (WORK / shape).exists():
        os.mkfifo(WORK / shape)
    guest = subprocess.Popen([YADO, "run", *WAYS[way], "--name", name, "--dir", ".", GUESTS / program[0], *program[1:]],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=WORK)
    if shape == "read":
        threading.Thread(target=feed, args=(guest.stdin,), daemon=True).start()
    if shape != "write":
        threading.Thread(target=drain, args=(guest.stdout,), daemon=True).start()
    while name not in yado("ps"):
        time.sleep(0.05)
    times, tries = [], 0
    while "written in" not in yado("checkpoint", "--leave-running", "--output", "stop.snap", name) and tries < 9:
        tries += 1  # its host compiles what it runs
    for i in range(STOPS):
        time.sleep(0.02 + i % 17 * 0.003)
        begun = time.monotonic()
        text = yado("checkpoint", "--leave-running", "--output", "stop.snap", name)
        taken = (time.monotonic() - begun) * 1000
        written = re.search(r"written in ([\d.]+) ms", text)
        if not written:
            break
        times.append(taken - float(written.group(1)))
    yado("checkpoint", "--output", "stop.snap", name)
    if len(times) < STOPS:
        guest.terminate()
    guest.wait()
    return sorted(times)


def answer_table():
    cannot = {("wasmtime", "write"), ("wasmtime", "fifo"), ("wasmtime, sealed", "write"), ("wasmtime, sealed", "fifo"),
              ("wasmedge-aot", "fifo")}
    table = Table(f"answered after, p50 and p99 of {STOPS}", *WAYS)
    for shape in [*SHAPES, *COMPUTING]:
        cells = []
        for way in WAYS:
            times = [] if (way, shape) in cannot else answers(way, shape)
            cells.append(f"{times[len(times) // 2]:.0f}, {times[len(times) * 99 // 100 - 1]:.0f} ms"
                         if len(times) == STOPS else "-")
        table.row(shape, *cells)
    return table.text()


def fuel_of(program, *arguments):
    return int(re.search(r"fuel: (\d+)", yado("run", "--show-fuel", GUESTS / program, *arguments)).group(1))


def size_table():
    """SQLite in mid-run; the paper's snapshot is 1,076 KB, its image of the process 9,232 KB."""
    table = Table("SQLite in memory, in mid-run", "snapshot", "--compress")
    for rows in ("1000", "4000", "20000"):
        given = (GUESTS / "sqlite_bench.wasm", rows, ":memory:")
        half = fuel_of("sqlite_bench.wasm", *given[1:]) // 2
        sizes = []
        for options in ((), ("--compress",)):
            yado("run", "--checkpoint-after", half, "--snapshot", "size.snap", *options, *given)
            sizes.append((WORK / "size.snap").stat().st_size)
        table.row(f"{int(rows):,} rows", *(f"{size / 1000:,.0f} KB" for size in sizes))
    return table.text()


def warm_table():
    """A guest that works for more than a second before it is ready, and is continued from there."""
    table = Table("until the guest is ready", "from its beginning", "from a snapshot", "hello, for comparison")
    program, work = GUESTS / "pi_leibniz.wasm", "100000000"
    ready = fuel_of("pi_leibniz.wasm", work) - 1000
    for host in ("native", "wasmtime", "node", "wasmedge-aot"):
        yado("run", "--host", host, "--checkpoint-after", ready, "--snapshot", "warm.snap", program, work)
        run = [YADO, "run", "--host", host]
        times, _ = alternate([[*run, program, work], [YADO, "restore", "--host", host, WORK / "warm.snap"],
                              [*run, GUESTS / "hello.wasm"]])
        table.row(host, *(f"{t * 1000:,.0f} ms" for t in times))
    return table.text()


def main():
    if "soon" in sys.argv[1:]:
        print(answer_table())
        return
    parts = ["# Checkpoints, measured\n\nBy `make bench`.\n\n" + machine(),
             "## How long a guest stops\n\n" + stop_table(),
             "## How soon a guest stops\n\n" + ANSWERED + answer_table(),
             "## How big a snapshot is\n\n" + size_table(),
             "## Warm starts\n\n" + warm_table()]
    (ROOT / "docs" / "checkpoint-table.md").write_text("\n\n".join(part.rstrip() for part in parts) + "\n")


if __name__ == "__main__":
    main()
