// What reads input that others write: runtimes, users, the kernel, other programs on the same files. Each with inputs that it accepts.

import { parseConfig } from '../../src/agent/config.ts'
import { parseNodes } from '../../src/agent/nodes/follow-file.ts'
import { parseArgs } from '../../src/cni/args.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../../src/cni/json.ts'
import type { ConfigContext } from '../../src/cni/plugin.ts'
import { Reader } from '../../src/cni/reader.ts'
import { decodeResult, encodeResult } from '../../src/cni/result.ts'
import { cniVersions } from '../../src/cni/types.ts'
import { readHostLocalConfig } from '../../src/ipam/host-local-config.ts'
import { parseOwner } from '../../src/ipam/lease.ts'
import { parseResolvConf } from '../../src/ipam/resolv-conf.ts'
import { readAllocation } from '../../src/ipam/rpc/answer.ts'
import { readRpcConfig } from '../../src/ipam/rpc/config.ts'
import { parseEndpoint } from '../../src/ipam/rpc/endpoint.ts'
import { readResponse } from '../../src/ipam/rpc/http.ts'
import { readStaticConfig } from '../../src/ipam/static-config.ts'
import { viewOf } from '../../src/kernel/netlink/decode.ts'
import { messageAt, splitDatagram } from '../../src/kernel/netlink/messages.ts'
import { decodeElements } from '../../src/kernel/nftables/element.ts'
import { nftMessages } from '../../src/kernel/nftables/nft-messages.golden.ts'
import { expressionsOf, type KernelRule, targetChain } from '../../src/kernel/nftables/rule.ts'
import { decodeLink } from '../../src/kernel/route/link.ts'
import { decodeRoute } from '../../src/kernel/route/read-route.ts'
import { parseAddress } from '../../src/net/address.ts'
import { networkOf, parseCidr, sameCidr } from '../../src/net/cidr.ts'
import { parseMac } from '../../src/net/mac.ts'
import { packPrefix } from '../../src/net/packed.ts'
import { plan } from '../../src/node/plan.ts'
import { parseSaved } from '../../src/plugin/netfilter/iptables-saved.ts'
import { readBridgeConfig } from '../../src/plugin/plugins/bridge/config.ts'
import { readDhcpConfig } from '../../src/plugin/plugins/dhcp/config.ts'
import { readFirewallConfig } from '../../src/plugin/plugins/firewall/config.ts'
import { readFlannelConfig } from '../../src/plugin/plugins/flannel/config.ts'
import { readChildConfig } from '../../src/plugin/plugins/macvlan-ipvlan/config.ts'
import { readPodwireConfig } from '../../src/plugin/plugins/podwire/config.ts'
import { readPortmapConfig } from '../../src/plugin/plugins/portmap/config.ts'
import { readPtpConfig } from '../../src/plugin/plugins/ptp/config.ts'
import { readSbrConfig } from '../../src/plugin/plugins/sbr/config.ts'
import { readTuningConfig } from '../../src/plugin/plugins/tuning/config.ts'
import { readChainedBandwidth } from '../../src/plugin/shaping/bandwidth-config.ts'
import { pick, type Random } from '../harness/random.ts'
import { mutateBytes, mutateJson, mutateText } from './mutate.ts'

export interface Target {
  /** Makes one input and reads it. Returns; or throws a typed error, which `accepts` knows. */
  readonly run: (random: Random) => void
  /** True for the errors that a bad input may end in; `TypeError` never is, and `SyntaxError` only of what is one word. */
  readonly accepts: (error: unknown) => boolean
}

const nameOf = (error: unknown) => (error instanceof Error ? error.name : typeof error)
const accepting =
  (...names: readonly string[]) =>
  (error: unknown) =>
    names.includes(nameOf(error))

const overText = (seeds: readonly [string, ...string[]], read: (text: string) => unknown, ...names: readonly string[]): Target => ({
  run: (random) => void read(mutateText(pick(random, seeds), random)),
  accepts: accepting(...names),
})

const overBytes = (seeds: readonly [Uint8Array, ...Uint8Array[]], read: (bytes: ArrayBuffer) => unknown): Target => ({
  run: (random) => void read(Uint8Array.from(mutateBytes(pick(random, seeds), random)).buffer),
  accepts: accepting('RangeError'),
})

const ipam: JsonObject = {
  type: 'host-local',
  ranges: [
    [{ subnet: '10.1.0.0/24', rangeStart: '10.1.0.9', rangeEnd: '10.1.0.99', gateway: '10.1.0.1' }, { subnet: '10.2.0.0/24' }],
    [{ subnet: 'fd00::/64' }],
  ],
  routes: [{ dst: '0.0.0.0/0' }, { dst: 'fd01::/64', gw: 'fd00::1', mtu: 1400, priority: 7, table: 9, scope: 253, advmss: 1200 }],
  addresses: [{ address: '10.1.0.2/24', gateway: '10.1.0.1' }],
  dns: { nameservers: ['10.1.0.1'], domain: 'a', search: ['b'], options: ['c'] },
}
const portMappings: Json = [
  { hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '10.0.0.1' },
  { hostPort: 9, containerPort: 9 },
]
const bandwidth: Json = { ingressRate: 1e8, ingressBurst: 1e6, egressRate: 5e7, egressBurst: 1e6 }
const prevResult: Json = {
  cniVersion: '1.1.0',
  interfaces: [{ name: 'eth0', mac: '0a:58:0a:01:00:02', sandbox: '/run/netns/a', mtu: 1500, pciID: 'x', socketPath: 'y' }],
  ips: [{ address: '10.1.0.2/24', gateway: '10.1.0.1', interface: 0 }],
  routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }],
  dns: {},
}
const common: JsonObject = {
  cniVersion: '1.1.0',
  name: 'net',
  runtimeConfig: { portMappings, bandwidth, ips: ['10.1.0.7/24'], mac: '0a:58:0a:01:00:02' },
  args: { cni: { ips: ['10.1.0.7'] } },
}

/** A configuration through the plugin's own reader, as ADD, DEL and CHECK have it. What is wrong with it is one CniError. */
function overConfig(keys: JsonObject, read: (reader: Reader, context: ConfigContext) => unknown): Target {
  return {
    run: (random) => {
      const json = mutateJson({ ...common, ...keys }, random)
      const text = JSON.stringify(json)
      const raw = parseJson(text, 'the network configuration')
      const command = pick(random, ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] as const)
      const reader = new Reader(raw as JsonObject)
      const args = () =>
        new Map(pick(random, [[], [['IP', '10.1.0.9']], [['K8S_POD_NAME', 'x']]] as [[string, string][], ...[string, string][][]]))
      read(reader, { command, cniVersion: '1.1.0', name: 'net', args })
      reader.report()
    },
    accepts: accepting('CniError'),
  }
}

const lease = JSON.stringify({ version: 1, ips: [{ address: '10.1.0.3/24', gateway: '10.1.0.1' }, { address: 'fd00::3/64' }] })
const answers = [
  `HTTP/1.1 200 OK\r\nContent-Length: ${lease.length}\r\n\r\n${lease}`,
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${lease.length.toString(16)}\r\n${lease}\r\n0\r\n\r\n`,
].map((text) => new Uint8Array(Buffer.from(text))) as [Uint8Array, Uint8Array]

/** As the plugin does: the bytes, then the end of the connection. */
function readAnswer(bytes: Uint8Array): void {
  const parts = [Uint8Array.from(bytes).buffer]
  const { body } = readResponse(() => parts.shift() ?? new ArrayBuffer(0))
  const json = parseJson(body, 'the answer')
  const reader = new Reader(isObject(json) ? json : {})
  readAllocation(reader, [])
  reader.report('the answer', 6)
}

function readMessages(bytes: ArrayBuffer): void {
  const datagram = splitDatagram(bytes)
  for (const at of datagram.starts) {
    const message = messageAt(datagram, at)
    for (const one of [decodeLink, decodeRoute] as const) attempt(() => one(message))
    attempt(() => message.body.list(16).map(([, value]) => value.list()))
  }
}

function readNft(bytes: ArrayBuffer): void {
  const body = viewOf(bytes)
  attempt(() => decodeElements(body))
  attempt(() => {
    const list = body.attributes(4).get(4)
    const rule = { chain: '', handle: 1, list } as unknown as KernelRule
    return [expressionsOf(rule), targetChain(rule)]
  })
}

/** A decoder may reject what it gets, by a RangeError; the next one gets it all the same. */
function attempt(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
  }
}

const unhex = (digits: string) => Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
const golden = Object.values(nftMessages).map((line) => unhex(line.split(' ')[2] ?? ''))
const someGolden = (min: number): [Uint8Array, ...Uint8Array[]] => [new Uint8Array(min), ...golden]

/** A netlink message around each of the bodies, as RTM_NEWLINK: the attributes are what matters. */
const datagrams = someGolden(16).map((body): Uint8Array => {
  const message = new Uint8Array(16 + body.length)
  const view = new DataView(message.buffer)
  view.setUint32(0, message.length, true)
  view.setUint16(4, 16, true)
  message.set(body, 16)
  return message
}) as [Uint8Array, ...Uint8Array[]]

const saved = `# Generated by iptables-save v1.8.9 on Sat Nov 28 08:00:00 2026
*nat
:PREROUTING ACCEPT [0:0]
:CNI-DN-0123456789abcdef01234 - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT
-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"net\\" id: \\"a\\"" -m multiport --dports 8080 -j CNI-DN-0123456789abcdef01234
COMMIT
`
const node = (name: string, podCIDRs: string[], address: string): Json => ({
  kind: 'Node',
  metadata: { name, uid: name },
  spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs },
  status: { addresses: [{ type: 'InternalIP', address }] },
})
const nodes = JSON.stringify({
  kind: 'List',
  items: [
    node('n1', ['10.1.0.0/24', 'fd00:1::/64'], '192.0.2.1'),
    node('n2', ['10.2.0.0/24'], '192.0.2.2'),
    node('n3', ['10.2.0.128/25'], '192.0.2.2'),
  ],
})

const agentConfig: JsonObject = {
  routing: { mode: 'auto', device: 'eth0', vni: 1, port: 8472 },
  mtu: 1450,
  masquerade: { enabled: true, exempt: ['10.0.0.0/8'], randomFully: true },
  clusterCidrs: ['10.0.0.0/8'],
  serviceCidrs: ['10.96.0.0/16'],
  listen: ':9465',
  kubeApi: { host: '10.96.0.1', port: 443 },
}

/** The agent packs prefixes, which may have no host bits; plugins parse them. What one reads the other must read, too. */
function samePrefix(text: string): void {
  const cidr = parseCidr(text)
  const isNetwork = sameCidr(cidr, networkOf(cidr))
  if (isNetwork !== (packPrefix(text) !== undefined)) throw new Error(`packPrefix and parseCidr read ${JSON.stringify(text)} differently`)
}

export const targets: Readonly<Record<string, Target>> = {
  'configuration of bridge': overConfig(
    { type: 'bridge', isGateway: true, ipMasq: true, vlanTrunk: [{ id: 1 }, { minID: 2, maxID: 9 }], ipam },
    readBridgeConfig,
  ),
  'configuration of ptp': overConfig({ type: 'ptp', ipMasq: true, mtu: 1400, ipam }, readPtpConfig),
  'configuration of podwire': overConfig(
    { type: 'podwire', datapath: 'bridge', sysctl: { 'net.ipv4.conf.IFNAME.rp_filter': '2' }, ipam },
    readPodwireConfig,
  ),
  'configuration of macvlan': overConfig({ type: 'macvlan', master: 'eth0', mode: 'bridge', ipam }, readChildConfig),
  'configuration of portmap': overConfig(
    { type: 'portmap', snat: true, conditionsV4: ['!', '-d', '10.0.0.0/8'], markMasqBit: 13, prevResult },
    readPortmapConfig,
  ),
  'configuration of firewall': overConfig(
    { type: 'firewall', backend: 'iptables', ingressPolicy: 'same-bridge', prevResult },
    readFirewallConfig,
  ),
  'configuration of bandwidth': overConfig({ type: 'bandwidth', ...(bandwidth as JsonObject), prevResult }, readChainedBandwidth),
  'configuration of tuning': overConfig(
    { type: 'tuning', sysctl: { 'net.core.somaxconn': '500' }, mac: '0a:58:0a:01:00:02', mtu: 1400, prevResult },
    readTuningConfig,
  ),
  'configuration of sbr': overConfig({ type: 'sbr', table: 100, prevResult }, readSbrConfig),
  'configuration of flannel': overConfig({ type: 'flannel', delegate: { isDefaultGateway: true, mtu: 1400 } }, readFlannelConfig),
  'configuration of dhcp': overConfig(
    { type: 'dhcp', ipam: { type: 'dhcp', provide: [{ option: '12', fromArg: 'K8S_POD_NAME' }], request: [{ option: 'routers' }] } },
    readDhcpConfig,
  ),
  'configuration of host-local': overConfig({ type: 'bridge', ipam }, (reader, context) =>
    reader.object('ipam', () => readHostLocalConfig(reader, context)),
  ),
  'configuration of static': overConfig({ type: 'bridge', ipam: { ...ipam, type: 'static' } }, readStaticConfig),
  'configuration of IPAM by a service': overConfig(
    { type: 'bridge', ipam: { ...ipam, type: 'rpc', address: 'unix:///run/ipam.sock', pool: 'a', timeoutMs: 5000, spoolDir: '/a/b' } },
    readRpcConfig,
  ),
  'address of an IPAM service': overText(
    ['unix:///run/ipam.sock', 'http://10.0.0.1:80', 'http://[fd00::1]:9'],
    parseEndpoint,
    'RangeError',
  ),
  'answer of an IPAM service': {
    run: (random) => readAnswer(mutateBytes(pick(random, answers), random)),
    accepts: accepting('CniError', 'SysError'),
  },
  'result of an earlier plugin': {
    run: (random) => {
      const version = pick(random, cniVersions as unknown as [(typeof cniVersions)[number]])
      encodeResult(decodeResult(mutateJson(prevResult, random), version, 'the result'), version)
    },
    accepts: accepting('CniError'),
  },
  CNI_ARGS: overText(['K8S_POD_NAMESPACE=a;K8S_POD_NAME=b;IgnoreUnknown=1', 'IP=10.0.0.1'], (text) => parseArgs(text, ['IP']), 'CniError'),
  JSON: overText([JSON.stringify({ ...common, ipam, prevResult })], (text) => parseJson(text, 'it'), 'CniError'),
  'an address': overText(['10.1.2.3', 'fd00:1::2', '::ffff:10.0.0.1', 'fe80::1'], parseAddress, 'SyntaxError'),
  'a prefix, read by both readers': overText(['10.1.2.0/24', 'fd00:1::/64', '::/0'], samePrefix, 'SyntaxError'),
  'a MAC': overText(['0a:58:0a:01:00:02', '0A-58-0A-01-00-02'], parseMac, 'SyntaxError'),
  'a lease file': overText(['a\r\neth0', 'a', '0123456789abcdef\r\neth0\r\n'], parseOwner),
  'resolv.conf': overText(['nameserver 10.0.0.1\nsearch a b\noptions ndots:5\ndomain c\n'], parseResolvConf),
  'iptables-save': overText([saved], parseSaved, 'CniError'),
  'the file of Nodes': overText([nodes], parseNodes, 'Error', 'CniError'),
  'Nodes to plan': {
    run: (random) => {
      const list = [...parseNodes(JSON.stringify(mutateJson(parseJson(nodes, 'it'), random))).nodes.values()]
      plan(list, 'n1', parseConfig(JSON.stringify(agentConfig), new Map(), 'n1').plan)
    },
    accepts: accepting('Error', 'CniError'),
  },
  'configuration of the agent': {
    run: (random) => void parseConfig(JSON.stringify(mutateJson(agentConfig, random)), new Map(), 'n1'),
    accepts: accepting('CniError'),
  },
  'netlink messages': overBytes(datagrams, readMessages),
  'nftables messages': overBytes(someGolden(4), readNft),
}
