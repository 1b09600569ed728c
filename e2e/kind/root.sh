#!/bin/sh
# Prints a folder with the root file system that a node image is made of: Debian 12, whose systemd is the last that knows control groups of version 1.
# A minute the first time, then nothing.
set -eu
suite=bookworm
# What kind's Dockerfile installs and a node of these tests needs.
packages=systemd,systemd-sysv,dbus,conntrack,iptables,nftables,iproute2,ethtool,util-linux,mount,kmod,libseccomp2,e2fsprogs,bash,ca-certificates,curl,jq,procps,runc
key=$(echo "$suite $packages" | sha256sum | cut -c1-8)
out=${XDG_CACHE_HOME:-$HOME/.cache}/podwire/kind-root-$suite-$key
if [ -d "$out" ]; then
  echo "$out"
  exit 0
fi
mkdir -p "$(dirname "$out")"
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo 'kind: installing Debian into a folder' >&2
# The mirror that the machine uses.
mirror=$(sed -nE 's/^URIs: *([^ ]+).*/\1/p; s/^deb +(\[[^]]*\] +)?([a-z]+:[^ ]+) .*/\2/p' /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list /etc/apt/sources.list 2>/dev/null |
  grep -v security | head -n 1)
# In a mount namespace of its own, since it mounts and may be interrupted.
unshare --mount --propagation private debootstrap --variant=minbase --include="$packages" "$suite" "$work/root" "$mirror" >"$work/log" 2>&1 || {
  tail -n 5 "$work/log" >&2
  exit 1
}
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/*
chmod 755 "$work/root"
mv -T "$work/root" "$out" 2>/dev/null || [ -d "$out" ]
echo "$out"
