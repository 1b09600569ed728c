#!/bin/sh
# Builds dist/cni: one static binary, under the name of each plugin it is.
set -eu
cd "$(dirname "$0")/.."
sh build/native.sh src/plugin/main.ts dist/cni/podwire
for name in bridge host-local static loopback; do
  ln -f dist/cni/podwire "dist/cni/$name"
done
