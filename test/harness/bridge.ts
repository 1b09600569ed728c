// What the tests of the plugin `bridge` have in common: a configuration to vary, and how its work is seen from outside.

import { expect } from 'vitest'
import type { CniOptions, Host, Pod } from './netns.ts'

/** A network whose gateway is the bridge; the tests override what they are about. */
export const network = {
  cniVersion: '1.1.0',
  name: 'net',
  type: 'bridge',
  bridge: 'br0',
  isGateway: true,
  ipam: { type: 'host-local', subnet: '10.1.0.0/24' },
}

/** Where the leases of `network` lie. */
export const leaseFolder = '/var/lib/cni/networks/net'

/** A result as 1.1.0 has it, as far as the tests read it. */
export interface Answer {
  readonly cniVersion: string
  readonly interfaces: readonly { readonly name: string; readonly mac: string; readonly mtu?: number; readonly sandbox?: string }[]
  readonly ips: readonly { readonly address: string; readonly gateway?: string; readonly interface?: number }[]
  readonly routes?: readonly { readonly dst: string; readonly gw?: string }[]
  readonly dns?: Readonly<Record<string, unknown>>
}

/** ADD that has to succeed. */
export async function attach(host: Host, pod: Pod, config: unknown = network, options: CniOptions = {}): Promise<Answer> {
  const outcome = await host.cni('bridge', 'ADD', config, { netns: pod.netns, id: pod.name, ...options })
  expect({ status: outcome.status, stderr: outcome.stderr, ...(outcome.status !== 0 && { stdout: outcome.stdout }) }).toEqual({
    status: 0,
    stderr: '',
  })
  return outcome.json as Answer
}

/** DEL that has to succeed and to say nothing. */
export async function detach(host: Host, pod: Pod, config: unknown = network, options: CniOptions = {}): Promise<void> {
  const { status, stdout, stderr } = await host.cni('bridge', 'DEL', config, { netns: pod.netns, id: pod.name, ...options })
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' })
}

/** A verb that has to fail as CNI wants it: exit status 1 and the error as JSON on stdout. */
export async function refuse(host: Host, verb: string, config: unknown, options: CniOptions = {}) {
  const { status, json, stdout } = await host.cni('bridge', verb, config, options)
  expect({ status, json }, stdout).toEqual({
    status: 1,
    json: {
      cniVersion: expect.any(String),
      code: expect.any(Number),
      msg: expect.any(String),
      ...(stdout.includes('"details"') && { details: expect.any(String) }),
    },
  })
  return json as { readonly cniVersion: string; readonly code: number; readonly msg: string; readonly details?: string }
}

/** A device as the tests compare it; null where there is none. */
export async function linkOf(place: Host | Pod, name: string) {
  const { stdout } = await place.exec('ip', ['-j', '-d', 'addr', 'show', 'dev', name])
  const [row] = JSON.parse(stdout || '[]')
  if (!row) return null
  const port = row.linkinfo?.info_slave_data
  const addresses: { family: string; local: string; prefixlen: number; scope: string; tentative?: boolean }[] = row.addr_info
  return {
    mac: row.address as string,
    mtu: row.mtu as number,
    up: row.flags.includes('UP') as boolean,
    state: row.operstate as string,
    promisc: row.flags.includes('PROMISC') as boolean,
    kind: row.linkinfo?.info_kind as string | undefined,
    master: row.master as string | undefined,
    alias: row.ifalias as string | undefined,
    hairpin: port?.hairpin as boolean | undefined,
    isolated: port?.isolated as boolean | undefined,
    vlanFiltering: row.linkinfo?.info_data?.vlan_filtering as number | undefined,
    addresses: addresses.filter(({ scope }) => scope !== 'link').map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    tentative: addresses.some(({ scope, tentative }) => scope !== 'link' && tentative),
  }
}

/** The routes of both families without those that the kernel makes of addresses, as `DST via GATEWAY`. */
export async function routesOf(place: Host | Pod): Promise<string[]> {
  const rows = await Promise.all(
    ['-4', '-6'].map(async (family) => JSON.parse((await place.exec('ip', ['-j', family, 'route'])).stdout || '[]')),
  )
  const chosen = rows.flat().filter(({ protocol }) => protocol !== 'kernel')
  return chosen.map(({ dst, gateway }) => `${dst} via ${gateway ?? 'none'}`).sort()
}

/** Names of the ports of a bridge. */
export async function portsOf(host: Host, bridge = 'br0'): Promise<string[]> {
  const { stdout } = await host.exec('ip', ['-j', 'link', 'show', 'master', bridge])
  return JSON.parse(stdout || '[]').map(({ ifname }: { ifname: string }) => ifname)
}

/** Everything an attachment may leave on the host, as lines: devices as they were set up, their addresses, routes, packet filter, leases. */
export async function traces(host: Host): Promise<string[]> {
  const rows: { ifname: string }[] = JSON.parse(await host.run('ip', '-j', 'link'))
  const links = await Promise.all(
    rows.map(async ({ ifname }) => {
      const { state: _, ...chosen } = (await linkOf(host, ifname)) ?? { state: '' }
      return JSON.stringify({ ifname, ...chosen })
    }),
  )
  const seen = [...links, ...(await routesOf(host)), await host.run('nft', 'list', 'ruleset'), await leases(host)]
  return seen
    .flatMap((text) => text.split('\n'))
    .map((line) => line.trim())
    .filter(Boolean)
}

/** One line a lease: its file and whose it is. */
export async function leases(host: Host): Promise<string> {
  const { stdout } = await host.exec('sh', [
    '-c',
    `cd /var/lib/cni/networks && grep -rs '' --exclude-dir='.owners*' --include='[0-9a-f]*[.:]*[0-9a-f]' . | tr -d '\\r' | sort`,
  ])
  return stdout
}
