# Sourced by the first process of a box: gives it the file system of a machine of its own, and `service` to run daemons.
# expects: state, box; sets: own (the machine's folder in the state)
set -eu
own=$state/$box
# The old /proc shows our number outside.
read -r outer rest </proc/self/stat
hierarchies=$(awk '$3 == "cgroup" { n = $2; sub(".*/", "", n); print n }' /proc/self/mounts)
unified=
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || unified=1

umount -l /proc
mount -t proc -o nosuid,nodev,noexec proc /proc
umount -R -l /sys
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
if [ "$unified" ]; then
  mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 /sys/fs/cgroup
  # The kubelet hands controllers down from the root, which must then hold no process itself.
  mkdir -p /sys/fs/cgroup/init
  echo 0 >/sys/fs/cgroup/init/cgroup.procs
  for controller in $(cat /sys/fs/cgroup/cgroup.controllers); do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control || :
  done
else
  mount -t tmpfs -o mode=755,nosuid,nodev,noexec tmpfs /sys/fs/cgroup
  for hierarchy in $hierarchies; do
    mkdir "/sys/fs/cgroup/$hierarchy"
    option=$hierarchy
    [ "$hierarchy" != systemd ] || option=none,name=systemd
    mount -t cgroup -o "nosuid,nodev,noexec,$option" cgroup "/sys/fs/cgroup/$hierarchy"
  done
fi
# With it go the network namespaces of the other boxes, which would outlive a power cycle here.
umount -R -l /run
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs /run
mkdir /run/netns /run/lock /run/services /run/stopped
for dir in etc opt var; do
  mkdir -p "$own/disk/$dir/new" "$own/disk/$dir/work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=$own/disk/$dir/new,workdir=$own/disk/$dir/work" "/$dir"
done
hostname "$box"
echo "$box" >/etc/hostname
printf '127.0.0.1 localhost %s\n::1 localhost\n' "$box" >/etc/hosts
: >/etc/resolv.conf

# The kubelet wants these settings of the whole machine; it writes nothing where they hold what it wants.
pretend() {
  mkdir -p /run/pretended
  echo "$2" >"/run/pretended/$(basename "$1")"
  mount --bind "/run/pretended/$(basename "$1")" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

mkdir -p "$own/log"
# service NAME COMMAND…: a daemon that is started again when it ends, unless /run/stopped/NAME is there; its number is in /run/services/NAME.
service() {
  name=$1
  shift
  (
    while :; do
      while [ -e "/run/stopped/$name" ]; do sleep 0.1; done
      "$@" >>"$own/log/$name.log" 2>&1 &
      echo "$!" >"/run/services/$name"
      wait "$!" || :
      rm -f "/run/services/$name"
      sleep 0.5
    done
  ) &
}

# The machine is complete: others may enter it. This shell stays as the first process and reaps what is orphaned.
stay() {
  echo "$outer" >"$own/pid.new"
  mv "$own/pid.new" "$own/pid"
  while :; do wait || :; sleep 1; done
}
