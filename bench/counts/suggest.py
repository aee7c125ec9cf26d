#!/usr/bin/env python3
"""From what yado-counts printed for several programs, the lines of src/lower/fused.def.

    suggest.py LEAST-PAIR LEAST-TRIPLE NAME=WEIGHT:FILE...

A sequence is taken when its share of the executed instructions, weighted over the programs, is at least
LEAST percent.
"""

import collections
import re
import sys

OTHER = {"BR", "BR_LOOP", "BR_TABLE", "CALL", "CALL_INDIRECT", "RETURN", "RETURN_ONE"}
FORMS = re.compile(r"\s*([\d.]+) % (.*)")


def read(name):
    length, shares = 0, {2: {}, 3: {}}
    with open(name, errors="replace") as file:
        for line in file:
            if match := re.search(r"; sequences of (\d)", line):
                length = int(match.group(1))
            elif length > 1 and (match := FORMS.match(line)):
                shares[length][match.group(2)] = float(match.group(1))
    return shares


def line(sequence, slow):
    words = sequence.split()
    parts, links, at = [words[0]], [], 1
    while at < len(words):
        link = "X"
        if words[at] in ("->", "=>"):
            link = ("K" if words[at] == "=>" else "") + words[at + 1].rstrip(":")
            at += 2
        links.append(link)
        parts.append(words[at])
        at += 1
    if any(part in slow for part in parts) or any(part in OTHER for part in parts[:-1]):
        return None
    if parts[-1] in OTHER:
        return f"BEFORE({parts[0]}, {parts[1]})" if len(parts) == 2 else None
    mixed = [parts[0]]
    for link, part in zip(links, parts[1:]):
        mixed += [link, part]
    return f"FUSE{len(parts)}({', '.join(mixed)})"


def main():
    least = {2: float(sys.argv[1]), 3: float(sys.argv[2])}
    total, weights = {2: collections.Counter(), 3: collections.Counter()}, 0
    with open("src/lower/code.def") as file:
        slow = set(re.findall(r"^(?:SLOW|OTHER)\((\w+)", file.read(), re.M)) - OTHER
    for argument in sys.argv[3:]:
        weight, name = argument.split("=")[-1].split(":")
        weights += float(weight)
        for length, shares in read(name).items():
            for sequence, share in shares.items():
                total[length][sequence] += share * float(weight)
    for length in (2, 3):
        lines = {line(sequence, slow) for sequence, share in total[length].items()
                 if share / weights >= least[length]}
        print("\n".join(sorted(lines - {None})))


if __name__ == "__main__":
    main()
