#!/bin/sh
# sh world.sh STATE: the first process of the world, all that is outside of the cluster's machines: two links (bridges), the router between them, and
# a server beyond (198.51.100.1, 2001:db8:5::1). kubectl and helm run here too. Stays until its stdin ends.
set -eu
state=$1
# /proc stays the machine's, so that process numbers are the same here and outside.
read -r pid rest </proc/self/stat
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns /run/lock
ip link set lo up
ip address add 198.51.100.1/32 dev lo
ip address add 2001:db8:5::1/128 dev lo
for segment in 0 1; do
  # A bridge without an address of its own changes its MAC with its ports.
  ip link add "br$segment" address "02:00:00:00:0$segment:01" type bridge
  ip link set "br$segment" up
  ip address add "10.200.$segment.1/24" dev "br$segment"
  ip address add "fd10:200:$segment::1/64" dev "br$segment" nodad
done
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
echo "$pid" >"$state/world.new"
mv "$state/world.new" "$state/world"
read -r end || :
