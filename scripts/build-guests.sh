#!/usr/bin/env bash
# Compiles tests/guests into build/guests/*.wasm, as their users would: optimised, with the compiler's
# default features of the target, names kept. What is up to date is left alone.
#
#   scripts/build-guests.sh [NAME]...     all of them, or those named (fib, sqlite_bench, ...)

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/versions.sh
source "$root/scripts/versions.sh"

tools=${YADO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/yadokari/tools}
source_folder=$root/tests/guests
output_folder=$root/build/guests
export PATH=$PATH:$tools/bin

# Bulk memory and saturating conversions are what clang and rustc turn on by default by now.
wasi=(--target=wasm32-wasi --sysroot=/usr -mbulk-memory -mnontrapping-fptoint -O2 -Wl,--strip-debug -B "$root/cmake/unoptimised")
clang=("clang-$LLVM_SERIES" "${wasi[@]}" -std=gnu17 -Wall -Wextra)
clangxx=("clang++-$LLVM_SERIES" "${wasi[@]}" -std=gnu++17 -fno-exceptions -Wall -Wextra)

# stale OUTPUT INPUT...: whether it has to be made.
stale() {
    local output=$1 input
    shift
    [ -s "$output" ] || return 0
    for input in "$0" "$@"; do
        [ "$output" -nt "$input" ] || return 0
    done
    return 1
}

# make_guest NAME INPUT... -- COMMAND...: COMMAND writes what its last argument names.
make_guest() {
    local name=$1 output=$output_folder/$1.wasm inputs=()
    shift
    while [ "$1" != -- ]; do
        inputs+=("$1")
        shift
    done
    shift
    stale "$output" "${inputs[@]}" || return 0
    printf 'guest %s\n' "$name"
    # Under its final name: the linker writes that into the name section.
    "$@" "$output_folder/new/$name.wasm"
    mv "$output_folder/new/$name.wasm" "$output"
}

simple() {
    local source=$source_folder/$1.c
    make_guest "$1" "$source" -- "${clang[@]}" "$source" -lm -o
}

# The features off are those that WASI preview 1 cannot carry.
guest_sqlite_bench() {
    local sqlite=$tools/src/libsqlite3-sys/sqlite3 source=$source_folder/sqlite_bench.c
    make_guest sqlite_bench "$source" "$sqlite/sqlite3.c" -- \
        "${clang[@]}" -w -I "$sqlite" -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION \
        -DSQLITE_OMIT_WAL -DSQLITE_DEFAULT_MEMSTATUS=0 -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_MMAN \
        -D_WASI_EMULATED_GETPID -D_WASI_EMULATED_PROCESS_CLOCKS "$source" "$sqlite/sqlite3.c" \
        -lwasi-emulated-signal -lwasi-emulated-mman -lwasi-emulated-getpid \
        -lwasi-emulated-process-clocks -o
}

# Only the libraries that lua.c opens; a fixed seed for hashes, so that tables are in the same order.
guest_lua() {
    local lua source=$source_folder/lua.c file files=()
    lua=$(find "$tools/src/lua-src" -maxdepth 1 -name 'lua-5.4.*')
    for file in lapi lcode lctype ldebug ldo ldump lfunc lgc llex lmem lobject lopcodes lparser lstate \
        lstring ltable ltm lundump lvm lzio lauxlib lbaselib lstrlib ltablib lmathlib lutf8lib; do
        files+=("$lua/$file.c")
    done
    make_guest lua "$source" "$source_folder/lua/setjmp.h" "$lua/lua.h" -- \
        "${clang[@]}" -I "$source_folder/lua" -I "$lua" '-Dluai_makeseed(L)=0' \
        -D_WASI_EMULATED_SIGNAL -D_WASI_EMULATED_PROCESS_CLOCKS "$source" "${files[@]}" -lm \
        -lwasi-emulated-signal -lwasi-emulated-process-clocks -o
    cp "$source_folder/script.lua" "$output_folder/script.lua"
}

guest_cpp_mix() {
    local source=$source_folder/cpp_mix.cpp
    make_guest cpp_mix "$source" -- "${clangxx[@]}" "$source" -o
}

guest_rust_mix() {
    local source=$source_folder/rust_mix.rs
    make_guest rust_mix "$source" -- rustc-wasi -O -C strip=debuginfo "$source" -o
}

guest_go_mix() {
    local source=$source_folder/go_mix.go
    compile_go() { GOOS=wasip1 GOARCH=wasm GO111MODULE=off go build -trimpath -o "$1" "$source"; }
    make_guest go_mix "$source" -- compile_go
}

guests=(sqlite_bench hello loops fib pi_leibniz nbody matrix sha256 integer_mix touch given travel histories identity cat sleep seen files
    echo cpp_mix lua rust_mix go_mix paths preview1)

mkdir -p "$output_folder/new"
[ $# = 0 ] || guests=("$@")
for guest in "${guests[@]}"; do
    if declare -F "guest_$guest" >/dev/null; then
        "guest_$guest"
    elif [ -f "$source_folder/$guest.c" ]; then
        simple "$guest"
    else
        printf 'build-guests: there is no guest named %s\n' "$guest" >&2
        exit 1
    fi
done
