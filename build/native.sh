#!/bin/sh
# sh build/native.sh ENTRY.ts OUT: a script with the native host around it, as one static binary.
set -eu
CC=${CC:-musl-gcc}
export CC
entry=$1
out=$2
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
quickjs=$(sh "$root/build/quickjs.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One module that imports nothing: the host has no loader.
"$root/node_modules/.bin/esbuild" "$entry" --bundle --format=esm --platform=neutral --target=es2023 \
  --minify-syntax --define:PODWIRE_VERSION="\"$version\"" --log-level=warning --outfile="$work/podwire.js"
# Line numbers stay in for stacks, the source and our folder do not.
(cd "$work" && "$quickjs/qjsc" -c -m -N podwire_bytecode -o bytecode.c podwire.js)
mkdir -p "$(dirname "$out")"
# No debug sections, no unused sections, no relocation at start.
$CC -static -no-pie -O2 -Wall -Wextra -ffunction-sections -fdata-sections -Wl,--gc-sections -s -isystem "$quickjs" \
  -o "$out.new.$$" "$root"/native/*.c "$work/bytecode.c" "$quickjs/libquickjs.a" -lm
mv "$out.new.$$" "$out"
