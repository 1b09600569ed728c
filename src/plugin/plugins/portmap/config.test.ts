import { describe, expect, it } from 'vitest'
import '../../../../test/harness/host.ts'
import { readConfig } from '../../../../test/harness/ipam.ts'
import type { Json } from '../../../cni/json.ts'
import type { Result } from '../../../cni/types.ts'
import { formatAddress } from '../../../net/address.ts'
import { formatCidr, parseCidr } from '../../../net/cidr.ts'
import { podCidrs } from './backend.ts'
import { readPortmapConfig } from './config.ts'

const read = (json: Json) => readConfig(readPortmapConfig, json)
const problems = (json: Json): string => {
  try {
    read(json)
    return 'none'
  } catch (error) {
    const { message, details } = error as { message: string; details: string }
    return details || message.replace('invalid network configuration: ', '')
  }
}
const withPorts = (...portMappings: Json[]): Json => ({ backend: 'nftables', runtimeConfig: { portMappings } })
const port = { hostPort: 8080, containerPort: 80, protocol: 'tcp' }

describe('portmap’s configuration', () => {
  it('has the Go plugin’s defaults when no option is set', () => {
    expect(read({ backend: 'nftables' })).toEqual({
      backend: 'nftables',
      snat: true,
      masqAll: false,
      mark: 0x2000,
      setMarkChain: '',
      conditions: { 4: [], 6: [] },
      mappings: [],
    })
  })

  it.each<[string, Json, object]>([
    ['backend', { backend: 'iptables' }, { backend: 'iptables' }],
    ['snat', { backend: 'nftables', snat: false }, { snat: false }],
    ['masqAll', { backend: 'nftables', masqAll: true }, { masqAll: true }],
    ['the lowest markMasqBit', { backend: 'iptables', markMasqBit: 0 }, { mark: 1 }],
    ['the highest markMasqBit', { backend: 'iptables', markMasqBit: 31 }, { mark: 0x80000000 }],
    ['externalSetMarkChain', { backend: 'iptables', externalSetMarkChain: 'KUBE-MARK-MASQ' }, { setMarkChain: 'KUBE-MARK-MASQ' }],
    [
      'conditions of iptables',
      { backend: 'iptables', conditionsV4: ['!', '-s', '10.0.0.0/8'] },
      { conditions: { 4: ['!', '-s', '10.0.0.0/8'], 6: [] } },
    ],
    [
      'conditions of nftables',
      { backend: 'nftables', conditionsV6: ['iifname', '"eth0"'] },
      { conditions: { 4: [], 6: ['iifname', '"eth0"'] } },
    ],
    ['an empty condition', { backend: 'nftables', conditionsV4: [''] }, { conditions: { 4: [], 6: [] } }],
    [
      'keys in any case',
      { backend: 'nftables', RuntimeConfig: { PortMappings: [{ HostPort: 1, ContainerPort: 2, Protocol: 'UDP', HostIP: '' }] } },
      { mappings: [{ hostPort: 1, containerPort: 2, protocol: 'udp' }] },
    ],
  ])('accepts the option when it is %s', (_, json, wanted) => {
    expect(read(json)).toMatchObject(wanted)
  })

  it.each([
    ['192.0.2.1', '192.0.2.1', 4],
    ['fd00::1', 'fd00::1', 6],
    ['::ffff:192.0.2.1', '192.0.2.1', 4],
    ['0.0.0.0', undefined, 4],
    ['::', undefined, 6],
    ['', undefined, undefined],
  ])('has its address and family when hostIP is %j (%s, %s)', (hostIP, address, family) => {
    const [mapping] = read(withPorts({ ...port, hostIP })).mappings
    expect([mapping?.hostIP && formatAddress(mapping.hostIP), mapping?.family]).toEqual([address, family])
  })

  it('has a mapping twice when it is listed twice', () => {
    expect(read(withPorts(port, port)).mappings).toHaveLength(2)
  })

  it.each<[string, Json, string | RegExp]>([
    ['another backend', { backend: 'pf' }, 'backend: unrecognized backend "pf"'],
    ['an empty backend', { backend: '' }, 'backend: unrecognized backend ""'],
    ['a backend that is not text', { backend: 7 }, /backend: expected a string, got 7/],
    ['snat that is not true or false', { backend: 'nftables', snat: 'yes' }, /snat: expected true or false/],
    [
      'both a mark and an external chain',
      { backend: 'iptables', markMasqBit: 13, externalSetMarkChain: 'X' },
      'Cannot specify externalSetMarkChain and markMasqBit',
    ],
    ['a markMasqBit of 32', { backend: 'iptables', markMasqBit: 32 }, 'markMasqBit: MasqMarkBit must be between 0 and 31, got 32'],
    ['a markMasqBit of -1', { backend: 'iptables', markMasqBit: -1 }, 'markMasqBit: MasqMarkBit must be between 0 and 31, got -1'],
    [
      'a set-mark chain of two words',
      { backend: 'iptables', externalSetMarkChain: 'A -j DROP' },
      'externalSetMarkChain: is not a chain name',
    ],
    [
      'a set-mark chain with nftables',
      { backend: 'nftables', externalSetMarkChain: 'X' },
      'nftables backend was requested but configuration contains iptables-specific options [externalSetMarkChain]',
    ],
    [
      'conditions in nft’s words with iptables',
      { backend: 'iptables', conditionsV4: ['ip', 'saddr'], conditionsV6: ['ip6'] },
      'iptables backend was requested but configuration contains nftables-specific options [conditionsV4 conditionsV6]',
    ],
    [
      'conditions in iptables’ words with nftables',
      { backend: 'nftables', conditionsV4: ['!', '-s'] },
      /iptables-specific options \[conditionsV4\]/,
    ],
    [
      'a condition that ends the line',
      { backend: 'iptables', conditionsV4: ['-s', '1.2.3.4\n-A INPUT'] },
      'conditionsV4: "1.2.3.4\\n-A INPUT" is not a condition',
    ],
    ['a condition that ends the rule', { backend: 'nftables', conditionsV4: ['accept;'] }, 'conditionsV4: "accept;" is not a condition'],
    ['a condition that hides the rest', { backend: 'nftables', conditionsV4: ['#'] }, 'conditionsV4: "#" is not a condition'],
    ['a condition that is not text', { backend: 'nftables', conditionsV4: [7] }, /conditionsV4\[0\]: expected a string/],
    ['no list of mappings', { backend: 'nftables', runtimeConfig: { portMappings: {} } }, /portMappings: expected a list/],
    [
      'host port 0',
      withPorts({ ...port, hostPort: 0 }),
      'runtimeConfig.portMappings[0].hostPort: expected a number from 1 to 65535, got 0',
    ],
    ['host port 65536', withPorts({ ...port, hostPort: 65_536 }), /hostPort: expected a number from 1 to 65535, got 65536/],
    ['host port -1', withPorts({ ...port, hostPort: -1 }), /hostPort: expected a number from 1 to 65535, got -1/],
    ['a host port in quotes', withPorts({ ...port, hostPort: '80' }), /hostPort: expected a whole number, got "80"/],
    ['half a port', withPorts({ ...port, hostPort: 1.5 }), /hostPort: expected a whole number/],
    ['no host port', withPorts({ containerPort: 80, protocol: 'tcp' }), /hostPort: expected a number from 1 to 65535, got none/],
    ['container port 0', withPorts({ ...port, containerPort: 0 }), /containerPort: expected a number from 1 to 65535, got 0/],
    ['no container port', withPorts({ hostPort: 80, protocol: 'tcp' }), /containerPort: expected a number from 1 to 65535, got none/],
    ['another protocol', withPorts({ ...port, protocol: 'icmp' }), /protocol: expected tcp, udp or sctp, got "icmp"/],
    ['a hostile protocol', withPorts({ ...port, protocol: 'tcp dport 1 accept;' }), /protocol: expected tcp, udp or sctp/],
    ['no address', withPorts({ ...port, hostIP: 'here' }), /hostIP: expected an IP address, got "here"/],
    ['a mapping that is not an object', withPorts(7), /portMappings\[0\]: expected an object, got 7/],
  ])('rejects it when there is %s', (_, json, wanted) => {
    expect(problems(json)).toEqual(typeof wanted === 'string' ? wanted : expect.stringMatching(wanted))
  })
})

describe('the pod’s addresses', () => {
  const ip = (address: string, index?: number) => ({ address: parseCidr(address), ...(index !== undefined && { interface: index }) })
  const interfaces = [{ name: 'veth' }, { name: 'eth0', sandbox: '/n' }, { name: 'eth1', sandbox: '/n' }]
  const result = (...ips: Result['ips']): Result => ({ interfaces, ips, routes: [], dns: {} })
  const chosen = (given: Result) => podCidrs(given, 'eth0').map(formatCidr)

  it.each<[string, Result, string[]]>([
    [
      'are the first of each family',
      result(ip('10.0.0.1/24', 1), ip('10.0.0.2/24', 1), ip('fd00::1/64', 1)),
      ['10.0.0.1/24', 'fd00::1/64'],
    ],
    ['are not those of other interfaces', result(ip('10.0.0.1/24', 0), ip('10.0.0.2/24', 2), ip('10.0.0.3/24', 1)), ['10.0.0.3/24']],
    ['may have no interface', { ...result(ip('10.0.0.1/24')), interfaces: [] }, ['10.0.0.1/24']],
    ['may name an interface that is not there', result(ip('10.0.0.1/24', 9)), ['10.0.0.1/24']],
    ['may be none', result(), []],
  ])('%s', (_, given, wanted) => {
    expect(chosen(given)).toEqual(wanted)
  })
})
