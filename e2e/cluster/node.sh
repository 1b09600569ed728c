#!/bin/sh
# A node's first process: containerd, the kubelet and kube-proxy, with the configuration that the driver wrote.
# from the environment: TOOLS, IMAGES (folder of archives), CONTAINERD (program), CTR, NODE_IPS, LABELS
state=$1 box=$2
. "$(dirname "$0")/machine.sh"
# At its first start a node has no network, whatever the machine has: podman brings a configuration of its own.
if [ ! -e "$own/disk/started" ]; then
  rm -rf /etc/cni /opt/cni /var/lib/cni
  : >"$own/disk/started"
fi
mkdir -p /etc/cni/net.d /opt/cni/bin
# These hold overlays and sockets themselves, and an overlay takes no other as its base.
for dir in lib/containerd lib/kubelet log; do
  mkdir -p "/var/$dir" "$own/var/$dir"
  mount --bind "$own/var/$dir" "/var/$dir"
done
mkdir -p /var/log/pods /var/log/containers
# After every mount: pods may ask for mounts that propagate.
mount --make-rshared /
# A power cycle takes the groups of the old pods with it.
find /sys/fs/cgroup -mindepth 1 -depth -type d -path '*/kubepods*' -exec rmdir {} + 2>/dev/null || :

# It starts shims of its own version, found by PATH.
PATH=$(dirname "$CONTAINERD"):$PATH service containerd "$CONTAINERD" --config "$own/containerd.toml"
tries=0
until "$CTR" version >/dev/null 2>&1 || [ "$tries" = 100 ]; do
  sleep 0.1
  tries=$((tries + 1))
done
service kubelet "$TOOLS/kubelet" --config="$own/kubelet.yaml" --kubeconfig="$own/kubelet.kubeconfig" \
  --hostname-override="$box" --node-ip="$NODE_IPS" --node-labels="$LABELS"
service kube-proxy "$TOOLS/kube-proxy" --config="$own/kube-proxy.yaml"
# In parallel; nothing needs them before this box is complete.
if ! "$CTR" -n k8s.io images ls -q | grep -qx podwire.test/tools:1; then
  for archive in "$IMAGES"/*.tar; do "$CTR" -n k8s.io images import "$archive"; done
fi
stay
