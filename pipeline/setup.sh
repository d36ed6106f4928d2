#!/usr/bin/env bash
# Installs what glean needs into this folder: npm packages, a Python environment, tfjs-node's native binding.
# Each step leaves a marker, made last, in the folder it fills: run again it skips what is done, and an
# interrupted step is done anew. `pipeline/setup.sh --check` only checks the prerequisites.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VENV=.venv
readonly REQUIREMENTS=pipeline/python/requirements.txt
readonly TFJS=node_modules/@tensorflow/tfjs-node

say() { printf 'setup: %s\n' "$*" >&2; }

problems=()

check_node() {
  if ! command -v node >/dev/null; then
    problems+=("Node.js 20.19 to 22 is needed; no 'node' is on PATH (https://nodejs.org)")
    return
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit((a === 20 && b >= 19) || a === 21 || a === 22 ? 0 : 1)'; then
    problems+=("Node.js 20.19 to 22 is needed (tfjs-node does not work on later ones); found $(node --version)")
  fi
  command -v npm >/dev/null || problems+=("npm is needed; it comes with Node.js")
}

# The first interpreter of a supported version; $PYTHON goes first.
find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.10 python3; do
    if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      command -v "$candidate"
      return
    fi
  done
  return 1
}

check_python() {
  local python
  if ! python=$(find_python); then
    problems+=("Python 3.10, 3.11 or 3.12 is needed; found $(python3 --version 2>&1 || true) (set PYTHON=/path/to/python)")
  elif ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    problems+=("$python cannot make virtual environments (on Debian and Ubuntu: apt-get install python3-venv)")
  fi
}

check_compiler() {
  local compiler
  for compiler in ${CXX:+"$CXX"} c++ g++ clang++; do
    command -v "$compiler" >/dev/null && break
    compiler=
  done
  [ -n "$compiler" ] || problems+=("a C++ compiler is needed; none of c++, g++, clang++ is on PATH (on Debian and Ubuntu: apt-get install g++)")
  command -v make >/dev/null || problems+=("make is needed to build tfjs-node's binding")
}

check_platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-aarch64) ;;
    *) problems+=("Linux on x86-64 or arm64 is needed for training (TensorFlow's CPU wheel); found $(uname -sm)") ;;
  esac
}

# $1 marker file, $2 what it must hold
is_done() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

install_npm() {
  local key marker=node_modules/.glean-setup
  key="$(sha256sum package-lock.json package.json .npmrc | sha256sum | cut -c1-16) node $(node -p process.versions.modules)"
  is_done "$marker" "$key" && return
  say "installing npm packages"
  npm ci --no-audit --no-fund --loglevel=error
  printf '%s\n' "$key" >"$marker"
}

install_python() {
  local key marker=$VENV/.glean-setup python
  key="$(sha256sum $REQUIREMENTS | cut -c1-16) $(pwd -P)"
  is_done "$marker" "$key" && return
  python=$(find_python)
  say "installing TensorFlow and tf2onnx into $VENV with $("$python" --version) (about 500 MB to download)"
  rm -rf "$VENV"
  "$python" -m venv "$VENV"
  "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r "$REQUIREMENTS"
  printf '%s\n' "$key" >"$marker"
}

# tfjs-node's own install script downloads libtensorflow; the Python wheel holds the same library and headers.
build_binding() {
  local key marker=$TFJS/.glean-setup tensorflow headers
  key="$(cat $VENV/.glean-setup) $(cat node_modules/.glean-setup)"
  is_done "$marker" "$key" && return
  say "building tfjs-node's native binding"
  tensorflow=$("$VENV/bin/python" -c 'import importlib.util as u; print(u.find_spec("tensorflow").submodule_search_locations[0])')
  rm -rf "$TFJS/deps" "$TFJS/build" "$TFJS/lib"
  mkdir -p "$TFJS/deps/lib"
  ln -s "$tensorflow/include" "$TFJS/deps/include"
  local name
  for name in libtensorflow.so libtensorflow_cc.so.2 libtensorflow.so.2.9.1; do
    ln -s "$tensorflow/libtensorflow_cc.so.2" "$TFJS/deps/lib/$name"
  done
  for name in libtensorflow_framework.so libtensorflow_framework.so.2; do
    ln -s "$tensorflow/libtensorflow_framework.so.2" "$TFJS/deps/lib/$name"
  done
  headers=$(node -p 'require("node:path").resolve(process.execPath, "../..")')
  [ -f "$headers/include/node/node_api.h" ] && export npm_config_nodedir="$headers"
  local log=$TFJS/build.log
  if ! (cd "$TFJS" && npx --no-install node-pre-gyp install --build-from-source) >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    say "tfjs-node's binding did not build; the whole log is in $log"
    exit 1
  fi
  # Prove that the binding loads and is the native backend before it is called done.
  node -e 'const tf = require("@tensorflow/tfjs-node"); if (tf.getBackend() !== "tensorflow" || tf.matMul([[2]], [[3]]).dataSync()[0] !== 6) process.exit(1)' 2>>"$log" || {
    tail -n 30 "$log" >&2
    say "tfjs-node's binding was built but does not work; the whole log is in $log"
    exit 1
  }
  printf '%s\n' "$key" >"$marker"
}

check_platform
check_node
check_python
check_compiler
if [ ${#problems[@]} -gt 0 ]; then
  for problem in "${problems[@]}"; do say "$problem"; done
  exit 1
fi
[ "${1:-}" = --check ] && exit 0

if command -v flock >/dev/null; then
  exec 9>.setup.lock
  flock 9
fi
install_npm
install_python
build_binding
