#!/bin/sh
# sh build/native.sh ENTRY.ts OUT [NAME=FILE.ts…]: ENTRY with the native host around it, as one static binary.
# Each NAME is a segment that the program loads by that name when it needs it (src/host/segment.ts); what segments share is in it once.
set -eu
CC=${CC:-musl-gcc}
export CC
entry=$1
out=$2
shift 2
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$root/package.json")
quickjs=$(sh "$root/build/quickjs.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$root/node_modules/.bin/esbuild" "main=$entry" "$@" --bundle --splitting --format=esm --platform=neutral --target=es2023 \
  --minify-syntax --define:PODWIRE_VERSION="\"$version\"" --log-level=warning --outdir="$work"

# Compiled code as C arrays, without line tables: reading those was a fifth of start-up (docs/decisions/0003). Stacks still name functions.
# Entries are named; qjsc finds what they import. The host looks segments up in a table, main first.
(
  cd "$work"
  set -- main.js
  for file in *.js; do
    case $file in main.js | chunk-*) ;; *) set -- "$@" "$file" ;; esac
  done
  "$quickjs/qjsc" -s -c -m -o segments.c "$@"
  {
    printf '#include "host.h"\n#include "segments.c"\nconst Segment podwire_segments[] = {\n'
    for file in "$@" chunk-*.js; do
      [ -f "$file" ] || continue
      array=qjsc_$(printf %s "${file%.js}" | tr -c 'a-zA-Z0-9_' _)
      printf '    { "%s", %s, sizeof %s },\n' "$file" "$array" "$array"
    done
    printf '    { 0 },\n};\n'
  } >table.c
)
mkdir -p "$(dirname "$out")"
# No debug sections, no unused sections, no relocation at start.
$CC -static -no-pie -O2 -Wall -Wextra -ffunction-sections -fdata-sections -Wl,--gc-sections -s -isystem "$quickjs" -I "$root/native" \
  -o "$out.new.$$" "$root"/native/*.c "$work/table.c" "$quickjs/libquickjs.a" -lm
mv "$out.new.$$" "$out"
