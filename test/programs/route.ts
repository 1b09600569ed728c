// The verbs of src/kernel/route against the kernel, inside the namespace that the test gives; argv[1] is a pod's namespace. Prints what it reads back.

import { isSysError } from '../../src/host/error.ts'
import { AF_INET } from '../../src/host/socket.ts'
import { sys } from '../../src/host/sys.ts'
import { inNamespace, openNamespace } from '../../src/kernel/namespace.ts'
import { closeNetlink, exchange, openNetlink, transact } from '../../src/kernel/netlink/socket.ts'
import { addAddress, deleteAddress, listAddresses } from '../../src/kernel/route/address.ts'
import { addBridge, addPortVlan, listPortVlans, readBridgePort, setBridgePort } from '../../src/kernel/route/bridge.ts'
import { NETLINK_ROUTE } from '../../src/kernel/route/constants.ts'
import { deleteLink, findLink, type Link, listLinks, removeLink, setLink } from '../../src/kernel/route/link.ts'
import { appendRoute, deleteRoute, formatRoute, listRoutes, replaceRoute } from '../../src/kernel/route/route.ts'
import { addVeth } from '../../src/kernel/route/veth.ts'
import { ensureSysctl, readSysctl, trySysctl } from '../../src/kernel/sysctl.ts'
import { parseAddress } from '../../src/net/address.ts'
import { formatCidr, parseCidr } from '../../src/net/cidr.ts'
import { formatMac, parseMac } from '../../src/net/mac.ts'

const output: Record<string, unknown> = {}
const attempt = (body: () => unknown) => {
  try {
    return body() ?? 'done'
  } catch (error) {
    return isSysError(error) ? { errno: error.errno, message: error.message } : String(error)
  }
}
const must = (link: Link | undefined): Link => {
  if (!link) throw new Error('no such link')
  return link
}

const route = openNetlink(NETLINK_ROUTE)
transact(route, [addBridge({ name: 'br0', mtu: 1400, mac: parseMac('0a:58:0a:01:00:01') })])
const bridge = must(findLink(route, { name: 'br0' }))
output.bridge = { kind: bridge.kind, mtu: bridge.mtu, mac: formatMac(bridge.mac), up: bridge.flags & 1 }
output.again = attempt(() => transact(route, [addBridge({ name: 'br0' })]))
output.absent = findLink(route, { name: 'nothing' }) ?? 'none'
output.removeAbsent = removeLink(route, { name: 'nothing' })
output.longName = attempt(() => transact(route, [addBridge({ name: 'a-name-of-sixteen' })]))

const fd = openNamespace(sys.argv[1] ?? '')
output.notNamespace = attempt(() => openNamespace('/etc/hostname'))
const mac = parseMac('0a:58:0a:01:00:02')
const host = { name: 'vethtest', mtu: 1400, master: bridge.index }
transact(route, [
  addVeth(host, { name: 'eth0', mtu: 1400, mac, netns: fd }),
  setBridgePort({ name: 'vethtest' }, { hairpin: true, isolated: true, alias: 'podwire:net:id:eth0' }),
])
const port = must(findLink(route, { name: 'vethtest' }))
output.port = {
  kind: port.kind,
  mtu: port.mtu,
  master: port.master === bridge.index,
  ...readBridgePort(port),
  alias: port.alias,
}
output.takenPeer = attempt(() => transact(route, [addVeth({ name: 'vethother' }, { name: 'eth0', netns: fd })]))
output.leftover = findLink(route, { name: 'vethother' }) ?? 'none'
output.vlan = attempt(() => transact(route, [addPortVlan(port.index, { first: 10, last: 12, native: false })]))
output.vlans = listPortVlans(route, port.index).length

const pod = inNamespace(fd, () => {
  output.sysctl = [
    trySysctl('net/ipv4/conf/eth0/arp_notify', '1'),
    readSysctl('net/ipv4/conf/eth0/arp_notify'),
    readSysctl('net/ipv4/nothing') ?? 'none',
  ]
  output.refused = trySysctl('net/ipv4/nothing', '1')
  output.invalid = attempt(() => ensureSysctl('net/ipv4/ip_forward', 'x'))
  return openNetlink(NETLINK_ROUTE)
})
output.back = findLink(route, { name: 'br0' })?.index === bridge.index
const eth0 = must(findLink(pod, { index: port.peer }))
output.eth0 = { name: eth0.name, mac: formatMac(eth0.mac), up: eth0.flags & 1 }
transact(pod, [
  addAddress(eth0.index, parseCidr('10.1.0.2/24'), { nodad: true }),
  addAddress(eth0.index, parseCidr('fd00::2/64'), { nodad: true }),
  setLink({ index: eth0.index }, { up: true }),
  appendRoute({ dst: parseCidr('0.0.0.0/0'), gateway: parseAddress('10.1.0.1') }),
  appendRoute({ dst: parseCidr('192.0.2.0/24'), gateway: parseAddress('10.1.0.1'), mtu: 1300, advmss: 1200, priority: 7 }),
  appendRoute({ dst: parseCidr('198.51.100.0/24'), oif: eth0.index, table: 1000 }),
  appendRoute({ dst: parseCidr('::/0'), gateway: parseAddress('fd00::1') }),
])
output.addresses = listAddresses(pod, eth0.index)
  .filter(({ scope }) => scope === 0)
  .map(({ cidr, flags }) => `${formatCidr(cidr)} ${flags & 0x40 ? 'tentative' : 'ready'}`)
output.routes = listRoutes(pod, AF_INET)
  .filter(({ table }) => table !== 255)
  .map((entry) => `${formatRoute({ ...entry, oif: undefined })} ${entry.mtu ?? '-'} ${entry.advmss ?? '-'} ${entry.priority ?? '-'}`)
// A batch goes on behind a failure, and each request has an answer of its own.
const batch = exchange(pod, [
  addAddress(eth0.index, parseCidr('10.1.0.2/24'), { nodad: true }),
  addAddress(eth0.index, parseCidr('10.1.0.3/24'), { nodad: true }),
  appendRoute({ dst: parseCidr('203.0.113.0/24'), gateway: parseAddress('10.9.9.9') }),
])
output.failures = batch.failures
output.unreachable = attempt(() => transact(pod, [replaceRoute({ dst: parseCidr('203.0.113.0/24'), gateway: parseAddress('10.9.9.9') })]))
transact(pod, [deleteAddress(eth0.index, parseCidr('10.1.0.3/24')), deleteRoute({ dst: parseCidr('192.0.2.0/24'), priority: 7 })])
output.left = [
  listAddresses(pod, eth0.index).filter(({ cidr }) => cidr.address.family === 4).length,
  listRoutes(pod, AF_INET).filter(({ dst }) => formatCidr(dst) === '192.0.2.0/24').length,
]
transact(route, [deleteLink({ name: 'vethtest' }), deleteLink({ name: 'br0' })])
output.links = listLinks(route).map(({ name }) => name)
closeNetlink(pod)
sys.write(1, JSON.stringify(output))
