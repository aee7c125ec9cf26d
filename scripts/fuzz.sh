#!/usr/bin/env bash
# Runs the fuzz targets that `cmake --build --preset fuzz` built, and random modules (tests/fuzz/smith.py).
#
#   scripts/fuzz.sh [SECONDS [NAME]...]    each target and smith, or those named, for SECONDS (60)
#   scripts/fuzz.sh --keep [NAME]...       add what earlier runs found to the corpus in tests/fuzz/corpus
#
# smith runs build/spectest, smith-asan the one with sanitizers, smith-sealed tests/fuzz/smith_sealed.py. Modules that
# fail stay in build/smith/failed.
# tests/fuzz/corpus/NAME is where a run starts from, tests/fuzz/NAME.dict its dictionary if there is one.
# What is found goes to build/fuzz/corpus/NAME, an input that fails to build/fuzz/failed/NAME-*.

set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=60
keep=no
case ${1:-} in
--keep)
    keep=yes
    shift
    ;;
[0-9]*)
    seconds=$1
    shift
    ;;
esac

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for program in "$root"/build/fuzz/fuzz/*; do
        [ -x "$program" ] && targets+=("$(basename "$program")")
    done
    [ ${#targets[@]} = 0 ] || [ $keep = yes ] || targets+=(smith smith-sealed)
fi
[ ${#targets[@]} != 0 ] || {
    echo "fuzz: no targets in build/fuzz/fuzz: run cmake --preset fuzz and cmake --build --preset fuzz" >&2
    exit 1
}

# random_modules NAME SCRIPT [OPTIONS]
random_modules() {
    local log=$root/build/fuzz/$1.log
    if python3 "$root/tests/fuzz/$2" --seconds "$seconds" "${@:3}" >"$log" 2>&1; then
        printf 'fuzz: %s: clean, %s\n' "$1" "$(sed -n 's/^ *\([0-9]* modules\)$/\1/p' "$log")"
    else
        printf 'fuzz: %s: FAILED, see %s:\n' "$1" "$log"
        tail -n 30 "$log"
        failed+=("$1")
    fi
}

failed=()
mkdir -p "$root/build/fuzz/failed"
for target in "${targets[@]}"; do
    case $target in
    smith) random_modules smith smith.py && continue ;;
    smith-asan) random_modules smith-asan smith.py --spectest "$root/build/asan/spectest" && continue ;;
    smith-sealed) random_modules smith-sealed smith_sealed.py && continue ;;
    esac
    program=$root/build/fuzz/fuzz/$target
    kept=$root/tests/fuzz/corpus/$target
    found=$root/build/fuzz/corpus/$target
    mkdir -p "$found"
    if [ $keep = yes ]; then
        mkdir -p "$kept"
        "$program" -merge=1 "$kept" "$found"
        continue
    fi
    options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1
        -artifact_prefix="$root/build/fuzz/failed/$target-")
    [ ! -f "$root/tests/fuzz/$target.dict" ] || options+=(-dict="$root/tests/fuzz/$target.dict")
    folders=("$found")
    [ ! -d "$kept" ] || folders+=("$kept")
    log=$root/build/fuzz/$target.log
    if "$program" "${options[@]}" "${folders[@]}" >"$log" 2>&1; then
        printf 'fuzz: %s: clean, %s runs\n' "$target" "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    else
        printf 'fuzz: %s: FAILED, see %s:\n' "$target" "$log"
        tail -n 30 "$log"
        failed+=("$target")
    fi
done
[ ${#failed[@]} = 0 ]
