#!/bin/sh
# sh node-image.sh PROGRAMS TOOLS COREDNS: an image for kind's nodes in the engine of DOCKER_HOST, made as kind's Dockerfile makes its own; prints its name.
# PROGRAMS is programs.sh's folder, TOOLS e2e/cluster/build.sh's, COREDNS a program. Two minutes the first time, then nothing.
set -eu
programs=$1 tools=$2 coredns=$3
here=$(cd "$(dirname "$0")" && pwd)
version=$("$tools/kubelet" --version | awk '{ print $2 }')
key=$({ cat "$here/node-image.sh" "$here/kube-images.sh" "$here/root.sh"; echo "$programs" "$tools" "$coredns"; } | sha256sum | cut -c1-8)
name=podwire.test/node:$version-$key
if "$programs/docker" image inspect "$name" >/dev/null 2>&1; then
  echo "$name"
  exit 0
fi
base=$(sh "$here/root.sh")
plugins=$(sh "$here/../../build/go-reference.sh")
echo "kind: building a node image with Kubernetes $version" >&2
work=$(mktemp -d "${XDG_CACHE_HOME:-$HOME/.cache}/podwire/kind-node.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"
cp -a "$base/." "$root/"

cp -r "$programs"/node-files/* "$root/"
chmod 755 "$root"/usr/local/bin/* "$root/kind" "$root/kind/bin" "$root"/kind/bin/*
install -m 755 "$tools/containerd" "$tools/ctr" "$tools/containerd-shim-runc-v2" "$programs/crictl" "$root/usr/local/bin/"
install -m 755 "$tools/kubelet" "$tools/kubectl" "$tools/kubeadm" "$root/usr/bin/"
# Debian's: one of `go build` lacks seccomp, which every pod asks for.
install -m 755 "$root/usr/sbin/runc" "$root/usr/local/sbin/runc"
mkdir -p "$root/etc/kubernetes/manifests" "$root/opt/cni/bin" "$root/kind/manifests"
for plugin in host-local loopback ptp portmap; do install -m 755 "$plugins/$plugin" "$root/opt/cni/bin/"; done
echo "$version" >"$root/kind/version"
# kind applies it in the end, and an empty list is an error.
cat >"$root/kind/manifests/default-storage.yaml" <<'END'
kind: StorageClass
apiVersion: storage.k8s.io/v1
metadata: {name: standard, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: kubernetes.io/no-provisioner
END
# As runc on a machine without CAP_SYS_RESOURCE wants it; elsewhere it changes nothing that a test looks at.
sed -i 's/restrict_oom_score_adj = false/restrict_oom_score_adj = true/' "$root/etc/containerd/config.toml"

# As on a machine where Docker runs in the first network namespace, whose settings nodes get.
echo net.ipv4.ip_forward=1 >"$root/etc/sysctl.d/20-forward.conf"

mkdir "$work/images"
sh "$here/kube-images.sh" "$tools" "$coredns" "$root" "$work/images" >&2
mkdir "$root/images"
# In its own file system, and processes that end with this one.
unshare --mount --pid --fork --kill-child --propagation private sh -ec '
  mount --bind "$2" "$1/images"
  mount -t proc proc "$1/proc"
  mount -t tmpfs tmpfs "$1/run"
  mount -t tmpfs tmpfs "$1/tmp"
  exec chroot "$1" sh -e' sh "$root" "$work/images" <"$here/node-set-up.sh" >&2
rmdir "$root/images"
tar -C "$root" --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* -c . |
  "$programs/docker" import -c 'ENTRYPOINT ["/usr/local/bin/entrypoint","/sbin/init"]' -c 'ENV container=docker' - "$name" >/dev/null
echo "$name"
