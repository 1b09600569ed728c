// How an element names the attachment that owns it. Pure.

import type { Attachment } from '../../cni/types.ts'
import { be16 } from '../../kernel/netlink/encode.ts'
import { joinedKey } from '../../kernel/nftables/element.ts'
import { attachmentHash } from '../netfilter/identity.ts'

/** `16 hex digits-16 hex digits ` (attachmentHash). */
const HASH_LENGTH = 33

/** The owner map's key of the attachment's entry `index`: 128 bits of hash, then the number. */
export function ownerKey(hash: string, index: number): Uint8Array {
  const hex = hash.replaceAll('-', '')
  const bytes = Uint8Array.from({ length: 16 }, (_, i) => Number(`0x${hex.slice(2 * i, 2 * i + 2)}`))
  return joinedKey([bytes, be16(index)])
}

/** Every element's comment: the hash by which it is found again, then the owner, for people and for the error about a port that is taken. */
export function ownerComment(attachment: Attachment, owner: string): string {
  const { network, containerId, ifname } = attachment
  return `${attachmentHash(attachment)} ${plain(owner)} ${plain(network)}:${plain(containerId)}:${plain(ifname)}`
}

/** The attachment's hash in a comment. */
export function hashIn(comment = ''): string {
  return comment.split(' ')[0] ?? ''
}

/** The owner's name in a comment. */
export function ownerIn(comment: string): string {
  return comment.slice(HASH_LENGTH + 1).split(' ')[0] || 'an unknown owner'
}

/** The attachment that a comment names; undefined where `plain` has changed one of its names. */
export function attachmentIn(comment: string): Attachment | undefined {
  const [hash = '', , names = ''] = comment.split(' ')
  const [network = '', containerId = '', ifname = ''] = names.split(':')
  const attachment = { network, containerId, ifname }
  return attachmentHash(attachment) === hash ? attachment : undefined
}

/** nft prints comments in quotes and escapes nothing; spaces separate the parts. */
function plain(text: string): string {
  return [...text].map((char) => (char > ' ' && char !== '"' && char !== '\\' && char !== '\x7f' ? char : '_')).join('')
}
