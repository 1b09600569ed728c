#!/bin/sh
# Builds CoreDNS and prints the folder that holds it: coredns, and coredns.tar with the image podwire.test/coredns:1. Minutes the first time, then nothing.
# Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")"
key=$(cat coredns.sh image.sh coredns/* | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/coredns-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'e2e: Go is not installed: install Go 1.26 or later (an older one from 1.21 on fetches it by itself)' >&2
  exit 3
fi
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/root" "$work/out"
(cd coredns && CGO_ENABLED=0 nice go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/out/coredns" . >&2)
cp "$work/out/coredns" "$work/root/"
sh image.sh podwire.test/coredns:1 "$work/root" '{"Entrypoint":["/coredns"]}' "$work/out/coredns.tar"
chmod 755 "$work/out"
mv -T "$work/out" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
