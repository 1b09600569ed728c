#!/bin/sh
# sh enter.sh STATE BOX COMMAND…: runs a command on one machine of the cluster, as if logged in there.
state=$1 box=$2
shift 2
pid=$(cat "$state/$box/pid")
while read -r group; do
  if [ -d "$group/init" ]; then group=$group/init; fi
  echo 0 >"$group/cgroup.procs"
done <"$state/$box/cgroups"
exec nsenter -t "$pid" -m -u -i -n -p -C -- "$@"
