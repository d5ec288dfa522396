# make quickstart   set up, then carry out configs/quickstart.yaml on the emulator
# make check        formatting, lint, types
# make test         everything but the longer sweeps
# make test-full    the longer sweeps too (marked `full`)
# make editors      the recipes as an editor sees them, through the language server that editors use (needs Node.js)
# make bench        ratios of whole processes and of alternatives, each measured in one run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What the benchmarks compare with; its packages would not go together with ours.
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
BENCHMARKS := $(patsubst %,benchmarks/%.py,startup rate diagnostics memory cost journal)

.PHONY: quickstart check test test-full editors bench clean

quickstart: $(READY)
	$(BIN)/runner run configs/quickstart.yaml

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy runner tests tools benchmarks

test: $(READY)
	$(BIN)/python -m pytest -m "not full"

test-full: $(READY)
	$(BIN)/python -m pytest

editors: $(READY)
	$(BIN)/python tools/check_editor.py

bench: $(READY) $(BENCH_READY)
	set -e; for name in $(BENCHMARKS); do echo "== $$name"; $(BIN)/python $$name; done

clean:
	rm -rf $(VENV) $(BENCH_VENV) .node .mypy_cache .pytest_cache .ruff_cache

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[emulator,dev]'
	$(BIN)/python -m compileall -q runner
	touch $(READY)

$(BENCH_READY): benchmarks/requirements.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	touch $(BENCH_READY)
