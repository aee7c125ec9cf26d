#!/usr/bin/env bash
# Writes the lines of src/lower/generated/fused.def anew, from counts of the programs of bench/corpus/counted.toml:
# choose.sh [PARTS BUDGET,BUDGET...]. It fetches and builds what it needs. PYTHON=pypy3 takes a fraction of the time.
# What a choice is worth to programs that were not counted, bench/counts/leave_one_out.py tells.
set -euo pipefail
cd "$(dirname "$0")/../.."
make --no-print-directory counts
python3 bench/counts/count.py
new=$(mktemp)
trap 'rm -f "$new"' EXIT

arguments=()
for counts in build/corpus/counts/*; do
    arguments+=("1:$counts")
done
chosen=$("${PYTHON:-python3}" bench/counts/fuse.py "${1:-6}" "${2:-2000,2730}" "${arguments[@]}")
{
    sed -n '1,/^ *$/p' src/lower/generated/fused.def
    printf '%s\n\n#undef FUSED\n' "$chosen"
} >"$new"
cp "$new" src/lower/generated/fused.def
