#!/usr/bin/env python3
"""Chooses the lines of src/lower/generated/fused.def from what yado-counts wrote for several programs.

    fuse.py PARTS BUDGET,BUDGET... WEIGHT[,WEIGHT...]:FILE...

A fused instruction has at most PARTS parts. There are several groups of them, for builds that may be larger and
larger; up to and with each, all together have so many parts as its BUDGET says. The gain of one is what it saves
(src/lower/fuse.c), by how often the programs execute it, as a share of all that they execute; programs count by their
WEIGHT, one for all groups or one for each, with 0 only in the report. Greedily, the one that gains
most for its parts comes next, given those that are there; then those are dropped that gain least now, and again.
Writes the lines, the most used first, to standard output, and each program's dispatches, as a share of its
instructions, with the present lines and with these, to standard error.
"""

import collections
import heapq
import pathlib
import re
import string
import sys

SOURCES = pathlib.Path(__file__).resolve().parent.parent.parent / "src" / "lower"
SPECIAL = set(re.findall(r"^(?:SLOW|OTHER)\((\w+)", (SOURCES / "code.def").read_text(), re.M))
RETURN_ONE = "RETURN_ONE"
JOINABLE = {"BR", "BR_LOOP", "BR_TABLE", "CALL", "CALL_INDIRECT", "RETURN", RETURN_ONE}
# slow.c knows it by its own number.
NEVER_ALONE = {"CALL_INDIRECT"}
ROUNDS, DROPPED = 4, 6  # after the first choice, so many rounds, each of which drops one in so many
LETTERS = string.ascii_lowercase
RARE = 1e-4             # a run of which no instruction has this share of a program's is not looked at
SPREAD = 1.0            # how much of the program's that gains most is left out
WAITING = 7             # integers that may wait at once, of about 14 registers

# A part takes operands from earlier ones, (field, number of the part) each, and passes on its result only to such.
Part = collections.namedtuple("Part", "name passes inputs")


class Fused(tuple):
    """Parts, and what they save: src/lower/fuse.c's saved_by, by each going on to a next part."""

    def __new__(cls, parts):
        self = super().__new__(cls, parts)
        self.names = tuple(part.name for part in parts)
        self.steps = [12 + 3 * len(part.inputs) + 3 * before.passes for before, part in zip(parts, parts[1:])]
        self.saves = sum(self.steps)
        # In parts; one that goes on in another's code has a jump there. Each has its line in the switch.
        self.cost = (len(parts) - (0.6 if self.names[-1] in JOINABLE and not parts[-1].inputs else 0) + 0.4
                     - sum(0.2 * len(part.inputs) + 0.2 * part.passes for part in parts))
        return self

    def __reduce__(self):
        return Fused, (tuple(self),)


class Run:
    """Instructions that stand one behind the other. For each: its share of what its program executes, how often the
    next one follows, and, with what is chosen now, how much is saved from it on (`static`: as fuse.c sees it)."""

    def __init__(self, program, lines, total):
        self.program = program
        self.names = [line[0] for line in lines]
        self.operand = [line[1] == "O" for line in lines]
        self.inputs = [read_inputs(line[2]) for line in lines]
        self.own_shares = [int(line[3]) / total for line in lines]
        self.followed = [int(line[4]) / int(line[3]) for line in lines]
        self.weigh(1)

    def weigh(self, weight):
        self.weight = weight
        self.shares = [share * weight for share in self.own_shares]

    def fits(self, fused, at):
        if tuple(self.names[at:at + len(fused)]) != fused.names:
            return False
        for i, part in enumerate(fused):
            actual = self.inputs[at + i]
            if part.passes and not self.operand[at + i]:
                return False
            if any(actual.get(field) != i - source for field, source in part.inputs):
                return False
            if part.name == "COPY" and 4 in actual and actual[4] <= i and fused[i - actual[4]].passes:
                return False
        return True

    def reached(self, at, count):
        """How often all of the next `count` are followed."""
        result = 1.0
        for followed in self.followed[at:at + count]:
            result *= followed
        return result

    def saved_with(self, fused, at):
        """Saved from there on, by execution, if this one is taken there."""
        reached, result = 1.0, 0.0
        for step, followed in zip(fused.steps, self.followed[at:]):
            reached *= followed
            result += reached * step
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
                static = fused.saves + self.static[at + len(fused.names)]
                if static > best:
                    best, chosen = static, fused
        return best, chosen

    def saved_without(self, fused, at):
        return self.saved_with(fused, at) if fused else self.followed[at] * self.saved[at + 1]


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
        """What it gains in all programs but the one that gains most, so that it is worth something to those that are
        not counted."""
        gains, own = collections.defaultdict(float), fused.saves
        for number, at in self.places[fused]:
            run = self.runs[number]
            if run.visits[at] and own + run.static[at + len(fused.names)] > run.static[at]:
                gains[run.program] += run.visits[at] * (run.saved_with(fused, at) - run.saved[at])
        total = sum(gains.values())
        return (total - SPREAD * max(gains.values(), default=0.0)) / fused.cost

    def extend(self, budget):
        spent = sum(fused.cost for fused in self.all())
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
            spent += fused.cost
            for number in {number for number, _ in self.places[fused]}:
                self.runs[number].solve(self.choices)

    def prune(self, keep):
        """Drops those that gain least over what would be taken in their place, but none that is to be kept."""
        lost = dict.fromkeys(self.all(), 0.0)
        for run in self.runs:
            for at, fused in enumerate(run.chosen):
                if fused and run.visits[at]:
                    _, other = run.best(self.choices, at, but=fused)
                    lost[fused] += run.visits[at] * (run.saved[at] - run.saved_without(other, at))
        worst = sorted(lost.keys() - keep, key=lambda fused: lost[fused] / fused.cost)
        self.replace([*keep, *worst[len(worst) // DROPPED:]])

    def choose(self, budget, keep):
        """Adds to those to be kept, up to the budget."""
        self.replace(keep)
        self.extend(budget)
        for _ in range(ROUNDS):
            self.prune(keep)
            self.extend(budget)

    def used(self):
        """The share of the dispatches of each, single instructions among them."""
        used = collections.Counter()
        for run in self.runs:
            for at, fused in enumerate(run.chosen):
                used[fused or Fused((Part(run.names[at], False, ()),))] += run.visits[at]
        return used


def possible(run, at, parts):
    """All that begins there: with every operand handed on that can be, and with those to the next part only."""
    if run.names[at] in SPECIAL:
        return
    for count in range(2, parts + 1):
        last = run.names[at + count - 1] if at + count <= len(run.names) else None
        if last is None or last in SPECIAL - JOINABLE:
            return
        both = {made(run, at, count, reach) for reach in (1, parts)}
        yield from (fused for fused in both if waiting(fused) <= WAITING)
        if last in JOINABLE:
            return


def made(run, at, count, reach):
    names = run.names[at:at + count]
    inputs = [tuple((field, i - distance) for field, distance in run.inputs[at + i].items()
                    if distance <= min(i, reach) and names[i] not in JOINABLE - {RETURN_ONE}) for i in range(count)]
    passes = [False] * count
    for i, taken in enumerate(inputs):
        for _, source in taken:
            # A branch between may lead to where the operand is needed; a copy leaves its source there (local.tee).
            passes[source] = (run.operand[at + source] and names[i] != "COPY"
                              and not any(map(is_branch, names[source + 1:i])))
    return Fused(tuple(map(Part, names, passes, inputs)))


def operands(name):
    """How many integers an instruction loads from the register code or the frame."""
    if name.startswith("CONST") or name.endswith("_ABS"):
        return 1
    if name.endswith(("_RR", "_RK")) or "STORE" in name:
        return 2
    return 3 if name.startswith("SELECT") else 1


def waiting(parts):
    """How many integers wait at most in a host's registers: its compiler (Cranelift) computes what has no effect where
    the result is needed, so what was loaded for it waits until then."""
    last = {source: i for i, part in enumerate(parts) for _, source in part.inputs}
    values, most = {}, 0
    for i, part in enumerate(parts):
        waits = sum(values[source] for source in values if last[source] >= i)
        floats = part.name.startswith("F") and "LOAD" not in part.name and "STORE" not in part.name
        loaded = 0 if floats else max(operands(part.name) - len(part.inputs), 0)
        has_effect = "STORE" in part.name or is_branch(part.name) or part.name in JOINABLE
        written = not part.passes and not has_effect
        most = max(most, waits + loaded + written + 1)
        if i in last:
            values[i] = (int(not part.name.startswith("F")) if written or "LOAD" in part.name else
                         loaded + sum(values[source] for _, source in set(part.inputs)))
    return most


def is_branch(name):
    return "_BR_" in name or "_LOOP" in name or name.startswith("BR_")


def read_inputs(text):
    return {} if text == "-" else {int(field): int(distance) for field, distance in
                                   (item.split(":") for item in text.split(","))}


def read(name, most=None):
    """The runs of a program, and how many of its instructions are in runs that are not looked at, as a share. With
    `most`, only so many of them, those that execute most."""
    pieces, piece, total = [], [], 0
    with open(name) as file:
        for line in file:
            fields = line.split()
            if fields:
                piece.append(fields)
                total += int(fields[3])
            if piece and (not fields or fields[4] == "0"):
                pieces.append(piece)
                piece = []
    pieces += [piece] if piece else []
    often = [piece for piece in pieces if max(int(fields[3]) for fields in piece) > RARE * total]
    often.sort(key=lambda piece: -sum(int(fields[3]) for fields in piece))
    often = often[:most]
    seen = sum(int(fields[3]) for piece in often for fields in piece)
    return [Run(name, piece, total) for piece in often], 1 - seen / total


def present():
    """What fused.def has."""
    result = []
    for line in re.findall(r"^FUSED\((.*)\)$", (SOURCES / "generated" / "fused.def").read_text(), re.M):
        parts = []
        for name, how, inputs, joined, returned in re.findall(
                r"PART\(\w, (\w+), (\w+), ((?:FROM\(\d, \w\) ?)*)\)|JOIN\((\w+)\)|RETURNS\((\w)\)", line):
            if returned:
                parts.append(Part(RETURN_ONE, False, ((4, LETTERS.index(returned)),)))
                continue
            taken = re.findall(r"FROM\((\d), (\w)\)", inputs)
            parts.append(Part(name or joined, how == "passed",
                              tuple((int(field), LETTERS.index(letter)) for field, letter in taken)))
        if len(parts) > 1:
            result.append(Fused(tuple(parts)))
    return result


def report(what, choice, rests):
    shares = collections.Counter(rests)
    for run in choice.runs:
        shares[run.program] += sum(run.visits) / run.weight
    print(f"{what}: {len(choice.all())} of {sum(fused.cost for fused in choice.all()):.0f} parts",
          *(f"{pathlib.Path(name).name} {share:.3f}" for name, share in shares.items()),
          sep=", ", file=sys.stderr)


def text(fused):
    parts = []
    for letter, part in zip(LETTERS, fused):
        if part.name == RETURN_ONE and part.inputs:
            parts.append(f"RETURNS({LETTERS[part.inputs[0][1]]})")
            continue
        inputs = " ".join(f"FROM({field}, {LETTERS[source]})" for field, source in part.inputs)
        how = "passed" if part.passes else "kept"
        parts.append(f"JOIN({part.name})" if part.name in JOINABLE else f"PART({letter}, {part.name}, {how}, {inputs})")
    return f"FUSED({' '.join(parts)})"


def alone(fused, share):
    """Whether it is one instruction that is used so much that it has a number among the fused ones."""
    name = fused.names[0]
    return len(fused.names) == 1 and share > 0.004 and name not in SPECIAL - JOINABLE | NEVER_ALONE


def main():
    parts, budgets = int(sys.argv[1]), [float(budget) for budget in sys.argv[2].split(",")]
    runs, rests, weights = [], {}, {}
    for argument in sys.argv[3:]:
        given, name = argument.split(":")
        weights[name] = [float(weight) or 1e-9 for weight in given.split(",")]
        weights[name] *= len(budgets) // len(weights[name])
        more, rests[name] = read(name)
        runs += more
    choice = Choice(runs, parts)
    choice.replace(present())
    report("present", choice, rests)
    chosen = set()
    for i, budget in enumerate(budgets):
        kept = chosen
        for run in runs:
            run.weigh(weights[run.program][i])
        choice.choose(budget, kept)
        report("chosen", choice, rests)
        chosen = set(choice.all())
        total = sum(weight[i] for weight in weights.values())
        lines = [text(fused) for fused, share in choice.used().most_common()
                 if fused in chosen - kept or i == 0 and alone(fused, share / total)]
        print("\n".join(["", f"#if FUSED_GROUPS > {i}", *lines, "#endif"] if i else lines))


if __name__ == "__main__":
    main()
