# `make demo` and `make test` need only Python 3.12 (or newer) and the compilers: everything
# else comes into .uv (the installer, when none is on PATH), .venv and .venv-train.

BIN := .venv/bin
TRAIN := .venv-train/bin
UV := $(or $(shell command -v uv 2>/dev/null),.uv/bin/uv)
EXTRAS ?= cpu,vs,dev
TRAIN_EXTRAS := $(EXTRAS),train,openvino
JOBS ?= 2
PYTEST_ARGS ?=
export UV_NO_PROGRESS = 1

.PHONY: all install demo test test-release test-train lint format wheel bench vspipe freeze clean help
.DEFAULT_GOAL := install
.DELETE_ON_ERROR:

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

all: lint test ## lint and test

install: .venv/.installed ## make .venv with fgcodec in it (editable)

demo: .venv/.installed ## encode and decode two real clips, print the table, draw the picture
	$(BIN)/python -m benchmarks demo

test: .venv/.installed ## the tests (minutes)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(PYTEST_ARGS)

test-release: .venv/.installed ## the long tests as well
	$(BIN)/python -m pytest -n $(JOBS) -m "not train" $(PYTEST_ARGS)

test-train: .venv-train/.installed ## the tests that need torch or OpenVINO (installs both into .venv-train)
	$(TRAIN)/python -m pytest -m "train or openvino" $(PYTEST_ARGS)

lint: .venv/.installed ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/.installed ## let ruff rewrite the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

wheel: .venv/.installed ## build dist/*.whl
	$(BIN)/python -m hatchling build -t wheel

bench: .venv/.installed ## the round-trip benchmark
	$(BIN)/python -m benchmarks roundtrip

vspipe: .venv/.installed ## let .venv/bin/vspipe find its Python (writes to ~/.config/vapoursynth)
	$(BIN)/vapoursynth config

freeze: .venv/.installed .venv-train/.installed ## print the versions in both environments
	@{ $(UV) pip freeze -q --python $(BIN)/python; $(UV) pip freeze -q --python $(TRAIN)/python; } \
		| grep -v -e '^-e' -e '@' | sort -u

clean: ## remove what make made
	rm -rf .venv .venv-train .uv dist demo-out

.venv/.installed: pyproject.toml constraints.txt | $(UV)
	$(call environment,.venv,$(EXTRAS))

.venv-train/.installed: pyproject.toml constraints.txt | $(UV)
	$(call environment,.venv-train,$(TRAIN_EXTRAS))

# The interpreter named in .python-version, else any that is new enough.
define environment
	test -x $(1)/bin/python || $(UV) venv -q $(1) || $(UV) venv -q --python '>=3.12' $(1)
	$(UV) pip install -q --python $(1)/bin/python -c constraints.txt -e '.[$(2)]'
	touch $@
endef

.uv/bin/uv:
	@for python in python3 python3.12 python3.13 /usr/bin/python3; do \
		$$python -m venv .uv >/dev/null 2>&1 && exit 0; rm -rf .uv; \
	done; echo "make: found no python3 that can make a virtual environment; install Python 3.12 and its venv module" >&2; exit 1
	.uv/bin/python -m pip install -q --disable-pip-version-check uv
