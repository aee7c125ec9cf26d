#!/usr/bin/env python3
"""Real programs: each host's output against Wasmtime running the program directly, and checkpoint and
restore across every ordered pair of hosts.

At the same fuel every host writes a snapshot; for a guest that reads no clock and no randomness all of
them must be the same bytes, compressed or not, and then a restore on each host covers all pairs. Where the snapshots
differ (Go and Lua read the clock, files the times of files), each pair is run for itself.

    programs.py [YADO]    with another yado than build/yado: without hosts (for the sanitizers)
"""

import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUESTS = ROOT / "build" / "guests"
YADO = str(ROOT / (sys.argv[1] if len(sys.argv) > 1 else "build/yado"))
TOOLS = pathlib.Path(os.environ.get("YADO_TOOLS") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "yadokari" / "tools")
HOSTS = ["native", "wasmtime", "node", "wasmedge", "wasmedge-aot", "wazero", "wazero-interp", "wasmi",
         "iwasm"]
CHECKPOINTED = 85

# name, arguments, reproducible
PROGRAMS = [
    ("pi_leibniz.wasm", ["20000"], True),
    ("nbody.wasm", ["500"], True),
    ("fib.wasm", ["16"], True),
    ("sqlite_bench.wasm", ["20", ":memory:"], True),
    ("rust_mix.wasm", ["50"], True),
    ("cpp_mix.wasm", ["50"], True),
    ("lua.wasm", ["script.lua", "5"], False),
    ("files.wasm", ["3"], False),
    ("go_mix.wasm", ["3"], False),
]

passed = failed = 0


def report(good, what, detail=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAILED {what}: {detail}")


def run(command, directory):
    result = subprocess.run(command, cwd=directory, capture_output=True, timeout=600)
    return result.returncode, result.stdout, result.stderr


def workplace(program):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-"))
    shutil.copy(GUESTS / program, directory)
    if program == "lua.wasm":
        shutil.copy(GUESTS / "script.lua", directory)
    return directory


def installed():
    listing = subprocess.run([YADO, "hosts"], capture_output=True, text=True).stdout
    missing = [host for host in HOSTS if re.search(rf"^{host} +not installed", listing, re.M)]
    for host in missing:
        print(f"host {host} is not installed: its tests are left out")
        if os.environ.get("CI"):
            report(False, "hosts", f"{host} is not installed")
    return [host for host in HOSTS if host not in missing]


def direct(program, arguments):
    directory = workplace(program)
    code, out, _ = run([str(TOOLS / "bin" / "wasmtime"), "run", "--dir", ".", program, *arguments],
                       directory)
    shutil.rmtree(directory)
    return code, out


def checkpoint(host, program, arguments, fuel, stored):
    """The snapshot's bytes, what was printed until then, and the directory as it was left."""
    directory = workplace(program)
    code, out, err = run([YADO, "run", "--host", host, "--dir", ".", "--reproducible", *stored,
                          "--checkpoint-after", str(fuel), "--snapshot", "at.snap", program,
                          *arguments], directory)
    snapshot = directory / "at.snap"
    if code != CHECKPOINTED or not snapshot.exists():
        report(False, f"{program} checkpoint on {host} after {fuel}", f"exit {code}: {err[-300:]}")
        return None
    return snapshot.read_bytes(), out, directory


def restore(host, program, source, expected, what):
    """Continues a copy of what a checkpoint left."""
    _, before, directory = source
    copy = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-")) / "at"
    shutil.copytree(directory, copy)
    code, out, err = run([YADO, "restore", "--host", host, "--dir", ".", "--module", program,
                          "at.snap"], copy)
    shutil.rmtree(copy.parent)
    good = (code, before + out) == expected
    return good, what, f"exit {code}, {err[-300:]}"


def total_fuel(program, arguments):
    directory = workplace(program)
    _, _, err = run([YADO, "run", "--dir", ".", "--show-fuel", program, *arguments], directory)
    shutil.rmtree(directory)
    return int(re.search(rb"fuel: (\d+)", err).group(1))


def everywhere(pool, hosts, program, arguments, expected):
    def one(host):
        directory = workplace(program)
        code, out, err = run([YADO, "run", "--host", host, "--dir", ".", program, *arguments],
                             directory)
        shutil.rmtree(directory)
        return (code, out) == expected, f"{program} on {host}", f"exit {code}: {err[-300:]}"

    for result in pool.map(one, hosts):
        report(*result)


def pairs(pool, hosts, program, arguments, expected, fuel, reproducible, stored):
    taken = list(pool.map(lambda host: checkpoint(host, program, arguments, fuel, stored), hosts))
    taken = {host: source for host, source in zip(hosts, taken) if source}
    kinds = {}
    for host, source in taken.items():
        kinds.setdefault(hashlib.sha256(source[0]).hexdigest(), []).append(host)
    if reproducible:
        report(len(kinds) == 1, f"{program} after {fuel}: equal snapshots", str(list(kinds.values())))
    jobs = [(to, group) for group in kinds.values() for to in hosts]
    results = pool.map(lambda job: restore(job[0], program, taken[job[1][0]], expected,
                                           f"{program} after {fuel}: {job[1][0]} -> {job[0]}"), jobs)
    for (_, group), result in zip(jobs, results):
        for _ in group:  # the same bytes from each of these hosts
            report(*result)
    if taken:
        first = next(iter(taken.values()))
        again = restore(hosts[0], program, first, expected, f"{program} after {fuel}: twice")
        report(*again)
    for source in taken.values():
        shutil.rmtree(source[2])


def teardown(pool, program, arguments, expected):
    def one(given):
        k, *stored = given
        directory = workplace(program)
        code, out, err = run([YADO, "run", "--dir", ".", "--teardown", k, *stored, program,
                              *arguments], directory)
        shutil.rmtree(directory)
        return (code, out) == expected, f"{program} torn down at every {k}", f"{code} {err[-300:]}"

    for result in pool.map(one, [["97"], ["1009", "--compress"]]):
        report(*result)


def main():
    hosts = installed() if len(sys.argv) == 1 else ["native"]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for program, arguments, reproducible in PROGRAMS:
            before = failed
            expected = direct(program, arguments)
            total = total_fuel(program, arguments)
            everywhere(pool, hosts, program, arguments, expected)
            teardown(pool, program, arguments, expected)
            places = (10, 50, 90) if reproducible else (20, 70)  # the latter: each pair by itself
            for percent in places:
                stored = ["--compress"] if percent == places[-1] else []
                pairs(pool, hosts, program, arguments, expected, max(1, total * percent // 100),
                      reproducible, stored)
            print(f"{program}: {total} units of fuel, {len(hosts)} hosts, "
                  f"{len(hosts) ** 2} ordered pairs at each of {len(places)} places, "
                  f"{failed - before} failed", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
