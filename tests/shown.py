#!/usr/bin/env python3
"""What others wrote does not reach the terminal as it is: names in modules, snapshots, the registry, another machine's
words. None of it may hold a character that a terminal obeys, that turns the direction of writing, or that nobody sees."""

import json
import os
import re
import subprocess

import checks
from checks import check
from guest import YADO, Folder
from travel import GUESTS, TOOLS

FOLDER = Folder(kind="shown")
HERE = FOLDER.path
os.environ["XDG_STATE_HOME"] = str(HERE / "state")

# Colour, a C1 control, the writing turned, no width, no UTF-8: and a word to look for.
NASTY = b"\x1b[31m\xc2\x9b1m\xe2\x80\xae\xe2\x80\x8b\xff\x07red"
HARMFUL = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffd]")

MODULE = """(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1) (data (i32.const 0) "\\10\\00\\00\\00\\01\\00\\00\\00")
  (func $NAME (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))) unreachable)
  (func (export "_start") (call $NAME)))"""


def yado(*arguments, stdin=b"", env=None, names=HERE):
    return subprocess.run([YADO, *arguments], capture_output=True, timeout=120, cwd=names, input=stdin,
                          env={**os.environ, **(env or {})})


def harmless(what, result, *words, stream="both"):
    """Its output holds these words and nothing harmful; a tab or a line's end is the command's own."""
    raw = {"both": result.stdout + result.stderr, "out": result.stdout}[stream]
    text = raw.decode(errors="replace")
    check(not HARMFUL.search(text) and all(word in text for word in words), what, raw)


def module(name):
    """A module with nasty names of functions, in a file with a nasty name."""
    (HERE / "plain.wat").write_text(MODULE.replace("$NAME", '$NAMExxxxxxxxxxxxxxxx'))
    subprocess.run([TOOLS / "bin" / "wasm-tools", "parse", HERE / "plain.wat", "-o", HERE / "plain.wasm"], check=True)
    placeholder = b"NAMExxxxxxxxxxxxxxxx"
    path = os.fsencode(HERE) + b"/" + name
    with open(path, "wb") as file:
        file.write((HERE / "plain.wasm").read_bytes().replace(placeholder, NASTY.ljust(len(placeholder), b"!")))
    return path


def hosts():
    listed = [host["name"] for host in json.loads(yado("hosts", "--json").stdout) if host["installed"]]
    return [host for host in ("native", "wasmtime", "node", "wazero") if host in listed]


def test_traps():
    app = module(b"app.wasm")
    for host in hosts():
        harmless(f"a trap in {host}", yado("run", "--host", host, app), "red", "unreachable")
    harmless("a sealed trap", yado("run", "--tier", "sealed", "--host", "wasmtime", app), "red", "unreachable")
    harmless("a sealed module that a host runs by itself", sealed_alone(app), "red")


def sealed_alone(app):
    check(yado("seal", app, "-o", "app.sealed.wasm").returncode == 0, "sealed")
    return subprocess.run([TOOLS / "bin" / "wasmtime", "run", "app.sealed.wasm"], cwd=HERE, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=120)


def test_snapshots():
    app = module(b"app.wasm")
    for host in hosts()[:2]:
        guest = FOLDER.guest("--host", host, app, stdin=subprocess.PIPE)
        result = yado("checkpoint", "--output", b"snap" + NASTY[:5], guest.name)
        check(guest.end().code == 85, f"stopped in {host}", result)
        snapshot = b"snap" + NASTY[:5]
        harmless(f"checkpoint in {host}", result, "snap")
        harmless(f"inspect of {host}'s", yado("inspect", snapshot), "red")
        harmless("inspect in Wasmtime", yado("restore", "--host", "wasmtime", snapshot), "red")
        harmless("a restored one", yado("restore", snapshot), "red", "unreachable")
        result = yado("inspect", "--json", "--no-contents", snapshot)
        check(result.stdout.isascii() and json.loads(result.stdout)["frames"], "JSON is JSON", result)
        harmless("diff", yado("diff", snapshot, snapshot))
        harmless("export", yado("export", "--coredump", snapshot), "coredump")
    result = yado("hosts", "--json")
    check(result.stdout.isascii() and json.loads(result.stdout), "JSON of the hosts", result)


def test_names():
    """Of files, guests, options."""
    app = module(b"app" + NASTY[:-4] + b"red.wasm")
    harmless("a trap of a module with such a name", yado("run", app), "red")
    guest = FOLDER.guest(app, name="shown", stdin=subprocess.PIPE)
    harmless("ps", yado("ps"), "shown", "red")
    guest.kill()
    for arguments in ((b"red" + NASTY,), ("run", b"--red" + NASTY), ("run", b"no" + NASTY), ("inspect", b"no" + NASTY),
                      ("checkpoint", NASTY), ("run", "--host", NASTY, app), ("run", "--invoke", NASTY, app),
                      ("receive", "--ask", NASTY)):
        result = yado(*arguments)
        harmless(f"yado {arguments[0]!r}", result, "red")
        check(result.returncode in (2, 125), "is refused", result)


def test_peer():
    """Another machine's words, and those of ssh."""
    refusal = b"no" + NASTY + b"\ndone elsewhere"
    said = b"\nyado receive 1\n" + b"E" + len(refusal).to_bytes(4, "little") + refusal
    (HERE / "said").write_bytes(said)
    (HERE / "errors").write_bytes(NASTY + b"\n")
    guest = FOLDER.guest(GUESTS / "sleep.wasm", "1", "60000", name="shown")
    for what, script in (("refuses", f"cat {HERE}/said; cat >{os.devnull}"), ("fails", f"cat {HERE}/errors >&2; exit 1"),
                         ("says nonsense", f"printf '\\nyado receive 1\\n'; cat {HERE}/errors {HERE}/said")):
        ssh = HERE / "ssh"
        ssh.write_text(f"#!/bin/sh\n{script}\n")
        ssh.chmod(0o755)
        result = yado("migrate", "--to", "ssh://there", "shown", env={"YADO_SSH": str(ssh)})
        harmless(f"a machine that {what}", result, "shown")
        check(result.returncode == 125 and b"runs in" not in result.stdout, f"one that {what} gets no guest", result)
    guest.kill()


if __name__ == "__main__":
    checks.run((test_traps, test_snapshots, test_names, test_peer))
