#!/usr/bin/env python3
"""Each host that is found runs a program, stops it in the middle and continues it: `make check`."""

import sys

from checks import check, finish
from travel import ROOT, Travel

PROGRAM, ARGUMENTS = "pi_leibniz.wasm", ["20000"]

travel = Travel(ROOT / "build" / "yado")
code, output, _ = travel.once(PROGRAM, arguments=ARGUMENTS)
check(code == 0 and output, "the program natively", f"exit {code}")
half = travel.fuel(PROGRAM, ARGUMENTS) // 2
hosts = 0
for host, about in travel.hosts().items():
    if not about["installed"]:
        print(about["reason"], file=sys.stderr)
        continue
    at, why = travel.checkpoint(host, PROGRAM, ARGUMENTS, half)
    check(at is not None, f"{host}: stops", why)
    if at is not None:
        good, happened = travel.restore(host, PROGRAM, at, (code, output))
        check(good, f"{host}: goes on", happened)
        hosts += 1
check(hosts > 1, "a host besides native was found", "scripts/setup.sh --only hosts installs some")
finish()
