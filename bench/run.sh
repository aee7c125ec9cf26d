#!/usr/bin/env bash
# Times programs directly on Wasmtime, inside Yadokari on Wasmtime, and in native Yadokari (make bench).
set -euo pipefail
cd "$(dirname "$0")/.."
exec python3 bench/bench.py "$@"
