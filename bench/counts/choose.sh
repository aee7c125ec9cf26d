#!/usr/bin/env bash
# Writes the lines of src/lower/generated/fused.def anew, from counts of eleven programs: choose.sh [PARTS BUDGET,BUDGET...]
# It builds what it needs.
set -euo pipefail
cd "$(dirname "$0")/../.."
make --no-print-directory counts guests
counts=$(mktemp -d)
trap 'rm -rf "$counts"' EXIT

# count WEIGHTS PROGRAM ARGUMENT...
arguments=()
count() {
    local weights=$1 program=$2
    shift 2
    (cd build/guests && YADO_COUNTS=$counts/$program ../yado-counts run --dir . "$program.wasm" "$@" >/dev/null)
    arguments+=("$weights:$counts/$program")
}
count 1 fib 30
count 1 pi_leibniz 3000000
count 1 nbody 40000
count 3,12,2 sqlite_bench 4000 :memory: # the second group is for what it lacks in yadokari.wasm
count 1 integer_mix 150
count 1 matrix 120
count 1 sha256 10000
count 2,3,2 lua script.lua 3000
count 2 go_mix 70
count 1 rust_mix 25000
count 0.5 cpp_mix

chosen=$(python3 bench/counts/fuse.py "${1:-15}" "${2:-2000,2860,6000}" "${arguments[@]}")
{
    sed -n '1,/^ *$/p' src/lower/generated/fused.def
    printf '%s\n\n#undef FUSED\n' "$chosen"
} >"$counts/fused.def"
cp "$counts/fused.def" src/lower/generated/fused.def
