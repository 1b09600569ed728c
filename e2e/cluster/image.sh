#!/bin/sh
# sh image.sh 'NAME…' FOLDER CONFIG ARCHIVE ['NAME…' CONFIG]…: an image of one layer, the folder, as an archive that `ctr images import` takes (the format of
# `docker save`), and further images of the same layer. A NAME has to be fully qualified and its tag not `latest`: a node that has it then never asks a registry for it.
set -eu
names=$1 folder=$2 config=$3 archive=$4
shift 4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
pack() { tar -C "$1" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf "$2" .; }

mkdir "$work/image"
pack "$folder" "$work/image/layer.tar"
layer=$(sha256sum "$work/image/layer.tar" | cut -d' ' -f1)
architecture=$(uname -m | sed 's/x86_64/amd64/; s/aarch64/arm64/')

# describe 'NAME…' CONFIG: writes the image's configuration and prints its entry in the manifest.
describe() {
  printf '{"architecture":"%s","os":"linux","config":%s,"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{}]}' \
    "$architecture" "$2" "$layer" >"$work/config.json"
  id=$(sha256sum "$work/config.json" | cut -d' ' -f1)
  mv "$work/config.json" "$work/image/$id.json"
  # shellcheck disable=SC2086
  tags=$(printf '"%s",' $1)
  printf '{"Config":"%s.json","RepoTags":[%s],"Layers":["layer.tar"]}' "$id" "${tags%,}"
}
manifest=$(describe "$names" "$config")
while [ $# -gt 0 ]; do
  manifest=$manifest,$(describe "$1" "$2")
  shift 2
done
printf '[%s]' "$manifest" >"$work/image/manifest.json"
pack "$work/image" "$archive"
