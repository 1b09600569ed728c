// The pods of this node, put together from what each of them has: leases by owner, links on the host by their alias.

import { CniError } from '../cni/error.ts'
import { isObject, parseJson } from '../cni/json.ts'
import type { Attachment } from '../cni/types.ts'
import { ALIAS_PREFIX } from '../contract/marks.ts'
import { conflistPath, leaseRoot, type Paths, templatePath } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { sys } from '../host/sys.ts'
import { exists, namesIn, readWhole } from '../host/whole-file.ts'
import { pluginsOf } from '../installer/conflist.ts'
import type { Removal } from '../installer/uninstall.ts'
import { bootId } from '../ipam/boot.ts'
import { scanLeases } from '../ipam/scan.ts'
import { withNetlink } from '../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../kernel/route/constants.ts'
import { type Link, listLinks } from '../kernel/route/link.ts'
import { removeLinks } from '../kernel/route/link-group.ts'
import { podwirePlugin } from './podwire-plugin.ts'

export interface Lease {
  readonly address: string
  readonly network: string
  /** '' where the file cannot be read. */
  readonly containerId: string
  readonly ifname: string
  /** Seconds since it was taken. */
  readonly age: number | undefined
}

/** An attachment, which may be incomplete: a lease without a link, or a link without a lease. */
export interface Attached {
  /** `namespace/pod`, or the container's id; '' where no link has it. */
  readonly pod: string
  readonly network: string
  readonly containerId: string
  readonly ifname: string
  readonly addresses: readonly string[]
  /** The host end, '' where it is missing. */
  readonly link: string
  readonly age: number | undefined
}

/** All attachments, by pod and then by address. */
export function listAttachments(paths: Paths): Attached[] {
  const links = new Map(podLinks().map((link) => [link.name, link]))
  const attached = new Map<string, Attached & { readonly addresses: string[] }>()
  for (const lease of listLeases(paths)) {
    const key = `${lease.network} ${lease.containerId} ${lease.ifname}`
    const known = attached.get(key)
    if (known) {
      known.addresses.push(lease.address)
      continue
    }
    const name = lease.containerId ? podwirePlugin().hostLinkName(lease satisfies Attachment) : ''
    const link = links.get(name)
    links.delete(name)
    attached.set(key, { ...lease, addresses: [lease.address], pod: link ? aliasParts(link.alias).pod : '', link: link?.name ?? '' })
  }
  const unleased = [...links.values()].map((link): Attached => {
    const { pod, network } = aliasParts(link.alias)
    return { pod, network, containerId: '', ifname: '', addresses: [], link: link.name, age: undefined }
  })
  return [...attached.values(), ...unleased].sort(
    (a, b) => order(a.pod || '~', b.pod || '~') || order(a.addresses[0] ?? '', b.addresses[0] ?? ''),
  )
}

/** Every lease of every network that this node's conflist or run directory knows. */
export function listLeases(paths: Paths): Lease[] {
  const now = sys.clock_gettime(0)
  return leaseDirectories(paths).flatMap(({ directory, network }) => {
    return scanLeases(directory, namesIn(directory), bootId()).leases.map(({ address, owner }) => ({
      address,
      network,
      containerId: owner?.containerId ?? '',
      ifname: owner?.ifname ?? '',
      age: ageOf(`${directory}/${address}`, now),
    }))
  })
}

/** A line for each pod with a link: those would lose their network. */
export function attachedPods(paths: Paths): string[] {
  return listAttachments(paths).flatMap(({ link, pod, addresses }) => (link ? [[pod, ...addresses, link].join(' ')] : []))
}

/** Deletes the links of all pods; with `dryRun` only lists them. */
export function removePodLinks(dryRun: boolean): Removal {
  return withNetlink(NETLINK_ROUTE, (route) => {
    const links = listLinks(route).filter(isPodLink)
    if (!dryRun) {
      removeLinks(route, links)
    }
    return { removed: links.map(({ name, alias }) => ({ kind: 'link', object: `${name} (${alias})` })), problems: [] }
  })
}

/** The host's ends of pods' pairs. */
function podLinks(): Link[] {
  return withNetlink(NETLINK_ROUTE, (route) => listLinks(route)).filter((link) => link.kind === 'veth' && isPodLink(link))
}

/** The network's directory, wherever the conflist or the template puts it, and what there is in the run directory. */
export function leaseDirectories(paths: Paths): { directory: string; network: string }[] {
  const root = leaseRoot(paths)
  const directories = new Map(namesIn(root).map((network) => [`${root}/${network}`, network]))
  for (const path of [conflistPath(paths), templatePath(paths)]) {
    for (const { directory, network } of directoriesOf(path)) if (exists(directory)) directories.set(directory, network)
  }
  return [...directories].map(([directory, network]) => ({ directory, network }))
}

function directoriesOf(path: string): { directory: string; network: string }[] {
  try {
    const list = parseJson(readWhole(path) ?? '{}', path)
    if (!isObject(list) || typeof list.name !== 'string') return []
    const network = list.name
    return pluginsOf(list).flatMap(({ ipam }) => {
      const dataDir = isObject(ipam) && ipam.type === 'host-local' ? (ipam.dataDir ?? '/var/lib/cni/networks') : undefined
      return typeof dataDir === 'string' ? [{ directory: `${dataDir}/${network}`, network }] : []
    })
  } catch (error) {
    // Whether it is valid is checked elsewhere.
    if (error instanceof CniError || isSysError(error)) return []
    throw error
  }
}

/** `podwire:` and three words: pod, network, mark. The node's own devices have one. */
function isPodLink({ kind, alias }: Link): boolean {
  return (kind === 'veth' || kind === 'ifb') && alias.startsWith(ALIAS_PREFIX) && alias.includes(' ')
}

function aliasParts(alias: string): { pod: string; network: string } {
  const [pod = '', network = ''] = alias.slice(ALIAS_PREFIX.length).split(' ')
  return { pod, network }
}

function ageOf(path: string, now: number): number | undefined {
  try {
    return now - sys.lstat(path).mtime
  } catch {
    return undefined
  }
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
