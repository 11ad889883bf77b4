# Everything that a person or CI does with this repository. `make test` is the test command of the README; CI calls it.
#
# A fresh machine needs: Rust (rustup or the distribution's, MSRV in Cargo.toml) with rustfmt and clippy, a C compiler
# (the linker), make, Python 3 with pip. Z3 is fetched by `make z3` into .z3/, pinned by version and hash.

CARGO ?= cargo
PYTHON ?= python3
KUBEPROOF := target/release/kubeproof
# The demo's broken cluster: every pod is reached as it should be, and yet one message arrives where nobody listens.
BROKEN := examples/broken/backdoor
# Of `make differential` and `make modular`.
SEEDS ?= 0..20000

.PHONY: all z3 build demo test lint fmt clippy doc unit tools bench bench-connectivity bench-scale second-solver differential modular slow clean
all: build

## z3: the pinned Z3 into .z3/, once
z3:
	@$(PYTHON) tools/z3.py

## build: the release binary
build: z3
	$(CARGO) build --release --locked

## demo: a cluster that is proven, and one that is refuted with the message that breaks it
demo: build
	@echo; echo '$$ kubeproof verify examples/k1'
	@$(KUBEPROOF) verify examples/k1
	@echo; echo '$$ kubeproof verify $(BROKEN)        (exit code 1 is what it should say)'
	@$(KUBEPROOF) verify $(BROKEN); code=$$?; \
	if [ $$code -ne 1 ]; then echo "demo: expected exit code 1, got $$code" >&2; exit 1; fi
	@echo; echo 'demo: as expected, the first is proven and the second refuted'

## test: all that must hold before a change goes in
test: lint unit

## lint: form, clippy, and the documentation's links
lint: fmt clippy doc

fmt: tools
	$(CARGO) fmt --check

clippy: tools z3
	$(CARGO) clippy --locked --all-targets -- -D warnings

doc: z3
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --no-deps

## unit: the tests alone
unit: z3
	$(CARGO) test --locked

# Both are components of their own: a minimal Rust has neither, and cargo then says only `no such command`.
tools:
	@missing=; \
	for tool in fmt:rustfmt clippy:clippy; do \
		$(CARGO) $${tool%%:*} --version >/dev/null 2>&1 || missing="$$missing $${tool##*:}"; \
	done; \
	if [ -n "$$missing" ]; then \
		echo "error: this Rust has no$$missing, which make test needs" >&2; \
		echo "help: rustup component add$$missing   (or, without them: make unit)" >&2; \
		exit 2; \
	fi

## bench: time and memory on growing clusters (docs/performance.md)
bench: build
	$(PYTHON) tools/bench.py $(BENCH_ARGS)

## bench-connectivity: time and memory of the full answer on growing clusters
bench-connectivity: build
	$(PYTHON) tools/bench_connectivity.py $(BENCH_ARGS)

## bench-scale: clusters of the official limits of Kubernetes and beyond, written by `kubeproof generate` (4 GB of disk)
bench-scale: build
	$(PYTHON) tools/bench_scale.py $(BENCH_ARGS)

## second-solver: every query of every example once more with cvc5 (docs/second-solver.md)
second-solver: build
	$(PYTHON) tools/second_solver.py $(SECOND_SOLVER_ARGS)

## differential: the long run of random clusters against the independent oracle; `make test` has the short one
differential: z3
	KUBEPROOF_SEEDS=$(SEEDS) $(CARGO) test --release --locked --test differential

## modular: the long run of random clusters, parts against the whole; `make test` has seeds 0..1000
modular: z3
	KUBEPROOF_SEEDS=$(SEEDS) $(CARGO) test --release --locked --test modular -- --exact a_part_tells_what_the_whole_tells --nocapture

## slow: tests that take minutes each, and so are not among the rest
slow: z3
	$(CARGO) test --release --locked --test hostile_input --test plugin_examples -- --ignored

clean:
	$(CARGO) clean
