// Every plugin that gives a pod an interface with addresses and routes, so that what holds for one of them is tested with all.

import { noChildLinkReason } from './child-link.ts'
import type { CniOutcome, Host, Pod } from './throwaway-host.ts'

/** Configurations without version, name and IPAM. Those on top of another link want `wire0`, which `layWire` makes. */
export const attachers: Readonly<Record<string, { readonly type: string; readonly [key: string]: unknown }>> = {
  bridge: { type: 'bridge', isGateway: true },
  'bridge of layer 2': { type: 'bridge' },
  'bridge by isDefaultGateway': { type: 'bridge', isDefaultGateway: true },
  ptp: { type: 'ptp' },
  podwire: { type: 'podwire' },
  'podwire by bridge': { type: 'podwire', datapath: 'bridge' },
  ...(noChildLinkReason('macvlan') === undefined && { macvlan: { type: 'macvlan', master: 'wire0' } }),
  ...(noChildLinkReason('ipvlan') === undefined && { ipvlan: { type: 'ipvlan', master: 'wire0' } }),
}

/** The parent of `macvlan` and `ipvlan`, with no host at its other end. */
export async function layWire(host: Host): Promise<void> {
  await host.run('ip', 'link', 'add', 'wire0', 'up', 'type', 'veth', 'peer', 'name', 'wire1')
  await host.run('ip', 'link', 'set', 'wire1', 'up')
}

/** One call of one of them for the pod, in a network of its own. */
export function callAttacher(
  host: Host,
  verb: string,
  kind: string,
  pod: Pod,
  keys: object,
  options: { readonly path?: string } = {},
): Promise<CniOutcome> {
  const config = { cniVersion: '1.1.0', name: 'net', ...attachers[kind], ...keys }
  return host.cni(config.type ?? '', verb, config, { netns: pod.netns, id: pod.name, ...options })
}

/**
 * The unicast routes of all tables of a pod in the kernel's order, a line each: `10.5.0.0/16 via 10.1.0.1 metric 7 table 100`. The default route of
 * IPv4 is `default`, that of IPv6 `::/0`, so that a line names its family where it has no gateway.
 */
export async function routesIn(pod: Pod): Promise<string[]> {
  const lines = await Promise.all(
    (['-4', '-6'] as const).map(async (family) => {
      const { stdout } = await pod.exec('ip', ['-j', family, 'route', 'show', 'table', 'all'])
      const rows = (JSON.parse(stdout || '[]') as Row[]).filter(isUnicast)
      return rows.flatMap((row) => linesOf(family === '-6' && row.dst === 'default' ? { ...row, dst: '::/0' } : row))
    }),
  )
  return lines.flat()
}

interface Hop {
  readonly gateway?: string
  readonly flags?: readonly string[]
}

interface Row extends Hop {
  readonly type?: string
  readonly dst: string
  readonly table?: string
  readonly metric?: number
  readonly protocol?: string
  readonly metrics?: readonly { readonly mtu?: number; readonly advmss?: number }[]
  readonly nexthops?: readonly Hop[]
}

/** Without those that the kernel has for itself. */
function isUnicast({ type, dst, protocol }: Row): boolean {
  return (type ?? 'unicast') === 'unicast' && !dst.startsWith('fe80') && !dst.startsWith('ff00') && protocol !== 'kernel'
}

function linesOf({ dst, table, metric, metrics, nexthops, ...hop }: Row): string[] {
  const to = dst === 'default' || dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`
  const sizes = Object.entries(metrics?.[0] ?? {}).map(([key, value]) => ` ${key} ${value}`)
  const rest = `${metric && metric !== 1024 ? ` metric ${metric}` : ''}${sizes.join('')}${table ? ` table ${table}` : ''}`
  return (nexthops ?? [hop]).map(({ gateway }) => `${to}${gateway ? ` via ${gateway}` : ''}${rest}`)
}
