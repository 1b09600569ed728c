#!/bin/sh
# sh cgroups.sh make CLUSTER BOX   makes the control groups of one box and prints their folders, one a line; a process joins by writing 0 to cgroup.procs in each
# sh cgroups.sh remove STATE       removes those of all boxes, by the lists kept in the state, once their processes are gone
set -eu
verb=$1 cluster=$2 box=${3:-}

unified() { [ -e /sys/fs/cgroup/cgroup.controllers ]; }

# The folder that holds the cluster's groups, in each hierarchy.
bases() {
  if unified; then
    # At the root: a group with processes, such as ours may be, cannot hand controllers down.
    echo "/sys/fs/cgroup/$cluster"
  else
    # Below this process's own group, so that a limit on the process that started the cluster still holds.
    awk '$3 == "cgroup" { print $2 }' /proc/self/mounts | while read -r mount; do
      controller=${mount##*/}
      [ "$controller" != systemd ] || controller=name=systemd
      own=$(awk -F: -v wanted="$controller" '{ n = split($2, names, ","); for (i = 1; i <= n; i++) if (names[i] == wanted) print $3 }' /proc/self/cgroup)
      own=${own%/}
      echo "$mount$own/$cluster"
    done
  fi
}

prepare() {
  mkdir -p "$1"
  if unified; then
    for controller in cpuset cpu io memory pids; do
      echo "+$controller" >"${1%/*}/cgroup.subtree_control" 2>/dev/null || :
    done
  elif [ -e "$1/cpuset.cpus" ]; then
    # Both are empty in a new group, and no process can join it until they are set.
    for file in cpuset.cpus cpuset.mems; do
      [ -n "$(cat "$1/$file")" ] || cat "${1%/*}/$file" >"$1/$file"
    done
    echo 1 >"$1/cgroup.clone_children"
  fi
}

case $verb in
make)
  bases | while read -r base; do
    prepare "$base"
    prepare "$base/$box"
    echo "$base/$box"
  done
  ;;
remove)
  cat "$2"/*/cgroups 2>/dev/null | while read -r group; do
    [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || :
    # The last one takes what holds them all.
    rmdir "${group%/*}" 2>/dev/null || :
  done
  ;;
esac
