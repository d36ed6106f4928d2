#!/usr/bin/env bash
# Installs what glean needs into this folder: npm packages, a Python environment, tfjs-node's native binding.
#
#   pipeline/setup.sh            everything
#   pipeline/setup.sh packages   the npm packages: all that proving, predicting and serving need
#   pipeline/setup.sh --check    only looks for what must be there before
#
# What is done is skipped, so that neither network nor compiler is needed for it, in a folder that was moved either. Each part is made
# in .setup and takes the place of the old one when it is complete: until then the old one stays, whatever goes wrong.
# All paths are relative, or under a link with a plain name: the folder's own path may hold any character but those of check_path.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$0")/.."

readonly VENV=.venv
readonly STAGE=.setup
readonly REQUIREMENTS=pipeline/python/requirements.txt
readonly TFJS=node_modules/@tensorflow/tfjs-node

say() { printf 'setup: %s\n' "$*" >&2; }

problems=()

# What nothing here can help: Node.js refuses to load modules from under a backslash, tsx takes a question mark for a query.
check_path() {
  case "$(pwd -P)" in
    *[\\?]*) problems+=("a folder whose path has no backslash and no question mark is needed, Node.js and tsx load nothing from others; found $(pwd -P)") ;;
  esac
}

check_node() {
  if ! command -v node >/dev/null; then
    problems+=("Node.js 20.19 or later is needed; no 'node' is on PATH (https://nodejs.org)")
    return
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    problems+=("Node.js 20.19 or later is needed; found $(node --version)")
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

find_compiler() {
  local candidate
  for candidate in ${CXX:+"$CXX"} c++ g++ clang++; do
    if command -v "$candidate"; then return; fi
  done
  return 1
}

check_compiler() {
  find_compiler >/dev/null || problems+=("a C++ compiler is needed; none of c++, g++, clang++ is on PATH (on Debian and Ubuntu: apt-get install g++)")
}

check_platform() {
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64 | Linux-aarch64) ;;
    *) problems+=("Linux on x86-64 or arm64 is needed for training (TensorFlow's CPU wheel); found $(uname -sm)") ;;
  esac
}

fail_on_problems() {
  local problem
  [ ${#problems[@]} -eq 0 ] && return
  for problem in "${problems[@]}"; do say "$problem"; done
  exit 1
}

checksum() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }
# The version of Node.js is not part of it: all native code among the packages uses Node-API, which is the same in each.
packages_key() { checksum package-lock.json package.json .npmrc | checksum | cut -c1-16; }
python_key() { checksum "$REQUIREMENTS" | cut -c1-16; }
binding_key() { printf '%s tfjs-node %s' "$(python_key)" "$(node -p "require('./$TFJS/package.json').version" 2>/dev/null)"; }

# $1 folder of the marker, $2 what the marker must begin with: earlier versions wrote more after it.
is_done() {
  local found
  [ -f "$1/.glean-setup" ] && IFS= read -r found <"$1/.glean-setup" && [ "${found#"$2"}" != "$found" ]
}
packages_done() { is_done node_modules "$(packages_key)"; }
# A moved folder's environment works; not one whose interpreter was removed from the system.
python_done() { is_done "$VENV" "$(python_key)" && "$VENV/bin/python" -c '' 2>/dev/null; }
binding_done() { is_done "$TFJS" "binding $(binding_key)"; }

# Makes the complete folder $1 be the folder $2. The moment between the two renames is what `recover` is for.
replace() {
  rm -rf "$STAGE/old"
  mkdir -p "$STAGE/old"
  if [ -e "$2" ]; then mv -- "$2" "$STAGE/old/"; fi
  mv -- "$1" "$2"
  rm -rf "$STAGE/old"
}

# Puts back what an interrupted `replace` had set aside.
recover() {
  local folder
  for folder in node_modules "$VENV"; do
    if [ ! -e "$folder" ] && [ -e "$STAGE/old/$folder" ]; then mv -- "$STAGE/old/$folder" "$folder"; fi
  done
}

# A link to this folder's stage under a plain name.
plain=
trap '[ -z "$plain" ] || rm -rf "$plain"' EXIT

install_packages() {
  local new=$STAGE/packages workspace key
  key=$(packages_key)
  if is_done "$new/node_modules" "$key"; then
    replace "$new/node_modules" node_modules
    return
  fi
  say "installing npm packages"
  rm -rf "$new"
  mkdir -p "$new"
  cp package.json package-lock.json .npmrc "$new"
  # npm links to the workspaces by relative paths, which hold in this folder as they do there.
  while IFS= read -r workspace; do
    mkdir -p "$new/$workspace"
    cp -R "$workspace/." "$new/$workspace"
  done < <(node -p 'require("./package.json").workspaces.join("\n")')
  if ! (cd "$new" && npm ci --prefer-offline --no-audit --no-fund --loglevel=error); then
    say "npm could not install the packages; what was installed before is as it was"
    exit 1
  fi
  printf '%s\n' "$key" >"$new/node_modules/.glean-setup"
  replace "$new/node_modules" node_modules
}

install_python() {
  local new=$STAGE/venv python key
  key=$(python_key)
  if is_done "$new" "$key"; then
    replace "$new" "$VENV"
    return
  fi
  python=$(find_python)
  say "installing TensorFlow and tf2onnx into $VENV with $("$python" --version) (about 500 MB to download)"
  rm -rf "$new"
  mkdir -p "$STAGE"
  # Python refuses to make an environment under a path with a colon, and programs' first lines hold no path with a blank.
  plain=$(TMPDIR=/tmp mktemp -d)
  ln -s "$(pwd -P)/$STAGE" "$plain/stage"
  if ! {
    "$python" -m venv "$plain/stage/venv" &&
      "$plain/stage/venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r "$REQUIREMENTS" &&
      "$new/bin/python" pipeline/python/relocatable.py "$new"
  }; then
    say "the Python environment could not be made; what was installed before is as it was"
    exit 1
  fi
  printf '%s\n' "$key" >"$new/.glean-setup"
  replace "$new" "$VENV"
}

# tfjs-node's own install script downloads libtensorflow; the Python wheel holds the same library and headers. The two source files are
# compiled here and not by node-gyp, whose make rules break on blanks, colons and quotes in a path. The headers of Node-API come from npm,
# because not every installation of Node.js has its own; one build serves all versions of Node.js.
build_binding() {
  local new=$STAGE/binding log=$STAGE/binding.log key compiler tensorflow
  key=$(binding_key)
  compiler=$(find_compiler)
  tensorflow=$(cd "$VENV" && printf '%s' lib/python3.*/site-packages/tensorflow)
  say "building tfjs-node's native binding"
  rm -rf "$new"
  mkdir -p "$new/lib/napi-v8"
  # The library is found from where the binding will lie: node_modules/@tensorflow/tfjs-node/lib/napi-v8.
  if ! "$compiler" -std=gnu++17 -O3 -fPIC -pthread -shared -DNAPI_VERSION=8 -I node_modules/node-api-headers/include -I "$VENV/$tensorflow/include" \
    -o "$new/lib/napi-v8/tfjs_binding.node" "$TFJS/binding/tfjs_backend.cc" "$TFJS/binding/tfjs_binding.cc" \
    -L "$VENV/$tensorflow" -l:libtensorflow_cc.so.2 -l:libtensorflow_framework.so.2 \
    "-Wl,-rpath,\$ORIGIN/../../../../../$VENV/$tensorflow" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    say "tfjs-node's binding did not build; the whole log is in $log"
    exit 1
  fi
  rm -rf "$TFJS/.glean-setup" "$TFJS/lib" "$TFJS/deps"
  mv "$new/lib" "$TFJS/lib"
  # Prove that the binding loads and is the native backend before it is called done.
  node --import tsx --import ./src/train/before-tfjs.ts -e 'const tf = require("@tensorflow/tfjs-node"); if (tf.getBackend() !== "tensorflow" || tf.matMul([[2]], [[3]]).dataSync()[0] !== 6) process.exit(1)' >>"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    say "tfjs-node's binding was built but does not work; the whole log is in $log"
    exit 1
  }
  printf 'binding %s\n' "$key" >"$TFJS/.glean-setup"
}

check_path
check_node
case "${1:-}" in
  --check)
    check_platform
    check_python
    check_compiler
    fail_on_problems
    exit 0
    ;;
  packages) whole=false ;;
  '') whole=true ;;
  *)
    say "found '$1', expected nothing, 'packages' or '--check'"
    exit 2
    ;;
esac
fail_on_problems
all_done() { packages_done && { ! $whole || { python_done && binding_done; }; }; }
all_done && [ ! -e "$STAGE" ] && exit 0

if command -v flock >/dev/null; then
  exec 9>.setup.lock
  if ! flock -n 9; then
    all_done && exit 0
    say "waiting for another set-up in this folder"
    flock 9
  fi
fi
recover
case "$(pwd -P)" in
  *'#'*) say "Vite cannot build the page in a folder with '#' in its path; all but make web works in $(pwd -P)" ;;
esac
if $whole; then
  check_platform
  python_done || check_python
  python_done && binding_done || check_compiler
  fail_on_problems
fi
packages_done || install_packages
if $whole; then
  python_done || install_python
  binding_done || build_binding
fi
rm -rf "$STAGE"
