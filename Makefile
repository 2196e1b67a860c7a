# One file for everything that a developer or an operator types. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORTS = WIDGET_PORT=$(or $(WIDGET_PORT),8710) EXAMPLES_PORT=$(or $(EXAMPLES_PORT),8711) SANDBOX_PORT=$(or $(SANDBOX_PORT),8712)

.DEFAULT_GOAL := help
.PHONY: help install browser demo serve sync test lint types assets unit reference clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q $(VENV)/lib widget_server || true
	touch $@

install: $(VENV)/.installed ## make .venv with everything the project needs, from hashed requirements

node_modules/.installed: package-lock.json package.json
	npm ci --no-audit --no-fund --ignore-scripts
	touch $@

browser: ## make sure that Chromium is there, from the distribution's packages
	@sh tests/browser/install-chromium.sh

demo: install ## sandbox, sync, server and example partner pages; Ctrl-C ends all of them
	@$(PORTS) $(BIN)/widget-server demo

serve: install ## serve the snapshots of DATA_DIR
	$(BIN)/widget-server serve

sync: install ## read the upstreams into new snapshots
	$(BIN)/widget-server sync

assets: node_modules/.installed ## build the loader, the page's scripts and the style sheet
	npm run --silent build

lint: install ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install node_modules/.installed ## mypy --strict, and tsc on the JavaScript
	$(BIN)/mypy
	npm run --silent types

unit: install ## the tests that need no browser
	$(BIN)/pytest tests/unit tests/contract tests/drills

test: install node_modules/.installed browser lint types ## everything that CI runs
	npm run --silent check
	$(BIN)/pytest

clean: ## remove what was installed and the demo's data
	rm -rf $(VENV) node_modules .demo
