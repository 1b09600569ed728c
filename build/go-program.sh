#!/bin/sh
# sh build/go-program.sh NAME: the path of a program that is had as a Go module only, built once: actionlint, registry. Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")/.."
name=${1:-}
case $name in
actionlint)
  package=github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
  key=${package##*@}
  ;;
registry)
  package=.
  key=$(cat test/registry/* | sha256sum | cut -c1-8)
  ;;
*)
  echo "go-program: no program $name" >&2
  exit 2
  ;;
esac
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/$name-$key
if [ -x "$out/$name" ]; then
  echo "$out/$name"
  exit 0
fi
# Where Go's own archive puts it.
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo "go-program: $name is built by Go, which is not installed: install Go 1.26 or later (an older one from 1.21 on fetches it by itself)" >&2
  exit 3
fi

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
# A module of ours lies in test/NAME.
[ "$package" != . ] || cd "test/$name"
GOBIN="$work" CGO_ENABLED=0 nice go install -trimpath -buildvcs=false "$package" >&2
# Complete or absent.
chmod 755 "$work"
mv -T "$work" "$out" 2>/dev/null || [ -x "$out/$name" ]
echo "$out/$name"
