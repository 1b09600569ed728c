#!/bin/sh
# sh build/native.sh ENTRY.ts OUT [[+]NAME=FILE.ts…]: ENTRY with the native host around it, as one static binary.
# Each NAME is a segment that the program loads by that name when it needs it (src/host/segment.ts); what segments share is in it once.
# ENTRY is read when it is built and runs when it is called; a segment with a + is also run when it is built: its top level must not ask who calls.
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
# Room for the image and what a run adds to it; pages that are never touched cost nothing.
heap_at=0x10000000 heap_size=0x200000
# Read at each start, or once by the build: where the code lies must not move anything else.
code_at=0x20000000

ahead=
for segment; do
  shift
  case $segment in +*) ahead="$ahead $(expr "$segment" : '+\(.*\)=').js" ;; esac
  set -- "$@" "${segment#+}"
done
"$root/node_modules/.bin/esbuild" "main=$entry" "$@" --bundle --splitting --format=esm --platform=neutral --target=es2023 \
  --minify-syntax --define:PODWIRE_VERSION="\"$version\"" --log-level=warning --outdir="$work"

compile() {
  $CC -c -O2 -Wall -Wextra -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -isystem "$quickjs" -I "$root/native" "$@"
}

# code OBJECT FILE…: those segments as arrays, and the table in which the host looks them up.
code() {
  object=$1
  shift
  {
    printf '#include "host.h"\n#include "segments.c"\nconst Segment podwire_segments[] = {\n'
    for file; do
      array=qjsc_$(printf %s "${file%.js}" | tr -c 'a-zA-Z0-9_' _)
      printf '    { "%s", %s, sizeof %s },\n' "$file" "$array" "$array"
    done
    printf '    { 0 },\n};\n'
  } >table.c
  compile -w -fno-pie -fno-data-sections -fno-merge-constants -o "$object" table.c
  "$($CC -print-prog-name=objcopy)" --rename-section .rodata=.code "$object"
}

# heap OBJECT USED: the heap, of which so many bytes are in the file `image`.
heap() {
  {
    printf '.globl podwire_heap, podwire_heap_end\n.section .note.GNU-stack, "", %%progbits\n'
    [ "$2" = 0 ] || printf '.section .image, "aw", %%progbits\npodwire_heap: .incbin "image"\n'
    printf '.section .heap, "aw", %%nobits\n'
    [ "$2" != 0 ] || printf 'podwire_heap:\n'
    printf '.space %d\npodwire_heap_end:\n' $((heap_size - $2))
  } >heap.s
  $CC -c -o "$1" heap.s
}

# link PROGRAM USED OBJECT…: no relocation at start, and few pieces for the kernel to map.
link() {
  program=$1 used=$2
  shift 2
  $CC -static -no-pie -Wl,-z,noseparate-code -Wl,--gc-sections -Wl,--section-start=.image=$heap_at -Wl,--section-start=.code=$code_at \
    -Wl,--section-start=.heap="$(printf 0x%x $((heap_at + used)))" -o "$program" native-*.o "$@" "$quickjs/libquickjs.a" -lm
}

# Where everything lies that an image may point to.
layout() {
  "$($CC -print-prog-name=nm)" "$1" | grep -v ' podwire_heap\| podwire_segments$\| qjsc_'
}

# The program as it is without an image; it makes the image, and the program with it takes its place.
build() {
  cd "$work"
  # Entries are named; qjsc finds what they import. No line tables: reading those was a fifth of start-up (docs/decisions/0003). Stacks still name functions.
  "$quickjs/qjsc" -s -c -m -o all.c $(ls ./*.js | sed 's,^\./,,' | grep -v '^chunk-')
  # What the table does not name falls away.
  sed 's/^const /static &/' all.c >segments.c
  for file in "$root"/native/*.c; do
    compile -o "native-$(basename "$file" .c).o" "$file"
  done
  code code.o *.js
  heap heap.o 0
  link program 0 code.o heap.o

  case $($CC -dumpmachine) in
  "$(uname -m)"-*) add_image ;;
  *) echo "native: programs for $($CC -dumpmachine) do not run here; $out will read its code at each start" >&2 ;;
  esac
  "$($CC -print-prog-name=strip)" program
}

add_image() {
  # Where addresses are not random, and with no environment, so that the same sources give the same image.
  same=
  ! setarch -R true 2>/dev/null || same='setarch -R'
  env -i $same ./program --image image $ahead >held
  used=$((($(wc -c <image) + 4095) / 4096 * 4096))
  truncate -s $used image
  code rest.o $(ls *.js | grep -vxFf held)
  heap image.o $used
  link program.image $used rest.o image.o
  layout program >layout
  layout program.image | cmp - layout
  mv program.image program
}

(build)
mkdir -p "$(dirname "$out")"
mv "$work/program" "$out.new.$$"
mv "$out.new.$$" "$out"
