# What must be there: git, make, Python 3.11 or newer with venv, and PyPI within reach.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help demo serve test lint bench faults long rabbitmq constraints clean

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

BROKER ?=

demo: $(VENV)/demo $(if $(filter rabbit,$(BROKER)),rabbitmq) ## play an image's life on a real Glance; BROKER=rabbit: told to RabbitMQ
	@$(BIN)/python -m demo $(BROKER)

serve: $(VENV)/demo ## leave that Glance running, and follow its notifications
	@$(BIN)/python -m demo serve

lint: $(VENV)/test ## style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

test: lint rabbitmq ## everything that takes less than ten minutes
	$(BIN)/coverage erase
	$(BIN)/pytest tests/unit --cov --cov-report=
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100
	$(BIN)/pytest --ignore=tests/unit --cov --cov-append --cov-report= --durations=10
	$(BIN)/coverage report --fail-under=90

# The pure core: these modules decide, and do no I/O.
CORE := */brokers.py,*/config.py,*/events.py,*/failure.py,*/identity.py,*/images.py,*/notification.py,*/operations.py,*/options.py,*/qpid_options.py,*/values.py

long: $(VENV)/test ## what takes longer: all of Glance's own suites; writes its tables to docs/
	LONG=1 $(BIN)/pytest tests/glance_suite -s

faults: $(VENV)/test rabbitmq ## every fault of brokers, processes and disks; writes its table to docs/
	FAULTS=1 $(BIN)/pytest tests/faults -s

bench: $(VENV)/test ## what recording an event costs; writes its table to docs/
	@$(BIN)/python -m bench.recording docs/recording.md

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

# A node of our own is run from its files, never the machine's own service.
rabbitmq:
	@test -x /usr/lib/rabbitmq/bin/rabbitmq-server || command -v rabbitmq-server > /dev/null || \
	  { test `id -u` = 0 && command -v apt-get > /dev/null && \
	    echo 'Installing rabbitmq-server ...' && apt-get -qq update && \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends rabbitmq-server > /dev/null; } || \
	  echo 'missing: rabbitmq-server: apt-get install rabbitmq-server'

missing = { echo 'missing: $(1)'; exit 1; }
