#!/bin/sh
# Builds dist/agent/podwire-hook.mjs: what the chart's hooks run, bundled as the agent is.
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
mkdir -p dist/agent
node_modules/node-linux-*/bin/node build/agent-bundle.ts dist/agent/podwire-hook.mjs "$version" src/hook/main.ts
