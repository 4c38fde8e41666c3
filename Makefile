# Nothing else to learn: run, test, check, bench.
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run test check bench install install-dev clean

run: install
	$(VENV)/bin/oshwatch demo

test: install-dev
	$(PY) -m pytest

check: install-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(PY) -m pytest -q -m check

bench: install-dev
	scripts/bench

install:
	scripts/install run

install-dev:
	scripts/install dev

clean:
	rm -rf $(VENV) node_modules console/static/built build dist
