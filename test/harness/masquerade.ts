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

export const MASQUERADE_CHAIN = 'CNI-26633426ea992aa1f0477097'
const COMMENT = '-m comment --comment "name: \\"mybridge\\" id: \\"1234567890\\""'

const iptablesRules = (address: string, subnet: string, multicast: string) => [
  `-A POSTROUTING -s ${address} ${COMMENT} -j ${MASQUERADE_CHAIN}`,
  `-A ${MASQUERADE_CHAIN} -d ${subnet} ${COMMENT} -j ACCEPT`,
  `-A ${MASQUERADE_CHAIN} ! -d ${multicast} ${COMMENT} -j MASQUERADE`,
]
const nftablesRule = (ip: string, address: string, subnet: string) =>
  `${ip} saddr ${address} ${ip} daddr != ${subnet} masquerade comment ` +
  '"6c7c6497465b641a-13c589d376a6dbbc, net: mybridge, if: eth0, id: 1234567890"'

/** The rules of container 1234567890 of network mybridge, with 10.15.20.2/24 and fd00::2/64, as the Go plugins make them. */
export const iptablesV4 = iptablesRules('10.15.20.2/32', '10.15.20.0/24', '224.0.0.0/4')
export const iptablesV6 = iptablesRules('fd00::2/128', 'fd00::/64', 'ff00::/8')
export const nftablesV4 = [nftablesRule('ip', '10.15.20.2', '10.15.20.0/24')]
export const nftablesV6 = [nftablesRule('ip6', 'fd00::2', 'fd00::/64')]

/** A backend, and how its rules are listed. */
export interface MasqueradeKind {
  readonly name: string
  readonly backend: 'iptables' | 'nftables'
  readonly rulesV4: readonly string[]
  readonly rulesV6: readonly string[]
  readonly path: (host: Host) => string
  /** All rules of both families. */
  readonly rules: (host: Host) => Promise<string[]>
  /** `NETWORK CONTAINER` of a rule. */
  readonly ownerOf: (rule: string) => string | undefined
  /** Adds a rule that is not podwire's. */
  readonly unmanaged: readonly [string, ...string[]]
  readonly damages: readonly { readonly what: string; readonly command: readonly [string, ...string[]]; readonly message: string }[]
}

const NFT_TABLE = ['inet', 'cni_plugins_masquerade'] as const

const nftablesKind: MasqueradeKind = {
  name: 'nftables',
  backend: 'nftables',
  rulesV4: nftablesV4,
  rulesV6: nftablesV6,
  path: () => '/usr/sbin:/usr/bin:/sbin:/bin',
  rules: async (host) => {
    const { stdout } = await host.exec('nft', ['list', 'chain', ...NFT_TABLE, 'masq_checks'])
    return stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line.startsWith('ip'))
  },
  ownerOf: (rule) => match(rule, /net: (.*), if: .*, id: (.*)"/),
  unmanaged: [
    'nft',
    'add table inet cni_plugins_masquerade; add chain inet cni_plugins_masquerade masq_checks; add rule inet cni_plugins_masquerade masq_checks ip saddr 10.0.0.0/8 masquerade',
  ],
  damages: [
    { what: 'the base chain is flushed', command: ['nft', 'flush', 'chain', ...NFT_TABLE, 'postrouting'], message: 'lacks a rule' },
    { what: 'the table is deleted', command: ['nft', 'delete', 'table', ...NFT_TABLE], message: 'lacks a rule' },
    { what: 'the rules are flushed', command: ['nft', 'flush', 'chain', ...NFT_TABLE, 'masq_checks'], message: 'is missing' },
  ],
}

const iptablesKind = (variant: IptablesVariant): MasqueradeKind => ({
  name: `iptables-${variant}`,
  backend: 'iptables',
  rulesV4: iptablesV4,
  rulesV6: iptablesV6,
  path: (host) => pathWith(host, variant),
  rules: async (host) => {
    const texts = await Promise.all(['iptables', 'ip6tables'].map((tool) => host.run(`/usr/sbin/${tool}-${variant}-save`, '-t', 'nat')))
    return texts.flatMap((text) => text.split('\n').filter((line) => line.startsWith('-A ')))
  },
  ownerOf: (rule) => match(rule, /name: \\"(.*?)\\" id: \\"(.*?)\\"/),
  unmanaged: [`/usr/sbin/iptables-${variant}`, '-t', 'nat', '-A', 'POSTROUTING', '-s', '10.0.0.0/8', '-j', 'MASQUERADE'],
  damages: [
    {
      what: 'the jumps are flushed',
      command: [`/usr/sbin/iptables-${variant}`, '-t', 'nat', '-F', 'POSTROUTING'],
      message: '-A POSTROUTING -s 10.15.20.2',
    },
    {
      what: 'the chain is flushed',
      command: [`/usr/sbin/ip6tables-${variant}`, '-t', 'nat', '-F', MASQUERADE_CHAIN],
      message: `-A ${MASQUERADE_CHAIN} -d fd00::2/64`,
    },
  ],
})

/** The backends that this machine has. */
export const kindsHere: readonly MasqueradeKind[] = [nftablesKind, ...variants.filter(hasIptables).map(iptablesKind)]

function match(rule: string, pattern: RegExp): string | undefined {
  const found = pattern.exec(rule)
  return found ? `${found[1]} ${found[2]}` : undefined
}
