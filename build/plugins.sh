#!/bin/sh
# sh build/plugins.sh [FOLDER]: one static binary, under the name of each plugin it is, in FOLDER (dist/cni).
set -eu
cd "$(dirname "$0")/.."
out=${1:-dist/cni}
sh build/native.sh src/plugin/main.ts "$out/podwire" \
  bridge=src/plugin/plugins/bridge/index.ts \
  host-local=src/plugin/plugins/ipam/host-local.ts \
  loopback=src/plugin/plugins/loopback/index.ts \
  +podwire=src/plugin/plugins/podwire/index.ts \
  host-ports=src/plugin/host-ports/index.ts \
  bandwidth-rules=src/plugin/shaping/limit.ts \
  bandwidth=src/plugin/plugins/bandwidth/index.ts \
  firewall=src/plugin/plugins/firewall/index.ts \
  sbr=src/plugin/plugins/sbr/index.ts \
  tuning=src/plugin/plugins/tuning/index.ts \
  portmap=src/plugin/plugins/portmap/index.ts \
  portmap-iptables=src/plugin/plugins/portmap/iptables.ts \
  portmap-nftables=src/plugin/plugins/portmap/nftables.ts \
  ptp=src/plugin/plugins/ptp/index.ts \
  static=src/plugin/plugins/ipam/static.ts \
  liveness=src/liveness/index.ts \
  ipam-rpc=src/ipam/rpc/index.ts \
  masquerade=src/plugin/masquerade/backends.ts \
  spoof-check=src/plugin/plugins/bridge/spoof-check.ts \
  misc=src/plugin/bundles/misc.ts \
  macvlan-ipvlan=src/plugin/bundles/macvlan-ipvlan.ts \
  cli=src/cli/index.ts
for name in $(sed -n '/^const plugins = \[/,/\]$/p' src/plugin/main.ts | grep -o "'[a-z-]*'" | tr -d "'"); do
  [ "$name" = podwire ] || ln -f "$out/podwire" "$out/$name"
done
