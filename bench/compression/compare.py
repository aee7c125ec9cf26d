#!/usr/bin/env python3
"""What zstd would save over LZ4, and what it would cost: writes docs/compression-table.md.

The memories are those of SQLite in mid-run; compressed in parts of 60 KB, as snapshots have them, and of 1 MB.
Times are the least of RUNS, for the largest memory.
"""

import base64
import json
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from bench import GUESTS, ROOT, RUNS, TOOLS, WORK, Table, machine  # noqa: E402
from checkpoints import fuel_of, yado  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
ZSTD = TOOLS / "src" / "zstd-sys" / "zstd" / "lib"
LZ4 = TOOLS / "src" / "lz4-sys" / "liblz4" / "lib"
WASM = ["--target=wasm32-wasi", "--sysroot=/usr", "-mcpu=mvp", "-mmutable-globals", "-Wl,--strip-all"]
SMALL = ["-Oz", "-DHUF_FORCE_DECOMPRESS_X1", "-DZSTD_FORCE_DECOMPRESS_SEQUENCES_SHORT", "-DZSTD_NO_INLINE",
         "-DZSTD_STRIP_ERROR_STRINGS"]
WAYS = ["lz4", "1", "3", "6", "9", "19"]
ROWS = ["1000", "4000", "20000"]


def build(name, source, folders, *options):
    files = [file for folder in folders for file in sorted((ZSTD / folder).glob("*.c"))]
    subprocess.run(["clang-19", "-w", "-DZSTD_DISABLE_ASM", *options, "-I", ZSTD, "-I", LZ4, HERE / source, *files,
                    *([LZ4 / "lz4.c"] if "compress" in folders else []), "-o", WORK / name], check=True)


def memory(rows):
    given = (GUESTS / "sqlite_bench.wasm", rows, ":memory:")
    yado("run", "--checkpoint-after", fuel_of("sqlite_bench.wasm", *given[1:]) // 2, "--snapshot", "sqlite.snap", *given)
    runs = json.loads(yado("inspect", "--json", "sqlite.snap"))["memory"]["runs"]
    (WORK / f"memory-{rows}").write_bytes(b"".join(base64.b64decode(run["data"]) for run in runs))


def compress(command, way, part, rows):
    results = [subprocess.run([*command, way, part, f"memory-{rows}"], cwd=WORK, capture_output=True, text=True,
                              check=True).stdout.split() for _ in range(RUNS if rows == ROWS[-1] else 1)]
    return int(results[0][0]), int(results[0][1]), *(min(float(result[i]) for result in results) for i in (2, 3))


def main():
    everything = ("common", "compress", "decompress")
    build("compression", "compression.c", everything, "-O2")
    build("compression.wasm", "compression.c", everything, "-O3", *WASM)
    build("decoder.wasm", "decoder.c", ("common", "decompress"), *SMALL, *WASM)
    build("empty.wasm", "decoder.c", (), "-DEMPTY", "-Oz", *WASM)
    native, hosted = [WORK / "compression"], [TOOLS / "bin" / "wasmtime", "run", "--dir", ".", "compression.wasm"]
    table = Table("", *[f"{int(rows):,} rows" for rows in ROWS], "in parts of 1 MB", "natively", "in Wasmtime")
    for rows in ROWS:
        memory(rows)
    for way in WAYS:
        sizes = [compress(native, way, "60", rows) for rows in ROWS]
        wide = [compress(native, way, "1024", rows) for rows in ROWS]
        times = [sizes[-1], compress(hosted, way, "60", ROWS[-1])]
        table.row("LZ4" if way == "lz4" else f"zstd -{way}", *[f"{size / whole:.0%}" for whole, size, *_ in sizes],
                  ", ".join(f"{size / whole:.0%}" for whole, size, *_ in wide),
                  *[f"{packing:.0f} + {unpacking:.0f} ms" for *_, packing, unpacking in times])
    size = (WORK / "decoder.wasm").stat().st_size - (WORK / "empty.wasm").stat().st_size
    limit = (ROOT / "build" / "yadokari.wasm").stat().st_size
    text = f"""# Compression, measured

By `make bench` (`bench/compression/compare.py`).

{machine()}

What is left of the memory of SQLite in mid-run, in parts of 60 KB as `--compress` has them; and the least times to
compress and decompress the largest, 5.6 MB.

{table.text()}
zstd's decoder as small as it gets adds {size / 1000:.0f} KB to a module; yadokari.wasm is {limit / 1000:.0f} KB and may be 350.
"""
    (ROOT / "docs" / "compression-table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
