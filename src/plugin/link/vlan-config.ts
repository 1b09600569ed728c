// `vlan` and `vlanTrunk`: which VLANs the port carries.

import type { Reader } from '../../cni/reader.ts'
import type { PortVlan } from '../../kernel/route/bridge.ts'

const MAX_VLAN = 4094

/** The access VLAN of `vlan`; 0 for none. */
export function readAccessVlan(reader: Reader): number {
  const vlan = reader.integer('vlan', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER) ?? 0
  if (vlan < 0 || vlan > MAX_VLAN) reader.issue('vlan', `invalid VLAN ID ${vlan} (must be between 0 and ${MAX_VLAN})`)
  return vlan
}

/** What the port carries: the access VLAN untagged, each of `vlanTrunk` tagged; without an access VLAN a trunk's native one is 1. */
export function readPortVlans(reader: Reader, access: number): PortVlan[] {
  const ids = new Set(reader.objects('vlanTrunk', readTrunk)?.flat() ?? [])
  const tagged = [...ids].filter((id) => id !== access).sort((a, b) => a - b)
  if (access === 0 && ids.size === 0) return []
  return [{ first: access || 1, last: access || 1, native: true }, ...ranges(tagged)]
}

/** `{id}` and/or `{minID, maxID}`. */
function readTrunk(trunk: Reader): number[] {
  const number = (key: string) => trunk.integer(key, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
  const [id, min, max] = [number('id'), number('minID'), number('maxID')]
  const ids: number[] = []
  const valid = (key: string, value: number) => {
    const inside = value > 0 && value <= MAX_VLAN
    if (!inside) trunk.issue(key, `incorrect trunk ${key} parameter`)
    return inside
  }
  if (id !== undefined && valid('id', id)) ids.push(id)
  if ((min === undefined) !== (max === undefined)) {
    trunk.issue('', `minID and maxID should be configured simultaneously, ${min === undefined ? 'minID' : 'maxID'} is missing`)
  }
  if (min === undefined || max === undefined || !valid('minID', min) || !valid('maxID', max)) return ids
  if (min > max) trunk.issue('minID', 'minID is greater than maxID in trunk parameter')
  for (let vlan = min; vlan <= max; vlan++) ids.push(vlan)
  return ids
}

/** Neighbouring IDs as one range each: one attribute pair instead of up to 4094. */
function ranges(ids: readonly number[]): PortVlan[] {
  const found: { first: number; last: number; native: boolean }[] = []
  for (const id of ids) {
    const current = found.at(-1)
    if (current && current.last === id - 1) current.last = id
    else found.push({ first: id, last: id, native: false })
  }
  return found
}
