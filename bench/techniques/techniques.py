#!/usr/bin/env python3
"""What each of the techniques of src/lower/techniques.def is worth: the time without it, as a multiple of the time
with all of them. Builds yado and yadokari-large.wasm in build/without so that they can be left out; runs with and
without are alternated, each figure is the median of RUNS (5) after one warm-up, start-up taken off. Writes
docs/techniques-table.md.

    techniques.py [PROGRAM...]     only these; prints, writes nothing
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))
import bench

BUILD = ROOT / "build" / "without"
DEFINITIONS = (ROOT / "src" / "lower" / "techniques.def").read_text()
FUSION = "FUSION"
# Each runs for a tenth of a second or two with all techniques.
PROGRAMS = {
    "fib": ["34"], "pi_leibniz": ["22000000"], "nbody": ["180000"], "sqlite_bench": ["1300", ":memory:"],
    "integer_mix": ["900"], "matrix": ["215"], "sha256": ["24000"], "lua": ["script.lua", "6000"], "go_mix": ["150"],
    "rust_mix": ["95000"],
}


def defined(macro):
    """What techniques.def says of each, by its name."""
    return dict(re.findall(rf'^{macro}\((\w+), "(.*)"\)$', DEFINITIONS, re.M))


def build():
    for preset, targets in (("native", ["yado", "yado-dispatches"]), ("large", ["yadokari-large"])):
        bench.build(preset, BUILD / preset, ["-DYADO_WITHOUT=ON", f"-DYADO_OUTPUT={BUILD}"], targets)


def native(without, program="yado"):
    return ["env", f"YADO_WITHOUT={','.join(without)}", BUILD / program, "run", "--dir", "."]


def wasmtime(without):
    module = bench.for_wasmtime(BUILD / "yadokari-large.wasm", "without")
    return [bench.BIN / "wasmtime", "run", "--allow-precompiled", "--env", f"YADO_WITHOUT={','.join(without)}",
            "--dir", ".", module, "run", "--dir", "."]


def measure(variants, programs):
    """For each variant (what is left out) and each program: dispatches, seconds natively, seconds in Wasmtime."""
    ways = [how(variant) for variant in variants for how in (native, wasmtime)]
    starts, _ = bench.alternate([[*way, "hello.wasm"] for way in ways])
    figures = {variant: {} for variant in variants}
    for name, arguments in programs.items():
        expected = bench.output(name, arguments)
        times, _ = bench.alternate([[*way, f"{name}.wasm", *arguments] for way in ways], [expected] * len(ways))
        if None in times:
            sys.exit(f"techniques.py: {name} prints something else without {variants[times.index(None) // 2]}")
        spent = [time - start for time, start in zip(times, starts)]
        for i, variant in enumerate(variants):
            count = bench.dispatches(*native(variant, "yado-dispatches"), f"{name}.wasm", *arguments)
            figures[variant][name] = count, *spent[2 * i:2 * i + 2]
        print(f"{name}: {spent[0]:.2f} s natively, {spent[1]:.2f} s in Wasmtime", flush=True)
    return figures


def table(names, figures, always=()):
    """A row for each technique: with it left out beside what is always left out."""
    result = bench.Table("without", "dispatches", "time, native", "time, Wasmtime", "most, Wasmtime")
    base = figures[always]
    for name, what in names.items():
        without = figures[(*always, name)]
        ratios = {program: [a / b for a, b in zip(without[program], base[program])] for program in base}
        most = max(ratios, key=lambda program: ratios[program][2])
        result.row(what, *(bench.show(bench.mean(column), 2) for column in zip(*ratios.values())),
                   f"{most} {bench.show(ratios[most][2], 2)}")
    return result.text().rstrip()


def main():
    unknown = set(sys.argv[1:]) - PROGRAMS.keys()
    if unknown:
        sys.exit(f"techniques.py: no program {', '.join(sorted(unknown))}; there are {', '.join(PROGRAMS)}")
    programs = {name: PROGRAMS[name] for name in sys.argv[1:] or PROGRAMS}
    build()
    techniques, links = defined("TECHNIQUE"), defined("LINK")
    single = {name: what for name, what in techniques.items() if name != FUSION}
    variants = [(), *((name,) for name in [*techniques, *links]), (FUSION,), *((FUSION, name) for name in single)]
    figures = measure(list(dict.fromkeys(variants)), programs)
    text = "\n\n".join([
        "# What each technique is worth",
        "By `bench/techniques/techniques.py`, which `make bench` runs: what is without it, as a multiple of what is "
        f"with all, in the geometric mean of {', '.join(programs)}. The last column is the program that it is worth "
        "most for.",
        bench.OWN,
        bench.machine(),
        "## With single instructions only\n\n" + table(single, figures, (FUSION,)),
        "## With fused instructions\n\nThese are chosen from what all techniques make of eleven programs: without one, "
        "many no longer fit.\n\n" + table(techniques, figures),
        "## What fused instructions hand on\n\nWithout all fused instructions in which a part takes this from an "
        "earlier one:\n\n" + table(links, figures)])
    if not sys.argv[1:]:
        (ROOT / "docs" / "techniques-table.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
