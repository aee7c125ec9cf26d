#!/usr/bin/env python3
"""The paper's table: a snapshot by Yadokari against CRIU's image of the same host's process that runs the same
guest directly. Writes the tables of docs/hosts.md.

    criu.py [--print] [HOST...]     only these; the tables keep the rows of others

The guest is SQLite with as many rows in memory as ROWS says; it stays at its last one (`sqlite_bench --stay`), so
that both are of the same guest at the same place. Times are medians of RUNS (3), the two kinds alternated. `stop` is
how long the guest stands still: what CRIU calls frozen, what `yado checkpoint` says it took. `restore` is from the
start of the command to the guest's going on: `criu restore` detached, and a `yado restore` that --max-fuel ends at
its first poll.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time

from bench import BIN, GUESTS, ROOT, WORK, YADO, Table, machine

CRIU = BIN / "criu"
ALLOWED = ["--file-locks", "--link-remap"]  # what hosts have that CRIU takes only when told to
MODULE = "sqlite_bench.wasm"
RUNS = int(os.environ.get("RUNS", "3"))
ROWS = (500, 8000)
SECONDS = 60  # for a host to get to the last row
UNREACHABLE = ("chromium",)  # by `yado checkpoint`: docs/hosts.md
WRITTEN = b"all rows are written"


class Failed(Exception):
    pass


def hosts():
    listing = subprocess.run([YADO, "hosts", "--json", "--module", MODULE], cwd=WORK, capture_output=True,
                             text=True, check=True)
    return {host["name"]: host["command"] for host in json.loads(listing.stdout)
            if host.get("command") and host["name"] not in UNREACHABLE}


def start(command, rows):
    """The guest, when it has written its rows; in a session of its own and without a terminal or pipes, as CRIU
    wants it."""
    out = WORK / "out"
    with open(out, "wb") as file:
        process = subprocess.Popen([*command, "--stay", str(rows), ":memory:"], cwd=WORK, stdin=subprocess.DEVNULL,
                                   stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    end = time.monotonic() + SECONDS
    while WRITTEN not in out.read_bytes():
        if process.poll() is not None:
            raise Failed(f"the guest ended: {plain(out.read_text())}")
        if time.monotonic() > end:
            process.kill()
            process.wait()
            raise Failed(f"the guest takes more than {SECONDS} s")
        time.sleep(0.01)
    time.sleep(0.1)
    return process


def plain(text):
    return re.sub(r"\s+", " ", text).strip().replace("|", "/")[:150]


def said(result):
    """The first error; CRIU complains of its own limit of open files in every run."""
    lines = [line for line in (result.stdout + result.stderr).splitlines()
             if "Error" in line and "RLIMIT_NOFILE" not in line] or [f"exit code {result.returncode}"]
    return plain(lines[0])


def compressed(files):
    """What LZ4, which is what `yado checkpoint --compress` uses, makes of them."""
    return sum(len(subprocess.run(["lz4", "-q", "-c", file], capture_output=True, check=True).stdout)
               for file in files)


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def criu(command, rows):
    """Bytes, bytes compressed, milliseconds stopped, milliseconds of the restore."""
    images = WORK / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir()
    process = start(command, rows)
    dump = subprocess.run([CRIU, "dump", *ALLOWED, "--tree", str(process.pid), "--images-dir", images,
                           "--display-stats"],
                          capture_output=True, text=True)
    end(process.pid)
    process.wait()
    frozen = re.search(r"Frozen time:?\s+(\d+)", dump.stdout + dump.stderr)
    if dump.returncode != 0 or not frozen:
        raise Failed(f"dump: {said(dump)}")
    files = sorted(images.glob("*.img"))
    before = time.monotonic()
    restore = subprocess.run([CRIU, "restore", *ALLOWED, "--restore-detached", "--images-dir", images, "--pidfile",
                              images / "pid"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    restored = (time.monotonic() - before) * 1000
    if restore.returncode != 0:
        raise Failed(f"restore: {said(restore)}")
    end(int((images / "pid").read_text()))
    return sum(file.stat().st_size for file in files), compressed(files), int(frozen.group(1)) / 1000, restored


def yado(*arguments):
    return subprocess.run([YADO, *map(str, arguments)], cwd=WORK, capture_output=True, text=True)


def checkpoint(name, *options):
    """Bytes, and milliseconds that the guest waited."""
    taken = yado("checkpoint", *options, name)
    found = re.search(r"(\d+) bytes, written in ([\d.]+) ms", taken.stdout + taken.stderr)
    if not found:
        raise Failed(f"checkpoint: {plain(taken.stdout + taken.stderr)}")
    return int(found.group(1)), float(found.group(2))


def yadokari(host, rows):
    """Bytes, bytes compressed, milliseconds stopped, milliseconds of the restore, bytes of what changed since a
    tenth of a second ago, milliseconds stopped for those."""
    snapshot, name = WORK / "at.snap", f"criu{os.getpid()}"
    process = start([YADO, "run", "--host", host, "--name", name, "--dir", ".", MODULE], rows)
    try:
        size, stop = checkpoint(name, "--leave-running", "--output", snapshot)
        small, _ = checkpoint(name, "--leave-running", "--compress", "--output", WORK / "small.snap")
        time.sleep(0.1)
        changes, changes_stop = checkpoint(name, "--base", snapshot, "--output", WORK / "changes.snap")
    finally:
        process.terminate()
        process.wait()
    before = time.monotonic()
    restored = yado("restore", "--host", host, "--dir", ".", "--max-fuel", 1, snapshot)
    milliseconds = (time.monotonic() - before) * 1000
    if "fuel" not in restored.stderr:
        raise Failed(f"restore: {plain(restored.stderr)}")
    return size, small, stop, milliseconds, changes, changes_stop


def measure(host, command, rows):
    """The medians of both kinds, and why there are none."""
    figures, reasons = ([], []), ["", ""]
    for _ in range(RUNS):
        for kind, attempt in enumerate((lambda: yadokari(host, rows), lambda: criu(command, rows))):
            try:
                if not reasons[kind]:
                    figures[kind].append(attempt())
            except Failed as failure:
                reasons[kind] = str(failure)
    return [None if reason else [statistics.median(column) for column in zip(*rows_)]
            for rows_, reason in zip(figures, reasons)], reasons


def compare(tables, host, command, rows):
    (ours, theirs), reasons = measure(host, command, rows)

    def part(of, to):
        return f"1/{to / of:.1f}" if to >= of else f"{of / to:.1f}"

    def cells(figures, unit, which):
        return [f"{figures[i] / (1000 if unit == 'KB' else 1):,.0f} {unit}" if figures else "-" for i in which]

    label = [host, f"{rows:,}"]
    both = ours and theirs
    sizes, times = tables
    sizes.row(*label, *cells(ours, "KB", [0, 1, 4]), *cells(theirs, "KB", [0, 1]),
              *([f"**{part(ours[0], theirs[0])}**", part(ours[1], theirs[1])] if both else ["-", "-"]),
              "; ".join(filter(None, reasons)))
    times.row(*label, *cells(ours, "ms", [2, 5]), *cells(theirs, "ms", [2]), *cells(ours, "ms", [3]),
              *cells(theirs, "ms", [3]))
    return ours


def merged(lines, before):
    """The table with the rows that the one of the same head had of other hosts."""
    old = before.split(lines[0] + "\n")[1].split("\n\n")[0].split("\n")[1:] if lines[0] in before else []
    measured = {line.split()[1] for line in lines[2:]}
    kept = [line for line in old if line.startswith("|") and line.split()[1] not in measured]
    return "\n".join(lines[:2] + sorted(lines[2:] + kept, key=lambda line: line.split()[1])) + "\n"


def write(tables):
    version = subprocess.run([CRIU, "--version"], capture_output=True, text=True).stdout.split()[1]
    path = ROOT / "docs" / "hosts.md"
    begin, close = "<!-- criu: begin -->", "<!-- criu: end -->"
    head, rest = path.read_text().split(begin)
    before, rest = rest.split(close)
    text = "\n".join(merged(table.lines, before) for table in tables)
    path.write_text(f"{head}{begin}\n\nCRIU {version}; {machine(RUNS)}\n\n{text}\n{close}{rest}")


def main():
    words = sys.argv[1:]
    shutil.copy(GUESTS / MODULE, WORK)
    tables = (Table("host", "rows", "snapshot", "LZ4", "changes", "CRIU's image", "LZ4", "size, as a part of CRIU's",
                    "LZ4", "what CRIU or Yadokari said"),
              Table("host", "rows", "stop", "stop for the changes", "CRIU's stop", "restore", "CRIU's restore"))
    found = hosts()
    for host in [word for word in words if word != "--print"] or found:
        for rows in ROWS:
            if not compare(tables, host, found[host], rows):
                break
            if "--print" not in words:
                write(tables)


if __name__ == "__main__":
    main()
