# Everything a fresh machine needs: Python >= 3.11, a C compiler, cargo, make.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
EVENTS ?= 200000
SECONDS_EACH ?= 60
KILLS ?= 1000
VENV := .venv
BIN := $(VENV)/bin

# rustup's cargo looks for its toolchains under HOME. Where HOME is another one (a container, `env -i`), they are
# still beside the cargo on PATH.
CARGO := $(shell command -v cargo)
ifeq ($(RUSTUP_HOME)$(wildcard $(HOME)/.rustup),)
ifneq ($(wildcard $(dir $(CARGO))../../.rustup),)
export RUSTUP_HOME := $(abspath $(dir $(CARGO))../../.rustup)
endif
endif

RUST_SOURCES := Cargo.toml Cargo.lock $(shell find rust/core rust/python -name '*.rs' -o -name Cargo.toml)

.PHONY: help
help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: demo
demo: build ## Ingest simulated events into an embedded PostgreSQL (EVENTS=200000)
	@$(BIN)/datasync demo --events $(EVENTS)

.PHONY: build
build: $(VENV)/.built ## Make .venv with the package and its release extension

$(VENV)/.installed: requirements/dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

$(VENV)/.built: $(VENV)/.installed pyproject.toml $(RUST_SOURCES)
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# Three workers on two cores: tests wait for servers and processes. Each worker starts a PostgreSQL of its own, in memory
# where there is a GiB for each. Bytecode is kept: a thousand processes would each compile all that they import.
.PHONY: test
test: build ## Run the whole suite, Rust and Python
	cargo test --quiet --locked
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/pytest -n 3 --dist worksteal

.PHONY: faults
faults: build ## Run the tests of all faults in the catalogue, and say what became of each
	$(BIN)/python -m pytest --quiet --no-summary -p tests.faults.report

.PHONY: lint
lint: build ## Check style, types, stubs and import rules
	cargo fmt --all --check
	cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/stubtest datasync._native
	$(BIN)/lint-imports --no-logo
	$(BIN)/shellcheck run-ingestion.sh .ci/run

.PHONY: format
format: build ## Format all sources
	cargo fmt --all
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

.PHONY: docs
docs: build ## Put the help of all commands into docs/cli.md
	$(BIN)/python -m docs.generate

.PHONY: fuzz
fuzz: build ## Search for input that the core reads wrongly (SECONDS_EACH=60, for each target)
	cargo install --quiet --locked --version '^0.13' --root target/tools cargo-fuzz
	$(BIN)/python rust/fuzz/seeds.py
	cd rust/fuzz && for target in page timestamp inflate; do \
		PATH="$(abspath target/tools/bin):$$PATH" cargo fuzz run --fuzz-dir . --target-dir ../../target/fuzz --sanitizer none $$target -- \
			-max_total_time=$(SECONDS_EACH) -max_len=4096 -verbosity=0 -print_final_stats=1 || exit 1; \
	done

.PHONY: crash
crash: build ## Kill runs at every failpoint and at random (KILLS=1000; WRITE=1 writes benches/CRASH.md)
	@$(BIN)/python -m tests.crash --kills $(KILLS) $(if $(WRITE),--write benches/CRASH.md)

.PHONY: bench
bench: build ## Measure, and write benches/RESULTS.md
	$(BIN)/python -m benches.run

.PHONY: bench-limits
bench-limits: build ## Play the rate-limit scenarios, and write benches/LIMITS.md
	$(BIN)/python -m benches.shared
	$(BIN)/python -m benches.limits

.PHONY: soak
soak: EVENTS = 5000000
soak: build ## Ingest through faults of all kinds for long, and write benches/SOAK.md (EVENTS=5000000)
	$(BIN)/python -m benches.soak --events $(EVENTS)

.PHONY: bench-check
bench-check: build ## Fail when a measured ratio fell over 20 % below the saved one
	$(BIN)/python -m benches.check

.PHONY: lock
lock: ## Pin all dependencies anew, after a change in pyproject.toml or Cargo.toml
	cargo update --workspace
	$(PYTHON) -m venv $(VENV)/lock && $(VENV)/lock/bin/pip install --quiet uv
	$(VENV)/lock/bin/uv pip compile -q pyproject.toml --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' -o requirements/runtime.txt
	$(VENV)/lock/bin/uv pip compile -q pyproject.toml --extra demo --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' -c requirements/runtime.txt -o requirements/demo.txt
	$(VENV)/lock/bin/uv pip compile -q pyproject.toml --extra demo --extra parquet --extra duckdb --group dev --universal --python-version 3.11 --generate-hashes --custom-compile-command 'make lock' -c requirements/demo.txt -o requirements/dev.txt

.PHONY: clean
clean: ## Remove what make made
	rm -rf $(VENV) target dist
