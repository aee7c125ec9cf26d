#!/usr/bin/env python3
"""Other people's conditions: what is done with a guest (run, checkpoint, list, inspect, restore, migrate, seal) has the
right result under each, or ends with a clear error and loses nothing.

    conditions.py [CONDITION...]     only these
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

import checks
from checks import check, skip
from guest import YADO, Folder, ended, says, until
from travel import GUESTS, ROOT, TOOLS

FIB, HALF = "fib(20) = 6765\n", ("--checkpoint-after", 100)
NOBODY = 54321  # no user of the password database
FAKETIME = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
IS_ROOT = os.geteuid() == 0


def on(host):
    return () if host == "native" else ("--host", host)


def all_of_it(what, folder, hosts=("native", "wasmtime"), program="fib.wasm", snapshot="at.snap", more=(), ends=FIB):
    """Everything that is done with a guest, from each of the hosts to the next, with the right result."""
    for host, other in zip(hosts, (*hosts[1:], hosts[0])):
        where = f"{what}, {host}"
        result = folder.yado("run", *on(host), program, 20, *more)
        check(result[:2] == (0, ends), f"{where}: run", result)
        result = folder.yado("run", *on(host), *HALF, "--snapshot", snapshot, program, 20, *more)
        check(result.code == 85, f"{where}: a snapshot", result)
        check(says(folder.yado("inspect", "--module", program, snapshot), 0, "fib"), f"{where}: inspect")
        result = folder.yado("restore", *on(other), "--module", program, snapshot)
        check(result[:2] == (0, ends), f"{where}: restored in {other}", result)
        guest = folder.guest(*on(host), program, 60, *more)
        check(guest.where() == host, f"{where}: ps", guest.where())
        result = guest.migrate("--host", other)
        check(result.code == 0 and guest.where() == other, f"{where}: moved to {other}", (result, guest.output()))
        result = guest.checkpoint("--output", snapshot)
        check(result.code == 0 and guest.end().code == 85, f"{where}: a checkpoint by name", (result, guest.output()))
        result = folder.yado("restore", *on(other), "--max-fuel", 100, "--module", program, snapshot)
        check(says(result, 134, "--max-fuel"), f"{where}: which goes on", result)
    result = folder.yado("seal", program, "-o", snapshot + ".wasm")
    check(result.code == 0 and folder.yado("run", snapshot + ".wasm", 20, *more)[:2] == (0, ends), f"{what}: seal", result)
    left = folder.yado("ps").out
    check(f"g{os.getpid()}-" not in left, f"{what}: nothing is left", left)


@contextlib.contextmanager
def mask(number):
    before = os.umask(number)
    try:
        yield
    finally:
        os.umask(before)


def test_umask():
    for number in (0o077, 0o000):
        with mask(number):
            all_of_it(f"umask {number:03o}", Folder("fib"))


def test_no_home():
    all_of_it("no $HOME", Folder("fib", HOME=None, XDG_CACHE_HOME=None, XDG_CONFIG_HOME=None, XDG_STATE_HOME=None))


def test_other_file_system():
    """Of the registry: what is written there is moved to where it is to be."""
    folder = Folder("fib")
    other = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-", dir="/dev/shm"))
    if other.stat().st_dev == folder.path.stat().st_dev:
        skip("another file system", "/dev/shm is none")
    else:
        folder.variables["XDG_RUNTIME_DIR"] = other
        all_of_it("another file system", folder)
    shutil.rmtree(other)


class Nobodys(Folder):
    """A folder of a user that is not root and has no home, who has tools that he can read: an interpreter as a host."""

    def __init__(self, home):
        super().__init__("fib")
        self.path.chmod(0o755)
        tools = self.path / "tools" / "bin"
        tools.mkdir(parents=True)
        shutil.copy(TOOLS / "bin" / "iwasm", tools)
        for file in (YADO, *(ROOT / "build").glob("yadokari*.wasm")):
            if ".debug" not in file.name:
                shutil.copy(file, self.path)
        self.home = self.path / "home"
        self.home.mkdir()
        self.command = str(self.path / "yado")
        for name in ("work", "run"):
            (self.path / name).mkdir(mode=0o700)
        shutil.copy(self.path / "fib.wasm", self.path / "work")
        self.variables = {"HOME": self.home if home else None, "YADO_TOOLS": self.path / "tools",
                          "XDG_RUNTIME_DIR": self.path / "run", "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None,
                          "XDG_STATE_HOME": None}
        self.user = {}
        if IS_ROOT:
            for path in (self.home, self.path / "work", self.path / "run", self.path / "tools"):
                os.chown(path, NOBODY, NOBODY)
            os.chown(tools, NOBODY, NOBODY)
            self.uid = NOBODY
            self.user = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    def start(self, *arguments, **options):
        return super().start(*arguments, **{"cwd": self.path / "work", **self.user, **options})


def test_not_root():
    all_of_it("not root", Nobodys(home=True), ("native", "iwasm"))


def test_read_only_home():
    """Neither a cache nor a state can be written."""
    folder = Nobodys(home=True)
    folder.home.chmod(0o555)
    all_of_it("a read-only home", folder, ("native",))
    result = folder.yado("run", "--host", "iwasm", "fib.wasm", 20)
    check(result[:2] == (0, FIB) or says(result, 125, str(folder.home)), "a host in a read-only home", result)


def test_nowhere():
    """No home at all, in no way."""
    folder = Nobodys(home=False)
    all_of_it("no home", folder, ("native",))
    result = folder.yado("run", "--host", "iwasm", "fib.wasm", 20)
    check(result[:2] == (0, FIB) or says(result, 125, "home"), "a host without any home", result)


def test_long_arguments():
    """100 KB of them, in one and in many."""
    for more in (("a" * 100_000,), ("b" * 99,) * 1000):
        all_of_it(f"{len(more)} arguments", Folder("fib"), more=more)


def test_names():
    """Spaces and every byte but / and NUL, in folders and files."""
    every = [os.fsdecode(bytes(range(first, last))) for first, last in ((1, 47), (48, 150), (150, 256))]
    for name in (" two  spaces ", "-dash", "=,:%{module}", "$HOME `x` 'y\" \\", *every):
        folder = Folder()
        inside = folder.path / name
        inside.mkdir()
        shutil.copy(GUESTS / "fib.wasm", inside / f"{name}.wasm")
        program = inside / f"{name}.wasm"
        result = folder.yado("run", *HALF, "--snapshot", inside / f"{name}.s", program, 20)
        if "\n" in name and result.code != 85:
            check(result.code in (2, 125) and "line break" in result.err and not (inside / f"{name}.s").exists(),
                  "a line break is refused in words", result)
            continue
        text = not re.search("[\udc80-\udcff]", name)
        all_of_it(f"the name {name!r}", folder, ("native", "wasmtime") if text else ("native",), str(program),
                  str(inside / f"{name}.s"))
        if not text:
            refused_by_host(folder, program, inside / f"{name}.s")


def refused_by_host(folder, program, snapshot):
    """Wasmtime takes no arguments that are not UTF-8: that is said, and the guest goes on where it is."""
    result = folder.yado("run", "--host", "wasmtime", program, 20)
    check(says(result, 125, "UTF-8", "wasmtime"), "no UTF-8: run", result)
    result = folder.yado("run", *HALF, "--snapshot", snapshot, program, 20)
    refused = folder.yado("restore", "--host", "wasmtime", "--module", program, snapshot)
    check(result.code == 85 and says(refused, 125, "UTF-8", "wasmtime"), "no UTF-8: restore", (result, refused))
    check(folder.yado("restore", "--module", program, snapshot)[:2] == (0, FIB), "no UTF-8: the snapshot is still good")
    guest = folder.guest(program, 60)
    result = guest.migrate("--host", "wasmtime")
    check(result.code == 125 and "utf-8" in guest.output()[1].lower() and guest.where() == "native", "no UTF-8: migrate",
          (result, guest.output()))
    result = guest.checkpoint("--output", snapshot)
    check(result.code == 0 and guest.end().code == 85, "no UTF-8: the guest went on", result)


def test_two_clients():
    """Each does everything, in one folder and with one registry; and both the same."""
    folder = Folder("fib")
    both = [threading.Thread(target=all_of_it_beside, args=(folder, f"client-{i}")) for i in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    folder.yado("run", *HALF, "--snapshot", "one.snap", "fib.wasm", 20)
    guest = folder.guest("fib.wasm", 60)
    for what, words, good in (
            ("restore", ("restore", "one.snap"), lambda result: result[:2] == (0, FIB)),
            ("seal", ("seal", "fib.wasm", "-o", "sealed.wasm"), lambda result: result.code == 0),
            ("squash", ("squash", "-o", "squashed.snap", "one.snap"), lambda result: result.code == 0),
            ("checkpoint", ("checkpoint", "--leave-running", "--output", "same.snap", guest.name),
             lambda result: result.code == 0)):
        results = at_once(folder, words, words)
        check(all(map(good, results)), f"{what}, twice at once", results)
    check(folder.yado("restore", "squashed.snap")[:2] == (0, FIB) and folder.yado("run", "sealed.wasm", 20)[:2] == (0, FIB)
          and says(folder.yado("inspect", "same.snap"), 0, "fib"), "what they have written is whole")
    results = at_once(folder, *[("run", "--name", "one-name", *HALF, "--snapshot", f"{i}.snap", "fib.wasm", 33)
                                for i in range(2)])
    taken = [result for result in results if result.code == 2 and "one-name" in result.err]
    check(len(taken) <= 1 and all(result.code == 85 for result in results if result not in taken), "one name", results)
    results = at_once(folder, ("migrate", "--host", "wasmtime", guest.name), ("migrate", "--host", "wasmtime", guest.name))
    check(any(result.code == 0 for result in results) and guest.where() == "wasmtime" and
          all(result.code == 0 or "wasmtime" in result.err or guest.name in result.err for result in results),
          "moved by two", results)
    results = at_once(folder, *[("checkpoint", "--output", f"end-{i}.snap", guest.name) for i in range(2)])
    check(sorted(result.code == 0 for result in results) == [False, True] and guest.end().code == 85, "ended by two", results)
    shown = [folder.yado("inspect", f"end-{i}.snap").code for i in range(2) if (folder.path / f"end-{i}.snap").exists()]
    check(shown == [0], "one snapshot of it", shown)


def all_of_it_beside(folder, name):
    """The same without what is only so when nobody else is there."""
    guest = folder.guest("fib.wasm", 60)
    for turn in range(3):
        for host in ("wasmtime", "native"):
            result = folder.yado("run", *on(host), *HALF, "--snapshot", f"{name}.snap", "fib.wasm", 20)
            check(result.code == 85, f"{name} runs in {host}", result)
            result = folder.yado("restore", *on(host), f"{name}.snap")
            check(result[:2] == (0, FIB), f"{name} restores in {host}", result)
            result = guest.migrate("--host", host)
            check(result.code == 0 and guest.where() == host, f"{name} moves to {host}", result)
            result = guest.checkpoint("--leave-running", "--output", f"{name}.snap")
            check(says(result, 0) and says(folder.yado("inspect", f"{name}.snap"), 0, "fib"), f"{name} freezes", result)
            result = folder.yado("seal", "fib.wasm", "-o", f"{name}.wasm")
            check(result.code == 0 and folder.yado("run", f"{name}.wasm", 20)[:2] == (0, FIB), f"{name} seals", result)
    guest.kill()


def at_once(folder, *commands):
    """How they end that begin together."""
    return [ended(process) for process in [folder.start(*command) for command in commands]]


# ---- full disks

PAGE = 4096
PAGES = 64  # of the small disk


@contextlib.contextmanager
def small_disk(folder):
    disk = folder.path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={PAGES * PAGE},mode=700", "tmpfs", disk], check=True,
                   capture_output=True)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


def leave(disk, pages):
    """This many pages are free."""
    (disk / "filler").unlink(missing_ok=True)
    with contextlib.suppress(OSError), open(disk / "filler", "wb", buffering=0) as filler:
        while True:
            filler.write(bytes(PAGE))
    with open(disk / "filler", "r+b") as filler:
        filler.truncate(max(0, filler.seek(0, os.SEEK_END) - pages * PAGE))


FULL = re.compile(r"No space left|not enough room|is full")


def test_full_disk():
    """At each write: what is on the small disk, the snapshot, the registry, or what is kept, fits up to some page."""
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode:
        skip("full disks", "nothing can be mounted here")
        return
    for what in ("output", "registry", "state"):
        for host in ("native", "wasmtime"):
            full(what, host)


def full(what, host):
    folder = Folder("fib")
    with small_disk(folder) as disk:
        (disk / "old").write_text("old")
        folder.variables.update({"output": {}, "registry": {"XDG_RUNTIME_DIR": disk}, "state": {"XDG_STATE_HOME": disk}}[what])
        target = (disk if what == "output" else folder.path) / "x.snap"
        refused = 0
        for pages in (*range(12), 16, 24, 40):
            where = f"{what} on a disk with {pages} free pages, {host}"
            leave(disk, pages)
            result = folder.yado("run", *on(host), *HALF, "--snapshot", target, "fib.wasm", 20)
            good = result.code == 85 and folder.yado("restore", target)[:2] == (0, FIB)
            ran = result[:2] == (0, FIB)  # a guest that cannot be frozen goes on to its end
            check(good or (ran or result.code == 125) and FULL.search(result.err), f"run, {where}", result)
            refused += not good
            target.unlink(missing_ok=True)
            leave(disk, PAGES)
            guest = folder.guest(*on(host), "fib.wasm", 60)
            leave(disk, pages)
            result = guest.checkpoint("--output", target)
            if result.code == 0:
                check(guest.end().code == 85 and says(folder.yado("inspect", target), 0, "fib"), f"checkpoint, {where}", result)
            else:
                check(FULL.search(result.err) and guest.runs() and not target.exists(), f"no checkpoint, {where}", result)
                other = "wasmtime" if host == "native" else "native"
                result = guest.migrate("--host", other)
                good = result.code == 0 and guest.where() == other or \
                    FULL.search(result.err + guest.output()[1]) and guest.where() == host
                check(good, f"migrate, {where}", (result, guest.output(), guest.where()))
                leave(disk, PAGES)
                result = guest.checkpoint("--output", target)
                check(result.code == 0 and guest.end().code == 85, f"then there is room, {where}", (result, guest.output()))
            leave(disk, pages)
            sealed = target.with_suffix(".wasm")
            result = folder.yado("seal", "fib.wasm", "-o", sealed)
            check(result.code == 0 and sealed.exists() or FULL.search(result.err) and not sealed.exists(), f"seal, {where}",
                  result)
            for path in (target, sealed):
                path.unlink(missing_ok=True)
            left = [path for path in disk.rglob("*") if path.is_file() and path.name not in ("filler", "old")]
            check(not left and (disk / "old").read_text() == "old", f"nothing is left, {where}", left)
        check(refused if what == "output" else True, f"{what}: some of it did not fit", refused)


# ---- clocks

def test_another_boot():
    """A snapshot goes on where the monotonic clock is another one: ahead of where it was, and behind."""
    if subprocess.run(["unshare", "--time", "--monotonic", "100", "true"], capture_output=True).returncode:
        skip("another boot", "no time namespace can be made")
        return
    folder = Folder("fib", "sleep")
    for offset in (10_000_000, -int(time.monotonic()) + 60):
        for host in ("native", "wasmtime"):
            guest = folder.guest(*on(host), "sleep.wasm", 1, 3000).settle()
            check(guest.checkpoint("--output", "at.snap").code == 0 and guest.end().code == 85, "stopped in a sleep")
            begun = time.monotonic()
            result = subprocess.run(["unshare", "--time", "--monotonic", str(offset), YADO, "restore", *on(host), "at.snap"],
                                    cwd=folder.path, capture_output=True, text=True, timeout=120)
            taken = time.monotonic() - begun
            check(result.returncode == 0 and taken < 60, f"a sleep, the clock {offset} s off, {host}", (taken, result))


def test_clock_that_jumps():
    """By a day, to and fro, while the guest runs and while it is moved."""
    if not FAKETIME:
        skip("a clock that jumps", "libfaketime is not installed")
        return
    folder = Folder("fib", "sleep")
    clock = folder.path / "clock"
    clock.write_text("+0\n")
    folder.variables.update({"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
                             "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    jumps = threading.Event()

    def jump():
        at = 0
        while not jumps.wait(0.05):
            at = (at + 1) % 3
            (folder.path / "next").write_text(("+86400\n", "-86400\n", "+0\n")[at])
            os.replace(folder.path / "next", clock)

    jumping = threading.Thread(target=jump)
    jumping.start()
    try:
        all_of_it("a clock that jumps", folder)
        result = folder.yado("run", "--timeout", "100s", "sleep.wasm", 1, 1500)
        check(result.code == 0, "a time limit is not reached by a jump", result)
        begun = time.monotonic()
        result = folder.yado("run", "--timeout", "1s", "sleep.wasm", 1, 60000)
        check(result.code == 134 and time.monotonic() - begun < 50, "nor put off by one", result)
        guest = folder.guest("--every", "100ms", "--keep", 3, "--snapshot", "every.snap", "fib.wasm", 60)
        check(until(lambda: (folder.path / "every.snap.2").exists()), "--every goes on", list(folder.path.iterdir()))
        guest.kill()
        check(says(folder.yado("inspect", "every.snap"), 0, "fib"), "what it has written is whole")
    finally:
        jumps.set()
        jumping.join()


TESTS = (test_umask, test_no_home, test_other_file_system, test_not_root, test_read_only_home, test_nowhere,
         test_long_arguments, test_names, test_two_clients, test_full_disk, test_another_boot, test_clock_that_jumps)

if __name__ == "__main__":
    checks.run(TESTS)
