#!/bin/sh
# Builds dist/cni: one static binary, under the name of each plugin it is.
set -eu
cd "$(dirname "$0")/.."
sh build/native.sh src/plugin/main.ts dist/cni/podwire \
  bridge=src/plugin/bridge/index.ts \
  host-local=src/plugin/host-local.ts \
  loopback=src/plugin/loopback.ts \
  podwire=src/plugin/podwire/index.ts \
  host-ports=src/plugin/podwire/host-ports.ts \
  bandwidth=src/plugin/podwire/bandwidth.ts \
  static=src/plugin/static.ts \
  masquerade=src/plugin/masquerade/backends.ts \
  spoof-check=src/plugin/spoof-check.ts
for name in bridge host-local static loopback; do
  ln -f dist/cni/podwire "dist/cni/$name"
done
