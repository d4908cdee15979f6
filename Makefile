# One door for every chore, the same for people and for CI. `make` lists them.

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV   := .venv
BIN    := $(VENV)/bin
WEB    := service/web
PAGE   := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -name schema.d.ts)
BUILT  := pyproject.toml bootstrap.py $(PAGE)
NPM    := cd $(WEB) && PATH="$(CURDIR)/$(BIN):$$PATH" npm

.DEFAULT_GOAL := help
.PHONY: help setup run train test lint format openapi ci image lock audit clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10

setup: $(VENV)/.service ## the environment with the service and its page; the other targets call it

run: $(VENV)/.service ## serve the published models on http://localhost:8000; another port: make run CONVSCOPE_PORT=8001
	@$(BIN)/convscope serve

train: $(VENV)/.training ## train the tick-or-cross network on generated pictures and publish it
	@$(BIN)/convscope train

test: $(VENV)/.dev ## unit, API, training and page tests
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest --ignore tests/training --ignore tests/page
	$(BIN)/coverage run -m pytest tests/training tests/page -n 2 --dist loadfile --no-loadscope-reorder
	$(BIN)/coverage combine -q
	$(BIN)/coverage report
	$(NPM) test

lint: $(VENV)/.dev ## format, lint, types and layers, of Python and TypeScript
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(NPM) run check

format: $(VENV)/.dev ## bring every file into form
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	$(NPM) run format

openapi: $(VENV)/.dev ## write the API's schema, which the page's types are made from
	$(BIN)/convscope openapi > $(WEB)/openapi.json

ci: lint test ## all that has to hold on main

image: ## build the container images; on an Nvidia GPU besides: docker compose build gpu
	docker compose --profile training build

lock: $(VENV)/.dev ## pin the images' packages with their hashes; to the newest versions: make lock UPGRADE=--upgrade
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m deploy.lock $(UPGRADE)

audit: $(VENV)/.dev ## look up known faults of the images' packages; needs the registries' reports, so CI does without
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m deploy.audit uv tool run pip-audit@2.10.1

clean: ## remove the environment and all that was built
	rm -rf $(VENV) build dist $(WEB)/dist $(WEB)/node_modules $(WEB)/src/api/schema.d.ts

$(VENV)/.service: $(BUILT)
	@$(PYTHON) bootstrap.py $(VENV) cpu
	@touch $@

$(VENV)/.training: $(BUILT)
	@$(PYTHON) bootstrap.py $(VENV) cpu,training
	@touch $(VENV)/.service $@

$(VENV)/.dev: $(BUILT)
	@$(PYTHON) bootstrap.py $(VENV) cpu,training,dev
	@touch $(VENV)/.service $(VENV)/.training $@
