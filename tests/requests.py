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
import threading

from checks import check, run, skip
from guest import Folder, ended, until
from travel import GUESTS, REGISTRY

FOLDER = Folder()
HERE = FOLDER.path
STATE = HERE / "state"
FOLDER.variables["XDG_STATE_HOME"] = STATE
start, yado = FOLDER.start, FOLDER.yado
HOSTS = ("native", "wasmtime", "node")
RESULTS = {39: 63245986, 41: 165580141}
COUNTING = {"native": 41, "wasmtime": 39, "node": 39}  # what takes a few seconds to compute
WITHDRAWN = 30  # seconds in which a guest must go on; it takes one


def counting(*options, number=60):
    """One that computes until it is killed, or for seconds."""
    return FOLDER.guest(*options, GUESTS / "fib.wasm", number).settle()


def is_right(result, number, what):
    check(result[:2] == (0, f"fib({number}) = {RESULTS[number]}\n"), what, result)


def host(name):
    return () if name == "native" else ("--host", name)


def test_delivered():
    """Where the snapshot cannot go, the guest goes on; then it can."""
    for name in HOSTS:
        guest = counting(*host(name))
        gone = HERE / "gone"
        gone.mkdir()
        guest.hold_back()
        asking = start("checkpoint", "--output", "gone/x.snap", guest.name)
        check(until(lambda: (guest.entry / "request").exists()), "it is asked")
        gone.rmdir()
        guest.go_on()
        result = ended(asking)
        check(result[0] == 125 and "goes on" in result[2], f"a folder that has vanished, {name}", result)
        check(guest.runs() and not guest.snapshots() and not guest.holds(),
              f"nothing is left, {name}", sorted(guest.entry.iterdir()))
        result = yado("checkpoint", "--output", "nowhere/x.snap", guest.name)
        check(result[0] == 125 and guest.runs(), "a folder that is not there", result)
        (HERE / "folder").mkdir(exist_ok=True)
        check(yado("checkpoint", "--output", "folder", guest.name)[0] == 125 and guest.runs(), "a folder")
        result = yado("checkpoint", "--output", "x.snap", guest.name)
        check(result[0] == 0 and (HERE / "x.snap").exists(), f"then it can, {name}", result)
        result = guest.end()
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
            guest = counting(*host(name), number=COUNTING[name])
            result = yado("checkpoint", "--output", "small/x.snap", guest.name)
            check(result[0] == 125 and "goes on" in result[2], f"full, {name}", result)
            check(os.listdir(small) == ["fill"], f"nothing is left, {name}", os.listdir(small))
            is_right(guest.end(), COUNTING[name], f"it goes on, {name}")
    finally:
        subprocess.run(["umount", small], check=True)


def test_withdrawn():
    """Ctrl-C and the like at a checkpoint: the guest goes on, whether it has been stopped yet or not."""
    for name in HOSTS:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
            what = f"{name}, {signal.Signals(number).name}"
            guest = counting(*host(name))
            guest.hold_back()
            asking = start("checkpoint", "--output", "never.snap", guest.name)
            until(lambda: (guest.entry / "request").exists())
            asking.send_signal(number)
            result = ended(asking)
            if number != signal.SIGKILL:
                check(result[0] == 128 + number and "withdrawn" in result[2], f"it says so: {what}", result)
                check(not (guest.entry / "request").exists(), f"nothing is asked any more: {what}")
            guest.go_on()
            os.mkfifo(HERE / "fifo")
            asking = start("checkpoint", "--output", "fifo", guest.name)  # which nobody reads
            check(until(guest.snapshots), f"the guest has written it: {what}")
            check(guest.holds(), f"and waits: {what}")
            asking.send_signal(number)
            result = ended(asking)
            check(number == signal.SIGKILL or result[0] == 128 + number, f"withdrawn: {what}", result)
            check(until(lambda: not guest.holds(), WITHDRAWN), f"it waits no more: {what}")
            (HERE / "fifo").unlink()
            check(until(lambda: not guest.snapshots(), WITHDRAWN), f"no snapshot is left: {what}")
            check(guest.runs() and not (HERE / "never.snap").exists(), f"the guest goes on: {what}")
            if number == signal.SIGKILL:
                result = yado("checkpoint", "--output", "then.snap", guest.name)
                check(result[0] == 0 and guest.end()[0] == 85, f"and can be checkpointed: {what}", result)
            guest.kill()
    yado("run", "--name", guest.name, GUESTS / "hello.wasm")
    check("never" not in yado("ps", "--kept")[1], "nothing is kept of it", yado("ps", "--kept"))


def test_kept():
    """A guest is killed with its yado while it waits: its snapshot is kept, once, and goes on."""
    for name in ("native", "wasmtime"):
        guest = counting(*host(name), number=COUNTING[name])
        os.mkfifo(HERE / "fifo")
        asking = start("checkpoint", "--output", "fifo", guest.name)
        check(until(guest.snapshots), "the guest has written it")
        guest.kill()
        asking.kill()
        ended(asking)
        (HERE / "fifo").unlink()
        cleaners = [start("ps") for _ in range(6)]
        said = "".join(ended(cleaner)[2] for cleaner in cleaners)
        check(said.count("is kept in") == 1, f"several clean at once, {name}", said)
        check(not guest.entry.exists(), f"its entry is gone, {name}")
        again = counting()
        listed = yado("ps", "--kept")
        found = re.search(rf"^({guest.name}\S*) .* (/\S+)$", listed[1], re.M)
        if check(found, f"it is listed, {name}", listed):
            check(oct(os.stat(found[2]).st_mode & 0o777) == "0o600", "nobody else reads it")
            is_right(yado("restore", *host(name), "--name", guest.name, found[2]), COUNTING[name], f"it goes on, {name}")
            check(pathlib.Path(found[2]).exists(), "and is still kept")
            check(yado("rm", "no-such-thing")[0] == 2, "rm of what is not there")
            check(yado("rm", found[1])[0] == 0 and not pathlib.Path(found[2]).exists(), "until it is removed")
            check(guest.name not in yado("ps", "--kept")[1], "it is no longer listed")
        again.kill()
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
    result = yado("run", "--name", entry.name, GUESTS / "hello.wasm", env={"XDG_STATE_HOME": HERE / "file"})
    check(result[0] == 125 and (entry / "snapshot").exists(), "what cannot be kept stays where it is", result)
    yado("ps")
    check(not entry.exists(), "and is kept as soon as that can be")


def test_many():
    """Four who ask, each for something else, and one who moves the guest: every one gets what it asked for."""
    yado("keygen", "loop")
    guest = counting()
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
    check(result[0] == 0 and guest.end()[0] == 85, "and ends when it is to", result)


def test_many_ends():
    """Several ask a guest to end: one has it, the others are told that it has ended."""
    guest = counting()
    asking = [start("checkpoint", "--output", f"end-{i}.snap", guest.name) for i in range(6)]
    codes = sorted(ended(one)[0] for one in asking)
    check(codes.count(0) == 1, "one has it", codes)
    check(sum((HERE / f"end-{i}.snap").exists() for i in range(6)) == 1, "in one file")
    check(guest.end()[0] == 85, "the guest ends")


def test_auto():
    """The move of --tier auto into its sealed form is a request as well: it comes between others."""
    new = HERE / "new.wasm"  # which nobody has sealed yet: with a custom section of its own
    new.write_bytes((GUESTS / "fib.wasm").read_bytes() + b"\0\x0d\4salt" + os.urandom(8))
    guest = FOLDER.guest("--host", "wasmtime", "--tier", "auto", "--verbose", new, 60)
    moved = threading.Event()
    done = []

    def ask(who):
        while not moved.is_set() or len(done) < 20:
            done.append(guest.checkpoint("--leave-running", "--output", f"auto-{who}.snap"))

    threads = [threading.Thread(target=ask, args=(who,)) for who in range(2)]
    for thread in threads:
        thread.start()
    check(until(lambda: "goes on sealed" in guest.output()[1], 120), "it goes on sealed", guest.output())
    moved.set()
    for thread in threads:
        thread.join()
    check(all(result.code == 0 for result in done), "beside --tier auto", [one for one in done if one.code][:3])
    result = guest.checkpoint("--output", "auto.snap")
    check(result.code == 0 and guest.end().code == 85, "and after it", result)


def test_alive():
    """An entry is alive while its yado is, however that ends, and not because of a process number."""
    for name in ("native", "wasmtime"):
        guest = counting(*host(name))
        child = guest.child()
        check(yado("run", "--name", guest.name, GUESTS / "hello.wasm")[0] == 2, "its name is taken")
        holders = [path for path in pathlib.Path(f"/proc/{child}/fd").iterdir()
                   if path.exists() and os.readlink(path).endswith("/life")]
        check(not holders, f"the guest's process has no part in that, {name}", holders)
        guest.kill()
        check(yado("run", "--name", guest.name, GUESTS / "hello.wasm")[0] == 0, "its name is free")
    entry = REGISTRY / f"rebooted{os.getpid()}"
    entry.mkdir()
    (entry / "info").write_text("pid=1\nhost=native\nmodule=x\nsnapshot=\n")
    (entry / "life").write_text("")
    check(entry.name not in yado("ps")[1] and not entry.exists(), "a process number that came again")


def test_not_overwritten():
    """No command destroys what it is made of, by whatever path it is named."""
    guest = counting()
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
    check(guest.runs(), "nothing was asked of the guest")
    result = yado("checkpoint", "--base", "k.snap", "--output", "l.snap", guest.name)
    guest.kill()


TESTS = (test_delivered, test_full_disk, test_withdrawn, test_kept, test_kept_of_an_older_one, test_many,
         test_many_ends, test_auto, test_alive, test_not_overwritten)


if __name__ == "__main__":
    run(TESTS)
