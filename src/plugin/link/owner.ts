// Names and aliases that show which attachment a link belongs to, so that DEL and GC need no state of their own.

import type { Attachment, ValidAttachment } from '../../cni/types.ts'
import { ALIAS_PREFIX } from '../../contract/marks.ts'
import { sys } from '../../host/sys.ts'

/** IFALIASZ of linux/if.h is 256, the NUL included; 63 are left for the network, 16 for the hash. */
const POD_LENGTH = 165
const NETWORK_LENGTH = 63
const HASH_LENGTH = 16

/** `veth` and 8 hex digits, the same for the same attachment: DEL finds the link without the pod's namespace. */
export function hostLinkName(attachment: Attachment): string {
  return `veth${ownerHash(attachment).slice(0, 8)}`
}

/** `bwp` and 12 hex digits, as the Go plugin `bandwidth` calls them. The interface is part of it, so that two of one pod have one each. */
export function ifbName(attachment: Attachment): string {
  return `bwp${ownerHash(attachment).slice(0, 12)}`
}

/**
 * `podwire:<namespace>/<pod> <network> <hash>`: for `ip link` to show, for GC to distinguish networks, and the hash, 16 hex digits, for DEL to recognize
 * its link: a name is too short to be unique.
 */
export function hostLinkAlias(attachment: Attachment, pod: string): string {
  return `${ALIAS_PREFIX}${plain(pod || attachment.containerId)}${ending(attachment.network, shortHash(attachment))}`
}

/** True for the alias of a link that ADD made for this attachment, whatever the pod was called. */
export function isOwnAlias(alias: string, attachment: Attachment): boolean {
  return alias.startsWith(ALIAS_PREFIX) && alias.endsWith(ending(attachment.network, shortHash(attachment)))
}

/** Whether an alias is of a link of the network that belongs to none of the valid attachments. */
export function staleAliases(network: string, valid: readonly ValidAttachment[]): (alias: string) => boolean {
  const live = new Set(valid.map((entry) => shortHash({ network, ...entry })))
  return (alias) => {
    const hash = alias.slice(-HASH_LENGTH)
    return alias.startsWith(ALIAS_PREFIX) && alias.endsWith(ending(network, hash)) && !live.has(hash)
  }
}

function ending(network: string, hash: string): string {
  return ` ${network.slice(0, NETWORK_LENGTH)} ${hash}`
}

function shortHash(attachment: Attachment): string {
  return ownerHash(attachment).slice(0, HASH_LENGTH)
}

/** None of the three contains a space. */
function ownerHash({ network, containerId, ifname }: Attachment): string {
  return sys.sha512(`${network} ${containerId} ${ifname}`)
}

/** An alias is bytes, and ends up on terminals and in logs. */
function plain(text: string): string {
  return [...text.slice(0, POD_LENGTH)].map((char) => (char > ' ' && char <= '~' ? char : '_')).join('')
}
