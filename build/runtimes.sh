#!/bin/sh
# Builds critest and nerdctl, which the tests of what runtimes expect run. Prints the folder that holds them; a few minutes the first time, then nothing.
# Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")"
critest=v1.37.0
nerdctl=v2.2.0
key=$(sha256sum <runtimes.sh | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/runtimes-$critest-$nerdctl-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
# Where Go's own archive puts it.
PATH=$PATH:/usr/local/go/bin
if ! command -v go >/dev/null; then
  echo 'runtimes: Go is not installed: install Go 1.26 or later (an older one from 1.21 on fetches it by itself)' >&2
  exit 3
fi

mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
export CGO_ENABLED=0

# A copy of the module MODULE VERSION as the folder FOLDER of $work: built in itself it has the dependencies of its release. SUM is that of its
# archive: the checksum database does not have every version that the module proxy has.
copy() {
  module=$1 version=$2 folder=$3 sum=$4
  found=$(cd "$work" && GONOSUMDB=$module go mod download -json "$module@$version")
  case $found in
  *"\"$sum\""*) ;;
  *)
    echo "runtimes: $module $version is not the one that this was written for: $found" >&2
    exit 1
    ;;
  esac
  cp -r "$(echo "$found" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')" "$work/$folder"
  chmod -R u+w "$work/$folder"
}

copy sigs.k8s.io/cri-tools "$critest" cri-tools h1:BmTImEoTX3KPXCLwmIU9mfCC8umUqF4R8WibY9eVU9Y=
# Two of its images have names that no flag changes: they get names of a registry that does not exist, so that nothing can be pulled by mistake.
sed -i 's|^\(\tregistry *= \)"[^"]*"|\1"podwire.test/"|' "$work/cri-tools/pkg/validate/consts.go"
sed -i 's|^\(\tDefaultRegistryPrefix *= \)"[^"]*"|\1"podwire.test"|' "$work/cri-tools/pkg/framework/test_context.go"
# It is a test: `go install` finds no program there.
(cd "$work/cri-tools" && go test -c -trimpath -buildvcs=false -ldflags "-s -w -X sigs.k8s.io/cri-tools/pkg/version.Version=$critest" -o "$work/bin/critest" ./cmd/critest >&2)

copy github.com/containerd/nerdctl/v2 "$nerdctl" nerdctl h1:dTJO0gUak1FYg+PyG2+fc6L4Z3TIvH4T+Sa0vQFakAo=
# A helper of its tests, in the program's own package, needs a module that is not published.
rm "$work/nerdctl/cmd/nerdctl/helpers/testing_linux.go"
(
  cd "$work/nerdctl"
  go mod edit -dropreplace=github.com/containerd/nerdctl/mod/tigron@v0.0.0 -droprequire=github.com/containerd/nerdctl/mod/tigron
  go build -trimpath -buildvcs=false -ldflags "-s -w -X github.com/containerd/nerdctl/v2/pkg/version.Version=$nerdctl" -o "$work/bin/nerdctl" ./cmd/nerdctl >&2
)

# Complete or absent: an interrupted build must not be taken for a cached one.
mv -T "$work/bin" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
