# setup | check | test | bench | demo: the same targets that continuous integration calls.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
export HF_HUB_OFFLINE ?= 1

.PHONY: setup check test test-slow bench demo clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v uv >/dev/null 2>&1 || $(PYTHON) -m uv --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)-uv
	@if command -v uv >/dev/null 2>&1; then uv=uv; \
	elif $(PYTHON) -m uv --version >/dev/null 2>&1; then uv="$(PYTHON) -m uv"; \
	else $(VENV)-uv/bin/pip install -q uv && uv=$(VENV)-uv/bin/uv; fi; \
	$$uv venv -q --allow-existing --python $(PYTHON) $(VENV) && \
	$$uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[image,text,audio,video,fast,demo,dev]'
	@touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: setup
	$(BIN)/python -m pytest -m "not slow"

test-slow: setup
	$(BIN)/python -m pytest -m slow

bench: setup
	$(BIN)/python -m benchmarks

demo: setup
	$(BIN)/python examples/solar_cells.py

clean:
	rm -rf $(VENV) $(VENV)-uv runs build dist
