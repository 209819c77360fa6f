# make demo and make test work on a fresh machine with Python 3.11 and make alone.
PYTHON ?= python3
UV_VERSION := 0.13.9
VENV := .venv
RUN := $(VENV)/bin/
EXTRAS ?=
# LightGBM needs the system's libgomp; where there is none, scikit-learn's own copy serves.
OMP := $(VENV)/lib
export LD_LIBRARY_PATH := $(CURDIR)/$(OMP):$(LD_LIBRARY_PATH)

export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
export BENTOML_DO_NOT_TRACK := True
export OTEL_SDK_DISABLED := true
export NO_MKDOCS_2_WARNING := 1

.PHONY: help install demo test check format lint types audit bench bench-large docs serve bento clean

help:  ## these lines
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: pyproject.toml uv.lock
	$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "forfait needs Python 3.11 to 3.13: make PYTHON=python3.11")'
	test -x $(RUN)pip || $(PYTHON) -m venv $(VENV)
	$(RUN)python -m pip install --quiet uv==$(UV_VERSION)
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(RUN)uv sync --frozen --quiet $(EXTRAS)
	ldconfig -p 2>/dev/null | grep -q libgomp.so.1 || \
		ln -sf $(CURDIR)/$(VENV)/lib/python3*/site-packages/scikit_learn.libs/libgomp-*.so* $(OMP)/libgomp.so.1
	touch $@

install: $(VENV)/installed  ## create .venv from uv.lock

demo: install  ## the whole line on 50,000 fictional patients, ends with data/demo/index.html
	$(RUN)forfait demo

test: install  ## the tests
	$(RUN)python -m pytest -n 2 --dist worksteal

check: format lint types test  ## what CI runs

format: install  ## formatting, checked
	$(RUN)ruff format --check .

lint: install  ## lint, and what bandit finds unsafe
	$(RUN)ruff check .
	$(RUN)bandit --quiet --recursive --severity-level medium features training schemes serving forfait

types: install  ## mypy, no untyped defs
	$(RUN)mypy

audit: install  ## known vulnerabilities of what uv.lock holds, asked of osv.dev (not in CI: it wants the network)
	$(RUN)uv audit --frozen --preview-features audit

bench: install  ## every benchmark small, under 10 minutes, in one table (docs/benchmarks.md)
	$(RUN)python -m benchmarks.run

bench-large: install  ## 10 million patients step by step (hours, 60 GB of disk); again goes on where it stopped
	$(RUN)python -m benchmarks.large

docs: install  ## reference pages from the code, then the site in site/
	$(RUN)python -m docs.generate
	$(RUN)mkdocs build --strict --quiet

# The versions in force here, else those of the last demo.
SERVED := $(if $(wildcard mlruns/versions/register.jsonl),mlruns/versions,data/demo/mlruns/versions)
serve: install  ## the service on http://localhost:3000
	$(RUN)forfait serve --versions $(SERVED)

bento: install  ## build the bento
	$(RUN)bentoml build

clean:  ## what the demo and the tools made (neither your data/ nor mlruns/)
	rm -rf data/demo build site .pytest_cache .mypy_cache .ruff_cache
