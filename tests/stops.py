#!/usr/bin/env python3
"""Programs that hardly compute are stopped soon, whatever they wait for, and go on as if nothing had been.

The bounds are generous, for machines with other work: a guest that nobody looks at answers after seconds or
never. bench/checkpoints.py measures.

    stops.py [SHAPE...]     only these
"""

import os
import random
import subprocess
import sys
import threading
import time

from checks import check, finish
from guest import Folder
from travel import GUESTS

FOLDER = Folder(kind="stops")
HERE, yado = FOLDER.path, FOLDER.yado
WAYS = {"native": [], "wasmtime": ["--host", "wasmtime"], "wasmedge": ["--host", "wasmedge-aot"],
        "sealed": ["--host", "wasmtime", "--tier", "sealed"]}
# The rounds are some seconds' worth; the sum is what the guest says at its end, None when it is never let there.
SHAPES = {"sleep1": (1500, 0), "sleep20": (120, 0), "sleep49": (60, 0), "poll30": (80, 0), "line20": (120, 0),
          "read": (150, 150 * ord("x")), "write": (40, 0), "fifo": (1, 4), "yield": (None, 0), "clock": (None, 0),
          "files": (None, 0), "large": (None, 0), "random": (None, 0), "compute": (None, 0)}
# docs/hosts.md: a host that calls every pipe ready, and opens of FIFOs.
CANNOT = {("wasmtime", "write"), ("sealed", "write"), ("wasmtime", "fifo"), ("sealed", "fifo"), ("wasmedge", "fifo")}
SECONDS = 2.0


def feed(pipe, shape):
    """What the guest reads comes slowly."""
    try:
        while shape == "read":
            pipe.write(b"x")
            pipe.flush()
            time.sleep(0.02)
    except (OSError, ValueError):
        pass


def begin(shape, *arguments, **options):
    """A guest whose input comes slowly, and whose output stays in the pipe while nobody asks for it."""
    guest = FOLDER.guest("--dir", ".", *arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
    threading.Thread(target=feed, args=(guest.process.stdin, shape), daemon=True).start()
    return guest


def read(guest):
    def reading():
        while guest.process.stdout.read(65536):
            pass
    threading.Thread(target=reading, daemon=True).start()


def ask(guest, *options):
    """Seconds until the guest has answered, without what writing took."""
    begun = time.monotonic()
    code, out, err = guest.checkpoint(*options, "--output", f"{guest.name}.snap")
    taken = time.monotonic() - begun
    if code != 0:
        return None, err
    return taken - float(out.split("written in ")[1].split()[0]) / 1000, out


def stop(way, shape):
    options, (rounds, total) = WAYS[way], SHAPES[shape]
    path = f"{shape}-{way}"
    if shape == "fifo":
        os.mkfifo(HERE / path)
    guest = begin(shape, *options, GUESTS / "loops.wasm", shape, rounds or 2_000_000_000, path)
    if shape != "write":
        read(guest)
    ask(guest, "--leave-running")  # the first waits for the host to have compiled what it runs
    times = []
    for i in range(4):
        time.sleep(random.random() * 0.1)
        taken, text = ask(guest, *(["--leave-running"] if i < 3 else []))
        if not check(taken is not None, f"{shape} {way}: a checkpoint", text):
            guest.kill()
            return
        times.append(taken)
    check(sorted(times)[1] < SECONDS, f"{shape} {way}: stopped soon", times)
    code, _, err = guest.end()
    check(code == 85, f"{shape} {way}: ends when it is checkpointed", f"exit {code}: {err}")
    if rounds:
        go_on(way, shape, guest.name, path, f"{shape}: {rounds} rounds, {total}\n")


def go_on(way, shape, name, path, expected):
    """In the other tier, or natively."""
    others = WAYS["wasmtime"] if way == "native" and shape not in ("write", "fifo") else []
    guest = begin(shape, *others, f"{name}.snap", command="restore", wait=False)  # it may end at once
    read(guest)
    if shape == "fifo":
        (HERE / path).write_text("text")
    code, _, err = guest.end()
    check(code == 0 and err == expected, f"{shape} {way}: goes on", f"exit {code}: {err}")


def limits(way):
    """--every and --timeout of a guest that sleeps a little again and again."""
    common = [*WAYS[way], "--snapshot", f"every-{way}.snap"]
    begun = time.monotonic()
    code, _, err = yado("run", *common, "--timeout", "3s", "--every", "200ms", "--keep", "20", GUESTS / "loops.wasm",
                        "sleep20", 100_000)
    taken = time.monotonic() - begun
    check(code == 134 and "its time is over" in err and taken < 13, f"--timeout {way}", f"{code} {taken:.1f} s {err}")
    written = len(list(HERE.glob(f"every-{way}.snap*")))
    check(5 <= written <= 15, f"--every {way}", f"{written} snapshots")


def not_reached(way):
    """A guest that ends before the fuel of --checkpoint-after."""
    options = ["--checkpoint-after", 1_000_000_000, "--snapshot", "after.snap", GUESTS / "hello.wasm"]
    code, out, err = yado("run", *WAYS[way], *options)
    check(code == 86 and "Hello" in out and "was not taken" in err and not (HERE / "after.snap").exists(),
          f"--checkpoint-after beyond the end {way}", f"exit {code}: {err}")


def main():
    shapes = [shape for shape in SHAPES if shape in sys.argv[1:] or not sys.argv[1:]]
    for way in WAYS:
        for shape in shapes:
            if (way, shape) not in CANNOT:
                stop(way, shape)
        if shapes == list(SHAPES):
            limits(way)
            not_reached(way)
    code, _, err = yado("run", "--checkpoint-after", 10, "--snapshot", "early.snap", GUESTS / "hello.wasm")
    code, _, err = yado("restore", "--checkpoint-after", 5, "--snapshot", "late.snap", "early.snap")
    check(code == 86 and "was not taken" in err, "--checkpoint-after before the beginning", f"exit {code}: {err}")
    finish()


if __name__ == "__main__":
    main()
