// Which host ports another pod has, by the output of iptables-save. Changes nothing.

import { CniError, ErrTryAgainLater } from '../../../cni/error.ts'
import type { Attachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { liveness } from '../../../liveness/segment.ts'
import { formatAddress } from '../../../net/address.ts'
import { type Cidr, hostCidr } from '../../../net/cidr.ts'
import { describeHostPort, type HostPort, portsOf } from '../../host-ports/mapping.ts'
import { matchesCidr, option, type SavedRule, type SavedTable } from '../../netfilter/iptables-saved.ts'
import type { PortmapRequest } from './backend.ts'
import { chainName, DNAT_CHAIN, OWNER_COMMENT } from './iptables-rules.ts'

/**
 * Throws where a rule in front of the attachment's own forwards one of its ports to another pod. Chains that forward to an address which is the pod's now
 * are an earlier owner's and may go, like those of a pod that is gone: these it returns. What has conditions, this pod or the other, may share a port.
 */
export function requireFree(table: SavedTable, { attachment, config }: PortmapRequest, pod: Cidr): string[] {
  const version = pod.address.family
  if (config.conditions[version].length > 0) return []
  const own = chainName('DN', attachment)
  const entries = table.rules.filter(({ chain }) => chain === DNAT_CHAIN)
  const at = entries.findIndex((rule) => option(rule, '-j') === own)
  const wanted = config.mappings.map(({ hostPort }) => `${hostPort}`)
  const stale = new Set<string>()
  for (const entry of at < 0 ? entries : entries.slice(0, at)) {
    const chain = option(entry, '-j')
    if (
      !option(entry, '--dports')
        .split(',')
        .some((port) => wanted.includes(port))
    )
      continue
    if (isConditional(entry) || option(entry, '--comment').endsWith(` id: "${attachment.containerId}"`)) continue
    for (const rule of table.rules.filter((found) => found.chain === chain && option(found, '-j') === 'DNAT')) {
      const taken = portsOf(config.mappings, version).find(({ protocol, hostPort, hostIP }) => {
        const to = option(rule, '-d')
        const covers = to === '' || (hostIP !== undefined && matchesCidr(to, hostCidr(hostIP)))
        return covers && option(rule, '-p') === protocol && option(rule, '--dport') === `${hostPort}`
      })
      if (!taken) continue
      if (stale.has(chain)) continue
      if (isTarget(option(rule, '--to-destination'), pod) || isGone(table, entry, taken)) stale.add(chain)
      else throw new CniError(ErrTryAgainLater, `host port ${describeHostPort(taken)} is taken by ${ownerOf(table, entry)}`)
    }
  }
  return [...stale]
}

/** True where the rule matches more than a protocol and ports. */
function isConditional({ words }: SavedRule): boolean {
  const known = ['-p', '-m', '--comment', '--dports', '-j']
  return words.some((word, i) => i % 2 === 0 && !known.includes(word)) || words.includes('!')
}

function isTarget(destination: string, { address }: Cidr): boolean {
  const text = formatAddress(address)
  return destination.startsWith(address.family === 4 ? `${text}:` : `[${text}]:`)
}

function isGone(table: SavedTable, entry: SavedRule, taken: HostPort): boolean {
  const { network, id } = containerIn(entry)
  const isOwner = (attachment: Attachment) => attachment.network === network
  if (!id || chainName('DN', { network, containerId: id }) !== option(entry, '-j') || !liveness().isContainerGone(id, isOwner)) return false
  log.warn('host port taken over: its pod is gone and there was no DEL', { port: describeHostPort(taken), owner: ownerOf(table, entry) })
  return true
}

/** From the comment in its chain, or that of the rule that jumps there, `dnat name: "NETWORK" id: "ID"`. */
function ownerOf({ rules }: SavedTable, entry: SavedRule): string {
  const chain = option(entry, '-j')
  const named = rules.find((rule) => rule.chain === chain && option(rule, '--comment').startsWith(OWNER_COMMENT))
  if (named) return option(named, '--comment').slice(OWNER_COMMENT.length)
  const { network, id } = containerIn(entry)
  return id ? `container ${id} of network ${network}` : `the pod of chain ${chain}`
}

function containerIn(entry: SavedRule): { readonly network: string; readonly id: string } {
  const [, network = '', , id = ''] = option(entry, '--comment').split('"')
  return { network, id }
}
