#!/usr/bin/env bash
# The format of all C and C++ sources, and clang-tidy on those that the native preset compiles.
#
#   scripts/lint.sh                  check both; changes nothing
#   scripts/lint.sh --format         check the format only
#   scripts/lint.sh --fix-format     put the sources into the format

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=scripts/versions.sh
source scripts/versions.sh

mapfile -t sources < <(find src include tests bench \( -name '*.c' -o -name '*.h' -o -name '*.cpp' \) 2>/dev/null | sort)
case ${1:-} in
--fix-format)
    "clang-format-$LLVM_SERIES" -i "${sources[@]}"
    exit
    ;;
esac
"clang-format-$LLVM_SERIES" --dry-run --Werror "${sources[@]}"
[ "${1:-}" != --format ] || exit 0

# What others wrote is cleaned where it is printed: in one place (src/cli/print.h), but for help, numbers and JSON.
own='/(cli/(native/)?(print|options|main|invoke|list_hosts|inspect_json)|oci/(oci_call|criu|inside|oci_main|verb_(features|list|state)))\.c:'
if grep -rnE '\b(f?printf|f?puts|f?putc|putchar|perror) *\(' src --include=*.c | grep -vE "$own"; then
    echo "lint: lines are printed by print_line (src/cli/print.h)" >&2
    exit 1
fi

# Only the command knows the command: what it stands on includes nothing of it.
if grep -rnE '#[[:space:]]*include "cli/' src --include=*.[ch] | grep -vE '^src/(cli|oci)/'; then
    echo "lint: src/cli is above all other folders" >&2
    exit 1
fi
if grep -rnE '#[[:space:]]*include "(cli|guest)/' src/{base,wasm,lower,exec,sealed,seal,wasi,state,host,survey,envelope}; then
    echo "lint: src/guest is above all folders but src/cli" >&2
    exit 1
fi

[ -f build/native/compile_commands.json ] || {
    echo "lint: no build/native/compile_commands.json: run cmake --preset native" >&2
    exit 1
}
# clang-tidy looks at a source once for each command: for most that is three times the same.
mkdir -p build/lint
python3 - build/native/compile_commands.json >build/lint/compile_commands.json <<'END'
import json, re, sys
commands = json.load(open(sys.argv[1]))
different = {re.sub(r" -o \S+", "", entry["command"]): entry for entry in commands}
json.dump(list(different.values()), sys.stdout)
END
"run-clang-tidy-$LLVM_SERIES" -quiet -p build/lint "$PWD/(src|tests)/.*"
