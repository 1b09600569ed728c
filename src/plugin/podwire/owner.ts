// How links made here say whose they are, so that DEL and GC need no state of their own.

import type { Attachment, ValidAttachment } from '../../cni/types.ts'
import { sys } from '../../host/sys.ts'

/** IFALIASZ of linux/if.h is 256, the NUL included; 63 are left for the network. */
const POD_LENGTH = 180

/** `veth` and 8 hex digits, the same for the same attachment: DEL finds the link without the pod's namespace. */
export function hostLinkName(attachment: Attachment): string {
  return `veth${ownerHash(attachment).slice(0, 8)}`
}

/** `bwp` and 12 hex digits, as the Go plugin `bandwidth` calls them. The interface is part of it, so that two of one pod have one each. */
export function ifbName(attachment: Attachment): string {
  return `bwp${ownerHash(attachment).slice(0, 12)}`
}

/** `podwire:<namespace>/<pod> <network>`, for `ip link` to show and for GC to tell networks apart. */
export function hostLinkAlias({ network, containerId }: Attachment, pod: string): string {
  return `podwire:${(pod || containerId).slice(0, POD_LENGTH)} ${network.slice(0, 63)}`
}

export function isAliasOfNetwork(alias: string, network: string): boolean {
  return alias.startsWith('podwire:') && alias.endsWith(` ${network.slice(0, 63)}`)
}

/** The names that the links and IFBs of valid attachments have. */
export function validLinkNames(network: string, valid: readonly ValidAttachment[]): ReadonlySet<string> {
  return new Set(valid.flatMap((entry) => [hostLinkName({ network, ...entry }), ifbName({ network, ...entry })]))
}

/** None of the three contains a space. */
function ownerHash({ network, containerId, ifname }: Attachment): string {
  return sys.sha512(`${network} ${containerId} ${ifname}`)
}
