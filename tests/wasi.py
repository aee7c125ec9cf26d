#!/usr/bin/env python3
"""Paths as Linux has them, and what the official suite of WASI preview 1 asks of a host (tests/guests/paths.c and
preview1.c): natively, in hosts, sealed, and with a snapshot in the middle.

What a host does wrong by itself is no fault of Yadokari's: a case that is not right has to be wrong in the host
alone as well.

    wasi.py [PLACE...]     only in these: native, wasmtime, sealed:node, ...
    wasi.py --document     in every WASI that is installed, into docs/hosts.md
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from checks import check, finish
from travel import GUESTS, ROOT, SEALED, Travel, place

# One of each that has a WASI of its own.
IMPLEMENTATIONS = ["wasmtime", "node", "wasmi", "wazero", "iwasm", "wasmedge-aot", "deno", "bun", "wamr"]
PLACES = ["native", "wasmtime", "node", "wazero", "sealed:wasmtime"]
HERE = pathlib.Path(tempfile.mkdtemp(prefix="yado-wasi-"))
TRAVEL = Travel(ROOT / "build" / "yado")
CASE = re.compile(r"(\S+ .*) = (\S+)(?: ([0-9a-f]{8}))?$")


def output(command, directory, seconds=300):
    try:
        result = subprocess.run(command, cwd=directory, capture_output=True, stdin=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return ""
    return result.stdout.decode(errors="replace")


def fresh(program):
    directory = pathlib.Path(tempfile.mkdtemp(dir=HERE))
    shutil.copy(GUESTS / program, directory)
    return directory


def alone(host, program, *arguments, seconds=120):
    """What the host makes of it without Yadokari."""
    directory = fresh(program)
    listing = subprocess.run([TRAVEL.yado, "hosts", "--json", "--module", program], cwd=directory, capture_output=True)
    command = next(about["command"] for about in json.loads(listing.stdout) if about["name"] == host)
    return output([*command, *arguments], directory, seconds)


def inside(where, program, *arguments):
    return output([TRAVEL.yado, "run", *place(where), "--dir", ".", program, *arguments], fresh(program))


def linux(*without):
    """What Linux makes of the paths, where what leads out is refused."""
    if not (HERE / "paths").exists():
        source = ROOT / "tests" / "guests" / "paths.c"
        subprocess.run(["cc", "-O1", "-w", "-o", HERE / "paths", source], check=True)
    return output([HERE / "paths", *without], tempfile.mkdtemp(dir=HERE))


def wrong_cases(text):
    """Of what paths.wasm printed: the cases that Linux decides otherwise, None if it did not come to its end; and the
    links that the host does not make."""
    lines = text.splitlines()
    without = [line.split()[1] for line in lines if line.startswith("without ")]
    got = [line for line in lines if not line.startswith("without ")]
    expected = linux(*without).splitlines()
    if len(got) != len(expected):
        return None, without
    return {CASE.match(right).group(1) + f" = {line.rsplit(' = ', 1)[1]}, not {right.rsplit(' = ', 1)[1]}"
            for line, right in zip(got, expected) if line != right}, without


def named(cases):
    return {case.split(" = ")[0] for case in cases}


def failed_programs(text):
    """Of what preview1.wasm printed: programs that did not pass; names of those that did."""
    passed = {line.split()[0] for line in text.splitlines() if line.endswith(" ok")}
    return PROGRAMS - passed


PROGRAMS = set(re.findall(r"RUN\((\w+)\)", (ROOT / "tests" / "guests" / "preview1.c").read_text())) - {"name"}


def failed_alone(host, programs):
    """One process for each: there are hosts that end with the program, or hang."""
    return {program for program in programs
            if f"{program} ok" not in alone(host, "preview1.wasm", program, seconds=20).splitlines()}


def test_paths(where):
    wrong, without = wrong_cases(inside(where, "paths.wasm"))
    host = where.removeprefix(SEALED)
    if wrong and host != "native":
        wrong_alone = wrong_cases(alone(host, "paths.wasm", *without))[0]
        wrong = None if wrong_alone is None else {case for case in wrong if case.split(" = ")[0] not in named(wrong_alone)}
    check(wrong == set(), f"paths in {where}", wrong and sorted(wrong)[:20])


def test_programs(where):
    failed = failed_programs(inside(where, "preview1.wasm"))
    host = where.removeprefix(SEALED)
    if failed and host != "native":
        failed -= failed_alone(host, failed)
    check(not failed, f"the programs of preview1.c in {where}", failed)


def test_travelling(first, second, program, expected):
    """With a snapshot in the middle."""
    fuel = TRAVEL.fuel(program, [], first)
    directory = fresh(program)
    begun = TRAVEL.run(directory, "run", *place(first), "--dir", ".", "--checkpoint-after", str(fuel // 2), "--snapshot",
                       "at.snap", program)
    ended = TRAVEL.run(directory, "restore", *place(second), "--dir", ".", "at.snap")
    good = (begun[0], ended[0]) == (85, 0) and (begun[1] + ended[1]).decode() == expected
    check(good, f"{program} from {first} to {second}", (begun[0], ended[0], begun[2][-300:], ended[2][-300:]))


# ---- what is written into docs/hosts.md

def cell(wrong, of):
    return "does not run" if wrong is None else f"{of - len(wrong):,}" if wrong else "all"


def row(host):
    there, without = wrong_cases(inside(host, "paths.wasm"))
    by_itself = wrong_cases(alone(host, "paths.wasm", *without))[0]
    failed = failed_programs(inside(host, "preview1.wasm"))
    failed_by_itself = failed_alone(host, PROGRAMS)
    kinds = sorted({case.split(" ", 1)[0] for case in there or ()})
    print(host, "\n  ".join(sorted(there or [])[:10]), failed - failed_by_itself, flush=True)
    why = ", ".join([*(f"`{name}`" for name in sorted(failed)), *kinds,
                     *(["links are not made: " + ", ".join(without)] if without else [])])
    cases = len(linux(*without).splitlines())
    return (f"| `{host}` | {cell(by_itself, cases)} | {cell(there, cases)} | {cell(failed_by_itself, len(PROGRAMS))} | "
            f"{cell(failed, len(PROGRAMS))} | {why} |")


def document():
    path = ROOT / "docs" / "hosts.md"
    known = TRAVEL.hosts()
    hosts = [name for name in IMPLEMENTATIONS if known[name]["installed"]]
    rows = [row(host) for host in hosts]
    begin, end = "<!-- wasi: begin -->", "<!-- wasi: end -->"
    head, rest = path.read_text().split(begin)
    lines = ["By `python3 tests/wasi.py --document`.", "",
             f"| host | paths: right alone, of {len(linux().splitlines()):,} | with Yadokari | "
             f"programs: pass alone, of {len(PROGRAMS)} | with Yadokari | what is left |",
             "| --- | --- | --- | --- | --- | --- |", *rows]
    path.write_text(head + begin + "\n\n" + "\n".join(lines) + "\n\n" + end + rest.split(end)[1])


def main():
    try:
        if sys.argv[1:] == ["--document"]:
            return document()
        known = TRAVEL.hosts()
        for where in sys.argv[1:] or PLACES:
            if not known[where.removeprefix(SEALED)]["installed"]:
                continue
            test_paths(where)
            test_programs(where)
        if not sys.argv[1:]:
            everything = "".join(f"{program} ok\n" for program in re.findall(
                r"RUN\((\w+)\)", (ROOT / "tests" / "guests" / "preview1.c").read_text()) if program != "name")
            for first, second in (("native", "wasmtime"), ("wasmtime", "native"), ("sealed:wasmtime", "native")):
                test_travelling(first, second, "paths.wasm", linux())
                test_travelling(first, second, "preview1.wasm", everything)
    finally:
        shutil.rmtree(HERE, ignore_errors=True)
    return finish()


if __name__ == "__main__":
    main()
