# What must be there: git, make, Python 3.11 or newer with venv, and PyPI within reach.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint long constraints clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

demo: $(VENV)/demo ## play an image's life on a real Glance and show what is told of it
	@$(BIN)/python -m demo

serve: $(VENV)/demo ## leave that Glance running, and follow its notifications
	@$(BIN)/python -m demo serve

lint: $(VENV)/test ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: lint ## everything that takes less than ten minutes
	$(BIN)/coverage erase
	$(BIN)/pytest tests/unit --cov --cov-report=
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100
	$(BIN)/pytest --ignore=tests/unit --cov --cov-append --cov-report= --durations=10
	$(BIN)/coverage report --fail-under=90

# The pure core: these modules decide, and do no I/O.
CORE := */config.py,*/events.py,*/failure.py,*/identity.py,*/images.py,*/notification.py,*/operations.py

long: $(VENV)/test ## what takes longer: all of Glance's own suites; writes its tables to docs/
	LONG=1 $(BIN)/pytest tests/glance_suite -s

constraints: ## take today's versions of everything into constraints.txt
	@rm -rf build/venv && $(PYTHON) -m venv build/venv
	@build/venv/bin/pip install --quiet '.[demo,test]'
	@build/venv/bin/pip freeze --exclude glance-notify-middleware > constraints.txt

clean: ## remove what was made here
	rm -rf $(VENV) build *.egg-info .coverage .hypothesis .*_cache

$(VENV)/demo $(VENV)/test: $(VENV)/%: setup.py constraints.txt | $(VENV)/made
	@echo 'Installing what is needed into $(VENV), a minute or two ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[demo$(if $(filter test,$*),$(comma)test)]' || $(call missing,what pip says above; is PyPI within reach?)
	@touch $@

comma := ,

$(VENV)/made:
	@command -v $(PYTHON) > /dev/null || $(call missing,$(PYTHON): apt-get install python3)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || $(call missing,Python 3.11 or newer: make PYTHON=...)
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || $(call missing,venv: apt-get install python3-venv)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

missing = { echo 'missing: $(1)'; exit 1; }
