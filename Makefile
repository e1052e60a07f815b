# Targets set up what they need in a virtual environment in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO_READY := $(VENV)/.demo-ready
READY := $(VENV)/.ready
LOWEST_VENV := .venv-lowest
LOWEST_READY := $(LOWEST_VENV)/.ready
# Dependencies of the lowest versions are resolved as of this day: newer ones may not work with them.
LOWEST_DAY := 2026-02-01
BENCH_VENV := .venv-bench
BENCH_READY := $(BENCH_VENV)/.ready
# With other processes running, two OpenMP threads are many times slower than one.
TEST_ENVIRONMENT := OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false
# Test files are distributed over two processes; the tests of a file stay together because they share expensive fixtures.
PYTEST_OPTIONS := -q --numprocesses 2 --dist loadfile --durations=20
PYTEST := $(TEST_ENVIRONMENT) $(BIN)/pytest $(PYTEST_OPTIONS)
OUT ?= demo

.PHONY: help setup demo test test-fast test-slow test-lowest lowest lint format docs docs-serve bench gpu clean

help:
	@echo "make demo         train and compare on the bundled data; write $(OUT)/report.html (OUT=demo, a new folder)"
	@echo "make test         run all tests: fast, slow, and with the lowest versions; print the 20 slowest of each"
	@echo "make test-fast    run only the fast tests"
	@echo "make test-slow    run only the tests marked slow, statistical or distributed"
	@echo "make test-lowest  run the unit tests with the lowest versions that pyproject.toml allows"
	@echo "make lowest       resolve the lowest versions again"
	@echo "make lint         run ruff, the import contracts and pyright"
	@echo "make format       fix and format the code with ruff"
	@echo "make docs         build the documentation site in site/"
	@echo "make docs-serve   show the documentation site while it is written, at http://127.0.0.1:8000"
	@echo "make bench        run the benchmarks and update benchmarks/RESULTS.md"
	@echo "make gpu          run tests and benchmarks on one GPU, in 8 minutes; write benchmarks/gpu/RESULTS-gpu.md"
	@echo "make setup        create the virtual environment, with all that the tests need"
	@echo "make clean        remove the virtual environments and all caches"

setup: $(READY)

# What the command needs. Install torch first, so that packages that depend on it use this build.
$(DEMO_READY): pyproject.toml constraints.txt
	@echo "Installing Equipoise and what it trains with into $(VENV). This is done once and takes minutes:"
	@echo "  1 of 3: the virtual environment"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade "pip>=25.1"
	@echo "  2 of 3: PyTorch (a large download)"
	@$(BIN)/pip install --quiet --constraint constraints.txt torch
	@echo "  3 of 3: Equipoise, transformers and the other packages of the extra 'train'"
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[train]"
	@echo "Installed. Call the command as $(BIN)/equipoise, or first run: source $(BIN)/activate"
	@touch $@

# What the tests need besides.
$(READY): $(DEMO_READY)
	@echo "Installing what the tests and the linters need into $(VENV)"
	@$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[train]" --group dev
	@touch $@

# OpenMP threads that spin while they wait slow each other down if other processes are running.
demo: $(DEMO_READY)
	OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0 $(BIN)/equipoise demo --out $(OUT)

# The lowest versions have no wheels for newer Pythons.
HAS_LOWEST := $(shell $(PYTHON) -c 'import sys; print("yes" if sys.version_info < (3, 13) else "")')
test: test-fast test-slow $(if $(HAS_LOWEST),test-lowest)

test-fast: $(READY)
	$(PYTEST) -m "not slow and not statistical and not distributed"

# Files in their order, which has quick ones last: by the number of tests, those of one long test would be the last.
test-slow: $(READY)
	$(PYTEST) --no-loadscope-reorder -m "slow or statistical or distributed"

# Old packages use features that newer ones deprecate; these warnings will not be fixed.
test-lowest: $(LOWEST_READY)
	$(TEST_ENVIRONMENT) $(LOWEST_VENV)/bin/pytest $(PYTEST_OPTIONS) -W ignore::DeprecationWarning -W ignore::FutureWarning \
		-m "not slow and not statistical and not distributed" tests/unit

$(LOWEST_READY): pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST_VENV)
	$(LOWEST_VENV)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(LOWEST_VENV)/bin/pip install --quiet --constraint constraints-lowest.txt torch
	$(LOWEST_VENV)/bin/pip install --quiet --constraint constraints-lowest.txt --editable ".[train,fast]" --group test
	$(LOWEST_VENV)/bin/python scripts/check_lowest.py
	@touch $@

# uv rather than pip, which cannot resolve the lowest versions.
lowest: $(READY)
	$(BIN)/pip install --quiet "uv>=0.9"
	$(BIN)/uv pip compile --quiet --resolution lowest-direct --exclude-newer $(LOWEST_DAY) --no-header --no-annotate \
		--extra train --extra fast --group test pyproject.toml --output-file $(VENV)/lowest.txt
	(grep "^#" constraints-lowest.txt; (grep -v "^nvidia-\|^triton==\|^torch==" $(VENV)/lowest.txt; \
		grep "^torch==" constraints.txt) | sort) > $(VENV)/constraints-lowest.txt
	mv $(VENV)/constraints-lowest.txt constraints-lowest.txt

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/pyright --pythonpath $(BIN)/python

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# A warning is an error, but not with --quiet, which hides it. The variable silences a note on the next major version of mkdocs.
docs docs-serve: export NO_MKDOCS_2_WARNING := 1
docs: $(READY)
	$(BIN)/python -m mkdocs build

docs-serve: $(READY)
	$(BIN)/python -m mkdocs serve

bench: $(BENCH_READY)
	$(BENCH_VENV)/bin/python benchmarks/run.py

# A machine with a GPU has its own Python with a torch for it: without $(VENV), that is taken, and nothing is installed.
gpu:
	PYTHONPATH="src:.:$$PYTHONPATH" $(if $(wildcard $(BIN)/python),$(BIN)/python,$(PYTHON)) -m benchmarks.gpu.run

# A separate environment keeps the packages that Equipoise is compared with out of the one in which it is tested.
$(BENCH_READY): pyproject.toml constraints.txt benchmarks/peers.txt benchmarks/peers-alone.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install --quiet --upgrade "pip>=25.1"
	$(BENCH_VENV)/bin/pip install --quiet --constraint constraints.txt torch
	$(BENCH_VENV)/bin/pip install --quiet --constraint constraints.txt --editable ".[train,fast,gguf]" -r benchmarks/peers.txt
	$(BENCH_VENV)/bin/pip install --quiet --no-deps -r benchmarks/peers-alone.txt
	@touch $@

clean:
	rm -rf $(VENV) $(LOWEST_VENV) $(BENCH_VENV) build dist site .pytest_cache .ruff_cache .hypothesis
