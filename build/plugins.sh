#!/bin/sh
# sh build/plugins.sh [FOLDER]: one static binary, under the name of each plugin it is, in FOLDER (dist/cni).
set -eu
cd "$(dirname "$0")/.."
out=${1:-dist/cni}
sh build/native.sh src/plugin/main.ts "$out/podwire" \
  bridge=src/plugin/bridge/index.ts \
  host-local=src/plugin/host-local.ts \
  loopback=src/plugin/loopback.ts \
  +podwire=src/plugin/podwire/index.ts \
  host-ports=src/plugin/podwire/host-ports.ts \
  bandwidth-rules=src/plugin/podwire/bandwidth.ts \
  bandwidth=src/plugin/bandwidth/index.ts \
  firewall=src/plugin/firewall/index.ts \
  sbr=src/plugin/sbr/index.ts \
  tuning=src/plugin/tuning/index.ts \
  portmap=src/plugin/portmap/index.ts \
  portmap-iptables=src/plugin/portmap/iptables.ts \
  portmap-nftables=src/plugin/portmap/nftables.ts \
  ptp=src/plugin/ptp/index.ts \
  static=src/plugin/static.ts \
  masquerade=src/plugin/masquerade/backends.ts \
  spoof-check=src/plugin/spoof-check.ts \
  rare=src/plugin/rare.ts \
  stacked=src/plugin/stacked/index.ts \
  cli=src/cli/index.ts
for name in $(sed -n '/^const plugins = \[/,/\]$/p' src/plugin/main.ts | grep -o "'[a-z-]*'" | tr -d "'"); do
  [ "$name" = podwire ] || ln -f "$out/podwire" "$out/$name"
done
