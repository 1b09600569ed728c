import { describe, expect, it } from 'vitest'
import { compareNodeStates, parseNodeState } from './node-state.ts'

const state = (nft: string, sysctl = '', names = '') => parseNodeState(`== names\n${names}\n== nft\n${nft}\n== sysctl\n${sysctl}\n`)

describe('compareNodeStates', () => {
  it('reports an added file, rule and sysctl, and a removed one', () => {
    const before = state('table inet a {\n\tchain b {\n\t\taccept\n\t}\n}', '/proc/sys/net/ipv4/ip_forward:0', '/opt/x')
    const after = state('table inet a {\n\tchain b {\n\t\tdrop\n\t}\n}', '/proc/sys/net/ipv4/ip_forward:1', '/opt/x\n/opt/y')
    expect(compareNodeStates(before, after)).toEqual([
      'names: + /opt/y',
      'nft: - table inet a { / chain b { / accept',
      'nft: + table inet a { / chain b { / drop',
      'sysctl: - /proc/sys/net/ipv4/ip_forward:0',
      'sysctl: + /proc/sys/net/ipv4/ip_forward:1',
    ])
  })

  it.each([
    ["kube-proxy's table", 'table ip kube-proxy {\n\tchain services {\n\t\tjump x\n\t}\n}', '', ''],
    ["the kubelet's chains", 'table ip mangle {\n\tchain KUBE-KUBELET-CANARY {\n\t}\n}', '', ''],
    ['what leads to them', 'table ip filter {\n\tchain FORWARD {\n\t\tjump KUBE-FORWARD\n\t}\n}', '', ''],
    ["a link's settings, which its line has", '', '/proc/sys/net/ipv4/conf/veth0/rp_filter:0', ''],
    ["the folder of the runtime's results", '', '', '/var/lib/cni\n/var/lib/cni/results'],
  ])('passes over %s', (_, nft, sysctl, names) => {
    expect(compareNodeStates(state(''), state(nft, sysctl, names))).toEqual([])
  })

  it('reports a rule of another program in a table that kube-proxy uses', () => {
    const rule = 'table ip filter {\n\tchain FORWARD {\n\t\tjump KUBE-FORWARD\n\t\tip saddr 10.1.0.0/16 accept\n\t}\n}'
    expect(compareNodeStates(state(''), state(rule))).toEqual(['nft: + table ip filter { / chain FORWARD { / ip saddr 10.1.0.0/16 accept'])
  })
})
