# What can be done here: `make help` prints the lines that follow a `##`.
SHELL := bash
.DEFAULT_GOAL := help
BIN := target/release/tripline
ARGS ?= run
CARGO ?= cargo

.PHONY: help run build release static image services deb dist test lint web bench evaluation captures dga-model audit clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: build ## build, then open the dashboard on http://127.0.0.1:7070 (make run ARGS=demo: generated traffic)
	@$(BIN) $(ARGS)

build: ## the program for one machine, optimised: target/release/tripline
	@scripts/need-rust.sh
	$(CARGO) build --release --locked --no-default-features

release: ## the program with the engines beyond one machine (Kafka, object stores, MongoDB): target/release/tripline
	@scripts/need-rust.sh
	$(CARGO) build --release --locked

test: ## install what the tests need, then run every test; this is what CI calls
	@scripts/test.sh

services: ## install the real servers that tests start on loopback (Kafka, object stores, MongoDB, Spark), under target/services
	@scripts/services.sh

lint: ## format and lints, warnings are errors
	$(CARGO) fmt --all --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings

web: ## build the dashboard into crates/serve/assets (needs Node)
	cd web && npm ci --no-audit --no-fund && npm run build

static: ## the program for one machine without any library of it: target/x86_64-unknown-linux-gnu/release/tripline
	@scripts/need-rust.sh
	RUSTFLAGS='-C target-feature=+crt-static' $(CARGO) build --release --locked --no-default-features --target x86_64-unknown-linux-gnu

image: release ## the roots of the images, then both images by docker or buildah: tripline:latest, tripline:latest-sensor (as root)
	@deploy/image.sh

deb: release ## a Debian package with service, manual and completions: target/deb/tripline_VERSION_ARCH.deb
	@deploy/deb/build.sh $(BIN) target/deb

dist: ## the program as it is shipped, optimised over all crates: target/dist/tripline (five minutes)
	$(CARGO) build --profile dist --locked

bench: dist ## speed as ratios against peers measured in the same run (see bench/README.md)
	@bench/run.sh

evaluation: ## measure all labelled data under ../shared/data and write docs/reference/evaluation*.md
	$(CARGO) run --release --locked -p evaluate --example evaluation -- ../shared/data > docs/reference/evaluation.md.part
	mv docs/reference/evaluation.md.part docs/reference/evaluation.md
	$(CARGO) run --release --locked -p evaluate --example levels -- ../shared/data > docs/reference/evaluation-levels.md.part
	mv docs/reference/evaluation-levels.md.part docs/reference/evaluation-levels.md

captures: ## run every labelled attack capture under ../shared/data against its ground truth and write docs/reference/attack-captures.md
	$(CARGO) run --release --locked -p evaluate --example attack_captures -- ../shared/data > docs/reference/attack-captures.md.part
	mv docs/reference/attack-captures.md.part docs/reference/attack-captures.md

dga-model: ## learn the model of names anew from the benign captures under ../shared/data
	$(CARGO) run --release --locked -p evaluate --example dga_model -- ../shared/data crates/detect/src/names/names.model

audit: ## licences and advisories of the dependencies (needs cargo-deny)
	$(CARGO) deny check

clean: ## remove what was built
	$(CARGO) clean
