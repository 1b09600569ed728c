// What flanneld writes about this node: `/run/flannel/subnet.env`, lines of NAME=VALUE.

import { CniError, ErrInvalidNetworkConfig, ErrPluginNotAvailable } from '../../../cni/error.ts'
import { readWhole } from '../../../host/whole-file.ts'
import { type Cidr, formatCidr, networkOf, parseCidr } from '../../../net/cidr.ts'

export interface SubnetEnv {
  /** The whole pod network, a list where flanneld has several. */
  readonly networks: readonly Cidr[]
  /** This node's part of it, by family; the first address is the bridge's. */
  readonly subnets: readonly Cidr[]
  readonly mtu: number
  /** flanneld masquerades. */
  readonly ipMasq: boolean
}

/** Reads the file. CniError 50 where flanneld has not written it yet, 7 where it is invalid. */
export function readSubnetEnv(path: string): SubnetEnv {
  const text = readWhole(path)
  if (text === undefined) {
    throw new CniError(ErrPluginNotAvailable, `${path} is missing: flanneld has no subnet for this node yet`)
  }
  return parseSubnetEnv(text, path)
}

export function parseSubnetEnv(text: string, path: string): SubnetEnv {
  const problems: string[] = []
  const values = new Map(
    text.split('\n').flatMap((line): [string, string][] => {
      const equals = line.indexOf('=')
      return equals > 0 ? [[line.slice(0, equals).trim(), line.slice(equals + 1).trim()]] : []
    }),
  )
  const cidrs = (name: string, family: 4 | 6) =>
    (values.get(name) ?? '').split(',').flatMap((part) => {
      const cidr = part === '' ? undefined : readCidr(part)
      if (part !== '' && cidr?.address.family !== family)
        problems.push(`${name}: expected CIDR notation of IPv${family}, got ${JSON.stringify(part)}`)
      return cidr ? [cidr] : []
    })
  const env = {
    networks: [...cidrs('FLANNEL_NETWORK', 4), ...cidrs('FLANNEL_IPV6_NETWORK', 6)],
    subnets: [...cidrs('FLANNEL_SUBNET', 4).slice(0, 1), ...cidrs('FLANNEL_IPV6_SUBNET', 6).slice(0, 1)],
    mtu: Number(values.get('FLANNEL_MTU') || NaN),
    ipMasq: values.get('FLANNEL_IPMASQ') === 'true',
  }
  if (env.networks.length === 0) problems.push('FLANNEL_NETWORK or FLANNEL_IPV6_NETWORK is missing')
  if (env.subnets.length === 0) problems.push('FLANNEL_SUBNET or FLANNEL_IPV6_SUBNET is missing')
  if (!Number.isInteger(env.mtu) || env.mtu < 68 || env.mtu > 65535) {
    problems.push(`FLANNEL_MTU: expected a number from 68 to 65535, got ${JSON.stringify(values.get('FLANNEL_MTU') ?? '')}`)
  }
  if (!['true', 'false'].includes(values.get('FLANNEL_IPMASQ') ?? '')) {
    problems.push(`FLANNEL_IPMASQ: expected true or false, got ${JSON.stringify(values.get('FLANNEL_IPMASQ') ?? '')}`)
  }
  if (problems.length > 0) throw new CniError(ErrInvalidNetworkConfig, `invalid ${path}: ${problems[0]}`, problems.slice(1).join('\n'))
  return env
}

/** A subnet as `host-local` requires it: without host bits, which flanneld sets to the bridge's address. */
export function formatSubnet(cidr: Cidr): string {
  return formatCidr(networkOf(cidr))
}

function readCidr(text: string): Cidr | undefined {
  try {
    return parseCidr(text)
  } catch {
    return undefined
  }
}
