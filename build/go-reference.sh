#!/bin/sh
# Builds the Go reference plugins and cnitool, which the benchmarks and the mixed-use tests compare with. Prints the folder that holds them.
# Built as upstream's release is: static, no cgo. What is there already is not built again. Exits 3 where there is no Go.
set -eu
plugins=v1.9.1
cnitool=v1.3.0
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/go-reference-$plugins
module=github.com/containernetworking/plugins
set --
for plugin in main/bridge main/loopback main/macvlan main/ptp ipam/host-local ipam/static meta/bandwidth meta/firewall meta/portmap meta/sbr meta/tuning; do
  [ -x "$out/${plugin#*/}" ] || set -- "$@" "$module/plugins/$plugin@$plugins"
done
tool=
[ -x "$out/cnitool" ] || tool=github.com/containernetworking/cni/cnitool@$cnitool
if [ $# = 0 ] && [ -z "$tool" ]; then
  echo "$out"
  exit 0
fi
# Where Go's own archive puts it.
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'go-reference: Go is not installed: install Go 1.24 or later, or do without the comparison' >&2
  exit 3
fi

mkdir -p "$out"
# In the same file system, so that a name is there complete or not at all.
work=$(mktemp -d "$out/.build-XXXXXX")
trap 'rm -rf "$work"' EXIT
export GOBIN="$work" CGO_ENABLED=0
[ $# = 0 ] || go install -ldflags "-extldflags -static -X $module/pkg/utils/buildversion.BuildVersion=$plugins" "$@" >&2
[ -z "$tool" ] || go install "$tool" >&2
mv -f "$work"/* "$out"
echo "$out"
