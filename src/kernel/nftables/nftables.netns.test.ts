// Every verb of this room against the kernel of this machine, read back by nft.

import { beforeAll, expect, it } from 'vitest'
import { buildProgram } from '../../../test/harness/native.ts'
import { describeHost, type Host, withHost } from '../../../test/harness/netns.ts'

const probes = ['10.0.0.0', '10.255.255.255', '192.168.1.255', '255.1.2.3', '9.255.255.255', '11.0.0.0', '192.168.2.0', '1.1.1.1']

/** What the rule with the comment "inside" has counted. */
async function packets(host: Host): Promise<string> {
  const words = (await host.run('nft', 'list', 'chain', 'inet', 'podwire', 'out')).split(' ')
  return words[words.indexOf('packets') + 1] ?? ''
}

describeHost('nftables requests on the kernel', () => {
  let output: Record<string, unknown> = {}
  let lines: string[] = []
  const counted: string[] = []
  beforeAll(async () => {
    const program = buildProgram('nftables')
    await withHost(async (host) => {
      output = JSON.parse(await host.run(program))
      lines = (await host.run('nft', 'list', 'ruleset')).split('\n').map((line) => line.trim())
      await host.run('ip', 'route', 'add', 'default', 'dev', 'lo')
      for (const address of probes) {
        const before = await packets(host)
        await host.exec('bash', ['-c', `echo x >/dev/udp/${address}/9`])
        if ((await packets(host)) !== before) counted.push(address)
      }
    })
  })

  it.each([
    'comment "of the node"',
    'comment "cluster prefixes"',
    'elements = { 10.0.0.0/8, 192.168.1.0/24,',
    'elements = { fd00::/63,',
    'ff00::/8 }',
    'elements = { "eth0" }',
    'elements = { 0x00002000 }',
    'elements = { 10.0.0.0/8 . 80-90 }',
    'type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service',
    'elements = { 192.0.2.1 . tcp . 8080 comment "pod a" : 10.1.2.3 . 80 }',
    'elements = { tcp . 8080 : fd00::3 . 80 }',
    'elements = { 10.0.0.1 : jump pod, 10.0.0.2 : accept }',
    'comment "von Köln nach 東京"',
    'ct state established,related accept',
    'oifname @devices return',
    'ip daddr . tcp dport @pairs meta mark set 0x00002000',
    'ip saddr vmap @verdicts',
    'type nat hook prerouting priority dstnat; policy accept;',
    'fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @hostports',
    'meta nfproto ipv6 dnat ip6 to meta l4proto . th dport map @hostports6',
    'tcp dport 81 dnat ip to 10.1.2.4:80',
    'type nat hook postrouting priority srcnat; policy accept;',
    'ip saddr 10.0.0.0/12 ip daddr != 10.1.2.0/24 masquerade comment "named"',
    'ip saddr @prefixes ip daddr != @prefixes counter packets 0 bytes 0 masquerade fully-random',
    'ip6 daddr ff00::/8 return',
    'meta mark & 0x00002000 == 0x00002000 masquerade',
    'ct status dnat snat ip to 192.0.2.1',
    'ip daddr @prefixes counter packets 0 bytes 0 comment "inside"',
    'ether saddr 0a:58:0a:0f:14:02 return',
  ])('reads in nft as %s', (line) => {
    expect(lines).toContain(line)
  })

  it('lets a prefix set match exactly its prefixes', () => {
    expect(counted).toEqual(['10.0.0.0', '10.255.255.255', '192.168.1.255', '255.1.2.3'])
  })

  it('reads nothing when there is nothing, and reports a missing set', () => {
    expect(output.empty).toEqual([0, 0, false, { errno: 2, message: 'list elements of inet none x: No such file or directory' }])
  })

  it('reads back what it made', () => {
    expect(output.tables).toMatchObject([{ name: 'podwire', comment: 'of the node' }])
    expect(output.chains).toEqual(['pod false von Köln nach 東京', 'pre true', 'post true', 'out true'])
    expect(output.sets).toEqual([
      'prefixes 4 cluster prefixes',
      'prefixes6 16',
      'devices 16',
      'marks 4',
      'pairs 8',
      'hostports 12 of the pods',
      'hostports6 8',
      'verdicts 4',
    ])
    expect(output.prefixes).toEqual(['10.0.0.0', '11.0.0.0 end', '192.168.1.0', '192.168.2.0 end', '255.0.0.0'])
    expect(output.hostports).toEqual([['192.0.2.1.6.0.0.0.31.144.0.0', '10.1.2.3.0.80.0.0', 'pod a']])
    expect(output.pairs).toEqual([['10.0.0.0.0.80.0.0', '10.255.255.255.0.90.0.0']])
    expect(output.rules).toEqual([
      'post named meta,cmp,payload,bitwise,cmp,payload,cmp,masq',
      'post  meta,cmp,payload,lookup,payload,lookup,counter,masq',
      'post  meta,cmp,payload,cmp,immediate',
      'post  meta,bitwise,cmp,masq',
      'post  ct,bitwise,cmp,immediate,nat',
    ])
  })

  it('finds the rules that hold a text', () => {
    expect(output.containing).toEqual(['named', 'inside'])
  })

  it('knows a rule by its expressions, whatever its counter has', () => {
    expect(output.consists).toEqual(['01000', '00000', '00000', '00000', '00000'])
  })

  it('knows where a rule leads', () => {
    expect(output.target).toEqual(['', 'gone'])
  })

  it('names the expression that the kernel does not have, and leaves nothing of the transaction', () => {
    expect(output.refused).toEqual({ errno: 2, message: expect.stringContaining('add rule inet podwire new: ') })
    expect(output.refused).toEqual({ errno: 2, message: expect.stringContaining('(rejected expression: podwire)') })
    expect(output.atomic).toBe(false)
  })

  it.each([
    ['noChain', 2, 'add rule inet podwire absent: '],
    ['exists', 17, 'add table inet podwire: '],
    ['busy', 16, 'delete set inet podwire prefixes: '],
    ['second', 2, 'delete rule inet podwire post handle 9999: '],
    ['data', 17, 'add 1 elements of inet podwire hostports: '],
    ['overlap', 17, 'add 2 elements of inet podwire prefixes: '],
  ])('names the request that failed: %s', (name, errno, message) => {
    expect(output[name]).toEqual({ errno, message: expect.stringContaining(message) })
  })

  it('takes an element twice, and a transaction without a request', () => {
    expect([output.same, output.nothing]).toEqual(['done', 'done'])
  })

  it('replaces a set of thousands in one transaction', () => {
    expect([output.many, output.few, output.one]).toEqual([10000, 4, 2])
  })

  it('deletes a table once', () => {
    expect(output.deleted).toEqual(['done', expect.stringContaining('delete table inet none: ')])
  })
})
