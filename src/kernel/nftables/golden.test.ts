import { describe, expect, it } from 'vitest'
import { goldenDump } from '../../../test/harness/golden.ts'
import { parseAddress } from '../../net/address.ts'
import { parseCidr } from '../../net/cidr.ts'
import { parseMac } from '../../net/mac.ts'
import { be16, concat, encodeMessage } from '../netlink/encode.ts'
import { addChain, deleteChain } from './chain.ts'
import { addElements, deleteElements, joinedKey } from './element.ts'
import { type Expression, verdict } from './expression.ts'
import * as field from './field.ts'
import * as match from './match.ts'
import { nftMessages } from './nft-messages.golden.ts'
import type { Request, TableRef } from './request.ts'
import { addRule, deleteRule, flushChain, insertRule } from './rule.ts'
import { addSet, deleteSet } from './set.ts'
import * as statement from './statement.ts'
import { addTable, deleteTable } from './table.ts'

const t: TableRef = { family: 'inet', table: 't' }
const x: TableRef = { family: 'inet', table: 'x' }
const b: TableRef = { family: 'bridge', table: 'b' }
const address = parseAddress
const cidr = parseCidr
const { iifname, iifnameNot, ipDaddr, ipDaddrNot, ipSaddr, ipSaddrNot, l4protoIs, nfprotoIs, oifname, oifnameNot } = match
const { dnat, masquerade, snat } = statement
const { daddr, dport, l4proto, saddr } = field
const inC = (...expressions: Expression[]) => addRule(t, 'c', expressions)
const inN = (...expressions: Expression[]) => addRule(t, 'n', expressions)
const inP = (...expressions: Expression[]) => addRule(t, 'p', expressions)
const attachment = '6c7c6497465b641a-13c589d376a6dbbc, net: mybridge, if: eth0, id: 1234567890'
const portKey = [Uint8Array.of(6), be16(80)]

const requests: Readonly<Record<string, Request | readonly Request[]>> = {
  'add table inet x': addTable(x),
  'create table ip6 x': addTable({ family: 'ip6', table: 'x' }, { exclusive: true }),
  'add table inet x { comment "of the node" ; }': addTable(x, { comment: 'of the node' }),
  'delete table inet t': deleteTable(t),
  'add chain inet t x': addChain(t, 'x'),
  'add chain inet t x { comment "leads on" ; }': addChain(t, 'x', { comment: 'leads on' }),
  'add chain inet t x { type nat hook postrouting priority 100 ; }': addChain(t, 'x', {
    base: { type: 'nat', hook: 'postrouting', priority: 100 },
  }),
  'add chain inet t x { type filter hook forward priority -150 ; policy drop ; }': addChain(t, 'x', {
    base: { type: 'filter', hook: 'forward', priority: -150, policy: 'drop' },
  }),
  'add chain bridge b x { type filter hook prerouting priority -300 ; policy accept ; }': addChain(b, 'x', {
    base: { type: 'filter', hook: 'prerouting', priority: -300, policy: 'accept' },
  }),
  'delete chain inet t d': deleteChain(t, 'd'),
  'flush chain inet t c': flushChain(t, 'c'),
  'delete rule inet t c handle 77': deleteRule(t, 'c', 77),
  'add rule inet t c accept comment "über"': addRule(t, 'c', [verdict('accept')], 'über'),
  'insert rule inet t c drop': insertRule(t, 'c', [verdict('drop')]),
  [`add rule inet t c ip saddr 10.1.2.5 ip daddr != 10.1.2.0/24 masquerade comment "${attachment}"`]: addRule(
    t,
    'c',
    [...nfprotoIs(4), ...ipSaddr(address('10.1.2.5')), ...ipDaddrNot(cidr('10.1.2.5/24')), masquerade()],
    attachment,
  ),
  'add rule inet t c ip6 saddr fd00::5 ip6 daddr != fd00::/60 masquerade': inC(
    ...nfprotoIs(6),
    ...ipSaddr(address('fd00::5')),
    ...ipDaddrNot(cidr('fd00::5/60')),
    masquerade(),
  ),
  'add rule inet t c ip daddr 224.0.0.0/4 return': inC(...nfprotoIs(4), ...ipDaddr(cidr('224.0.0.0/4')), verdict('return')),
  'add rule inet t c ip6 daddr ff00::/8 return': inC(...nfprotoIs(6), ...ipDaddr(cidr('ff00::/8')), verdict('return')),
  'add rule inet t c ip saddr != 10.0.0.0/12 ip daddr 10.0.0.1 accept': inC(
    ...nfprotoIs(4),
    ...ipSaddrNot(cidr('10.0.0.0/12')),
    ...ipDaddr(cidr('10.0.0.1/32')),
    verdict('accept'),
  ),
  'add rule inet t c goto d': inC(verdict({ goto: 'd' })),
  'add rule bridge b c iifname "veth1" jump c2 comment "macspoofchk-1-eth0"': addRule(
    b,
    'c',
    [...iifname('veth1'), verdict({ jump: 'c2' })],
    'macspoofchk-1-eth0',
  ),
  'add rule bridge b c ether saddr 0a:58:0a:0f:14:02 return': addRule(b, 'c', [
    ...match.etherSaddr(parseMac('0a:58:0a:0f:14:02')),
    verdict('return'),
  ]),
  'add rule inet t c iifname != "veth*" oifname "eth0" oifname != "wlan0" accept': inC(
    ...iifnameNot('veth*'),
    ...oifname('eth0'),
    ...oifnameNot('wlan0'),
    verdict('accept'),
  ),
  'add rule inet t c iifname "veth*" counter drop': inC(...iifname('veth*'), statement.counter(), verdict('drop')),
  'add rule inet t c meta l4proto tcp th dport 80 accept': inC(...l4protoIs(match.IPPROTO_TCP), ...match.dport(80), verdict('accept')),
  'add rule inet t c meta l4proto udp th sport 53 accept': inC(...l4protoIs(match.IPPROTO_UDP), ...match.sport(53), verdict('accept')),
  'add rule inet t c fib daddr type local accept': inC(...match.fibDaddrType('local'), verdict('accept')),
  'add rule inet t c ct state established,related accept': inC(...match.ctState('established', 'related'), verdict('accept')),
  'add rule inet t c ct status dnat masquerade': inC(...match.ctStatus('dnat'), masquerade()),
  'add rule inet t c meta mark set 0x2000': inC(...statement.setMark(0x2000)),
  'add rule inet t n meta l4proto tcp dnat ip to 10.0.0.1:80': inN(...l4protoIs(6), ...dnat(address('10.0.0.1'), 80)),
  'add rule inet t n meta l4proto tcp dnat ip6 to [fd00::1]:80': inN(...l4protoIs(6), ...dnat(address('fd00::1'), 80)),
  'add rule inet t n dnat ip to 10.0.0.1': inN(...dnat(address('10.0.0.1'))),
  'add rule inet t p snat ip to 10.0.0.1': inP(...snat(address('10.0.0.1'))),
  'add rule inet t n ip daddr . meta l4proto . th dport @x accept': inN(
    ...nfprotoIs(4),
    ...match.inSet([daddr(4), l4proto, dport], 'x'),
    verdict('accept'),
  ),
  'add rule inet t p ip saddr @prefixes ip daddr != @prefixes accept': inP(
    ...nfprotoIs(4),
    ...match.inSet([saddr(4)], 'prefixes'),
    ...match.notInSet([daddr(4)], 'prefixes'),
    verdict('accept'),
  ),
  'add rule inet t p meta l4proto . th dport @ports accept': inP(...match.inSet([l4proto, dport], 'ports'), verdict('accept')),
  'add rule inet t n dnat ip to ip daddr . meta l4proto . th dport map @hostports': inN(
    ...nfprotoIs(4),
    ...statement.dnatByMap(4, [daddr(4), l4proto, dport], 'hostports'),
  ),
  'add rule inet t p ip saddr vmap @verdicts': inP(...nfprotoIs(4), ...statement.verdictByMap([saddr(4)], 'verdicts')),
  'add set inet t x { type ipv4_addr ; flags interval ; comment "cluster prefixes" ; }': addSet(t, {
    name: 'x',
    key: ['ipv4_addr'],
    interval: true,
    comment: 'cluster prefixes',
  }),
  'add set inet t x { type ipv6_addr ; }': addSet(t, { name: 'x', key: ['ipv6_addr'] }),
  'add set inet t x { type ifname ; }': addSet(t, { name: 'x', key: ['ifname'] }),
  'add set inet t x { type mark ; }': addSet(t, { name: 'x', key: ['mark'] }),
  'add set inet t x { type ether_addr ; }': addSet(t, { name: 'x', key: ['ether_addr'] }),
  'add set inet t x { type ipv4_addr . inet_service ; flags interval ; }': addSet(t, {
    name: 'x',
    key: ['ipv4_addr', 'inet_service'],
    interval: true,
  }),
  'add map inet t x { type inet_proto . inet_service : ipv4_addr . inet_service ; }': addSet(t, {
    name: 'x',
    key: ['inet_proto', 'inet_service'],
    data: ['ipv4_addr', 'inet_service'],
  }),
  'add map inet t x { type ipv4_addr : verdict ; }': addSet(t, { name: 'x', key: ['ipv4_addr'], data: 'verdict' }),
  'delete set inet t prefixes': deleteSet(t, 'prefixes'),
  'add element inet t hostports { 192.0.2.1 . tcp . 8080 comment "pod a" : 10.1.2.3 . 80 }': addElements(t, 'hostports', [
    {
      key: joinedKey([address('192.0.2.1').bytes, Uint8Array.of(6), be16(8080)]),
      data: joinedKey([address('10.1.2.3').bytes, be16(80)]),
      comment: 'pod a',
    },
  ]),
  'add element inet t verdicts { 10.0.0.1 : jump d }': addElements(t, 'verdicts', [
    { key: address('10.0.0.1').bytes, data: { jump: 'd' } },
  ]),
  'add element inet t pairs { 10.0.0.0/8 . 80 }': addElements(t, 'pairs', [
    { key: joinedKey([address('10.0.0.0').bytes, be16(80)]), keyEnd: joinedKey([address('10.255.255.255').bytes, be16(80)]) },
  ]),
  'delete element inet t ports { tcp . 80 }': deleteElements(t, 'ports', [{ key: joinedKey(portKey) }]),
}

describe('a request is what nft sends', () => {
  it.each(Object.keys(nftMessages))('%s', (line) => {
    const [request, more] = [requests[line] ?? []].flat()
    if (!request) throw new Error('no request for this line')
    expect(more).toBeUndefined()
    const [type, flags, hex = ''] = (nftMessages[line] ?? '').split(' ')
    expect([request.type.toString(16), request.flags.toString(16)]).toEqual([type, flags])
    expect(goldenDump(encodeMessage(request, 0).slice(16))).toEqual(goldenDump(Buffer.from(hex, 'hex')))
  })

  it('has a request for every line, and a line for every request', () => {
    expect(Object.keys(requests).sort()).toEqual(Object.keys(nftMessages).sort())
  })
})

it('an error names the request in words', () => {
  expect(inC(verdict('drop')).op).toBe('add rule inet t c')
  expect(addSet(t, { name: 'x', key: ['mark'], data: ['mark'] }).op).toBe('add map inet t x')
  expect(concat([]).length).toBe(0)
})
