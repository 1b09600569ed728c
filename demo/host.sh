# Runs as the first process of the throw-away host: gives it a file system view of its own, then walks.
set -eu
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /var/lib
[ -L /var/run ] || mount --rbind /run /var/run
mkdir -p /run/netns /run/docker/netns
ip link set lo up
. "$TOUR/say.sh"

# What lies around the host: Docker's bridge with a container, and an outside that knows no way to the pods.
surroundings() {
  ip link add docker0 type bridge
  ip addr add 172.17.0.1/16 dev docker0
  ip link set docker0 up
  ip netns add docker1
  ip link add vdocker1 master docker0 up type veth peer name eth0 netns docker1
  ip -n docker1 addr add 172.17.0.2/16 dev eth0
  ip -n docker1 link set eth0 up
  ip -n docker1 route add default via 172.17.0.1
  ip netns add outside
  ip link add uplink up type veth peer name eth0 netns outside
  ip addr add 192.0.2.2/24 dev uplink
  ip -n outside addr add 192.0.2.1/24 dev eth0
  ip -n outside link set eth0 up
}

surroundings
. "$TOUR/w1.sh"
. "$TOUR/w2.sh"
. "$TOUR/w3.sh"
summary
