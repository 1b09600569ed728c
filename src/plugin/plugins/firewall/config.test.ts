import { describe, expect, it } from 'vitest'
import { Reader } from '../../../cni/reader.ts'
import { bridgeNameProblem, readFirewallConfig } from './config.ts'

const read = (config: object) => {
  const reader = new Reader(config as never)
  return { config: readFirewallConfig(reader), issues: reader.issues }
}

describe('readFirewallConfig()', () => {
  it('has the reference plugin’s defaults when no option is set', () => {
    expect(read({ backend: '', ingressPolicy: null })).toEqual({
      config: {
        backend: undefined,
        adminChain: 'CNI-ADMIN',
        zone: 'trusted',
        policy: 'open',
        externalChain: undefined,
        dataDir: '/run/cni/firewall',
      },
      issues: [],
    })
  })

  it.each([
    [{ backend: 'nftables' }, { backend: 'nftables' }],
    [{ iptablesAdminChainName: 'MY_admin.1-x' }, { adminChain: 'MY_admin.1-x' }],
    [{ firewalldZone: 'pods' }, { zone: 'pods' }],
    [{ ingressPolicy: 'isolated' }, { policy: 'isolated' }],
    [{ nftables: { table: 'filter', chain: 'forward' } }, { externalChain: { table: 'filter', chain: 'forward' } }],
  ])('accepts the configuration when it is %j', (config, expected) => {
    expect(read(config)).toMatchObject({ config: expected, issues: [] })
  })

  it.each([
    [{ backend: 'ebtables' }, 'backend: expected iptables, firewalld, nftables, got "ebtables"'],
    [{ backend: 1 }, 'backend: expected a string, got 1'],
    [{ ingressPolicy: 'closed' }, 'ingressPolicy: expected open, same-bridge, isolated, got "closed"'],
    [{ iptablesAdminChainName: 'a'.repeat(29) }, 'iptablesAdminChainName: expected at most 28 letters'],
    [{ iptablesAdminChainName: 'a\n-F FORWARD' }, 'iptablesAdminChainName: expected at most 28 letters'],
    [{ iptablesAdminChainName: '-j' }, 'iptablesAdminChainName: expected at most 28 letters'],
    [{ iptablesAdminChainName: 'a b' }, 'iptablesAdminChainName: expected at most 28 letters'],
    [{ iptablesAdminChainName: 'ACCEPT' }, 'iptablesAdminChainName: "ACCEPT" is a name of iptables'],
    [{ iptablesAdminChainName: 'CNI-FORWARD' }, 'iptablesAdminChainName: "CNI-FORWARD" is a name of iptables'],
    [{ firewalldZone: 'a b' }, 'firewalldZone: expected at most 64 letters'],
    [{ nftables: { table: 'filter' } }, 'nftables.chain: is missing'],
    [{ nftables: { table: 'filter', chain: 'a { }' } }, 'nftables.chain: expected at most 64 letters'],
    [{ dataDir: './x' }, 'dataDir: expected an absolute path'],
  ])('rejects the configuration when it is %j', (config, issue) => {
    expect(read(config).issues).toEqual([expect.stringContaining(issue)])
  })
})

describe('bridgeNameProblem()', () => {
  it.each(['cni0', 'br-1', 'a.b_c', 'a!b'])('is undefined when the name is %j', (name) => {
    expect(bridgeNameProblem(name)).toBeUndefined()
  })
  it.each(['', 'br+', 'br*', 'a b', 'a"b', "a'b", 'a\\b', '-j', '!br', 'a\nb', 'brü', 'a'.repeat(16), 'a/b'])(
    'reports a problem when the name is %j',
    (name) => {
      expect(bridgeNameProblem(name)).toEqual(expect.any(String))
    },
  )
})
