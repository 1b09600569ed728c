import { describe, expect, it } from 'vitest'
import { formatCidr } from '../../../net/cidr.ts'
import { formatSubnet, parseSubnetEnv } from './subnet-env.ts'

const good = 'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.3.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n'

const read = (text: string) => {
  const { networks, subnets, mtu, ipMasq } = parseSubnetEnv(text, 'env')
  return { networks: networks.map(formatCidr), subnets: subnets.map(formatSubnet), mtu, ipMasq }
}

describe('what flanneld writes', () => {
  it.each([
    ['one family', good, { networks: ['10.244.0.0/16'], subnets: ['10.244.3.0/24'], mtu: 1450, ipMasq: true }],
    [
      'both families',
      `${good}FLANNEL_IPV6_NETWORK=fd00::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:3::1/64\n`,
      { networks: ['10.244.0.0/16', 'fd00::/48'], subnets: ['10.244.3.0/24', 'fd00:0:0:3::/64'], mtu: 1450, ipMasq: true },
    ],
    [
      'IPv6 alone',
      'FLANNEL_IPV6_NETWORK=fd00::/48\nFLANNEL_IPV6_SUBNET=fd00:0:0:3::1/64\nFLANNEL_MTU=1430\nFLANNEL_IPMASQ=false',
      { networks: ['fd00::/48'], subnets: ['fd00:0:0:3::/64'], mtu: 1430, ipMasq: false },
    ],
    [
      'several networks, other lines, space at the ends',
      `# by flanneld\n\nOTHER=1\n${good.replace('10.244.0.0/16', '10.244.0.0/16,10.245.0.0/16')}`.replaceAll('\n', '  \n'),
      { networks: ['10.244.0.0/16', '10.245.0.0/16'], subnets: ['10.244.3.0/24'], mtu: 1450, ipMasq: true },
    ],
  ])('%s', (_, text, expected) => {
    expect(read(text)).toEqual(expected)
  })

  it.each([
    ['', 'FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK is missing'],
    [good.replace('FLANNEL_SUBNET', 'X'), 'FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET is missing'],
    [good.replace('10.244.3.1/24', '10.244.3.1'), 'FLANNEL_SUBNET: expected CIDR notation of IPv4, got "10.244.3.1"'],
    [good.replace('10.244.3.1/24', 'fd00::1/64'), 'FLANNEL_SUBNET: expected CIDR notation of IPv4, got "fd00::1/64"'],
    [good.replace('1450', ''), 'FLANNEL_MTU: expected a number from 68 to 65535, got ""'],
    [good.replace('1450', '14x'), 'FLANNEL_MTU: expected a number from 68 to 65535, got "14x"'],
    [good.replace('1450', '-1'), 'FLANNEL_MTU'],
    [good.replace('=true', '=yes'), 'FLANNEL_IPMASQ: expected true or false, got "yes"'],
    [good.replace('FLANNEL_IPMASQ=true', ''), 'FLANNEL_IPMASQ: expected true or false, got ""'],
  ])('%j is rejected', (text, problem) => {
    expect(() => read(text)).toThrow(`invalid env: ${problem}`)
  })
})
