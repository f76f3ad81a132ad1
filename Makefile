# Everything a person or a robot does with this repository. Say `make help`.

.DEFAULT_GOAL := help
.PHONY: help run test lint format types bench lock clean

# The first Python that fits; say `make run PYTHON=/path/to/python` to choose another.
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null \
	&& echo $$python && break; done)
BIN := .venv/bin
# Compiled files are kept, whatever the machine says: each test starts programs, and every worker would
# compile all tests anew, for 10 seconds each.
export PYTHONDONTWRITEBYTECODE :=
# Three workers: each has its own PostgreSQL, Dovecot and browser, and waits a third of its time.
JOBS ?= 3

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 16

run: .venv/.run ## start the whole office on this machine, with a demo institution the first time
	@sh tests/support/components.sh run
	@$(BIN)/oficialia migrate
	@$(BIN)/oficialia demo --if-empty
	@exec $(BIN)/oficialia serve

ifeq ($(strip $(ARGS)),)
test: lint types
endif
test: .venv/.dev ## everything, on the real components; ARGS="-k folio" runs only those tests
	@sh tests/support/components.sh test
	$(BIN)/pytest --numprocesses=$(JOBS) --dist=worksteal $(ARGS)

lint: .venv/.dev ## style, formatting and import rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

format: .venv/.dev ## put the code into the shape that lint wants
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: .venv/.dev ## mypy, strict
	$(BIN)/mypy

BENCH ?= $(patsubst tests/bench/bench_%.py,%,$(wildcard tests/bench/bench_*.py))
bench: .venv/.dev ## the budgets, beside other programs (10 minutes); BENCH=panel ARGS="--cases 1000000" is one, larger
	@sh tests/support/components.sh test
	@set -e; for bench in $(BENCH); do $(BIN)/python -m tests.bench.bench_$$bench $(ARGS); done

lock: .venv/bin/uv ## write the locks anew from pyproject.toml; ARGS="--upgrade" takes newer releases
	$< pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header $(ARGS) pyproject.toml -o requirements.txt
	$< pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-annotate --no-header $(ARGS) --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean: ## remove the environment and all caches; var/, the data of the office, stays
	rm -rf .venv build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -not -path './var/*' -prune -exec rm -rf {} +

# Compiled by all cores; pip does it with one, for a third of its time. What cannot be compiled is Python 2.
# A third of the lines is never imported.
COMPILE := $(BIN)/python -m compileall -qq -x '/(pip|setuptools|sympy|mpmath|networkx|tests)/' .venv/lib

# The stamps say for which lock the environment was last filled. The development lock holds everything
# the other one does, at the same versions.
.venv/.run: requirements.txt | .venv/bin/oficialia
	@echo "Installing the libraries of requirements.txt into .venv (once)"
	@$(BIN)/pip install --quiet --no-compile --require-hashes -r requirements.txt
	@$(COMPILE) -j 0 || true
	@touch $@

# uv takes a fifth of pip's time, but knows nothing of a mirror in pip's settings: there pip does it.
# Compiling goes on beside mypy, which leaves a core free.
.venv/.dev: requirements-dev.txt | .venv/bin/oficialia .venv/bin/uv
	@echo "Installing the libraries of requirements-dev.txt into .venv (once)"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $< \
		|| $(BIN)/pip install --quiet --no-compile --require-hashes -r $<
	@$(COMPILE) >/dev/null 2>&1 &
	@touch $@ .venv/.run

# By its own lines of the lock: the first that does not end in a backslash is the last.
.venv/bin/uv: requirements-dev.txt | .venv/bin/python
	@sed -n '/^uv==/,/[^\]$$/p' $< | $(BIN)/pip install --quiet --no-compile --require-hashes -r /dev/stdin
	@touch $@

# The command is a launcher, not an editable install: nothing is built, so nothing outside the locks is
# fetched, and running oficialia.py by its path puts this folder first, before PyPI's package `intake`.
.venv/bin/oficialia: Makefile | .venv/bin/python
	@printf '#!/bin/sh\nexec "%s/.venv/bin/python" "%s/oficialia.py" "$$@"\n' "$(CURDIR)" "$(CURDIR)" > $@
	@chmod +x $@

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed: apt install python3" >&2; exit 1; }
	@PYTHON=$(PYTHON) sh tests/support/components.sh venv
	$(PYTHON) -m venv .venv
