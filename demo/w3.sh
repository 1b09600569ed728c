# The third part: the plugin becomes a network. Installer, agent and plugins on four nodes; pods reach each other over both paths.
. "$TOUR/cluster.sh"

title 'Three nodes on one link, and a fourth behind a router'
wire
write_nodes $NODES
show cat /run/cluster/nodes.json
for node in $NODES; do start_node "$node"; done
for node in $NODES; do
  until_true 10 agent_says "$node" /readyz || { cat "/run/cluster/$node.log"; on "$node" cat /run/install.log /run/agent.log; exit 1; }
done
show on n1 cat /run/install.log
see '/opt/cni/bin/podwire: written' 'is installed'
show agent_says n1 /readyz
show on n1 cat /etc/cni/net.d/10-podwire.conflist
see '"10.244.1.0/24"' '"podwire"'

title 'What the agent made of the Nodes'
show on n1 ip route
see '10.244.2.0/24 via 10.1.0.12 dev eth0 proto 157' '10.244.3.0/24 via 10.1.0.13 dev eth0 proto 157' '10.244.4.0/24 via 10.244.4.0 dev podwire.vx proto 157'
show on n4 ip -d link show podwire.vx
see 'vxlan id 1' 'mtu 1450'
show on n1 nft list table inet podwire
see 'masquerade fully-random' 'elements = { 10.244.1.0-10.244.4.255'
show on n1 podwire status
show on n1 podwire verify
none FAIL

title 'A pod on each node, through the conflist'
for node in $NODES; do
  show "on $node ip netns add web && on $node $NODE $TOUR/runtime.ts add web /var/run/netns/web"
  see "\"10.244.${node#n}.2/24\""
done
show on n1 podwire pods
see '10.244.1.2'

title 'Who reaches whom'
show on n1 ip netns exec web ping -c 1 -W 2 10.244.2.2
see '1 received'
show on n1 ip netns exec web ping -c 1 -W 2 10.244.4.2
see '1 received'
show on n4 ip netns exec web ping -c 1 -W 2 -M do -s 1372 10.244.3.2
see '1 received'
show on n2 ping -c 1 -W 2 10.244.4.2
see '1 received'

title 'The outside sees the node, other pods see the pod'
ip netns exec internet "$NODE" "$TOUR/who.ts" 80 /run/cluster/who.internet &
servers=$!
on n4 ip netns exec web "$NODE" "$TOUR/who.ts" 80 /run/cluster/who.n4 &
servers="$servers $!"
until_true 5 test -e /run/cluster/who.internet -a -e /run/cluster/who.n4
show "on n1 ip netns exec web $NODE $TOUR/fetch.ts http://198.51.100.9/"
see 'you are 10.1.0.11'
show "on n1 ip netns exec web $NODE $TOUR/fetch.ts http://10.244.4.2/"
see 'you are 10.244.1.2'

title 'A route is deleted, the table flushed, the conflist removed: all is restored within a second'
show on n1 ip route del 10.244.2.0/24
until_true 1 on n1 sh -c 'ip route show 10.244.2.0/24 | grep -q 10.1.0.12' || true
show on n1 ip route show 10.244.2.0/24
see 'via 10.1.0.12 dev eth0 proto 157'
show on n1 nft delete table inet podwire
until_true 1 on n1 nft list table inet podwire || true
show on n1 nft list chain inet podwire masq
see 'masquerade fully-random'
show on n1 rm /etc/cni/net.d/10-podwire.conflist
until_true 1 on n1 test -e /etc/cni/net.d/10-podwire.conflist || true
show on n1 ls /etc/cni/net.d
see '10-podwire.conflist'
show "agent_says n1 /metrics | grep -v '^#' | grep -e drift -e podwire_routes"
see 'kind="route"} 1' 'kind="nft"}' 'kind="conflist"} 1'

title 'The third node leaves'
write_nodes n1 n2 n4
gone() { ! on "$1" ip route show "$2" | grep -q .; }
until_true 2 gone n1 10.244.3.0/24 || true
show on n1 ip route
none '10.244.3.0/24'

title 'And back: pods, then everything that podwire brought'
for node in $NODES; do
  show "on $node $NODE $TOUR/runtime.ts del web /var/run/netns/web"
done
kill $servers
# An agent that lives would put back what is taken away.
show 'on n1 sh -c "kill \$(cat /run/agent.pid)"'
show on n1 podwire uninstall
show 'on n1 ip route; on n1 ip -br link; on n1 nft list tables; on n1 ls /etc/cni/net.d /opt/cni/bin /run /var/lib'
none '10.244' 'podwire'
