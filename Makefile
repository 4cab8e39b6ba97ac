# Needed: git, make, Python 3.11 or newer with venv, and access to PyPI.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The tests start many Pythons, each of which would compile all that it imports.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo serve unit test coverage mutations lint bench bench-quick faults long hour pins rabbitmq apache promtool chromium constraints clean

help: ## show what can be made
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

BROKER ?=
TARGETS ?=

demo: $(VENV)/$(if $(filter qpid,$(BROKER)),qpid,demo) $(if $(filter rabbit qpid,$(BROKER))$(filter many,$(TARGETS)),rabbitmq) ## play the life of an image on a real Glance; BROKER=rabbit or qpid: with RabbitMQ, over AMQP 0-9-1 or 1.0; TARGETS=many: with four targets, side by side
	@$(BIN)/python -m demo $(BROKER) $(TARGETS:%=--targets=%)

serve: $(VENV)/$(if $(filter qpid,$(BROKER)),qpid,demo) $(if $(filter rabbit qpid,$(BROKER)),rabbitmq) ## run a Glance, and show its notifications as they come; BROKER=rabbit or qpid: with a RabbitMQ to listen to and to stop
	@$(BIN)/python -m demo serve $(BROKER) $(TARGETS:%=--targets=%)

lint: $(VENV)/test ## check style, types, and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

unit: $(VENV)/unit ## test the pure core and the plumbing, in a minute: needs no Glance, no broker, no compiler
	$(BIN)/pytest $(UNIT) $(UNIT_TOO_LONG:%=--ignore=%) -n 4 --dist loadfile

# The folders that need nothing, see tests/conftest.py, without the mutations and the longest modules.
UNIT := $(addprefix tests/,agreement bench cli config delivery events journal recorder runtime wsgi)
UNIT_TOO_LONG := tests/journal/test_crashes.py $(addprefix tests/delivery/test_,assembly.py \
  journal_max_size.py leader_watch.py relay_takeover.py) $(addprefix tests/cli/test_,commands_page.py \
  killed_commands.py node_of_root.py played_month.py usage_in_browser.py)

test: lint rabbitmq promtool chromium ## lint, and all tests that take less than ten minutes together
	$(BIN)/coverage erase
	$(BIN)/pytest $(OF_THE_CORE)
	$(BIN)/coverage report --include='$(CORE)' --fail-under=100
	$(BIN)/pytest $(BUT_THE_CORE) $(WORKERS) --durations=10

coverage: $(VENV)/test rabbitmq promtool chromium ## run the same tests, and see that they run 90 % of all code; that takes half as long again
	$(BIN)/coverage erase
	$(BIN)/pytest $(OF_THE_CORE)
	$(BIN)/pytest $(BUT_THE_CORE) $(WORKERS) --cov --cov-append --cov-report=
	$(BIN)/coverage report --fail-under=90

OF_THE_CORE := tests/events tests/config -n 2 --dist loadfile --cov --cov-report=
BUT_THE_CORE = --ignore=tests/events --ignore=tests/config $(MISTAKES:%=--deselect=%)

mutations: $(VENV)/test ## make each small mistake of a table in the code, and see that a test fails; a part of a submission
	$(BIN)/pytest $(MISTAKES)

# Twice as many as cores, since the tests wait for half of their time. The order is that of
# tests/conftest.py: the slow modules first.
WORKERS := -n 4 --dist loadfile --no-loadscope-reorder

# That each mistake can be made is a part of make test.
MISTAKES := $(addprefix tests/mutations/test_mutations.py::test_,every_mistake_is_seen same_tests_pass_without_a_mistake)

# The pure core: these rooms decide, and do no I/O.
CORE := */events/*,*/config/*

long: $(VENV)/test rabbitmq apache pins ## test what takes longer: all of Glance's own suites, imports, mod_wsgi, kills, a backlog, a cluster, older libraries; writes its tables to docs/measured/
	LONG=1 $(BIN)/pytest tests/glance/test_background.py tests/glance/test_in_process.py tests/glance/test_tasks.py tests/glance_suite tests/long -s

hour: $(VENV)/test rabbitmq ## test four targets for an hour, each of whose peers is away in turn; LOAD_SECONDS=300: for so long; writes its table to docs/measured/
	HOUR=1 LOAD_SECONDS=$(LOAD_SECONDS) $(BIN)/pytest tests/long/test_targets.py -s

# Releases of OpenStack, each with an environment of its own.
PINS := $(patsubst tests/pins/%.txt,%,$(wildcard tests/pins/*.txt))

pins: $(PINS:%=build/pins-%/made) rabbitmq ## test commands, journal, delivery and strategies on the libraries of older releases of OpenStack; part of make long
	@for release in $(PINS); do \
	  echo "On the libraries of OpenStack $$release:" && \
	  build/pins-$$release/bin/python -m pytest tests/doors tests/runtime tests/recorder \
	    tests/journal tests/delivery tests/strategies tests/rabbit tests/cli || exit 1; \
	done

build/pins-%/made: tests/pins/%.txt setup.py | $(VENV)/made
	@$(compiler)
	@$(PYTHON) -m venv build/pins-$*
	@build/pins-$*/bin/pip install --quiet --disable-pip-version-check -c $< -e '.[qpid,webhook,brokers]' || $(call missing,see the errors of pip above; is PyPI within reach?)
	@touch $@

faults: $(VENV)/test rabbitmq ## test every fault of brokers, processes and disks, in an hour, as root; BROKER=qpid: those of qpid and its broker; BROKER=webhook: those of a receiver; writes its table to docs/measured/
	FAULTS=1 BROKER=$(BROKER) $(BIN)/pytest tests/faults -s

bench: $(VENV)/test build/bench/made rabbitmq ## measure what the filter costs and what it loses, beside other middlewares, in 20 minutes; writes its tables to docs/measured/
	@$(BIN)/python -m bench

bench-quick: $(VENV)/test build/bench/made rabbitmq ## measure the most important of it in two minutes, and fail if a ratio misses its target by a factor of three; a part of a submission
	@$(BIN)/python -m bench quick

# The middlewares beside which the filter is measured have an environment of their own.
build/bench/made: bench/contestants.txt setup.py | $(VENV)/made
	@echo 'Installing the contestants into build/bench ...'
	@$(PYTHON) -m venv build/bench
	@build/bench/bin/pip install --quiet --disable-pip-version-check -r $< -e . || $(call missing,see the errors of pip above; is PyPI within reach?)
	@touch $@

constraints: ## write today's versions of all packages into constraints.txt
	@rm -rf build/venv && $(PYTHON) -m venv build/venv
	@build/venv/bin/pip install --quiet '.[demo,qpid,webhook,test]'
	@build/venv/bin/pip freeze --exclude glance-notify-middleware > constraints.txt

clean: ## remove what make has made
	rm -rf $(VENV) build *.egg-info .coverage .hypothesis .*_cache

EXTRAS_unit := unit
EXTRAS_demo := demo
EXTRAS_qpid := demo,qpid
EXTRAS_test := demo,qpid,webhook,test

$(VENV)/unit $(VENV)/demo $(VENV)/qpid $(VENV)/test: $(VENV)/%: setup.py constraints.txt | $(VENV)/made
	@$(if $(findstring qpid,$(EXTRAS_$*)),$(compiler))
	@echo 'Installing packages into $(VENV), which takes a minute or two ...'
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[$(EXTRAS_$*)]' || $(call missing,see the errors of pip above; is PyPI within reach?)
	@touch $@

$(VENV)/made:
	@command -v $(PYTHON) > /dev/null || $(call missing,$(PYTHON): apt-get install python3)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || $(call missing,Python 3.11 or newer: make PYTHON=...)
	@$(PYTHON) -c 'import venv, ensurepip' 2> /dev/null || $(call missing,venv: apt-get install python3-venv)
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The tests run a node of their own from its files, never the machine's service.
rabbitmq:
	@test -x /usr/lib/rabbitmq/bin/rabbitmq-server || command -v rabbitmq-server > /dev/null || \
	  $(call installed,rabbitmq-server) || echo 'missing: rabbitmq-server: apt-get install rabbitmq-server'

# The tests run an Apache of their own, too, for mod_wsgi.
apache:
	@test -x /usr/lib/apache2/modules/mod_wsgi.so && test -x /usr/sbin/apache2 || \
	  $(call installed,apache2-bin libapache2-mod-wsgi-py3) || \
	  echo 'missing: mod_wsgi: apt-get install apache2-bin libapache2-mod-wsgi-py3'

# Metrics and alert rules are checked by promtool: it alone is taken out of Debian's prometheus, whose
# service is not installed. (logrotate, which is tested too, comes with rabbitmq-server.)
promtool: build/promtool
build/promtool:
	@command -v promtool > /dev/null || { command -v apt-get > /dev/null && \
	  echo 'Fetching promtool ...' && rm -rf build/deb && mkdir -p build/deb && cd build/deb && \
	  { $(download) || { test `id -u` = 0 && apt-get -qq update && $(download); }; } && \
	  dpkg -x prometheus_*.deb . && mv usr/bin/promtool ../promtool && rm -rf ../deb; } || \
	  echo 'missing: promtool: apt-get install prometheus'
download = apt-get -qq -o APT::Sandbox::User=root download prometheus

# The page of `glance-notify usage --html` is looked at in a headless Chromium.
chromium:
	@command -v chromium > /dev/null || $(call installed,chromium) || \
	  echo 'missing: chromium: apt-get install chromium'

# Proton, which the qpid strategy needs, comes from PyPI as source code.
compiler = { command -v cc > /dev/null && \
	  $(PYTHON) -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2> /dev/null; } || \
	  $(call installed,gcc libc6-dev python3-dev) || \
	  $(call missing,a C compiler and the headers of $(PYTHON): apt-get install gcc libc6-dev python3-dev)

installed = { test `id -u` = 0 && command -v apt-get > /dev/null && \
	    echo 'Installing $(1) ...' && apt-get -qq update && \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $(1) > /dev/null; }

missing = { echo 'missing: $(1)'; exit 1; }
