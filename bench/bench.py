#!/usr/bin/env python3
"""Run times inside Yadokari against the same program directly on the same host, as ratios.

Commands are alternated in one run; a figure is the median of RUNS (5) after one warm-up: the CPU time of whole
processes, so that other work on the machine counts little, with that of a program that does nothing taken off.
Only the table of starts is by the clock on the wall. Everything is compiled ahead where the host can do
that. Polling and the ability to checkpoint are on. Each host has the build that `yado run` gives it. Writes
docs/performance-table.md.

    bench.py [PROGRAM...]     only these; prints, writes nothing
"""

import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time

from layout import dispatch, in_one_line

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUESTS = ROOT / "build" / "guests"
YADO = str(ROOT / "build" / "yado")
SMALL = ROOT / "build" / "yadokari.wasm"  # the build that every host takes
TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
BIN = TOOLS / "bin"
NODE = ["node", "--no-warnings", "--no-incremental-marking", str(ROOT / "scripts" / "hosts" / "node.mjs"), "--dir", "."]
RUNS = int(os.environ.get("RUNS", "5"))
WORK = pathlib.Path(tempfile.mkdtemp(prefix="yado-bench-"))
# With backtraces on, Wasmtime walks its stack at each WASI call that gives an error, and reads 1.3 MB of tables for it.
os.environ["RUST_BACKTRACE"] = "0"

# name, arguments for hosts that compile, for hosts that interpret, and more of the latter's work
PROGRAMS = [
    ("fib", ["36"], ["25"], ["29"]),
    ("pi_leibniz", ["60000000"], ["1000000"], ["3000000"]),
    ("nbody", ["400000"], ["5000"], ["15000"]),
    ("sqlite_bench", ["8000", ":memory:"], ["20", ":memory:"], ["400", ":memory:"]),
    ("integer_mix", ["1500"], ["40"], ["120"]),
    ("matrix", ["300"], ["50"], ["100"]),
    ("sha256", ["100000"], ["1000"], ["4000"]),
    ("lua", ["script.lua", "10000"], ["script.lua", "20"], ["script.lua", "200"]),
    ("go_mix", ["700"], ["1"], ["11"]),
    ("rust_mix", ["250000"], ["1000"], ["5000"]),
]
GOALS = {"fib": 4, "pi_leibniz": 5, "nbody": 8, "sqlite_bench": 6}
BY_OPERATION = "sqlite_bench"  # whose goal is for the mean of its operations


def for_wasmtime(wasm, name, *options):
    """A module compiled for Wasmtime, once."""
    compiled = WORK / f"{name}.cwasm"
    if not compiled.exists():
        subprocess.run([BIN / "wasmtime", "compile", *options, wasm, "-o", compiled], check=True)
    return compiled


def for_wasmedge(wasm, name):
    compiled = WORK / f"{name}.so"
    if not compiled.exists():
        subprocess.run([BIN / "wasmedge", "compile", wasm, compiled], check=True, stdout=subprocess.DEVNULL)
    return compiled


def wasmtime(compiled, *options):
    return [BIN / "wasmtime", "run", *options, "--allow-precompiled", "--dir", ".", compiled]


# How a program is run: by itself in a host, and inside Yadokari in that host.
def direct(host, name):
    wasm = f"{name}.wasm"
    return {
        "wasmtime": lambda: wasmtime(for_wasmtime(GUESTS / wasm, name)),
        "node": lambda: [*NODE, wasm],
        "wazero": lambda: [BIN / "wazero", "run", f"-cachedir={WORK}", "-mount=.:.", wasm],
        "wasmedge-aot": lambda: [BIN / "wasmedge", "--dir", ".:.", for_wasmedge(GUESTS / wasm, name)],
        "wasmedge": lambda: [BIN / "wasmedge", "--dir", ".:.", wasm],
        "wazero-interp": lambda: [BIN / "wazero", "run", "-interpreter", "-mount=.:.", wasm],
        "wasmi": lambda: [BIN / "wasmi", "run", "--dir", ".", wasm],
        "iwasm": lambda: [BIN / "iwasm", "--stack-size=65536", "--dir=.", wasm],
        "native": lambda: None,
        "wasm3": lambda: [BIN / "wasm3", wasm],
    }[host]()


def inside(host, name):
    return [YADO, "run", "--host", host, "--dir", ".", f"{name}.wasm"]


def inside_module(module, name):
    """In Wasmtime, but inside a module of one's own choice."""
    return [*wasmtime(for_wasmtime(module, module.parent.name)), "run", "--dir", ".", f"{name}.wasm"]


def inside_small(_, name):
    return inside_module(SMALL, name)


def run(command):
    """Seconds of CPU and on the wall, peak resident size in KB, output; None where the program does not run."""
    before = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], cwd=GUESTS, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    output = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = status
    took = time.perf_counter() - before
    return (used.ru_utime + used.ru_stime, took, used.ru_maxrss, output) if status == 0 else None


def alternate(commands, expected=None, wall=False):
    """The median times of the commands, and their peak sizes. With what each is expected to print: a host that
    refuses a program may still end with 0."""
    times, sizes = [[] for _ in commands], [0] * len(commands)
    for turn in range(RUNS + 1):
        for i, command in enumerate(commands):
            result = run(command) if times[i] is not None else None
            if result is None or (expected and result[3] != expected[i]):
                times[i] = None
            else:
                sizes[i] = max(sizes[i], result[2])
                if turn:
                    times[i].append(result[wall])
    return [statistics.median(t) if t else None for t in times], sizes


def ratio(value, base):
    return value / base if value and base else None


def show(value, digits=1):
    return f"{value:.{digits}f}x" if value else "-"


def mean(values):
    values = [value for value in values if value]
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


class Table:
    def __init__(self, *heads):
        self.lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]

    def row(self, *cells):
        self.lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
        print(self.lines[-1], flush=True)

    def text(self):
        return "\n".join(self.lines) + "\n"


def output(name, arguments):
    """What a program prints."""
    return run([*direct("wasmtime", name), *arguments])[3]


def start_ups(ways):
    times, _ = alternate([way("hello") for way in ways])
    return times


def compare(pairs, programs):
    """For each program, the times of all ways with their start-up taken off."""
    ways = [lambda name, h=host, f=how: f(h, name) for how, host in pairs]
    starts = start_ups(ways)
    results = {}
    for name, given, *_ in programs:
        times, sizes = alternate([[*way(name), *given] for way in ways], [output(name, given)] * len(ways))
        results[name] = [max(t - s, 1e-4) if t and s else None for t, s in zip(times, starts)], sizes
    return results


def compiled_hosts(programs):
    hosts = ["wasmtime", "node", "wazero", "wasmedge-aot"]
    pairs = [(how, host) for host in hosts for how in (direct, inside)]
    others = [(inside, "native"), (direct, "wasm3"), (inside_small, "wasmtime")]
    results = compare([*pairs, *others], programs)
    table = Table("program", "goal", "Wasmtime", "Node (V8)", "wazero", "WasmEdge AOT",
                  "native, of Wasmtime", "wasm3 native, of Wasmtime", "Wasmtime, yadokari.wasm", "direct on Wasmtime")
    ratios = {}
    for name, *_ in programs:
        times, _ = results[name]
        ratios[name] = [ratio(times[2 * i + 1], times[2 * i]) for i in range(4)]
        ratios[name] += [ratio(time, times[0]) for time in times[8:]]
        goal = show(GOALS.get(name, 7), 0) + " by operation" * (name == BY_OPERATION)
        table.row(name, goal, *map(show, ratios[name]), f"{times[0]:.2f} s")
    means = [show(mean(r[i] for r in ratios.values())) for i in range(7)]
    table.row("**geometric mean**", "", *means[:5], "", means[6], "")
    return table.text(), results


def sqlite_phases():
    """Each operation's own figure."""
    rows = {}
    for _ in range(RUNS):
        for i, command in enumerate(way("wasmtime", "sqlite_bench") for way in (direct, inside, inside_small)):
            output = run([*command, "--time", "20000", ":memory:"])[3].decode()
            for name, seconds in re.findall(r"^(\D+?) +\d+ rows? .* ([\d.]+) s$", output, re.M):
                rows.setdefault(name, ([], [], []))[i].append(float(seconds))
    table = Table("SQLite, 20,000 rows", "direct", "inside", "inside yadokari.wasm")
    ratios = []
    for name, times in rows.items():
        own, *ours = map(statistics.median, times)
        ratios.append([time / max(own, 1e-3) for time in ours])
        table.row(name, f"{own * 1000:.0f} ms", *map(show, ratios[-1]))
    table.row("**geometric mean**", "", *(show(mean(column)) for column in zip(*ratios)))
    return table.text()


def dispatches(*command):
    """How often a build of yado-dispatches goes to a next instruction."""
    said = subprocess.run(command, cwd=GUESTS, capture_output=True, text=True, check=True).stderr
    return int(re.search(r"^(\d+) dispatches$", said, re.M)[1])


def dispatch_table(programs, results):
    """What going to the next instruction costs, and what it may cost if the goal is to be reached."""
    table = Table("program", "dispatches, millions", "each, inside on Wasmtime", "each, to reach the goal")
    for name, given, *_ in programs:
        count = dispatches(ROOT / "build" / "yado-dispatches", "run", "--dir", ".", f"{name}.wasm", *given)
        alone, inside_it = results[name][0][:2]
        table.row(name, f"{count / 1e6:.0f}", f"{inside_it / count * 1e9:.1f} ns",
                  f"{alone * GOALS.get(name, 7) / count * 1e9:.1f} ns")
    return table.text()


def metered(wasm, name):
    """A module compiled so that Wasmtime counts each WebAssembly instruction that it executes."""
    return for_wasmtime(wasm, f"{name}-metered", "-W", "fuel=1")


def instructions(module, *arguments):
    """How many it executes, to two in a thousand: the fuel with which it just ends."""
    def ends(fuel):
        return run([*wasmtime(module, "-W", f"fuel={fuel}"), *arguments]) is not None

    high = 1 << 16
    while not ends(high):
        high *= 4
    low = high // 4
    while high > low * 1.002:
        middle = (low + high) // 2
        low, high = (low, middle) if ends(middle) else (middle, high)
    return high


def build(preset, folder, options, targets, **environment):
    """Builds some of a preset's targets in a folder of its own, with other options."""
    subprocess.run(["cmake", "--preset", preset, "-B", folder, *options], cwd=ROOT, check=True,
                   env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", folder, "--target", *targets], check=True, stdout=subprocess.DEVNULL)


def without_polling():
    """A build that cannot be stopped, to see what polling costs. Where its loop lies decides more than that (layout.py),
    so a few stores before it push it to where its jump is in one cache line, as in the build that it is compared to."""
    folder = ROOT / "build" / "unpolled"
    module = folder / "yadokari.wasm"
    for stores in range(8):
        before = ",".join(["0", *["*(volatile int*)&here.end=0"] * stores])
        build("wasm", folder, ["--fresh", f"-DYADO_OUTPUT={folder}"], ["yadokari"],
              CFLAGS=f"-DWITHOUT_POLLING '-DBEFORE_LOOP={before}'")
        if platform.machine() != "x86_64" or in_one_line(*dispatch(BIN / "wasmtime", module)):
            return module
    print("bench.py: without polling, the loop's jump lies over two cache lines", file=sys.stderr)
    return module


def instruction_table(programs):
    """Counted: how many WebAssembly instructions the host executes. The difference of two runs, so that start-up and
    lowering do not count. And what polling costs, counted and timed on Wasmtime."""
    modules = [SMALL, without_polling()]
    builds = [metered(module, module.parent.name) for module in modules]
    table = Table("program", "for each of the guest's", "without polling", "polling costs", "in time")
    slower = []
    for name, given, little, much in programs:
        guest = metered(GUESTS / f"{name}.wasm", name)
        alone = instructions(guest, *much) - instructions(guest, *little)
        counts = [(instructions(build, "run", "--dir", ".", f"{name}.wasm", *much)
                   - instructions(build, "run", "--dir", ".", f"{name}.wasm", *little)) / alone
                  for build in builds]
        times, _ = alternate([[*inside_module(module, name), *given] for module in modules])
        slower.append(ratio(*times))
        table.row(name, f"{counts[0]:.2f}", f"{counts[1]:.2f}", f"{(counts[0] / counts[1] - 1) * 100:.1f} %",
                  f"{slower[-1]:.2f}x")
    table.row("**geometric mean**", "", "", "", f"{mean(slower):.2f}x")
    return table.text()


def interpreting_hosts(programs):
    """The difference of two runs here too: with so little work, start-up is most of a run."""
    hosts = ["wasmedge", "wasmi", "iwasm", "wazero-interp"]
    table = Table("program", *hosts)
    for name, _, little, much in programs:
        commands = [[*way(host, name), *arguments] for host in hosts for way in (direct, inside)
                    for arguments in (little, much)]
        expected = [output(name, little), output(name, much)]
        times, _ = alternate(commands, expected * (2 * len(hosts)))
        work = [b - a if a and b and b > a else None for a, b in zip(times[::2], times[1::2])]
        table.row(name, *(show(ratio(work[2 * i + 1], work[2 * i])) for i in range(len(hosts))))
    return table.text()


def start_table():
    hosts = {"Wasmtime, precompiled": "wasmtime", "Node": "node", "wazero, cached": "wazero",
             "WasmEdge AOT": "wasmedge-aot"}
    uncached = ["-C", "cache=n"]
    # The Go program is read, validated, lowered and run to its end, with hardly anything to do.
    commands = [*([*way(host, "hello")] for host in hosts.values() for way in (direct, inside)),
                *([BIN / "wasmtime", "run", *how, *what] for how in (uncached, [*uncached, "-C", "compiler=winch"], [])
                  for what in (["hello.wasm"], ["--dir", ".", SMALL, "run", "hello.wasm"])),
                *([*way("wasmtime", "go_mix"), "1"] for way in (direct, inside)),
                inside("native", "hello")]
    times, _ = alternate(commands, wall=True)
    cpu, _ = alternate(commands)
    shown = [f"{t * 1000:.0f} ms ({c * 1000:.0f})" for t, c in zip(times, cpu)]
    size = (GUESTS / "go_mix.wasm").stat().st_size / 1e6
    table = Table("hello, on the wall (CPU time)", "alone", "inside Yadokari")
    for i, what in enumerate((*hosts, "Wasmtime, not precompiled", "Wasmtime, not precompiled, with its baseline compiler",
                              "Wasmtime, from its own cache",
                              f"Wasmtime, precompiled: a Go program of {size:.1f} MB")):
        table.row(what, *shown[2 * i:2 * i + 2])
    table.row("native", "-", shown[-1])
    return table.text()


def leb(data, at):
    """A number of LEB128, and where it ends."""
    value = shift = 0
    while True:
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if data[at - 1] < 0x80:
            return value, at


def sections(wasm):
    """A module's bytes, and by its sections' numbers their sizes and where their contents begin."""
    data, at, found = wasm.read_bytes(), 8, {}
    while at < len(data):
        size, start = leb(data, at + 1)
        found[data[at]] = size, start
        at = start + size
    return data, found


def memory_table(programs, results):
    table = Table("program", "direct, resident", "inside, resident", "more", "goal")
    for name, *_ in programs:
        _, sizes = results[name]
        goal = 4 * sections(GUESTS / f"{name}.wasm")[1][10][0] / 1e6 + 2
        table.row(name, f"{sizes[0] / 1024:.1f} MB", f"{sizes[1] / 1024:.1f} MB",
                  f"{(sizes[1] - sizes[0]) / 1024:.1f} MB", f"{goal:.1f} MB")
    return table.text()


def v8_table(programs):
    """Whether what runs often is replaced by optimised code: each instruction is a function, and the next call of it
    finds the new code."""
    module = ROOT / "build" / "yadokari-tail.wasm"
    flags = [["--liftoff-only"], [], ["--no-liftoff"]]
    table = Table("program", "V8's baseline compiler only", "as it comes", "optimised from the start",
                  "optimised while it runs")
    for name, given, *_ in programs:
        def command(*options, name=name, given=given):
            return [NODE[0], *options, *NODE[1:], module, "run", "--dir", ".", f"{name}.wasm", *given]

        times, _ = alternate([command(*flag) for flag in flags])
        trace = run(command("--trace-wasm-compilation-times"))[3].decode(errors="replace")
        took = [int(ms) for ms in re.findall(r"using TurboFan, took (\d+) ms", trace)]
        table.row(name, *(f"{t:.2f} s" for t in times), f"{len(took)} functions in {sum(took)} ms")
    return table.text()


def machine(runs=RUNS):
    with open("/proc/cpuinfo") as file:
        text = file.read()
    model = re.search(r"model name\s*: (.*)", text)
    family = re.search(r"cpu family\s*: (\d+)\s*model\s*: (\d+)", text)
    versions = [subprocess.run([str(part) for part in command], capture_output=True,
                               text=True).stdout.split("\n")[0]
                for command in ([BIN / "wasmtime", "--version"], ["node", "--version"],
                                [BIN / "wazero", "version"], [BIN / "wasmi", "--version"])]
    name = model.group(1) if model else platform.machine()
    name += f" (family {family.group(1)}, model {family.group(2)})" if family else ""
    return (f"{name}, {os.cpu_count()} CPUs, "
            f"{platform.system()} {platform.release()}; {versions[0]}, Node {versions[1]}, "
            f"wazero {versions[2]}, {versions[3]}; median of {runs}.")


# To be said wherever their run times stand.
OWN = ("**These are programs of our own**, small ones mostly. What to expect of others is in measured-table.md "
       "(bench/measured.py).")


def main():
    wanted = sys.argv[1:]
    programs = [program for program in PROGRAMS if not wanted or program[0] in wanted]
    parts = ["# Measured\n\nBy `make bench`.\n\n" + OWN + "\n\n" + machine()]

    def add(title, table):
        """Written as it comes: a run takes a quarter of an hour."""
        parts.append(f"## {title}\n\n{table.rstrip()}")
        if not wanted:
            (ROOT / "docs" / "performance-table.md").write_text("\n\n".join(parts) + "\n")

    compiled, results = compiled_hosts(programs)
    add("Run time, as a multiple of the same host without Yadokari", compiled)
    if "sqlite_bench" in results:
        add("SQLite on Wasmtime, operation by operation", sqlite_phases())
    add("Dispatches", dispatch_table(programs, results))
    add("V8", v8_table(programs))
    add("Start", start_table())
    add("Memory, on Wasmtime", memory_table(programs, results))
    add("Host instructions", instruction_table(programs))
    add("Hosts that interpret", interpreting_hosts(programs))


if __name__ == "__main__":
    main()
