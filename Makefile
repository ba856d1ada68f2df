# What people and CI run. `make help` lists the targets; each is one line of shell, the work is in Python.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON3 ?= $(shell for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	command -v $$p >/dev/null && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.installed

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 22

$(STAMP): requirements/dev.txt pyproject.toml
	@test -n "$(PYTHON3)" || { echo "Python 3.11 or newer is needed and was not found on the PATH." >&2; exit 1; }
	@echo "Installing what the project needs into $(VENV) ..."
	@$(PYTHON3) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: $(STAMP)  ## A whole platform with the example fleet, shown live until Ctrl-C
	@$(PY) -m local run

up: $(STAMP)  ## The same platform in the background; writes .local/env
	@$(PY) -m local up

down: $(STAMP)  ## Stop it; its data stay
	@$(PY) -m local down

clean: $(STAMP)  ## Stop it and remove its data
	@$(PY) -m local clean

test: $(STAMP)  ## Every test, on real parts
	@$(PY) -m local fetch --helm
	@$(PY) -m pytest

test-unit: $(STAMP)  ## The tests that need nothing but Python
	@$(PY) -m pytest tests/unit

test-promises: $(STAMP)  ## The tests of docs/promises.md: what other registries broke
	@$(PY) -m local fetch
	@$(PY) -m pytest tests/e2e -m promise

test-monitors: $(STAMP)  ## Ten minutes of monitors that die at random (MINUTES, DEVICES, TIMEOUT, SEED)
	@$(PY) -m local fetch
	@$(PY) -m tests.faults.monitors

test-faults: $(STAMP)  ## Half an hour of writes under faults (MINUTES, DEVICES, SEED; PROOF=kafka-off ...)
	@$(PY) -m local fetch
	@$(PY) -m tests.faults $(or $(PROOF),storm)

test-chart: $(STAMP)  ## The end-to-end tests with programs as the chart's pods: image, user, rights (TESTS)
	@$(PY) -m local fetch --helm
	@E2E_AS_PODS=1 $(PY) -m pytest tests/chart $(or $(TESTS),tests/e2e)

test-fuzz: $(STAMP)  ## REST against odd requests, longer (FUZZ_EXAMPLES) and at other examples each time
	@$(PY) -m local fetch
	@FUZZ_EXAMPLES=$${FUZZ_EXAMPLES:-200} $(PY) -m pytest tests/e2e/test_facade_fuzz.py --timeout 0

lint: $(STAMP)  ## Style, types, import directions
	@$(VENV)/bin/ruff format --check --quiet .
	@$(VENV)/bin/ruff check --quiet .
	@$(VENV)/bin/mypy
	@$(VENV)/bin/lint-imports --no-cache

bench: $(STAMP)  ## What a device costs, against a bare client in the same run
	@$(PY) -m bench

docs: $(STAMP)  ## Write the pages and dashboards that are made from the code
	@$(PY) -m tests.support.pages

snapshots: $(STAMP)  ## What Helm makes of the chart, for its tests; look at the difference
	@$(PY) -m tests.support.chartcases

lock: $(STAMP)  ## Pin the newest versions again (requirements/*.txt)
	@$(VENV)/bin/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--strip-extras --allow-unsafe --no-header --no-annotate --extra dev -o requirements/dev.txt pyproject.toml
	@$(VENV)/bin/pip-compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--strip-extras --allow-unsafe --no-header --no-annotate -c requirements/dev.txt -o requirements/runtime.txt pyproject.toml
	@echo hatchling | $(VENV)/bin/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--strip-extras --allow-unsafe --no-header --no-annotate -c requirements/dev.txt -o requirements/build.txt -

.PHONY: help run up down clean test test-unit test-promises test-monitors test-faults test-chart test-fuzz lint bench docs snapshots lock
