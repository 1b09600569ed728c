// What a backend does, and the request that it does it for.

import type { Attachment, Result, ValidAttachment } from '../../../cni/types.ts'
import type { Cidr } from '../../../net/cidr.ts'
import { portsOf } from '../../host-ports/mapping.ts'
import type { PortForward } from '../../netfilter/udp-flows.ts'
import type { PortmapConfig } from './config.ts'

export interface PortmapRequest {
  readonly attachment: Attachment
  /** `namespace/pod`, '' where it is unknown. */
  readonly owner: string
  readonly config: PortmapConfig
  /** The pod's first address of each family, with the prefix that the result gives it. */
  readonly pods: readonly Cidr[]
}

/** `remove` and `gc` are called on both backends: the configuration may have changed since ADD. */
export interface Backend {
  /** Replaces what the attachment had. CniError 11 with the owner's name where another has one of the ports. */
  add(request: PortmapRequest): void
  /** Throws where a rule is not as `add` left it. */
  check(request: PortmapRequest): void
  /** Returns the UDP ports of the rules that were removed, as far as these are known. */
  remove(attachment: Attachment): PortForward[]
  gc(network: string, valid: readonly ValidAttachment[]): PortForward[]
  /** Throws CniError 50 where `add` could not work on this host. */
  status(config: PortmapConfig): void
}

/** The first address of each family that is the attachment's: IPAM-only results have no interface, and those of other interfaces are not its. */
export function podCidrs({ ips, interfaces }: Result, ifname: string): Cidr[] {
  const own = ips.filter(({ interface: index }) => {
    const link = index === undefined ? undefined : interfaces[index]
    return !link || (link.name === ifname && link.sandbox)
  })
  return ([4, 6] as const).flatMap((family) => own.find(({ address }) => address.address.family === family)?.address ?? [])
}

/** The UDP ports of a request and where they are forwarded to. */
export function forwardsOf({ config, pods }: Pick<PortmapRequest, 'config' | 'pods'>): PortForward[] {
  return pods.flatMap(({ address }) =>
    portsOf(config.mappings, address.family)
      .filter(({ protocol }) => protocol === 'udp')
      .map(({ hostIP, hostPort, containerPort }) => ({
        family: address.family,
        hostIP,
        hostPort,
        to: { address, port: containerPort },
      })),
  )
}
