// How plugins and chains of them are called for the figures: configurations, and the programs that a runtime would start.

import { join } from 'node:path'
import { ANSWER, type Program } from './task.ts'

/** One pod in one network. */
export interface Attachment {
  readonly network: string
  readonly id: string
  readonly netns: string
  /** The address that IPAM is asked for; without it prevResult is what the programs before have answered. */
  readonly address?: string
}

/** The plugins of a conflist, without what libcni adds to each. */
export type Chain = readonly { readonly type: string; readonly [key: string]: unknown }[]

/** The programs of one verb, in the order in which libcni starts them: DEL the last plugin first. */
export function call(path: string, verb: string, chain: Chain, pod: Attachment): Program[] {
  const programs = chain.map((plugin, i) => {
    const known = i > 0 || (verb !== 'ADD' && chain.length > 1)
    const config = { cniVersion: '1.0.0', name: pod.network, ...plugin, ...(known && { prevResult: resultOf(pod) }) }
    return { file: join(path, plugin.type), args: [], env: environment(path, verb, pod), stdin: JSON.stringify(config) }
  })
  return verb === 'DEL' ? programs.reverse() : programs
}

function environment(path: string, verb: string, { id, netns }: Attachment): string[] {
  return [
    'PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `CNI_COMMAND=${verb}`,
    `CNI_CONTAINERID=${id}`,
    `CNI_NETNS=${netns}`,
    'CNI_IFNAME=eth0',
    `CNI_PATH=${path}`,
  ]
}

/** What the first plugin answers, as far as those behind it read it. */
function resultOf({ netns, address }: Attachment): object | string {
  if (address === undefined) return ANSWER
  const gateway = `${address.split('.').slice(0, 3).join('.')}.1`
  return {
    cniVersion: '1.0.0',
    interfaces: [{ name: 'br' }, { name: 'veth' }, { name: 'eth0', sandbox: netns }],
    ips: [{ interface: 2, address: `${address}/24`, gateway }],
    routes: [{ dst: '0.0.0.0/0' }],
  }
}

export function hostLocal(dir: string, subnet: string): object {
  return { type: 'host-local', subnet, dataDir: join(dir, 'leases'), routes: [{ dst: '0.0.0.0/0' }] }
}

/** `bridge` with host-local, ours or the reference's. */
export function bridge(name: string, ipam: object, more: object = {}): Chain[number] {
  return { type: 'bridge', bridge: name, isGateway: true, ipam, ...more }
}

/** `ptp` with host-local, ours or the reference's. */
export function ptp(ipam: object, more: object = {}): Chain[number] {
  return { type: 'ptp', ipam, ...more }
}

export function podwire(datapath: 'ptp' | 'bridge', name: string, ipam: object, runtimeConfig: object = {}): Chain[number] {
  return { type: 'podwire', datapath, bridge: name, ipam, runtimeConfig }
}

/** Ports from `first` on, each to port 80 of the pod. */
export function portMappings(first: number, count = 1): object {
  return { portMappings: Array.from({ length: count }, (_, i) => ({ hostPort: first + i, containerPort: 80, protocol: 'tcp' })) }
}

/** One shell that starts the programs of each list one after the other, `atOnce` lists at a time; it fails where one of them does. */
export function atOnce(workers: number, lists: readonly (readonly Program[])[], writeFile: (text: string) => string): Program {
  const lines = Array.from({ length: workers }, (_, worker) => {
    const mine = lists.filter((_, i) => i % workers === worker).flat()
    const calls = mine.map(({ file, env, stdin }) => `${env.join(' ')} ${file} <${writeFile(stdin)} >&2`)
    return `( ${['set -e', ...calls].join('; ')} ) & p${worker}=$!`
  })
  const waits = lines.map((_, worker) => `wait $p${worker}`)
  return { file: '/bin/sh', args: [], env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], stdin: ['set -e', ...lines, ...waits, ''].join('\n') }
}
