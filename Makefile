# The front door: `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

CONFIG ?= pipeline/configs/cmnist.json
SEED ?= 0
MODEL ?= models/cmnist/model.onnx
DATA ?= cmnist
IMAGE ?= docs/images/digit-red.png docs/images/digit-green.png

# Recipes take paths from the environment, where a blank or a quote in them means nothing.
export CONFIG SEED OUT MODEL DATA

GLEAN := node bin/glean.mjs
# Not npx: it writes to the user's home, and finds nothing under a path with a colon.
BIN := node_modules/.bin
# A run is named after its configuration, and exported beside what is shipped, never over it.
NAME = name=$$(basename "$$CONFIG" .json)-$$SEED

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-10s %s\n", $$1, $$2 }'

.PHONY: setup
setup: ## install everything into this folder; at once when nothing is to do
	@pipeline/setup.sh

.PHONY: packages
packages: ## install the npm packages only: what needs neither Python nor a compiler asks for no more
	@pipeline/setup.sh packages

.PHONY: export
export: setup ## everything from a fresh clone: train where needed, bake, convert, seal, verify (CONFIG=, SEED=, OUT=)
	@$(NAME); $(GLEAN) train "$$CONFIG" --seed "$$SEED" --out "runs/$$name"
	@$(NAME); $(GLEAN) export "runs/$$name" --out "$${OUT:-models/$$name}"
	@$(NAME); $(GLEAN) verify "$${OUT:-models/$$name}/model.onnx"

.PHONY: train
train: setup ## train only, or go on with an interrupted training (CONFIG=, SEED=)
	@$(NAME); $(GLEAN) train "$$CONFIG" --seed "$$SEED" --out "runs/$$name"

.PHONY: verify
verify: packages ## prove the claims of models/cmnist, or of MODEL, anew (MODEL=)
	@$(GLEAN) verify "$$MODEL"

.PHONY: certify
certify: packages ## certified accuracy by both certificates, per domain (MODEL=, DATA=)
	@$(GLEAN) certify "$$MODEL" --data "$$DATA" --method margin
	@$(GLEAN) certify "$$MODEL" --data "$$DATA" --method smoothing

.PHONY: attack
attack: packages ## try to break the radius (MODEL=, DATA=)
	@$(GLEAN) attack "$$MODEL" --data "$$DATA"

.PHONY: predict
predict: packages ## label and radius of an image file (MODEL=, IMAGE=)
	@$(GLEAN) predict "$$MODEL" $(IMAGE)

.PHONY: paper
paper: setup ## every table and figure of the paper, ours beside its own (hours; resumes; ARGS='--quick …')
	@$(GLEAN) paper $(ARGS)

.PHONY: data-scale
data-scale: setup ## memory and reading time for 200 000 images (20 minutes)
	@node --import tsx pipeline/data-scale.ts

.PHONY: serve
serve: packages ## HTTP service on the models in models/ (ARGS='--port 8080 …'; glean serve --help)
	@$(GLEAN) serve $(ARGS)

.PHONY: web
web: packages ## build the browser page into dist/page and serve it on this machine
	@$(BIN)/vite build --config src/page/vite.config.ts --logLevel warn
	@$(BIN)/vite preview --config src/page/vite.config.ts

.PHONY: runtime
runtime: packages ## build the package glean-certify into src/certify-runtime/dist
	@$(BIN)/tsc -p src/certify-runtime/tsconfig.json

.PHONY: package
package: packages ## build the package glean, the command without training, into dist/package and dist/glean-*.tgz
	@node --import tsx pipeline/package.ts
	@$(BIN)/publint --strict dist/package
	@rm -f dist/glean-*.tgz && npm pack ./dist/package --pack-destination dist --silent

.PHONY: docs
docs: runtime ## API documentation of glean-certify into dist/api
	@$(BIN)/typedoc

.PHONY: bench
bench: setup ## every speed figure, as ratios measured in one run (minutes)
	@$(GLEAN) bench $(ARGS)

.PHONY: check
check: packages ## format, lint, types, unused code, who imports whom
	@$(BIN)/biome check --error-on-warnings .
	@$(BIN)/tsc --project .
	@$(BIN)/knip
	@node --import tsx pipeline/imports.ts
	@$(BIN)/tsc -p src/certify-runtime/tsconfig.json && $(BIN)/publint --strict src/certify-runtime
	@$(BIN)/typedoc --emit none
	@for script in pipeline/setup.sh jvm/fetch.sh .ci/run; do bash -n "$$script"; done

.PHONY: test
test: setup ## all tests
	@node --import tsx --test --test-concurrency="$$(getconf _NPROCESSORS_ONLN)" --test-reporter=spec $$(find test -name '*.test.ts' | sort)

.PHONY: mutate
mutate: setup ## mutation test of the trusted part: one condition switched off at a time (ARGS='--only head', or '--again' to go on)
	@node --import tsx pipeline/mutate.ts $(ARGS)

.PHONY: python-packages
python-packages: packages
	@cd python && { [ -x .venv/bin/python ] || "$${PYTHON:-python3}" -m venv .venv; }
	@cd python && { cmp -s requirements.txt .venv/requirements.txt || { .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt && cp requirements.txt .venv; }; }
	@cd python && .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .

.PHONY: python
python: python-packages ## check and test glean-certify for Python, in an environment of its own (python/.venv)
	@cd python && .venv/bin/ruff format --check --quiet . && .venv/bin/ruff check --quiet . && .venv/bin/mypy
	@cd python && .venv/bin/python -m pytest

.PHONY: spark
spark: python-packages ## test certifying with Spark, on a cluster of two executors on this machine (needs Java 17 or later)
	@command -v java >/dev/null || { echo "make spark: no 'java' on PATH; Spark needs Java 17 or later (Debian: apt-get install openjdk-17-jre-headless)" >&2; exit 1; }
	@cd python && { cmp -s requirements-spark.txt .venv/requirements-spark.txt || { .venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-spark.txt && cp requirements-spark.txt .venv; }; }
	@cd python && .venv/bin/python -m pytest spark_tests

.PHONY: openvino
openvino: python-packages ## measure what OpenVINO makes of sealed files (docs/providers.md)
	@cd python && { cmp -s requirements-openvino.txt .venv/requirements-openvino.txt || { .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-openvino.txt && cp requirements-openvino.txt .venv; }; }
	@cd python && .venv/bin/python -m pytest openvino_tests

# A process for each client: KServe and MLServer register different messages of one name and cannot share one.
.PHONY: clients
clients: packages ## test the service with tritonclient, KServe's client and MLServer's types (python/.venv-clients)
	@cd python && { [ -x .venv-clients/bin/python ] || "$${PYTHON:-python3}" -m venv .venv-clients; }
	@cd python && { cmp -s requirements-clients.txt .venv-clients/requirements.txt || { .venv-clients/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps -r requirements-clients.txt && cp requirements-clients.txt .venv-clients/requirements.txt; }; }
	@cd python && for client in triton kserve mlserver; do .venv-clients/bin/python -m pytest -o cache_dir=.venv-clients/cache "client_tests/test_$$client.py"; done

.PHONY: jvm
jvm: packages ## run a sealed file in Java (needs a JDK of 17 or later, and Maven for the jar)
	@command -v javac >/dev/null || { echo "make jvm: no 'javac' on PATH; a JDK of 17 or later is needed (Debian: apt-get install openjdk-17-jdk-headless)" >&2; exit 1; }
	@GLEAN_ORT_JAR=$$(jvm/fetch.sh) ORT_DISABLE_TELEMETRY=1 node --import tsx --test test/jvm/predict.test.ts

.PHONY: clean
clean: ## remove what was trained and built, checkpoints of make paper too; keeps the installation, data/ and models/
	@rm -rf runs out dist src/certify-runtime/dist
