# Each target calls the tox environment of the same name. CI calls the same targets.
# You need Python 3.10 or newer with venv. All other Python packages are installed into .venv and .tox.

SHELL := bash
PYTHON ?= python3
# A command that runs charmcraft on Ubuntu 24.04, for `make pack-here` on another system.
PACK_WRAPPER ?=
# Arguments for the demo, such as DEMO="--juju 4.0 --seed 7".
DEMO ?=
# For `make deploy`: the bundle, the model ([controller:]model; default: the current model), and a
# file for the resource mongod, if the machines cannot reach MongoDB's apt repository (docs/no-internet.md).
BUNDLE ?= bundle.yaml
MODEL ?=
MONGOD ?=
# Arguments of pytest for `make integration`, such as ARGS="--keep-models -k demos". Arguments of
# localjuju for `make shell`, such as ARGS="--juju 4.0" or ARGS=--join.
ARGS ?=
# The number of suites that `make test` runs at the same time.
JOBS ?= 2
# For `make stress` and `make faults`: the number of seeds, or the first and the last: SEEDS=4711-4711.
SEEDS ?=
# For `make new-charm`: the charm to copy, the name of the copy, and its folder (default: ../NAME).
FROM ?=
NAME ?=
TO ?=

# Programs that PyPI does not have: rsyslogd, the library libcurl of the real mongod, and gpg, which
# checks the key of MongoDB's apt repository.
define need_workloads
	@command -v gpg >/dev/null || { echo "make: gpg is missing. On Debian or Ubuntu: apt install gnupg" >&2; exit 1; }
	@command -v rsyslogd >/dev/null || { echo "make: rsyslogd is missing. On Debian or Ubuntu: apt install rsyslog" >&2; exit 1; }
	@.venv/bin/python -c 'import ctypes; ctypes.CDLL("libcurl.so.4")' 2>/dev/null || { echo "make: libcurl, which mongod needs, is missing. On Debian or Ubuntu: apt install libcurl4" >&2; exit 1; }
endef

TOX := .venv/bin/tox run
CHARMCRAFT := .venv-charmcraft/bin
# The longest suite is first, and the suites that use every core are last.
TESTS := bundle functional localjuju browser lint unit copies interfaces collect faults stress
CHARMS := $(patsubst %/charmcraft.yaml,%,$(wildcard charms/*/charmcraft.yaml))
PACKED := $(CHARMS:charms/%=build/%.charm)
# The source files of a packed charm: no tests, and no files that npm and Python have generated.
sources = $(shell find $(1) '(' -name tests -o -name node_modules -o -name __pycache__ -o -name '.*' ')' -prune -o -type f -print)

# The folders of daemons are often not in a user's PATH.
export PATH := $(PATH):/usr/sbin:/sbin

.DEFAULT_GOAL := help
.PHONY: help demo shell test quick lint format unit copies new-charm functional localjuju browser interfaces sync-interfaces bundle faults stress bench docs terraform pack pack-here deploy integration integration-libjuju collect clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv  ## Run the bundle on this machine, with the real mongod and Node.js, without Juju
	$(need_workloads)
	@$(TOX) -q -e demo --notest
	@# Not through tox: on Ctrl-C tox would kill the demo before it has cleaned up.
	@PYTHONPATH=tools .tox/demo/bin/python tests/demo.py $(DEMO)

shell: .venv  ## Open a shell with a local `juju` command (docs/localjuju-shell.md)
	$(need_workloads)
	@$(TOX) -q -e demo --notest
	@# Not through tox, because the shell needs a terminal.
	@.tox/demo/bin/python -m localjuju shell --charms charms $(ARGS)

test: .venv  ## Run all checks and tests
	$(need_workloads)
	@echo "Running $(JOBS) suites at a time: $(TESTS). The output of a suite appears when it ends."
	@mkdir -p build
	@$(MAKE) --no-print-directory --keep-going --output-sync=target --jobs=$(JOBS) $(TESTS) 2>&1 | tee build/test.log; \
		status=$${PIPESTATUS[0]}; $(PYTHON) tools/slowest.py build/test.log; exit $$status
	@echo "$(TESTS): all passed"

quick: .venv  ## Run lint and the unit tests, in less than a minute
	@$(MAKE) --no-print-directory --keep-going --output-sync=target --jobs=2 lint unit

new-charm: .venv  ## Start your own charm: FROM=my-node-app NAME=blog [TO=folder]
	@$(TOX) -q -e new-charm --notest >/dev/null
	@.tox/new-charm/bin/python tools/new_charm.py "$(FROM)" "$(NAME)" $(if $(TO),"$(TO)")

lint: .venv  ## Check style, types and spelling
	$(TOX) -e lint

format: .venv  ## Format the code, and fix what ruff can fix
	$(TOX) -e format

unit: .venv  ## Test each charm with ops.testing
	$(TOX) -e unit

copies: .venv  ## Make a new charm from each charm, then lint and test it
	$(TOX) -e copies

functional: .venv  ## Test each charm's workload module with the real program
	$(need_workloads)
	$(TOX) -e functional

localjuju: .venv  ## Test localjuju
	$(TOX) -e localjuju

browser: .venv  ## Test the page of a run in a browser
	@command -v chromedriver >/dev/null || { echo "make: chromedriver is missing. On Debian: apt install chromium chromium-driver" >&2; exit 1; }
	$(TOX) -e browser

interfaces: .venv  ## Validate the interfaces, and test the charms against them
	$(TOX) -e interfaces

sync-interfaces: .venv  ## Generate files from interfaces/*/interface/v*/schema.py
	$(TOX) -e sync-interfaces

bundle: .venv  ## Test the bundle on localjuju, as Juju 3.6 and as Juju 4.0
	$(need_workloads)
	$(TOX) -e bundle

stress: .venv  ## Run the event demos with 200 seeds (or SEEDS=...), each with another order of events
	SEEDS=$(or $(SEEDS),200) $(TOX) -e stress

faults: .venv  ## Run the charms with 200 seeds (or SEEDS=...), while localjuju injects faults
	SEEDS=$(or $(SEEDS),200) $(TOX) -e faults

bench: .venv  ## Measure the speed of localjuju and of the charms' hooks
	$(TOX) -e bench

docs: .venv  ## Write the output of real runs into docs/
	$(TOX) -e docs

terraform:  ## Validate the Terraform modules (downloads the Juju provider)
	@command -v terraform >/dev/null || { echo "make: terraform is missing: snap install --classic terraform" >&2; exit 1; }
	terraform fmt -check -diff -recursive charms
	terraform fmt -check -diff terraform
	@set -e; for module in terraform charms/*/terraform; do \
		echo "== $$module"; \
		terraform -chdir="$$module" init -backend=false -input=false -no-color >/dev/null; \
		terraform -chdir="$$module" validate -no-color; \
	done

pack: $(PACKED)  ## Pack changed charms with charmcraft into build/*.charm

.SECONDEXPANSION:
$(PACKED): build/%.charm: $$(call sources,charms/$$*)
	@command -v charmcraft >/dev/null || { echo "make: charmcraft is missing: snap install --classic charmcraft. On Ubuntu 24.04 you can also use make pack-here, which needs no snap." >&2; exit 1; }
	$(PYTHON) tools/pack.py charms/$*

deploy: pack .venv  ## Deploy bundle.yaml (BUNDLE=...) to a controller (MODEL=..., MONGOD=...) and wait until it is active
	$(TOX) -e deploy -- $(if $(MODEL),--model "$(MODEL)") $(if $(MONGOD),--mongod "$(MONGOD)") "$(BUNDLE)"

integration: .venv  ## Test the bundles on the current controller, with build/*.charm (MONGOD=..., ARGS=...)
	$(TOX) -e integration -- $(if $(MONGOD),"--mongod=$(MONGOD)") $(ARGS)

pack-here: .venv-charmcraft .venv  ## Pack without LXD, on Ubuntu 24.04 (or PACK_WRAPPER=...), and test the packed charms
	$(need_workloads)
	PATH="$(CURDIR)/$(CHARMCRAFT):$$PATH" $(CHARMCRAFT)/python tools/pack.py --here --wrapper "$(PACK_WRAPPER)" $(CHARMS)
	$(TOX) -e packed
	PACK_PYTHON="$(CURDIR)/$(CHARMCRAFT)/python" PACK_WRAPPER="$(PACK_WRAPPER)" $(TOX) -e packed-copies

integration-libjuju: .venv  ## Test the bundle with pytest-operator and python-libjuju, for migration; Juju 3.6 only
	MONGOD="$(MONGOD)" $(TOX) -e integration-libjuju -- $(ARGS)

collect: .venv  ## Collect the integration tests, without a controller
	$(TOX) -e integration -- --collect-only --quiet
	$(TOX) -e integration-libjuju -- --collect-only --quiet
	$(TOX) -e integration-libjuju -- test_calls.py

clean:  ## Remove everything that make has created
	rm -rf .venv .venv-charmcraft .tox build
	find . '(' -name __pycache__ -o -name .terraform -o -name '.*_cache' -o -name node_modules ')' -prune -exec rm -rf {} +

.venv: Makefile
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is missing. On Debian or Ubuntu: apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { echo "make: Python 3.10 or newer is needed, but $(PYTHON) is `$(PYTHON) -V 2>&1`. Name a newer one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' || { echo "make: $(PYTHON) has no venv. On Debian or Ubuntu: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/pip install --quiet --disable-pip-version-check 'tox>=4,<5' 'tox-uv>=1,<2' || { rm -rf .venv; exit 1; }
	@touch .venv

# The system's Python, because charmcraft needs its module apt, which is not on PyPI.
.venv-charmcraft: Makefile
	@/usr/bin/python3 -c 'import apt, ensurepip, venv' || { echo "make: /usr/bin/python3 lacks a module. On Debian or Ubuntu: apt install python3-apt python3-venv" >&2; exit 1; }
	/usr/bin/python3 -m venv --clear --system-site-packages .venv-charmcraft
	$(CHARMCRAFT)/pip install --quiet --disable-pip-version-check --upgrade 'charmcraft>=4.5,<5' 'uv>=0.9,<1' pyOpenSSL || { rm -rf .venv-charmcraft; exit 1; }
	@touch .venv-charmcraft
