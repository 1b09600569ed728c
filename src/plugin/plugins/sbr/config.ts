// The options of `sbr`.

import type { Reader } from '../../../cni/reader.ts'
import { type Address, parseAddress } from '../../../net/address.ts'

export interface SbrConfig {
  /** Only rules that lead to this table, no routes; undefined: a table of its own for each address. */
  readonly table: number | undefined
  /** In place of those in the result, at most one a family. */
  readonly gateways: readonly Address[]
  /** Leave the routes to the pod's own subnets in the main table, each with its address as the source. */
  readonly addSourceHints: boolean
}

/** 0 is unspecified, 253 to 255 are the kernel's default, main and local: a rule to those would change every packet's route, or no packet's. */
const RESERVED = [0, 253, 254, 255]

export function readSbrConfig(reader: Reader): SbrConfig {
  const table = reader.integer('table', 0, 0xffffffff)
  if (table !== undefined && RESERVED.includes(table))
    reader.issue('table', `expected a table other than ${RESERVED.join(', ')}, got ${table}`)
  return { table, gateways: readGateways(reader), addSourceHints: reader.boolean('addSourceHints') ?? false }
}

function readGateways(reader: Reader): Address[] {
  const gateways = (reader.strings('gateways') ?? []).flatMap((text) => {
    try {
      return [parseAddress(text)]
    } catch {
      reader.issue('gateways', `expected IP addresses, got ${JSON.stringify(text)}`)
      return []
    }
  })
  if (new Set(gateways.map(({ family }) => family)).size < gateways.length)
    reader.issue('gateways', 'expected at most one address a family')
  return gateways
}
