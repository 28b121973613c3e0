# Every target does its own set-up: a Debian 12 with python3, make and git is enough. `make help` lists them.
SHELL := /bin/sh
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
JOBS ?= 2

.DEFAULT_GOAL := help
.PHONY: help venv demo test lint format bench docs guest soak clean oracles samples

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 10

venv: $(STAMP) ## the virtual environment .venv

$(STAMP): pyproject.toml fixtures/setup/venv.sh
	@PYTHON=$(PYTHON) fixtures/setup/venv.sh
	@touch $@

demo: $(STAMP) ## build two small guests, a good one and a broken one, and judge both
	@fixtures/setup/packages.sh fixtures/setup/demo.txt "the demonstration builds a disk"
	@$(BIN)/python -m fixtures.demo

oracles:
	@fixtures/setup/packages.sh fixtures/setup/oracles.txt "the tests compare with foreign tools"

samples: $(STAMP)
	@fixtures/setup/samples.sh

test: $(STAMP) oracles samples ## all tests but the soak, with the gate on branch coverage
	@rm -f .coverage .coverage.*
	$(BIN)/python -m pytest -n $(JOBS) -m "not soak" --cov --cov-report=term:skip-covered --cov-fail-under=90

lint: $(STAMP) ## ruff and mypy
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP) ## let ruff rewrite what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

guest: $(STAMP) oracles ## build the real Debian guest in .cache/guest (root, minutes); BOOT=1 also boots it
	@$(BIN)/python -m fixtures.guest $(if $(BOOT),--boot-test)

bench: $(STAMP) ## compare speed and memory with other readers, on the real guest
	@$(BIN)/python -m benchmarks

docs: $(STAMP) ## write the pages of docs/ that are made of the code
	@$(BIN)/python -m inspector.documentation docs
	@$(BIN)/python -m fixtures.layouts --doc

soak: $(STAMP) ## thousands of mutated images
	$(BIN)/python -m pytest -n $(JOBS) -m soak --timeout=3600

clean: ## remove what was made here, the virtual environment and the guest included
	rm -rf .venv .cache build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
