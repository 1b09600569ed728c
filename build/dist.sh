#!/bin/sh
# dist/cni: one static binary, once under each plugin's name.
set -eu
cd "$(dirname "$0")/.."
sh build/native.sh src/plugin/main.ts dist/cni/bridge
for name in host-local static loopback; do
  ln -f dist/cni/bridge "dist/cni/$name"
done
