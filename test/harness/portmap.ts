// What the tests of the plugin `portmap` have in common: a node with machines around it, the plugin's verbs with either backend and maker, and what
// they leave in the packet filter.

import { expect } from 'vitest'
import { goPath } from '../clients/available.ts'
import { hasIptables, pathWith } from './masquerade.ts'
import { type CniOutcome, type Host, type Pod, pluginPath } from './netns.ts'

/** Which rules a test is about: those of a backend, and with iptables of which iptables. */
export const kinds = [
  { backend: 'nftables', variant: 'nft' },
  { backend: 'iptables', variant: 'nft' },
  { backend: 'iptables', variant: 'legacy' },
] as const
export type Kind = (typeof kinds)[number]
export const kindsHere = kinds.filter(({ variant }) => hasIptables(variant))

export const makers = { ours: pluginPath, go: goPath } as const
export type Maker = keyof typeof makers

/** What the plugin before has said of the machine `a` or `b`. */
export function resultFor(pod: Pod, cniVersion = '1.0.0') {
  const net = pod.name === 'a' ? 1 : 2
  return {
    cniVersion,
    interfaces: [{ name: `veth-${pod.name}` }, { name: 'eth0', sandbox: pod.netns }],
    ips: [
      { interface: 1, address: `10.${net}.0.2/24`, gateway: `10.${net}.0.1` },
      { interface: 1, address: `fd0${net}::2/64`, gateway: `fd0${net}::1` },
    ],
  }
}

/** `tcp 8080 80` or `tcp 8080 80 192.0.2.1`. */
export function mapping(text: string) {
  const [protocol, hostPort, containerPort, hostIP] = text.split(' ')
  return { protocol, hostPort: Number(hostPort), containerPort: Number(containerPort), ...(hostIP && { hostIP }) }
}

export interface Given {
  readonly ports?: readonly string[]
  readonly kind?: Kind
  readonly maker?: Maker
  readonly id?: string
  readonly ifname?: string
  readonly args?: string
  /** Replaces or, where undefined, removes keys of the configuration. */
  readonly more?: Readonly<Record<string, unknown>>
}

/** One verb for a machine. */
export async function portmap(host: Host, verb: string, pod: Pod, given: Given = {}): Promise<CniOutcome> {
  const { ports = [], kind = kinds[0], maker = 'ours', id = `sandbox-${pod.name}`, ifname = 'eth0', args, more } = given
  const config = {
    cniVersion: '1.0.0',
    name: 'net',
    type: 'portmap',
    backend: kind.backend,
    runtimeConfig: { portMappings: ports.map(mapping) },
    prevResult: resultFor(pod),
    ...more,
  }
  const env = {
    PATH: pathWith(host, kind.variant),
    CNI_COMMAND: verb,
    CNI_CONTAINERID: id,
    CNI_IFNAME: ifname,
    CNI_NETNS: pod.netns,
    CNI_PATH: makers[maker],
    ...(args && { CNI_ARGS: args }),
  }
  const outcome = await host.exec(`${makers[maker]}/portmap`, [], { env, stdin: JSON.stringify(config) })
  return { ...outcome, json: outcome.stdout.startsWith('{') ? JSON.parse(outcome.stdout) : undefined }
}

/** A verb that has to succeed. */
export async function succeed(host: Host, verb: string, pod: Pod, given: Given = {}): Promise<unknown> {
  const { status, stdout, stderr, json } = await portmap(host, verb, pod, given)
  expect({ status, said: status === 0 ? stderr : stdout + stderr }, `${given.maker ?? 'ours'} ${verb}`).toEqual({ status: 0, said: '' })
  return json
}

/** A verb that has to fail as CNI wants it. */
export async function refuse(host: Host, verb: string, pod: Pod, given: Given = {}) {
  const { status, stdout, json } = await portmap(host, verb, pod, given)
  expect(status, stdout).toBe(1)
  return json as { readonly code: number; readonly msg: string; readonly details?: string }
}

/** The packet filter as text, without counters, handles and empty tables: what iptables of either kind shows, and all of nftables but those. */
export async function filterOf(host: Host, { variant }: Kind): Promise<string[]> {
  const env = { PATH: pathWith(host, variant) }
  const saved = await Promise.all(['iptables-save', 'ip6tables-save'].map((tool) => host.exec(tool, ['-t', 'nat'], { env })))
  const rules = saved.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => /^(-A|:CNI)/.test(line))
  const tables = (await host.run('nft', 'list', 'tables')).split('\n').filter((line) => line.includes('cni_hostport'))
  const listed = await Promise.all(tables.map((table) => host.run('nft', 'list', ...table.split(' '))))
  return [...rules, ...listed.flatMap((text) => text.split('\n').map((line) => line.trim()))].filter((line) => line !== '' && line !== '}')
}

/** Those of the lines that are about a pod: what an ADD brings and a DEL takes away. */
export async function podRules(host: Host, kind: Kind): Promise<string[]> {
  return (await filterOf(host, kind)).filter((line) => /CNI-DN-|dnat to|masquerade comment|counter packets/.test(line))
}
