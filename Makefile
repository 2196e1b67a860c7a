# One file for everything that a developer or an operator types. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help forecast-bench install demo test lint types assets release-loader sync serve unit browser lighthouse screenshots national bench bench-scale bench-postgis bench-memory clean engines

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-15s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

node_modules/.installed: package.json package-lock.json
	npm ci --no-progress --loglevel=error
	touch $@

install: $(VENV)/.installed ## make .venv with everything the project needs, from hashed requirements

demo: install ## sandbox, sync, server and example partner pages; Ctrl-C ends all of them
	exec $(BIN)/widget-server demo

serve: install ## serve the snapshots of DATA_DIR
	exec $(BIN)/widget-server serve

sync: install ## read the upstreams into new snapshots; SOURCES="offers" for some of them
	$(BIN)/widget-server sync $(SOURCES)

lint: install ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install node_modules/.installed ## mypy --strict and tsc --checkJs --strict
	$(BIN)/mypy
	npm run --silent types

assets: install node_modules/.installed ## generate and build what runs in a browser; the result is committed
	$(BIN)/python -m embed.parameters
	$(BIN)/python -m widget_assets.catalogues
	$(BIN)/widget-server settings --markdown > docs/settings.md
	npm run --silent build

release-loader: install node_modules/.installed ## keep the loader for ever, under the version of embed/package/package.json
	npm run --silent release

unit: install ## the tests that need no browser
	sh tests/unit/install-redis.sh
	$(BIN)/pytest tests/unit tests/contract tests/drills tests/forecast tests/bench

browser: install node_modules/.installed ## the tests in Chromium, which is installed when it is missing
	sh tests/browser/install-chromium.sh
	sh tests/browser/install-java.sh
	$(BIN)/pytest tests/browser

lighthouse: install node_modules/.installed ## performance, accessibility and best practices of the page, by Lighthouse
	sh tests/browser/install-chromium.sh
	$(BIN)/python -m tests.browser.lighthouse

engines: install node_modules/.installed ## the same in Firefox ESR and WebKitGTK, which are installed when they are missing
	sh tests/browser/install-engines.sh
	$(BIN)/pytest tests/browser/other_engines.py --durations=5

screenshots: install node_modules/.installed ## a picture of each state of the page, in build/screenshots
	sh tests/browser/install-chromium.sh
	$(BIN)/python -m tests.browser.screenshots build/screenshots

national: install ## the drill at national size, five seeds: lost, invented, time, calls and memory; takes hours
	$(BIN)/python -m tests.drills.national_harvest

forecast-bench: install ## the forecast beside its oracles on fictitious economies, three seeds at 100 000; takes an hour, goes on where it was stopped
	@echo "the table so far: build/forecast/bench/table.txt"
	$(BIN)/widget-server forecast bench --only quality --threads 1 --data-dir build

test: lint types ## everything that CI runs
	npm run --silent check
	sh tests/browser/install-chromium.sh
	sh tests/browser/install-java.sh
	sh tests/unit/install-redis.sh
	$(BIN)/pytest

bench: install ## the goals of speed, as ratios within one run: goal, measured, verdict; 20 minutes on two idle cores
	sh tests/browser/install-chromium.sh
	$(BIN)/python -m tests.bench.run

bench-scale: install ## index, search, memory and start at 10^5 to 2*10^7 postings; one worker, two, two servers
	$(BIN)/python -m tests.bench.scale

bench-postgis: install ## the search beside PostgreSQL + PostGIS on the same postings, in a throw-away cluster
	sh tests/bench/install-postgis.sh
	$(BIN)/python -m tests.bench.postgis

bench-memory: install ## the slope of memory over 100 000 mixed requests
	$(BIN)/python -m tests.bench.memory

clean: ## remove what was installed and the demo's data
	rm -rf $(VENV) node_modules .demo build
