# One file for everything that a developer or an operator types. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help install serve test lint types unit clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

$(VENV)/.installed: requirements/dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python -m compileall -q $(VENV)/lib widget_server || true
	touch $@

install: $(VENV)/.installed ## make .venv with everything the project needs, from hashed requirements

serve: install ## serve the snapshots of DATA_DIR
	$(BIN)/widget-server serve

lint: install ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: install ## mypy --strict
	$(BIN)/mypy

unit: install ## the tests that need no browser
	$(BIN)/pytest tests/unit tests/contract tests/drills

test: install lint types ## everything that CI runs
	$(BIN)/pytest

clean: ## remove what was installed and the demo's data
	rm -rf $(VENV) node_modules .demo
