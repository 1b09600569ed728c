// One entry of runtimeConfig.portMappings, as this plugin takes it: an unspecified hostIP stands for every address of its own family.

import type { Reader } from '../../../cni/reader.ts'
import type { IpVersion } from '../../../kernel/nftables/field.ts'
import type { Address } from '../../../net/address.ts'
import { type HostPort, plainAddress, readProtocol } from '../../host-ports/mapping.ts'

export interface Mapping extends HostPort {
  /** The family that hostIP is of; absent for both. */
  readonly family?: IpVersion
}

/** Reads `runtimeConfig.portMappings`. What is there twice stays so: CHECK of the Go plugin counts rules, or wants each port as often as it was named. */
export function readMappings(reader: Reader): readonly Mapping[] {
  return reader.object('runtimeConfig', (runtime) => runtime.objects('portMappings', readMapping)) ?? []
}

/** Those that one of the pod's addresses of this family can serve; the Go plugin passes over the others without a word, and so do we. */
export function mappingsOf(mappings: readonly Mapping[], version: IpVersion): readonly Mapping[] {
  return mappings.filter(({ family }) => !family || family === version)
}

function readMapping(reader: Reader): Mapping | undefined {
  const port = (key: string) => {
    if (!reader.has(key)) reader.issue(key, 'expected a number from 1 to 65535, got none')
    return reader.integer(key, 1, 65535)
  }
  const [hostPort, containerPort] = [port('hostPort'), port('containerPort')]
  const protocol = readProtocol(reader)
  const given = reader.address('hostIP')
  const hostIP: Address | undefined = plainAddress(given)
  const family = (hostIP ?? given)?.family
  if (hostPort === undefined || containerPort === undefined || protocol === undefined) return undefined
  return { hostPort, containerPort, protocol, ...(hostIP && { hostIP }), ...(family && { family }) }
}
