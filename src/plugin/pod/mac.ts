// The MAC of a pod's interface: the requested one, else one of its IPv4 address, else the kernel's.

import type { ConfigContext } from '../../cni/plugin.ts'
import type { Reader } from '../../cni/reader.ts'
import type { IpConfig } from '../../cni/types.ts'
import { findLink, type Link } from '../../kernel/route/link.ts'
import { isUnicastMac, type Mac, macFromIPv4, parseMac } from '../../net/mac.ts'
import type { Pod } from './namespace.ts'

/** Capability `mac`, then `args.cni.mac`, then CNI_ARGS `MAC`: the order of the reference plugin `bridge`. */
export function readPodMac(reader: Reader, context: ConfigContext): Mac | undefined {
  const capability = reader.object('runtimeConfig', readUnicastMac)
  const convention = reader.object('args', (args) => args.object('cni', readUnicastMac))
  return capability ?? convention ?? macOfArgs(reader, context)
}

/** `args.cni.mac`, then capability `mac`, then CNI_ARGS `MAC`, then `mac`: the order of the reference plugin `tuning`. */
export function readTunedMac(reader: Reader, context: ConfigContext): Mac | undefined {
  const convention = reader.object('args', (args) => args.object('cni', readUnicastMac))
  return convention ?? reader.object('runtimeConfig', readUnicastMac) ?? macOfArgs(reader, context) ?? readUnicastMac(reader)
}

/** `mac` of the object. An address that an interface cannot have is a problem. */
export function readUnicastMac(reader: Reader): Mac | undefined {
  const mac = reader.mac('mac')
  return mac && unicast(reader, 'mac', mac)
}

/** The requested MAC, or 0a:58 and the IPv4 address; undefined leaves it to the kernel. */
export function podMac(requested: Mac | undefined, ips: readonly IpConfig[]): Mac | undefined {
  const ipv4 = ips.find(({ address }) => address.address.family === 4)
  return requested ?? (ipv4 && macFromIPv4(ipv4.address.address))
}

/**
 * The MAC that the kernel chose. To be called when both ends are up: reading a link that is still down takes the pending event of its carrier, and the next
 * one may come a second later (net/core/link_watch.c). Until then the pod's first IPv6 packet is lost.
 */
export function podEndMac(pod: Pod, port: Link): Mac {
  const end = findLink(pod.route, { index: port.peer })
  if (!end) throw new RangeError(`peer #${port.peer} of ${port.name} is not in the pod's namespace`)
  return end.mac
}

function macOfArgs(reader: Reader, context: ConfigContext): Mac | undefined {
  const text = context.args().get('MAC')
  if (!text) return undefined
  try {
    return unicast(reader, 'CNI_ARGS MAC', parseMac(text))
  } catch {
    reader.issue('CNI_ARGS MAC', `expected an Ethernet address, got ${JSON.stringify(text)}`)
    return undefined
  }
}

function unicast(reader: Reader, key: string, mac: Mac): Mac {
  // The kernel would reject it with EADDRNOTAVAIL once half the work is done.
  if (!isUnicastMac(mac)) reader.issue(key, 'a multicast or all-zero address cannot belong to an interface')
  return mac
}
