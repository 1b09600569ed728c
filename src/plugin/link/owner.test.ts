import { describe, expect, it } from 'vitest'
import { hostLinkAlias, hostLinkName, ifbName, isOwnAlias, staleAliases } from './owner.ts'

const attachment = { network: 'net', containerId: 'c1', ifname: 'eth0' }
const others = [
  { ...attachment, network: 'other' },
  { ...attachment, containerId: 'c2' },
  { ...attachment, ifname: 'eth1' },
]

describe('the alias of a link', () => {
  it('names pod and network, and its hash starts with the digits of the link’s name', () => {
    const digits = hostLinkName(attachment).slice(4)
    expect(hostLinkAlias(attachment, 'shop/web')).toMatch(new RegExp(`^podwire:shop/web net ${digits}[0-9a-f]{8}$`))
    expect(hostLinkAlias(attachment, '')).toMatch(new RegExp(`^podwire:c1 net ${ifbName(attachment).slice(3)}[0-9a-f]{4}$`))
  })

  it.each([['p'.repeat(400)], ['é'.repeat(400)], ['a b\n\u001b[31mc\u007f']])('is one short line when the pod is %j', (pod) => {
    const alias = hostLinkAlias({ ...attachment, network: 'n'.repeat(200) }, pod)
    expect(alias).toMatch(/^podwire:[!-~]+ n{63} [0-9a-f]{16}$/)
    expect(alias.length).toBeLessThan(256)
  })

  it('is known whatever the pod was called, and no other attachment’s is', () => {
    for (const pod of ['', 'shop/web', 'other/name']) expect(isOwnAlias(hostLinkAlias(attachment, pod), attachment)).toBe(true)
    for (const other of others) expect(isOwnAlias(hostLinkAlias(other, 'shop/web'), attachment)).toBe(false)
  })

  it.each(['', 'mine', 'podwire:', 'podwire:shop/web net', 'podwire:net:c1:eth0', `x ${hostLinkAlias(attachment, '')}`])(
    '%j is neither the attachment’s nor stale',
    (alias) => {
      expect(isOwnAlias(alias, attachment)).toBe(false)
      expect(staleAliases('net', [])(alias)).toBe(false)
    },
  )

  it('is stale when its network has no valid attachment of that hash', () => {
    const isStale = staleAliases('net', [attachment])
    expect(isStale(hostLinkAlias(attachment, 'shop/web'))).toBe(false)
    expect(others.map((other) => isStale(hostLinkAlias(other, 'shop/web')))).toEqual([false, true, true])
    // A network whose name continues where this one's ends.
    expect(staleAliases('et', [])(hostLinkAlias(attachment, ''))).toBe(false)
  })
})
