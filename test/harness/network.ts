// What makes up this network namespace's network, as text that two readings can be compared by. Reading changes nothing in it.

import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Section (the command or file that was read) → its lines. */
export type Network = ReadonlyMap<string, readonly string[]>

/** Links, addresses, routes, rules, packet filter and sysctls as they are now, without what moves by itself. */
export function readNetwork(): Network {
  return new Map([
    read('ip', '-d', 'link'),
    read('ip', '-d', 'addr'),
    read('ip', '-d', 'route', 'show', 'table', 'all'),
    read('ip', '-d', '-6', 'route', 'show', 'table', 'all'),
    read('ip', '-d', 'rule'),
    read('ip', '-d', '-6', 'rule'),
    // -s leaves out counters. The iptables of today is in here too.
    read('nft', '-s', 'list', 'ruleset'),
    ...legacyTables('ip', 'iptables-legacy-save'),
    ...legacyTables('ip6', 'ip6tables-legacy-save'),
    ['sysctl net', sysctls('/proc/sys/net')],
  ])
}

/** The lines that went (`-`) and came (`+`), each section under its name; empty where both are the same. */
export function compareNetworks(before: Network, after: Network): string[] {
  const differences: string[] = []
  for (const section of new Set([...before.keys(), ...after.keys()])) {
    const old = before.get(section) ?? []
    const now = after.get(section) ?? []
    if (old.join('\n') === now.join('\n')) continue
    const gone = old.filter((line) => !now.includes(line)).map((line) => `- ${line}`)
    const come = now.filter((line) => !old.includes(line) && !(section === 'sysctl net' && bringsModule(line))).map((line) => `+ ${line}`)
    const lines = [...gone, ...come]
    if (lines.length > 0) differences.push(section, ...lines)
    else if (section !== 'sysctl net') differences.push(section, 'the same lines in another order or number')
  }
  return differences
}

// Bridge and lease clocks that run without anyone's doing: `ip -d link` shows them for every bridge, `ip addr` and `ip route` for what DHCP or RA gave.
const clocks =
  /\b(hello_timer|tcn_timer|topology_change_timer|gc_timer|hold_timer|message_age_timer|forward_delay_timer) +\S+|\b(valid_lft|preferred_lft|expires) \d+sec/g

function read(file: string, ...args: string[]): [string, string[]] {
  const { stdout } = spawnSync(file, args, { encoding: 'utf8', maxBuffer: 1 << 28 })
  return [[file, ...args].join(' '), (stdout ?? '').split('\n').map((line) => line.replace(clocks, '$1$2'))]
}

/** Only where old iptables tables exist already: asking for one makes it. */
function legacyTables(family: 'ip' | 'ip6', save: string): [string, string[]][] {
  const file = `/proc/net/${family}_tables_names`
  const names = readOrNothing(file)?.trim().split('\n').filter(Boolean) ?? []
  return [
    [file, names],
    ...names.map((table): [string, string[]] => {
      const [command, lines] = read(save, '-t', table)
      // Comments carry the time, chain lines the counters.
      return [command, lines.filter((line) => !line.startsWith('#')).map((line) => line.replace(/ \[\d+:\d+\]$/, ''))]
    }),
  ]
}

// Counters among the settings: the number of tracked connections, and of what is allocated for them.
const counters = new Set(['netfilter/nf_conntrack_count'])

function sysctls(root: string): string[] {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const names = files.map(({ parentPath, name }) => `${parentPath}/${name}`.slice(root.length + 1)).sort()
  return names
    .filter((name) => !counters.has(name))
    .flatMap((name) => {
      // Some may only be written, others cannot be read before they are set.
      const value = readOrNothing(`${root}/${name}`)
      return value === undefined ? [] : [`${name} = ${value.trimEnd()}`]
    })
}

/** Settings that a kernel module brings when the first namespace anywhere uses it; they have their defaults and belong to no interface. */
function bringsModule(setting: string): boolean {
  return setting.startsWith('netfilter/') || setting.startsWith('nf_conntrack_max') || setting.startsWith('bridge/')
}

function readOrNothing(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}
