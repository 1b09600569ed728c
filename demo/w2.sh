# The second walkthrough: a container without network, an interface that is not eth0, a served page.
title 'A container without network gets one, called eth10'
cat >/run/demo_br.conf <<'CONF'
{ "cniVersion": "0.3.0", "name": "demo_br", "type": "bridge", "bridge": "cni_net0", "isGateway": true, "ipMasq": true,
  "ipam": { "type": "host-local", "subnet": "10.0.10.0/24",
            "routes": [ { "dst": "0.0.0.0/0" }, { "dst": "1.1.1.1/32", "gw": "10.0.10.1" } ] } }
CONF
show cat /run/demo_br.conf
# What a container engine leaves for a container started with --network none: a namespace, bound under its own folder.
touch /run/docker/netns/c0ffee
unshare --net=/run/docker/netns/c0ffee true
show ln -s /run/docker/netns/c0ffee /var/run/netns/pause_demo
show 'CNI_COMMAND=ADD CNI_CONTAINERID=c0ffee CNI_NETNS=/var/run/netns/pause_demo CNI_IFNAME=eth10 CNI_PATH=$PWD ./bridge < /run/demo_br.conf'
see '"cniVersion": "0.3.0"' '"name": "cni_net0"' '"mac": "0a:58:0a:00:0a:01"' '"name": "veth' '"name": "eth10"' '"mac": "0a:58:0a:00:0a:02"' \
  '"sandbox": "/var/run/netns/pause_demo"' '"version": "4"' '"interface": 2' '"address": "10.0.10.2/24"' '"gateway": "10.0.10.1"' '"dns": {}'

title 'A web server that shares the namespace'
ip netns exec pause_demo "$NODE" -e 'require("http").createServer((_, answer) => answer.end("Hello from the pod\n")).listen(80, () => require("fs").writeFileSync("/run/serving", ""))' &
server=$!
while [ ! -e /run/serving ]; do sleep 0.05; done
show cat /var/lib/cni/networks/demo_br/last_reserved_ip /var/lib/cni/networks/demo_br/last_reserved_ip.0
see '10.0.10.2'
show "$NODE"' -e "fetch(\`http://$(cat /var/lib/cni/networks/demo_br/last_reserved_ip)\`).then((page) => page.text()).then(console.log)"'
see 'Hello from the pod'
kill "$server"

title 'And back'
show 'CNI_COMMAND=DEL CNI_CONTAINERID=c0ffee CNI_NETNS=/var/run/netns/pause_demo CNI_IFNAME=eth10 CNI_PATH=$PWD ./bridge < /run/demo_br.conf'
show 'ip -br link; iptables-save; ls /var/lib/cni/networks/demo_br'
none 'veth' 'CNI-' '10.0.10.2'
