#!/usr/bin/env python3
"""Sealed modules against the original ones on the same host, as ratios: time, size, and how fast sealing is.

Time is the CPU time of whole processes, alternated in one run, the median of RUNS (5) after one warm-up, with
that of the same program with hardly any work taken off (its start, which has a table of its own); everything is
compiled ahead where the host can do that. Polls are on. Also how long a guest takes to stop, by the clock on the
wall. Writes docs/sealed-table.md.

    sealed.py [PROGRAM...]                  only these; prints, writes nothing
    sealed.py --options "OPTIONS" ...       with these options of `yado seal`, not those below
"""

import os
import pathlib
import random
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time

import bench
from bench import BIN, GUESTS, ROOT, RUNS, WORK, YADO, Table, leb, mean, ratio, sections, show

HOSTS = {"wasmtime": "Wasmtime", "node": "Node (V8)", "wazero": "wazero", "wasmedge-aot": "WasmEdge AOT"}
FEATURES = {"wasmtime": "multi-memory"}  # else bulk-memory, which all of these hosts have
# As in bench.py, but with more work: sealed, all of them are done in a moment.
PROGRAMS = [
    ("fib", ["40"]),
    ("pi_leibniz", ["200000000"]),
    ("nbody", ["2000000"]),
    ("sqlite_bench", ["40000", ":memory:"]),
    ("integer_mix", ["8000"]),
    ("matrix", ["500"]),
    ("sha256", ["400000"]),
    ("lua", ["script.lua", "600000"]),
    ("go_mix", ["3000"]),
    ("rust_mix", ["800000"]),
]
LONG = {"fib": ["47"], "pi_leibniz": ["4000000000"], "nbody": ["100000000"], "sqlite_bench": ["1000000", ":memory:"],
        "integer_mix": ["400000"], "matrix": ["3000"], "sha256": ["20000000"], "lua": ["script.lua", "4000000"],
        "go_mix": ["200000"], "rust_mix": ["50000000"]}  # so that they run while they are stopped
STOPS = 120
SEALED = WORK / "sealed"


def bodies(path):
    """The sizes of a module's function bodies."""
    data, found = sections(path)
    (count, place), sizes = leb(data, found[10][1]), []
    for _ in range(count):
        length, place = leb(data, place)
        sizes.append(length)
        place += length
    return sizes


def imported(path, module=None):
    """How many functions a module imports (of that module), which imports nothing else."""
    data, found = sections(path)
    count, at = leb(data, found[2][1])
    counted = 0
    for _ in range(count):
        length, at = leb(data, at)
        counted += module in (None, data[at:at + length].decode())
        length, at = leb(data, at + length)
        _, at = leb(data, at + length + 1)
    return counted


def cpu_time(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = subprocess.run([str(part) for part in command], cwd=SEALED, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return (took, result.stdout) if result.returncode == 0 else (None, None)


def sealed_for(host, name):
    return SEALED / FEATURES.get(host, "") / f"{name}.wasm"


def seal(name, options, host=None):
    """Seals a guest; returns megabytes of Wasm a second of CPU time."""
    source, target = GUESTS / f"{name}.wasm", sealed_for(host, name)
    best = min(cpu_time([YADO, "seal", *options, source, "-o", target])[0] for _ in range(7))
    return source.stat().st_size / best / 1e6


def size_table(names, options):
    apart = [f"both, {features}" for features in FEATURES.values()]
    table = Table("program", "code, bytes", "sealed: runs", "resumes", "both", *apart, "sealing, MB/s")
    runtime = ROOT / "build" / "yadokari-sealed.wasm"
    before = len(bodies(runtime)) + imported(runtime, "guest")
    for name in names:
        speed = seal(name, options)
        own = bodies(GUESTS / f"{name}.wasm")
        first = before + imported(GUESTS / f"{name}.wasm")

        def copies(host):
            all_of_it = bodies(sealed_for(host, name))
            return (sum(all_of_it[first:first + len(own)]) / sum(own),
                    sum(all_of_it[first + len(own):first + 2 * len(own)]) / sum(own))

        for host, features in FEATURES.items():
            seal(name, ["--features", features], host)
        hot, resume = copies(None)
        table.row(name, sum(own), show(hot, 2), show(resume, 2), show(hot + resume, 2),
                  *(show(sum(copies(host)), 2) for host in FEATURES), f"{speed:.0f}")
    return table.text()


def compiled(host, wasm):
    """How a module is run."""
    ahead = wasm.with_suffix({"wasmtime": ".cwasm", "wasmedge-aot": ".so"}.get(host, ".wasm"))
    if not ahead.exists() and host == "wasmtime":
        subprocess.run([BIN / "wasmtime", "compile", wasm, "-o", ahead], check=True)
    elif not ahead.exists():
        subprocess.run([BIN / "wasmedge", "compile", wasm, ahead], check=True, stdout=subprocess.DEVNULL)
    return {
        "wasmtime": [BIN / "wasmtime", "run", "--allow-precompiled", "--dir", ".", ahead],
        "node": [*bench.NODE, wasm],
        # Else Go's collector, while the module is read, takes up to half a second of the other processors.
        "wazero": ["env", "GOMAXPROCS=1", BIN / "wazero", "run", f"-cachedir={WORK}", "-mount=.:.", wasm],
        "wasmedge-aot": [BIN / "wasmedge", "--dir", ".:.", ahead],
    }[host]


def medians(host, name, arguments):
    commands = [[*compiled(host, module), *arguments]
                for module in (WORK / "plain" / f"{name}.wasm", sealed_for(host, name))]
    times, outputs = [[], []], [None, None]
    for turn in range(RUNS + 1):
        for i, command in enumerate(commands):
            took, outputs[i] = cpu_time(command)
            if took is None:
                return [None, None]
            if turn:
                times[i].append(took)
    if outputs[0] != outputs[1]:
        print(f"{name} prints something else when sealed", file=sys.stderr)
        return [None, None]
    return [statistics.median(t) for t in times]


def time_tables(programs):
    table = Table("program", *HOSTS.values(), "original on Wasmtime")
    starts = Table("start, CPU time: original, sealed", *HOSTS.values())
    little = {name: arguments for name, _, arguments, *_ in bench.PROGRAMS}
    ratios = {host: [] for host in HOSTS}
    for name, arguments in programs:
        cells, begun, base = [], [], None
        for host in HOSTS:
            start = medians(host, name, little[name])
            took = [max(t - s, 1e-4) if t and s else None for t, s in zip(medians(host, name, arguments), start)]
            base = base or took[0]
            ratios[host].append(ratio(took[1], took[0]))
            cells.append(show(ratios[host][-1], 2))
            begun.append(", ".join(f"{t * 1000:.0f} ms" if t else "-" for t in start))
        table.row(name, *cells, f"{base or 0:.2f} s")
        starts.row(name, *begun)
    table.row("**geometric mean**", *(show(mean(r), 2) for r in ratios.values()), "")
    table.row("worst", *(show(max((x for x in r if x), default=None), 2) for r in ratios.values()), "")
    return table.text(), starts.text()


def restored_table(programs):
    """A run on Wasmtime that is stopped after a tenth of its fuel and restored: the rest against nine tenths of
    the whole."""
    table = Table("program", "the rest, after a restore")
    for name, arguments in programs:
        module = [*compiled("wasmtime", sealed_for("wasmtime", name)), "--yado"]
        counted = subprocess.run([*module, "run", "--dir", ".", "--show-fuel", *arguments], cwd=SEALED,
                                 capture_output=True, text=True, check=True)
        fuel = int(re.search(r"fuel: (\d+)", counted.stderr).group(1))
        stop = [*module, "run", "--dir", ".", "--snapshot", "stop.snap", "--checkpoint-after", str(fuel // 10)]
        subprocess.run([*stop, *arguments], cwd=SEALED, stdout=subprocess.DEVNULL)
        whole, rest = (statistics.median(cpu_time([*module, *part])[0] for _ in range(RUNS))
                       for part in (["run", "--dir", ".", *arguments], ["restore", "--dir", ".", "stop.snap"]))
        table.row(name, show(rest / (0.9 * whole), 2))
    return table.text()


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit("a guest does not answer")
        time.sleep(0.0005)


def stop(home, guest):
    """Milliseconds from a request, written as `yado checkpoint` writes it, until the guest has stopped; it goes on
    then. None: it has ended."""
    (home / "new").write_text(f"snapshot={home / 'snapshot'}\nleave-running=1\n")
    begun = time.time_ns()
    (home / "new").rename(home / "request")
    wait_for(lambda: (home / "answer").exists() or guest.poll() is not None)
    if guest.poll() is not None:
        return None
    answer = dict(line.split("=", 1) for line in (home / "answer").read_text().splitlines())
    (home / "answer").unlink()
    return (int(answer["stopped"]) - begun) / 1e6


def latencies(name, arguments):
    """Those of STOPS stops of a guest that runs, supervised, in Wasmtime."""
    job = f"bench{os.getpid()}-{name}"
    home = pathlib.Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp")) / f"yadokari-{os.getuid()}" / job
    times, guest = [], None
    while len(times) < STOPS:
        if not guest or guest.poll() is not None:
            guest = subprocess.Popen([YADO, "run", "--host", "wasmtime", "--tier", "sealed", "--name", job, "--dir", ".",
                                      GUESTS / f"{name}.wasm", *arguments], cwd=SEALED, stdout=subprocess.DEVNULL)
            wait_for((home / "info").exists)
            stop(home, guest)  # it is being compiled, and starts
        time.sleep(random.uniform(0, 0.02))
        took = stop(home, guest)
        if took is not None:
            times.append(took)
    subprocess.run([YADO, "checkpoint", "--output", WORK / "stop.snap", job], check=False, capture_output=True)
    guest.wait()
    return sorted(times)


def latency_table(programs):
    table = Table("program", "asked until stopped: median", "99th percentile", "longest")
    for name, arguments in programs:
        times = latencies(name, arguments)
        table.row(name, *(f"{t:.1f} ms" for t in (statistics.median(times), times[len(times) * 99 // 100], times[-1])))
    return table.text()


def main():
    arguments, options = sys.argv[1:], ["--features", "bulk-memory"]
    if arguments[:1] == ["--options"]:
        options, arguments = arguments[1].split(), arguments[2:]
        FEATURES.clear()
    programs = [p for p in PROGRAMS if not arguments or p[0] in arguments]
    for folder in (SEALED, WORK / "plain", *(SEALED / features for features in FEATURES.values())):
        folder.mkdir()
    names = ["hello", *(name for name, _ in programs)]
    for name in names:
        shutil.copy(GUESTS / f"{name}.wasm", WORK / "plain")
    shutil.copy(GUESTS / "script.lua", SEALED)
    parts = ["# Sealed, measured\n\nBy `make bench`. Sealing was made and tuned with these programs; others, above all small "
             "loops and recursion of another hand, take up to half as long again. Sealed with " + " ".join(options)
             + "".join(f", for {host} --features {features}" for host, features in FEATURES.items()) + ".\n\n" + bench.machine()]

    def add(title, table):
        parts.append(f"## {title}\n\n{table.rstrip()}")
        if not sys.argv[1:]:
            (ROOT / "docs" / "sealed-table.md").write_text("\n\n".join(parts) + "\n")

    add("Size, and how fast sealing is", size_table(names, options))
    times, starts = time_tables(programs)
    add("Run time, as a multiple of the original's on the same host", times)
    add("Start", starts)
    add("The rest of a run, restored after a tenth of it, as a multiple of what it would have taken (Wasmtime)",
        restored_table(programs))
    add("Time to stop (Wasmtime, supervised)", latency_table([(name, LONG[name]) for name, _ in programs]))


if __name__ == "__main__":
    main()
