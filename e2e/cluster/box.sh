#!/bin/sh
# sh box.sh STATE BOX ROLE: starts one machine of the cluster, in the network namespace BOX of the world that this runs in; returns when the machine is off.
state=$1 box=$2 role=$3
here=$(cd "$(dirname "$0")" && pwd)
# In two steps: the group has to be joined before it becomes the root of the box's view, and by no process that stays outside the box.
exec nsenter --net="/run/netns/$box" unshare --pid --uts --ipc --fork sh -c '
  while read -r group; do echo 0 >"$group/cgroup.procs"; done <"$1/$2/cgroups"
  exec unshare --mount --cgroup --propagation private sh "$4/$3.sh" "$1" "$2"
' sh "$state" "$box" "$role" "$here"
