#!/bin/sh
# Types, one run per runtime: the native program knows neither Node nor a DOM.
set -eu
tsc=node_modules/.bin/tsc
$tsc -p build/tsconfig.native.json
$tsc -p tsconfig.json
