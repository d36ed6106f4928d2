# The front door: `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CONFIG ?= pipeline/configs/cmnist.json
SEED ?= 0
MODEL ?= models/cmnist/model.onnx
DATA ?= cmnist
IMAGE ?= docs/images/digit-red.png docs/images/digit-green.png

GLEAN := node bin/glean.mjs
ID = $(basename $(notdir $(CONFIG)))
RUN = runs/$(ID)-$(SEED)
# Beside what is shipped, never over it.
OUT ?= models/$(ID)-$(SEED)

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## install everything into this folder; at once when nothing is to do
	@pipeline/setup.sh

.PHONY: export
export: setup ## everything from a fresh clone: train where needed, bake, convert, seal, verify (CONFIG=, SEED=, OUT=)
	@$(GLEAN) train $(CONFIG) --seed $(SEED) --out $(RUN)
	@$(GLEAN) export $(RUN) --out $(OUT)
	@$(GLEAN) verify $(OUT)/model.onnx

.PHONY: train
train: setup ## train only, or go on with an interrupted training (CONFIG=, SEED=)
	@$(GLEAN) train $(CONFIG) --seed $(SEED) --out $(RUN)

.PHONY: verify
verify: setup ## prove the claims of models/cmnist, or of MODEL, anew (MODEL=)
	@$(GLEAN) verify $(MODEL)

.PHONY: certify
certify: setup ## certified accuracy by both certificates, per domain (MODEL=, DATA=)
	@$(GLEAN) certify $(MODEL) --data $(DATA) --method margin
	@$(GLEAN) certify $(MODEL) --data $(DATA) --method smoothing

.PHONY: attack
attack: setup ## try to break the radius (MODEL=, DATA=)
	@$(GLEAN) attack $(MODEL) --data $(DATA)

.PHONY: predict
predict: setup ## label and radius of an image file (MODEL=, IMAGE=)
	@$(GLEAN) predict $(MODEL) $(IMAGE)

.PHONY: paper
paper: setup ## every table and figure of the paper, ours beside its own (hours; resumes; ARGS='--quick …')
	@$(GLEAN) paper $(ARGS)

.PHONY: data-scale
data-scale: setup ## memory and reading time for 200 000 images (20 minutes)
	@node --import tsx pipeline/data-scale.ts

.PHONY: serve
serve: setup ## HTTP service on the models in models/ (ARGS='--port 8080 …'; glean serve --help)
	@$(GLEAN) serve $(ARGS)

.PHONY: web
web: setup ## build the browser page into dist/page and serve it on this machine
	@npx --no-install vite build --config src/page/vite.config.ts --logLevel warn
	@npx --no-install vite preview --config src/page/vite.config.ts

.PHONY: runtime
runtime: setup ## build the package glean-certify into src/certify-runtime/dist
	@npx --no-install tsc -p src/certify-runtime/tsconfig.json

.PHONY: docs
docs: runtime ## API documentation of glean-certify into dist/api
	@npx --no-install typedoc

.PHONY: bench
bench: setup ## every speed figure, as ratios measured in one run (minutes)
	@$(GLEAN) bench $(ARGS)

.PHONY: check
check: setup ## format, lint, import order, types, unused code
	@npx --no-install biome check --error-on-warnings .
	@npx --no-install tsc --project .
	@npx --no-install knip
	@npx --no-install tsc -p src/certify-runtime/tsconfig.json && npx --no-install publint --strict src/certify-runtime
	@npx --no-install typedoc --emit none
	@bash -n pipeline/setup.sh .ci/run

.PHONY: test
test: setup ## all tests
	@node --import tsx --test --test-reporter=spec $$(find test -name '*.test.ts' | sort)

.PHONY: mutate
mutate: setup ## mutation test of the proof: one condition switched off at a time (7 minutes; ARGS='--only head')
	@node --import tsx pipeline/mutate.ts $(ARGS)

.PHONY: clean
clean: ## remove what was trained and built, checkpoints of make paper too; keeps the installation, data/ and models/
	@rm -rf runs out dist src/certify-runtime/dist
