#!/usr/bin/env python3
"""Chooses the lines of src/lower/fused.def from what yado-counts wrote for several programs.

    fuse.py NUMBER WEIGHT:FILE...

Starting from single instructions, the neighbours that are executed one after the other most often (as a
share of their program's instructions, weighted over the programs) are joined into one, NUMBER times;
joined ones can be joined again, up to PARTS instructions. Sequences that in the end are hardly used are
left out. Writes the lines, the most used first, to standard output, and the share of dispatches that are
left to standard error.
"""

import collections
import re
import sys

PARTS = 6
JOINABLE = {"BR", "BR_LOOP", "BR_TABLE", "CALL", "CALL_INDIRECT", "RETURN", "RETURN_ONE"}


def read(name, weight):
    """Straight runs of code: lists of [key, share of executions, share of 'followed']. A key is a tuple of
    names and, between them, links; the link to the next instruction stands apart."""
    runs, run, total = [], [], 0
    with open(name) as file:
        for line in file:
            if line.strip():
                code, link, count, followed = line.split()
                run.append([(code,), int(count), int(followed), link])
                total += int(count)
            elif run:
                runs.append(run)
                run = []
    for run in runs:
        for item in run:
            item[1] *= weight / total
            item[2] *= weight / total
    return runs


def joined(a, b, plain):
    """The key of two neighbours as one; None where that cannot be."""
    first, link, second = a[0], a[3], b[0]
    parts = (len(first) + 1) // 2 + (len(second) + 1) // 2
    if parts > PARTS or first[-1] in JOINABLE or not set(first[::2]) <= plain:
        return None
    if not set(second[::2]) <= plain | JOINABLE:
        return None
    return first + ("X" if second[0] in JOINABLE else link,) + second


def pairs_of(run, plain):
    """The shares of the neighbours in a run."""
    shares = collections.Counter()
    for a, b in zip(run, run[1:]):
        if a[2]:
            key = joined(a, b, plain)
            if key:
                shares[key, len(a[0])] += a[2]
    return shares


def join(run, best, plain):
    i = 0
    while i + 1 < len(run):
        if run[i][2] and len(run[i][0]) == best[1] and \
                joined(run[i], run[i + 1], plain) == best[0]:
            run[i] = [best[0], run[i][1], run[i + 1][2], run[i + 1][3]]
            del run[i + 1]
        i += 1


def choose(runs, number, plain):
    total, where = collections.Counter(), collections.defaultdict(set)
    for i, run in enumerate(runs):
        for pair, share in pairs_of(run, plain).items():
            total[pair] += share
            where[pair].add(i)
    for _ in range(number):
        best = max(total, key=total.get)
        for i in list(where[best]):
            total.subtract(pairs_of(runs[i], plain))
            join(runs[i], best, plain)
            for pair, share in pairs_of(runs[i], plain).items():
                total[pair] += share
                where[pair].add(i)
        total.pop(best)


def text(key):
    names = key[::2]
    if names[-1] in JOINABLE:
        return f"JOIN{len(names)}({', '.join(key[:max(len(key) - 2, 0)] + key[-1:])})"
    return f"FUSE{len(names)}({', '.join(key)})"


def main():
    with open("src/lower/code.def") as file:
        special = set(re.findall(r"^(?:SLOW|OTHER)\((\w+)", file.read(), re.M))
    runs, weights = [], 0
    for argument in sys.argv[2:]:
        weight, name = argument.split(":")
        weights += float(weight)
        runs += read(name, float(weight))
    plain = {item[0][0] for run in runs for item in run} - special
    choose(runs, int(sys.argv[1]), plain)
    used, left = collections.Counter(), 0
    for run in runs:
        for item in run:
            left += item[1]
            used[item[0]] += item[1]
    print(f"{100 * left / weights:.1f} % of the dispatches left", file=sys.stderr)
    for key, share in used.most_common():
        if share / weights > (0.0002 if len(key) > 1 else 0.004) and key[0] in plain | JOINABLE:
            print(text(key))


if __name__ == "__main__":
    main()
