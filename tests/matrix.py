#!/usr/bin/env python3
"""Every ordered pair of hosts that `yado hosts` finds here: a guest is checkpointed in one and continued in the
other, and what it prints and its exit code are compared with Wasmtime running the guest directly.

Writes the tables of docs/hosts.md and docs/hosts.html. Ends with 1 when a pair failed.

    matrix.py [--hosts NAME,NAME...] [--print] [PROGRAM...]
        --hosts    only these (sealed:HOST: the sealed tier in it); --print: no files are written
        PROGRAM    of tests/travel.py (default: nbody.wasm, which every host runs); `all`: each of them
"""

import argparse
import concurrent.futures
import hashlib
import html
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import time

from checks import check, finish
from travel import FAULTS, PROGRAMS, ROOT, SEALED, TERMINALS, Travel, direct, workplace

TRAVEL = Travel(ROOT / "build" / "yado")
DOCS = ROOT / "docs"
SEALED_HOSTS = [SEALED + host for host in ("wasmtime", "node", "wazero", "wasmedge-aot")]


class Progress:
    """A line that is written over, on a terminal."""

    def __init__(self, what, total):
        self.what, self.total, self.done = what, total, 0

    def step(self):
        self.done += 1
        if sys.stderr.isatty():
            end = "\n" if self.done == self.total else ""
            print(f"\r{self.what}: {self.done} of {self.total}", end=end, file=sys.stderr, flush=True)


def alive(pid):
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def within(seconds, condition):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


def ends_with_yado(host, number):
    """Whether all processes of a host end when the yado that started it gets the signal."""
    directory = workplace("fib.wasm")
    yado = subprocess.Popen([TRAVEL.yado, "run", "--host", host, "fib.wasm", "45"], cwd=directory,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children = pathlib.Path(f"/proc/{yado.pid}/task/{yado.pid}/children")
    found = within(60, lambda: yado.poll() is not None or (children.read_text() and time.sleep(1) is None))
    below = children.read_text().split() if yado.poll() is None else []
    yado.send_signal(number)
    good = within(10, lambda: yado.poll() is not None) and found and below
    good = good and within(10, lambda: not any(map(alive, below)))
    for process in [*below, yado.pid]:
        if alive(process):
            os.kill(int(process), signal.SIGKILL)
    yado.wait()
    shutil.rmtree(directory)
    return bool(good)


def killable(hosts):
    progress = Progress("hosts that end with yado", len(hosts))
    answers = {}
    for host in hosts:
        answers[host] = all(ends_with_yado(host, number) for number in (signal.SIGTERM, signal.SIGKILL))
        progress.step()
    return answers


SAME = "all snapshots the same bytes"


class Pair:
    def __init__(self, good, milliseconds, detail):
        self.good, self.milliseconds, self.detail = good, milliseconds, detail


def kinds_of(snapshots):
    """Of the interpreter's: sealed code stops at other places."""
    kinds = {}
    snapshots = {host: data for host, data in snapshots.items() if not host.startswith(SEALED)}
    for host, data in snapshots.items():
        kinds.setdefault(hashlib.sha256(data).digest(), []).append(host)
    odd = [host for host in snapshots if host in TERMINALS]
    if len(kinds) == 1:
        return SAME
    if sorted(map(sorted, kinds.values())) == sorted([sorted(odd), sorted(set(snapshots) - set(odd))]):
        return f"{SAME} but for {', '.join(odd)}, to which an output is always a terminal: the same among those"
    return f"{len(kinds)} different snapshots"


def travel(pool, hosts, program, arguments):
    """The pairs of one program, by source and target; and how the snapshots differ, as a text."""
    hosts = [host for host in hosts if (host.removeprefix(SEALED), program) not in FAULTS]
    expected = direct(program, arguments)
    fuel = TRAVEL.fuel(program, arguments) // 2
    sealed = [host for host in hosts if host.startswith(SEALED)]
    sealed_fuel = TRAVEL.fuel(program, arguments, sealed[0]) // 2 if sealed else 0
    progress = Progress(program, len(hosts) * (len(hosts) + 1))

    def take(host):
        result = TRAVEL.checkpoint(host, program, arguments, sealed_fuel if host in sealed else fuel)
        progress.step()
        return result

    taken = dict(zip(hosts, pool.map(take, hosts)))
    kinds = kinds_of({host: source[0] for host, (source, _) in taken.items() if source})

    def go_on(pair):
        source, reason = taken[pair[0]]
        before = time.monotonic()
        good, detail = (TRAVEL.restore(pair[1], program, source, expected) if source
                        else (False, f"no checkpoint: {reason}"))
        progress.step()
        return Pair(good, (time.monotonic() - before) * 1000, detail)

    order = [(source, target) for source in hosts for target in hosts]
    pairs = dict(zip(order, pool.map(go_on, order)))
    for source, _ in taken.values():
        if source:
            shutil.rmtree(source[2])
    return pairs, kinds


def machine():
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    return f"{cpu.group(1) if cpu else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}"


def short(text):
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


def version(about):
    return short(about.get("version", "")).split(" (")[0]


def facts_table(known, killed):
    lines = ["| `--host` | version | how it executes Yadokari | a read can be interrupted | exit codes | ends with `yado` |",
             "| --- | --- | --- | --- | --- | --- |"]
    for name, about in known.items():
        if not about["installed"]:
            lines.append(f"| `{name}` | not usable here | {about['executes']} | | | |")
            continue
        code = about.get("exit_code_200", "200")
        passed = "passed" if code == "200" else "not known" if code == "not known" else f"200 becomes {code}"
        ends = {True: "yes", False: "**no**", None: "-"}[killed.get(name)]
        lines.append(f"| `{name}` | {version(about)} | {about['executes']} | "
                     f"{about.get('interrupts_reads', 'yes')} | {passed} | {ends} |")
    return "\n".join(lines)


def pairs_table(hosts, pairs):
    lines = ["| from, to | " + " | ".join(str(i) for i in range(1, len(hosts) + 1)) + " |",
             "| --- |" + " --- |" * len(hosts)]
    for i, source in enumerate(hosts, 1):
        cells = ["" if (source, target) not in pairs else "ok" if pairs[source, target].good else "**no**"
                 for target in hosts]
        lines.append(f"| {i} {source} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def summary(results):
    lines = []
    for program, (pairs, kinds) in results.items():
        good = sum(pair.good for pair in pairs.values())
        lines.append(f"{program}: {good} of {len(pairs)} ordered pairs, {kinds}.")
    return "\n".join(lines)


def write_markdown(known, killed, hosts, results):
    path = DOCS / "hosts.md"
    program, (pairs, _) = next(iter(results.items()))
    generated = "\n\n".join([f"By `make matrix`. {machine()}.", facts_table(known, killed), summary(results),
                             f"Each pair for {program}:", pairs_table(hosts, pairs)])
    begin, end = "<!-- matrix: begin -->", "<!-- matrix: end -->"
    text = path.read_text()
    head, rest = text.split(begin)
    path.write_text(head + begin + "\n\n" + generated + "\n\n" + end + rest.split(end)[1])


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Yadokari: every host to every host</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 80em; padding: 0 1em; color: #222; }}
table {{ border-collapse: collapse; margin: 1em 0; font-size: 13px; }}
th, td {{ border: 1px solid #ddd; padding: 3px 7px; text-align: right; }}
th {{ background: #f6f6f6; font-weight: 600; text-align: left; }}
thead th.to {{ writing-mode: vertical-rl; transform: rotate(180deg); vertical-align: bottom; text-align: left; }}
td.good {{ background: #e3f4e3; }} td.bad {{ background: #f9c9c4; }} td.self {{ background: #cfe8d4; }}
td.none {{ background: #f3f3f3; }} table.facts td {{ text-align: left; }}
p.note {{ color: #666; }}
</style></head><body>
<h1>Every host to every host</h1>
<p>A guest is checkpointed in the host of the row and continued in the host of the column. A number is the
milliseconds from the command <code>yado restore</code> to the guest's right end; red: it did not come out right
(the reason is shown when the pointer rests on it); grey: the host's own WASI cannot run the program (docs/hosts.md).
In a host's name <code>sealed:</code> means its sealed tier; all others interpret.</p>
<p class="note">{machine}; by <code>make matrix</code>, {date}.</p>
{tables}
<h2>The hosts</h2>
{facts}
</body></html>
"""


def html_pairs(hosts, program, pairs, kinds):
    good = sum(pair.good for pair in pairs.values())
    lines = [f"<h2>{html.escape(program)}: {good} of {len(pairs)} ordered pairs</h2>",
             f"<p>Of the snapshots: {html.escape(kinds)}.</p>",
             "<table><thead><tr><th>from, to</th>"
             + "".join(f'<th class="to">{host}</th>' for host in hosts) + "</tr></thead>"]
    for source in hosts:
        cells = []
        for target in hosts:
            pair = pairs.get((source, target))
            kind = "none" if not pair else "bad" if not pair.good else "self" if source == target else "good"
            title = html.escape(f"{source} to {target}" + ("" if not pair or pair.good else f": {pair.detail}"))
            cells.append(f'<td class="{kind}" title="{title}">{f"{pair.milliseconds:,.0f}" if pair else ""}</td>')
        lines.append(f"<tr><th>{source}</th>{''.join(cells)}</tr>")
    return "\n".join(lines) + "</table>"


def html_facts(known, killed):
    lines = facts_table(known, killed).splitlines()
    rows = [[cell.strip().strip("`*") for cell in line.strip("| ").split(" | ")] for line in lines]
    head = "".join(f"<th>{html.escape(cell.replace('`', ''))}</th>" for cell in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows[2:])
    return f'<table class="facts"><tr>{head}</tr>{body}</table>'


def write_html(known, killed, hosts, results):
    tables = "\n".join(html_pairs(hosts, program, *result) for program, result in results.items())
    (DOCS / "hosts.html").write_text(PAGE.format(machine=html.escape(machine()), date=time.strftime("%Y-%m-%d"),
                                                 tables=tables, facts=html_facts(known, killed)))


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--hosts")
    parser.add_argument("--print", action="store_true")
    parser.add_argument("programs", nargs="*")
    given = parser.parse_args()
    names = [name for name, _, _ in PROGRAMS] if given.programs == ["all"] else given.programs or ["nbody.wasm"]
    known = TRAVEL.hosts()
    hosts = [name for name, about in known.items() if about["installed"]]
    hosts += [name for name in SEALED_HOSTS if name.removeprefix(SEALED) in hosts]
    if given.hosts:
        hosts = [name for name in hosts if name in given.hosts.split(",")]
    for name, about in known.items():
        if not about["installed"]:
            print(f"{name} is left out: {short(about['reason'])}")
    results = {}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for program, arguments, reproducible in PROGRAMS:
            if program not in names:
                continue
            pairs, kinds = results[program] = travel(pool, hosts, program, arguments)
            for (source, target), pair in pairs.items():
                check(pair.good, f"{program}: {source} -> {target}", pair.detail)
            if reproducible:
                check(kinds.startswith(SAME), program, kinds)
    killed = killable([host for host in hosts if host != "native" and not host.startswith(SEALED)])
    for host, good in killed.items():
        check(good, host, "does not end with yado")
    print(summary(results))
    if not given.print:
        write_markdown(known, killed, hosts, results)
        write_html(known, killed, hosts, results)
    finish()


if __name__ == "__main__":
    main()
