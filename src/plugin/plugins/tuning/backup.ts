// What DEL restores: the file of the reference plugin, by the same name and with the same keys, so that either restores what the other changed.
// Besides, it holds the kernel parameters, which the reference plugin leaves changed, and the network, which GC needs.

import { isObject, type JsonObject } from '../../../cni/json.ts'
import { Reader } from '../../../cni/reader.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../../../host/whole-file.ts'
import { formatMac, type Mac } from '../../../net/mac.ts'

/** As it was before ADD; what ADD did not change is undefined. */
export interface Backup {
  readonly mac: Mac | undefined
  readonly promisc: boolean | undefined
  readonly mtu: number | undefined
  readonly allmulti: boolean | undefined
  readonly txQLen: number | undefined
  /** By the path below /proc/sys. */
  readonly sysctls: readonly (readonly [path: string, value: string])[]
}

/** Writes the attachment's backup. Values that an earlier ADD has saved are older, and stay. */
export function saveBackup(dataDir: string, attachment: Attachment, backup: Backup): void {
  const path = pathOf(dataDir, attachment)
  makeDirectories(dataDir, 0o700)
  const known = readJson(path) ?? {}
  const json = encode(backup, attachment.network)
  const sysctl = { ...objectIn(json, 'sysctl'), ...objectIn(known, 'sysctl') }
  replaceText(path, JSON.stringify({ ...json, ...known, ...(Object.keys(sysctl).length > 0 && { sysctl }) }, undefined, 1), 0o600)
}

/** undefined where there is no backup, or it cannot be read. */
export function readBackup(dataDir: string, attachment: Attachment): Backup | undefined {
  const json = readJson(pathOf(dataDir, attachment))
  if (!json) return undefined
  const reader = new Reader(json)
  return {
    mac: reader.mac('mac'),
    promisc: reader.boolean('promisc'),
    mtu: reader.integer('mtu', 1, 0xffffffff),
    allmulti: reader.boolean('allmulti'),
    txQLen: reader.integer('txQLen', 0, 0xffffffff),
    sysctls: Object.entries(objectIn(json, 'sysctl')).flatMap(([path, value]) =>
      isBelowNet(path) ? [[path, String(value)] as const] : [],
    ),
  }
}

export function deleteBackup(dataDir: string, attachment: Attachment): void {
  removeIfExists(pathOf(dataDir, attachment))
}

/** Removes the network's files that belong to no valid attachment. Those of the reference plugin name no network, and stay. */
export function deleteStaleBackups(dataDir: string, network: string, valid: readonly ValidAttachment[]): void {
  const live = new Set(valid.map((entry) => fileOf(entry)))
  for (const name of namesIn(dataDir)) {
    if (!name.endsWith('.json') || live.has(name) || readJson(`${dataDir}/${name}`)?.network !== network) continue
    log.info('removing a stale backup', { network, name })
    removeIfExists(`${dataDir}/${name}`)
  }
}

function pathOf(dataDir: string, attachment: Attachment): string {
  return `${dataDir}/${fileOf(attachment)}`
}

function fileOf({ containerId, ifname }: ValidAttachment): string {
  return `${containerId}_${ifname}.json`
}

function encode({ mac, promisc, mtu, allmulti, txQLen, sysctls }: Backup, network: string): JsonObject {
  return {
    ...(mac && { mac: formatMac(mac) }),
    ...(promisc !== undefined && { promisc }),
    ...(mtu !== undefined && { mtu }),
    ...(allmulti !== undefined && { allmulti }),
    ...(txQLen !== undefined && { txQLen }),
    ...(sysctls.length > 0 && { sysctl: Object.fromEntries(sysctls) }),
    network,
  }
}

/** A file of another program, or half of one, counts as absent. */
function readJson(path: string): JsonObject | undefined {
  try {
    // The JSON edge: what JSON.parse returns is Json by definition.
    const json = JSON.parse(readWhole(path) ?? 'null')
    return isObject(json) ? json : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function objectIn(json: JsonObject, key: string): JsonObject {
  const value = json[key]
  return isObject(value) ? value : {}
}

/** Nothing else is the pod's own: a file with another path is not podwire's. */
function isBelowNet(path: string): boolean {
  return path.startsWith('net/') && path.split('/').every((part) => part !== '' && part !== '.' && part !== '..')
}
