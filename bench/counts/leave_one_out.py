#!/usr/bin/env python3
"""What a program keeps of its dispatches when it was not counted, against when it was: fused instructions are chosen
(fuse.py) without it and with it. A choice is judged by the first.

    leave_one_out.py PARTS BUDGET [--folds N] [--runs N] [--spread X] FILE...

The programs are left out in N groups (each by itself, if not said): one choice for each group. Only the N runs of a
program that execute most are looked at (all, if not said), and what is kept is a share of what these execute.
Any Python 3 runs it; PyPy in a fraction of the time.
"""

import argparse
import math
import pathlib
import statistics

import fuse


def chosen(runs, parts, budget):
    choice = fuse.Choice(runs, parts)
    choice.choose(budget, set())
    return choice.choices


def kept(runs, choices):
    """The share of a program's instructions that are still gone to one by one."""
    for run in runs:
        run.solve(choices)
    return sum(sum(run.visits) for run in runs) / sum(sum(run.shares) for run in runs)


def show(name, counted, left_out):
    print(f"| {name} | {counted:.3f} | {left_out:.3f} | {left_out / counted:.2f} |", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", type=int)
    parser.add_argument("budget", type=float)
    parser.add_argument("--folds", type=int)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--spread", type=float, default=fuse.SPREAD)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    fuse.SPREAD = given.spread
    programs = {pathlib.Path(file).name: fuse.read(file, given.runs)[0] for file in given.files}
    names, folds = list(programs), given.folds or len(programs)

    def choose(but):
        runs = [run for name in names if name not in but for run in programs[name]]
        return chosen(runs, given.parts, given.budget)

    everything = choose([])
    counted = {name: kept(programs[name], everything) for name in names}
    left_out = {}
    for fold in range(min(folds, len(names))):
        group = names[fold::folds]
        choices = choose(group)
        left_out.update((name, kept(programs[name], choices)) for name in group)
    print("| program | counted | not counted | times |\n| --- | --- | --- | --- |")
    for name in names:
        show(name, counted[name], left_out[name])
    show("**geometric mean**", *(math.exp(statistics.mean(map(math.log, values.values()))) for values in (counted, left_out)))
    show("**median**", *(statistics.median(values.values()) for values in (counted, left_out)))
    worst = max(left_out, key=left_out.get)
    show(f"**worst**: {worst}", counted[worst], left_out[worst])


if __name__ == "__main__":
    main()
