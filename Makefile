# Works from a fresh clone with nothing but Python 3.11 or newer; everything that is installed goes to .venv.
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test check kernels wheel sanitize nightly plant peers stubs docs pictures clean

demo: .venv/.installed kernels
	$(BIN)/losslab tune digits
	$(BIN)/losslab tune diabetes --corrupt-train 0.2

# One part of the suite: make test ARGS="tests/unit/spec -x"
# One thread in each process: two busy processes on a small machine make threaded code many times slower.
test: .venv/.installed-dev kernels
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --dist worksteal $(ARGS)

check: .venv/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Compiles what changed of the fused kernels, beside their Python files; without a compiler it says so and goes on.
kernels: .venv/.torch
	$(BIN)/python src/losslab/kernels/build.py

# A wheel for this kind of machine, in dist/; whoever installs it needs no compiler.
wheel: .venv/.torch
	rm -rf build/lib* build/bdist.*  # or what is gone from src/ would be in it
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	@ls dist

# The kernels' tests with a build that ends the process at a wrong access or undefined arithmetic:
# make sanitize ARGS="tests/unit/kernels -k pointwise"
sanitize: .venv/.installed-dev
	$(BIN)/python tools/sanitize.py $(ARGS)

# What is too long for each change: make plant ARGS="--family robust"
nightly: plant peers sanitize
	OMP_NUM_THREADS=1 NIGHTLY=1 $(BIN)/python -m pytest tests/contracts/test_inductor.py tests/end_to_end/test_wheel.py

# Plants faults into the rules of the losses and says which the tests miss.
plant: .venv/.installed-dev
	$(BIN)/python tools/plant.py $(ARGS)

# Compares the losses with those of other packages, in .venv-peers, and writes docs/peers.md: make peers ARGS="keras".
peers: .venv-peers/.installed
	OMP_NUM_THREADS=1 PYTHONPATH=tests .venv-peers/bin/python -m peers $(ARGS)

# Writes what static checkers see of the generated losses; a test says when it is out of date.
stubs: .venv/.installed
	$(BIN)/python tools/stubs.py

# Writes the generated pages again and builds the site from all pages; a test says when one is out of date.
docs: .venv/.installed-docs
	$(BIN)/python tools/stubs.py
	$(BIN)/python tools/docs.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet  # else Material advertises its successor
	@echo "the site is build/site/index.html"

# Draws docs/pictures/ again; photographs of pages need Chromium.
pictures: .venv/.installed
	$(BIN)/python tools/pictures.py

# Results in runs/ stay.
clean:
	rm -rf .venv .venv-peers build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache src/losslab/kernels/_cpu_*
	find src tests benchmarks tools -name __pycache__ -type d -prune -exec rm -rf {} +

# torch first, so that the version is the tested one whatever else is on offer.
.venv/.torch:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"losslab needs Python 3.11 or newer, not {sys.version.split()[0]}; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install torch==2.13.0
	touch $@

.venv/.installed: .venv/.torch pyproject.toml setup.py
	$(BIN)/pip install -e .
	touch $@

.venv/.installed-dev: .venv/.torch pyproject.toml setup.py
	$(BIN)/pip install -e '.[dev]'
	touch .venv/.installed $@

.venv/.installed-docs: .venv/.torch pyproject.toml setup.py
	$(BIN)/pip install -e '.[docs]'
	touch .venv/.installed $@

.venv-peers/.installed: tests/peers/requirements.txt pyproject.toml
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install torch==2.13.0
	.venv-peers/bin/pip install -e . -r tests/peers/requirements.txt torch==2.13.0
	touch $@
