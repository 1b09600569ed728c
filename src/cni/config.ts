// The part of a configuration that every plugin has: version, name, log, prevResult, the list of valid attachments.

import { openLog } from '../host/log.ts'
import { type Command, checkNetworkName } from './environment.ts'
import { CniError, ErrDecodingFailure, ErrIncompatibleCNIVersion, ErrInvalidNetworkConfig } from './error.ts'
import { isObject, type Json, parseJson, quote } from './json.ts'
import { Reader } from './reader.ts'
import { decodePrevResult } from './result.ts'
import { type CniVersion, cniVersions, type Result, type ValidAttachment } from './types.ts'

export interface CommonConfig {
  readonly cniVersion: CniVersion
  readonly name: string
  readonly raw: Json
  readonly reader: Reader
}

/** The first version that has each verb. */
const introduced: Readonly<Partial<Record<Command, CniVersion>>> = { CHECK: '0.4.0', GC: '1.1.0', STATUS: '1.1.0' }

/** Parses stdin: JSON (code 6), a usable name (7), a version that the plugin has and that knows the verb (1), in this order. */
export function readCommonConfig(stdin: string, command: Command, supports: readonly CniVersion[]): CommonConfig {
  const raw = parseJson(stdin, 'the network configuration')
  if (!isObject(raw)) {
    throw new CniError(ErrDecodingFailure, `the network configuration is not a JSON object: ${quote(raw)}`)
  }
  const reader = new Reader(raw)
  openLog({ file: reader.string('logFile'), level: reader.string('logLevel') })
  checkNetworkName(reader.string('name') ?? '')
  const cniVersion = readVersion(reader, supports)
  const first = introduced[command]
  if (first && compareVersions(cniVersion, first) < 0) {
    throw new CniError(
      ErrIncompatibleCNIVersion,
      `config version does not allow ${command}`,
      `config is "${cniVersion}", ${command} came with "${first}"`,
    )
  }
  return { cniVersion, name: reader.string('name') ?? '', raw, reader }
}

/** `prevResult` where the version has one; of a DEL's nothing is demanded, so what cannot be read there is as good as absent. */
export function readPrevResult({ reader, cniVersion }: CommonConfig, command: Command): Result | undefined {
  const json = reader.value('prevResult')
  if (json === undefined || compareVersions(cniVersion, '0.3.0') < 0) return undefined
  try {
    return decodePrevResult(json, cniVersion)
  } catch (error) {
    if (command === 'DEL') return undefined
    throw error
  }
}

/** The specification's key or the one that libcni has always sent; undefined where neither is there, which says nothing about any attachment. */
export function readValidAttachments(reader: Reader): ValidAttachment[] | undefined {
  const read = (key: string) =>
    reader.objects(key, (entry) => ({ containerId: entry.string('containerID') ?? '', ifname: entry.string('ifname') ?? '' }))
  const key = ['cni.dev/valid-attachments', 'cni.dev/attachments'].find((name) => reader.has(name))
  if (!key) return undefined
  const attachments = read(key)
  // A list that cannot be read must not be taken for an empty one, which would make everything stale.
  if (!attachments || attachments.some(({ containerId, ifname }) => !containerId || !ifname)) {
    throw new CniError(ErrInvalidNetworkConfig, `${key}: expected a list of {containerID, ifname}, got ${quote(reader.value(key))}`)
  }
  return attachments
}

/** An absent version is 0.1.0. */
function readVersion(reader: Reader, supports: readonly CniVersion[]): CniVersion {
  const given = reader.value('cniVersion') || '0.1.0'
  const found = supports.find((version) => version === given)
  if (found) return found
  if (typeof given !== 'string' || !isVersion(given)) throw new CniError(ErrDecodingFailure, `cniVersion: ${quote(given)} is not a version`)
  throw new CniError(
    ErrIncompatibleCNIVersion,
    'incompatible CNI versions',
    `config is "${given}", plugin supports ${JSON.stringify(supports)}`,
  )
}

/** Below, at or above zero, as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: CniVersion, b: CniVersion): number {
  return cniVersions.indexOf(a) - cniVersions.indexOf(b)
}

function isVersion(text: string): boolean {
  const parts = text.split('.')
  return parts.length === 3 && parts.every((part) => part !== '' && [...part].every((char) => '0123456789'.includes(char)))
}
