# `make demo` shows it, `make test` proves it. Both install what is missing first, and neither asks anything.

SHELL := bash
.DEFAULT_GOAL := help

TOOLS := $(or $(ESSAIM_TOOLS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/essaim/tools)
export ESSAIM_TOOLS := $(TOOLS)
export PATH := $(TOOLS)/bin:$(TOOLS)/node/bin:$(HOME)/.cargo/bin:$(PATH)

KINTO := target/kinto/bin/python tests/kinto/serve.py
SEEDS ?= 50000

.PHONY: help demo compare test setup kinto package lint test-native test-kinto test-browser test-webkit test-package test-http test-storage test-sync test-adopt test-sealed test-postgresql test-findings test-demo sim kill fuzz bench size audit

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

demo: ## the demo in your browser, synced with a Kinto on this machine
	@tests/setup.sh system rust bindgen kinto
	@$(MAKE) --no-print-directory package
	@echo "Ctrl-C stops the demo and its Kinto (http://localhost:8888/v1)"
	@$(KINTO) --port 8888 -- node tests/demo/serve.mjs --port $(or $(PORT),8000) || [ $$? = 130 ]

compare: ## the same scenarios with Kinto.js and with essaim, in your browser
	@tests/setup.sh system rust bindgen kinto npm
	@$(MAKE) --no-print-directory package
	@echo "Ctrl-C stops the page and its Kinto"
	@$(KINTO) --page-size 5 --batch-size 4 -- node tests/findings/site.mjs --port $(or $(PORT),8001) || [ $$? = 130 ]

test: ## every kind of test
	@$(MAKE) --no-print-directory setup
	@tests/all.sh lint package -- test-native test-sealed test-adopt test-browser $(if $(shell command -v WebKitWebDriver && command -v xvfb-run),test-webkit) test-package test-storage test-sync test-findings test-demo test-http test-kinto

setup: ## install what is missing
	@tests/setup.sh system browsers postgresql rust tools kinto kinto20 npm

kinto: ## install a Kinto for tests
	@tests/setup.sh system postgresql kinto

package: ## pkg/ and essaim-<version>.tgz (QUICK=1: built quickly, far larger)
	@pkg-template/scripts/build.sh

lint: ## formatting and lints: Rust, native and wasm32, and TypeScript
	@pkg-template/scripts/install.sh
	cd pkg-template && node_modules/.bin/biome check --error-on-warnings .
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	cargo clippy --all-targets --target wasm32-unknown-unknown -- -D warnings

test-native: ## unit, property, contract and simulation tests
	cargo test

# Memory is what developers run, PostgreSQL what their users meet; and short pages what large collections are.
test-kinto: ## the server contract, on real Kintos
	cargo test --no-run --test kinto
	$(KINTO) -- cargo test --test kinto -- --include-ignored
	$(KINTO) --page-size 3 -- cargo test --test kinto -- --include-ignored
	$(KINTO) --postgresql --page-size 5 -- cargo test --test kinto -- --include-ignored

test-browser: ## the parts that only a browser has, in Chromium and Firefox
	wasm-pack test --headless --chrome
	wasm-pack test --headless --firefox

test-webkit: ## the same in WebKitGTK, which passes as Safari and wants a display
	xvfb-run --auto-servernum wasm-pack test --headless --safari --safaridriver $$(command -v WebKitWebDriver)

test-package: package ## the packed package, in real apps and bundlers
	$(KINTO) -- node tests/package/run.mjs

# What a server can do differs by its version.
test-http: package ## the HTTP client, in Node, Chromium and Firefox, on two versions of Kinto
	$(KINTO) --attachments --page-size 10 -- node --test --test-reporter=spec tests/http/*.test.mjs
	$(KINTO) --old --attachments --page-size 10 -- node --test --test-reporter=spec tests/http/*.test.mjs

test-storage: package ## databases on disk: two tabs, killed tabs, refused, deleted and newer ones
	$(KINTO) -- node --test --test-concurrency=1 --test-reporter=spec tests/storage/*.test.mjs

# Short pages and batches: what large collections are. PostgreSQL refuses in its own way.
test-sync: package ## two browser profiles and Kinto.js, syncing through a server that misbehaves
	$(KINTO) --page-size 5 --batch-size 4 -- node --test --test-reporter=spec tests/sync/*.test.mjs tests/evil/*.test.mjs
	$(KINTO) --postgresql --page-size 5 --batch-size 4 -- node --test --test-reporter=spec tests/sync/pushing.mjs tests/sync/meanwhile.mjs
	ESSAIM_SEEDS=8 $(KINTO) --page-size 5 --batch-size 4 -- node tests/storage/kill.mjs

# Ten thousand records in long pages, the rest in short ones: what Kinto.js misses, it misses between two of them.
test-adopt: package ## data that Kinto.js wrote, taken over in Chromium and Firefox
	$(KINTO) --page-size 5 --batch-size 4 -- node --test --test-concurrency=1 --test-reporter=spec tests/adopt/{adopt,killed}.test.mjs
	$(KINTO) --page-size 2000 --batch-size 100 -- node --test --test-reporter=spec tests/adopt/many.test.mjs

# Two processes over one PostgreSQL: what one has just stored, the other has to know.
test-sealed: package ## encrypted collections and a server that lies, in Node, Chromium and Firefox
	$(KINTO) --page-size 5 --batch-size 4 -- node --test --test-reporter=spec tests/sealed/*.test.mjs
	ESSAIM_SEEDS=1 $(KINTO) --postgresql --processes 2 --page-size 5 --batch-size 4 -- node --test --test-reporter=spec tests/sealed/{lost,schedules,repaired}.mjs

# What a lying server says does not depend on how it stores. Not part of `make test`: about three minutes.
test-postgresql: package ## the lies of test-sealed, on PostgreSQL
	$(KINTO) --postgresql --processes 2 --page-size 5 --batch-size 4 -- node --test --test-reporter=spec tests/sealed/{hidden,forked,altered,answered,snapshots}.mjs

test-findings: package ## Kinto.js's faults: what essaim does instead, Kinto.js beside; queries by chance
	$(KINTO) --page-size 5 --batch-size 4 -- node --test --test-concurrency=1 --test-reporter=spec tests/findings/*.test.mjs

test-demo: package ## the demo, driven in Chromium
	$(KINTO) -- node --test --test-reporter=spec tests/demo/*.test.mjs

sim: ## SEEDS=50000 simulated worlds
	ESSAIM_SEEDS=$(SEEDS) cargo test --release --test sim -- --nocapture

kill: package ## pages killed in the middle of syncs, plain and encrypted, against a real Kinto
	@tests/setup.sh system browsers kinto npm
	$(KINTO) --page-size 5 --batch-size 4 -- node tests/storage/kill.mjs

fuzz: ## each reader of bytes for FUZZ_SECONDS=600, or the one named by TARGET=…
	RUSTFLAGS="--cfg fuzz_coverage -C instrument-coverage" FUZZ_SECONDS=$(or $(FUZZ_SECONDS),600) LLVM_PROFILE_FILE=/dev/null CARGO_TARGET_DIR=target/fuzz cargo test --test fuzz -- --test-threads=1 --nocapture $(TARGET)

bench: package ## measured beside Kinto.js, in one page, with a real Kinto
	@tests/setup.sh system browsers kinto npm benches
	$(KINTO) -- node benches/run.mjs

size: package ## what an app has to download
	@node pkg-template/scripts/size.mjs

audit: ## dependencies: licenses, sources, known vulnerabilities
	@tests/setup.sh rust tools deny
	cargo deny check bans licenses sources
	@tests/advisories.sh
