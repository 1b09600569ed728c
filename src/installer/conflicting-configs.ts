// Conflicting configs: other networks' files in the runtime's directory, and which of them it loads instead of podwire's.

import { isObject, type Json } from '../cni/json.ts'
import type { Paths } from '../contract/paths.ts'
import { isSysError } from '../host/error.ts'
import { namesIn, readWhole } from '../host/whole-file.ts'

export interface ConflictingConfig {
  readonly file: string
  /** It is the one that the runtime loads: the first by name that is valid. */
  readonly wins: boolean
  /** It is invalid and sorts before podwire's: containerd then loads no network. */
  readonly blocks: boolean
}

/** All others that a runtime would consider: `.conf`, `.conflist`, `.json`, not hidden, by name. podwire's counts by its name, even where it is missing. */
export function findConflictingConfigs({ confDir, confName }: Paths): ConflictingConfig[] {
  const files = namesIn(confDir).filter((name) => isLoadable(name) && name !== confName)
  let decided = false
  return files.map((file) => {
    const before = !decided && file < confName
    const valid = before && isValid(file, readOrNothing(`${confDir}/${file}`))
    decided ||= valid
    return { file, wins: valid, blocks: before && !valid }
  })
}

function isLoadable(name: string): boolean {
  return !name.startsWith('.') && (name.endsWith('.conflist') || name.endsWith('.conf') || name.endsWith('.json'))
}

/** As go-cni and ocicni take it: a list has plugins with types, a single configuration has a type. */
function isValid(file: string, text: string): boolean {
  let json: Json
  try {
    // What JSON.parse returns is Json by definition.
    json = JSON.parse(text) as Json
  } catch {
    return false
  }
  if (!isObject(json)) return false
  if (!file.endsWith('.conflist')) return typeof json.type === 'string' && json.type !== ''
  const { plugins } = json
  return Array.isArray(plugins) && plugins.length > 0 && plugins.every((plugin) => isObject(plugin) && typeof plugin.type === 'string')
}

function readOrNothing(path: string): string {
  try {
    return readWhole(path) ?? ''
  } catch (error) {
    if (isSysError(error) || error instanceof RangeError) return ''
    throw error
  }
}
