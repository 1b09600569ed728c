// The part of a configuration that every plugin has: version, name, log, prevResult, the list of valid attachments.

import { openLog } from '../host/log.ts'
import { type Command, checkNetworkName } from './environment.ts'
import { CniError, ErrDecodingFailure, ErrInvalidNetworkConfig } from './error.ts'
import { isObject, type Json, parseJson, quote } from './json.ts'
import { Reader } from './reader.ts'
import { readPrevious } from './result.ts'
import type { CniVersion, Result, ValidAttachment } from './types.ts'
import { compareVersions, readVersion, requireVerb } from './version.ts'

export interface CommonConfig {
  readonly cniVersion: CniVersion
  readonly name: string
  readonly raw: Json
  /** Of the whole configuration: for the plugin's own keys. */
  readonly reader: Reader
}

/** Parses stdin: JSON (code 6), a usable name (7), a version that the plugin has and that knows the verb (1), in this order. */
export function readCommonConfig(stdin: string, command: Command, supports: readonly CniVersion[]): CommonConfig {
  const raw = parseJson(stdin, 'the network configuration')
  if (!isObject(raw)) throw new CniError(ErrDecodingFailure, `the network configuration is not a JSON object: ${quote(raw)}`)
  const reader = new Reader(raw)
  openLog({ file: reader.string('logFile'), level: reader.string('logLevel') })
  const name = reader.string('name') ?? ''
  checkNetworkName(name)
  const cniVersion = readVersion(reader.value('cniVersion'), supports)
  requireVerb(command, cniVersion)
  return { cniVersion, name, raw, reader }
}

/**
 * `prevResult`, undefined where it is missing or has problems, which go to the reader. It came with 0.3.0, but libcni also passes it in lists of
 * older versions; there only an object is read.
 */
export function readPrevResult({ reader, cniVersion }: CommonConfig): Result | undefined {
  if (compareVersions(cniVersion, '0.3.0') < 0 && !isObject(reader.value('prevResult') ?? null)) return undefined
  const before = reader.issues.length
  const result = reader.object('prevResult', (previous) => readPrevious(previous, cniVersion))
  // Half a result would mean to the plugin that the rest does not exist.
  return reader.issues.length === before ? result : undefined
}

/** What to do where a verb lacks prevResult; the words about chaining are the reference plugins'. */
const prevResultHints = {
  ADD: 'This plugin must be called as chained plugin, after the one that makes the interface',
  CHECK: 'the runtime passes the result of ADD to CHECK',
} as const

/** The request's prevResult, for a verb that cannot do without it. Throws CniError 7 where it is missing. */
export function requirePrevResult({ prevResult }: { readonly prevResult?: Result | undefined }, verb: 'ADD' | 'CHECK'): Result {
  if (!prevResult) throw new CniError(ErrInvalidNetworkConfig, 'prevResult: is missing', prevResultHints[verb])
  return prevResult
}

/**
 * GC's list, under the specification's key or the one that libcni has always sent; undefined where neither key is present, which makes no
 * attachment stale. An entry that cannot be read is a problem: without it the list would make a live attachment stale.
 */
export function readValidAttachments(reader: Reader): ValidAttachment[] | undefined {
  const key = ['cni.dev/valid-attachments', 'cni.dev/attachments'].find((name) => reader.has(name))
  return key === undefined ? undefined : reader.objects(key, readAttachment)
}

function readAttachment(entry: Reader): ValidAttachment {
  const required = (key: string) => {
    if (!entry.has(key)) entry.issue(key, 'is missing')
    return entry.string(key) ?? ''
  }
  return { containerId: required('containerID'), ifname: required('ifname') }
}
