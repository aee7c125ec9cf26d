#!/usr/bin/env python3
"""Sealed programs: on each host as the program itself; checkpoints within the tier and between the two; with
--exact-fuel the interpreter's very bytes; torn down at every poll; baked; moved over while they run.

    sealed.py [--all]     with every program on every host (minutes: ahead-of-time compilers take their time)
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import checks
from checks import check
from travel import CHECKPOINTED, GUESTS, ROOT, TOOLS

YADO = str(ROOT / "build" / "yado")
WASMTIME = str(TOOLS / "bin" / "wasmtime")
WASM_TOOLS = str(TOOLS / "bin" / "wasm-tools")
HOSTS = ["wasmtime", "node", "wasmedge", "wasmedge-aot", "wazero", "wazero-interp", "wasmi", "iwasm"]
QUICK = ["wasmtime", "node", "wazero", "wasmi", "iwasm"]
TRAPPED, FAILED, USAGE = 134, 125, 2

# name, arguments, whether it reads neither clock nor files
PROGRAMS = [
    ("fib", ["20"], True),
    ("nbody", ["2000"], True),
    ("rust_mix", ["50"], True),
    ("cpp_mix", ["50"], True),
    ("lua", ["script.lua", "5"], False),
    ("files", ["3"], False),
    ("sqlite_bench", ["20", ":memory:"], True),
    ("go_mix", ["3"], False),
]
SMALL = {"fib", "nbody", "cpp_mix"}
APART = ["--features", "multi-memory"]  # the guest in a memory of its own

place = pathlib.Path(tempfile.mkdtemp(prefix="yado-sealed-"))


def run(*command, directory=None):
    result = subprocess.run([str(word) for word in command], cwd=directory or place, capture_output=True,
                            env=dict(os.environ, RUST_BACKTRACE="0"), timeout=3000 if "--all" in sys.argv else 300)
    return result.returncode, result.stdout, result.stderr[:200] + result.stderr[200:][-400:]


def workplace():
    directory = pathlib.Path(tempfile.mkdtemp(dir=place))
    shutil.copy(GUESTS / "script.lua", directory)
    return directory


def guest(name):
    return GUESTS / f"{name}.wasm"


def sealed(name, *options):
    """The sealed module, validated as what it may be, and the same compiled for Wasmtime."""
    valid = "mvp,mutable-global" + (",bulk-memory,multi-memory" if "multi-memory" in options else "")
    module = place / ("-".join([name, *(option.strip("-") for option in options)]) + ".wasm")
    compiled = module.with_suffix(".cwasm")
    if not compiled.exists():
        code, _, err = run(YADO, "seal", *options, guest(name), "-o", module)
        check(code == 0, f"seal {name}", err)
        code, out, err = run(WASM_TOOLS, "validate", "--features", valid, module)
        check(code == 0, f"{module.name} is {valid}", out + err)
        run(WASMTIME, "compile", module, "-o", compiled)
    return module, compiled


def in_wasmtime(compiled, *words, directory):
    return run(WASMTIME, "run", "--allow-precompiled", "--dir", ".", compiled, *words, directory=directory)


def installed():
    listing = run(YADO, "hosts")[1].decode()
    missing = [host for host in HOSTS if re.search(rf"^{host} +not installed", listing, re.M)]
    for host in missing:
        check(not os.environ.get("CI"), "hosts", f"{host} is not installed")
    return [host for host in HOSTS if host not in missing]


def same_output(name, arguments, expected, hosts):
    for host in hosts:
        code, out, err = run(YADO, "run", "--tier", "sealed", "--host", host, "--dir", ".", guest(name),
                             *arguments, directory=workplace())
        check((code, out) == expected, f"{name} sealed on {host}", f"exit {code}: {err}")
    code, out, err = in_wasmtime(sealed(name)[1], *arguments, directory=workplace())
    check((code, out) == expected, f"{name} sealed, by itself", f"exit {code}: {err}")


def total_fuel(name, arguments):
    _, _, err = run(YADO, "run", "--dir", ".", "--show-fuel", guest(name), *arguments, directory=workplace())
    return int(re.search(rb"fuel: (\d+)", err).group(1))


def copy_of(directory):
    copy = pathlib.Path(tempfile.mkdtemp(dir=place)) / "at"
    shutil.copytree(directory, copy)
    return copy


def restores(name, directory, before, expected, targets, what):
    for target in targets:
        tier = [] if target == "native" else ["--tier", "sealed", "--host", target]
        code, out, err = run(YADO, "restore", *tier, "--dir", ".", "--module", guest(name), "at.snap",
                             directory=copy_of(directory))
        check((code, before + out) == expected, f"{what} -> {target}", f"exit {code}: {err}")


def between_tiers(name, arguments, expected, total, hosts):
    """A checkpoint in each tier, restored in both."""
    fuel = max(1, total // 3)
    for source in ["native", *hosts]:
        tier = [] if source == "native" else ["--tier", "sealed", "--host", source]
        directory = workplace()
        code, out, err = run(YADO, "run", *tier, "--dir", ".", "--checkpoint-after", fuel, "--snapshot",
                             "at.snap", guest(name), *arguments, directory=directory)
        if (code, out) == expected:
            continue  # sealed code counts less, and has ended before
        if check(code == CHECKPOINTED, f"{name} checkpoint on {source}", f"exit {code}: {err}"):
            targets = hosts if source == "native" else ["native", hosts[0]]
            restores(name, directory, out, expected, targets, f"{name} after {fuel}: {source}")


def same_bytes(name, arguments, expected, total, exact, features=()):
    """Sealed with --exact-fuel, and the interpreter with --canonical, at the same unit."""
    compiled = sealed(name, "--exact-fuel", *features)[1]
    for fuel in sorted({1, 2, 77, total // 2, total * 9 // 10} - {0}):
        options = ["--dir", ".", "--reproducible", "--checkpoint-after", fuel, "--snapshot", "at.snap"]
        directory, other = workplace(), workplace()
        code, out, err = in_wasmtime(compiled, "--yado", "run", "--arg0", guest(name), *options, *arguments,
                                     directory=directory)
        run(YADO, "run", "--canonical", *options, guest(name), *arguments, directory=other)
        if not check(code == CHECKPOINTED, f"{name} exact checkpoint after {fuel}", f"exit {code}: {err}"):
            continue
        if exact:
            check((directory / "at.snap").read_bytes() == (other / "at.snap").read_bytes(),
                  f"{name} after {fuel}: the interpreter's bytes", "they differ")
        restores(name, directory, out, expected, ["native"], f"{name} exact after {fuel}")


def torn_down(name, arguments, expected, steps, features=()):
    for options in [], ["--exact-fuel"]:
        for k in steps if not options else steps[1:]:
            code, out, err = in_wasmtime(sealed(name, *options, *features)[1], "--yado", "run", "--dir", ".", "--teardown",
                                         k, *arguments, directory=workplace())
            check((code, out) == expected, f"{name} {options} {features} torn down at every {k}", f"exit {code}: {err}")


def baked(*features):
    """A snapshot as a module, which goes on and can be checkpointed again."""
    name, arguments, directory = "nbody", ["3000"], workplace()
    expected = run(WASMTIME, "run", guest(name), *arguments)
    module, _ = sealed(name, *features)
    code, before, _ = run(YADO, "run", "--checkpoint-after", 5000, "--snapshot", "at.snap", guest(name), *arguments,
                          directory=directory)
    check(code == CHECKPOINTED, "bake: checkpoint", code)
    code, _, err = run(YADO, "bake", module, "at.snap", "-o", "snap.wasm", directory=directory)
    check(code == 0, "bake", err)
    code, out, err = run(WASMTIME, "run", "snap.wasm", directory=directory)
    check((code, before + out) == expected[:2], "a baked module goes on", f"exit {code}: {err}")
    code, out, err = run(WASMTIME, "run", "--dir", ".", "snap.wasm", "--yado", "run", "--module", guest(name),
                         "--checkpoint-after", 5500, "--snapshot", "again.snap", directory=directory)
    check(code == CHECKPOINTED, "a baked module is checkpointed", f"exit {code}: {err}")
    code, rest, err = run(YADO, "restore", "again.snap", directory=directory)
    check((code, before + out + rest) == expected[:2], "and that goes on", f"exit {code}: {err}")
    code, _, err = run(YADO, "bake", guest(name), "at.snap", "-o", "x.wasm", directory=directory)
    check(code == USAGE and b"not a sealed module" in err, "bake of what is not sealed", err)
    code, _, err = run(YADO, "bake", sealed("fib")[0], "at.snap", "-o", "x.wasm", directory=directory)
    check(code == FAILED and b"another module" in err, "bake of another module's snapshot", err)


# What a guest can see of where its memory is: results that lie on what they are the results of, ranges that overlap, the
# end of memory, and what is written when a call fails. It leaves a checksum of all that.
BORROWING = """(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1 3)
  (data (i32.const 16) "\\20\\00\\00\\00\\06\\00\\00\\00\\26\\00\\00\\00\\06\\00\\00\\00hello world\\n")
  (data $passive "text")
  (global $sum (mut i32) (i32.const 0))
  (func $add (param i32)
    (global.set $sum (i32.add (i32.mul (global.get $sum) (i32.const 31)) (local.get 0))))
  (func $add_memory (local i32)
    (loop
      (call $add (i32.load8_u (local.get 0)))
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 256)))))
  (func (export "_start")
    (call $add (call $write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 16))) (call $add_memory)
    (i32.store (i32.const 16) (i32.const 32))
    (call $add (call $write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 34))) (call $add_memory)
    (call $add (call $write (i32.const 1) (i32.const 16) (i32.const 2) (i32.const 65533))) (call $add_memory)
    (call $add (call $write (i32.const 1) (i32.const -8) (i32.const 2) (i32.const 0))) (call $add_memory)
    (call $add (call $prestat (i32.const 3) (i32.const 65528)))
    (call $add (call $prestat (i32.const 3) (i32.const 65529)))
    (call $add (call $sizes (i32.const 80) (i32.const 82))) (call $add_memory)
    (call $add (call $args (i32.const 100) (i32.const 120))) (call $add_memory)
    (call $add (call $args (i32.const 65532) (i32.const 65533))) (call $add_memory)
    (memory.init $passive (i32.const 200) (i32.const 1) (i32.const 3))
    (memory.copy (i32.const 201) (i32.const 200) (i32.const 3))
    (memory.fill (i32.const 210) (i32.const 77) (i32.const 5)) (call $add_memory)
    (call $add (memory.size)) (call $add (memory.grow (i32.const 2))) (call $add (memory.size))
    (call $add (memory.grow (i32.const 1)))
    (i32.store (i32.const 196604) (i32.const 5)) (call $add (i32.load offset=196604 (i32.const 0)))
    (call $exit (i32.rem_u (global.get $sum) (i32.const 126)))))"""

# What a read has to say of itself it says last, over the data, here where that was in the memory before.
OVERLAPPING = """(module
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_pread" (func $read (param i32 i32 i32 i64 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\2c\\01\\00\\00\\08\\00\\00\\00\\90\\01\\00\\00\\08\\00\\00\\00")
  (data (i32.const 300) "abcdefgh") (data (i32.const 320) "overlapping") (data (i32.const 402) "\\08")
  (func (export "_start")
    (drop (call $open (i32.const 3) (i32.const 0) (i32.const 320) (i32.const 11) (i32.const 9) (i64.const 0x7f)
      (i64.const 0) (i32.const 0) (i32.const 128)))
    (drop (call $write (i32.load (i32.const 128)) (i32.const 0) (i32.const 1) (i32.const 132)))
    (drop (call $read (i32.load (i32.const 128)) (i32.const 8) (i32.const 1) (i64.const 0) (i32.const 402)))
    (call $exit (select (i32.const 7) (i32.const 8)
      (i64.eq (i64.load (i32.const 400)) (i64.const 0x6867000000086261))))))"""

# 20 MB at once.
RANDOM = """(module
  (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 400)
  (func (export "_start") (call $exit (call $random (i32.const 5) (i32.const 20000000)))))"""

# 2.6 GB, of which some lies at its end.
HUGE = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 40000)
  (func (export "_start") (local i32)
    (i32.store (i32.const 0x9C3FFFFC) (i32.const 30))
    (loop
      (i32.store (i32.const 0x9C3F0000) (i32.add (i32.load (i32.const 0x9C3F0000)) (i32.const 1)))
      (br_if 0 (i32.lt_u (i32.load (i32.const 0x9C3F0000)) (i32.const 90000))))
    (call $exit (i32.add (i32.load (i32.const 0x9C3FFFFC)) (i32.rem_u (i32.load (i32.const 0x9C3F0000)) (i32.const 89))))))"""


def in_all_forms(name, text, *options):
    """The module's ending interpreted, sealed, and sealed with a memory of its own."""
    module = place / f"{name}.wasm"
    (place / f"{name}.wat").write_text(text)
    run(WASM_TOOLS, "parse", f"{name}.wat", "-o", module)
    endings = [run(YADO, "run", "--dir", ".", "--arg0", "it", module, "one", "two")]
    for features in [], ["--features", "bulk-memory"], APART:
        used = place / f"{name}.sealed.wasm"
        code, _, err = run(YADO, "seal", *options, *features, module, "-o", used)
        check(code == 0, f"seal: {name} {features}", err)
        endings.append(run(WASMTIME, "run", "--argv0", "it", "--dir", ".", used, "one", "two"))
    return endings


def borrowed():
    """What a guest with a memory of its own sees of the copies that the runtime works on: nothing."""
    interpreted, *endings = in_all_forms("borrowing", BORROWING)
    check(1 < interpreted[0] < 126, "borrowing", interpreted)
    for what, ending in zip(["sealed", "bulk", "apart"], endings):
        check(ending[:2] == interpreted[:2], f"borrowing, {what}", f"{ending} instead of {interpreted}")
    for ending in in_all_forms("overlapping", OVERLAPPING):
        check(ending[0] == 7, "a result over data", ending)
    interpreted, default, _, own = in_all_forms("random", RANDOM)
    check(interpreted[0] == default[0] == 0, "random", (interpreted, default))
    check(own[0] == TRAPPED and b"more --heap" in own[2], "more than can be borrowed", own)
    check(in_all_forms("random", RANDOM, "--heap", "32M")[3][0] == 0, "a heap to borrow in", "not enough")


def apart(every):
    """The guest in a memory of its own: in Wasmtime, which between_tiers has too, and on other hosts that have several,
    when they are told so."""
    borrowed()
    programs = ["lua", "files", "nbody"]  # Bun rounds the times of files: the last one has none
    for name in programs if every else programs[1:]:
        (arguments, exact), = [program[1:] for program in PROGRAMS if program[0] == name]
        expected = run(WASMTIME, "run", "--dir", ".", guest(name), *arguments, directory=workplace())[:2]
        total = total_fuel(name, arguments)
        if every or name == "files":
            same_bytes(name, arguments, expected, total, exact, APART)
            torn_down(name, arguments, expected, [97, 1009], APART)
    baked(*APART)
    (place / "apart.conf").write_text("""
        [wasmi]
        features = multi-memory
        [wasmedge]
        run = --enable-multi-memory {directories} {module}
        features = multi-memory
        [wasmedge-aot]
        compile = compile --enable-multi-memory {module} {output}
        run = --enable-multi-memory {directories} {module}
        features = multi-memory
        [deno]
        features = multi-memory
        [bun]
        features = multi-memory
    """)
    os.environ["YADO_HOSTS"] = str(place / "apart.conf")
    hosts = ["wasmtime", "wasmi", "wasmedge", "wasmedge-aot", "deno", "bun"] if every else ["wasmtime", "wasmi"]
    between_tiers(name, arguments, expected, total, hosts)
    huge(hosts if every else hosts[:1])  # wasmi takes 16 s
    del os.environ["YADO_HOSTS"]


def huge(hosts):
    """A guest that leaves no room for the runtime in 4 GiB."""
    (place / "huge.wat").write_text(HUGE)
    run(WASM_TOOLS, "parse", "huge.wat", "-o", "huge.wasm")
    restored = ["--checkpoint-after", 3000, "--snapshot"]
    code, _, err = run(YADO, "run", *restored, "at.snap", "huge.wasm")
    check(code == CHECKPOINTED, "a huge guest's checkpoint", err)
    for host in hosts:
        code, _, err = run(YADO, "restore", "--tier", "sealed", "--host", host, "at.snap")
        check(code == 51, f"a huge guest: native -> {host}", f"exit {code}: {err}")
        code, _, err = run(YADO, "run", "--tier", "sealed", "--host", host, *restored, "back.snap", "huge.wasm")
        check(code == CHECKPOINTED, f"a huge guest's checkpoint on {host}", f"exit {code}: {err}")
    code, _, err = run(YADO, "restore", "back.snap")
    check(code == 51, f"a huge guest: {hosts[-1]} -> native", f"exit {code}: {err}")


def moved():
    """--tier auto: interpreted, then sealed. A cache of its own, so that nothing is sealed yet."""
    cache = workplace()
    environment = dict(os.environ, XDG_CACHE_HOME=str(cache), YADO_TOOLS=str(TOOLS))
    command = [YADO, "run", "--host", "node", "--tier", "auto", "--show-fuel", str(guest("pi_leibniz")), "300000000"]
    expected = run(WASMTIME, "run", guest("pi_leibniz"), 300000000)
    result = subprocess.run(command, cwd=place, capture_output=True, env=environment, timeout=200)
    check((result.returncode, result.stdout) == expected[:2], "--tier auto", result.stderr[-300:])
    check(result.stderr.count(b"fuel: ") == 2, "--tier auto: it was moved", result.stderr[-300:])


WAT = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $divide (param i32) (result i32) (i32.div_u (i32.const 1) (local.get 0)))
  (func (export "_start") %s))"""


def endings():
    """Exit codes and traps, which are the host's own, with the guest's names."""
    module = place / "ending.wasm"

    def ends(body, what, wanted, text):
        (place / "ending.wat").write_text(WAT % body)
        run(WASM_TOOLS, "parse", "ending.wat", "-o", module)
        code, _, err = run(YADO, "seal", module, "-o", "ending.sealed.wasm")
        check(code == 0, f"seal: {what}", err)
        result = subprocess.run([YADO, "run", "--tier", "sealed", "--host", "wasmtime", str(module)], cwd=place,
                                capture_output=True)
        check(result.returncode == wanted and text in result.stderr, what,
              f"exit {result.returncode}: {result.stderr[-1500:]}")

    ends("(call $exit (i32.const 7))", "exit code", 7, b"")
    ends("(drop (call $divide (i32.const 0)))", "a trap names its function", TRAPPED, b"!divide")
    ends("unreachable", "unreachable", TRAPPED, b"unreachable")
    ends("(drop (i32.load offset=65533 (i32.const 0)))", "out of bounds", TRAPPED, b"out of bounds")
    ends("(drop (i32.load (i32.const -16)))", "not the runtime's memory", TRAPPED, b"out of bounds")


# In each round of the loop a call in the second arm of an `if`, and another in the first, which is never made.
ARMS = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $count (param i32) (result i32) (local i32)
    (loop
      (br_if 0 (i32.lt_u (local.tee 1 (i32.add (local.get 1) (i32.const 1))) (local.get 0))))
    (local.get 1))
  (func (export "_start") (local i32 i32)
    (loop
      (if (i32.gt_u (local.get 0) (i32.const 99))
        (then (drop (call $count (i32.const 9))) (unreachable))
        (else (local.set 1 (i32.add (local.get 1) (call $count (i32.const 4))))))
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))
    (call $exit (local.get 1))))"""


def arms():
    """A frame is resumed in the arm in which it was."""
    (place / "arms.wat").write_text(ARMS)
    run(WASM_TOOLS, "parse", "arms.wat", "-o", "arms.wasm")
    for options in [], ["--exact-fuel"]:
        run(YADO, "seal", *options, "arms.wasm", "-o", "arms.sealed.wasm")
        for k in 1, 2, 3:
            code, _, err = run(WASMTIME, "run", "arms.sealed.wasm", "--yado", "run", "--teardown", k)
            check(code == 40, f"arms {options} torn down at every {k}", f"exit {code}: {err}")


def deep_loops(levels=45):
    """Beyond the 9th and the 33rd level loops are sealed in another way (src/seal/resume.c, control.c)."""
    count = ARMS[ARMS.index("  (func $count"):ARMS.index("  (func (export")]
    loops = ""
    for level in range(levels):
        call = f"(local.set 1 (i32.add (local.get 1) (call $count (i32.const {level % 7 + 2}))))"
        loops = (f"(loop {call if level % 3 == 0 else ''} {loops} {call if level % 4 == 0 else ''} "
                 "(local.set 0 (i32.add (local.get 0) (i32.const 1))) (br_if 0 (i32.and (i32.lt_u (local.get 0) (i32.const 150)) "
                 "(i32.eqz (i32.rem_u (local.get 0) (i32.const 5))))))")
    (place / "deep.wat").write_text(f"""(module
      (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
      (memory (export "memory") 1)
      {count}
      (func (export "_start") (local i32 i32) {loops} (call $exit (i32.and (local.get 1) (i32.const 63)))))""")
    run(WASM_TOOLS, "parse", "deep.wat", "-o", "deep.wasm")
    expected = run(WASMTIME, "run", "deep.wasm")[0]
    for options in [], ["--exact-fuel"]:
        run(YADO, "seal", *options, "deep.wasm", "-o", "deep.sealed.wasm")
        for k in 1, 2, 3, 7:
            code, _, err = run(WASMTIME, "run", "deep.sealed.wasm", "--yado", "run", "--teardown", k)
            check(code == expected, f"deep loops {options} torn down at every {k}", f"exit {code}: {err}")
    for fuel in 1, 60, 200, 700:
        at = ["--reproducible", "--checkpoint-after", fuel, "--snapshot"]
        run(YADO, "run", "--canonical", *at, "deep.snap", "deep.wasm")
        run(WASMTIME, "run", "--dir", ".", "deep.sealed.wasm", "--yado", "run", "--arg0", "deep.wasm", *at, "deep.sealed.snap")
        check((place / "deep.snap").read_bytes() == (place / "deep.sealed.snap").read_bytes(),
              f"deep loops after {fuel}: the interpreter's bytes", "they differ")
        for tier in [], ["--tier", "sealed", "--host", "wasmtime"]:
            code, _, err = run(YADO, "restore", *tier, "--module", "deep.wasm", "deep.snap")
            check(code == expected, f"deep loops after {fuel}, restored {tier}", f"exit {code}: {err}")


# A trap by the runtime, in a loop that has gone on after a restore.
BELOW = """(module
  (import "wasi_snapshot_preview1" "proc_raise" (func $raise (param i32) (result i32)))
  (memory (export "memory") 1)
  (func $inner (local i32)
    (loop
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 90000))))
    (drop (call $raise (i32.const 6))))
  (func $middle (call $inner))
  (func (export "_start") (call $middle)))"""


def below():
    """The host shows the frames that have gone on, the runtime those that were still to."""
    (place / "below.wat").write_text(BELOW)
    run(WASM_TOOLS, "parse", "below.wat", "-o", "below.wasm")
    run(YADO, "seal", "below.wasm", "-o", "below.sealed.wasm")
    run(YADO, "run", "--checkpoint-after", 500, "--snapshot", "below.snap", "below.wasm")
    code, _, err = run(WASMTIME, "run", "--dir", ".", "below.sealed.wasm", "--yado", "restore", "below.snap")
    said, _, shown = err.partition(b"memory address")[0].partition(b"Error: ")
    check(code == TRAPPED and re.search(rb"host shows:\n +0: middle .*\n +1: _start ", said) and b"inner" not in said,
          "the frames below a trap", f"exit {code}: {err}")


# 14 MB of numbers that LZ4 cannot make smaller, and then changes to some of them.
LARGE = """(module
  (memory (export "memory") 224)
  (func (export "_start") (local i32 i64)
    (loop $fill
      (local.set 1 (i64.add (i64.mul (local.get 1) (i64.const 6364136223846793005)) (i64.const 1442695040888963407)))
      (i64.store (local.get 0) (local.get 1))
      (br_if $fill (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 8))) (i32.const 0xE00000))))
    (loop $change
      (i64.store (i32.shr_u (local.get 0) (i32.const 2)) (i64.const 1))
      (br_if $change (i32.gt_u (local.tee 0 (i32.sub (local.get 0) (i32.const 8))) (i32.const 0))))))"""


def with_base():
    """A snapshot that is larger than the usual heap only together with its base."""
    (place / "large.wat").write_text(LARGE)
    run(WASM_TOOLS, "parse", "large.wat", "-o", "large.wasm")
    (place / "other").mkdir()
    run(YADO, "run", "--checkpoint-after", 2000000, "--snapshot", "other/base.snap", "large.wasm")
    code, _, err = run(YADO, "restore", "--checkpoint-after", 2100000, "--base", "other/base.snap", "--snapshot",
                       "delta.snap", "other/base.snap")
    check(code == CHECKPOINTED, "a large guest's second snapshot", err)
    (place / "other" / "base.snap").rename(place / "other" / "moved.snap")
    code, _, err = run(YADO, "restore", "--tier", "sealed", "--host", "wasmtime", "--with-base", "other/moved.snap",
                       "delta.snap")
    check(code == 0, "with a base that is large", f"exit {code}: {err}")


TAIL = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (func $count (param i32 i32) (result i32)
    (if (result i32) (local.get 0)
      (then (return_call $count (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 1))))
      (else (i32.rem_u (local.get 1) (i32.const 100)))))
  (func (export "_start") (call $exit (call $count (i32.const 5000042) (i32.const 0)))))"""


def tail_calls(hosts):
    """Used where the host is known to have them; elsewhere the module is refused."""
    (place / "tail.wat").write_text(TAIL)
    run(WASM_TOOLS, "parse", "tail.wat", "-o", "tail.wasm")
    for host in hosts:
        code, _, err = run(YADO, "run", "--tier", "sealed", "--host", host, "tail.wasm")
        has = host in ("wasmtime", "node", "wasmedge", "wasmi")
        check(code == 42 if has else code == FAILED and b"it has tail calls" in err, f"tail calls on {host}",
              f"exit {code}: {err}")
    (place / "hosts.conf").write_text("[wasmtime]\nfeatures = bulk-memory,telepathy\n")
    result = subprocess.run([YADO, "hosts"], capture_output=True, env=dict(os.environ, YADO_HOSTS=place / "hosts.conf"))
    check(b"line 2: host wasmtime: --features telepathy" in result.stderr, "a host with an unknown feature", result.stderr)


# Types that are one in WebAssembly 1.0, in a table that never changes (0) and in one that does (1).
TYPES = """(module
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (type $reference (func (param funcref) (result i32))) (type $number (func (param i32) (result i32)))
  (type $pair (func (result i32 i32))) (type $wide (func (result i64 i32))) (type $none (func))
  (memory (export "memory") 1)
  (table $fixed funcref (elem $of_reference $of_number $of_pair $of_wide $of_none))
  (table $other 5 funcref)
  (func $of_reference (type $reference) (ref.is_null (local.get 0)))
  (func $of_number (type $number) (i32.add (local.get 0) (i32.const 1)))
  (func $of_pair (type $pair) (i32.const 20) (i32.const 22))
  (func $of_wide (type $wide) (i64.const 1) (i32.const 2))
  (func $of_none (type $none))
  (func (export "_start")
    (table.set $other (i32.const 0) (ref.func $of_reference))
    (table.set $other (i32.const 1) (ref.func $of_number))
    (table.set $other (i32.const 2) (ref.func $of_pair))
    (table.set $other (i32.const 3) (ref.func $of_wide))
    (table.set $other (i32.const 4) (ref.func $of_none))
    %s
    (call $exit)))"""


def types():
    """An indirect call asks for the guest's type, whatever that is when sealed."""
    module = place / "types.wasm"
    calls = {"reference": ("(ref.null func)", 0, 1, ""), "number": ("(i32.const 41)", 1, 42, ""),
             "pair": ("", 2, 42, "i32.add"), "wide": ("", 3, 2, "call $exit drop i32.const 0")}
    trap = 134, b"indirect call type mismatch"
    for table in "$fixed", "$other":
        text = TYPES if table == "$other" else re.sub(r" *\(table.set.*\n", "", TYPES)
        for name, (argument, index, result, after) in calls.items():
            for given, wanted in (index, (result, b"")), ((index + 1) % 4, trap), (5, (134, b"undefined element")):
                (place / "types.wat").write_text(
                    text % f"(call_indirect {table} (type ${name}) {argument} (i32.const {given})) {after}")
                run(WASM_TOOLS, "parse", "types.wat", "-o", module)
                code, _, err = run(YADO, "seal", module, "-o", "types.sealed.wasm")
                check(code == 0, "seal: types", err)
                done = subprocess.run([WASMTIME, "run", "types.sealed.wasm"], cwd=place, capture_output=True)
                check(done.returncode == wanted[0] and wanted[1] in done.stderr, f"types {table} {name} {given}",
                      f"exit {done.returncode}: {done.stderr[:300]}")


def refusals():
    def refused(text, words, what):
        (place / "refused.wat").write_text(text)
        run(WASM_TOOLS, "parse", "refused.wat", "-o", "refused.wasm")
        code, _, err = run(YADO, "seal", "refused.wasm", "-o", "refused.sealed.wasm")
        check(code == FAILED and words in err and not (place / "refused.sealed.wasm").exists(), what, err)

    refused('(module (import "a" "b" (memory 1)))', b"a.b (a memory)", "an imported memory")
    refused('(module (import "a" "b" (global i32)))', b"a.b (a global)", "an imported global")
    refused('(module (func $f return_call $f))', b"--features tail-calls", "tail calls")
    refused('(module (memory 1) (memory 1))', b"memor", "two memories")
    refused('(module (import "a" "b" (table 1 funcref)))', b"a.b (a table)", "an imported table")
    code, _, err = run(YADO, "run", "--tier", "sealed", guest("fib"))
    check(code == USAGE and b"--host" in err, "--tier sealed without a host", err)
    code, _, err = run(YADO, "seal", "--features", "multi-value", guest("fib"), "-o", "x.wasm")
    check(code == USAGE and b"there are bulk-memory" in err, "no such feature", err)
    code, _, err = run(YADO, "seal", "--features", "telepathy", guest("fib"), "-o", "x.wasm")
    check(code == USAGE and b"telepathy" in err, "an unknown feature", err)


# A loop; a call that never waits and has the same number of operands; a table without references.
FORGED = """(module
  (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
  (memory (export "memory") 1) (table 2 funcref)
  (func (export "_start") (local i32)
    (loop
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))
    (table.set (i32.const 0) (ref.null func))
    (drop (call $yield))))"""


def forged():
    """Snapshots of what cannot be, with checksums that are right, are refused by both tiers."""
    (place / "forged.wat").write_text(FORGED)
    run(WASM_TOOLS, "parse", "forged.wat", "-o", "forged.wasm")
    run(YADO, "seal", "forged.wasm", "-o", "forged.sealed.wasm")
    run(YADO, "run", "--checkpoint-after", 100, "--snapshot", "whole.snap", "forged.wasm")
    code = (place / "forged.wasm").read_bytes()
    whole = (place / "whole.snap").read_bytes()
    loop, call = code.index(b"\x03\x40"), code.index(b"\x10\x00\x1A")
    frame = b"\1" + loop.to_bytes(4, "little")
    table = b"\x70\2\0\0\0" + b"\xFF" * 8  # its type, size and two nulls

    def refused(what, before, after, words):
        check(whole.count(before) == 1, f"{what}: found", whole.count(before))
        (place / "forged.snap").write_bytes(whole.replace(before, after))
        run(ROOT / "build" / "native" / "tests" / "test_snapshot", "--checksums", place / "forged.snap")
        for tier in ([YADO, "restore", "--module", "forged.wasm"],
                     [WASMTIME, "run", "--dir", ".", "forged.sealed.wasm", "--yado", "restore"]):
            code, _, err = run(*tier, "forged.snap")
            check(code == FAILED and words in err, f"{what}, {pathlib.Path(tier[0]).name}", f"exit {code}: {err}")

    refused("a wait that there is not", frame, b"\3" + call.to_bytes(4, "little"), b"sched_yield, which never waits")
    refused("a reference that there is not", table, table[:-4] + b"\1\0\0\0", b"reference")


def fixed_table():
    """The table of a module that never changes it, in another order: only sealed code relies on it."""
    (place / "fixed.wat").write_text(FORGED.replace("(table 2 funcref)", "(table funcref (elem 0 1))").replace(
        "(table.set (i32.const 0) (ref.null func))", ""))
    run(WASM_TOOLS, "parse", "fixed.wat", "-o", "fixed.wasm")
    run(YADO, "seal", "fixed.wasm", "-o", "fixed.sealed.wasm")
    run(YADO, "run", "--checkpoint-after", 100, "--snapshot", "fixed.snap", "fixed.wasm")
    bytes_of = (place / "fixed.snap").read_bytes()
    table = b"\x70\2\0\0\0" + b"\0\0\0\0\1\0\0\0"
    check(bytes_of.count(table) == 1, "the fixed table: found", bytes_of.count(table))
    restore = [WASMTIME, "run", "--dir", ".", "fixed.sealed.wasm", "--yado", "restore", "fixed.snap"]
    check(run(*restore)[0] == 0, "a table that never changes", "refused as it was")
    (place / "fixed.snap").write_bytes(bytes_of.replace(table, table[:5] + b"\1\0\0\0\0\0\0\0"))
    run(ROOT / "build" / "native" / "tests" / "test_snapshot", "--checksums", place / "fixed.snap")
    code, _, err = run(*restore)
    check(code == FAILED and b"table 0 is not as the module makes it" in err, "a table that never changes, changed",
          f"exit {code}: {err}")


def inside_a_host():
    """The sealer in Wasmtime makes the same bytes."""
    code, _, err = run(WASMTIME, "run", "--dir", ROOT / "build", "--dir", place, ROOT / "build/yadokari-seal.wasm",
                       "seal", "--runtime", ROOT / "build/yadokari-sealed.wasm", guest("fib"), "-o",
                       place / "inside.wasm")
    good = code == 0 and (place / "inside.wasm").read_bytes() == sealed("fib")[0].read_bytes()
    check(good, "sealed inside a host", f"exit {code}: {err}")


def main():
    every = "--all" in sys.argv
    hosts = installed()
    for name, arguments, exact in PROGRAMS:
        before = checks.failed
        code, out, _ = run(WASMTIME, "run", "--dir", ".", guest(name), *arguments, directory=workplace())
        expected = (code, out)
        total = total_fuel(name, arguments)
        quick = [host for host in hosts if host in QUICK]
        some = hosts if every or name == "nbody" else quick if name in SMALL else ["wasmtime"]
        same_output(name, arguments, expected, some)
        between_tiers(name, arguments, expected, total, some)
        if every or name not in ("go_mix", "sqlite_bench"):
            same_bytes(name, arguments, expected, total, exact)
            torn_down(name, arguments, expected, [1, 97] if name in SMALL else [97, 1009])
        print(f"{name}: {total} units of fuel, {len(some)} hosts, {checks.failed - before} failed", flush=True)
    baked()
    moved()
    apart(every)
    endings()
    arms()
    deep_loops()
    below()
    types()
    with_base()
    tail_calls([host for host in hosts if host in QUICK])
    refusals()
    forged()
    fixed_table()
    inside_a_host()
    shutil.rmtree(place)
    checks.finish()


if __name__ == "__main__":
    main()
