#!/bin/sh
# sh keeper.sh STATE WORLD: holds the cluster's world, whose first process is the script WORLD, until stdin ends or a signal comes, then removes all of it. It is what outlives a killed driver.
state=$1 world=$2
here=$(cd "$(dirname "$0")" && pwd)
trap '' INT TERM HUP
# Everything else of the cluster lives in this process namespace, and the kernel ends it with the first process.
unshare --net --mount --pid --fork --kill-child --propagation private sh "$world" "$state"
for try in 1 2 3 4 5 6 7 8 9 10; do
  sh "$here/cgroups.sh" remove "$state"
  # The mounts of the boxes go with their last process, a little after it.
  rm -rf "$state" 2>/dev/null && break
  sleep 0.2
done
