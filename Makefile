# The same recipes for people and for CI.
.PHONY: demo test lint bench fuzz test-tools

# The exporter against a simulated Security Center: no account, no configuration.
demo:
	cargo run --release --locked -- demo

test: test-tools lint
	cargo test --locked
	FUZZ_SECONDS=5 scripts/fuzz

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

# What comes from outside, at length: FUZZ_SECONDS=600 make fuzz. What it finds stays in the corpus.
fuzz:
	scripts/fuzz --keep

bench:
	cargo bench --locked

test-tools:
	scripts/install-test-tools
