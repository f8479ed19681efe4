# Two commands: `make demo` and `make test`. Each makes .venv where it is missing and installs what it needs into it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
FUZZ_SECONDS ?= 60
FUZZ_SEED ?= 0

.PHONY: demo test test-hub-oldest test-integrations test-devices lint audit-dependencies fuzz docs docs-links clean

demo: $(VENV)/.installed
	$(BIN)/synthderm demo --out demo

test: $(VENV)/.tested
	$(BIN)/python -m pytest

# The Hub's tests once more, with the oldest client that is supported.
test-hub-oldest: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --target $(VENV)/hub-oldest 'huggingface_hub==1.0.*'
	SYNTHDERM_TEST_HUB_PATH=$(CURDIR)/$(VENV)/hub-oldest $(BIN)/python -m pytest tests/hub

# With Albumentations, Hugging Face datasets, Arrow and Ray too, which are too large for every run.
test-integrations: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test-integrations]'
	$(BIN)/python -m pytest tests/integrations tests/rendering tests/datasets/test_rendered_source.py

# All that is compared between one process and several, a minute of it too much for every run.
test-devices: $(VENV)/.tested
	SYNTHDERM_TEST_DEVICES=1 $(BIN)/python -m pytest tests/recipes/test_devices.py

lint: $(VENV)/.tested
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml synthderm recipes benchmarks

# Installed packages against the published advisories. It needs the network, and fails without it.
audit-dependencies: $(VENV)/.tested
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7'
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+[^=]*$$//' > $(VENV)/installed.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps --requirement $(VENV)/installed.txt

# Many hostile inputs for each parser, and the table of what came of them; some 20 minutes.
fuzz: $(VENV)/.tested
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS) --seed $(FUZZ_SEED); \
	status=$$?; $(BIN)/python -m benchmarks.tables && exit $$status

# The site, in docs/_build/html/index.html; a broken reference within it is an error.
docs: $(VENV)/.documented
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

# Links to other sites, which needs the network.
docs-links: $(VENV)/.documented
	$(BIN)/python -m sphinx -q -b linkcheck docs docs/_build/links

# torch and torchvision come from PyPI as the pair that torchvision names.
$(VENV)/.installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.tested: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

$(VENV)/.documented: pyproject.toml $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[docs]'
	touch $@

clean:
	rm -rf $(VENV) demo dist docs/_build
