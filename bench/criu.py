#!/usr/bin/env python3
"""The paper's table: a snapshot by Yadokari against CRIU's image of the same host's process that runs the same
guest directly. Writes the table of docs/hosts.md.

    criu.py [--print] [HOST...]

For each host the SQLite benchmark is made so long that it runs about half a second directly, and is stopped half
way. Times are medians of RUNS (5), the two kinds alternated. `stop` is how long the guest stands still: what CRIU
calls frozen, what `yado checkpoint` says it took. `restore` is from the start of the command to the guest's going
on: `criu restore` detached, and a `yado restore` that --max-fuel ends at its first poll.
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

from bench import BIN, GUESTS, ROOT, RUNS, WORK, YADO, Table, machine

CRIU = BIN / "criu"
MODULE = "sqlite_bench.wasm"
SECONDS = 0.5
MOST = 8000  # rows; SQLite sorts more of them in files


class Failed(Exception):
    pass


def hosts():
    listing = subprocess.run([YADO, "hosts", "--json", "--module", MODULE], cwd=WORK, capture_output=True,
                             text=True, check=True)
    return {host["name"]: host["command"] for host in json.loads(listing.stdout) if host.get("command")}


def start(command, rows):
    """In a session of its own and without a terminal or pipes, as CRIU wants it."""
    return subprocess.Popen([*command, str(rows), ":memory:"], cwd=WORK, stdin=subprocess.DEVNULL,
                            stdout=open(WORK / "out", "wb"), stderr=subprocess.STDOUT, start_new_session=True)


def start_and_wait(command, rows, took):
    """The guest about half way; it is not always as fast."""
    for part in (2, 3, 4, 6, 8):
        process = start(command, rows)
        time.sleep(took / part)
        if process.poll() is None:
            return process
    raise Failed("the guest always ended before")


def duration(command, rows):
    before = time.monotonic()
    return time.monotonic() - before if start(command, rows).wait() == 0 else None


def rows_for(command):
    """So many that the run takes SECONDS, and how long it takes."""
    rows = 500
    while (took := duration(command, rows)) and took < SECONDS and rows < MOST:
        rows = min(MOST, int(rows * min(4, max(1.3, SECONDS * 1.1 / took))))
    return rows, took


def said(result):
    """The first error; CRIU complains of its own limit of open files in every run."""
    lines = [line for line in (result.stdout + result.stderr).splitlines()
             if "Error" in line and "RLIMIT_NOFILE" not in line] or [f"exit code {result.returncode}"]
    return re.sub(r"\s+", " ", lines[0]).replace("|", "/")[:150]


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def criu(command, rows, took):
    """Bytes, milliseconds stopped, milliseconds of the restore."""
    images = WORK / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir()
    process = start_and_wait(command, rows, took)
    dump = subprocess.run([CRIU, "dump", "--tree", str(process.pid), "--images-dir", images, "--display-stats"],
                          capture_output=True, text=True)
    end(process.pid)
    process.wait()
    frozen = re.search(r"Frozen time:?\s+(\d+)", dump.stdout + dump.stderr)
    if dump.returncode != 0 or not frozen:
        raise Failed(f"dump: {said(dump)}")
    size = sum(file.stat().st_size for file in images.iterdir() if file.suffix == ".img")
    before = time.monotonic()
    restore = subprocess.run([CRIU, "restore", "--restore-detached", "--images-dir", images, "--pidfile",
                              images / "pid"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    restored = (time.monotonic() - before) * 1000
    if restore.returncode != 0:
        raise Failed(f"restore: {said(restore)}")
    end(int((images / "pid").read_text()))
    return size, int(frozen.group(1)) / 1000, restored


def yado(*arguments):
    return subprocess.run([YADO, *map(str, arguments)], cwd=WORK, capture_output=True, text=True)


def inside(host, rows):
    return [YADO, "run", "--host", host, "--name", f"criu{os.getpid()}", "--dir", ".", MODULE]


def yadokari(host, rows, took):
    snapshot = WORK / "at.snap"
    process = start_and_wait(inside(host, rows), rows, took)
    taken = yado("checkpoint", "--output", snapshot, f"criu{os.getpid()}")
    process.wait()
    found = re.search(r"(\d+) bytes, written in ([\d.]+) ms", taken.stdout + taken.stderr)
    if not found:
        raise Failed(f"checkpoint: {(taken.stdout + taken.stderr).strip()[:150]}")
    before = time.monotonic()
    restored = yado("restore", "--host", host, "--dir", ".", "--max-fuel", 1, snapshot)
    milliseconds = (time.monotonic() - before) * 1000
    if "fuel" not in restored.stderr:
        raise Failed(f"restore: {restored.stderr.strip()[:150]}")
    return int(found.group(1)), float(found.group(2)), milliseconds


def attempt(measure, *arguments):
    """Three times: a guest may have ended in the middle of it."""
    for _ in range(3):
        try:
            return measure(*arguments), ""
        except Failed as failure:
            reason = str(failure)
    return None, reason


def compare(table, host, command):
    rows, took = rows_for(command)
    if not took:
        table.row(host, "-", "the guest does not run directly", *[""] * 6)
        return
    took_inside = duration(inside(host, rows), rows)
    if not took_inside:
        sys.exit(f"{host}: the guest does not run inside Yadokari: {(WORK / 'out').read_text()[-300:]}")
    ours, theirs, ours_said, theirs_said = [], [], "", ""
    for _ in range(RUNS):
        if not theirs_said:
            result, theirs_said = attempt(criu, command, rows, took)
            theirs += [result] if result else []
        if not ours_said:
            result, ours_said = attempt(yadokari, host, rows, took_inside)
            ours += [result] if result else []
    medians = [[statistics.median(column) for column in zip(*figures)] if figures and not failure else None
               for figures, failure in ((ours, ours_said), (theirs, theirs_said))]
    show = [[f"{size / 1000:,.0f} KB", f"{stop:,.0f} ms", f"{restored:,.0f} ms"] if figures else ["-"] * 3
            for figures in medians for size, stop, restored in [figures or (0, 0, 0)]]
    ratio = f"1/{medians[1][0] / medians[0][0]:.0f}" if all(medians) else theirs_said or ours_said
    table.row(host, f"{rows:,}", *(cell for pair in zip(*show) for cell in pair), ratio)


def write(table):
    version = subprocess.run([CRIU, "--version"], capture_output=True, text=True).stdout.split()[1]
    path = ROOT / "docs" / "hosts.md"
    begin, close = "<!-- criu: begin -->", "<!-- criu: end -->"
    head, rest = path.read_text().split(begin)
    path.write_text(f"{head}{begin}\n\nCRIU {version}; {machine()}\n\n{table.text()}\n{close}"
                    + rest.split(close)[1])


def main():
    words = sys.argv[1:]
    shutil.copy(GUESTS / MODULE, WORK)
    table = Table("host", "rows", "snapshot", "CRIU's image", "stop", "CRIU's stop", "restore", "CRIU's restore",
                  "size, as a part of CRIU's")
    found = hosts()
    for host in [word for word in words if word != "--print"] or found:
        compare(table, host, found[host])
        if "--print" not in words:
            write(table)


if __name__ == "__main__":
    main()
