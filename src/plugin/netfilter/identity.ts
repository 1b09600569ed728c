// Names of chains and comments by which rules are found: the Go plugins', so that either can remove the other's.

import type { Attachment } from '../../cni/types.ts'
import { sys } from '../../host/sys.ts'

/** The iptables chain of a container: `CNI-` and 24 hex digits. The interface's name is not part of it, so two interfaces share one. */
export function chainName({ network, containerId }: Pick<Attachment, 'network' | 'containerId'>): string {
  return `CNI-${sys.sha512(network + containerId)}`.slice(0, 28)
}

/** True for a name as `chainName` makes it; not for portmap's `CNI-DN-…` and the like. */
export function isChainName(name: string): boolean {
  return name.length === 28 && name.startsWith('CNI-') && [...name.slice(4)].every((digit) => '0123456789abcdef'.includes(digit))
}

/** The comment of an iptables rule, `name: "NETWORK" id: "ID"`, cut to what the comment match holds (XT_MAX_COMMENT_LEN less its NUL). */
export function iptablesComment({ network, containerId }: Pick<Attachment, 'network' | 'containerId'>): string {
  return `${iptablesCommentPrefix(network)}${goQuote(containerId)}`.slice(0, 255)
}

/** What the comments of all containers of `network` begin with. */
export function iptablesCommentPrefix(network: string): string {
  return `name: ${goQuote(network)} id: `
}

/** What the comments of nftables rules of `network` begin with. */
export function networkHash(network: string): string {
  return `${sys.sha512(network).slice(0, 16)}-`
}

/** What the comments of nftables rules of one attachment begin with. */
export function attachmentHash({ network, ifname, containerId }: Attachment): string {
  return networkHash(network) + sys.sha512(`${ifname}:${containerId}`).slice(0, 16)
}

/** The whole comment of an nftables rule. */
export function nftablesComment(attachment: Attachment): string {
  const { network, ifname, containerId } = attachment
  const readable = `net: ${network}, if: ${ifname}, id: ${containerId}`.replaceAll('"', '')
  return `${attachmentHash(attachment)}, ${readable}`
}

/** Go's %q, all that is not printable ASCII escaped: nothing in it can end a line or a quoted word. */
function goQuote(text: string): string {
  let quoted = ''
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    if (char === '"' || char === '\\') quoted += `\\${char}`
    else if (code >= 0x20 && code < 0x7f) quoted += char
    else if (code < 0x80) quoted += `\\x${code.toString(16).padStart(2, '0')}`
    else quoted += code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  }
  return `"${quoted}"`
}
