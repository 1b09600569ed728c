#!/bin/sh
# sh world.sh STATE: the first process of kind's world, a Docker engine in a network, a /run and a process namespace of its own; its socket is STATE/docker.sock.
# Stays until its stdin ends. From the environment: PROGRAMS, DATA (the engine's folder, which stays).
set -eu
state=$1
here=$(cd "$(dirname "$0")" && pwd)
# Our number outside: the old /proc still shows it.
read -r pid rest </proc/self/stat
mount -t proc -o nosuid,nodev,noexec proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns /run/lock
ip link set lo up

# Removed with the world (e2e/cluster/cgroups.sh), so each has its own.
parent=/podwire-kind-$pid
mkdir -p "$state/engine" "$DATA"
awk -v group="$parent/docker" '$3 ~ /^cgroup2?$/ { print $2 group }' /proc/self/mounts >"$state/engine/cgroups"

set --
# `docker run --privileged`, which is how kind runs nodes, asks for every capability there is; bit 24 is CAP_SYS_RESOURCE.
bounds=$(awk '$1 == "CapBnd:" { print $2 }' /proc/self/status)
[ $((0x$bounds >> 24 & 1)) = 1 ] || set -- --add-runtime "limited=$here/limited-runc.sh" --default-runtime limited
# cgroupfs: there is no systemd to ask in here.
PATH=$PROGRAMS:$PATH dockerd --host "unix://$state/docker.sock" --data-root "$DATA" --exec-opt native.cgroupdriver=cgroupfs \
  --cgroup-parent "$parent/docker" "$@" >"$state/engine/dockerd.log" 2>&1 &
echo "$pid" >"$state/world.new"
mv "$state/world.new" "$state/world"
read -r end || :
