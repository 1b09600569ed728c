// Drives test/programs/masquerade.ts in a host, with the one or the other iptables in front of the PATH, and the Go plugins where they are.

import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Host, Outcome } from './netns.ts'

export const variants = ['nft', 'legacy'] as const
export type IptablesVariant = (typeof variants)[number]

export interface Answer {
  readonly code?: number
  readonly errno?: number
  readonly message?: string
  readonly details?: string
}

/** What is found of iptables' variants on this machine. */
export function hasIptables(variant: IptablesVariant): boolean {
  return fs.existsSync(`/usr/sbin/iptables-${variant}-restore`)
}

const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'podwire')
const folder = fs.existsSync(cache) ? fs.readdirSync(cache).find((name) => name.startsWith('go-reference-')) : undefined
/** Where the Go plugins lie; the folder may be missing. */
export const goPlugins = path.join(cache, folder ?? 'none')

/** A PATH whose `iptables`, `iptables-save`… are of the variant; the system's own choice is left alone. */
export function pathWith(host: Host, variant: IptablesVariant): string {
  const bin = path.join(host.dir, `bin-${variant}`)
  if (!fs.existsSync(bin)) {
    fs.mkdirSync(bin)
    for (const tool of ['iptables', 'ip6tables']) {
      for (const verb of ['', '-save', '-restore']) fs.symlinkSync(`/usr/sbin/${tool}-${variant}${verb}`, path.join(bin, tool + verb))
    }
  }
  return `${bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`
}

/** One call of a door: what it threw, as JSON. */
export async function callDoor(host: Host, program: string, call: object, PATH: string): Promise<Answer> {
  const { status, stdout, stderr } = await host.exec('/usr/bin/env', [`PATH=${PATH}`, program, JSON.stringify(call)])
  if (status !== 0) throw new Error(`${JSON.stringify(call)}: status ${status}: ${stderr}`)
  return JSON.parse(stdout) as Answer
}

/** The Go plugin `bridge`, on a host-local network of that name. */
export function goBridge(host: Host, command: 'ADD' | 'DEL', PATH: string, config: object, netns: string, id: string): Promise<Outcome> {
  const env = { PATH, CNI_COMMAND: command, CNI_CONTAINERID: id, CNI_IFNAME: 'eth0', CNI_NETNS: netns, CNI_PATH: goPlugins }
  const ipam = { type: 'host-local', subnet: '10.15.20.0/24', dataDir: path.join(host.dir, 'leases') }
  const stdin = JSON.stringify({ cniVersion: '1.0.0', name: 'mybridge', type: 'bridge', bridge: 'br0', isGateway: true, ipam, ...config })
  return host.exec(path.join(goPlugins, 'bridge'), [], { env, stdin })
}
