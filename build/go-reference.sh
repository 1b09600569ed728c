#!/bin/sh
# Builds the Go reference plugins and cnitool, which the benchmarks and the mixed-use tests compare with. Prints the folder that holds them.
# Built as upstream's release is: static, no cgo. Exits 3 where there is no Go.
set -eu
plugins=v1.9.1
cnitool=v1.3.0
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/go-reference-$plugins
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
if ! command -v go >/dev/null; then
  echo 'go-reference: Go is not installed: install Go 1.24 or later, or do without the comparison' >&2
  exit 3
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GOBIN="$work/bin" CGO_ENABLED=0

module=github.com/containernetworking/plugins
set --
for plugin in main/bridge main/loopback main/ptp ipam/host-local ipam/static meta/bandwidth meta/firewall meta/portmap meta/tuning; do
  set -- "$@" "$module/plugins/$plugin@$plugins"
done
go install -ldflags "-extldflags -static -X $module/pkg/utils/buildversion.BuildVersion=$plugins" "$@" >&2
go install "github.com/containernetworking/cni/cnitool@$cnitool" >&2

# Complete or absent: an interrupted build must not be taken for a cached one.
mkdir -p "$(dirname "$out")"
mv -T "$GOBIN" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
