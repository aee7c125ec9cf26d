#!/usr/bin/env python3
"""That no program that the fused instructions were chosen from is measured: neither a module nor a source file is in
both tables of bench/corpus, by its contents or by its place in a package. Nothing is fetched."""

import collections
import pathlib
import re
import sys

from checks import check, run

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench" / "corpus"))

import corpus  # noqa: E402

LEAST = {"counted": 40, "measured": 25}
TOOL_CHAINS = 10
TABLES = {which: corpus.table(which) for which in LEAST}


def contents(programs):
    """By the contents' hash, what it is of."""
    return {hash: f"{program['name']}: {path}" for program in programs for _, path, hash in corpus.packaged(program)}


def own(programs):
    """The hashes of files of this repository that a program is or runs."""
    files = [corpus.HERE / folder / name for program in programs for folder, name in
             [("inputs", file) for file in program.get("files", {}).values() if isinstance(file, str)]
             + [("drivers", program[key]) for key in ("driver",) if key in program]]
    return {corpus.sha256(file): str(file.relative_to(ROOT)) for file in files}


def shared(one, other):
    return sorted(f"{one[hash]} and {other[hash]}" for hash in one.keys() & other.keys())


def test_tables():
    for which, programs in TABLES.items():
        names = collections.Counter(program["name"] for program in programs)
        check(max(names.values()) == 1, f"{which}: each has a name of its own")
        check(len(programs) >= LEAST[which], f"{which}: {len(programs)} programs, {LEAST[which]} at least")
        hashes = [hash for program in programs for _, _, hash in corpus.packaged(program)]
        check(all(re.fullmatch("[0-9a-f]{64}", hash) for hash in hashes), f"{which}: hashes are hashes")
    chains = {program["tools"] for program in TABLES["counted"]} - {"not recorded"}
    check(len(chains) >= TOOL_CHAINS, f"counted: {len(chains)} tool chains, {TOOL_CHAINS} at least")


def test_disjoint():
    counted, measured = TABLES["counted"], TABLES["measured"]
    both = shared(contents(counted), contents(measured))
    check(not both, "no module and no source file is counted and measured: " + "; ".join(both))
    both = shared(own(counted), own(measured))
    check(not both, "no file of ours is run by a counted and by a measured one: " + "; ".join(both))
    places = [{(package, path) for program in programs for package, path, _ in corpus.packaged(program)}
              for programs in (counted, measured)]
    check(not places[0] & places[1], "nor is it another one of the same name in the same package")


def test_that_it_would_be_found():
    """The same, with a measured program in the counted table under another name, and with a source file."""
    program, *_ = TABLES["measured"]
    with_module = TABLES["counted"] + [{**program, "name": "another name", "path": "elsewhere.wasm"}]
    check(shared(contents(with_module), contents(TABLES["measured"])) != [], "a module in both is found")
    script = next(p for p in TABLES["measured"] if any(isinstance(file, list) for file in p.get("files", {}).values()))
    file = next(file for file in script["files"].values() if isinstance(file, list))
    with_source = TABLES["counted"] + [{"name": "a script", "package": file[0], "path": "renamed", "sha256": file[2]}]
    check(shared(contents(with_source), contents(TABLES["measured"])) != [], "a source file in both is found")


if __name__ == "__main__":
    run([test_tables, test_disjoint, test_that_it_would_be_found])
