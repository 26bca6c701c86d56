# Each target calls a tox environment of the same name, and so does CI: what passes here passes there.
# Needed: Python 3.10+ with venv. Everything else that is Python comes into .venv and .tox.

SHELL := bash
PYTHON ?= python3
# A command that `make pack-here` runs charmcraft under, if this machine is no Ubuntu 24.04.
PACK_WRAPPER ?=
# Arguments for the demo, such as DEMO="--juju 4.0 --seed 7".
DEMO ?=
# What `make deploy` deploys, to which model ([controller:]model) if not the current one, and a file
# for the resource mongod, where MongoDB's apt repository cannot be reached; docs/no-internet.md.
BUNDLE ?= bundle.yaml
MODEL ?=
MONGOD ?=
# Arguments of pytest for `make integration`, such as ARGS="--keep-models -k demos", and of
# localjuju for `make shell`, such as ARGS="--juju 4.0" or ARGS=--join.
ARGS ?=
# How many of its parts `make test` runs at a time.
JOBS ?= 2
# How many seeds `make soak` and `make faults` try, or which: SEEDS=4711-4711.
SEEDS ?=
# What `make new-charm` copies, the name of the copy, and its folder: by default ../NAME.
FROM ?=
NAME ?=
TO ?=

TOX := .venv/bin/tox run
CHARMCRAFT := .venv-charmcraft/bin
# The lives last: they take every core, and tests with real elections like a quiet machine.
TESTS := functional localjuju browser bundle lint unit copies interfaces collect faults lives
CHARMS := $(patsubst %/charmcraft.yaml,%,$(wildcard charms/*/charmcraft.yaml))
PACKED := $(CHARMS:charms/%=build/%.charm)
# What a packed charm is made of: without its tests, and what npm and Python leave there.
sources = $(shell find $(1) '(' -name tests -o -name node_modules -o -name __pycache__ -o -name '.*' ')' -prune -o -type f -print)

# Daemons are often outside a user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help demo shell test quick lint format unit copies new-charm functional localjuju browser interfaces sync-interfaces bundle faults lives soak bench docs terraform pack pack-here deploy integration integration-libjuju collect clean workloads

help:  ## Show the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv workloads  ## Run the bundle on this machine, with a real mongod and Node.js, and no Juju
	@$(TOX) -q -e demo --notest
	@# Not through tox, which would end it on Ctrl-C before it has cleaned up.
	@PYTHONPATH=tools .tox/demo/bin/python tests/demo.py $(DEMO)

shell: .venv workloads  ## Open a shell whose juju runs these charms on this machine: docs/localjuju-shell.md
	@$(TOX) -q -e demo --notest
	@# Not through tox, whose terminal is none.
	@.tox/demo/bin/python -m localjuju shell --charms charms $(ARGS)

test: .venv workloads  ## Run all checks and tests
	@echo "$(TESTS): $(JOBS) at a time, each is shown when it has ended."
	@mkdir -p build
	@$(MAKE) --no-print-directory --keep-going --output-sync=target --jobs=$(JOBS) $(TESTS) 2>&1 | tee build/test.log; \
		status=$${PIPESTATUS[0]}; $(PYTHON) tools/slowest.py build/test.log; exit $$status
	@echo "$(TESTS): all passed"

quick: .venv  ## Run lint and unit, in less than a minute
	@$(MAKE) --no-print-directory --keep-going --output-sync=target --jobs=2 lint unit

new-charm: .venv  ## Start a charm of your own: FROM=my-node-app NAME=blog [TO=folder]
	@$(TOX) -q -e new-charm --notest >/dev/null
	@.tox/new-charm/bin/python tools/new_charm.py "$(FROM)" "$(NAME)" $(if $(TO),"$(TO)")

lint: .venv  ## Check style, types and spelling
	$(TOX) -e lint

format: .venv  ## Format the code, and mend what ruff can
	$(TOX) -e format

unit: .venv  ## Test each charm with ops.testing
	$(TOX) -e unit

copies: .venv  ## Make a new charm of each, and lint and test it
	$(TOX) -e copies

functional: .venv workloads  ## Test each charm's workload module with the real program
	$(TOX) -e functional

localjuju: .venv  ## Test localjuju
	$(TOX) -e localjuju

browser: .venv chromium  ## Test the page of a run in a browser
	$(TOX) -e browser

interfaces: .venv  ## Validate the interfaces, and test the charms against them
	$(TOX) -e interfaces

sync-interfaces: .venv  ## Write what follows from interfaces/*/interface/v*/schema.py
	$(TOX) -e sync-interfaces

bundle: .venv workloads  ## Test the bundle on localjuju, as Juju 3.6 and as Juju 4.0
	$(TOX) -e bundle

lives: .venv  ## Live 200 lives of the event demos, each in another order of events
	$(TOX) -e lives

soak: .venv  ## Live 10000 of them, or SEEDS=..., and name the seed of each that fails
	SEEDS=$(or $(SEEDS),10000) $(TOX) -e lives

faults: .venv  ## Live 200 lives with faults on purpose, or SEEDS=..., and name the seeds that fail
	SEEDS=$(or $(SEEDS),200) $(TOX) -e faults

bench: .venv  ## Measure localjuju and the charms' hooks against named baselines
	$(TOX) -e bench

docs: .venv  ## Write what runs show into docs/
	$(TOX) -e docs

terraform:  ## Have Terraform check its modules, which fetches the Juju provider
	@command -v terraform >/dev/null || { echo "make: terraform is missing: snap install --classic terraform" >&2; exit 1; }
	terraform fmt -check -diff -recursive charms
	terraform fmt -check -diff terraform
	@set -e; for module in terraform charms/*/terraform; do \
		echo "== $$module"; \
		terraform -chdir="$$module" init -backend=false -input=false -no-color >/dev/null; \
		terraform -chdir="$$module" validate -no-color; \
	done

pack: $(PACKED)  ## Pack the charms that have changed, with charmcraft, to build/*.charm

.SECONDEXPANSION:
$(PACKED): build/%.charm: $$(call sources,charms/$$*)
	@command -v charmcraft >/dev/null || { echo "make: charmcraft is missing: snap install --classic charmcraft. On an Ubuntu 24.04, make pack-here does without." >&2; exit 1; }
	$(PYTHON) tools/pack.py charms/$*

deploy: pack .venv  ## Deploy bundle.yaml (BUNDLE=...) to a controller (MODEL=..., MONGOD=...), and wait
	$(TOX) -e deploy -- $(if $(MODEL),--model "$(MODEL)") $(if $(MONGOD),--mongod "$(MONGOD)") "$(BUNDLE)"

integration: .venv  ## Test the bundles on the current controller, with build/*.charm (MONGOD=..., ARGS=...)
	$(TOX) -e integration -- $(if $(MONGOD),"--mongod=$(MONGOD)") $(ARGS)


pack-here: .venv-charmcraft .venv workloads  ## Pack on this machine itself, an Ubuntu 24.04 (or PACK_WRAPPER=...), and try the result
	PATH="$(CURDIR)/$(CHARMCRAFT):$$PATH" $(CHARMCRAFT)/python tools/pack.py --here --wrapper "$(PACK_WRAPPER)" $(CHARMS)
	$(TOX) -e packed
	PACK_PYTHON="$(CURDIR)/$(CHARMCRAFT)/python" PACK_WRAPPER="$(PACK_WRAPPER)" $(TOX) -e packed-copies

integration-libjuju: .venv  ## The same with pytest-operator and python-libjuju, for migration; Juju 3.6 only
	MONGOD="$(MONGOD)" $(TOX) -e integration-libjuju -- $(ARGS)

collect: .venv  ## Collect the suites for a controller, and check them as far as that goes without one
	$(TOX) -e integration -- --collect-only --quiet
	$(TOX) -e integration-libjuju -- --collect-only --quiet
	$(TOX) -e integration-libjuju -- test_calls.py

clean:  ## Remove everything that make has made
	rm -rf .venv .venv-charmcraft .tox build
	find . '(' -name __pycache__ -o -name .terraform -o -name '.*_cache' -o -name node_modules ')' -prune -exec rm -rf {} +

.venv: Makefile
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing. On Debian or Ubuntu: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: Python 3.10 or newer is needed, and $(PYTHON) is `$(PYTHON) -V 2>&1`. Name another: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "make: $(PYTHON) has no venv. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check 'tox>=4,<5' 'tox-uv>=1,<2' || { rm -rf .venv; exit 1; }
	@touch .venv

# The programs that do not come from PyPI: the forwarder's, a library of the real mongod's, and what
# checks the key of MongoDB's apt repository.
workloads: .venv
	@command -v gpg >/dev/null || { echo "make: gpg is missing. On Debian or Ubuntu: apt install gnupg" >&2; exit 1; }
	@command -v rsyslogd >/dev/null || { echo "make: rsyslogd is missing. On Debian or Ubuntu: apt install rsyslog" >&2; exit 1; }
	@.venv/bin/python -c 'import ctypes; ctypes.CDLL("libcurl.so.4")' 2>/dev/null || { echo "make: libcurl, which mongod needs, is missing. On Debian or Ubuntu: apt install libcurl4" >&2; exit 1; }

.PHONY: chromium
chromium:
	@command -v chromedriver >/dev/null || { echo "make: chromedriver is missing. On Debian: apt install chromium chromium-driver" >&2; exit 1; }

# Debian's own Python, because charmcraft uses its apt module, which is not on PyPI.
.venv-charmcraft: Makefile
	@/usr/bin/python3 -c 'import apt, ensurepip, venv' || { echo "make: /usr/bin/python3 lacks a module. On Debian or Ubuntu: apt install python3-apt python3-venv" >&2; exit 1; }
	/usr/bin/python3 -m venv --clear --system-site-packages .venv-charmcraft
	$(CHARMCRAFT)/pip install --quiet --disable-pip-version-check --upgrade 'charmcraft>=4.5,<5' 'uv>=0.9,<1' pyOpenSSL || { rm -rf .venv-charmcraft; exit 1; }
	@touch .venv-charmcraft
