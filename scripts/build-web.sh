#!/usr/bin/env bash
# build/web: the page of web/, yadokari.wasm and the packages that the page uses; any server that sends
# the headers of web/serve.mjs can serve it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=${YADO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/yadokari/tools}
shim=$tools/web/node_modules/@bjorn3/browser_wasi_shim
[ -d "$shim/dist" ] || {
    echo "build-web: browser_wasi_shim is not in $shim: run scripts/setup.sh --only web" >&2
    exit 1
}
rm -rf build/web
mkdir -p build/web/browser_wasi_shim
cp web/index.html web/style.css web/page.mjs web/shared.mjs web/worker.mjs build/web/
cp build/yadokari-bulk.wasm build/web/yadokari.wasm
cp "$shim"/dist/*.js build/web/browser_wasi_shim/
cp "$shim"/LICENSE* build/web/browser_wasi_shim/ 2>/dev/null || true
