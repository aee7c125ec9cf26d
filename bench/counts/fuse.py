#!/usr/bin/env python3
"""Chooses the lines of src/lower/fused.def from what yado-counts wrote for several programs.

    fuse.py PARTS BUDGET WEIGHT:FILE...

A fused instruction has at most PARTS parts; all of them together have BUDGET parts, which is what they take of
yadokari.wasm. The gain of one is what it saves (src/lower/fuse.c), by how often the programs execute it, as a share
of all that they execute; programs count by their WEIGHT, with 0 only in the report. Greedily, the one that gains
most for its parts comes next, given those that are there; then those are dropped that gain least now, and again.
Writes the lines, the most used first, to standard output, and each program's dispatches, as a share of its
instructions, with the present lines and with these, to standard error.
"""

import collections
import heapq
import pathlib
import re
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "lower"
SPECIAL = set(re.findall(r"^(?:SLOW|OTHER)\((\w+)", (SOURCES / "code.def").read_text(), re.M))
JOINABLE = {"BR", "BR_LOOP", "BR_TABLE", "CALL", "CALL_INDIRECT", "RETURN", "RETURN_ONE"}
# slow.c knows it by its own number.
NEVER_ALONE = {"CALL_INDIRECT"}
ROUNDS, DROPPED = 4, 6  # after the first choice, so many rounds, each of which drops one in so many
RARE = 1e-6             # a run of which no instruction has this share of a program's is not looked at

Fused = collections.namedtuple("Fused", "names links")  # a link for each part but the last


class Run:
    """Instructions that stand one behind the other. For each: its share of what its program executes, how often the
    next one follows, and, with what is chosen now, how much is saved from it on (`static`: as fuse.c sees it)."""

    def __init__(self, program, lines, scale):
        self.program = program
        self.names = [line[0] for line in lines]
        self.links = [line[1] for line in lines]
        self.shares = [int(line[2]) * scale for line in lines]
        self.followed = [int(line[3]) / int(line[2]) for line in lines]

    def fits(self, fused, at):
        names, links = fused
        return (tuple(self.names[at:at + len(names)]) == names and
                all(link in ("X", actual) or (link[0] == "K" and link[1:] == actual)
                    for link, actual in zip(links, self.links[at:])))

    def reached(self, at, count):
        """How often all of the next `count` are followed."""
        result = 1.0
        for followed in self.followed[at:at + count]:
            result *= followed
        return result

    def saved_with(self, fused, at):
        """Saved from there on, by execution, if this one is taken there."""
        reached, result = 1.0, 0.0
        for link, followed in zip(fused.links, self.followed[at:]):
            reached *= followed
            result += reached * saved_at(link)
        end = at + len(fused.names)
        return result + reached * self.followed[end - 1] * self.saved[end]

    def solve(self, choices):
        count = len(self.names)
        self.static, self.saved, self.chosen = [0] * (count + 1), [0.0] * (count + 1), [None] * count
        for at in reversed(range(count)):
            self.static[at], self.chosen[at] = self.best(choices, at)
            self.saved[at] = self.saved_without(self.chosen[at], at)
        self.visits = [0.0] * (count + 1)
        for at in range(count):
            came = self.shares[at - 1] * self.followed[at - 1] if at else 0.0
            self.visits[at] += max(self.shares[at] - came, 0.0)
            length = len(self.chosen[at].names) if self.chosen[at] else 1
            self.visits[at + length] += self.visits[at] * self.reached(at, length)

    def best(self, choices, at, but=None):
        best, chosen = self.static[at + 1], None
        for fused in choices[self.names[at]]:
            if fused != but and self.fits(fused, at):
                static = saved(fused) + self.static[at + len(fused.names)]
                if static > best:
                    best, chosen = static, fused
        return best, chosen

    def saved_without(self, fused, at):
        return self.saved_with(fused, at) if fused else self.followed[at] * self.saved[at + 1]


def saved_at(link):
    """fuse.c's saved_by."""
    return 12 if link == "X" else 15 if link[0] == "K" else 18


def saved(fused):
    return sum(map(saved_at, fused.links))


def cost(fused):
    """In parts; one that goes on in another's code has a jump there. Each has its line in the switch."""
    return len(fused.names) - (0.6 if fused.names[-1] in JOINABLE else 0) + 0.4


class Choice:
    def __init__(self, runs, parts):
        self.runs = runs
        self.choices = collections.defaultdict(list)  # by the first part
        self.places = collections.defaultdict(list)   # of each that could be chosen
        for number, run in enumerate(runs):
            for at in range(len(run.names)):
                for fused in possible(run, at, parts):
                    self.places[fused].append((number, at))

    def all(self):
        return [fused for choices in self.choices.values() for fused in choices]

    def replace(self, chosen):
        self.choices.clear()
        for fused in chosen:
            self.choices[fused.names[0]].append(fused)
        for run in self.runs:
            run.solve(self.choices)

    def value(self, fused):
        gain, own = 0.0, saved(fused)
        for number, at in self.places[fused]:
            run = self.runs[number]
            if run.visits[at] and own + run.static[at + len(fused.names)] > run.static[at]:
                gain += run.visits[at] * (run.saved_with(fused, at) - run.saved[at])
        return gain / cost(fused)

    def extend(self, budget):
        spent = sum(map(cost, self.all()))
        present = set(self.all())
        heap = [(-self.value(fused), fused) for fused in self.places if fused not in present]
        heapq.heapify(heap)
        while spent < budget and heap:
            _, fused = heapq.heappop(heap)
            value = self.value(fused)  # it may have sunk since
            if heap and value < -heap[0][0]:
                if value > 0:
                    heapq.heappush(heap, (-value, fused))
                continue
            self.choices[fused.names[0]].append(fused)
            spent += cost(fused)
            for number in {number for number, _ in self.places[fused]}:
                self.runs[number].solve(self.choices)

    def prune(self):
        """Drops those that gain least over what would be taken in their place."""
        lost = dict.fromkeys(self.all(), 0.0)
        for run in self.runs:
            for at, fused in enumerate(run.chosen):
                if fused and run.visits[at]:
                    _, other = run.best(self.choices, at, but=fused)
                    lost[fused] += run.visits[at] * (run.saved[at] - run.saved_without(other, at))
        worst = sorted(lost, key=lambda fused: lost[fused] / cost(fused))
        self.replace(worst[len(worst) // DROPPED:])

    def used(self):
        """The share of the dispatches of each, single instructions among them."""
        used = collections.Counter()
        for run in self.runs:
            for at, fused in enumerate(run.chosen):
                used[fused or Fused((run.names[at],), ())] += run.visits[at]
        return used


def possible(run, at, parts):
    if run.names[at] in SPECIAL:
        return
    for count in range(2, parts + 1):
        names, links = tuple(run.names[at:at + count]), tuple(run.links[at:at + count - 1])
        if len(names) < count or names[-1] in SPECIAL - JOINABLE:
            return
        if names[-1] in JOINABLE:
            yield Fused(names, links[:-1] + ("X",))
            return
        yield Fused(names, links)


def read(name, weight):
    """The runs of a program, and how many of its instructions are in runs that are not looked at, as a share."""
    pieces, piece, total = [], [], 0
    with open(name) as file:
        for line in file:
            fields = line.split()
            if fields:
                piece.append(fields)
                total += int(fields[2])
            if piece and (not fields or fields[3] == "0"):
                pieces.append(piece)
                piece = []
    pieces += [piece] if piece else []
    often = [piece for piece in pieces if max(int(fields[2]) for fields in piece) > RARE * total]
    seen = sum(int(fields[2]) for piece in often for fields in piece)
    return [Run(name, piece, weight / total) for piece in often], 1 - seen / total


def present():
    """What fused.def has."""
    result = []
    for line in re.findall(r"^FUSED\((.*)\)$", (SOURCES / "fused.def").read_text(), re.M):
        parts = re.findall(r"PART\((\w+), (\w+), (\w+)\)|JOIN\((\w+)\)", line)
        if len(parts) > 1:
            result.append(Fused(tuple(name or joined for _, name, _, joined in parts),
                                tuple(link for _, _, link, _ in parts[:-1])))
    return result


def report(what, choice, programs):
    shares = collections.Counter()
    for run in choice.runs:
        shares[run.program] += sum(run.visits)
    print(f"{what}: {len(choice.all())} of {sum(map(cost, choice.all())):.0f} parts",
          *(f"{pathlib.Path(name).name} {shares[name] / weight + rest:.3f}" for name, weight, rest in programs),
          sep=", ", file=sys.stderr)


def text(fused):
    links = ("X", *fused.links, "X")
    parts = [f"JOIN({name})" if name in JOINABLE else f"PART({links[i]}, {name}, {links[i + 1]})"
             for i, name in enumerate(fused.names)]
    return f"FUSED({' '.join(parts)})"


def main():
    parts, budget = int(sys.argv[1]), float(sys.argv[2])
    runs, programs = [], []
    for argument in sys.argv[3:]:
        weight, name = argument.split(":")
        weight = float(weight) or 1e-9
        more, rest = read(name, weight)
        runs += more
        programs.append((name, weight, rest))
    choice = Choice(runs, parts)
    choice.replace(present())
    report("present", choice, programs)
    choice.replace([])
    choice.extend(budget)
    for _ in range(ROUNDS):
        choice.prune()
        choice.extend(budget)
    report("chosen", choice, programs)
    weights = sum(weight for _, weight, _ in programs)
    for fused, share in choice.used().most_common():
        name = fused.names[0]
        if len(fused.names) > 1 or (share / weights > 0.004 and name not in SPECIAL - JOINABLE | NEVER_ALONE):
            print(text(fused))


if __name__ == "__main__":
    main()
