#!/bin/sh
# sh build/openapi.sh VERSION: the path of Kubernetes' own description of its API at that version (OpenAPI 2), from its Go module, fetched once. Exits 3 where there is no Go.
set -eu
version=$1
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/openapi-$version.json
if [ -f "$out" ]; then
  echo "$out"
  exit 0
fi
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'openapi: Go is not installed' >&2
  exit 3
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# What the machine's own module cache has need not be fetched again; nothing is added to it.
GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" GOFLAGS=-modcacherw GOMODCACHE="$work" GOTOOLCHAIN=local \
  go mod download "k8s.io/kubernetes@$version" >&2
mkdir -p "$(dirname "$out")"
cp "$work/k8s.io/kubernetes@$version/api/openapi-spec/swagger.json" "$out.new.$$"
mv "$out.new.$$" "$out"
echo "$out"
