#!/usr/bin/env python3
"""Run times of the programs of bench/corpus/measured.toml, none of which the fused instructions were chosen from: inside
Yadokari in Wasmtime and natively, as multiples of Wasmtime alone. As bench.py does it: CPU time of whole processes,
alternated, the median of RUNS (3) after one warm-up, start-up taken off. Writes docs/measured-table.md and
docs/performance.svg.

    measured.py [PROGRAM...]     only these; prints, writes nothing
    YADO=OTHER measured.py ...   with another yado and the modules beside it
"""

import os
import pathlib
import statistics
import sys

os.environ.setdefault("RUNS", "3")

import bench  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "corpus"))

import corpus  # noqa: E402

YADO = os.environ.get("YADO", bench.YADO)
WAYS = ("Wasmtime", "native")

def commands(module, arguments):
    compiled = bench.for_wasmtime(module, f"measured-{module.stem}")
    return [[bench.BIN / "wasmtime", "run", "--allow-precompiled", "--dir", ".::/", compiled, *arguments],
            *([YADO, "run", "--host", host, "--dir", ".::/", module, *arguments] for host in ("wasmtime", "native"))]


def repeated(command, times):
    """One command for so many runs, so that a short program is measured over the time that the others take."""
    return ["bash", "-c", f'for ((i = 0; i < {times}; i++)); do "$@" || exit; done', "repeat", *command]


def measure(program, starts):
    """Seconds alone and inside, and the ratios; None for what does not run. The program's folder is where it runs."""
    module, times = corpus.module("measured", program), program.get("repeat", 1)
    bench.GUESTS = module.parent
    all_ways = [repeated(command, times) for command in commands(module, program["arguments"])]
    spent, _ = bench.alternate(all_ways)
    alone, *inside = [time - start * times if time else None for time, start in zip(spent, starts)]
    return alone, [bench.ratio(time, alone) for time in inside]


def summary(table, measured):
    for what, of in (("**geometric mean**", bench.mean), ("**median**", statistics.median)):
        table.row(what, *(bench.show(of([ratios[i] for ratios in measured.values() if ratios[i]])) for i in range(len(WAYS))), "")
    worst = [max(measured, key=lambda name: measured[name][i] or 0) for i in range(len(WAYS))]
    table.row("**worst**", *(f"{bench.show(measured[name][i])} {name}" for i, name in enumerate(worst)), "")


def draw(measured, path):
    sys.path.insert(0, str(bench.TOOLS / "python"))
    import matplotlib
    matplotlib.use("svg")
    from matplotlib import pyplot
    matplotlib.rcParams.update({"svg.hashsalt": "yadokari", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(8, 4.2))
    names = sorted(measured, key=lambda name: measured[name][0] or 0)
    for i, way in enumerate(WAYS):
        mean = bench.mean(measured[name][i] for name in names)
        axes.bar([x + (i - 0.5) * 0.4 for x in range(len(names))], [measured[name][i] or 0 for name in names], 0.4,
                 label=f"{way} ({mean:.1f}x in the geometric mean)")
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=7)
    axes.set_ylabel("times Wasmtime alone")
    axes.set_title("Programs that nothing was chosen from, inside Yadokari", fontsize=9)
    axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def main():
    wanted = sys.argv[1:]
    hello = bench.GUESTS / "hello.wasm"
    starts, _ = bench.alternate(commands(hello, []))
    table = bench.Table("program", *WAYS, "alone on Wasmtime")
    measured = {}
    for program in corpus.table("measured"):
        if not wanted or program["name"] in wanted:
            alone, ratios = measure(program, starts)
            measured[program["name"]] = ratios
            table.row(program["name"], *map(bench.show, ratios), f"{alone:.2f} s" if alone else "-")
    summary(table, measured)
    if not wanted:
        text = ("# Measured\n\nBy `make bench` (bench/measured.py): public benchmark programs out of packages, as multiples of "
                "Wasmtime alone. **Nothing was chosen from them**: what fused instructions are chosen from is another corpus "
                f"(bench/corpus), and a test fails if they share a file.\n\n{bench.machine(bench.RUNS)}\n\n")
        (bench.ROOT / "docs" / "measured-table.md").write_text(text + table.text())
        draw(measured, bench.ROOT / "docs" / "performance.svg")


if __name__ == "__main__":
    main()
