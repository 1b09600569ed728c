#!/bin/sh
# Starts the agent in this script's directory. NODE names the Node.js to use, 24 or later.
# The limits make the engine give memory back instead of keeping it for speed that is not needed here; docs/benchmarks.md has the figures.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
here=$(dirname "$(readlink -f "$0")")
exec "${NODE:-node}" --max-old-space-size=64 --max-semi-space-size=1 --optimize-for-size "$here/podwire-agent.mjs" "$@"
