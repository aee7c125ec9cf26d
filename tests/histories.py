#!/usr/bin/env python3
"""Histories of files, with snapshots at random places and without: what a program sees must be the same.

    histories.py [--seconds N] [--seed S] [--steps N] [--host HOST]... [--yado YADO]

tests/guests/histories.c does what a seed decides: opens, links, renames, removes, reads and writes, on few names, through
descriptors of directories that are renamed and removed meanwhile. Each history runs on a host by itself; then again,
stopped and restored several times (or torn down and rebuilt in its process); some of them go on with a copy of their
directories, as on another machine. What was printed and what is left in the directories is compared.

Before that, what others do to a guest's files between a checkpoint and the restore: it goes on with those that it had, or
is refused, by name, what are others now.

A checkpoint that is refused, by name, while the guest goes on, is counted and printed, and must be rare. Histories
that differ are kept in build/histories.
"""

import argparse
import contextlib
import os
import pathlib
import random
import re
import shutil
import subprocess
import tempfile
import time

from checks import check, finish
from guest import children, until
from travel import SEALED, place

ROOT = pathlib.Path(__file__).resolve().parent.parent
GUEST = ROOT / "build" / "guests" / "histories.wasm"
IDENTITY = ROOT / "build" / "guests" / "identity.wasm"
KEPT = ROOT / "build" / "histories"
CHECKPOINTED, FAILED = 85, 125
COPIED = 0.2      # of the moves
TORN_DOWN = 0.3   # of the histories
MOST_REFUSED = 0.02
# Why a snapshot cannot be: moved out of all directories; in a host, deleted and open for writing only.
REFUSALS = ("is not found in the guest's directories", "the file's contents cannot be read")


class Place:
    """A folder with the guest's two directories."""

    def __init__(self):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="yado-histories-"))
        for name in ("work", "q"):
            (self.path / name).mkdir()

    def options(self):
        return ["--dir", f"{self.path}/work::.", "--dir", f"{self.path}/q::/q"]

    def copied(self):
        """The same in another place; this one is gone."""
        other = Place()
        shutil.rmtree(other.path)
        subprocess.run(["cp", "-a", self.path, other.path], check=True)
        self.remove()
        return other

    def tree(self):
        """Everything in it: names, kinds, contents, and which names are of one file."""
        first, lines = {}, []
        for path in sorted(self.path.rglob("*")):
            name, stat = path.relative_to(self.path), path.lstat()
            if name.parts[0] not in ("work", "q"):
                continue
            if path.is_symlink():
                lines.append(f"{name} -> {path.readlink()}")
            elif path.is_dir():
                lines.append(f"{name}/")
            else:
                lines.append(f"{name} = {first.setdefault(stat.st_ino, name)}: {path.read_bytes()}")
        return lines

    def remove(self):
        shutil.rmtree(self.path)


class Histories:
    def __init__(self, yado):
        self.yado = str(yado)
        self.refused = {}

    def run(self, *arguments):
        result = subprocess.run([self.yado, *map(str, arguments)], capture_output=True, timeout=300)
        return result.returncode, result.stdout.decode(), result.stderr.decode()

    def alone(self, host, seed, steps):
        """Without snapshots: what was printed, what is left, and the fuel that it took."""
        folder = Place()
        code, out, err = self.run("run", *place(host), "--show-fuel", *folder.options(), GUEST, seed, steps)
        tree = folder.tree()
        folder.remove()
        fuel = re.search(r"fuel: (\d+)", err)
        if code or not fuel:
            raise RuntimeError(f"{host}, seed {seed}: exit {code}: {err}")
        return out, tree, int(fuel.group(1))

    def note_refusals(self, host, seed, err):
        for line in err.splitlines():
            self.refused.setdefault(host, []).append(f"{line} (history {seed})")
        return len(err.splitlines())

    def torn_down(self, host, seed, steps, fuel, choice):
        folder, every = Place(), choice.randrange(fuel // 40, fuel // 4)
        code, out, err = self.run("run", *place(host), "--teardown", every, *folder.options(), GUEST, seed, steps)
        tree = folder.tree()
        folder.remove()
        said = [f"torn down every {every}: exit {code}", err]
        if code == FAILED and any(reason in err for reason in REFUSALS):
            self.note_refusals(host, seed, err)
            return None, None, said, 1
        return out, tree, said + ([] if code == 0 else ["FAILED"]), fuel // every

    def moved(self, host, seed, steps, fuel, choice):
        """With checkpoints at random places. What was printed, what is left, what happened, how many there were."""
        folder = Place()
        snapshot = folder.path / "at.snap"
        points = sorted(choice.sample(range(1, fuel * 9 // 10), choice.randint(1, 4)))
        command, subject, out, said = "run", [GUEST, seed, steps], "", []
        for i, point in enumerate([*points, None]):
            stop = ["--checkpoint-after", point, "--snapshot", snapshot, "--verify"] if point else []
            code, more, err = self.run(command, *place(host), *stop, *folder.options(), *subject)
            out += more
            said.append(f"{command} until {point}: exit {code} {err}")
            # Sealed code polls at fewer places: it may end before.
            if code == 0 and point and (self.note_refusals(host, seed, err) or host.startswith(SEALED)):
                break
            if code != (CHECKPOINTED if point else 0):
                said.append("FAILED")
                break
            if point and choice.random() < COPIED:
                folder = folder.copied()
                snapshot = folder.path / "at.snap"
                said.append("copied")
            command, subject = "restore", [snapshot]
        tree = folder.tree()
        folder.remove()
        return out, tree, said, i + 1 if i < len(points) else i

    def compare(self, host, seed, steps):
        """Whether history `seed` is the same with snapshots, and how many of these there were."""
        choice = random.Random(seed)
        out, tree, fuel = self.alone(host, seed, steps)
        way = self.torn_down if choice.random() < TORN_DOWN else self.moved
        other_out, other_tree, said, count = way(host, seed, steps, fuel, choice)
        if other_out is None or (out, tree) == (other_out, other_tree) and "FAILED" not in said:
            return True, count
        kept = KEPT / f"{host}-{seed}"
        kept.mkdir(parents=True, exist_ok=True)
        for name, text in (("alone", out + "\n".join(tree)), ("moved", other_out + "\n".join(other_tree)),
                           ("said", "\n".join(said))):
            (kept / name).write_text(text + "\n")
        print(f"FAILED {host} {seed}: diff {kept}/alone {kept}/moved; {said[-1][-300:]}", flush=True)
        return False, count


# ---- what others do between a checkpoint and the restore

def like(path, other):
    """Makes a file that differs from another in nothing but what it is."""
    shutil.copy2(other, path)


def renamed(work):
    (work / "log").rename(work / "d" / "log.1")
    like(work / "log", work / "d" / "log.1")


def link_changed(work):
    (work / "other").mkdir()
    like(work / "other" / "log", work / "real" / "log")
    (work / "link").unlink()
    (work / "link").symlink_to("other")


def link_removed(work):
    (work / "link").unlink()


def above_renamed(work):
    (work / "real").rename(work / "elsewhere")


def replaced(work):
    (work / "log").rename(work.parent / "away")
    like(work / "log", work.parent / "away")


def directory_replaced(work):
    (work / "d").rename(work.parent / "away")
    (work / "d").mkdir()


def nothing(work):
    pass


# What is done; the file and the directory as the guest opens them; where both are then, or None: it is refused.
BETWEEN = [
    (nothing, "log", "d", "log", "d"),
    (nothing, "link/../log", "link/../d", "log", "d"),
    (nothing, "link/log", "real/up", "real/log", "d"),
    (renamed, "log", "d", "d/log.1", "d"),
    (link_changed, "link/log", "link", "real/log", "real"),
    (link_removed, "link/log", "link", "real/log", "real"),
    (above_renamed, "real/log", "real", "elsewhere/log", "elsewhere"),
    (replaced, "log", "d", None, None),
    (directory_replaced, "log", "d", None, None),
]


def between(histories, host, change, file, directory, now_file, now_directory):
    folder, what = Place(), f"{host}: {change.__name__}, {file} and {directory}"
    work, snapshot = folder.path / "work", folder.path / "at.snap"
    for name in ("d", "real"):
        (work / name).mkdir()
    for name in ("log", "real/log"):
        (work / name).write_text(f"before in {name}, ")
    (work / "link").symlink_to("real")
    (work / "real" / "up").symlink_to("../d")
    result = histories.run("run", *place(host), "--checkpoint-after", 5000, "--snapshot", snapshot, "--verify",
                           *folder.options(), IDENTITY, file, directory)
    check(result[0] == CHECKPOINTED, what, result)
    change(work)
    left = folder.tree()
    result = histories.run("restore", *place(host), *folder.options(), snapshot)
    if now_file:
        written = f"before in {'real/log' if 'real' in now_file or 'elsewhere' in now_file else 'log'}, after"
        check(result[0] == 0 and (work / now_file).read_text() == written
              and (work / now_directory / "made").read_text() == "here"
              and len(list(work.rglob("made"))) == 1, what, (result, folder.tree()))
    else:
        check(result[0] == FAILED and "is another file" in result[2] and folder.tree() == left, what, (result, left))
        result = histories.run("restore", *place(host), "--accept-changed", *folder.options(), snapshot)
        check(result[0] == 0 and (work / "log").read_text() == "before in log, after", what + ", accepted", result)
    folder.remove()


def copied(histories, host, other):
    """A copy is as good, also where a directory has the same device; what it is a copy of is left alone."""
    folder = Place()
    (folder.path / "work" / "d").mkdir()
    (folder.path / "work" / "log").write_text("before, ")
    snapshot = folder.path / "at.snap"
    histories.run("run", *place(host), "--checkpoint-after", 5000, "--snapshot", snapshot, "--verify",
                  *folder.options(), IDENTITY, "log", "d")
    copy = Place()
    shutil.copytree(folder.path, copy.path, dirs_exist_ok=True)
    left = folder.tree()
    result = histories.run("restore", *place(other), *copy.options(), snapshot)
    check(result[0] == 0 and (copy.path / "work" / "log").read_text() == "before, after" and folder.tree() == left,
          f"a copy, from {host} to {other}", result)
    folder.remove()
    copy.remove()


def is_open(path, pid):
    """In a process or one that it has started."""
    with contextlib.suppress(OSError):
        return any(os.readlink(file) == str(path) for process in (pid, *children(pid))
                   for file in pathlib.Path(f"/proc/{process}/fd").iterdir())


def moved_away(histories):
    """A file that is in none of the guest's directories any more: no snapshot, and the guest goes on with it."""
    folder = Place()
    work, snapshot = folder.path / "work", folder.path / "at.snap"
    (work / "d").mkdir()
    (work / "log").write_text("before, ")
    trigger = folder.path / "trigger"
    guest = subprocess.Popen([histories.yado, "run", "--trigger", str(trigger), "--snapshot", str(snapshot),
                              *folder.options(), str(IDENTITY), "log", "d", "400000000"], stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    check(until(lambda: is_open(work / "log", guest.pid)), "it has its file")
    (work / "log").rename(folder.path / "away")
    trigger.touch()
    err = guest.communicate(timeout=120)[1].decode()
    check(guest.returncode == 0 and "log" in err and "has another name now" in err and not snapshot.exists()
          and (folder.path / "away").read_text() == "before, after", "moved away", (guest.returncode, err))
    folder.remove()


def pipe(histories, host):
    """A named pipe whose writer is gone: it is opened at once, for the next one."""
    folder = Place()
    fifo, snapshot = folder.path / "work" / "fifo", folder.path / "at.snap"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    result = histories.run("run", *place(host), "--checkpoint-after", 5000, "--snapshot", snapshot, "--verify",
                           *folder.options(), IDENTITY, "fifo")
    os.close(writer)
    check(result[0] == CHECKPOINTED, f"a pipe in {host}", result)
    guest = subprocess.Popen([histories.yado, "restore", *place(host), *folder.options(), str(snapshot)],
                             stdout=subprocess.PIPE)
    while guest.poll() is None:
        try:
            writer = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
        except OSError: # nobody reads yet
            time.sleep(0.1)
            continue
        os.write(writer, b"abc")
        os.close(writer)
        break
    out = guest.communicate(timeout=300)[0]
    # wazero does not wait for a writer: there is nothing to read, which is right, too.
    check(out in (b"read 3\n", b"read 0\n"), f"a pipe with another writer, in {host}", out)
    folder.remove()


def others(histories, hosts):
    for host in hosts:
        for case in BETWEEN:
            between(histories, host, *case)
        if "wasmtime" not in host: # which reads named pipes by their offset (ESPIPE)
            pipe(histories, host)
    for host, other in zip(hosts, [*hosts[1:], hosts[0]]):
        copied(histories, host, other)
    moved_away(histories)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--host", action="append", help="or sealed:HOST; native, wasmtime (sealed, too) and wasmedge, if none is given")
    parser.add_argument("--yado", type=pathlib.Path, default=ROOT / "build" / "yado")
    options = parser.parse_args()
    histories, snapshots = Histories(options.yado), 0
    hosts = options.host or ["native", "wasmtime", "native", "wasmedge", "native", "sealed:wasmtime"]
    others(histories, list(dict.fromkeys(hosts)))
    end, seed = time.monotonic() + options.seconds, options.seed
    while time.monotonic() < end:
        good, taken = histories.compare(hosts[seed % len(hosts)], seed, options.steps)
        check(good, f"history {seed}")
        seed, snapshots = seed + 1, snapshots + taken
    for host, lines in histories.refused.items():
        print(f"{host}: refused {len(lines)}: " + "; ".join(sorted(lines, key=len)[:3]))
    refused = sum(map(len, histories.refused.values()))
    print(f"{seed - options.seed} histories, {snapshots} snapshots, {refused} refused")
    check(refused <= 1 + MOST_REFUSED * snapshots, "few are refused", refused)
    finish()


if __name__ == "__main__":
    main()
