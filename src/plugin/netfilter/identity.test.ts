import { describe, expect, it } from 'vitest'
import { attachmentHash, chainName, iptablesComment, iptablesCommentPrefix, isChainName, networkHash, nftablesComment } from './identity.ts'

const of = (network: string, containerId: string, ifname = 'eth0') => ({ network, containerId, ifname })

describe('chainName()', () => {
  it.each([
    ['test', '1234', 'CNI-2bbe0c48b91a7d1b8a6753a8'],
    ['testalongnamethatdoesnotmakesense', '1234', 'CNI-374f33fe84ab0ed84dcdebe3'],
    ['mybridge', '1234567890', 'CNI-26633426ea992aa1f0477097'],
    ['testConfig', 'dummy-0', 'CNI-43a5a67926c1a665ff4c21b7'],
  ])('of %s and %s is the Go plugins’', (network, containerId, name) => {
    expect(chainName({ network, containerId })).toBe(name)
    expect(isChainName(name)).toBe(true)
  })

  it.each([
    '',
    'CNI-',
    'CNI-DN-26633426ea992aa1f0477',
    'CNI-HOSTPORT-MASQ',
    'CNI-26633426EA992AA1F0477097',
    'CNI-26633426ea992aa1f04770971',
    'POSTROUTING',
  ])('is not %j', (name) => {
    expect(isChainName(name)).toBe(false)
  })
})

describe('an iptables comment', () => {
  it('names network and container', () => {
    expect(iptablesComment(of('mybridge', '1234567890'))).toBe('name: "mybridge" id: "1234567890"')
    expect(iptablesComment(of('mybridge', '1'))).toMatch(new RegExp(`^${iptablesCommentPrefix('mybridge')}`))
  })

  it.each([
    ['a"b', '"a\\"b"'],
    ['a\\', '"a\\\\"'],
    ['a\nCOMMIT\n', '"a\\x0aCOMMIT\\x0a"'],
    ['a\0', '"a\\x00"'],
    ['ü', '"\\u00fc"'],
    ['🦀', '"\\U0001f980"'],
    ['\u2028', '"\\u2028"'],
  ])('holds %j without its power', (name, quoted) => {
    expect(iptablesCommentPrefix(name)).toBe(`name: ${quoted} id: `)
  })

  it('fits the comment match, however long the names are', () => {
    expect(iptablesComment(of('n'.repeat(300), 'c'.repeat(300)))).toHaveLength(255)
  })
})

describe('an nftables comment', () => {
  it.each([
    ['mybridge', '1234567890', 'eth0', '6c7c6497465b641a-13c589d376a6dbbc'],
    ['unit-test', 'one', 'eth0', '6fd94d501e58f0aa-287fc69eff0574a2'],
  ])('of %s, %s and %s begins as the Go plugins’', (network, containerId, ifname, hash) => {
    const attachment = { network, containerId, ifname }
    expect(attachmentHash(attachment)).toBe(hash)
    expect(hash.startsWith(networkHash(network))).toBe(true)
    expect(nftablesComment(attachment)).toBe(`${hash}, net: ${network}, if: ${ifname}, id: ${containerId}`)
  })

  it('drops quotation marks, as nft could not read its own output otherwise', () => {
    expect(nftablesComment(of('a"b', '"', '"eth0"'))).toMatch(/, net: ab, if: eth0, id: $/)
  })
})
