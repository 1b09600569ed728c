#!/bin/sh
# Builds the programs of the cluster from Go modules and prints the folder that holds them. About 10 minutes on two cores the first time, then nothing.
# KUBERNETES=1.37 takes the versions of tools/go-1.37.mod; without it those of tools/go.mod, which is 1.36.
# runc and the older containerd are Debian's (sh build/setup.sh clients cluster): a runc of `go build` lacks seccomp, which every pod asks for.
# Exits 3 where there is no Go.
set -eu
cd "$(dirname "$0")"
modfile=go.mod
[ "${KUBERNETES:-1.36}" = 1.36 ] || modfile=go-$KUBERNETES.mod
if [ ! -e "tools/$modfile" ]; then
  echo "e2e: there is no tools/$modfile, so KUBERNETES=$KUBERNETES cannot be built" >&2
  exit 2
fi
# The version of a module that we require ourselves.
version() { awk -v module="$1" '$1 == module && $3 == "" { print $2 }' "tools/$modfile"; }
kubernetes=$(version k8s.io/kubernetes)
containerd=$(version github.com/containerd/containerd/v2)
helm=$(version helm.sh/helm/v4)
key=$(cat build.sh tools/go.mod "tools/$modfile" | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/cluster-$kubernetes-$containerd-$key
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
echo "e2e: building Kubernetes $kubernetes, etcd, containerd and Helm: about 10 minutes on two cores" >&2
component=k8s.io/component-base/version
minor=${kubernetes#v1.}
flags="-s -w -X $component.gitVersion=$kubernetes -X $component.gitMajor=1 -X $component.gitMinor=${minor%%.*} \
  -X github.com/containerd/containerd/v2/version.Version=$containerd -X helm.sh/helm/v4/internal/version.version=$helm"
# build MODFILE PACKAGE…
build() (
  modfile=$1
  shift
  cd tools
  CGO_ENABLED=0 nice go build -modfile="$modfile" -trimpath -buildvcs=false -o "$work/" -ldflags "$flags" "$@" >&2
)
build "$modfile" k8s.io/kubernetes/cmd/kube-apiserver k8s.io/kubernetes/cmd/kube-controller-manager k8s.io/kubernetes/cmd/kube-scheduler \
  k8s.io/kubernetes/cmd/kubelet k8s.io/kubernetes/cmd/kube-proxy k8s.io/kubernetes/cmd/kubectl k8s.io/kubernetes/cmd/kubeadm \
  helm.sh/helm/v4/cmd/helm go.etcd.io/etcd/server/v3
# With 1.36's modules whatever Kubernetes is: of 1.37 the names in k8s.io/cri-api are others, and containerd 2.3 does not compile with them.
build go.mod github.com/containerd/containerd/v2/cmd/containerd github.com/containerd/containerd/v2/cmd/ctr \
  github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
# Go names a program by its folder.
mv "$work/server" "$work/etcd"

# Complete or absent: an interrupted build must not be taken for a cached one.
chmod 755 "$work"
mv -T "$work" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
