# Runs inside a node's root file system while it is made (node-image.sh): the units as kind's Dockerfile leaves them, and the images of /images in containerd.
cd /
rm -f lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service lib/systemd/system/multi-user.target.wants/* etc/systemd/system/*.wants/* \
  lib/systemd/system/local-fs.target.wants/* lib/systemd/system/sockets.target.wants/*udev* lib/systemd/system/sockets.target.wants/*initctl* \
  lib/systemd/system/basic.target.wants/*
echo ReadKMsg=no >>etc/systemd/journald.conf
ln -sf /dev/null etc/systemd/system/systemd-binfmt.service
systemctl enable kubelet.service containerd.service undo-mount-hacks.service 2>/dev/null
ctr oci spec |
  jq '.hooks.createContainer[.hooks.createContainer | length] |= . + {"path": "/kind/bin/mount-product-files.sh"} | del(.process.rlimits)' >etc/containerd/cri-base.json

containerd >/tmp/containerd.log 2>&1 &
daemon=$!
tries=0
until ctr version >/dev/null 2>&1; do
  sleep 0.2
  tries=$((tries + 1))
  [ "$tries" -lt 150 ] || { cat /tmp/containerd.log; exit 1; }
done
# Not unpacked: overlays of an overlay there are none, and a node unpacks what it starts.
for archive in /images/*.tar; do
  ctr -n k8s.io images import --all-platforms --no-unpack "$archive" >/tmp/import.log 2>&1 || { cat /tmp/import.log; exit 1; }
done
kill "$daemon"
wait
