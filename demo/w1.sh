# The first walkthrough: one plugin, run by hand.
title 'A network of your own: a bridge, a pod, and a plugin run by hand'
cd "$PLUGINS"
cat >/run/mybridge.conf <<'CONF'
{ "cniVersion": "0.2.0", "name": "mybridge", "type": "bridge", "bridge": "cni_bridge0",
  "isGateway": true, "ipMasq": true, "hairpinMode": true,
  "ipam": { "type": "host-local", "subnet": "10.15.20.0/24",
            "routes": [ { "dst": "0.0.0.0/0" }, { "dst": "1.1.1.1/32", "gw": "10.15.20.1" } ] } }
CONF
show cat /run/mybridge.conf
show ip netns add myns
show 'CNI_COMMAND=ADD CNI_CONTAINERID=1234567890 CNI_NETNS=/var/run/netns/myns CNI_IFNAME=eth0 CNI_PATH=$PWD ./bridge < /run/mybridge.conf'
see '"cniVersion": "0.2.0"' '"ip": "10.15.20.2/24"' '"gateway": "10.15.20.1"' '"dst": "1.1.1.1/32"'

title 'What the pod has'
show ip netns exec myns ip address show eth0
see 'inet 10.15.20.2/24' 'scope global eth0' 'link/ether 0a:58:0a:0f:14:02' 'mtu 1500' 'qdisc noqueue' 'state UP' 'eth0@if'
show ip netns exec myns ip route
see 'default via 10.15.20.1' '1.1.1.1 via 10.15.20.1' '10.15.20.0/24 dev eth0'

title 'What the host has'
show ip address show cni_bridge0
see 'inet 10.15.20.1/24' 'link/ether 0a:58:0a:0f:14:01'
show cat /sys/class/net/cni_bridge0/bridge/bridge_id
see '8000.0a580a0f1401'
show ip -d link show master cni_bridge0
see ': veth' 'hairpin on' 'state UP' 'podwire:mybridge:1234567890:eth0'
show sysctl net.ipv4.ip_forward
see 'net.ipv4.ip_forward = 1'
show 'iptables-save | grep 10.15'
see '-A POSTROUTING -s 10.15.20.2/32 -m comment --comment "name: \"mybridge\" id: \"1234567890\"" -j CNI-26633426ea992aa1f0477097' \
  '-A CNI-26633426ea992aa1f0477097 -d 10.15.20.0/24 -m comment --comment "name: \"mybridge\" id: \"1234567890\"" -j ACCEPT'
show 'iptables-save | grep MASQUERADE'
see '-A CNI-26633426ea992aa1f0477097 ! -d 224.0.0.0/4 -m comment --comment "name: \"mybridge\" id: \"1234567890\"" -j MASQUERADE'

title 'Who reaches whom'
show ip netns exec docker1 ping -c 1 -W 2 10.15.20.2
see '1 received'
show ip netns exec outside ip route
none '10.15.20'
show ip netns exec myns ping -c 1 -W 2 192.0.2.1
see '1 received'

title 'A namespace that is only a link'
unshare --net sleep 600 &
pause=$!
sleep 0.2
show "ln -s /proc/$pause/ns/net /var/run/netns/pause1"
show 'CNI_COMMAND=ADD CNI_CONTAINERID=pause1 CNI_NETNS=/var/run/netns/pause1 CNI_IFNAME=eth0 CNI_PATH=$PWD ./bridge < /run/mybridge.conf'
see '"ip": "10.15.20.3/24"'
show ip netns exec myns ping -c 1 -W 2 10.15.20.3
see '1 received'
show 'CNI_COMMAND=DEL CNI_CONTAINERID=pause1 CNI_NETNS=/var/run/netns/pause1 CNI_IFNAME=eth0 CNI_PATH=$PWD ./bridge < /run/mybridge.conf'
kill "$pause"
rm /var/run/netns/pause1

title 'And back, twice'
for again in '' ' (again)'; do
  show 'CNI_COMMAND=DEL CNI_CONTAINERID=1234567890 CNI_NETNS=/var/run/netns/myns CNI_IFNAME=eth0 CNI_PATH=$PWD ./bridge < /run/mybridge.conf'
  show 'ip -n myns link; ip -br link; iptables-save'
  none 'eth0@' ': veth' 'CNI-'
  see 'cni_bridge0'
done
show ls /var/lib/cni/networks/mybridge
none '10.15.20.2'
