# A thin front of scripts/ and CMake: `make help` says what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := all
.PHONY: all setup setup-build setup-lint native wasm bulk large tail sealed gcc asan demo check test cpus web matrix criu counts bench fuzz nightly guests oci containers format lint clean help

FUZZ_SECONDS ?= 60
NIGHTLY_SECONDS ?= 1800
BUILD = cmake --preset $@ >/dev/null && cmake --build --preset $@

# Two at a time: what each waits for at its end is one file, the loop.
all: ## build/yado, build/yadokari.wasm, -bulk, -large, -tail, -sockets, -sealed, -seal (the default)
	@$(MAKE) --no-print-directory -j2 native large wasm bulk tail sealed

setup: ## install everything that the project uses
	@scripts/setup.sh

setup-build:
	@scripts/setup.sh --only build

setup-lint:
	@scripts/setup.sh --only build,lint

native: setup-build ## build/yado
	@$(BUILD)

wasm: setup-build ## build/yadokari.wasm
	@$(BUILD)

bulk: setup-build ## build/yadokari-bulk.wasm, -sockets, -seal: for newer hosts
	@$(BUILD)

large: setup-build ## build/yadokari-large.wasm: for hosts that take a large loop well
	@$(BUILD)

tail: setup-build ## build/yadokari-tail.wasm: for hosts that run tail calls faster than one loop
	@$(BUILD)

sealed: setup-build ## build/yadokari-sealed.wasm: the runtime that `yado seal` puts into modules
	@$(BUILD)

gcc: setup-lint ## the native build with gcc, for its warnings
	@$(BUILD)

asan: setup-lint ## the native build with AddressSanitizer and UndefinedBehaviorSanitizer
	@$(BUILD)

oci: setup-build ## build/yado-oci: the OCI runtime for podman and containerd (docs/containers.md)
	@cmake --preset native >/dev/null && cmake --build --preset native --target yado-oci

containers: oci ## install podman and containerd, and test them with build/yado-oci
	@scripts/setup.sh --only containers
	@scripts/build-guests.sh hello sleep seen
	@python3 tests/oci.py

guests: setup ## build/guests/*.wasm, the programs of the tests and benchmarks
	@scripts/build-guests.sh

demo: ## SQLite checkpointed in one host and continued in another; installs and builds only what that needs
	@scripts/demo.sh

check: all ## two minutes after `make`: unit tests, official tests natively, a smoke run of each host found
	@scripts/setup.sh --only check
	@scripts/build-guests.sh pi_leibniz
	@tests/run.sh --check

test: setup all oci guests ## the whole test suite
	@scripts/setup.sh --only web,containers
	@tests/run.sh

matrix: setup all guests ## every host to every host, and what each can do: docs/hosts.md, docs/hosts.html
	@scripts/setup.sh --only matrix,web
	@python3 tests/matrix.py

criu: setup all guests ## snapshots against CRIU's images of the same hosts: docs/hosts.md
	@scripts/setup.sh --only matrix
	@python3 bench/criu.py

cpus: setup all guests ## arm64, riscv64 and s390x (big-endian) under QEMU: builds, tests, snapshots between them
	@scripts/setup.sh --only cpus
	@for cpu in arm64 riscv64 s390x; do cmake --preset $$cpu >/dev/null && cmake --build --preset $$cpu || exit; done
	@tests/run.sh --specs
	@python3 tests/cpus.py

web: setup-build bulk ## the page that runs and freezes programs in a browser, served on this machine
	@scripts/setup.sh --only web
	@scripts/build-web.sh
	@node web/serve.mjs

counts: native
	@cmake --build --preset native --target counts

bench: setup all guests counts ## run times against the host alone: docs/performance*, docs/*-table.md, docs/migration.svg
	@scripts/setup.sh --only bench
	@python3 bench/corpus/corpus.py fetch measured
	@python3 bench/measured.py
	@python3 bench/bench.py
	@python3 bench/techniques/techniques.py
	@python3 bench/sealed.py
	@python3 bench/checkpoints.py
	@python3 bench/migration.py
	@python3 bench/compression/compare.py

fuzz: setup native sealed ## run each fuzz target and random modules for FUZZ_SECONDS (60)
	@$(BUILD)
	@scripts/fuzz.sh $(FUZZ_SECONDS)

nightly: setup native sealed asan ## the same and random modules under sanitizers, each for NIGHTLY_SECONDS (1800)
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz
	@failed=0; scripts/fuzz.sh $(NIGHTLY_SECONDS) || failed=1; \
	scripts/fuzz.sh $(NIGHTLY_SECONDS) smith-asan || failed=1; exit $$failed

format: setup-lint ## put all C sources into the project's format
	@scripts/lint.sh --fix-format

lint: setup-lint native ## check format, and run clang-tidy
	@scripts/lint.sh

clean: ## remove what was built; what setup installed stays
	@rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
