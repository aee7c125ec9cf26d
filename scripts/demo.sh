#!/usr/bin/env bash
# make demo: installs and builds what this needs and no more, then stops SQLite in the middle inside one host and
# continues it inside another. The last line says what each part took.
#
#   FROM, TO   the two hosts (wasmtime-jit, deno); others than these need `make` and scripts/setup.sh --only hosts
#   ROWS       what SQLite does (20000)
#   AFTER      seconds until it is stopped (1.5)
set -euo pipefail
cd "$(dirname "$0")/.."

# build PRESET TARGET: what is compiled is shown only when that fails.
build() {
    local log=build/demo-$1.log
    { cmake --preset "$1" && cmake --build --preset "$1" --target "$2"; } >"$log" 2>&1 || {
        echo "make demo: $2 could not be built; the end of $log:" >&2
        tail -n 20 "$log" >&2
        return 1
    }
}

began=$SECONDS
scripts/setup.sh --only demo
installed=$SECONDS
echo "Building build/yado, build/yadokari-bulk.wasm and SQLite ..."
mkdir -p build
# The interpreter's loop is one file, which takes as long as all others: so all three at once.
pids=()
build native yado &
pids+=($!)
build bulk yadokari-bulk &
pids+=($!)
scripts/build-guests.sh sqlite_bench &
pids+=($!)
for pid in "${pids[@]}"; do wait "$pid"; done
built=$SECONDS
echo

yado=$PWD/build/yado
guest=$PWD/build/guests/sqlite_bench.wasm
rows=${ROWS:-20000}
from=${FROM:-wasmtime-jit}
to=${TO:-deno}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

version() {
    "$yado" hosts --json | python3 -c 'import json, sys
print(*(host.get("version", "?").split(" (")[0] for host in json.load(sys.stdin) if host["name"] == sys.argv[1]))' "$1"
}

echo "Guest: SQLite (sqlite_bench.wasm), $rows rows: fill, overwrite, read."
echo "Hosts: $from ($(version "$from")) and $to ($(version "$to"))."
echo
echo "1. Uninterrupted, inside $from:"
"$yado" run --host "$from" --dir . "$guest" "$rows" :memory: >whole.txt
sed 's/^/     /' whole.txt

echo
echo "2. Again inside $from, frozen in the middle:"
"$yado" run --host "$from" --name "demo-$$" --dir . "$guest" "$rows" :memory: >first.txt &
guest_pid=$!
for _ in $(seq 500); do [ -s first.txt ] && break; sleep 0.02; done
sleep "${AFTER:-1.5}"
"$yado" checkpoint --output demo.snap "demo-$$" | sed 's/^/     /'
code=0
wait "$guest_pid" || code=$?
echo "     exit code $code: checkpointed and stopped"
sed 's/^/     /' first.txt
echo
echo "   Where it stopped:"
"$yado" inspect demo.snap | grep -E '^ +[0-9]+: |^memory|^fuel' | head -n 14 | sed 's/^/     /'

echo
echo "3. Continued inside $to:"
"$yado" restore --host "$to" --dir . demo.snap >second.txt
sed 's/^/     /' second.txt

echo
cat first.txt second.txt >both.txt
if cmp -s whole.txt both.txt; then
    echo "The two halves together equal the uninterrupted run."
else
    echo "The results differ:"
    diff whole.txt both.txt
    exit 1
fi
echo
echo "Set-up $((installed - began)) s, build $((built - installed)) s, demonstration $((SECONDS - built)) s:" \
    "$((SECONDS - began)) s in all."
