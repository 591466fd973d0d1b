# Commands for people; make alone lists them. ARGS goes to the command behind demo, test, mutants and bench.
.DEFAULT_GOAL := help
.PHONY: help setup demo test faults mutants check bench clean
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec

# What make setup put into .venv comes first, what Debian keeps in sbin (mosquitto) last.
export PATH := $(CURDIR)/.venv/bin:$(PATH):/usr/sbin:/sbin
# Python keeps what it has compiled, whatever the caller's environment says: the tests start it hundreds of times.
unexport PYTHONDONTWRITEBYTECODE
python := .venv/bin/python
SOURCES := $(wildcard gatewayd simulators tests bench)

# What a command prints is what is kept of it.
define same
@echo "gatewayd $(1) | diff - $(2)"
@gatewayd $(1) | diff - $(2) || { \
	echo "$(2) is not what the schemas say. Mend: .venv/bin/gatewayd $(1) > $(2)"; \
	exit 1; }
endef

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' Makefile

setup: ## Install all that is needed; fast and offline when nothing changed
	@.ci/setup

demo: setup ## Run a site with simulated locks (ARGS=--once: one pass, then end)
	@$(python) -m simulators.demo $(ARGS)

test: setup ## Run the tests (ARGS="-k code": only some; ARGS=--cov: show the branch coverage)
	@$(python) -m pytest tests -n 5 --dist loadfile --no-loadscope-reorder $(ARGS)

faults: setup ## Inject faults, the long ones too (ARGS="--seed N": the same ones again)
	@$(python) -m pytest tests -m "fault or long" -n 2 --dist loadfile $(ARGS)

mutants: setup ## Break the domain in each small way and see that a test fails (ARGS="gatewayd.domain.retry*": a part)
	@$(python) -m tests.mutants $(ARGS)

check: setup ## Check format, lint, types, imports and the printed contract; change nothing
	ruff format --check $(SOURCES)
	ruff check $(SOURCES)
	mypy $(SOURCES)
	lint-imports --no-logo
	$(call same,contract,docs/asyncapi.json)
	$(call same,contract --local,docs/openapi.json)

bench: setup ## Measure (ARGS are those of python -m bench)
	@$(python) -m bench $(ARGS)

clean: ## Remove all that is not the project's own: .venv, node_modules, caches
	rm -rf .venv build dist *.egg-info .coverage .coverage.* htmlcov .hypothesis mutants
	rm -rf .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name node_modules -prune -exec rm -rf {} + -o -name __pycache__ -prune -exec rm -rf {} +
