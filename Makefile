# Short names for what is done often. `make` alone lists them.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test lint bench audit build fmt peers packages cargo

help: ## Lists these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: packages peers cargo ## Installs what is missing, builds, runs the smoke suite (the reference pair and every real one) and prints the matrix
	@.ci/demo $(ARGS)

test: cargo ## Runs every test, and says which were skipped and why (ARGS goes to nextest)
	@.ci/system-packages test
	@.ci/peers
	@.ci/slurm
	@.ci/test $(ARGS)

lint: cargo ## Checks formatting, clippy and the shell scripts
	@failed=; \
	cargo fmt --all --check || failed+=' formatting'; \
	cargo clippy --workspace --all-targets --locked -- -D warnings || failed+=' clippy'; \
	if command -v shellcheck >/dev/null; then shellcheck .ci/* docs/scale-out/*.sh harness/cli/tests/data/*.sh || failed+=' shellcheck'; \
	else echo 'lint: shellcheck is not installed, scripts are not checked'; fi; \
	if [[ $$failed ]]; then echo "lint: failed:$$failed" >&2; exit 1; fi

bench: packages peers cargo ## Runs the benchmarks
	cargo bench --locked --package interop-benches

audit: cargo ## Checks licences, advisories and sources of the dependencies
	@command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny --locked check --hide-inclusion-graph licenses bans sources
	cargo deny --locked check advisories

build: cargo ## Builds vpn-interop, vpn-ref-client and vpn-ref-server in target/release
	cargo build --release --locked --package vpn-interop --package reference-client --package reference-server

fmt: cargo ## Formats the code
	cargo fmt --all

peers: ## Unpacks the VPN programs that the machine lacks, without installing them (REFRESH=1: current versions)
	@.ci/peers $(if $(REFRESH),--refresh)

packages: ## Installs the system packages that building and running need
	@.ci/system-packages

cargo:
	@command -v cargo >/dev/null || { echo 'Rust is missing: install it with rustup, or the package `cargo` of a new enough system' >&2; exit 69; }
