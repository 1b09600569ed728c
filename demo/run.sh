#!/bin/sh
# The tour: both walkthroughs, done by the built plugins on a throw-away "host" with its own network, mounts and processes.
# Prints every command with what came out and checks it. Nothing of it is left when it ends, nothing of this machine's network is touched.
set -eu
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "the tour makes network namespaces, which needs root: sudo make demo" >&2; exit 1; }
plugins=$PWD/dist/cni
node=$(echo "$PWD"/node_modules/node-linux-*/bin/node)
agent=$PWD/dist/agent/podwire-agent
tour=$PWD/demo
exec unshare --net --mount --pid --fork --kill-child env PLUGINS="$plugins" AGENT="$agent" NODE="$node" TOUR="$tour" sh "$tour/host.sh"
