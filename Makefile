# The same recipes for people and for CI.
.PHONY: demo test lint bench test-tools

# The exporter against a simulated Security Center: no account, no configuration.
demo:
	cargo run --release --locked -- demo

test: test-tools lint
	cargo test --locked

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench:
	cargo bench --locked

test-tools:
	scripts/install-test-tools
