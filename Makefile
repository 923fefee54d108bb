# Every target does all the set-up that it needs; a second run starts at once. `make` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export PYTHONDONTWRITEBYTECODE :=
STEP := tools/step.sh
SCENARIOS ?= $(sort $(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))
PREFIX ?= smartsports

.PHONY: help demo test lab lab-down setup lint docs-lint unit static contract sanity build lab-test molecule e2e e2e-steps e2e-records e2e-alone foreign pairs proof lock clean begin total

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  \033[1mmake %-10s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: lab ## a platform drowns and one command saves it (10 minutes fresh, 4 warm)
	@LAB_PREFIX=$(PREFIX) python lab/demo.py

test: begin static lab-test pairs e2e-alone foreign total ## everything CI runs (three quarters of an hour on 2 cores)

lab: setup ## the platform in miniature, with 2 replicas, for ansible-playbook playbooks/assess.yml
	@LAB_PREFIX=$(PREFIX) python lab/lab.py up
	@[ "$$(docker ps -q --filter label=com.docker.compose.project=$(PREFIX) --filter label=com.docker.compose.service=app | wc -l)" -ge 2 ] || \
	  LAB_PREFIX=$(PREFIX) ansible-playbook playbooks/scale_app.yml -e replicas=2

lab-down: setup ## remove the lab, its data and its secrets
	@python lab/lab.py down --prefix $(PREFIX)

setup: .venv/.installed ## the environment in .venv/, the Docker engine and Compose: only what is missing
	@lab/engine.sh

lint: .venv/.installed ## ansible-lint (production), ruff, yamllint, shellcheck
	@$(STEP) ruff ruff check .
	@$(STEP) ruff-format ruff format --check .
	@$(STEP) yamllint yamllint --strict .
	@$(STEP) shellcheck tools/shell_files.sh shellcheck --external-sources --source-path=SCRIPTDIR
	@$(STEP) ansible-lint ansible-lint

docs-lint: .venv/.installed ## the documentation of modules and roles, as Galaxy renders it
	@$(STEP) docs-lint antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs self collections/ansible_collections/smartsports/scaling

unit: .venv/.installed ## pure logic, in seconds
	@$(STEP) unit pytest -q tests/unit

# Two cores: what waits for one of them runs beside what uses the other.
static: .venv/.installed ## lint, unit and contract beside sanity, docs-lint and build
	@$(MAKE) sanity docs-lint build & beside=$$!; rc=0; $(MAKE) lint unit contract || rc=1; wait $$beside || rc=1; exit $$rc

contract: .venv/.installed ## the repository held against its own rules
	@$(STEP) contract pytest -q tests/contract

sanity: .venv/.installed ## ansible-test sanity (all tests) and units, on the built collection
	@$(STEP) sanity tests/sanity/run sanity
	@$(STEP) sanity-units tests/sanity/run units

build: .venv/.installed ## the collection as Galaxy gets it, in build/
	@$(STEP) build ansible-galaxy collection build --force --output-path build .

lab-test: setup ## the reference application, fuzzed against its contract
	@trap 'python lab/lab.py down --prefix labtest > .cache/logs/lab-test-down.log' EXIT; export LAB_PREFIX=labtest; \
	  python lab/lab.py up --fresh > .cache/logs/lab-test-up.log; \
	  ansible-playbook playbooks/scale_app.yml -e replicas=2 > .cache/logs/lab-test-scale.log; \
	  $(STEP) lab-test pytest -q tests/lab

molecule: setup ## roles on a fresh lab each, two at a time; SCENARIOS="a b" runs some
	@python lab/lab.py build
	@printf 'molecule-%s\n' $(SCENARIOS) | xargs -P 2 -n 1 $(MAKE)

molecule-%:
	@$(STEP) $@ molecule test -s '$*'

# The longest first: at the end nobody waits for one that began late.
pairs: setup ## what needs no quiet machine, two at a time, each on a lab of its own
	@python lab/lab.py build
	@printf '%s\n' e2e-steps e2e-records $(SCENARIOS:%=molecule-%) | xargs -P 2 -n 1 $(MAKE)

e2e: e2e-steps e2e-records e2e-alone ## the proof table at its smallest honest size

RECORDS := tests/e2e/test_1_plan.py $(wildcard tests/e2e/test_4_*.py)

e2e-steps: setup
	@$(STEP) $@ pytest -q --durations=25 -m 'not alone' $(RECORDS:%=--ignore=%) tests/e2e

e2e-records: setup
	@E2E_PREFIX=$@ $(STEP) $@ pytest -q --durations=25 -m 'not alone' $(RECORDS)

e2e-alone: setup
	@$(STEP) $@ pytest -q --durations=25 -m alone tests/e2e

foreign: setup ## platforms unlike the lab, driven by their inventories alone
	@python lab/lab.py build
	@$(STEP) foreign pytest -q tests/foreign

proof: setup ## the proof table at full size, in docs/proof/; PART="alone or foreign" measures a part, as pytest -k takes it
	@python lab/proof.py $(if $(PART),-k '$(PART)')

lock: .venv/.installed ## resolve pyproject.toml into requirements.txt
	@uv pip compile --quiet --upgrade --group pyproject.toml:dev --universal --python-version 3.11 \
	  --no-annotate --no-header --no-emit-index-url --no-emit-find-links --output-file requirements.txt

clean: ## caches and build results; labs and .venv stay
	@rm -rf .cache build

begin: .venv/.installed
	@$(STEP) --begin

total:
	@$(STEP) --total

.venv/.installed: requirements.txt tools/environment.sh
	@tools/environment.sh
	@touch $@
