#!/usr/bin/env python3
"""What is asked of a running guest: it ends when its snapshot is where it was asked for, whoever asks, however often,
and whatever becomes of who asked.

    requests.py [TEST...]     only these
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from checks import check, finish, skip
from travel import GUESTS, REGISTRY, ROOT

YADO = str(ROOT / "build" / "yado")
HERE = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-"))
STATE = HERE / "state"
ENVIRONMENT = {**os.environ, "XDG_STATE_HOME": str(STATE)}
HOSTS = ("native", "wasmtime", "node")
SECONDS = {"native": 41, "wasmtime": 39, "node": 39}  # what takes a few seconds to compute
WITHDRAWN = 30  # seconds in which a guest must go on; it takes one


def start(*arguments, **options):
    return subprocess.Popen([YADO, *map(str, arguments)], cwd=HERE, env=ENVIRONMENT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def ended(process, seconds=120):
    out, errors = process.communicate(timeout=seconds)
    return process.returncode, out, errors


def yado(*arguments):
    return ended(start(*arguments))


def wait_for(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def runs(name):
    return bool(re.search(rf"^{name} ", yado("ps")[1], re.M))


class Guest:
    """One that counts for about a second, or until it is killed."""

    count = 0

    def __init__(self, *options, number=45, wait=True):
        Guest.count += 1
        self.name = f"asked{os.getpid()}-{Guest.count}"
        self.entry = REGISTRY / self.name
        self.number = number
        self.process = start("run", "--name", self.name, *options, GUESTS / "fib.wasm", number)
        if wait:
            check(wait_for(lambda: runs(self.name)), "the guest runs")
            time.sleep(0.3)

    def child(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        wait_for(children.read_text)
        return int(children.read_text().split()[0])

    def hold_back(self):
        """As long as it is stopped, nothing that is asked of it happens."""
        os.kill(self.child(), signal.SIGSTOP)

    def go_on(self):
        os.kill(self.child(), signal.SIGCONT)

    def snapshot(self):
        """That is written and not fetched."""
        return [path for path in self.entry.glob("snapshot.*") if not path.name.endswith(".part")]

    def waits(self):
        """For who asked for its snapshot."""
        return [path for path in self.entry.glob("hold.*") if path.suffix not in (".part", ".leave")]

    def end(self):
        self.process.kill()
        return ended(self.process)

    def is_right(self, result, what):
        numbers = {39: 63245986, 41: 165580141}
        check(result[:2] == (0, f"fib({self.number}) = {numbers[self.number]}\n"), what, result)


def host(name):
    return () if name == "native" else ("--host", name)


def test_delivered():
    """Where the snapshot cannot go, the guest goes on; then it can."""
    for name in HOSTS:
        guest = Guest(*host(name))
        gone = HERE / "gone"
        gone.mkdir()
        guest.hold_back()
        asking = start("checkpoint", "--output", "gone/x.snap", guest.name)
        check(wait_for(lambda: (guest.entry / "request").exists()), "it is asked")
        gone.rmdir()
        guest.go_on()
        result = ended(asking)
        check(result[0] == 125 and "goes on" in result[2], f"a folder that has vanished, {name}", result)
        check(runs(guest.name) and not guest.snapshot() and not guest.waits(),
              f"nothing is left, {name}", sorted(guest.entry.iterdir()))
        result = yado("checkpoint", "--output", "nowhere/x.snap", guest.name)
        check(result[0] == 125 and runs(guest.name), "a folder that is not there", result)
        (HERE / "folder").mkdir(exist_ok=True)
        check(yado("checkpoint", "--output", "folder", guest.name)[0] == 125 and runs(guest.name), "a folder")
        result = yado("checkpoint", "--output", "x.snap", guest.name)
        check(result[0] == 0 and (HERE / "x.snap").exists(), f"then it can, {name}", result)
        result = ended(guest.process)
        check(result[0] == 85 and str(HERE / "x.snap") in result[2], f"the guest's yado says where, {name}", result)
        check(not guest.entry.exists(), f"no entry is left, {name}")


def test_full_disk():
    """The snapshot does not fit: the guest goes on, nothing is left, and what it computes is right."""
    small = HERE / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", small], capture_output=True)
    if mounted.returncode:
        skip("a full disk", "no file system can be mounted")
        return
    try:
        (small / "fill").write_bytes(bytes(4096))
        for name in HOSTS:
            guest = Guest(*host(name), number=SECONDS[name])
            result = yado("checkpoint", "--output", "small/x.snap", guest.name)
            check(result[0] == 125 and "goes on" in result[2], f"full, {name}", result)
            check(os.listdir(small) == ["fill"], f"nothing is left, {name}", os.listdir(small))
            guest.is_right(ended(guest.process), f"it goes on, {name}")
    finally:
        subprocess.run(["umount", small], check=True)


def test_withdrawn():
    """Ctrl-C and the like at a checkpoint: the guest goes on, whether it has been stopped yet or not."""
    for name in HOSTS:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            what = f"{name}, {signal.Signals(number).name}"
            guest = Guest(*host(name))
            guest.hold_back()
            asking = start("checkpoint", "--output", "never.snap", guest.name)
            wait_for(lambda: (guest.entry / "request").exists())
            asking.send_signal(number)
            result = ended(asking)
            if number != signal.SIGKILL:
                check(result[0] == 128 + number and "withdrawn" in result[2], f"it says so: {what}", result)
                check(not (guest.entry / "request").exists(), f"nothing is asked any more: {what}")
            guest.go_on()
            os.mkfifo(HERE / "fifo")
            asking = start("checkpoint", "--output", "fifo", guest.name)  # which nobody reads
            check(wait_for(guest.snapshot), f"the guest has written it: {what}")
            check(guest.waits(), f"and waits: {what}")
            asking.send_signal(number)
            result = ended(asking)
            check(number == signal.SIGKILL or result[0] == 128 + number, f"withdrawn: {what}", result)
            check(wait_for(lambda: not guest.waits(), WITHDRAWN), f"it waits no more: {what}")
            (HERE / "fifo").unlink()
            check(wait_for(lambda: not guest.snapshot(), WITHDRAWN), f"no snapshot is left: {what}")
            check(runs(guest.name) and not (HERE / "never.snap").exists(), f"the guest goes on: {what}")
            if number == signal.SIGKILL:
                result = yado("checkpoint", "--output", "then.snap", guest.name)
                check(result[0] == 0 and ended(guest.process)[0] == 85, f"and can be checkpointed: {what}", result)
            guest.end()
    yado("run", "--name", guest.name, GUESTS / "hello.wasm")
    check("never" not in yado("ps", "--kept")[1], "nothing is kept of it", yado("ps", "--kept"))


def test_kept():
    """A guest is killed with its yado while it waits: its snapshot is kept, once, and goes on."""
    for name in ("native", "wasmtime"):
        guest = Guest(*host(name), number=SECONDS[name])
        os.mkfifo(HERE / "fifo")
        asking = start("checkpoint", "--output", "fifo", guest.name)
        check(wait_for(guest.snapshot), "the guest has written it")
        guest.process.kill()
        asking.kill()
        ended(guest.process), ended(asking)
        (HERE / "fifo").unlink()
        cleaners = [start("ps") for _ in range(6)]
        said = "".join(ended(cleaner)[2] for cleaner in cleaners)
        check(said.count("is kept in") == 1, f"several clean at once, {name}", said)
        check(not guest.entry.exists(), f"its entry is gone, {name}")
        again = Guest(number=45)
        listed = yado("ps", "--kept")
        found = re.search(rf"^({guest.name}\S*) .* (/\S+)$", listed[1], re.M)
        if check(found, f"it is listed, {name}", listed):
            check(oct(os.stat(found[2]).st_mode & 0o777) == "0o600", "nobody else reads it")
            guest.is_right(yado("restore", *host(name), "--name", guest.name, found[2]), f"it goes on, {name}")
            check(pathlib.Path(found[2]).exists(), "and is still kept")
            check(yado("rm", "no-such-thing")[0] == 2, "rm of what is not there")
            check(yado("rm", found[1])[0] == 0 and not pathlib.Path(found[2]).exists(), "until it is removed")
            check(guest.name not in yado("ps", "--kept")[1], "it is no longer listed")
        again.end()
    check(not [path for path in (STATE / "yadokari").iterdir() if path.is_file()], "no file is left",
          list((STATE / "yadokari").iterdir()))


def test_kept_of_an_older_one():
    """What an entry without a lock holds is kept too, before its name is used again."""
    yado("run", "--snapshot", "old.snap", "--checkpoint-after", 1000, GUESTS / "fib.wasm", 32)
    entry = REGISTRY / f"older{os.getpid()}"
    entry.mkdir()
    (entry / "info").write_text(f"pid={os.getpid()}\nhost=native\nmodule=x\nsnapshot=\n")
    shutil.copy(HERE / "old.snap", entry / "snapshot")
    result = yado("run", "--name", entry.name, GUESTS / "hello.wasm")
    check(result[0] == 0 and "kept in" in result[2], "the name is free, the snapshot is kept", result)
    kept = re.search(r"kept in (\S+)", result[2])
    if kept:
        check(yado("restore", kept[1])[:2] == (0, "fib(32) = 2178309\n"), "and is whole")
        yado("rm", pathlib.Path(kept[1]).stem)
    entry.mkdir()
    shutil.copy(HERE / "old.snap", entry / "snapshot")
    (HERE / "file").write_text("")
    result = ended(subprocess.Popen([YADO, "run", "--name", entry.name, GUESTS / "hello.wasm"], text=True,
                                    env={**os.environ, "XDG_STATE_HOME": str(HERE / "file")},
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    check(result[0] == 125 and (entry / "snapshot").exists(), "what cannot be kept stays where it is", result)
    yado("ps")
    check(not entry.exists(), "and is kept as soon as that can be")


def test_many():
    """Four who ask, each for something else, and one who moves the guest: every one gets what it asked for."""
    yado("keygen", "loop")
    guest = Guest()
    yado("checkpoint", "--leave-running", "--output", "base.snap", guest.name)
    kinds = {"plain": ((), lambda text, data: "base" not in text and "LZ4" not in text),
             "based": (("--base", "base.snap"), lambda text, data: str(HERE / "base.snap") in text),
             "packed": (("--compress", "--embed-module"), lambda text, data: "embedded" in text or "LZ4" in text),
             "signed": (("--sign", "loop.key"), lambda text, data: "signed by" in text)}
    wrong, moved = [], []

    def ask(kind):
        options, is_right = kinds[kind]
        for turn in range(25):
            output = f"{kind}-{turn}.snap"
            result = yado("checkpoint", "--leave-running", *options, "--output", output, guest.name)
            told = yado("inspect", *(("--decrypt-with", "loop.key") if kind == "none" else ()), output)
            if result[0] or told[0] or not is_right(told[1], None):
                wrong.append((kind, turn, result, told))

    threads = [threading.Thread(target=ask, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for to in ("wasmtime", "native", "node", "native"):
        moved.append(yado("migrate", "--host", to, guest.name))
    for thread in threads:
        thread.join()
    check(not wrong, f"{len(wrong)} of 100 have failed", wrong[:3])
    check(all(result[0] == 0 for result in moved), "it was moved between them", moved)
    result = yado("checkpoint", "--output", "last.snap", guest.name)
    check(result[0] == 0 and ended(guest.process)[0] == 85, "and ends when it is to", result)


def test_many_ends():
    """Several ask a guest to end: one has it, the others are told that it has ended."""
    guest = Guest()
    asking = [start("checkpoint", "--output", f"end-{i}.snap", guest.name) for i in range(6)]
    codes = sorted(ended(one)[0] for one in asking)
    check(codes.count(0) == 1, "one has it", codes)
    check(sum((HERE / f"end-{i}.snap").exists() for i in range(6)) == 1, "in one file")
    check(ended(guest.process)[0] == 85, "the guest ends")


def test_auto():
    """The move of --tier auto into its sealed form is a request as well: it comes between others."""
    guest = Guest("--host", "wasmtime", "--tier", "auto", number=55)
    done = []

    def ask():
        for turn in range(20):
            done.append(yado("checkpoint", "--leave-running", "--output", f"auto-{turn}.snap", guest.name))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    check(all(result[0] == 0 for result in done), "beside --tier auto", [one for one in done if one[0]][:3])
    wait_for(lambda: "sealed" in pathlib.Path(guest.entry / "command").read_text(), 60)
    result = yado("checkpoint", "--output", "auto.snap", guest.name)
    check(result[0] == 0 and ended(guest.process)[0] == 85, "and after it", result)


def test_alive():
    """An entry is alive while its yado is, however that ends, and not because of a process number."""
    for name in ("native", "wasmtime"):
        guest = Guest(*host(name))
        child = guest.child()
        check(yado("run", "--name", guest.name, GUESTS / "hello.wasm")[0] == 2, "its name is taken")
        holders = [path for path in pathlib.Path(f"/proc/{child}/fd").iterdir()
                   if path.exists() and os.readlink(path).endswith("/life")]
        check(not holders, f"the guest's process has no part in that, {name}", holders)
        guest.end()
        check(yado("run", "--name", guest.name, GUESTS / "hello.wasm")[0] == 0, "its name is free")
    entry = REGISTRY / f"rebooted{os.getpid()}"
    entry.mkdir()
    (entry / "info").write_text("pid=1\nhost=native\nmodule=x\nsnapshot=\n")
    (entry / "life").write_text("")
    check(entry.name not in yado("ps")[1] and not entry.exists(), "a process number that came again")


def test_not_overwritten():
    """No command destroys what it is made of, by whatever path it is named."""
    guest = Guest()
    shutil.copy(GUESTS / "fib.wasm", HERE / "own.wasm")
    yado("checkpoint", "--leave-running", "--output", "j.snap", guest.name)
    yado("checkpoint", "--leave-running", "--base", "j.snap", "--output", "k.snap", guest.name)
    (HERE / "hard.snap").hardlink_to(HERE / "j.snap")
    (HERE / "soft.snap").symlink_to("j.snap")
    (HERE / "way").symlink_to(".")
    yado("keygen", "own")
    yado("seal", "own.wasm", "-o", "own.sealed.wasm")
    run, restore = ("run", "own.wasm", "30"), ("restore", "j.snap")
    files = ("j.snap", "k.snap", "own.wasm", "own.key", "own.pub", "own.sealed.wasm")
    before = [(HERE / file).read_bytes() for file in files]
    cases = [("checkpoint", "--base", "j.snap", "--output", path, guest.name)
             for path in ("j.snap", "./j.snap", "way/j.snap", HERE / "j.snap", "hard.snap", "soft.snap")]
    cases += [("checkpoint", "--base", "k.snap", "--output", "j.snap", guest.name),
              ("checkpoint", "--sign", "own.key", "--output", "own.key", guest.name),
              ("run", "--base", "j.snap", "--snapshot", "hard.snap", *run[1:]),
              ("run", "--base", "k.snap", "--snapshot", "j.snap", *run[1:]),
              ("run", "--snapshot", "way/own.wasm", *run[1:]),
              ("run", "--trigger", "t", "--snapshot", "way/t", *run[1:]),
              ("run", "--trigger", "own.wasm", "--snapshot", "n.snap", *run[1:]),
              ("restore", "--trigger", "j.snap", "--snapshot", "n.snap", "j.snap"),
              ("restore", "--module", "own.wasm", "--snapshot", "own.wasm", "j.snap"),
              ("restore", "--snapshot", "j.snap", "k.snap"),
              ("squash", "--output", "k.snap", "k.snap"), ("squash", "--output", "j.snap", "k.snap"),
              ("squash", "--with-base", "j.snap", "--output", "soft.snap", "k.snap"),
              ("export", "--coredump", "--module", "own.wasm", "--output", "own.wasm", "j.snap"),
              ("export", "--coredump", "--output", "hard.snap", "j.snap"),
              ("seal", "own.wasm", "-o", "way/own.wasm"),
              ("bake", "own.sealed.wasm", "j.snap", "-o", "j.snap"),
              ("bake", "own.sealed.wasm", "j.snap", "-o", "own.sealed.wasm")]
    for case in cases:
        result = yado(*case)
        check(result[0] == 2 and "overwrite" in result[2], " ".join(map(str, case)), result)
    check([(HERE / file).read_bytes() for file in files] == before, "all are as they were")
    (HERE / "j.snap.1").hardlink_to(HERE / "j.snap")
    result = yado("run", "--base", "j.snap.1", "--every", "1s", "--snapshot", "n.snap", *run[1:])
    check(result[0] == 0, "another base with --every", result)
    (HERE / "n.snap.2").unlink(missing_ok=True)
    (HERE / "n.snap.2").hardlink_to(HERE / "j.snap")
    result = yado("run", "--base", "j.snap", "--every", "1s", "--snapshot", "n.snap", *run[1:])
    check(result[0] == 2, "a base that --every would move away", result)
    (HERE / "t").write_text("")
    result = yado("restore", "--snapshot", "j.snap", "--module", "own.wasm", "--trigger", "t", "j.snap")
    check(result[0] == 85, "a guest may go on into the file that it comes from", result)
    check(runs(guest.name), "nothing was asked of the guest")
    result = yado("checkpoint", "--base", "k.snap", "--output", "l.snap", guest.name)
    guest.end()


TESTS = (test_delivered, test_full_disk, test_withdrawn, test_kept, test_kept_of_an_older_one, test_many,
         test_many_ends, test_auto, test_alive, test_not_overwritten)


def main():
    for test in TESTS:
        if test.__name__ in sys.argv[1:] or not sys.argv[1:]:
            test()
    shutil.rmtree(HERE)
    finish()


if __name__ == "__main__":
    main()
