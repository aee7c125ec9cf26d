#!/usr/bin/env python3
"""Modules that people bring, and what is said of those that cannot run; what a snapshot's notes name; tiers that change.

    modules.py [TEST...]     only these
"""

import gzip
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from checks import check, finish
from guest import until
from travel import GUESTS, ROOT, TOOLS

YADO = str(ROOT / "build" / "yado")
WASM_TOOLS = TOOLS / "bin" / "wasm-tools"
WASMTIME = TOOLS / "bin" / "wasmtime"
HERE = pathlib.Path(tempfile.mkdtemp(prefix="yado-test-"))
FAILED = 125


def run(*command, cwd=HERE, timeout=300, **variables):
    result = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, timeout=timeout,
                            stdin=subprocess.DEVNULL, env={**os.environ, **variables})
    return result.returncode, result.stdout.decode(errors="replace"), result.stderr.decode(errors="replace")


def yado(*arguments, **options):
    return run(YADO, *arguments, **options)


def assemble(name, text):
    (HERE / f"{name}.wat").write_text(text)
    result = run(WASM_TOOLS, "parse", f"{name}.wat", "-o", f"{name}.wasm")
    check(result[0] == 0, f"{name}.wat", result)
    return f"{name}.wasm"


# ---- what cannot run

def refused(file, *words, features=False):
    """By everybody who is asked, in the same words, before anything about exports."""
    for command in (("run",), ("run", "--host", "wasmtime"), ("run", "--host", "node"), ("inspect",),
                    ("seal", "-o", "out.wasm"), ("run", "--host", "wasmtime", "--tier", "sealed")):
        code, out, err = yado(*command, file)
        check(code == FAILED and all(word in err for word in words) and "exports neither" not in err
              and "interpreter" not in err, f"{command} {file}", (code, out, err))
    check(not (HERE / "out.wasm").exists(), f"{file} is not sealed")


IMPORTS = (
    ("emscripten", "Emscripten", [("env", "emscripten_resize_heap", "(func (param i32) (result i32))"),
                                  ("env", "__syscall_openat", "(func)"), ("env", "memory", "(memory 1)")]),
    ("bindgen", "wasm-bindgen", [("__wbindgen_placeholder__", "__wbindgen_throw", "(func (param i32 i32))"),
                                 ("./x_bg.js", "__wbg_log_12", "(func)")]),
    ("go", "GOOS=wasip1", [("gojs", "runtime.wasmExit", "(func (param i32))")]),
    ("napi", "N-API", [("env", "napi_create_function", "(func)"), ("emnapi", "x", "(func)")]),
    ("proxy", "proxy-wasm", [("env", "proxy_log", "(func (param i32 i32 i32) (result i32))")]),
    ("extism", "Extism", [("extism:host/env", "input_length", "(func (result i64))")]),
    ("assembly", "AssemblyScript", [("env", "abort", "(func (param i32 i32 i32 i32))")]),
    ("preview2", "WASI 0.2", [("wasi:cli/environment@0.2.3", "get-environment", "(func (param i32))")]),
    ("threads", "wasi-threads", [("wasi", "thread-spawn", "(func (param i32) (result i32))")]),
    ("unstable", "wasi_unstable", [("wasi_unstable", "sock_accept", "(func (param i32 i32 i32) (result i32))")]),
    ("other-type", "another WASI", [("wasi_snapshot_preview1", "fd_write", "(func (param i32))")]),
    ("plug-in", "a host of its own", [("env", "frobnicate", "(func)"), ("env", "table", "(table 1 funcref)"),
                                      ("host", "level", "(global i32)")]),
)


def test_imports():
    for name, kind, imports in IMPORTS:
        text = "".join(f'(import "{module}" "{item}" {what})' for module, item, what in imports)
        refused(assemble(name, f'(module {text} (func (export "f")))'), kind,
                *(f"{module}.{item}" for module, item, _ in imports))
    many = "".join(f'(import "env" "function_number_{i}" (func))' for i in range(400))
    refused(assemble("many", f"(module {many})"), *(f"env.function_number_{i}" for i in range(400)))
    most = "".join(f'(import "env" "function_number_{i}" (func))' for i in range(5000))
    refused(assemble("most", f"(module {most})"), "env.function_number_0", "more")
    code, _, err = yado("run", assemble("control", '(module (import "a\\1b[31m" "b\\0ac\\c2\\9b" (func)))'))
    check(code == FAILED and "a?[31m.b?c?" in err and err.count("\n") == 1, "names are cleaned", err)
    module = assemble("hosted", '(module (import "env" "a" (func)))')
    code, _, err = run(WASMTIME, "run", "--dir", ".", ROOT / "build" / "yadokari.wasm", "run", module)
    check(code != 0 and "env" in err and "neither" not in err, "in a host alone: before the exports", err)


FEATURES = (
    ("simd", "SIMD", "(func (drop (v128.const i32x4 1 2 3 4)))"),
    ("relaxed", "relaxed SIMD", "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"),
    ("atomics", "threads", "(memory 1) (func (drop (i32.atomic.load (i32.const 0))))"),
    ("shared", "threads", "(memory 1 1 shared)"),
    ("exceptions", "exception handling", "(tag $t) (func (block (try_table (catch_all 0) (throw $t))))"),
    ("gc", "garbage collection", "(type $s (struct (field i32))) (func (drop (struct.new $s (i32.const 1))))"),
    ("references", "typed function references", "(type $t (func)) (func (param (ref $t)) (call_ref $t (local.get 0)))"),
    ("memories", "multi-memory", "(memory 1) (memory 1)"),
    ("memory64", "memory64", "(memory i64 1)"),
    ("pages", "custom page sizes", "(memory 1 (pagesize 1))"),
    ("wide", "wide arithmetic", "(func (param i64) (i64.mul_wide_u (local.get 0) (local.get 0)) (drop) (drop))"),
    ("switching", "stack switching", "(type $f (func)) (type $c (cont $f)) (func (param (ref $c)) (resume $c (local.get 0)))"),
)


def test_features():
    for name, proposal, text in FEATURES:
        refused(assemble(name, f"(module {text})"), proposal)
    several = "".join(text for name, _, text in FEATURES if name in ("simd", "atomics", "wide", "exceptions"))
    refused(assemble("several", f'(module (import "env" "x" (func)) {several})'), "SIMD", "threads", "wide arithmetic",
            "exception handling", "env.x")
    legacy = (b"\0asm\1\0\0\0\1\4\1\x60\0\0\3\2\1\0\x0a\x08\1\6\0\x06\x40\x19\x0b\x0b")
    (HERE / "legacy.wasm").write_bytes(legacy)
    refused("legacy.wasm", "legacy exception handling")


def test_containers():
    assemble("some", "(module)")
    (HERE / "component.wat").write_text("(component)")
    run(WASM_TOOLS, "parse", "component.wat", "-o", "component.wasm")
    refused("component.wasm", "a component")
    (HERE / "packed.wasm").write_bytes(gzip.compress((HERE / "some.wasm").read_bytes()))
    (HERE / "page.wasm").write_text("\n<!DOCTYPE html>\n<html>404</html>")
    (HERE / "comment.wat").write_text(";; a comment (\n(; (; x ;) ;)\n (module)")
    for file, word in (("some.wat", "text format"), ("comment.wat", "text format"), ("packed.wasm", "gzip"),
                       ("page.wasm", "HTML"), ("/bin/sh", "ELF")):
        refused(file, word)
    (HERE / "empty.wasm").write_bytes(b"")
    check("an empty file" in yado("run", "empty.wasm")[2], "an empty file")
    (HERE / "old.wasm").write_bytes(b"\0asm\x0d\0\0\0")
    check("version" in yado("run", "old.wasm")[2], "a version that is not known")
    code, out, err = yado("inspect", GUESTS / "fib.wasm")
    check(code == 0 and "is a module" in out, "inspect a module that runs", (out, err))
    code, _, err = yado("seal", assemble("nothing", "(module (func))"), "-o", "out.wasm")
    check(code == FAILED and "exports no function" in err, "nothing to call", err)


# A guest of WASI's first snapshot: its own order of whence, sizes of a filestat and of a subscription. It ends with the
# sum of what it was told.
UNSTABLE = """(module
  (import "wasi_unstable" "path_open" (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
  (import "wasi_unstable" "fd_filestat_get" (func $stat (param i32 i32) (result i32)))
  (import "wasi_unstable" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_unstable" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 8) "twelve bytes")
  (func $rounds (local i32)
    (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000)))))
  (func (export "_start") (local $sum i32)
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 12) (i32.const 0) (i64.const 2097190) (i64.const 0)
      (i32.const 0) (i32.const 64)))
    (call $rounds)
    ;; 5 from the start, 2 further, 3 before the end: 5 + 7 + 9 = 21
    (drop (call $seek (i32.load (i32.const 64)) (i64.const 5) (i32.const 2) (i32.const 72)))
    (local.set $sum (i32.load (i32.const 72)))
    (drop (call $seek (i32.load (i32.const 64)) (i64.const 2) (i32.const 0) (i32.const 72)))
    (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 72))))
    (drop (call $seek (i32.load (i32.const 64)) (i64.const -3) (i32.const 1) (i32.const 72)))
    (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 72))))
    (call $rounds)
    ;; one link and 12 bytes: 13
    (drop (call $stat (i32.load (i32.const 64)) (i32.const 65480)))
    (local.set $sum (i32.add (local.get $sum) (i32.add (i32.load (i32.const 65500)) (i32.load (i32.const 65504)))))
    ;; a millisecond of the monotonic clock: one event
    (i64.store (i32.const 256) (i64.const 1))
    (i32.store (i32.const 280) (i32.const 1))
    (i64.store (i32.const 288) (i64.const 1000000))
    (drop (call $poll (i32.const 256) (i32.const 512) (i32.const 1) (i32.const 640)))
    (local.set $sum (i32.add (local.get $sum) (i32.load (i32.const 640))))
    (call $rounds)
    (call $exit (local.get $sum))))"""


def test_unstable():
    (HERE / "twelve bytes").write_bytes(bytes(12))
    module, wanted = assemble("unstable", UNSTABLE), 21 + 13 + 1
    there = ("--dir", ".")
    check(run(WASMTIME, "run", *there, module)[0] == wanted, "wasi_unstable in Wasmtime itself")
    for options in ((), ("--host", "wasmtime"), ("--host", "node"), ("--host", "wasmtime", "--tier", "sealed")):
        result = yado("run", *there, *options, module)
        check(result[0] == wanted, f"wasi_unstable {options}", result)
    check(yado("seal", module, "-o", "unstable.sealed.wasm")[0] == 0, "wasi_unstable is sealed")
    check(run(WASMTIME, "run", *there, "unstable.sealed.wasm")[0] == wanted, "and runs alone")
    for fuel in (500, 1500, 2500):
        for host, other in (("native", "wasmtime"), ("node", "native")):
            result = yado("run", *there, "--host", host, "--checkpoint-after", fuel, "--snapshot", "unstable.snap", module)
            check(result[0] == 85, f"wasi_unstable stops after {fuel} in {host}", result)
            result = yado("restore", *there, "--host", other, "unstable.snap")
            check(result[0] == wanted, f"wasi_unstable from {host} after {fuel} in {other}", result)


# ---- notes

RECORDER = """#!/bin/sh
printf '%s\\n' "$@" >{here}/argv
exec {wasmtime} "$@"
"""


def recorder(folder):
    """A host that writes down what it was started with."""
    script = folder / "recorder"
    script.write_text(RECORDER.format(here=folder, wasmtime=WASMTIME))
    script.chmod(0o755)
    (folder / "hosts.conf").write_text(f"[recorder]\nlike = wasmtime-jit\nprogram = {script}\n")
    return str(folder / "hosts.conf")


def chain(folder):
    """A snapshot, and one that is based on it, in a folder each; their module is in a third."""
    for name in ("module", "bases", "snapshots"):
        (folder / name).mkdir(parents=True)
    shutil.copy(GUESTS / "touch.wasm", folder / "module")
    whole = yado("run", "module/touch.wasm", "4", "20", cwd=folder)[1]
    yado("run", "--checkpoint-after", 1000, "--snapshot", "bases/0.snap", "module/touch.wasm", "4", "20", cwd=folder)
    yado("restore", "--checkpoint-after", 2000, "--base", "bases/0.snap", "--snapshot", "snapshots/1.snap",
         "bases/0.snap", cwd=folder)
    return whole


def test_notes():
    folder = HERE / "notes"
    whole = chain(folder)
    hosts = recorder(folder)

    def given(*arguments):
        (folder / "argv").unlink(missing_ok=True)
        result = yado("restore", "--host", "recorder", *arguments, cwd="/", YADO_HOSTS=hosts)
        words = (folder / "argv").read_text().split("\n") if (folder / "argv").exists() else []
        return result, [words[i + 1] for i, word in enumerate(words) if word == "--dir"]

    for snapshot in ("bases/0.snap", "snapshots/1.snap"):
        result, directories = given(folder / snapshot)
        check(result[:2] == (0, whole), f"{snapshot} in a host", result)
        check(directories and str(folder / "module") not in directories, "the module's directory is not given",
              directories)
        check(str(folder / "bases") not in directories or snapshot.startswith("bases"), "nor the base's", directories)
    two = folder / "snapshots" / "2.snap"
    result, _ = given("--checkpoint-after", 3000, "--snapshot", two, "--base", folder / "snapshots/1.snap",
                      folder / "snapshots/1.snap")
    check(result[0] == 85, "a third, by a host", result)
    out = yado("inspect", two)[1]
    check(f"module = {folder}/module/touch.wasm" in out and f"base = {folder}/snapshots/1.snap" in out,
          "whose notes name the files and no copies", out)
    for host in ("native", "recorder"):
        result = yado("restore", "--host", host, two, YADO_HOSTS=hosts)
        check(result[:2] == (0, whole), f"it goes on in {host}", result)
    shutil.copy(folder / "snapshots/1.snap", folder / "bases/0.snap")
    for host in ("native", "recorder"):
        result = yado("restore", "--host", host, folder / "snapshots/1.snap", YADO_HOSTS=hosts, timeout=60)
        check(result[0] == FAILED and "based on, but another" in result[2], f"a circle of notes, {host}", result)
    (folder / "bases/0.snap").unlink()
    os.mkfifo(folder / "bases/0.snap")
    for host in ("native", "recorder"):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            guest = subprocess.Popen([YADO, "restore", "--host", host, folder / "snapshots/1.snap"],
                                     env={**os.environ, "YADO_HOSTS": hosts}, stderr=subprocess.DEVNULL,
                                     preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            time.sleep(0.5)
            guest.send_signal(number)
            try:
                code = guest.wait(30)
                check(code in (-number, 128 + number, FAILED), f"{number.name} while a FIFO is read, {host}", code)
            except subprocess.TimeoutExpired:
                check(False, f"{number.name} while a FIFO is read, {host}")
                guest.kill()


def test_relative():
    """A host alone does not know where it is: notes are relative to the snapshot."""
    folder = HERE / "relative"
    (folder / "out").mkdir(parents=True)
    shutil.copy(GUESTS / "touch.wasm", folder)
    whole = yado("run", "touch.wasm", "4", "20", cwd=folder)[1]
    check(yado("seal", "touch.wasm", "-o", "touch.sealed.wasm", cwd=folder)[0] == 0, "touch is sealed")
    options = ("run", "--dir", ".", "--checkpoint-after", 1000, "--snapshot", "out/job.snap")
    for what, command in (("sealed", ("touch.sealed.wasm", "--yado", *options, "--module", "touch.wasm", "--", 4, 20)),
                          ("interpreted", (ROOT / "build" / "yadokari.wasm", *options, "touch.wasm", 4, 20))):
        result = run(WASMTIME, "run", "--dir", ".", *command, cwd=folder)
        check(result[0] == 85 and "module = ../touch.wasm" in yado("inspect", folder / "out/job.snap")[1],
              f"{what}: a note", (result, yado("inspect", folder / "out/job.snap")))
        for host in ("native", "wasmtime", "node"):
            for place in (folder, "/"):
                result = yado("restore", "--host", host, "--dir", f"{folder}::.", folder / "out/job.snap", cwd=place)
                check(result[:2] == (0, whole), f"{what}, restored in {host} from {place}", result)
    result = run(WASMTIME, "run", "--dir", ".", ROOT / "build" / "yadokari.wasm", "restore", "--dir", ".",
                 "out/job.snap", cwd=folder)
    check(result[:2] == (0, whole), "restored in a host alone", result)


# ---- the command line

def test_separator():
    yado("seal", GUESTS / "echo.wasm", "-o", "echo.sealed.wasm")
    code, _, err = run(WASMTIME, "run", "echo.sealed.wasm", "--yado", "run", "-i", "12")
    check(code == 2 and "-i" in err and "stands behind --" in err, "an option of the program's", err)
    yado("seal", GUESTS / "fib.wasm", "-o", "fib.sealed.wasm")
    result = run(WASMTIME, "run", "fib.sealed.wasm", "--yado", "run", "--", "12")
    check(result[:2] == (0, yado("run", GUESTS / "fib.wasm", 12)[1]), "behind --", result)
    code, _, err = run(WASMTIME, "run", "fib.sealed.wasm", "--yado", "run", "--invoke", "no-such")
    check(code == 2 and "(null)" not in err, "a sealed module has a name", err)


def test_arguments():
    """What Wasmtime calls a module is the last part of its path: memory laid out by it lies elsewhere."""
    size = assemble("size", """(module
      (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "size") (param i32) (result i32)
        (drop (call $sizes (i32.const 0) (i32.const 4))) (i32.load (i32.const 4))))""")
    theirs = run(WASMTIME, "run", "--invoke", "size", HERE / size, "10")[1]
    for host in ("native", "wasmtime", "node"):
        result = yado("run", "--host", host, "--arg0", size, "--invoke", "size", HERE / size, "10")
        check(result[:2] == (0, theirs), f"--arg0, {host}", (result, theirs))


def test_quotes():
    folder = HERE / "with a space"
    folder.mkdir()
    shutil.copy(GUESTS / "fib.wasm", folder)
    script = folder / "a host"
    script.write_text(f'#!/bin/sh\n[ "$1" = "a \\\\ {{b" ] && [ "$2" = "" ] && shift 2 && exec {WASMTIME} "$@"\n')
    script.chmod(0o755)
    conf = HERE / "quotes.conf"

    def configured(text, *arguments):
        conf.write_text(f"[x]\nlike = wasmtime-jit\nprogram = {script}\n{text}")
        return yado(*arguments, YADO_HOSTS=str(conf))

    for build in ("switch", "bulk", "large", "tail", "sockets"):
        if (ROOT / "build" / f"yadokari{'' if build == 'switch' else '-' + build}.wasm").exists():
            result = configured('run = "a \\\\ \\{b" "" run {directories} {module}\nversion =\n' f"build = {build}\n",
                                "run", "--host", "x", folder / "fib.wasm", "12")
            check(result[:2] == (0, yado("run", GUESTS / "fib.wasm", "12")[1]), f"quotes, build = {build}", result)
    result = configured('run = "run {directories} {module}\n', "hosts")
    check(result[0] == FAILED and "quote that does not end" in result[2], "an open quote", result)
    result = configured("build = none\n", "hosts")
    check(result[0] == FAILED and "large" in result[2] and "sockets" in result[2], "the builds are named", result)


# ---- tiers

def test_background():
    """A short run leaves what the next one needs, and whatever was killed leaves nothing for long."""
    cache = HERE / "cache"
    folder = cache / "yadokari" / "compiled"
    variables = {"XDG_CACHE_HOME": str(cache), "YADO_TOOLS": str(TOOLS)}
    auto = ("run", "--host", "wasmtime", "--tier", "auto", "--verbose")
    folder.mkdir(parents=True, mode=0o700)
    (cache / "yadokari").chmod(0o700)
    for name in ("wasmtime-0.compiled.part", "wasmtime-1.compiled.4711", "0.sealed.wasm.yado.part"):
        (folder / name).write_bytes(b"x" * 1000)
    yado("run", "--host", "wasmtime", GUESTS / "hello.wasm", **variables)
    result = yado(*auto, GUESTS / "hello.wasm", **variables)
    check(result[0] == 0 and ("in the background" in result[2] or "sealed and compiled" in result[2]),
          "a short run says so", result)

    def made():
        return list(folder.glob("*.sealed.wasm")) and len(list(folder.glob("*.checksum"))) >= 2

    def left():
        return [path.name for path in folder.iterdir() if ".part" in path.name or path.name.endswith("4711")]

    check(until(made, 240), "what it leaves is finished", sorted(path.name for path in folder.iterdir()))
    check(until(lambda: not left()), "what was left over is gone", left())
    before = {path.name: path.stat().st_ino for path in folder.iterdir()}
    result = yado(*auto, GUESTS / "hello.wasm", **variables)
    check(result[0] == 0 and not result[2], "the next run is sealed at once", result)
    check({path.name: path.stat().st_ino for path in folder.iterdir()} == before, "and makes nothing")
    result = yado(*auto, GUESTS / "fib.wasm", "42", timeout=600, **variables)
    check(result[0] == 0 and "goes on sealed" in result[2], "a long run changes over and says so", result)


def test_killed_compiler():
    """A compilation whose yado is killed ends, and the next run removes what is left of it."""
    cache = HERE / "killed"
    folder = cache / "yadokari" / "compiled"
    slow = HERE / "slow"
    slow.write_text('#!/bin/sh\nfor last; do :; done\nhead -c 1000000 /dev/zero >"$last"\nsleep 300\n')
    slow.chmod(0o755)
    conf = HERE / "slow.conf"
    conf.write_text(f"[slow]\nlike = wasmtime\ncompiler = {slow}\n")
    variables = {**os.environ, "XDG_CACHE_HOME": str(cache), "YADO_TOOLS": str(TOOLS), "YADO_HOSTS": str(conf)}
    for number in (signal.SIGTERM, signal.SIGKILL):
        guest = subprocess.Popen([YADO, "run", "--host", "slow", GUESTS / "hello.wasm"], env=variables)
        check(until(lambda: list(folder.glob("slow-*.part"))), "it compiles")
        guest.send_signal(number)
        check(guest.wait(30) == -number, f"{number.name} while it compiles")
    conf.write_text("[slow]\nlike = wasmtime\n")
    result = yado("run", "--host", "slow", GUESTS / "hello.wasm", **variables)
    check(result[0] == 0 and not list(folder.glob("*.part")), "nothing is left", (result, list(folder.iterdir())))


TESTS = (test_imports, test_features, test_containers, test_unstable, test_notes, test_relative, test_separator, test_arguments,
         test_quotes, test_background, test_killed_compiler)


def main():
    for test in TESTS:
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            test()
    shutil.rmtree(HERE)
    finish()


if __name__ == "__main__":
    main()
