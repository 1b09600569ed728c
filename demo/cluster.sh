# Three nodes on one link and a fourth behind a router, without Kubernetes: each with installer, agent and plugins, as on machines of their own.
# Addresses: 10.1.0.1x on the link, 10.2.0.14 behind the router, 198.51.100.9 outside; pods in 10.244.N.0/24.
NODES='n1 n2 n3 n4'
address() { case $1 in n4) echo 10.2.0.14 ;; *) echo "10.1.0.1${1#n}" ;; esac; }

# The Node objects, as `kubectl get nodes -o json` would give them; the agents watch this file.
write_nodes() {
  items=
  for node; do
    items="$items${items:+,}
    { \"metadata\": { \"name\": \"$node\" }, \"spec\": { \"podCIDR\": \"10.244.${node#n}.0/24\" },
      \"status\": { \"addresses\": [ { \"type\": \"InternalIP\", \"address\": \"$(address "$node")\" } ] } }"
  done
  printf '{ "kind": "NodeList", "items": [%s\n] }\n' "$items" >/run/cluster/nodes.json.new
  mv /run/cluster/nodes.json.new /run/cluster/nodes.json
}

# cable NAMESPACE DEVICE ADDRESS LINK: plugs a namespace into a link, which is a bridge in a namespace of its own.
cable() {
  ip -n links link add "$1-$2" master "$4" up type veth peer name "$2" netns "$1"
  ip -n "$1" addr add "$3" dev "$2"
  ip -n "$1" link set "$2" up
}

wire() {
  mkdir /run/cluster
  for ns in links router internet; do ip netns add "$ns"; done
  for link in lan1 lan2 wan; do ip -n links link add "$link" up type bridge; done
  cable router eth1 10.1.0.1/24 lan1
  cable router eth2 10.2.0.1/24 lan2
  cable router eth0 198.51.100.1/24 wan
  cable internet eth0 198.51.100.9/24 wan
  # The router knows the nodes' networks and nothing of pods, nor does the outside.
  ip netns exec router sysctl -qw net.ipv4.ip_forward=1
  ip -n internet link set lo up
  ip -n internet route add default via 198.51.100.1
}

start_node() {
  link=lan1
  [ "$1" != n4 ] || link=lan2
  ip netns add "$1"
  ip -n links link add "$1" master "$link" up type veth peer name eth0 netns "$1"
  ip netns exec "$1" env NAME="$1" ADDRESS="$(address "$1")" PLUGINS="$PLUGINS" AGENT="$AGENT" \
    unshare --mount --pid --fork --kill-child sh "$TOUR/node.sh" >"/run/cluster/$1.log" 2>&1 &
  eval "keeper_$1=$!"
}

# on NODE COMMAND…: as typed on that machine.
on() {
  node=$1
  shift
  eval "keeper=\$keeper_$node"
  # The list ends without a newline, which read takes for a failure.
  read -r first </proc/"$keeper"/task/"$keeper"/children || true
  nsenter --target "$first" --net --mount --pid --wdns=/ -- env PATH="/opt/cni/bin:$PATH" "$@"
}

# until_true SECONDS COMMAND…: asks ten times a second, fails when the time is up.
until_true() {
  tries=$(($1 * 20))
  shift
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    sleep 0.05
  done
}

agent_says() { on "$1" "$NODE" "$TOUR/fetch.ts" "http://127.0.0.1:9465$2"; }
