#!/usr/bin/env bash
# SQLite is stopped in the middle inside one host and goes on inside another (make demo).
set -euo pipefail
cd "$(dirname "$0")/.."

yado=$PWD/build/yado
guest=$PWD/build/guests/sqlite_bench.wasm
rows=${ROWS:-20000}
from=${FROM:-wasmtime}
to=${TO:-wasmedge-aot}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

version() { "$yado" hosts | awk -v host="$1" '$1 == host { $1 = ""; print substr($0, 2); exit }' | sed 's/ \{2,\}.*//; s/ yes .*//; s/ no .*//'; }

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
