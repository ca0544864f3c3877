# make demo     a prompt planned, drawn, judged, redesigned and finished, offline once installed
# make test     everything that must pass before a change is taken
# make format   put the code in order
# make clean    remove the virtual environment and what was built
#
# The first of them makes .venv, which takes a few minutes: torch is large. PIP_INDEX_URL and the like are obeyed.

PYTHON ?= python3
PIP = .venv/bin/python -m pip install --quiet --disable-pip-version-check
DEMO_PROMPT = a woman is holding an umbrella and a bus is behind her

.DEFAULT_GOAL := demo
.PHONY: demo test format clean

demo: .venv/runtime
	.venv/bin/tasvir generate "$(DEMO_PROMPT)" --seed 8 --out out/demo
	@echo
	@echo "Open out/demo/trace.html in a browser to see how the picture came about."
	@echo "The picture itself is out/demo/picture.png."

test: .venv/development
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m pytest -q

format: .venv/development
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

.venv/made:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Making .venv and installing tasvir; the first time this takes a few minutes ..."
	@$(PYTHON) -m venv .venv
	@touch $@

.venv/runtime: .venv/made pyproject.toml requirements-dev.lock
	$(PIP) --constraint requirements-dev.lock --editable .
	@touch $@

.venv/development: .venv/made pyproject.toml requirements-dev.lock
	$(PIP) --requirement requirements-dev.lock
	$(PIP) --constraint requirements-dev.lock --editable '.[dev]'
	@touch $@ .venv/runtime

clean:
	rm -rf .venv build dist
