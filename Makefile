# The same recipes for people and for CI.
.PHONY: demo test test-deploy lint soak fuzz fuzz-corpus bench pictures test-tools

# The exporter against a simulated Security Center: no account, no configuration.
demo:
	cargo run --release --locked -- demo

test: test-tools lint
	cargo test --locked
	scripts/fuzz

# Heavier, half a gigabyte of packages: the dashboards, drawn with the components of Grafana.
test-deploy: test-tools
	scripts/draw-dashboards

lint:
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	cargo fmt --check --manifest-path fuzz/Cargo.toml

# Other random histories at each run, and a thousand kills.
soak: export SOAK_CASES ?= 50000
soak: export SOAK_KILLS ?= 1000
soak:
	cargo test --locked --lib model_tests
	cargo test --locked --test e2e_crash

# Longer than in `make test`; the second one keeps what it finds in fuzz/corpus.
fuzz: export FUZZ_SECONDS ?= 300
fuzz:
	scripts/fuzz

fuzz-corpus: export FUZZ_SECONDS ?= 300
fuzz-corpus:
	scripts/fuzz --keep

bench:
	cargo bench --locked --bench decode --bench delta --bench full_listing --bench state
	scripts/bench-web

# The pictures of README.md and of the dashboards, drawn anew; those show PICTURE_MINUTES (10) of a simulated world.
pictures: test-tools
	scripts/pictures
	scripts/draw-dashboards docs/pictures

test-tools:
	scripts/install-test-tools
