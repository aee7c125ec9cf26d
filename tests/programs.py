#!/usr/bin/env python3
"""Real programs: each host's output against Wasmtime running the program directly, and checkpoint and
restore across hosts.

At the same fuel every host writes a snapshot; for a guest that reads no clock and no randomness all of
them must be the same bytes, compressed or not, and then a restore on each host covers all pairs. Where the
snapshots differ (Go and Lua read the clock, files the times of files), the hosts stand in a ring, another one
at each place: each is once source and once target. tests/matrix.py does all ordered pairs.

    programs.py [YADO]    with another yado than build/yado: without hosts (for the sanitizers)
"""

import concurrent.futures
import hashlib
import os
import shutil
import sys

import checks
from checks import check
from travel import FAULTS, PROGRAMS, ROOT, Travel, direct

TRAVEL = Travel(ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build/yado"))
HOSTS = ["native", "wasmtime", "wasmtime-jit", "wasmtime-winch", "wasmtime-pulley", "node", "deno", "bun",
         "wasmedge", "wasmedge-aot", "wazero", "wazero-interp", "wasmi", "iwasm", "wamr"]


def installed():
    known = TRAVEL.hosts()
    for host in HOSTS:
        if not known[host]["installed"]:
            print(f"host {host} cannot be used, its tests are left out: {known[host]['reason']}")
            if os.environ.get("CI"):
                check(False, "hosts", f"{host} cannot be used")
    return [host for host in HOSTS if known[host]["installed"]]


def everywhere(pool, hosts, program, arguments, expected):
    def one(host):
        code, out, err = TRAVEL.once(program, "--host", host, arguments=arguments)
        good = (code, out) == expected
        if (host, program) in FAULTS:
            return not good, f"{program} on {host}", f"does not fail any more: {FAULTS[host, program]}"
        return good, f"{program} on {host}", f"exit {code}: {err[-300:]}"

    for result in pool.map(one, hosts):
        check(*result)


def routes(taken, hosts, reproducible, turn):
    """From one of each kind of snapshot to every host; else around the ring, `turn` hosts on."""
    if not reproducible:
        return [(source, hosts[(hosts.index(source) + turn) % len(hosts)]) for source in taken]
    kinds = {hashlib.sha256(source[0]).hexdigest(): host for host, source in taken.items()}
    return [(source, to) for source in kinds.values() for to in hosts]


def travel(pool, hosts, program, arguments, expected, fuel, reproducible, turn, stored):
    results = pool.map(lambda host: TRAVEL.checkpoint(host, program, arguments, fuel, stored), hosts)
    taken = {}
    for host, (source, reason) in zip(hosts, results):
        check(source, f"{program} checkpoint on {host} after {fuel}", reason)
        if source:
            taken[host] = source
    if reproducible:
        kinds = {host: hashlib.sha256(source[0]).hexdigest()[:8] for host, source in taken.items()}
        check(len(set(kinds.values())) == 1, f"{program} after {fuel}: equal snapshots", str(kinds))
    jobs = routes(taken, hosts, reproducible, turn)
    if taken:
        jobs.append((next(iter(taken)), hosts[0]))  # a snapshot restores twice
    results = pool.map(lambda job: TRAVEL.restore(job[1], program, taken[job[0]], expected), jobs)
    for (source, to), (good, detail) in zip(jobs, results):
        check(good, f"{program} after {fuel}: {source} -> {to}", detail)
    for source in taken.values():
        shutil.rmtree(source[2])
    return len(jobs)


def teardown(pool, program, arguments, expected):
    def one(given):
        k, *stored = given
        code, out, err = TRAVEL.once(program, "--teardown", k, *stored, arguments=arguments)
        return (code, out) == expected, f"{program} torn down at every {k}", f"{code} {err[-300:]}"

    for result in pool.map(one, [["97"], ["1009", "--compress"]]):
        check(*result)


def main():
    hosts = installed() if len(sys.argv) == 1 else ["native"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for program, arguments, reproducible in PROGRAMS:
            before = checks.failed
            expected = direct(program, arguments)
            total = TRAVEL.fuel(program, arguments)
            everywhere(pool, hosts, program, arguments, expected)
            teardown(pool, program, arguments, expected)
            able = [host for host in hosts if (host, program) not in FAULTS]
            places = (10, 50, 90)
            count = 0
            for turn, percent in enumerate(places, 1):
                stored = ["--compress"] if percent == places[-1] else []
                count += travel(pool, able, program, arguments, expected, max(1, total * percent // 100),
                                reproducible, turn, stored)
            print(f"{program}: {total} units of fuel, {len(able)} hosts, {count} restores at {len(places)} places, "
                  f"{checks.failed - before} failed", flush=True)
    checks.finish()


if __name__ == "__main__":
    main()
