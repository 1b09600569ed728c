// runtimeConfig.portMappings: which ports of the node lead to the pod.

import type { Reader } from '../../cni/reader.ts'
import { type Address, formatAddress } from '../../net/address.ts'

export const protocols = ['tcp', 'udp', 'sctp'] as const
export type Protocol = (typeof protocols)[number]

export interface HostPort {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: Protocol
  /** The one address of the node that the port is on; absent for all of them. */
  readonly hostIP?: Address
}

/** Reads `runtimeConfig.portMappings`; entries without a host port are none, as runtimes pass on every port of a container. */
export function readHostPorts(reader: Reader): readonly HostPort[] {
  return reader.object('runtimeConfig', readMappings) ?? []
}

/** `tcp/8080`, or `tcp/8080 on 192.0.2.1`. */
export function describeHostPort({ protocol, hostPort, hostIP }: Omit<HostPort, 'containerPort'>): string {
  return `${protocol}/${hostPort}${hostIP ? ` on ${formatAddress(hostIP)}` : ''}`
}

function readMappings(reader: Reader): HostPort[] {
  const ports = reader.objects('portMappings', readMapping) ?? []
  const seen = new Set<string>()
  for (const port of ports) {
    const name = describeHostPort(port)
    if (seen.has(name)) reader.issue('portMappings', `host port ${name} is there twice`)
    seen.add(name)
  }
  return ports
}

function readMapping(reader: Reader): HostPort | undefined {
  const hostPort = reader.has('hostPort') ? reader.integer('hostPort', 0, 65535) : 0
  if (hostPort === 0) return undefined
  const containerPort = reader.integer('containerPort', 1, 65535)
  if (!reader.has('containerPort')) reader.issue('containerPort', 'expected a number from 1 to 65535, got none')
  const protocol = readProtocol(reader)
  const hostIP = plainAddress(reader.address('hostIP'))
  if (hostPort === undefined || containerPort === undefined || protocol === undefined) return undefined
  return { hostPort, containerPort, protocol, ...(hostIP && { hostIP }) }
}

/** In any case of letters; none is TCP, as in a pod's manifest. */
export function readProtocol(reader: Reader): Protocol | undefined {
  const text = reader.string('protocol')
  const known = protocols.find((name) => name === (text || 'tcp').toLowerCase())
  if (text !== undefined && !known) reader.issue('protocol', `expected tcp, udp or sctp, got ${JSON.stringify(text)}`)
  return known
}

/** 0.0.0.0 and :: stand for every address of either family, ::ffff:192.0.2.1 for 192.0.2.1, which is how it looks in a packet. */
export function plainAddress(address: Address | undefined): Address | undefined {
  if (!address || address.bytes.every((byte) => byte === 0)) return undefined
  const mapped = address.family === 6 && address.bytes.every((byte, i) => i >= 12 || byte === (i < 10 ? 0 : 0xff))
  return mapped ? plainAddress({ family: 4, bytes: address.bytes.slice(12) }) : address
}
