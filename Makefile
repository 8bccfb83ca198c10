# Two commands do all the set-up on a machine with Python 3.11+, git and make:
#   make demo   the main job, told as a story on a registry of its own (demo-registry), and how to look at it
#   make test   the tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Some tests wait more than they work, so there are more workers than processors.
WORKERS ?= $(shell $(PYTHON) -c "import os; print((os.cpu_count() or 2) * 3 // 2)")

.PHONY: demo test test-thorough test-long test-browser bench campaign lint format reference lock clean

demo: $(VENV)/.demo
	@$(BIN)/python -m model_stage_deploy demo --keep demo-registry --replace

test: $(VENV)/.test
	@$(BIN)/python -m compileall -q src
	$(BIN)/python -m pytest -n $(WORKERS) -m "not runner and not browser and not thorough and not long" $(ARGS)

test-thorough: $(VENV)/.test
	$(BIN)/python -m pytest -n $(WORKERS) -m "thorough and not browser and not long" $(ARGS)

test-long: $(VENV)/.test
	MSD_LONG=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not runner and not browser" --timeout 1800 $(ARGS)

# The pages in a real Chromium, which must be installed (Debian: apt-get install chromium).
test-browser: $(VENV)/.browser
	@$(BIN)/python -m compileall -q src
	@$(BIN)/python -m tests.browser.chromium
	$(BIN)/python -m pytest -n auto --maxprocesses 4 -m browser tests/browser $(ARGS)

# A quarter of an hour, for gto needs a third of it for 100,000 tags. `make bench ARGS="--tags 1000"` measures one size.
bench: $(VENV)/.test
	$(BIN)/python -m benchmarks.registry $(ARGS)
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.remote
	$(BIN)/python -m benchmarks.fanout

# Twelve minutes: 200 deployments killed, 50 at once, and what safety costs. ARGS="--kills 20 --together 10" does less.
campaign: $(VENV)/.test
	$(BIN)/python -m benchmarks.campaign $(ARGS)

lint: $(VENV)/.test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m tests.contract.lint

format: $(VENV)/.test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Writes what is generated from the code: action.yml, the JSON Schema, the reference tables.
reference: $(VENV)/.test
	$(BIN)/python -m tests.contract.generate

# Locks with hashes, for every platform. Needs the network.
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url
lock: $(VENV)/.test
	$(BIN)/python -m pip install --quiet uv
	$(LOCK) pyproject.toml -o requirements/runtime.lock
	$(LOCK) pyproject.toml --extra web -c requirements/runtime.lock -o requirements/web.lock
	$(LOCK) pyproject.toml --extra web --group test --group lint --group release -c requirements/web.lock -o requirements/dev.lock
	$(LOCK) --group pyproject.toml:browser -c requirements/dev.lock -o requirements/browser.lock
	$(LOCK) --group pyproject.toml:runner -o requirements/runner.lock
	$(LOCK) --group pyproject.toml:release -c requirements/dev.lock -o requirements/release.lock

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; try: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: requirements/web.lock | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/web.lock
	$(BIN)/python -c 'import pathlib, sysconfig; pathlib.Path(sysconfig.get_path("purelib"), "model-stage-deploy.pth").write_text(str(pathlib.Path("src").resolve()))'
	@touch $@

$(VENV)/.test: requirements/dev.lock $(VENV)/.demo
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.browser: requirements/browser.lock $(VENV)/.test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/browser.lock
	@touch $@

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
