// runtimeConfig.portMappings: which ports of the node are forwarded to the pod. One reader, for `podwire` and for `portmap`.

import type { Reader } from '../../cni/reader.ts'
import type { IpVersion } from '../../kernel/nftables/field.ts'
import { type Address, formatAddress } from '../../net/address.ts'

export const protocols = ['tcp', 'udp', 'sctp'] as const
export type Protocol = (typeof protocols)[number]

export interface HostPort {
  readonly hostPort: number
  readonly containerPort: number
  readonly protocol: Protocol
  /** The one address of the node that the port is on; absent for all of them. */
  readonly hostIP?: Address
  /** The one family that the port is on; absent for both. */
  readonly family?: IpVersion
}

type ReadMapping = (reader: Reader) => HostPort | undefined

/**
 * Of `podwire`: 0.0.0.0 and :: stand for every address of either family; an entry without a host port is skipped, as runtimes pass on every port
 * of a container; a port that is listed twice is a problem.
 */
export function readHostPorts(reader: Reader): readonly HostPort[] {
  const ports = readMappings(reader, (mapping) => {
    const isUnmapped = !mapping.has('hostPort') || mapping.value('hostPort') === 0
    return isUnmapped ? undefined : readMapping(mapping, 0)
  })
  reader.object('runtimeConfig', (runtime) => reportDuplicates(runtime, ports))
  return ports.map(({ family, ...port }) => (port.hostIP && family ? { ...port, family } : port))
}

/**
 * Of `portmap`: an unspecified hostIP stands for every address of its own family, as for the Go plugin. What is listed twice stays so: CHECK of the
 * Go plugin counts rules, or expects each port as often as it was named.
 */
export function readReferencePorts(reader: Reader): readonly HostPort[] {
  return readMappings(reader, (mapping) => readMapping(mapping, 1))
}

/** Those that an address of this family can serve. The Go plugin skips the others without an error, and so does podwire. */
export function portsOf(ports: readonly HostPort[], version: IpVersion): readonly HostPort[] {
  return ports.filter(({ hostIP, family = hostIP?.family }) => !family || family === version)
}

/** `tcp/8080`, or `tcp/8080 on 192.0.2.1`. */
export function describeHostPort({ protocol, hostPort, hostIP }: Pick<HostPort, 'protocol' | 'hostPort' | 'hostIP'>): string {
  return `${protocol}/${hostPort}${hostIP ? ` on ${formatAddress(hostIP)}` : ''}`
}

function readMappings(reader: Reader, read: ReadMapping): readonly HostPort[] {
  return reader.object('runtimeConfig', (runtime) => runtime.objects('portMappings', read)) ?? []
}

function reportDuplicates(runtime: Reader, ports: readonly HostPort[]): void {
  const seen = new Set<string>()
  for (const port of ports) {
    const name = describeHostPort(port)
    if (seen.has(name)) runtime.issue('portMappings', `host port ${name} is listed twice`)
    seen.add(name)
  }
}

function readMapping(reader: Reader, minHostPort: number): HostPort | undefined {
  const hostPort = readPort(reader, 'hostPort', minHostPort)
  const containerPort = readPort(reader, 'containerPort', 1)
  const protocol = readProtocol(reader)
  const given = reader.address('hostIP')
  const hostIP = given?.bytes.some((byte) => byte !== 0) ? given : undefined
  if (hostPort === undefined || containerPort === undefined || protocol === undefined) return undefined
  return { hostPort, containerPort, protocol, ...(hostIP && { hostIP }), ...(given && { family: given.family }) }
}

function readPort(reader: Reader, key: string, min: number): number | undefined {
  if (!reader.has(key)) reader.issue(key, `expected a number from ${min} to 65535, got none`)
  return reader.integer(key, min, 65535)
}

/** In any case of letters; none is TCP, as in a pod's manifest. */
function readProtocol(reader: Reader): Protocol | undefined {
  const text = reader.string('protocol')
  const known = protocols.find((name) => name === (text || 'tcp').toLowerCase())
  if (text !== undefined && !known) reader.issue('protocol', `expected tcp, udp or sctp, got ${JSON.stringify(text)}`)
  return known
}
