import { describe, expect, it } from 'vitest'
import { parseAddress } from '../../net/address.ts'
import { parseCidr } from '../../net/cidr.ts'
import { viewOf } from '../netlink/decode.ts'
import { be16, encodeAttributes } from '../netlink/encode.ts'
import { type Expression, verdict } from './expression.ts'
import { ctState, dport, iifnameNot, ipDaddr, ipSaddr, l4protoIs } from './match.ts'
import { exactValue, hexDigits, mentions, portDigits, readRule } from './read-rule.ts'
import type { KernelRule } from './rule.ts'
import { counter, dnat } from './statement.ts'

const pod = parseAddress('10.1.0.5')
const ruleOf = (...expressions: readonly Expression[]): KernelRule => ({
  chain: 'c',
  handle: 1,
  comment: '',
  note: '',
  list: viewOf(Uint8Array.from(encodeAttributes(expressions)).buffer),
})

describe('readRule()', () => {
  it('has the fields and operands when the rule forwards a port', () => {
    const rule = ruleOf(...ipDaddr(parseAddress('192.0.2.1')), ...l4protoIs(6), ...dport(8080), ...dnat(pod, 80))
    const parts = readRule(rule)
    expect(exactValue(parts, 'daddr')).toEqual(parseAddress('192.0.2.1').bytes)
    expect(exactValue(parts, 'l4proto')).toEqual(Uint8Array.of(6))
    expect(exactValue(parts, 'dport')).toEqual(be16(8080))
    expect(parts).toMatchObject({ operands: [pod.bytes, be16(80)], accepts: false, others: ['nat'] })
  })

  it('has addresses of IPv6 when the rule compares them', () => {
    const address = parseAddress('fd00::1')
    expect(exactValue(readRule(ruleOf(...ipSaddr(address))), 'saddr')).toEqual(address.bytes)
    expect(exactValue(readRule(ruleOf(...ipDaddr(address))), 'daddr')).toEqual(address.bytes)
  })

  it.each<[string, readonly Expression[]]>([
    ['masks an address', ipDaddr(parseCidr('10.1.0.0/20'))],
    ['compares whole bytes of one', ipDaddr(parseCidr('10.1.0.0/16'))],
    ['compares an interface', iifnameNot('lo')],
  ])('has no exact value when the rule %s', (_, expressions) => {
    const parts = readRule(ruleOf(...expressions))
    expect(parts.matches.filter(({ exact, field }) => exact && field !== 'other')).toEqual([])
    expect(parts.matches).toHaveLength(1)
  })

  it('accepts when the verdict is accept', () => {
    const rule = ruleOf(...ipDaddr(pod), ...ctState('established', 'related'), counter(), verdict('accept'))
    const { matches, accepts, others } = readRule(rule)
    expect({ accepts, others, fields: matches.map(({ field }) => field) }).toEqual({
      accepts: true,
      others: ['counter'],
      fields: ['daddr', 'ct'],
    })
    for (const other of [verdict('drop'), verdict({ jump: 'x' })]) expect(readRule(ruleOf(other)).accepts).toBe(false)
  })

  it('is empty when the rule has no expressions', () => {
    expect(readRule({ ...ruleOf(), list: undefined })).toEqual({ matches: [], operands: [], accepts: false, others: [] })
  })
})

describe('mentions()', () => {
  it('is true when the bytes stand in the rule', () => {
    expect(mentions(ruleOf(...ipDaddr(pod)), pod.bytes)).toBe(true)
    expect(mentions(ruleOf(...ipDaddr(pod)), parseAddress('10.1.0.6').bytes)).toBe(false)
  })
})

describe('portDigits()', () => {
  it('are in the rule when it compares the port', () => {
    const { list } = ruleOf(...dport(8080))
    const digits = list ? hexDigits(list.bytes()) : ''
    expect(portDigits(8080).some((port) => digits.includes(port))).toBe(true)
    expect(portDigits(8081).some((port) => digits.includes(port))).toBe(false)
  })
})
