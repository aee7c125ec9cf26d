#!/usr/bin/env python3
"""Snapshots of more than 4 GiB: written, looked at, restored, with changes since one, signed, made one again. Not in the
test suite: it takes some minutes, 9 GB of memory and 14 GB of disk.

    huge.py [FOLDER]     works in a new folder there (default: /var/tmp)
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

from checks import check, finish
from travel import ROOT, TOOLS

YADO = str(ROOT / "build" / "yado")
HERE = pathlib.Path(tempfile.mkdtemp(prefix="yado-huge-", dir=sys.argv[1] if sys.argv[1:] else "/var/tmp"))
GUEST = """
(module
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 65536)
  (data (i32.const 64) "whole\\n")
  (func (export "_start") (local $i i32)
    ;; every byte but the first page's is something else than zero
    (memory.fill (i32.const 65536) (i32.const 0xAA) (i32.const 0xFFFF0000))
    (i64.store (i32.const -8) (i64.const 0x1122334455667788))
    (loop $spin
      (local.set $i (i32.add (local.get $i) (i32.const 1)))
      (br_if $spin (i32.lt_u (local.get $i) (i32.const 5000000))))
    (if (i64.ne (i64.load (i32.const -8)) (i64.const 0x1122334455667788)) (then (call $exit (i32.const 3))))
    (if (i32.ne (i32.load8_u (i32.const 0x80000001)) (i32.const 0xAA)) (then (call $exit (i32.const 4))))
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 6))
    (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 16)))))
"""


def yado(*arguments):
    result = subprocess.run([YADO, *map(str, arguments)], cwd=HERE, capture_output=True, text=True, timeout=1800)
    return result.returncode, result.stdout, result.stderr


def main():
    (HERE / "huge.wat").write_text(GUEST)
    subprocess.run([TOOLS / "bin" / "wasm-tools", "parse", "huge.wat", "-o", "huge.wasm"], cwd=HERE, check=True)
    try:
        result = yado("run", "--checkpoint-after", 1000000, "--snapshot", "whole.snap", "huge.wasm")
        size = (HERE / "whole.snap").stat().st_size
        check(result[0] == 85 and size > 1 << 32, "written", (result, size))
        result = yado("inspect", "whole.snap")
        check(result[0] == 0 and f"snapshot of {size} bytes" in result[1], "looked at", result)
        result = yado("restore", "whole.snap")
        check(result == (0, "whole\n", ""), "restored", result)
        result = yado("restore", "--checkpoint-after", 2000000, "--base", "whole.snap", "--snapshot", "part.snap",
                      "whole.snap")
        check(result[0] == 85, "changes since it", result)
        yado("keygen", "key")
        result = yado("squash", "--sign", "key.key", "--encrypt-to", "key.pub", "--output", "one.snap", "part.snap")
        check(result[0] == 0 and (HERE / "one.snap").stat().st_size > 1 << 32, "made one, in an envelope", result)
        (HERE / "whole.snap").unlink()
        result = yado("restore", "--require-signature", "key.pub", "--decrypt-with", "key.key", "one.snap")
        check(result == (0, "whole\n", ""), "restored from that", result)
        result = yado("export", "--coredump", "--decrypt-with", "key.key", "--module", "huge.wasm", "--output", "core",
                      "one.snap")
        check(result[0] == 0 or (result[0] == 125 and "4 GiB" in result[2] and not (HERE / "core").exists()),
              "a core dump, or none", result)
    finally:
        shutil.rmtree(HERE)
    finish()


main()
