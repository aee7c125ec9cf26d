#!/usr/bin/env python3
"""Programs that hardly compute are stopped soon, whatever they wait for, and go on as if nothing had been.

The bounds are generous, for machines with other work: a guest that nobody looks at answers after seconds or
never. bench/checkpoints.py measures.

    stops.py [SHAPE...]     only these
"""

import contextlib
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

from checks import check, finish
from travel import GUESTS, ROOT

YADO = str(ROOT / "build" / "yado")
HERE = pathlib.Path(tempfile.mkdtemp(prefix="yado-stops-"))
WAYS = {"native": [], "wasmtime": ["--host", "wasmtime"], "wasmedge": ["--host", "wasmedge-aot"],
        "sealed": ["--host", "wasmtime", "--tier", "sealed"]}
# The rounds are some seconds' worth; the sum is what the guest says at its end, None when it is never let there.
SHAPES = {"sleep1": (1500, 0), "sleep20": (120, 0), "sleep49": (60, 0), "poll30": (80, 0), "line20": (120, 0),
          "read": (150, 150 * ord("x")), "write": (40, 0), "fifo": (1, 4), "yield": (None, 0), "clock": (None, 0),
          "files": (None, 0), "large": (None, 0), "random": (None, 0), "compute": (None, 0)}
# docs/hosts.md: a host that calls every pipe ready, and opens of FIFOs.
CANNOT = {("wasmtime", "write"), ("sealed", "write"), ("wasmtime", "fifo"), ("sealed", "fifo"), ("wasmedge", "fifo")}
SECONDS = 2.0


def yado(*arguments):
    result = subprocess.run([YADO, *map(str, arguments)], cwd=HERE, capture_output=True, text=True, timeout=120)
    return result.returncode, result.stdout, result.stderr


def feed(pipe, shape):
    """What the guest reads comes slowly."""
    try:
        while shape == "read":
            pipe.write(b"x")
            pipe.flush()
            time.sleep(0.02)
    except (OSError, ValueError):
        pass


class Guest:
    """One that runs or goes on, with its output left in the pipe while nobody asks for it."""

    def __init__(self, shape, name, *command):
        self.errors = open(HERE / f"{name}.err", "w+b")
        self.process = subprocess.Popen([YADO, *map(str, command)], cwd=HERE, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.errors)
        threading.Thread(target=feed, args=(self.process.stdin, shape), daemon=True).start()

    def read(self):
        def reading():
            while self.process.stdout.read(65536):
                pass
        threading.Thread(target=reading, daemon=True).start()

    def end(self):
        code = self.process.wait(120)
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.errors.seek(0)
        return code, self.errors.read().decode(errors="replace")


def ask(name, *options):
    """Seconds until the guest has answered, without what writing took."""
    begun = time.monotonic()
    code, out, err = yado("checkpoint", *options, "--output", f"{name}.snap", name)
    taken = time.monotonic() - begun
    if code != 0:
        return None, err
    return taken - float(out.split("written in ")[1].split()[0]) / 1000, out


def stop(way, shape):
    options, (rounds, total) = WAYS[way], SHAPES[shape]
    name, path = f"{shape}-{way}-{os.getpid()}", f"{shape}-{way}"
    if shape == "fifo":
        os.mkfifo(HERE / path)
    guest = Guest(shape, name, "run", *options, "--name", name, "--dir", ".", GUESTS / "loops.wasm", shape,
                  rounds or 2_000_000_000, path)
    if shape != "write":
        guest.read()
    for _ in range(600):
        if name in yado("ps")[1]:
            break
        time.sleep(0.05)
    ask(name, "--leave-running")  # the first waits for the host to have compiled what it runs
    times = []
    for i in range(4):
        time.sleep(random.random() * 0.1)
        taken, text = ask(name, *(["--leave-running"] if i < 3 else []))
        if not check(taken is not None, f"{shape} {way}: a checkpoint", text):
            guest.process.terminate()
            guest.end()
            return
        times.append(taken)
    check(sorted(times)[1] < SECONDS, f"{shape} {way}: stopped soon", times)
    code, err = guest.end()
    check(code == 85, f"{shape} {way}: ends when it is checkpointed", f"exit {code}: {err}")
    if rounds:
        go_on(way, shape, name, path, f"{shape}: {rounds} rounds, {total}\n")


def go_on(way, shape, name, path, expected):
    """In the other tier, or natively."""
    others = WAYS["wasmtime"] if way == "native" and shape not in ("write", "fifo") else []
    guest = Guest(shape, name + "+", "restore", *others, "--dir", ".", f"{name}.snap")
    guest.read()
    if shape == "fifo":
        (HERE / path).write_text("text")
    code, err = guest.end()
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
    shutil.rmtree(HERE)
    finish()


if __name__ == "__main__":
    main()
