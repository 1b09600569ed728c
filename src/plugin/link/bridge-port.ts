// The pair of interfaces that joins a pod to the bridge.

import { CniError, ErrUnsupportedField } from '../../cni/error.ts'
import type { Attachment } from '../../cni/types.ts'
import { withUndo } from '../../cni/undo.ts'
import { ALIAS_PREFIX } from '../../contract/marks.ts'
import { EEXIST, EOPNOTSUPP } from '../../host/errno.ts'
import { isSysError, SysError } from '../../host/error.ts'
import { sys } from '../../host/sys.ts'
import { exchange, type NetlinkSocket } from '../../kernel/netlink/socket.ts'
import { addPortVlan, deletePortVlan, listPortVlans, type PortVlan, setBridgePort } from '../../kernel/route/bridge.ts'
import { findLink, type Link, removeLink, transactLink } from '../../kernel/route/link.ts'
import { addVeth, type VethEnd } from '../../kernel/route/veth.ts'

/** Random names collide once in 2^32 pairs; more tries than that needs would hide another cause of EEXIST. */
const NAME_TRIES = 10

export interface PortSetup {
  readonly bridge: Link
  readonly pod: VethEnd & { readonly netns: number }
  readonly alias: string
  readonly hairpin: boolean
  readonly isolated: boolean
}

/** Makes the pair, the host's end a port of the bridge, and returns the host's end; its `peer` is the pod's index. */
export function addPort(route: NetlinkSocket, setup: PortSetup): Link {
  const { bridge, pod, alias, hairpin, isolated } = setup
  for (let attempt = 1; ; attempt++) {
    const name = `veth${randomHex()}`
    const host = { name, mtu: pod.mtu, master: bridge.index }
    try {
      return withUndo((undo) => {
        // Before it is made: the kernel has made it also where its answer is lost.
        undo('delete the veth pair', () => removeAliased(route, name, alias))
        return transactLink(route, [addVeth(host, pod), setBridgePort({ name }, { hairpin, isolated, alias })], { name })
      })
    } catch (error) {
      if (!isSysError(error, EEXIST) || attempt === NAME_TRIES) throw error
    }
  }
}

/** Deletes the link of that name where the alias shows that it is this one's. */
function removeAliased(route: NetlinkSocket, name: string, alias: string): void {
  const found = findLink(route, { name })
  if (found?.alias === alias) removeLink(route, { index: found.index })
}

/** The alias of a port: it names the attachment, for GC and for operators. */
export function portAlias({ network, containerId, ifname }: Attachment): string {
  // None of the three may contain a colon, so the alias can be parsed.
  return `${portAliasPrefix(network)}${shorten(containerId)}:${ifname}`
}

/** What the aliases of a network's links start with. */
export function portAliasPrefix(network: string): string {
  return `${ALIAS_PREFIX}${shorten(network)}:`
}

/** An alias has at most 255 bytes (linux/if.h: IFALIASZ), a name any number: of a long one the hash. */
function shorten(name: string): string {
  return name.length <= 100 ? name : sys.sha512(name).slice(0, 64)
}

/** The VLANs of the port as configured: what the bridge put there by default goes first, unless it must stay. */
export function setPortVlans(route: NetlinkSocket, index: number, vlans: readonly PortVlan[], keepDefault: boolean): void {
  if (vlans.length === 0) return
  const stale = keepDefault ? [] : listPortVlans(route, index)
  const requests = [...stale.map((vlan) => deletePortVlan(index, vlan)), ...vlans.map((vlan) => addPortVlan(index, vlan))]
  const [failure] = exchange(route, requests).failures
  if (!failure) return
  if (failure.errno === EOPNOTSUPP) throw noVlanFiltering()
  throw new SysError(requests[failure.index]?.op ?? 'set VLANs', failure.errno, failure.detail)
}

/** The first of `vlans` that the port does not carry as it should, whole. */
export function missingPortVlan(route: NetlinkSocket, index: number, vlans: readonly PortVlan[]): PortVlan | undefined {
  if (vlans.length === 0) return undefined
  const native = new Map(listPortVlans(route, index).map((present) => [present.first, present.native]))
  return vlans.find((vlan) => {
    for (let id = vlan.first; id <= vlan.last; id++) if (native.get(id) !== vlan.native) return true
    return false
  })
}

/** What EOPNOTSUPP means when VLANs are set. */
export function noVlanFiltering(): CniError {
  return new CniError(ErrUnsupportedField, 'vlan, vlanTrunk: this kernel has no VLAN filtering (CONFIG_BRIDGE_VLAN_FILTERING)')
}

function randomHex(): string {
  return Array.from(new Uint8Array(sys.getrandom(4)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
