#!/usr/bin/env python3
"""Counts what the programs of bench/corpus/counted.toml execute, into build/corpus/counts/NAME.

    count.py [NAME...]     only these; what is newer than its module is left alone

A program is counted for FUEL units of fuel (branches back and calls), or as its line in the table says.
"""

import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench" / "corpus"))

import corpus  # noqa: E402

COUNTS = corpus.CORPUS / "counts"
FUEL = 30_000_000
USED_UP = 134  # how a guest ends whose fuel is used up


def count(program):
    """Counts one, and says how many instructions that were; None if it did not run as it should."""
    module, output = corpus.module("counted", program), COUNTS / program["name"]
    if not output.exists() or output.stat().st_mtime < module.stat().st_mtime:
        stdin = open(module.parent / program["stdin"]) if "stdin" in program else subprocess.DEVNULL
        done = subprocess.run([ROOT / "build" / "yado-counts", "run", "--host", "native", "--dir", ".::/", "--max-fuel",
                               str(program.get("fuel", FUEL)), module.name, *program["arguments"]], cwd=module.parent,
                              env={**os.environ, "YADO_COUNTS": str(output)}, stdin=stdin, capture_output=True)
        if done.returncode not in (program.get("ends", 0), USED_UP):
            print(f"{program['name']}: ended with {done.returncode}: {done.stderr.decode(errors='replace')[:300]}")
            output.unlink(missing_ok=True)
            return None
    with open(output) as file:
        return sum(int(fields[3]) for fields in map(str.split, file) if fields)


def main():
    COUNTS.mkdir(parents=True, exist_ok=True)
    failed = False
    for program in corpus.table("counted"):
        if not sys.argv[1:] or program["name"] in sys.argv[1:]:
            total = count(program)
            failed |= total is None
            print(program["name"], "-" if total is None else f"{total / 1e6:.1f} million instructions", sep=": ", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
