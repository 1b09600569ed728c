// Versions of the specification: their order, which verbs each has, and whether a plugin has the one that the configuration names.

import type { Command } from './environment.ts'
import { CniError, ErrDecodingFailure, ErrIncompatibleCNIVersion } from './error.ts'
import { isObject, type Json, parseJson, quote } from './json.ts'
import { type CniVersion, cniVersions } from './types.ts'

/** The first version that has each verb; the others are in all. */
const introduced: Readonly<Partial<Record<Command, CniVersion>>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' }

/** Below, at or above zero, as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: CniVersion, b: CniVersion): number {
  return cniVersions.indexOf(a) - cniVersions.indexOf(b)
}

/** The configuration's `cniVersion`, 0.1.0 where it has none. Throws CniError 6 for what is not a version, 1 for one that the plugin does not support. */
export function readVersion(given: Json | undefined, supports: readonly CniVersion[]): CniVersion {
  const version = given === undefined || given === '' ? '0.1.0' : given
  const found = supports.find((supported) => supported === version)
  if (found) return found
  if (typeof version !== 'string' || !isVersion(version)) {
    throw new CniError(ErrDecodingFailure, `cniVersion: expected a version such as "1.1.0", got ${quote(version)}`)
  }
  const supported = supports.map((one) => `"${one}"`).join(' ')
  throw new CniError(ErrIncompatibleCNIVersion, 'incompatible CNI versions', `config is "${version}", plugin supports [${supported}]`)
}

/** The `cniVersion` of what `read` returns, undefined where it is not a version. */
export function versionIn(read: () => string): string | undefined {
  try {
    const text = read()
    const json = text === '' ? undefined : parseJson(text, 'stdin')
    const key = isObject(json) ? Object.keys(json).findLast((name) => name.toLowerCase() === 'cniversion') : undefined
    const version = isObject(json) && key !== undefined ? json[key] : undefined
    const known = cniVersions.find((one) => one === version)
    return known ?? (typeof version === 'string' && isVersion(version) ? version : undefined)
  } catch {
    return undefined
  }
}

/** Throws CniError 1 where `version` does not have the verb yet. */
export function requireVerb(command: Command, version: CniVersion): void {
  const first = introduced[command]
  if (!first || compareVersions(version, first) >= 0) return
  const details = `config is "${version}", ${command} came with "${first}"`
  throw new CniError(ErrIncompatibleCNIVersion, `config version does not allow ${command}`, details)
}

function isVersion(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 3 && parts.every((part) => part !== '' && [...part].every((char) => '0123456789'.includes(char)))
}
