// The gateway of a VLAN: a second pair in the host's namespace, one end a port of that VLAN, the other, `<bridge>.<vlan>`, with the address.
// It belongs to the bridge and not to a pod, so DEL does not remove it.

import { withUndo } from '../../../cni/undo.ts'
import { ALIAS_PREFIX } from '../../../contract/marks.ts'
import { EEXIST } from '../../../host/errno.ts'
import { isSysError } from '../../../host/error.ts'
import { sys } from '../../../host/sys.ts'
import { type NetlinkSocket, transact } from '../../../kernel/netlink/socket.ts'
import { findLink, type Link, removeLink, setLink } from '../../../kernel/route/link.ts'
import { trySysctl } from '../../../kernel/sysctl.ts'
import { addPort, setPortVlans } from '../../link/bridge-port.ts'
import type { BridgeConfig } from './config.ts'

/** Finds the gateway interface of the configured VLAN or makes it. */
export function ensureVlanGateway(route: NetlinkSocket, bridge: Link, config: BridgeConfig): Link {
  const name = vlanGatewayName(config)
  const found = findLink(route, { name })
  if (found) return found
  const here = sys.open('/proc/self/ns/net', 0)
  try {
    const port = addPort(route, {
      bridge,
      pod: { name, mtu: config.mtu, netns: here },
      alias: `${ALIAS_PREFIX}gateway:${name}`,
      hairpin: false,
      isolated: false,
    })
    // Left behind without its VLAN, the next ADD would find it and take it for the gateway.
    withUndo((undo) => {
      undo(`delete ${name}`, () => removeLink(route, { index: port.index }))
      setPortVlans(route, port.index, [{ first: config.vlan, last: config.vlan, native: true }], config.preserveDefaultVlan)
      // As on the bridge itself: a router advertisement from a pod must not give the node an address.
      trySysctl(`net/ipv6/conf/${name}/accept_ra`, '0')
      transact(route, [setLink({ name }, { up: true })])
    })
  } catch (error) {
    // Another ADD of the same VLAN was first.
    if (!isSysError(error, EEXIST)) throw error
  } finally {
    sys.close(here)
  }
  const link = findLink(route, { name })
  if (!link) throw new RangeError(`interface ${name} vanished while it was set up`)
  return link
}

/** `<bridge>.<vlan>`, as the reference plugin names it. */
export function vlanGatewayName({ bridge, vlan }: BridgeConfig): string {
  return `${bridge}.${vlan}`
}
