#!/bin/sh
# sh build/image/node.sh NAME: the folder of npm's package NAME, a Node.js for some architecture: the installed one, or one fetched at the version and checked by the digest of package-lock.json.
set -eu
cd "$(dirname "$0")/../.."
name=$1
if [ -d "node_modules/$name" ]; then
  echo "$PWD/node_modules/$name"
  exit 0
fi
version=$(sed -n "s/^    \"$name\": \"\(.*\)\",\{0,1\}$/\1/p" package.json)
integrity=$(sed -n "/^    \"node_modules\/$name\": {/,/^    }/s/^      \"integrity\": \"sha512-\(.*\)\",\{0,1\}$/\1/p" package-lock.json)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/$name-$version
if [ ! -d "$out" ]; then
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  npm pack --silent --pack-destination "$work" "$name@$version" >&2
  digest=$(openssl dgst -sha512 -binary "$work"/*.tgz | openssl base64 -A)
  if [ "$digest" != "$integrity" ]; then
    echo "image: $name@$version is not what package-lock.json says: sha512-$digest" >&2
    exit 1
  fi
  mkdir -p "$(dirname "$out")" "$out.new.$$"
  tar -xzf "$work"/*.tgz -C "$out.new.$$" --strip-components=1 --no-same-owner package/bin/node package/LICENSE package/package.json
  mv -T "$out.new.$$" "$out"
fi
echo "$out"
