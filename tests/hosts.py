#!/usr/bin/env python3
"""Hosts that fail, hosts that are slow, and hosts with faults: what yado says of them.

    hosts.py [TEST...]     only these
"""

import json
import os
import platform
import re
import shutil
import signal
import sys
import threading
import time

import checks
from checks import check, skip
from guest import YADO, Folder, ended, until
from travel import FAULTS, ROOT, TOOLS

sys.path.insert(0, str(ROOT / "bench"))
from layout import dispatch, in_one_line  # noqa: E402

WASMTIME = TOOLS / "bin" / "wasmtime"
FOLDER = Folder("hello", "fib", "travel", "files", kind="hosts")
HERE, yado = FOLDER.path, FOLDER.yado
SLOW = 1.7  # seconds: a bar is drawn after one


def script(name, *lines):
    path = HERE / name
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return path


def host(name, program, *more):
    """Wasmtime by way of a script, in the configuration file."""
    with open(HERE / "hosts.conf", "a") as file:
        print(f"[{name}]", "like = wasmtime-jit", f"program = {program}", *more, sep="\n", file=file)


def fails(what, result, code, *words):
    missing = [word for word in words if word not in result[1] + result[2]]
    check(result[0] == code and not missing, what, (missing, result))


def test_failures():
    """Each names the host, its version, the command line that was run, and what it printed."""
    broken = script("broken", '[ "$1" = --version ] && { echo broken 7; exit; }', "echo it broke here >&2", "exit 3")
    gone = script("gone", '[ "$1" = --version ] && { echo gone 8; exit; }')
    host("broken", broken)
    host("broken-compiler", broken, "compile = compile {module} -o {output}")
    host("gone", gone)
    fails("compile", yado("run", "--host", "broken-compiler", "hello.wasm"), 125,
          "host broken-compiler (broken 7)", "exit code 3", "it broke here", f"{broken} compile ")
    fails("start", yado("run", "--host", "broken", "hello.wasm"), 125,
          "host broken (broken 7)", "exit code 3", "it broke here", f"{broken} run ", "hello.wasm")
    check("host gone (gone 8)" in yado("run", "--host", "gone", "hello.wasm")[2], "its version is known")
    gone.write_text("#!/no/such/shell\n")
    fails("a program that cannot be started", yado("run", "--host", "gone", "hello.wasm"), 125,
          "host gone", "No such file", f"{gone} run ", "hello.wasm")
    yado("run", "--checkpoint-after", 100, "--snapshot", "at.snap", "fib.wasm", 20)
    fails("restore", yado("restore", "--host", "broken", "at.snap"), 125,
          "host broken (broken 7)", "exit code 3", "it broke here", f"{broken} run ", "at.snap")
    check(yado("restore", "at.snap")[:2] == (0, "fib(20) = 6765\n"), "the snapshot is still good")

    guest = FOLDER.guest("--host", "wasmtime", "fib.wasm", 45)
    (HERE / "bad.snap").write_text("no snapshot")
    result = yado("checkpoint", "--base", "bad.snap", guest.name)
    fails("checkpoint", result, 125, "goes on", "base", "host wasmtime (wasmtime ", f"{WASMTIME} run ", "fib.wasm")
    result = yado("migrate", "--host", "broken", guest.name)
    fails("migrate", result, 125, "host broken (broken 7)", "exit code 3", f"{broken} run ", "yado run")
    check(guest.process.poll() is None, "the guest goes on")
    guest.process.terminate()
    check("it broke here" in guest.end().err, "what the host printed is in the output of yado run")

    guest = FOLDER.guest("--host", "wasmtime", "fib.wasm", 45)
    guest.hold_back()
    waiting = FOLDER.start("checkpoint", guest.name)
    check(until((guest.entry / "request").exists), "it is asked")
    os.kill(guest.child(), signal.SIGKILL)
    fails("a host that is killed", guest.end(), 125, "host wasmtime (wasmtime ", "signal 9", f"{WASMTIME} run ")
    said = ended(waiting)
    check(said.code == 125 and "ended before" in said.err and "wasmtime" in said.err, "and the checkpoint says so", said)


def bar(what, arguments, label, meanwhile=None, shown=True):
    """Whether a bar was drawn, and taken away, on the terminal that standard error is."""
    ours, theirs = os.openpty()
    process = FOLDER.start(*arguments, stderr=theirs)
    os.close(theirs)
    text = b""
    if meanwhile:
        threading.Thread(target=meanwhile).start()
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        text += data
    os.close(ours)
    out = process.communicate()[0]
    drawn = re.search(rf"\r{label}[^\r\n]* \[[#-]{{30}}\] [^\r\n]*\d+ s\x1b\[K\r".encode(), text)
    check(process.returncode == 0 and bool(drawn) == shown, what, (process.returncode, out, text))
    if shown:
        check(text.rstrip().endswith(b"\x1b[K") or text.endswith(b"\n"), f"{what}: it is taken away", text)


def later(path, data):
    """Gives a pipe its bytes when SLOW has gone by."""
    def write():
        time.sleep(SLOW)
        path.write_bytes(data)
    return write


def test_bars():
    """For what takes longer than a second, on a terminal only."""
    slow = script("slow", f'case "$1" in run|compile) sleep {SLOW};; esac', f'exec {WASMTIME} "$@"')
    host("slow", slow)
    host("slow-compiler", slow, "compile = compile {module} -o {output}",
         "run = run --allow-precompiled {directories} {module}")
    yado("run", "--checkpoint-after", 100, "--snapshot", "at.snap", "fib.wasm", 20)
    pipe = HERE / "pipe"
    os.mkfifo(pipe)
    bar("restore", ("restore", "--host", "slow", "at.snap"), "restoring at")
    bar("a restore that is quick", ("restore", "at.snap"), "restoring", shown=False)
    os.environ["XDG_CACHE_HOME"] = str(HERE / "cache")
    os.environ["YADO_TOOLS"] = str(TOOLS)
    bar("compile", ("run", "--host", "slow-compiler", "hello.wasm"), "compiling for slow-compiler")
    del os.environ["XDG_CACHE_HOME"]
    bar("hosts", ("hosts",), "asking slow")
    bar("squash", ("squash", "--output", "whole.snap", pipe), "squashing",
        later(pipe, (HERE / "at.snap").read_bytes()))
    bar("seal", ("seal", "--runtime", pipe, "--output", "hello.sealed.wasm", "hello.wasm"), "sealing hello.wasm",
        later(pipe, (ROOT / "build" / "yadokari-sealed.wasm").read_bytes()))
    guest = FOLDER.guest("fib.wasm", 47)
    guest.hold_back()

    def go_on():
        time.sleep(SLOW)
        guest.go_on()

    bar("checkpoint", ("checkpoint", "--leave-running", guest.name), f"checkpoint of {guest.name}", go_on)
    bar("migrate", ("migrate", "--host", "slow", guest.name), f"moving {guest.name}")
    guest.kill()
    result = yado("restore", "--host", "slow", "at.snap")
    check(result == (0, "fib(20) = 6765\n", ""), "none without a terminal", result)


def test_faults():
    """Those of FAULTS that show across a checkpoint only are still there: the list does not go stale."""
    known = {about["name"]: about for about in json.loads(yado("hosts", "--json")[1])}
    for (name, program), fault in FAULTS.items():
        if program != "travel.wasm" or not known[name]["installed"]:
            continue
        good = True
        for options in ((), ("--files", "embed", "--embed", "tree")):
            for folder in ("from", "to"):
                shutil.rmtree(HERE / folder, ignore_errors=True)
                (HERE / folder).mkdir()
            result = yado("run", "--host", name, "--dir", "from::.", "--checkpoint-after", 100000, "--snapshot",
                          "files.snap", *options, "travel.wasm")
            good &= result[0] == 85
            if not options:
                shutil.copytree(HERE / "from", HERE / "to", dirs_exist_ok=True, symlinks=True)
            else:
                shutil.copy(HERE / "from" / "replaced", HERE / "to")
            good &= yado("restore", "--dir", "to::.", "files.snap")[:2] == (0, "all there\n")
        check(not good, f"{name} has been mended, take it off tests/travel.py: {fault}")


# What lying.mjs can lie about; in what it cannot help, with what is asked or said then.
LIES = ("rights", "unknown", "directories", "vectors", "terminals", "waiting", "codes", "structures", "terminators",
        "synchronous", "flags", "appending", "times", "deleted", "links", "renaming")
LIED_TO = {"times": ("--files", "verify"), "renaming": "Not supported"}


def test_lies():
    """A guest that writes files is checkpointed in a host that lies, restored in one that tells another lie, and so
    on; the last step is native."""
    config = HERE / "hosts.conf"
    others = config.read_text()
    with open(config, "a") as file:
        for lie in LIES:
            print(f"[lie-{lie}]", "like = node", f"run = --no-warnings --no-incremental-marking "
                  f"{ROOT}/tests/lying.mjs --lie {lie} {{directories}} {{module}}", sep="\n", file=file)
    expected = yado("run", "--dir", ".", "files.wasm", 3)
    fuel = int(re.search(r"fuel: (\d+)", yado("run", "--show-fuel", "--dir", ".", "files.wasm", 3)[2]).group(1))
    for i, lie in enumerate(LIES):
        other = LIES[i - 5]
        stored = LIED_TO.get(lie, ())
        shutil.rmtree(HERE / "files-test", ignore_errors=True)
        began = ("--dir", ".", "--checkpoint-after", fuel // 3, "--snapshot", "one.snap")
        if isinstance(stored, str):
            fails(f"{lie}: it says so", yado("run", "--host", f"lie-{lie}", *began, "files.wasm", 3), 125, stored)
            continue
        went_on = ("--dir", ".", "--checkpoint-after", 2 * fuel // 3, "--snapshot", "two.snap")
        if isinstance(LIED_TO.get(other, ()), str):
            other = "rights"
        # Times that one host rounds have changed in another: what is asked for first is asked for again.
        stored = stored or LIED_TO.get(other, ())
        parts = [yado("run", "--host", f"lie-{lie}", *stored, *began, "files.wasm", 3),
                 yado("restore", "--host", f"lie-{other}", *stored, *went_on, "one.snap"),
                 yado("restore", "--dir", ".", "two.snap")]
        good = [part[0] for part in parts] == [85, 85, 0] and "".join(part[1] for part in parts) == expected[1]
        check(good, f"lies about {lie}, then about {other}", parts)
    config.write_text(others)  # `yado hosts` of other tests asks each host


def test_hosted():
    """A guest in another yado that is its host is one guest."""
    with open(HERE / "hosts.conf", "a") as file:
        print(f"[another]\nprogram = /usr/bin/env\nrun = {YADO}", file=file)
    guest = FOLDER.guest("--host", "another", "fib.wasm", 45)
    listed = yado("ps")[1]
    check(len([line for line in listed.splitlines() if "fib" in line]) == 1, "ps", listed)
    result = yado("checkpoint", "--output", "another.snap", guest.name)
    check(result[0] == 0 and guest.end().code == 85, "and can be checkpointed", result)


def test_versions():
    """The first line that a host prints, without its path."""
    lines = {"/usr/bin/one version 1.0": "one version 1.0", "Two 2.0 on GNU/Linux 12": "Two 2.0 on GNU/Linux 12"}
    for i, line in enumerate(lines):
        host(f"version-{i}", script(f"version-{i}", f'[ "$1" = --version ] && echo "{line}" && exit',
                                    f'exec {WASMTIME} "$@"'))
    known = {about["name"]: about for about in json.loads(yado("hosts", "--json")[1])}
    for i, (line, shown) in enumerate(lines.items()):
        check(known[f"version-{i}"].get("version") == shown, line, known[f"version-{i}"])


def test_layout():
    """Where the loop's jump to the next instruction lies (bench/layout.py)."""
    if platform.machine() != "x86_64":
        skip("where the loop's jump lies", "only looked at on x86_64")
        return
    for form in ("", "-bulk", "-sockets", "-large"):
        where = dispatch(WASMTIME, ROOT / "build" / f"yadokari{form}.wasm")
        check(in_one_line(*where), f"yadokari{form}.wasm: the loop's jump lies in one cache line", [*map(hex, where)])


def test_size():
    """What a machine at the edge fetches, and a host without a cache compiles at each start."""
    size = (ROOT / "build" / "yadokari.wasm").stat().st_size
    check(size <= 350_000, "yadokari.wasm has at most 350 KB", f"{size} bytes")


TESTS = (test_faults, test_lies, test_failures, test_bars, test_hosted, test_versions, test_layout, test_size)

if __name__ == "__main__":
    os.environ["YADO_HOSTS"] = str(HERE / "hosts.conf")
    (HERE / "hosts.conf").write_text("")
    checks.run(TESTS)
