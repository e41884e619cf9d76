# Everything runs in .venv, made here from nothing but Python >= 3.11.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# A run starts dozens of Python processes, and the tests hundreds: none of them compiles what another has.
unexport PYTHONDONTWRITEBYTECODE

SYNC := VIRTUAL_ENV="$$(cd $(VENV) && pwd)" $(BIN)/uv sync --quiet --locked --inexact --active --all-extras --compile-bytecode

# One worker more than there are cores, because many tests wait. A file stays on one worker, so what its
# tests share is started once; files are taken in the order of tests/conftest.py.
PYTEST := $(BIN)/pytest -n $$(($$(nproc) + 1)) --dist loadfile --no-loadscope-reorder

.PHONY: run test test-all test-long chaos coverage soak bench mutants regressions lint check docs release clean

run: $(VENV)/.synced ## measure both approaches with the quick scenario, and write the report
	$(BIN)/harness run quick

test: $(VENV)/.synced ## unit, contract and integration tests, on embedded servers
	$(PYTEST)

test-all: test ## and then what is slow, and what deploys whole approaches: campaigns, gates, faults, Docker
	$(PYTEST) -m "(slow or deploys) and not exhaustive"

test-long: $(VENV)/.synced ## the self-test, a gate against its own baseline, and the report of a very large campaign
	$(BIN)/pytest -m exhaustive tests/integration tests/reports

chaos: $(VENV)/.synced ## kill, pause, freeze and drain in mid-sale, under five seeds: an hour and a half
	$(BIN)/harness run chaos

coverage: $(VENV)/.synced ## write what a campaign of chaos reached: make coverage CAMPAIGN=results/...
	$(BIN)/python -m tests.reached.document $(CAMPAIGN)

soak: $(VENV)/.synced ## half an hour at full load with a random fault every 20 s, each approach: does anything grow?
	$(BIN)/harness run soak

# BENCH=--short: a few minutes, to see that they work
BENCH ?= --final
bench: $(VENV)/.synced ## measure speed, and write docs/performance.md: an idle machine, an hour or more
	for subject in accept drain events growth generator open_load start; do \
		$(BIN)/python -m benchmarks.$$subject $(BENCH) || exit; \
	done
	$(BIN)/python -m benchmarks.sale $(filter --final,$(BENCH))
	$(BIN)/python -m benchmarks.document

mutants: $(VENV)/.synced ## deploy every shop that is wrong on purpose; the audit must catch it
	$(BIN)/pytest tests/mutants -m "" --write-docs

regressions: $(VENV)/.synced ## seed regressions and ask the gate of each; about an hour
	$(BIN)/pytest tests/regressions -m "" --write-docs

lint: $(VENV)/.synced ## style, types, the direction of imports, and code that nobody calls
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

check: lint test

docs: $(VENV)/.docs ## build the docs as a site, into site/; a link that leads nowhere is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

release: $(VENV)/.synced ## build all that a release of the tagged commit has, into dist/; upload nothing
	$(BIN)/python -m publishing.release

secrets.env: ## the secrets of a shop that runs by hand, drawn once; no compose file has one
	umask 077 && for name in SECRET_KEY POSTGRES_PASSWORD DATABASE_PASSWORD REDIS_PASSWORD; do \
		echo "$$name=$$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')"; \
	done > $@

clean: ## what a killed harness left, and the virtual environment
	-$(BIN)/harness clean
	rm -rf $(VENV)

$(VENV)/.synced: pyproject.toml uv.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "error: Python 3.11 or newer is needed\nhint: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(SYNC)
	touch $@

$(VENV)/.docs: $(VENV)/.synced
	$(SYNC) --group docs
	touch $@
