# Every target makes its own environment in .venv the first time and reuses it afterwards.
PYTHON ?= python3
# More than processors: many tests wait for servers.
WORKERS ?= 3
BIN := .venv/bin

.PHONY: help run demo test check bench docs clean
.DEFAULT_GOAL := help

help:
	@echo 'make run     watch clawback at work on a sample organisation, then look around in its portal'
	@echo 'make demo    the same story once, without a terminal, each outcome checked'
	@echo 'make test    make check, then the whole test suite'
	@echo 'make check   ruff, mypy and the import contracts'
	@echo 'make bench   the benchmarks (see benchmarks/README.md)'
	@echo 'make docs    write docs/reference/ anew from the code'
	@echo 'make clean   remove .venv and the caches'

.venv/.installed: pyproject.toml .ci/make-venv
	@PYTHON='$(PYTHON)' .ci/make-venv

.venv/.installed-dev: pyproject.toml .ci/make-venv
	@PYTHON='$(PYTHON)' .ci/make-venv dev

run: .venv/.installed
	@$(BIN)/clawback demo --stay

demo: .venv/.installed
	@$(BIN)/clawback demo --check

test: check
	$(BIN)/python -m pytest -n $(WORKERS)

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

bench: .venv/.installed-dev
	@set -e; for file in benchmarks/[a-z]*.py; do echo "== $$file"; $(BIN)/python "$$file"; done

docs: .venv/.installed
	$(BIN)/python -m clawback.cli.reference docs/reference
	$(BIN)/python -m clawback.web.reference docs/reference/api.md

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
