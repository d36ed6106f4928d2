#!/usr/bin/env bash
# Brings the jar of ONNX Runtime with Maven, of the version and SHA-256 in onnxruntime.sha256, and prints its path. Maven's
# repository is in this folder too, so nothing is written elsewhere; what is there already is only checked.
set -euo pipefail
unset CDPATH
cd -- "$(dirname -- "$0")"

read -r sha256 jar <onnxruntime.sha256
version=${jar#onnxruntime-}
version=${version%.jar}
path=.maven/com/microsoft/onnxruntime/onnxruntime/$version/$jar
if ! [ -f "$path" ]; then
  command -v mvn >/dev/null || { echo "make jvm: no 'mvn' on PATH; Maven brings ONNX Runtime (Debian: apt-get install maven)" >&2; exit 1; }
  mvn --quiet --batch-mode "-Dmaven.repo.local=$PWD/.maven" org.apache.maven.plugins:maven-dependency-plugin:3.8.1:get \
    "-Dartifact=com.microsoft.onnxruntime:onnxruntime:$version" -Dtransitive=false >&2
fi
if ! printf '%s  %s\n' "$sha256" "$path" | sha256sum --check --quiet >&2; then
  rm -f "$path"
  echo "make jvm: $jar is not the file whose SHA-256 is in jvm/onnxruntime.sha256; it was removed" >&2
  exit 1
fi
printf '%s\n' "$PWD/$path"
