#!/bin/sh
# Builds dist/agent: the agent as one file, and the script that starts it.
set -eu
cd "$(dirname "$0")/.."
out=${1:-dist/agent}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
mkdir -p "$out"
node_modules/node-linux-*/bin/node build/agent-bundle.ts "$out/podwire-agent.mjs" "$version"
cp build/agent-start.sh "$out/podwire-agent.new.$$"
chmod 755 "$out/podwire-agent.new.$$"
mv "$out/podwire-agent.new.$$" "$out/podwire-agent"
