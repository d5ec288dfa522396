# make quickstart   set up, then carry out configs/quickstart.yaml on the emulator
# make check        formatting, lint, types
# make test         everything but the longer sweeps
# make test-full    the longer sweeps too (marked `full`)
# make sweep        what comes of a kill at every request and every change of a file, and of every passing trouble
# make mutants      faults planted in a copy of the code, one at a time: the tests have to catch each
# make editors      the recipes as an editor sees them, through the language server that editors use (needs Node.js)
# make look         reports in a real browser: pictures, print, hostile texts (needs Chromium)
# make bench        ratios of whole processes and of alternatives, each measured in one run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# What the benchmarks compare with; its packages would not go together with ours.
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
BENCHMARKS := $(patsubst %,benchmarks/%.py,startup rate diagnostics memory cost journal overlap resume runs dataset \
	dataset_hub)
# Two files of tests at a time, in the order of their folders: those that take longest come first.
TOGETHER := --numprocesses 2 --dist loadfile --no-loadscope-reorder

.PHONY: quickstart check test test-full sweep mutants editors look bench clean

quickstart: $(READY)
	$(BIN)/runner run configs/quickstart.yaml

check: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy runner tests tools benchmarks

test: $(READY)
	$(BIN)/python -m pytest $(TOGETHER) -m "not full"

test-full: $(READY)
	$(BIN)/python -m pytest $(TOGETHER)

sweep: $(READY)
	$(BIN)/python -m pytest tests/faults

mutants: $(READY)
	$(BIN)/python tools/plant_faults.py

editors: $(READY)
	$(BIN)/python tools/check_editor.py

look: $(READY)
	$(BIN)/python tools/look_at_report.py

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
