#!/bin/sh
# Builds Kubernetes' own tests, and what their pods run, of the version of e2e/cluster/build.sh and with its flags, so that what they share is compiled once.
# Prints the folder that holds them: e2e.test, ginkgo (its parallel runner), agnhost with its certificate, regression-issue-74839, version.
# Some minutes after build.sh, then nothing. Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")"
tools=../cluster/tools
modfile=go.mod
[ "${KUBERNETES:-1.36}" = 1.36 ] || modfile=go-$KUBERNETES.mod
version=$(awk '$1 == "k8s.io/kubernetes" && $3 == "" { print $2 }' "$tools/$modfile")
key=$(cat programs.sh "$tools/$modfile" | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/conformance-$version-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'conformance: Go is not installed: install Go 1.26 or later (an older one from 1.21 on fetches it by itself)' >&2
  exit 3
fi

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "conformance: building the tests of Kubernetes $version: 3 minutes on two cores" >&2
mkdir "$work/module" "$work/out"
cp "$tools/$modfile" "$work/module/go.mod"
cp "$tools/${modfile%.mod}.sum" "$work/module/go.sum"
component=k8s.io/component-base/version
minor=${version#v1.}
(
  # The tests want a few modules besides the programs' own; which versions, Kubernetes says.
  cd "$work/module"
  export CGO_ENABLED=0 GOFLAGS=-mod=mod
  nice go build -trimpath -buildvcs=false -ldflags '-s -w' -o "$work/out/" k8s.io/kubernetes/test/images/agnhost \
    k8s.io/kubernetes/test/images/regression-issue-74839 github.com/onsi/ginkgo/v2/ginkgo
  nice go test -c -vet=off -trimpath -buildvcs=false -ldflags "-s -w -X $component.gitVersion=$version -X $component.gitMajor=1 -X $component.gitMinor=${minor%%.*}" \
    -o "$work/out/e2e.test" k8s.io/kubernetes/test/e2e
  cp "$(go list -m -f '{{.Dir}}' k8s.io/kubernetes)"/test/images/agnhost/porter/localhost.* "$work/out/"
) >&2
echo "$version" >"$work/out/version"

# Complete or absent.
chmod -R u+w,a+rX "$work/out"
mv -T "$work/out" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
