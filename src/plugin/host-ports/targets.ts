// The destination of host ports: the pod's addresses, and the node's devices towards them.

import { CniError, ErrInternal, ErrInvalidNetworkConfig } from '../../cni/error.ts'
import type { IpConfig } from '../../cni/types.ts'
import { withNetlink } from '../../kernel/netlink/socket.ts'
import { NETLINK_ROUTE } from '../../kernel/route/constants.ts'
import { findLink } from '../../kernel/route/link.ts'
import { lookUpRoutes } from '../../kernel/route/lookup.ts'
import { formatAddress } from '../../net/address.ts'
import type { Target } from './entry.ts'
import { describeHostPort, type HostPort } from './mapping.ts'

/** The pod's first address of each family that one of the ports is on, with the devices that the node's routes name. */
export function podTargets(ports: readonly HostPort[], ips: readonly IpConfig[]): Target[] {
  const firsts = ([4, 6] as const).flatMap((family) => ips.find(({ address }) => address.address.family === family)?.address.address ?? [])
  for (const { hostIP, ...port } of ports) {
    if (hostIP ? firsts.some(({ family }) => family === hostIP.family) : firsts.length > 0) continue
    const family = hostIP ? `IPv${hostIP.family} ` : ''
    const what = describeHostPort(hostIP ? { ...port, hostIP } : port)
    throw new CniError(ErrInvalidNetworkConfig, `host port ${what}: the pod has no ${family}address`)
  }
  return withNetlink(NETLINK_ROUTE, (socket) =>
    firsts.map((address) => {
      const [path] = lookUpRoutes(socket, [address])
      const device = path?.oif ? findLink(socket, { index: path.oif })?.name : undefined
      if (device) return { address, device }
      throw new CniError(ErrInternal, `host ports: the node has no route to the pod's address ${formatAddress(address)}`)
    }),
  )
}

/** The targets that need route_localnet: those of IPv4, for ports that are on 127.0.0.0/8 too. */
export function localTargets(ports: readonly HostPort[], targets: readonly Target[]): Target[] {
  if (!ports.some(({ hostIP }) => !hostIP || (hostIP.family === 4 && hostIP.bytes[0] === 127))) return []
  return targets.filter(({ address }) => address.family === 4)
}

/** The sysctl that lets packets of 127.0.0.0/8 out of the device. */
export function localnet(device: string): string {
  return `net/ipv4/conf/${device}/route_localnet`
}
