#!/bin/sh
# sh own-cgroups.sh LIST COMMAND…: runs the command in the control groups that LIST names (e2e/cluster/cgroups.sh makes them), which are then the
# root of /sys/fs/cgroup for everything in this mount namespace: what a runtime makes there is made below them.
set -eu
list=$1
shift
hierarchies=$(awk '$3 == "cgroup" { n = $2; sub(".*/", "", n); if (!seen[n]++) print n }' /proc/self/mounts)
unified=
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || unified=1
while read -r group; do echo 0 >"$group/cgroup.procs"; done <"$list"
export hierarchies unified
exec unshare --cgroup sh -euc '
  umount -R -l /sys/fs/cgroup
  if [ "$unified" ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    # Controllers are handed down only by a group without processes.
    mkdir /sys/fs/cgroup/init
    echo 0 >/sys/fs/cgroup/init/cgroup.procs
    for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
      echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || :
    done
  else
    mount -t tmpfs tmpfs /sys/fs/cgroup
    for hierarchy in $hierarchies; do
      mkdir "/sys/fs/cgroup/$hierarchy"
      option=$hierarchy
      [ "$hierarchy" != systemd ] || option=none,name=systemd
      mount -t cgroup -o "$option" cgroup "/sys/fs/cgroup/$hierarchy"
    done
  fi
  exec "$@"
' sh "$@"
