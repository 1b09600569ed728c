// The plugin `loopback`: brings up `lo`. Runtimes run it for every pod, whatever CNI_IFNAME is.

import { CniError, ErrInternal, ErrInvalidNetworkConfig } from '../../../cni/error.ts'
import { definePlugin, type Request } from '../../../cni/plugin.ts'
import { ownInterfaces } from '../../../cni/result.ts'
import { cniVersions, type IpConfig, type Result } from '../../../cni/types.ts'
import { transact } from '../../../kernel/netlink/socket.ts'
import { listAddresses } from '../../../kernel/route/address.ts'
import { IFF_LOOPBACK, IFF_UP } from '../../../kernel/route/constants.ts'
import { findLink, type Link, setLink } from '../../../kernel/route/link.ts'
import { formatCidr } from '../../../net/cidr.ts'
import { type Pod, withPod, withPodIfExists } from '../../pod/namespace.ts'
import { dropInVersion } from '../../version.ts'

export const program = definePlugin({
  name: 'loopback',
  version: dropInVersion,
  supports: cniVersions,
  config: () => undefined,
  add,
  del,
  check,
})

/** `ip link set lo up`; its addresses are the kernel's own. */
function add({ netns, prevResult, cniVersion }: Request<undefined>): Result {
  return withPod(netns, (pod) => {
    const { index, mtu, flags } = findLoopback(pod)
    transact(pod.route, [setLink({ index }, { up: true })])
    const addresses = listAddresses(pod.route, index).map(({ cidr }) => cidr)
    const other = addresses.find(({ address }) => !(address.family === 4 ? address.bytes[0] === 127 : isIPv6Loopback(address.bytes)))
    if (other) {
      if (!(flags & IFF_UP)) transact(pod.route, [setLink({ index }, { up: false })])
      throw new CniError(ErrInvalidNetworkConfig, `interface lo has an address that is not a loopback address: ${formatCidr(other)}`)
    }
    if (prevResult) return prevResult
    const first = (family: 4 | 6) => addresses.filter(({ address }) => address.family === family).slice(0, 1)
    const ips: IpConfig[] = [...first(4), ...first(6)].map((address) => ({ address, interface: 0 }))
    const lo = { name: 'lo', mac: '00:00:00:00:00:00', mtu, sandbox: netns }
    return { interfaces: ownInterfaces(cniVersion, [lo]), ips, routes: [], dns: {} }
  })
}

/** `ip link set lo down`; a namespace that is gone needs nothing. */
function del({ netns }: Request<undefined>): void {
  withPodIfExists(netns, (pod) => transact(pod.route, [setLink({ name: 'lo' }, { up: false })]))
}

function check({ netns }: Request<undefined>): void {
  withPod(netns, (pod) => {
    if (!(findLoopback(pod).flags & IFF_UP)) throw new CniError(ErrInternal, `interface lo is down in ${netns}`)
  })
}

function findLoopback(pod: Pod): Link {
  const link = findLink(pod.route, { name: 'lo' })
  if (!link || !(link.flags & IFF_LOOPBACK)) throw new CniError(ErrInternal, 'the namespace has no loopback device lo')
  return link
}

function isIPv6Loopback(bytes: Uint8Array): boolean {
  return bytes.every((byte, i) => byte === (i === 15 ? 1 : 0))
}
