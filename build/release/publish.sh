#!/bin/sh
# sh build/release/publish.sh REGISTRY [FOLDER]: copies a release's image and chart (dist/release) to REGISTRY, a HOST/PATH: REGISTRY/podwire and REGISTRY/charts/podwire.
# Prints the two by digest, on lines of their own. Log in before (`skopeo login`, `helm registry login`, or `docker login` for both); PLAIN_HTTP=1 where the registry has no TLS.
set -eu
registry=$1
here=$(cd "$(dirname "$0")/../.." && pwd)
folder=${2:-$here/dist/release}
helm=$(sh "$here/build/helm.sh")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# one GLOB: the path of the only file of that form.
one() {
  set -- "$folder"/$1
  if [ $# != 1 ] || [ ! -f "$1" ]; then
    echo "publish: there is no release in $folder: run \`make release\`" >&2
    exit 1
  fi
  echo "$1"
}
image=$(one 'podwire-image-v*.tar')
chart=$(one 'podwire-[0-9]*.tgz')
version=${image##*/podwire-image-v}
version=${version%.tar}
(cd "$folder" && sha256sum --check --quiet SHA256SUMS) >&2

# The digest that the chart names has to be the one in the registry. No policy of the machine decides about our own file.
skopeo --insecure-policy copy --quiet --all --preserve-digests ${PLAIN_HTTP:+--dest-tls-verify=false} --digestfile "$work/image" \
  "oci-archive:$image" "docker://$registry/podwire:$version" >&2
# Helm writes the file's time into what it pushes: as in a release of the same bytes, wherever the file was since.
touch -d "@${SOURCE_DATE_EPOCH:-0}" "$chart"
"$helm" push "$chart" "oci://$registry/charts" ${PLAIN_HTTP:+--plain-http} >"$work/chart" 2>&1 || { cat "$work/chart" >&2; exit 1; }
digest=$(sed -n 's/^Digest: //p' "$work/chart")
[ -n "$digest" ] || { cat "$work/chart" >&2; exit 1; }
echo "$registry/podwire@$(cat "$work/image")"
echo "$registry/charts/podwire@$digest"
