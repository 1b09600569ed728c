#!/bin/sh
# Builds the images that pods of the scenarios run and prints the folder that holds their archives: pause.tar, and tools.tar with busybox and probe.
# Seconds the first time, then nothing. Needs musl-gcc and busybox-static.
# Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")"
key=$(cat images.sh image.sh pause.c probe/main.go | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/e2e-images-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'e2e: Go is not installed: install Go 1.26 or later (an older one from 1.21 on fetches it by itself)' >&2
  exit 3
fi
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/images" "$work/pause" "$work/tools" "$work/tools/bin" "$work/tools/etc" "$work/tools/tmp"

musl-gcc -static -Os -s -o "$work/pause/pause" pause.c
sh image.sh podwire.test/pause:1 "$work/pause" '{"Entrypoint":["/pause"]}' "$work/images/pause.tar"

(cd probe && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/tools/bin/probe" . >&2)
cp /bin/busybox "$work/tools/bin/"
for applet in $(/bin/busybox --list); do
  [ "$applet" = busybox ] || ln -s busybox "$work/tools/bin/$applet"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$work/tools/etc/passwd"
sh image.sh podwire.test/tools:1 "$work/tools" '{"Env":["PATH=/bin"],"Cmd":["sleep","infinity"]}' "$work/images/tools.tar"

mv -T "$work/images" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
