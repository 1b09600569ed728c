#!/bin/sh
# Prints the folder of the programs that kind's clusters want besides e2e/cluster's: Debian's Docker (dockerd, docker, docker-proxy), kind and crictl.
# Docker's package is unpacked and not installed: installed, it would start an engine in the machine's own network. Half a minute the first time, then nothing.
# Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")"
kind=v0.33.0
crictl=v1.37.0
key=$(cat programs.sh | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/kind-$kind-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'kind: Go is not installed: install Go 1.26 or later (an older one from 1.21 on fetches it by itself)' >&2
  exit 3
fi
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/out" "$work/debs"

# From Debian 13 on the client is a package of its own.
packages=docker.io
[ -z "$(apt-cache search --names-only '^docker-cli$')" ] || packages="$packages docker-cli"
# shellcheck disable=SC2086
(
  cd "$work/debs"
  download() { apt-get -o APT::Sandbox::User=root download -qq $packages; }
  download 2>/dev/null || { apt-get update -qq && download; }
) >&2
for deb in "$work"/debs/*.deb; do dpkg-deb --extract "$deb" "$work/unpacked"; done
for program in dockerd docker docker-proxy; do
  find "$work/unpacked" -type f -name "$program" -path '*bin/*' -exec cp {} "$work/out/" \;
done
GOBIN="$work/out" CGO_ENABLED=0 nice go install -trimpath -buildvcs=false -ldflags '-s -w' "sigs.k8s.io/kind@$kind" >&2
GOBIN="$work/out" CGO_ENABLED=0 nice go install -trimpath -buildvcs=false -ldflags '-s -w' "sigs.k8s.io/cri-tools/cmd/crictl@$crictl" >&2
# What kind's own image is made of: its entry point, units and containerd's configuration.
cp -r "$(go env GOMODCACHE)/sigs.k8s.io/kind@$kind/images/base/files" "$work/out/node-files"
chmod -R u+w "$work/out"
chmod 755 "$work/out"
mv -T "$work/out" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
