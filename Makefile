# Nothing else to learn: run, test, check, bench.
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: run test check bench eval install install-dev clean

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

# The anomaly models against public series and the simulator; TESTS="H G" for some of it.
eval: install-dev
	$(PY) -m oshwatch.evaluation.run $(TESTS)

install:
	scripts/install run

install-dev:
	scripts/install dev

clean:
	rm -rf $(VENV) node_modules console/static/built build dist
