// Who has which address in the cluster of namespaces; world.sh has the router's.

import type { ClusterOptions } from '../driver.ts'

type Options = Required<ClusterOptions>

const families = { v4: [4], v6: [6], dual: [4, 6] } as const

export const familiesOf = ({ families: name }: Options): readonly (4 | 6)[] => families[name]

/** The values of the cluster's families, in their order. */
const each = (options: Options, values: Readonly<Record<4 | 6, string>>): string[] => familiesOf(options).map((family) => values[family])

/** The link a node is on: 1 behind the router, 0 otherwise. */
export const segmentOf = (options: Options, node: string): 0 | 1 => (options.behindRouter.includes(node) ? 1 : 0)

export const controlPlane = 'cp'

/** A box's own addresses on its segment. */
export function boxAddresses(options: Options, box: string): string[] {
  const segment = segmentOf(options, box)
  const host = box === controlPlane ? 2 : 10 + Number(box.slice(1))
  return each(options, { 4: `10.200.${segment}.${host}`, 6: `${prefix6(segment)}${host}` })
}

// Written as everybody else writes it: no zero group beside the gap.
const prefix6 = (segment: 0 | 1) => (segment === 0 ? 'fd10:200::' : 'fd10:200:1::')

/** The router's addresses on a box's segment. */
export const gateways = (options: Options, box: string): string[] =>
  each(options, { 4: `10.200.${segmentOf(options, box)}.1`, 6: `${prefix6(segmentOf(options, box))}1` })

export const outsideAddresses = (options: Options) => each(options, { 4: '198.51.100.1', 6: '2001:db8:5::1' })
export const podCidrs = (options: Options) => each(options, { 4: '10.244.0.0/16', 6: 'fd10:244::/56' })
export const serviceCidrs = (options: Options) => each(options, { 4: '10.96.0.0/16', 6: 'fd10:96::/112' })
/** Where `kubernetes.default` and the cluster's DNS are. */
export const firstServiceAddresses = (options: Options) => each(options, { 4: '10.96.0.1', 6: 'fd10:96::1' })
export const dnsAddress = (options: Options) => each(options, { 4: '10.96.0.10', 6: 'fd10:96::a' })[0] ?? ''
/** How the controller manager cuts podCIDRs. */
export const nodeMasks = (options: Options): string[] =>
  options.families === 'dual'
    ? [`--node-cidr-mask-size-ipv4=${options.nodeMask}`, '--node-cidr-mask-size-ipv6=64']
    : [`--node-cidr-mask-size=${options.families === 'v4' ? options.nodeMask : 64}`]

/** In URLs an IPv6 address stands in brackets. */
export const inUrl = (address: string) => (address.includes(':') ? `[${address}]` : address)
export const apiPort = 6443
/** The server's URL, as everybody in the cluster and outside of it reaches it. */
export const apiServer = (options: Options) => `https://${inUrl(boxAddresses(options, controlPlane)[0] ?? '')}:${apiPort}`
