#!/usr/bin/env python3
"""The command as a user meets it: exit codes, refusals, named guests, files, damaged snapshots.

    command.py [TEST...]     only these
"""

import base64
import fcntl
import functools
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import time

import checks
from checks import check
from guest import YADO, Folder, children, ended, says, until
from travel import FAULTS, REGISTRY, ROOT, TOOLS

WASM_TOOLS = TOOLS / "bin" / "wasm-tools"
FOLDER = Folder("hello", "fib", "cat", "sleep", "sqlite_bench", "travel", "touch", "echo")
HERE, start = FOLDER.path, FOLDER.start


def yado(*arguments, **options):
    """Every snapshot that is taken is restored at once, too."""
    if arguments[0] in ("run", "restore", "checkpoint"):
        arguments = arguments[0], "--verify", *arguments[1:]
    return FOLDER.yado(*arguments, **options)


def section(number, body):
    return bytes([number, len(body)]) + body


def module(body, memory=b""):
    """A module whose _start has this body."""
    code = bytes([0]) + body + b"\x0b"
    return (b"\0asm\1\0\0\0" + section(1, b"\1\x60\0\0") + section(3, b"\1\0") + memory
            + section(7, b"\1\6_start\0\0") + section(10, bytes([1, len(code)]) + code))


def exits(code):
    """A module that calls proc_exit(code)."""
    body = b"\0\x41" + bytes([code & 0x7F | 0x80, code >> 7 & 1]) + b"\x10\0\x0b"
    name = b"\x16wasi_snapshot_preview1\x09proc_exit\0\0"
    return (b"\0asm\1\0\0\0" + section(1, b"\2\x60\1\x7f\0\x60\0\0") + section(2, b"\1" + name)
            + section(3, b"\1\1") + section(5, b"\1\0\1") + section(7, b"\2\6_start\0\1\6memory\2\0")
            + section(10, bytes([1, len(body)]) + body))


def test_options():
    check(says(yado("--help"), 0, "run", "restore", "checkpoint"), "--help")
    for command in ("run", "restore", "inspect", "checkpoint", "ps", "hosts"):
        check(says(yado(command, "--help"), 0, "usage: yado " + command), command + " --help")
        check(says(yado(command, "--no-such"), 2, "--no-such"), command + " with an unknown option")
    check(says(yado("frobnicate"), 2, "frobnicate"), "unknown command")
    check(says(yado("run"), 2, "APP.wasm"), "run without a module")
    check(says(yado("run", "--host", "nohost", "hello.wasm"), 2, "nohost", "wasmtime"), "unknown host")
    check(says(yado("run", "--env", "novalue", "hello.wasm"), 2, "novalue"), "bad --env")
    check(says(yado("run", "--checkpoint-after", "x", "hello.wasm"), 2, "x"), "bad number")
    check(says(yado("run", "missing.wasm"), 125, "missing.wasm"), "missing module")
    check(says(yado("run", "."), 125), "a directory as module")
    check(says(yado("run", "--dir", "nowhere", "hello.wasm"), 125, "nowhere"), "missing --dir")
    check(says(yado("hosts"), 0, "native", "wasmtime"), "hosts")


def test_exit_codes():
    for host in ("native", "wasmtime", "iwasm"):
        for code in (0, 1, 7, 42, 125, 126, 200, 255):
            (HERE / "exit.wasm").write_bytes(exits(code))
            result = yado("run", "--host", host, "exit.wasm")
            check(result[0] == code, f"exit code {code} on {host}", result)
    (HERE / "trap.wasm").write_bytes(module(b"\0"))
    for host in ("native", "wasmtime", "node"):
        check(says(yado("run", "--host", host, "trap.wasm"), 134, "unreachable", "_start"),
              "trap on " + host)
    (HERE / "bad.wasm").write_bytes(module(b"\x6a"))
    check(says(yado("run", "bad.wasm"), 125, "type mismatch", "at byte"), "invalid module")
    (HERE / "junk.wasm").write_bytes(b"hello")
    check(says(yado("run", "junk.wasm"), 125, "junk.wasm"), "no module at all")


def test_tab():
    """The tab of Chromium runs a module to its end, and gives its exit code, when that begins by writing nothing."""
    (HERE / "nothing.wat").write_text("""(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 1)
        (func (export "_start") (local $i i32)
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))
            (loop $more
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $i) (i32.const 2000000000))))
            (call $exit (i32.const 7))))""")
    subprocess.run([WASM_TOOLS, "parse", HERE / "nothing.wat", "-o", HERE / "nothing.wasm"], check=True)
    tab = subprocess.run([TOOLS / "bin/chromium-tab", "nothing.wasm"], cwd=HERE, capture_output=True, timeout=120)
    check(tab.returncode == 7, "a module in Chromium", tab)


def test_environment():
    result = yado("run", "--env", "A=1", "hello.wasm", "x", "--dir", "y")
    check(result[0] == 0, "arguments after the module are the guest's", result)
    result = yado("run", "cat.wasm", "hello.wasm")
    check(result[0] != 0, "no --dir, no files", result)
    (HERE / "in").mkdir()
    (HERE / "secret").write_text("secret")
    (HERE / "in" / "link").symlink_to("../secret")
    for path in ("../secret", str(HERE / "secret"), "link", "./../in/../secret"):
        result = yado("run", "--dir", "in::.", "cat.wasm", path)
        check("secret" not in result[1], "path out of a preopen: " + path, result)


def test_snapshots():
    snap = HERE / "a.snap"
    check(yado("run", "--reproducible", "--checkpoint-after", 1000, "--snapshot", "a.snap", "fib.wasm",
               "15")[0] == 85, "checkpoint's exit code")
    check(says(yado("inspect", "--module", "fib.wasm", "a.snap"), 0, "fib", "frames", "memory"),
          "inspect")
    check(says(yado("restore", "a.snap"), 125, "--module"), "no module noted")
    check(says(yado("restore", "--module", "hello.wasm", "a.snap"), 125, "another module"),
          "another module")
    check(says(yado("restore", "--module", "fib.wasm", "a.snap"), 0, "610"), "restore")
    whole = snap.read_bytes()
    step = max(1, len(whole) // 60)
    for size in range(0, len(whole), step):
        (HERE / "cut.snap").write_bytes(whole[:size])
        check(says(yado("restore", "--module", "fib.wasm", "cut.snap"), 125, "refused"),
              f"cut to {size} bytes")
    for at in range(0, len(whole), step):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        (HERE / "bit.snap").write_bytes(changed)
        result = yado("restore", "--module", "fib.wasm", "bit.snap")
        check(says(result, 125, "refused") and "610" not in result[1], f"one bit at {at}", result)
    check(says(yado("restore", "fib.wasm"), 125, "not a snapshot"), "not a snapshot")
    yado("run", "--dir", ".::/data", "--checkpoint-after", 1000, "--snapshot", "d.snap", "fib.wasm",
         "15")
    check(says(yado("restore", "d.snap"), 125, "/data", "--dir"), "missing directory named")
    check(says(yado("restore", "--dir", ".::/data", "d.snap"), 0, "610"), "directory given")
    yado("run", "--embed-module", "--checkpoint-after", 1000, "--snapshot", "e.snap", "fib.wasm", "15")
    (HERE / "elsewhere").mkdir()
    shutil.copy(HERE / "e.snap", HERE / "elsewhere")
    check(says(yado("restore", "elsewhere/e.snap"), 0, "610"), "embedded module")
    check(says(yado("run", "--snapshot", "no/such/dir.snap", "--checkpoint-after", 10, "fib.wasm"),
               125, "no/such"), "snapshot that cannot be written")


def test_named():
    check(says(yado("checkpoint", "nobody"), 2, "nobody"), "checkpoint of nobody")
    for host in ("native", "wasmtime", "node"):
        guest = FOLDER.guest("--host", host, "fib.wasm", "60")
        check(says(yado("run", "--name", guest.name, "hello.wasm"), 2, guest.name), "a name twice")

        def frozen():
            nonlocal result
            result = yado("checkpoint", "--leave-running", "--output", "l.snap", guest.name)
            check(says(result, 0, "l.snap"), f"checkpoint --leave-running on {host}", result)
            return "fib" in result[1]

        result = None
        check(until(frozen), f"asked as soon as it is there, it is in its start, and soon in fib, {host}", result)
        check(guest.process.poll() is None, "it goes on")
        result = yado("checkpoint", "--output", "n.snap", guest.name)
        check(says(result, 0, "n.snap", "fib"), f"checkpoint by name on {host}", result)
        check(guest.end().code == 85, f"exit code after a checkpoint on {host}", guest.process.returncode)
        check(not guest.runs(), "ps after it")
        check(says(yado("inspect", "n.snap"), 0, "fib"), "inspect names functions")


def test_name_again():
    """Whoever finds a dead guest's entry removes it, but not that of a guest come in between."""
    yado("ps")
    entry = REGISTRY / f"again{os.getpid()}"
    entry.mkdir()
    (entry / "info").write_text(f"pid={os.getpid()}\n")  # there is such a process, which means nothing
    lock = os.open(REGISTRY, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    others = [start("ps") for _ in range(2)]
    time.sleep(0.3)
    with open(entry / "life", "w") as life:
        fcntl.lockf(life, fcntl.LOCK_EX)
        os.close(lock)
        check([ended(other).code for other in others] == [0, 0], "ps beside another")
        check(entry.name in yado("ps")[1], "a name taken while others remove the dead guest's")
    check(entry.name not in yado("ps")[1] and not entry.exists(), "a dead guest's entry goes")


@functools.cache
def known_hosts():
    return {host["name"]: host for host in json.loads(yado("hosts", "--json")[1])}


def installed_hosts():
    """Those that `make test` installs: with them, a test of every host is quick."""
    return [name for name, about in known_hosts().items()
            if about["installed"] and name not in ("chicory", "chicory-compiler", "wasmer-go", "chromium")]


def signal_host(pid):
    """Signals as Go's scheduler sends them to its own threads; they end a host's wait early."""
    for _ in range(10):
        for thread in (thread for child in children(pid) or [pid]
                       for thread in pathlib.Path(f"/proc/{child}/task").iterdir()):
            os.kill(int(thread.name), signal.SIGURG)
        time.sleep(0.013)


def test_waiting():
    """A checkpoint in a sleep and in a blocking read; the read goes on where it was."""
    known = known_hosts()
    for host in installed_hosts():
        for what, guest_arguments in (("sleep", ("sleep.wasm", "1", "60000")),
                                      ("read", ("cat.wasm", "-"))):
            if what == "read" and known[host].get("interrupts_reads", "yes") != "yes":
                continue  # `yado hosts` says so
            guest = FOLDER.guest("--host", host, *guest_arguments, stdin=subprocess.PIPE).settle()
            signal_host(guest.process.pid)
            before = time.monotonic()
            result = yado("checkpoint", "--output", "w.snap", guest.name)
            took = time.monotonic() - before
            # tests/stops.py measures; a guest that nobody looks at answers when the sleep is over
            check(result[0] == 0 and took < 30, f"checkpoint in a {what} on {host}, {took:.3f} s", result)
            result = guest.end()
            check(result.code == 85, f"exit code after a {what} on {host}", result)
            if what == "read":
                result = yado("restore", "w.snap", input="words\n")
                check(result[:2] == (0, "words\n"), f"the read begun on {host} goes on", result)


def travelled(host, folder, *options):
    """A checkpoint of travel.wasm in a new folder, on a host."""
    shutil.rmtree(HERE / folder, ignore_errors=True)
    (HERE / folder).mkdir()
    return yado("run", "--host", host, "--dir", f"{folder}::.", "--checkpoint-after", 100000,
                "--snapshot", "files.snap", *options, "travel.wasm")


def test_files():
    """Open, deleted, replaced and renamed files and whole directories, from each host to another."""
    hosts = [host for host in installed_hosts() if (host, "travel.wasm") not in FAULTS]
    for (host, program), fault in FAULTS.items():
        if program == "travel.wasm":
            print(f"files: {host} is left out: {fault}")
    for host, other in zip(hosts, hosts[1:] + hosts[:1]):
        for options in ((), ("--files", "verify"), ("--files", "embed", "--embed", "tree")):
            what = f"files {options} from {host} to {other}"
            result = travelled(host, "from", *options)
            check(result[0] == 85, what, result)
            (HERE / "to").mkdir()
            embedded = "embed" in options
            if embedded:
                shutil.copy(HERE / "from" / "replaced", HERE / "to")
            else:
                shutil.copytree(HERE / "from", HERE / "to", dirs_exist_ok=True, symlinks=True)
            result = yado("restore", "--host", other, "--dir", "to::.", "files.snap")
            check(result[:2] == (0, "all there\n"), what, result)
            left = sorted(path.name for path in (HERE / "to").iterdir())
            check(left == ["kept", "log", "new-name", "replaced", "tree"], what + ": what is left", left)
            shutil.rmtree(HERE / "to")


def test_changed_files():
    at = ("--dir", "from::.", "files.snap")
    for change, word in ((lambda path: path.write_text("longer than it was"), "size"),
                         (lambda path: os.utime(path, (1, 1)), "modified"),
                         (lambda path: path.unlink(), "no such file")):
        travelled("native", "from")
        change(HERE / "from" / "kept")
        result = yado("restore", *at)
        check(says(result, 125, "kept", word), f"a file that was changed: {word}", result)
    travelled("native", "from", "--files", "verify")
    os.utime(HERE / "from" / "kept", (1, 1))
    check(says(yado("restore", *at), 0, "all there"), "the same contents with another time")
    travelled("native", "from", "--files", "verify")
    (HERE / "from" / "kept").write_text("first lime\n")
    check(says(yado("restore", *at), 125, "kept", "contents", "--accept-changed"), "other contents")
    check(says(yado("restore", "--accept-changed", *at), 1, "not there: the offset"), "accepted")
    travelled("native", "from", "--files", "embed")
    (HERE / "from" / "kept").write_text("mine")
    check(says(yado("restore", *at), 125, "kept", "--overwrite"), "a file in the way")
    check((HERE / "from" / "kept").read_text() == "mine", "it is still there")
    check(says(yado("restore", "--overwrite", *at), 0, "all there"), "overwritten")
    (HERE / "in-it").mkdir(exist_ok=True)
    result = yado("run", "--dir", "in-it::.", "--embed", "/elsewhere", "travel.wasm")
    check(says(result, 2, "--embed /elsewhere") and not list((HERE / "in-it").iterdir()), "not the guest's", result)
    result = yado("run", "--dir", "in-it::.", "--checkpoint-after", 100000, "--embed", ".", "--snapshot",
                  "in-it/s.snap", "travel.wasm")
    check(says(result, 0, "travel in itself"), "a snapshot in what travels", result)
    (HERE / "a file in the way").mkdir()
    spaced = ("--checkpoint-after", 100, "--snapshot", "a file in the way/b c.snap", "fib.wasm", "12")
    check(yado("run", *spaced)[0] == 85 and says(yado("restore", "a file in the way/b c.snap"), 0, "144"),
          "spaces in a snapshot's name")
    check(says(yado("run", "--files", "all", "travel.wasm"), 2, "--files all", "verify"), "bad --files")
    shutil.rmtree(HERE / "from")
    (HERE / "from").mkdir()
    guest = FOLDER.guest("--dir", "from::.", "travel.wasm", "4000000000")

    def has_its_files():
        nonlocal result
        result = yado("checkpoint", "--leave-running", "--files", "embed", "--embed", "tree", "--output", "files.snap",
                      guest.name)
        return result[0] != 0 or says(yado("inspect", "files.snap"), 0, "deleted file gone")

    until(has_its_files)
    result = yado("checkpoint", "--files", "embed", "--embed", "tree", "--output", "files.snap", guest.name)
    check(result[0] == 0 and guest.end().code == 85, "files in a checkpoint by name", result)
    check(says(yado("inspect", "files.snap"), 0, "travels: file kept", "travels: symbolic link tree/link",
               "travels: deleted file gone"), "inspect tells what travels")


def test_clocks():
    """A sleep of eight seconds is stopped in its first; what is left of it depends on --clocks."""
    guest = FOLDER.guest("--snapshot", "c.snap", "sleep.wasm", "1", "8000").settle()
    check(yado("checkpoint", guest.name)[0] == 0 and guest.end().code == 85, "stopped in a sleep")
    time.sleep(3)
    took = {}
    for clocks in ("jump", "continue"):
        before = time.monotonic()
        result = yado("restore", "--clocks", clocks, "c.snap")
        took[clocks] = time.monotonic() - before
        check(result[0] == 0, f"--clocks {clocks}", result)
    check(took["continue"] < 8 and 2.5 < took["continue"] - took["jump"] < 4.5, "what is left", took)
    yado("run", "--reproducible", "--checkpoint-after", 10, "--snapshot", "r.snap", "fib.wasm", "15")
    check(says(yado("restore", "--module", "fib.wasm", "--clocks", "jump", "r.snap"), 125, "--clocks jump"),
          "no time to jump by")


TOUCH = ("touch.wasm", "1", "8")  # 33,000 units of fuel to fill the memory, and as many for each round


def chain_of(host, *options):
    """Snapshots of one guest, each with the changes since the one before: chain0.snap is whole."""
    for i in range(3):
        based = ("--base", f"chain{i - 1}.snap") if i else ()
        what = (f"chain{i - 1}.snap",) if i else TOUCH
        result = yado("restore" if i else "run", "--host", host, *based, *options, "--checkpoint-after",
                      50000 + 50000 * i, "--snapshot", f"chain{i}.snap", *what)
        check(result[0] == 85, f"checkpoint {i} on {host}", result)


def test_base():
    whole = yado("run", *TOUCH)[1]
    hosts = list(installed_hosts())
    for host, other in zip(hosts, hosts[1:] + hosts[:1]):
        compress = ("--compress",) if hosts.index(host) % 2 else ()
        chain_of(host, *compress)
        sizes = [(HERE / f"chain{i}.snap").stat().st_size for i in range(3)]
        check(sizes[1] < sizes[0] / 10 and sizes[2] < sizes[0] / 10, f"a chain's sizes on {host}", sizes)
        result = yado("restore", "--host", other, "chain2.snap")
        check(result[:2] == (0, whole), f"a chain from {host} on {other}", result)
    chain_of("native")
    check(says(yado("squash", "--output", "one.snap", "chain2.snap"), 0, "one.snap"), "squash")
    check(says(yado("diff", "one.snap", "chain2.snap"), 0), "a chain is what squash makes of it")
    check(says(yado("diff", "chain0.snap", "chain2.snap"), 1, "memory"), "what changed in a chain")
    check(says(yado("inspect", "chain2.snap"), 0, "changed since its base", "base = "), "inspect it")
    for bad in ("chain1.snap", "chain0.snap"):
        (HERE / bad).rename(HERE / "away.snap")
        check(says(yado("restore", "chain2.snap"), 125, bad, "--with-base"), f"without {bad}")
        check(yado("restore", "--with-base", "away.snap", "chain2.snap")[:2] == (0, whole), "elsewhere")
        shutil.copy(HERE / "one.snap", HERE / bad)
        check(says(yado("restore", "chain2.snap"), 125, bad, "based on, but another"), f"another {bad}")
        (HERE / "away.snap").rename(HERE / bad)
    (HERE / "chain1.snap").unlink()
    check(yado("restore", "one.snap")[:2] == (0, whole), "one without its chain")
    guest = FOLDER.guest("--host", "wasmtime", "touch.wasm", "1", "2000000000").settle()
    for arguments in (("--leave-running", "--output", "n0.snap"),
                      ("--base", "n0.snap", "--output", "n1.snap")):
        result = yado("checkpoint", *arguments, guest.name)
        check(result[0] == 0, f"checkpoint {arguments} by name", result)
    check(guest.end().code == 85 and (HERE / "n1.snap").stat().st_size < 150000, "a base by name")
    check(says(yado("restore", "--timeout", "1s", "n1.snap"), 134, "--timeout"), "and it goes on")
    yado("run", "--checkpoint-after", 100, "--snapshot", "f.snap", "fib.wasm", "15")
    for base, word in (("f.snap", "another module"), ("missing.snap", "missing.snap"),
                       ("touch.wasm", "not a snapshot")):
        result = yado("run", "--base", base, "--checkpoint-after", 100, "--snapshot", "g.snap",
                      "touch.wasm", "4", "2")
        check("base " in result[2] and word in result[2], f"{base} as a base", result)
        check(not (HERE / "g.snap").exists(), f"{base} as a base writes nothing")


def peak_memory(pid):
    return int(re.search(r"VmHWM:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/status").read_text())[1])


def test_memory():
    """Writing a snapshot takes no memory in proportion to the guest's, in whatever way."""
    yado("keygen", "memory")
    keys = ("--sign", "memory.key", "--encrypt-to", "memory.pub")
    for options in ((), keys):
        guest = FOLDER.guest(*options, *(("--decrypt-with", "memory.key") if options else ()), "touch.wasm", "24",
                             "2000000000")
        check(until(lambda: peak_memory(guest.child()) > 24 << 10), "it has its memory", peak_memory(guest.child()))
        guest.settle()
        before = peak_memory(guest.child())
        opened = ("--decrypt-with", "memory.key") if options else ()
        for arguments in ((), ("--compress",), (*opened, "--base", "m.snap")):
            output = "changes.snap" if "--base" in arguments else "m.snap"
            result = guest.checkpoint("--leave-running", *arguments, "--output", output)  # --verify takes as much again
            more = peak_memory(guest.child()) - before
            check(result[0] == 0 and more < 4 << 10, f"{more} KB for {options} {arguments}", result)
        guest.kill()


def test_streams():
    """What was read from a stream is not read again, what was written not written again, on two hosts."""
    text = "".join(f"{number}\n" for number in range(100000))
    (HERE / "in.txt").write_text(text)
    with open(HERE / "in.txt") as source, open(HERE / "out.txt", "w") as target:
        streams = {"cwd": HERE, "stdin": source, "stdout": target, "timeout": 120}
        code = subprocess.run([YADO, "run", "--checkpoint-after", "150", "--snapshot", "streams.snap", "cat.wasm"],
                              **streams).returncode
        check(code == 85 and 0 < (HERE / "out.txt").stat().st_size < len(text), "stopped half-way", code)
        code = subprocess.run([YADO, "restore", "--host", "wasmtime", "streams.snap"], **streams).returncode
    check(code == 0 and (HERE / "out.txt").read_text() == text, "each byte once", code)


def test_old_snapshot():
    """What the first version of the interpreter wrote goes on with this one, everywhere."""
    old = ROOT / "tests" / "data" / "before-fusion.snap"
    for host in installed_hosts():
        result = yado("restore", "--host", host, old)
        check(result[:2] == (0, "20 rounds: dec0\n"), f"an old snapshot on {host}", result)
    # Of version 5, with a call to come, and changes of version 4; new changes since an old base.
    whole, changes = (ROOT / "tests" / "data" / f"before-packing-{i}.snap" for i in range(2))
    result = yado("restore", "--checkpoint-after", 1500, "--base", whole, "--snapshot", "new.snap", whole)
    check(result[0] == 85, "changes since an old snapshot", result)
    check(yado("squash", "--output", "squashed.snap", "--with-base", whole, changes)[0] == 0, "an old chain, squashed")
    for words in ((whole,), ("--with-base", whole, changes), ("new.snap",), ("squashed.snap",)):
        result = yado("restore", *words)
        check(result[:2] == (0, "2001107\n"), f"restore {words}", result)


def test_pipe():
    """A guest whose output nobody reads gets an error, and yado goes on."""
    guest = start("run", "cat.wasm", "-", stdin=subprocess.PIPE)
    guest.stdout.close()
    guest.stdin.write("x")
    guest.stdin.close()
    code = guest.wait(30)
    check(code > 0 and code not in (125, 134), "closed output", code)


def test_atomic():
    yado("run", "--checkpoint-after", 1000, "--snapshot", "k.snap", "fib.wasm", "15")
    old = (HERE / "k.snap").read_bytes()
    for i in range(20):
        guest = start("run", "--checkpoint-after", 1000, "--snapshot", "k.snap", "fib.wasm", "15")
        time.sleep(0.0005 * i)
        guest.send_signal(signal.SIGKILL)
        guest.communicate()
        result = yado("restore", "k.snap")
        check(says(result, 0, "610"), "killed while writing", result)
    check(len(old) > 0, "there was a snapshot")


def test_limits():
    for arguments, reason in (("--max-fuel 1000", "--max-fuel"), ("--timeout 300ms", "--timeout"),
                              ("--max-stack 4K", "call stack exhausted")):
        result = yado("run", *arguments.split(), "fib.wasm", "500")
        check(says(result, 134, reason, "fib"), f"a guest beyond {arguments}", result)
    for host in ("native", "wasmtime"):
        result = yado("run", "--host", host, "--timeout", "0.5s", "sleep.wasm", "1", "60000")
        check(says(result, 134, "--timeout"), f"a sleep longer than --timeout on {host}", result)
    for pages, code in ((64, 134), (1024, 0)):
        result = yado("run", "--max-memory", f"{pages * 64}K", "--dir", ".", "sqlite_bench.wasm",
                      "20000", ":memory:")
        check(result[0] == code and (code == 0) != ("--max-memory" in result[2]),
              f"SQLite with {pages} pages", result)
    check(says(yado("run", "--max-memory", "64K", "fib.wasm", "5"), 125, "2 pages"), "too little")
    yado("run", "--checkpoint-after", 5000, "--snapshot", "f.snap", "fib.wasm", "25")
    check(says(yado("restore", "--max-fuel", 4000, "f.snap"), 134, "--max-fuel"), "fuel of both runs")
    for bad in ("--max-memory 10", "--max-memory 5X", "--max-memory 8G", "--timeout 5q", "--timeout 0",
                "--max-fuel -1", "--keep 0", "--every 1s"):
        result = yado("run", *bad.split(), "fib.wasm", "5")
        check(says(result, 2, bad.split()[0]), bad, result)


def kept(name="every.snap"):
    return sorted(path.name for path in HERE.glob(name + "*") if not path.name.endswith(".part"))


def test_every():
    """Killed at random moments, the writing included, a guest goes on from its newest snapshot."""
    lives = kills = restored = last_fuel = 0
    while kills < 200:
        newest = kept()
        if newest:
            check("every.snap" in newest, f"the newest snapshot is there: {newest}")
            restored += 1
        else:
            last_fuel = 0
        start_from = ("restore",) if newest else ("run",)
        guest = start(*start_from, "--every", "10ms", "--keep", 2, "--snapshot", "every.snap",
                      *(("every.snap",) if newest else ("fib.wasm", "38")))
        lives += 1
        try:
            output, error = guest.communicate(timeout=random.uniform(0.01, 0.1))
        except subprocess.TimeoutExpired:
            killed_at = time.time()
            guest.kill()
            guest.communicate()
            kills += 1
            if newest or kept():
                age = killed_at - (HERE / "every.snap").stat().st_mtime
                check(age < 1, f"nothing older than the interval is lost: {age:.3f} s")
                fuel = re.search(r"fuel\D+(\d+)", yado("inspect", "every.snap")[1])
                check(fuel and int(fuel[1]) >= last_fuel, "it went on, not back", (fuel, last_fuel))
                last_fuel = int(fuel[1]) if fuel else 0
            continue
        check((guest.returncode, output) == (0, "fib(38) = 39088169\n"), "result after all of it", (output, error))
        check(len(newest) <= 2, f"at most two are kept: {newest}")
        for name in kept():
            (HERE / name).unlink()
    check(restored > 50, f"restored {restored} times in {lives} lives")
    yado("run", "--every", "10ms", "--snapshot", "every.snap", "fib.wasm", "37")
    check(kept() == ["every.snap", "every.snap.1", "every.snap.2"], "three are kept", kept())
    (HERE / "every.snap").unlink()
    check(says(yado("restore", "every.snap"), 0, "24157817", "every.snap.1"), "the one before")


def leb(data, at, signed=False):
    value = shift = 0
    while True:
        byte = data[at]
        at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
        if not byte & 0x80:
            return value - (1 << shift if signed and byte & 0x40 else 0), at


def core_stack(data):
    """The frames of a core dump: function, offset, locals, operands; each value with its type."""
    sizes = {0x01: 0, 0x7D: 4, 0x7C: 8}
    at, frames = data.index(b"corestack") + len(b"corestack\0\4main"), []
    count, at = leb(data, at)
    for _ in range(count):
        numbers, values = [], ([], [])
        check(data[at] == 0, "a frame of a core dump")
        at += 1
        for _ in range(3):
            number, at = leb(data, at)
            numbers.append(number)
        for group in values:
            length, at = leb(data, at)
            for _ in range(length):
                kind, at = data[at], at + 1
                if kind in sizes:
                    value, at = data[at:at + sizes[kind]], at + sizes[kind]
                else:
                    value, at = leb(data, at, signed=True)
                group.append((kind, value))
        frames.append((*numbers[1:], *values))
    return frames


def test_data():
    for name, fuel, options in (("a", 5000, []), ("b", 9000, []), ("packed", 5000, ["--compress"])):
        yado("run", *options, "--checkpoint-after", fuel, "--snapshot", f"{name}.snap", "fib.wasm", "25")
    result = yado("diff", "a.snap", "packed.snap")
    check(result == (0, "", ""), "one state, compressed and not, is the same", result)
    result = yado("diff", "a.snap", "b.snap")
    check(says(result, 1, "fuel: 5000 -> 9000", "+ frame", ": fib + 0x"), "diff", result)
    yado("run", "--checkpoint-after", 10, "--snapshot", "hello.snap", "cat.wasm", "fib.wasm")
    check(says(yado("diff", "a.snap", "hello.snap"), 125, "different modules"), "diff of two guests")
    check(says(yado("diff", "a.snap"), 2, "two FILEs"), "diff of one")
    check(says(yado("export", "a.snap"), 2, "--coredump"), "export to what?")
    check(says(yado("export", "--coredump", "fib.wasm"), 125, "not a snapshot"), "export of no snapshot")
    for name in ("a", "packed"):
        check(says(yado("export", "--coredump", f"{name}.snap"), 0, f"{name}.snap.coredump"), "export")
        dump = HERE / f"{name}.snap.coredump"
        valid = subprocess.run([WASM_TOOLS, "validate", dump], capture_output=True, text=True)
        check(valid.returncode == 0, "a core dump is a valid module", valid.stderr)
        frames = core_stack(dump.read_bytes())
        shown = yado("inspect", f"{name}.snap")[1]
        check(f"frames: {len(frames)}," in shown, "all frames", (len(frames), shown))
        values = re.findall(r"locals: i32:(-?\d+)", shown)
        check([str(frame[2][0][1]) for frame in frames if frame[2]] == values, "their locals",
              (frames, values))
        check(says(yado("export", "--coredump", "--no-values", "-o", "bare.core", f"{name}.snap"), 0, "bare.core"),
              "export without values")
        bare = core_stack((HERE / "bare.core").read_bytes())
        check([f[:2] for f in bare] == [f[:2] for f in frames] and not any(f[2] for f in bare), "the frames alone", bare)


def inspected(name, *options):
    code, text, error = yado("inspect", "--json", *options, f"{name}.snap")
    check(code == 0, f"inspect --json {name}.snap", error)
    return json.loads(text)


def sections(data):
    """The payloads of a snapshot's sections, by number."""
    found, at = {}, 64
    while at < len(data):
        number, how, size = struct.unpack_from("<HHQ", data, at)
        found[number] = data[at + 16:at + 16 + size]
        at += 16 + size + 8
    return found


def unpacked_block(data, at):
    """A block without its zeros (docs/snapshot-format.md), and where it ends."""
    block = b""
    while len(block) < 4096:
        tag = data[at]
        if tag in (0, 255):
            words, at = data[at + 1] + 1, at + 2
            block += data[at:at + 8 * words] if tag else bytes(8 * words)
            at += 8 * words if tag else 0
        else:
            at += 1
            for bit in range(8):
                block += data[at:at + 1] if tag >> bit & 1 else b"\0"
                at += tag >> bit & 1
    return block, at


def test_json():
    """What inspect --json tells against what the guest did, the file's bytes and the other forms."""
    data, options = {}, ("--env", "A=\u00fc", "--dir", "here::/there")
    (HERE / "here").mkdir()
    for name, more in (("plain", ()), ("packed", ("--compress",))):
        yado("run", *options, *more, "--checkpoint-after", 5000, "--snapshot", f"{name}.snap", "fib.wasm", "25")
        data[name] = inspected(name)
    plain, packed = data["plain"], data["packed"]
    numbers = [frame["locals"][0]["value"] for frame in plain["frames"] if frame["name"] == "fib"]
    check(numbers == sorted(numbers) and numbers[-1] == 25 and len(set(numbers)) == len(numbers),
          "the arguments of each fib, innermost first", numbers)
    check([frame["site"] for frame in plain["frames"]][1:] == ["call"] * (len(plain["frames"]) - 1), "sites")
    check(plain["run"]["fuel"] == "5000" and plain["run"]["running"] == "entry", "run", plain["run"])
    wasi = plain["wasi"]
    check(wasi["arguments"] == ["fib.wasm", "25"] and wasi["environment"] == ["A=\u00fc"]
          and wasi["preopens"] == ["/there"], "arguments, environment, preopens", wasi)
    raw = sections((HERE / "plain.snap").read_bytes())
    at, runs, present = 9, [], struct.unpack_from("<BII", raw[3])
    for _ in range(present[2]):
        first, count = struct.unpack_from("<II", raw[3], at)
        at, blocks = at + 8, b""
        for _ in range(count):
            block, at = unpacked_block(raw[3], at)
            blocks += block
        runs.append((first * 4096, blocks))
    check(at == len(raw[3]), "one part, packed")
    told = [(run["address"], base64.b64decode(run["data"])) for run in plain["memory"]["runs"]]
    check(told == runs and present[1] == plain["memory"]["pages"], "memory to the byte")
    check(any(b"25\0" in run for _, run in told), "the guest's argument in its memory")
    for same in ("run", "frames", "globals", "tables", "segments", "wasi", "module"):
        check(plain[same] == packed[same], f"{same}, compressed or not")
    check(packed["memory"]["compressed"] and packed["memory"]["runs"] == plain["memory"]["runs"], "memory, compressed")
    check("data" not in inspected("plain", "--no-contents")["memory"]["runs"][0], "--no-contents")
    yado("restore", "--dir", "here::/there", "--base", "plain.snap", "--checkpoint-after", 9000, "--snapshot",
         "delta.snap", "plain.snap")
    delta = inspected("delta")
    check(delta["notes"]["base"] == str(HERE / "plain.snap") and len(delta["base"]["id"]) == 64
          and sum(len(run["hashes"]) for run in delta["base"]["runs"]) >= 4, "a base", delta["base"])
    reactor()
    yado("run", "--checkpoint-after", 50, "--snapshot", "call.snap", "--invoke", "mix", *MIX)
    call = inspected("call")["call"]
    check([argument["value"] for argument in call["arguments"]] == [-7, "16", "1.5", "-0.001"]
          and [argument.get("bits") for argument in call["arguments"]][2:] == ["0x3fc00000", "0xbf50624dd2f1a9fc"]
          and call["initialize"]["name"] is not None, "a call to come", call)
    travelled("native", "from", "--files", "verify", "--embed", "tree")
    files = inspected("files")
    kept = [d for d in files["wasi"]["descriptors"] if d["kind"] == "file" and d["path"] == "kept"]
    check(sorted(d["offset"] for d in kept) == ["2", "3", "6"], "offsets of one file's descriptors", kept)
    log = [d for d in files["wasi"]["descriptors"] if d.get("path") == "log"]
    check(log[0]["flags"] == ["append", "nonblock"], "flags", log)
    hashed = subprocess.run([YADO, "inspect", "files.snap"], cwd=HERE, capture_output=True, text=True).stdout
    check(all(len(state["blake3"]) == 64 and state["bytes"] in hashed for state in files["files"]["open"]), "states")
    carried = {entry["path"]: entry for entry in files["files"]["carried"]}
    check(base64.b64decode(carried["tree/branch/leaf"]["data"]) == b"green\n"
          and carried["tree/link"]["target"] == "branch/leaf" and carried["gone"]["kind"] == "deleted",
          "files that travel", sorted(carried))
    check(says(yado("inspect", "--json", "fib.wasm"), 125, "not a snapshot"), "JSON of no snapshot")
    yado("run", "--env", b"B=\xff".decode(errors="surrogateescape"), "--checkpoint-after", 10, "--snapshot",
         "bytes.snap", "fib.wasm", "25")
    environment = inspected("bytes")["wasi"]["environment"]
    check(environment == [{"base64": base64.b64encode(b"B=\xff").decode()}], "bytes that are no text", environment)


def test_fork():
    """One snapshot, started many times at once, on every host."""
    yado("run", "--checkpoint-after", 100000, "--snapshot", "fork.snap", "fib.wasm", "24")
    before = (HERE / "fork.snap").read_bytes()
    guests = [start("restore", "--host", host, "fork.snap") for host in installed_hosts() for _ in range(2)]
    outputs = [guest.communicate(timeout=120) for guest in guests]
    check(all((guest.returncode, output[0]) == (0, "fib(24) = 46368\n") for guest, output in zip(guests, outputs)),
          f"{len(guests)} guests from one snapshot", outputs)
    check((HERE / "fork.snap").read_bytes() == before, "which stays as it was")


def reactor():
    """Builds tests/guests/reactor.wat in HERE."""
    subprocess.run([WASM_TOOLS, "parse", ROOT / "tests/guests/reactor.wat", "-o", HERE / "reactor.wasm"],
                   check=True)


MIX = ("reactor.wasm", "-7", "0x10", "1.5", "-1e-3")


def test_invoke():
    """A reactor's calls, checkpointed in each of them and torn down everywhere."""
    reactor()
    whole = yado("run", "--invoke", "mix", *MIX)
    check(whole[0] == 0 and whole[1].split("\n")[:4] == ["-0.001", "1.5", "16", "-7"]
          and whole[1].endswith("\n<null funcref>\n"), "--invoke", whole)
    stock = subprocess.run([TOOLS / "bin/wasmtime", "run", "--invoke", "mix", *MIX], cwd=HERE,
                           capture_output=True, text=True)
    check(stock.stdout == whole[1], "--invoke prints what Wasmtime prints", (stock, whole))
    for k in (1, 2, 3, 50):
        check(yado("run", "--teardown", k, "--invoke", "mix", *MIX)[:2] == whole[:2], f"torn down at {k}")
    hosts = list(installed_hosts())
    for host, other in zip(hosts, hosts[1:] + hosts[:1]):
        for fuel, runs in ((50, "start function"), (150, "_initialize"), (250, "entry function")):
            what = f"a checkpoint in the {runs}, from {host} to {other}"
            result = yado("run", "--host", host, "--checkpoint-after", fuel, "--snapshot", "r.snap",
                          "--invoke", "mix", *MIX)
            check(result[:2] == (85, ""), what, result)
            check(says(yado("inspect", "r.snap"), 0, f"running: {runs if runs[0] == '_' else 'the ' + runs}",
                       "version 6"), what + ": inspect")
            result = yado("restore", "--host", other, "r.snap")
            check(result[:2] == whole[:2], what, result)
    check(says(yado("inspect", "r.snap"), 0, "i64:16"), "arguments in a frame")
    yado("run", "--checkpoint-after", 50, "--snapshot", "b.snap", "--invoke", "mix", *MIX)
    check(says(yado("inspect", "b.snap"), 0, "arguments: i32:-7 i64:16 f32:1.5 f64:-0.001"), "arguments to come")
    check(says(yado("diff", "b.snap", "r.snap"), 1, "calls"), "diff of two calls")
    result = yado("restore", "--base", "b.snap", "--checkpoint-after", 160, "--snapshot", "c.snap", "b.snap")
    check(result[0] == 85 and says(yado("squash", "--output", "d.snap", "c.snap"), 0)
          and yado("restore", "d.snap")[:2] == whole[:2], "a call in a chain", result)


def test_invoke_refusals():
    reactor()
    for name, arguments, words in (
            ("nothing", (), ("nothing", "no function of that name")),
            ("global", (), ("global", "no function of that name")),
            ("mix", ("1", "2", "3"), ("mix", "4 arguments, not 3")),
            ("sum", ("1",), ("sum", "0 arguments, not 1")),
            ("of-reference", ("0",), ("funcref",)),
            ("mix", ("4294967296", "2", "3", "4"), ("4294967296", "i32")),
            ("mix", ("-2147483649", "2", "3", "4"), ("-2147483649", "i32")),
            ("mix", ("1", "18446744073709551616", "3", "4"), ("18446744073709551616", "i64")),
            ("mix", ("1", "2x", "3", "4"), ("2x", "i64")), ("mix", ("1", "0x", "3", "4"), ("0x", "i64")),
            ("mix", ("1", "", "3", "4"), ("i64",)), ("mix", ("1", "2", "3.4.5", "4"), ("3.4.5", "f32")),
            ("mix", ("1", "2", "3", "1e"), ("1e", "f64")), ("mix", ("1", "2", "3", "."), ("f64",))):
        for host in ("native", "wasmtime"):
            result = yado("run", "--host", host, "--invoke", name, "reactor.wasm", *arguments)
            check(says(result, 2, *words), f"--invoke {name} {arguments} on {host}", result)
    check(says(yado("run", "--invoke", "trap", "reactor.wasm"), 134, "unreachable"), "a trap in it")
    check(yado("run", "reactor.wasm") == (0, "", ""), "a reactor alone is initialized")
    (HERE / "neither.wasm").write_bytes(b"\0asm\1\0\0\0")
    check(says(yado("run", "neither.wasm"), 125, "_start", "_initialize", "--invoke"), "neither")
    check(yado("run", "--invoke", "_start", "hello.wasm")[:2] == yado("run", "hello.wasm")[:2],
          "a command's export")


def test_numbers():
    """Floats: the nearest to the text, and the shortest text, against Python's."""
    (HERE / "id.wat").write_text("""(module
        (func (export "f64") (param f64) (result f64 i64) local.get 0 local.get 0 i64.reinterpret_f64)
        (func (export "f32") (param f32) (result f32 i32) local.get 0 local.get 0 i32.reinterpret_f32))""")
    subprocess.run([WASM_TOOLS, "parse", HERE / "id.wat", "-o", HERE / "id.wasm"], check=True)
    numbers = random.Random(1)
    texts = ["0", "-0", "1", "5e-324", "2.4703282292062327e-324", "2.4703282292062328e-324",
             "2.2250738585072011e-308", "1.7976931348623157e308", "1.7976931348623159e308", "9007199254740993",
             "9007199254740992.99999", "1e400", "1e-400", "1e99999999999999999999", "0e99999", "1" + "0" * 300,
             "." + "0" * 300 + "1", "0.1e-5"]
    texts += [repr(struct.unpack("<d", numbers.randbytes(8))[0]) for _ in range(40)]
    texts += [f"{numbers.randrange(10 ** 17)}e{numbers.randrange(-340, 300)}" for _ in range(40)]
    for text in texts:
        value = float(text)
        printed, bits = yado("run", "--invoke", "f64", "id.wasm", text)[1].split()
        check(int(bits) == struct.unpack("<q", struct.pack("<d", value))[0]
              or value != value and printed == "NaN", f"f64 {text}", (printed, bits))
        if value == value and abs(value) != float("inf"):
            check(float(printed) == value and len(printed.strip("-0").replace(".", "").strip("0")) <= 17
                  and "e" not in printed, f"{text} is printed as {printed}")
    for text, bits, shown in (("16777217", 0x4B800000, "16777216"), ("16777219", 0x4B800002, "16777220"),
                              ("1.00000005960464477539062500001", 0x3F800001, "1.0000001"),
                              ("7.006492321624085e-46", 0, "0"), ("7.0064923216240854e-46", 1, "0." + "0" * 44 + "1"),
                              ("3.4028236e38", 0x7F800000, "inf"), ("0.1", 0x3DCCCCCD, "0.1")):
        printed = yado("run", "--invoke", "f32", "id.wasm", text)[1].split()
        check(printed == [shown, str(bits)], f"f32 {text}", printed)


def listening(*arguments, command="run"):
    """A guest with a listening socket, and its port."""
    guest = FOLDER.guest("--listen", "127.0.0.1:0", *arguments, command=command)
    port = re.compile(r"yado: listening on 127.0.0.1:(\d+)\n")
    until(lambda: port.match(guest.output()[1]))
    found = port.match(guest.output()[1])
    check(found, f"{arguments} listens", guest.output())
    return guest, int(found[1]) if found else 0


def echo(client, text):
    client.sendall(text)
    return client.recv(100)


def stop(guest, snapshot):
    result = yado("checkpoint", "--output", snapshot, guest.name)
    ending = guest.end()
    check(result[0] == 0 and ending.code == 85, f"a checkpoint into {snapshot}", (result, ending))
    return ending.out


def connect(port, seconds=20):
    """A connection to somebody who will listen soon."""
    end = time.monotonic() + seconds
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 10)
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_listen_in_hosts():
    """The hosts that give sockets; one takes over from another, and natively."""
    ways = [["--host", "wazero"], ["--host", "wasmi"], []]
    for way, next_way in zip(ways, ways[1:] + ways[:1]):
        port = free_port()
        guest = FOLDER.guest(*way, "--listen", f"127.0.0.1:{port}", "--dir", ".::/data", "echo.wasm", "4")
        with connect(port) as client:
            check(echo(client, b"hello") == b"hello", f"{way}: a connection")
            check(stop(guest, "serve.snap") == "connected\n", f"{way}: stopped in a connection")
        port = free_port()
        guest = start("restore", *next_way, "--listen", f"127.0.0.1:{port}", "--dir", ".::/data", "serve.snap")
        with connect(port) as client:
            check(echo(client, b"again") == b"again", f"{next_way}: a new connection")
            client.sendall(b"quit")
        result = ended(guest)
        check(result.code == 0 and result.out.startswith("recv: Connection reset") and
              result.out.endswith("connected\nclose: 0\n"), f"{next_way}: the old connection", result)
    for option, word in (("127.0.0.1:0", "port 0"), ("127.0.0.1", "ADDRESS:PORT")):
        check(says(yado("run", "--host", "wazero", "--listen", option, "echo.wasm"), 2, word), f"--listen {option}")
    check(says(yado("run", "--host", "wazero", "--tier", "sealed", "--listen", "127.0.0.1:80", "echo.wasm"), 2,
               "--tier"), "no sealed guest listens")


def test_listen():
    """A server, stopped while it waits for a connection and while it has one."""
    any_port = ("--listen", "127.0.0.1:0")
    guest, port = listening("--dir", ".::/data", "echo.wasm", "4")
    guest.settle()
    check(stop(guest, "wait.snap") == "", "nothing was connected")
    check(says(yado("inspect", "wait.snap"), 0, f"descriptor 4: listens on 127.0.0.1:{port}"), "inspect")
    at = ("--dir", ".::/data", "wait.snap")
    check(says(yado("restore", *at), 125, f"127.0.0.1:{port}", "--listen"), "a missing socket is named")
    check(says(yado("restore", *any_port, *any_port, *at), 125, "no listening socket for it"), "one too many")
    check(says(yado("restore", "--host", "wasmtime", *at), 125, "--listen"), "not inside a host")
    for command in (("run", "echo.wasm"), ("restore", "wait.snap")):
        result = yado(command[0], "--host", "wasmtime", *any_port, command[1])
        check(says(result, 2, "--listen 127.0.0.1:0", "wasmtime has no sockets", "native, wasmi, wazero"), f"{command} --listen --host", result)
    guest, port = listening(*at, command="restore")
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        check(echo(client, b"hello") == b"hello", "a connection after a restore")
        address = f"127.0.0.1:{port}"
        check(says(yado("run", "--listen", address, "echo.wasm"), 125, address, "in use"), "port in use")
        check(stop(guest, "serve.snap") == "connected\n", "stopped in a connection")
        check(client.recv(100) == b"", "the connection is gone")
    guest, port = listening("--dir", ".::/data", "serve.snap", command="restore")
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        check(echo(client, b"again") == b"again", "a new connection")
    with socket.create_connection(("127.0.0.1", port), 10) as client:
        client.sendall(b"quit")
    result = guest.end()
    reset = "Connection reset by peer"
    check(result[:2] == (0, f"recv: {reset}\nsend: {reset}\npoll: 1, error\n"
          "close: 0\nconnected\nended\nclose: 0\nconnected\nclose: 0\n"), "an old connection", result)
    for address, word in (("127.0.0.1", "ADDRESS:PORT"), (":80", "ADDRESS:PORT"), ("127.0.0.1:", "ADDRESS"),
                          ("127.0.0.1:http!", "127.0.0.1:http!"), ("300.0.0.1:0", "300.0.0.1")):
        check(says(yado("run", "--listen", address, "echo.wasm"), 125, "--listen " + address, word), address)
    check(says(yado("run", "echo.wasm"), 1, "accept: "), "nothing to accept on without --listen")
    guest, port = listening("--teardown", 20, "echo.wasm")
    for _ in range(3):  # the connections do not outlast that
        socket.create_connection(("127.0.0.1", port), 10).close()
    check(says(guest.settle().checkpoint("--output", "torn.snap"), 0) and guest.end().code == 85,
          "a listening socket is torn down and taken up again", guest.output())


def is_running(pid):
    try:
        return "\nState:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_killed_with_host():
    """kill -9 of yado leaves no host behind."""
    for host in installed_hosts():
        if host == "native":
            continue
        guest = FOLDER.guest("--host", host, "sleep.wasm", "1", "60000").settle()
        processes = children(guest.process.pid)
        check(len(processes) == 1 and is_running(processes[0]), f"{host} runs", processes)
        guest.kill()
        check(until(lambda: not any(map(is_running, processes))), f"{host} is killed with yado", processes)
        for process in filter(is_running, processes):
            os.kill(process, signal.SIGKILL)
    (HERE / "not-a-program").write_text("#!/no/such/interpreter\n")
    (HERE / "not-a-program").chmod(0o755)
    result = yado("run", "--host", "wazero", "hello.wasm",
                  env={**os.environ, "YADO_WAZERO": str(HERE / "not-a-program")})
    check(says(result, 125, "cannot start", "not-a-program", "No such file"), "a host that cannot be started",
          result)


def configured(text, *arguments, **variables):
    (HERE / "hosts.conf").write_text(text)
    return yado(*arguments, env={**os.environ, "YADO_HOSTS": str(HERE / "hosts.conf"), **variables})


def test_hosts_file():
    mine = "# a comment\n\n[mine]\nlike = wasmtime-jit\nexecutes = my own way\n[second]\nlike = mine\n"
    result = configured(mine, "run", "--host", "second", "--dir", ".", "fib.wasm", "12")
    check(says(result, 0, "144"), "a host of the user's file", result)
    result = configured(mine, "hosts", "--json")
    check(any(host["name"] == "mine" and host["executes"] == "my own way" and host["installed"]
              and host["source"].endswith("hosts.conf") for host in json.loads(result[1])), "is listed", result)
    result = configured("[wasmtime]\nprogram = /no/where\n", "run", "--host", "wasmtime", "fib.wasm", "12")
    check(says(result, 125, "wasmtime", "/no/where", "No such file"), "a host that was there is changed", result)
    for text, *words in (("[x]\nprogram = y\nfoo = 1\n", "line 3", "foo"), ("key = 1\n", "line 1", "[NAME]"),
                         ("[x]\nprogram\n", "line 2", "program"), ("[x\n", "line 1"), ("[]\n", "line 1"),
                         ("[native]\n", "native"), ("[x]\nprogram = y\n", "`run`"),
                         ("[x]\nlike = y\n", "line 2", "y"), ("[x]\nlike = node\nbuild = z\n", "build"),
                         ("[x]\nlike = node\ncompile = {module}\n", "{output}"),
                         ("[x]\nlike = node\ndirectory =\n", "directory"), ("[x]\n\0\n", "not a text")):
        result = configured(text, "run", "--host", "native", "fib.wasm", "12")
        check(says(result, 0, "144"), f"native needs no hosts: {text!r}", result)
        result = configured(text, "hosts")
        check(says(result, 125, "hosts.conf", *words), f"refused: {text!r}", result)
    result = configured("[x]\nlike = node\nrun = {modul}\n", "run", "--host", "x", "fib.wasm", "12")
    check(says(result, 125, "hosts.conf", "{modul}"), "a placeholder that is none", result)
    result = configured("[x]\nprogram = false\nversion = -v\nrun = {module}\n", "hosts")
    check(says(result, 0, "host x", "/false -v", "exit code 1"), "a host that tells no version", result)


def test_compiled():
    """What a host compiled is kept; damaged in whatever way, it is compiled again."""
    variables = {"XDG_CACHE_HOME": str(HERE / "cache"), "YADO_TOOLS": str(TOOLS)}
    folder = HERE / "cache" / "yadokari" / "compiled"

    def run():
        return configured("", "run", "--host", "wasmtime", "fib.wasm", "12", **variables)

    check(says(run(), 0, "144"), "the first run compiles")
    kept, sums = next(folder.glob("wasmtime-*.compiled")), next(folder.glob("wasmtime-*.checksum"))
    whole, time_ = kept.read_bytes(), kept.stat().st_mtime_ns
    check(says(run(), 0, "144") and kept.stat().st_mtime_ns == time_, "the second does not")
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:]
    for what, data in (("cut", whole[:middle]), ("empty", b""), ("changed", changed), ("longer", whole + b"x")):
        kept.write_bytes(data)
        check(says(run(), 0, "144") and kept.stat().st_size == len(whole) and kept.read_bytes() != data,
              f"{what}: compiled again")
    for file in (kept, sums):
        file.unlink()
        check(says(run(), 0, "144") and file.exists(), f"{file.suffix} is gone: compiled again")
    sums.write_text("size=1\n")
    check(says(run(), 0, "144") and len(sums.read_text()) > 20, "checksum damaged: compiled again")
    failing = "[bad]\nlike = wasmtime\ncompile = compile --no-such {module} -o {output}\n"
    result = configured(failing, "run", "--host", "bad", "fib.wasm", "12", **variables)
    check(says(result, 125, "host bad", "wasmtime 4", "compile --no-such", "unexpected argument"),
          "a compiler that fails: host, version, command, output", result)
    check(not list(folder.glob("bad-*")), "and leaves nothing")
    result = configured("", "run", "--host", "wazero", "fib.wasm", "12", **variables)
    check(says(result, 0, "144"), "wazero, whose compiler fills a folder", result)
    files = [file for file in next(folder.glob("wazero-*.compiled")).rglob("*") if file.is_file()]
    check(files, "it has filled it")
    for what, damage in (("cut", lambda data: data[:len(data) // 2]), ("empty", lambda data: b"")):
        for file in files:
            file.write_bytes(damage(file.read_bytes()))
        result = configured("", "run", "--host", "wazero", "fib.wasm", "12", **variables)
        check(says(result, 0, "144"), f"wazero's folder with its files {what}", result)


TESTS = (test_options, test_exit_codes, test_tab, test_environment, test_snapshots, test_named,
         test_name_again, test_waiting, test_files, test_changed_files, test_clocks, test_base, test_memory,
         test_streams, test_old_snapshot, test_pipe, test_atomic, test_limits, test_every, test_data,
         test_json, test_fork, test_invoke, test_invoke_refusals, test_numbers, test_listen,
         test_listen_in_hosts, test_killed_with_host, test_hosts_file, test_compiled)


if __name__ == "__main__":
    checks.run(TESTS)
