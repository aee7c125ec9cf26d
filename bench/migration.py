#!/usr/bin/env python3
"""How long a guest stands still when it moves between the hosts of one machine, phase by phase.

Each figure is the median of RUNS (5) moves, after one there and back that fills the caches. Writes
docs/migration-table.md and docs/migration.svg.

    migration.py [RUNS]      prints, writes nothing
"""

import os
import re
import statistics
import subprocess
import sys
import time

from bench import GUESTS, ROOT, RUNS, TOOLS, WORK, YADO, Table, machine

# name, program and arguments, seconds until it is in its work, and the goal in milliseconds
GUEST_PROGRAMS = [
    ("SQLite", ["sqlite_bench.wasm", "4000000", ":memory:"], 2, 60),
    ("64 MB", ["touch.wasm", "64"], 4, 80),
]
PAIRS = [("wasmtime", "wasmedge-aot"), ("wasmedge-aot", "wasmtime"), ("native", "wasmtime"),
         ("wasmtime", "native"), ("wasmtime", "wazero")]
PARTS = ["capture", "hand over and restore", "start"]


def yado(*arguments):
    result = subprocess.run([YADO, *map(str, arguments)], cwd=WORK, capture_output=True, text=True)
    return result.returncode, result.stdout + result.stderr


class Guest:
    def __init__(self, name, host, program, seconds):
        self.name = f"bench{os.getpid()}-{name.replace(' ', '')}-{host}"
        self.process = subprocess.Popen([YADO, "run", "--host", host, "--name", self.name, GUESTS / program[0],
                                         *program[1:]], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL, cwd=WORK)
        while self.name not in yado("ps")[1]:
            time.sleep(0.05)
        time.sleep(seconds)

    def move(self, host):
        """The phases of one move: the downtime and its parts, all of it, rounds and bytes."""
        begun = time.perf_counter()
        code, text = yado("migrate", "--host", host, self.name)
        if code != 0:
            raise RuntimeError(text)
        number = r"([\d.]+)"
        found = re.search(rf"downtime {number} ms: capture {number}, hand over and restore {number}, start "
                          rf"{number}", text)
        sizes = [float(size) for size in re.findall(r"([\d.]+) KB", text)]
        waits = [float(wait) for wait in re.findall(r"the guest waited ([\d.]+) ms", text)]
        return {"downtime": float(found[1]), "parts": [float(found[i]) for i in (2, 3, 4)],
                "whole": (time.perf_counter() - begun) * 1000, "first": sizes[0], "last": sizes[-1],
                "rounds": len(sizes) - 2, "waits": waits}

    def end(self):
        self.process.terminate()
        self.process.wait()


def measure(name, program, seconds, source, target, runs):
    guest = Guest(name, source, program, seconds)
    moves = []
    for turn in range(runs + 1):
        move = guest.move(target)
        if turn:
            moves.append(move)
        guest.move(source)
    guest.end()

    def middle(get):
        return statistics.median(map(get, moves))

    return {"downtime": middle(lambda m: m["downtime"]),
            "parts": [middle(lambda m, i=i: m["parts"][i]) for i in range(3)],
            "worst": max(m["downtime"] for m in moves), "whole": middle(lambda m: m["whole"]),
            "first": middle(lambda m: m["first"]), "last": middle(lambda m: m["last"]),
            "rounds": middle(lambda m: m["rounds"]), "waits": middle(lambda m: max(m["waits"]))}


def draw(results, path):
    sys.path.insert(0, str(TOOLS / "python"))
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams.update({"svg.hashsalt": "yadokari", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(8, 3.8))
    names = [f"{guest}: {source} → {target}" for (guest, source, target) in results]
    left = [0.0] * len(names)
    for i, part in enumerate(PARTS):
        widths = [result["parts"][i] for result in results.values()]
        axes.barh(names, widths, left=left, height=0.6, label=part)
        left = [a + b for a, b in zip(left, widths)]
    goals = {name: goal for name, _, _, goal in GUEST_PROGRAMS}
    for y, (guest, _, _) in enumerate(results):
        axes.plot([goals[guest]] * 2, [y - 0.42, y + 0.42], color="black", linewidth=1)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds that the guest stands still (line: the goal)")
    axes.set_title("Moving a running guest to another host of the same machine")
    axes.legend(ncols=3, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.15))
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    table = Table("guest", "from", "to", "goal", "**downtime**", "worst", *PARTS, "all of the move",
                  "snapshots while it runs", "first", "last", "longest wait before")
    results = {}
    for name, program, seconds, goal in GUEST_PROGRAMS:
        for source, target in PAIRS:
            result = measure(name, program, seconds, source, target, runs)
            results[name, source, target] = result
            table.row(name, source, target, f"{goal} ms", f"**{result['downtime']:.1f} ms**",
                      f"{result['worst']:.1f} ms", *(f"{part:.1f} ms" for part in result["parts"]),
                      f"{result['whole']:.0f} ms", f"{result['rounds'] + 1:.0f}", f"{result['first']:,.0f} KB",
                      f"{result['last']:,.0f} KB", f"{result['waits']:.0f} ms")
    if len(sys.argv) == 1:
        text = "# Migration, measured\n\nBy `make bench`.\n\n" + machine() + "\n\n" + table.text()
        (ROOT / "docs" / "migration-table.md").write_text(text)
        draw(results, ROOT / "docs" / "migration.svg")


if __name__ == "__main__":
    main()
