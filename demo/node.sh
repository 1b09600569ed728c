# Runs as the first process of one node: a network and a file system view of its own, as a machine would have. What nodes share is below /run/cluster.
set -eu
mount --make-rprivate /
mount -t proc proc /proc
mount --bind /run/cluster /mnt
mount -t tmpfs tmpfs /run
mkdir /run/cluster /run/netns
mount --bind /mnt /run/cluster
umount /mnt
for dir in etc opt var; do
  mkdir "/run/.$dir" "/run/.$dir.work"
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=/run/.$dir,workdir=/run/.$dir.work" "/$dir"
done
[ -L /var/run ] || mount --rbind /run /var/run
ip link set lo up
ip link set eth0 up
ip addr add "$ADDRESS/24" dev eth0
ip route add default via "${ADDRESS%.*}.1"

"$PLUGINS/podwire" install --run-dir /run/podwire >/run/install.log
NODE_NAME=$NAME "$AGENT" --nodes-file /run/cluster/nodes.json >/run/agent.log 2>&1 &
echo $! >/run/agent.pid
wait
# A node outlives its agent.
sleep 600
