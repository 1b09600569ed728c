// The state of the conflist: published or edited, valid, used by the runtime, and how full its ranges are.

import { CniError, formatError } from '../cni/error.ts'
import { isObject, type JsonObject, parseJson } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'
import { conflistPath, type Paths } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { readWhole, sha256Of } from '../host/whole-file.ts'
import { type ConflictingConfig, findConflictingConfigs } from '../installer/conflicting-configs.ts'
import { conflistProblems, pluginsOf } from '../installer/conflist.ts'
import type { Manifest } from '../installer/manifest.ts'
import { capacity, formatRangeSet, givesOut, type RangeSet, readRange } from '../ipam/range.ts'
import { parseAddress } from '../net/address.ts'
import { formatCidr } from '../net/cidr.ts'
import type { Lease } from './attachments.ts'
import { checkPlugin } from './check-plugin.ts'

export interface ConflistState {
  readonly path: string
  /** `edited`: not as it was published last. */
  readonly state: 'missing' | 'invalid' | 'edited' | 'published'
  readonly sha256: string
  readonly name: string
  readonly problems: readonly string[]
  /** Configurations of others that the runtime uses instead, or fails on. */
  readonly conflicting: readonly ConflictingConfig[]
  readonly sets: readonly RangeSet[]
  /** As it lies there; empty where it cannot be read. */
  readonly list: JsonObject
}

/** One range set and how much of it is given out. */
export interface Pool {
  readonly range: string
  readonly subnets: readonly string[]
  readonly used: number
  readonly free: number
}

export function readConflistState(paths: Paths, manifest: Manifest | undefined): ConflistState {
  const path = conflistPath(paths)
  const conflicting = findConflictingConfigs(paths).filter(({ wins, blocks }) => wins || blocks)
  const base = { path, sha256: sha256Of(path) ?? '', name: '', conflicting, sets: [], list: {} }
  if (base.sha256 === '') return { ...base, state: 'missing', problems: [`${path} is missing`] }
  const list = readList(path)
  if (!isObject(list)) return { ...base, state: 'invalid', problems: [list] }
  const problems = conflistProblems(list, checkPlugin)
  const known = { ...base, name: typeof list.name === 'string' ? list.name : '', sets: readSets(list), list, problems }
  if (problems.length > 0) return { ...known, state: 'invalid' }
  return { ...known, state: manifest && manifest.conflist !== base.sha256 ? 'edited' : 'published' }
}

/** How many of each set's addresses have a lease in the conflist's network. */
export function poolsOf({ sets, name }: ConflistState, leases: readonly Lease[]): Pool[] {
  const taken = leases.filter(({ network }) => network === name).map(({ address }) => parseAddress(address))
  return sets.map((set) => {
    const used = taken.filter((address) => givesOut(set, address)).length
    const subnets = set.map(({ subnet }) => formatCidr(subnet))
    return { range: formatRangeSet(set), subnets, used, free: Math.max(0, capacity(set) - used) }
  })
}

/** Why it cannot be read, as text. */
function readList(path: string): JsonObject | string {
  try {
    const list = parseJson(readWhole(path) ?? '', path)
    return isObject(list) ? list : `${path} is not a JSON object`
  } catch (error) {
    if (error instanceof CniError) return formatError(error)
    if (isSysError(error) || error instanceof RangeError) return error.message
    throw error
  }
}

function readSets(list: JsonObject): RangeSet[] {
  return pluginsOf(list).flatMap((plugin) => {
    const reader = new Reader(plugin)
    const sets = reader.object('ipam', (ipam) => (ipam.string('type') === 'host-local' ? ipam.lists('ranges', readRange) : [])) ?? []
    return sets.map((set) => set.filter((range) => range !== undefined))
  })
}
