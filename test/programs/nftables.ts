// The verbs of src/kernel/nftables against the kernel, inside the namespace that the test gives. Prints what it reads back; the ruleset stays for nft to list.

import { isSysError } from '../../src/host/error.ts'
import { sys } from '../../src/host/sys.ts'
import { be16, u32 } from '../../src/kernel/netlink/encode.ts'
import { commit, openNftables, tryCommit } from '../../src/kernel/nftables/batch.ts'
import { addChain, deleteChain, hasChain, listChains } from '../../src/kernel/nftables/chain.ts'
import { addElements, deleteElements, flushSet, joinedKey, listElements } from '../../src/kernel/nftables/element.ts'
import { expression, verdict } from '../../src/kernel/nftables/expression.ts'
import { daddr, dport, l4proto, oifname, saddr } from '../../src/kernel/nftables/field.ts'
import { boundElement, intervalBounds } from '../../src/kernel/nftables/interval.ts'
import {
  ctState,
  ctStatus,
  dport as dportIs,
  etherSaddr,
  fibDaddrType,
  iifname,
  inSet,
  ipDaddr,
  ipDaddrNot,
  ipSaddr,
  l4protoIs,
  markIs,
  nfprotoIs,
  notInSet,
} from '../../src/kernel/nftables/match.ts'
import type { TableRef } from '../../src/kernel/nftables/request.ts'
import {
  addRule,
  deleteRule,
  expressionsOf,
  flushChain,
  insertRule,
  listRules,
  ruleConsistsOf,
  targetChain,
} from '../../src/kernel/nftables/rule.ts'
import { addSet, deleteSet, listSets } from '../../src/kernel/nftables/set.ts'
import { counter, dnat, dnatByMap, masquerade, setMark, snat, verdictByMap } from '../../src/kernel/nftables/statement.ts'
import { addTable, deleteTable, listTables } from '../../src/kernel/nftables/table.ts'
import { formatAddress, parseAddress } from '../../src/net/address.ts'
import { formatCidr, networkOf, parseCidr } from '../../src/net/cidr.ts'
import { parseMac } from '../../src/net/mac.ts'
import { packPrefix } from '../../src/net/packed.ts'

const output: Record<string, unknown> = {}
const nft = openNftables()
const T: TableRef = { family: 'inet', table: 'podwire' }
const B: TableRef = { family: 'bridge', table: 'podwire' }
const none: TableRef = { family: 'inet', table: 'none' }
const attempt = (body: () => unknown) => {
  try {
    return body() ?? 'done'
  } catch (error) {
    return isSysError(error) ? { errno: error.errno, message: error.message } : String(error)
  }
}
const endpoint = (address: string, port: number) => joinedKey([parseAddress(address).bytes, be16(port)])
const hostPort = (address: string, port: number) => joinedKey([parseAddress(address).bytes, Uint8Array.of(6), be16(port)])
const prefixElements = (...prefixes: string[]) =>
  intervalBounds(prefixes.map((prefix) => packPrefix(formatCidr(networkOf(parseCidr(prefix)))) ?? { first: '', length: 0 })).map(
    boundElement,
  )
const tcp = l4protoIs(6)

output.empty = [
  listTables(nft, 'inet').length,
  listRules(nft, none).length,
  hasChain(nft, none, 'x'),
  attempt(() => listElements(nft, none, 'x')),
]

commit(nft, [
  addTable(T, { comment: 'of the node' }),
  addSet(T, { name: 'prefixes', key: ['ipv4_addr'], interval: true, comment: 'cluster prefixes' }),
  addSet(T, { name: 'prefixes6', key: ['ipv6_addr'], interval: true }),
  addSet(T, { name: 'devices', key: ['ifname'] }),
  addSet(T, { name: 'marks', key: ['mark'] }),
  addSet(T, { name: 'pairs', key: ['ipv4_addr', 'inet_service'], interval: true }),
  addSet(T, {
    name: 'hostports',
    key: ['ipv4_addr', 'inet_proto', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
    comment: 'of the pods',
  }),
  addSet(T, { name: 'hostports6', key: ['inet_proto', 'inet_service'], data: ['ipv6_addr', 'inet_service'] }),
  addSet(T, { name: 'verdicts', key: ['ipv4_addr'], data: 'verdict' }),
  addChain(T, 'pod', { comment: 'von Köln nach 東京' }),
  addChain(T, 'pre', { base: { type: 'nat', hook: 'prerouting', priority: -100 } }),
  addChain(T, 'post', { base: { type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' } }),
  addChain(T, 'out', { base: { type: 'filter', hook: 'output', priority: 0 } }),
  ...addElements(T, 'prefixes', prefixElements('10.0.0.0/8', '192.168.1.0/24', '255.0.0.0/8')),
  ...addElements(T, 'prefixes6', prefixElements('fd00::/64', 'fd00:0:0:1::/64', 'fd00::5/128', 'ff00::/8')),
  ...addElements(T, 'devices', [{ key: Uint8Array.from({ length: 16 }, (_, i) => 'eth0'.charCodeAt(i) || 0) }]),
  ...addElements(T, 'marks', [{ key: u32(0x2000) }]),
  ...addElements(T, 'pairs', [{ key: endpoint('10.0.0.0', 80), keyEnd: endpoint('10.255.255.255', 90) }]),
  ...addElements(T, 'hostports', [{ key: hostPort('192.0.2.1', 8080), data: endpoint('10.1.2.3', 80), comment: 'pod a' }]),
  ...addElements(T, 'hostports6', [{ key: joinedKey([Uint8Array.of(6), be16(8080)]), data: endpoint('fd00::3', 80) }]),
  ...addElements(T, 'verdicts', [
    { key: parseAddress('10.0.0.1').bytes, data: { jump: 'pod' } },
    { key: parseAddress('10.0.0.2').bytes, data: 'accept' },
  ]),
  addRule(T, 'pre', [...fibDaddrType('local'), ...nfprotoIs(4), ...dnatByMap(4, [daddr(4), l4proto, dport], 'hostports')]),
  addRule(T, 'pre', [...nfprotoIs(6), ...dnatByMap(6, [l4proto, dport], 'hostports6')]),
  addRule(T, 'pre', [...tcp, ...dportIs(81), ...dnat(parseAddress('10.1.2.4'), 80)]),
  addRule(
    T,
    'post',
    [...nfprotoIs(4), ...ipSaddr(parseCidr('10.1.0.0/12')), ...ipDaddrNot(parseCidr('10.1.2.0/24')), masquerade()],
    'named',
  ),
  addRule(T, 'post', [
    ...nfprotoIs(4),
    ...inSet([saddr(4)], 'prefixes'),
    ...notInSet([daddr(4)], 'prefixes'),
    counter(),
    masquerade({ fullyRandom: true }),
  ]),
  addRule(T, 'post', [...nfprotoIs(6), ...ipDaddr(parseCidr('ff00::/8')), verdict('return')]),
  addRule(T, 'post', [...markIs(0x2000, 0x2000), masquerade()]),
  addRule(T, 'post', [...ctStatus('dnat'), ...snat(parseAddress('192.0.2.1'))]),
  addRule(T, 'pod', [...ctState('established', 'related'), verdict('accept')]),
  addRule(T, 'pod', [...inSet([oifname], 'devices'), verdict('return')]),
  addRule(T, 'pod', [...nfprotoIs(4), ...tcp, ...inSet([daddr(4), dport], 'pairs'), ...setMark(0x2000)]),
  addRule(T, 'pod', [...nfprotoIs(4), ...verdictByMap([saddr(4)], 'verdicts')]),
  insertRule(T, 'pod', [...iifname('veth*'), verdict('drop')], 'first'),
  addRule(T, 'out', [...nfprotoIs(4), ...inSet([daddr(4)], 'prefixes'), counter()], 'inside'),
  addTable(B),
  addChain(B, 'c'),
  addRule(B, 'c', [...etherSaddr(parseMac('0a:58:0a:0f:14:02')), verdict('return')]),
])

output.tables = listTables(nft, 'inet')
output.chains = listChains(nft, 'inet').map(({ name, base, comment }) => `${name} ${base} ${comment}`.trimEnd())
output.sets = listSets(nft, T).map(({ name, keyLength, comment }) => `${name} ${keyLength} ${comment}`.trimEnd())
output.prefixes = listElements(nft, T, 'prefixes')
  .map(({ key, end }) => `${formatAddress({ family: 4, bytes: key })}${end ? ' end' : ''}`)
  .sort()
output.hostports = listElements(nft, T, 'hostports').map(({ key, data, comment }) => [
  key.join('.'),
  data instanceof Uint8Array ? data.join('.') : data,
  comment,
])
output.pairs = listElements(nft, T, 'pairs').map(({ key, keyEnd }) => [key.join('.'), keyEnd?.join('.')])

const post = listRules(nft, T, { chain: 'post' })
output.rules = post.map((rule) => `${rule.chain} ${rule.comment} ${expressionsOf(rule).map(({ name }) => name)}`)
output.containing = listRules(nft, T, { containing: ['named', 'inside'] }).map(({ comment }) => comment)
const wanted = [
  ...nfprotoIs(4),
  ...inSet([saddr(4)], 'prefixes'),
  ...notInSet([daddr(4)], 'prefixes'),
  counter(),
  masquerade({ fullyRandom: true }),
]
const other = [
  ...nfprotoIs(4),
  ...inSet([saddr(4)], 'prefixes'),
  ...inSet([daddr(4)], 'prefixes'),
  counter(),
  masquerade({ fullyRandom: true }),
]
const plain = [...wanted.slice(0, -1), masquerade()]
output.consists = [wanted, other, plain, wanted.slice(1), []].map((list) => post.map((rule) => Number(ruleConsistsOf(rule, list))).join(''))

output.refused = attempt(() => commit(nft, [addChain(T, 'new'), addRule(T, 'new', [...tcp, expression('podwire', [])])]))
output.atomic = hasChain(nft, T, 'new')
output.noChain = attempt(() => commit(nft, [addRule(T, 'absent', [verdict('drop')])]))
output.exists = attempt(() => commit(nft, [addTable(T, { exclusive: true })]))
output.busy = attempt(() => commit(nft, [deleteSet(T, 'prefixes')]))
output.second = attempt(() => commit(nft, [deleteRule(T, 'post', 9999), addChain(T, 'new')]))
output.data = attempt(() => commit(nft, addElements(T, 'hostports', [{ key: hostPort('192.0.2.1', 8080), data: endpoint('10.9.9.9', 1) }])))
output.same = attempt(() =>
  commit(nft, addElements(T, 'hostports', [{ key: hostPort('192.0.2.1', 8080), data: endpoint('10.1.2.3', 80) }])),
)
output.overlap = attempt(() =>
  commit(nft, addElements(T, 'prefixes', [{ key: Uint8Array.of(10, 1, 0, 0) }, { key: Uint8Array.of(10, 2, 0, 0), end: true }])),
)
output.nothing = attempt(() => commit(nft, []))

// More than a message, more than the socket's buffer, replaced as one: what a node does when the cluster changes.
const many = Array.from({ length: 5000 }, (_, i) => `172.${16 + (i >> 8)}.${i & 255}.0/25`)
commit(nft, [addSet(T, { name: 'many', key: ['ipv4_addr'], interval: true }), ...addElements(T, 'many', prefixElements(...many))])
output.many = listElements(nft, T, 'many').length
commit(nft, [flushSet(T, 'many'), ...addElements(T, 'many', prefixElements(...many.slice(0, 2)))])
output.few = listElements(nft, T, 'many').length
commit(nft, deleteElements(T, 'many', prefixElements(...many.slice(0, 1))))
output.one = listElements(nft, T, 'many').length

const [jump] = listRules(nft, T, { chain: 'pod' }).filter(({ comment }) => comment === 'first')
commit(nft, [deleteRule(T, 'pod', jump?.handle ?? 0), deleteSet(T, 'many')])
commit(nft, [addChain(T, 'gone'), addRule(T, 'gone', [verdict('drop')]), addRule(T, 'out', [...tcp, verdict({ goto: 'gone' })], 'leads')])
output.target = listRules(nft, T, { chain: 'out' }).map(targetChain)
const leads = listRules(nft, T, { chain: 'out' }).find(({ comment }) => comment === 'leads')
commit(nft, [deleteRule(T, 'out', leads?.handle ?? 0), flushChain(T, 'gone'), deleteChain(T, 'gone')])
commit(nft, [addTable(none), addChain(none, 'c')])
output.deleted = [attempt(() => commit(nft, [deleteTable(none)])), tryCommit(nft, [deleteTable(none)])?.message]

sys.write(1, JSON.stringify(output))
