// What a runtime saves of an attachment from ADD to DEL: a file each, in libcni's format and place, so that either can delete what the other added.

import { decodeBase64, encodeBase64 } from '../cni/base64.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../cni/json.ts'
import type { Attachment } from '../cni/types.ts'
import { exists, makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../host/whole-file.ts'

/** The attachment's arguments, as ADD was given them and DEL will be. */
export interface RuntimeAttachment extends Attachment {
  readonly netns: string
  /** CNI_ARGS as pairs. */
  readonly args: readonly (readonly [string, string])[]
  readonly capabilityArgs: JsonObject
}

export interface Cached extends RuntimeAttachment {
  /** The conflist as it was at ADD. */
  readonly config: string
  readonly result: JsonObject | undefined
}

/** Where libcni saves what a runtime adds, unless the runtime configures another directory. */
export const RUNTIME_CACHE = '/var/lib/cni'

const KIND = 'cniCacheV1'

/** Saves the result. */
export function saveResult(cacheDir: string, attachment: RuntimeAttachment, config: string, result: JsonObject): void {
  const { network, containerId, ifname, netns, args, capabilityArgs } = attachment
  makeDirectories(`${cacheDir}/results`, 0o700)
  const cached = {
    kind: KIND,
    containerId,
    config: encodeBase64(config),
    ifName: ifname,
    networkName: network,
    ...(netns && { netns }),
    ...(args.length > 0 && { cniArgs: args }),
    ...(Object.keys(capabilityArgs).length > 0 && { capabilityArgs }),
    result,
  }
  replaceText(pathOf(cacheDir, attachment), JSON.stringify(cached), 0o600)
}

/** The saved result, also of a file that has nothing else, as old runtimes wrote it; undefined where there is no file. CniError 6 where it is not JSON. */
export function savedResult(cacheDir: string, attachment: Attachment): JsonObject | undefined {
  const path = pathOf(cacheDir, attachment)
  const text = readWhole(path)
  if (text === undefined) return undefined
  const json = parseJson(text, path)
  const cached = readCached(json)
  return cached ? cached.result : isObject(json) ? json : undefined
}

export function deleteResult(cacheDir: string, attachment: Attachment): void {
  removeIfExists(pathOf(cacheDir, attachment))
}

/**
 * All saved attachments, of one network where it is given, by file name. Files of another kind, or under a name that is not theirs, are skipped.
 */
export function savedAttachments(cacheDir: string, network?: string): Cached[] {
  return namesIn(`${cacheDir}/results`).flatMap((name) => {
    const cached = tryCached(`${cacheDir}/results/${name}`)
    if (!cached || fileName(cached) !== name) return []
    return network === undefined || cached.network === network ? [cached] : []
  })
}

/** What is saved of exactly this attachment. */
export function savedOf(cacheDir: string, attachment: Attachment): Cached | 'none' | 'unreadable' {
  const path = pathOf(cacheDir, attachment)
  return exists(path) ? (tryCached(path) ?? 'unreadable') : 'none'
}

/** The same of one container in any network; undefined where one of its files cannot be read. */
export function savedOfContainer(cacheDir: string, containerId: string): Cached[] | undefined {
  const names = namesIn(`${cacheDir}/results`).filter((name) => name.includes(`-${containerId}-`))
  const found = names.map((name) => tryCached(`${cacheDir}/results/${name}`))
  const cached = found.flatMap((entry) => entry ?? [])
  return cached.length === found.length ? cached.filter((entry) => entry.containerId === containerId) : undefined
}

function tryCached(path: string): Cached | undefined {
  try {
    return readCached(parseJson(readWhole(path) ?? '', path))
  } catch {
    return undefined
  }
}

function readCached(json: Json): Cached | undefined {
  if (!isObject(json) || json.kind !== KIND) return undefined
  const { containerId, networkName, ifName, netns, config, cniArgs, capabilityArgs, result } = json
  return {
    network: text(networkName),
    containerId: text(containerId),
    ifname: text(ifName),
    netns: text(netns),
    config: decodeConfig(text(config)),
    args: Array.isArray(cniArgs) ? cniArgs.flatMap(readPair) : [],
    capabilityArgs: isObject(capabilityArgs) ? capabilityArgs : {},
    result: isObject(result) ? result : undefined,
  }
}

let lastDecoded: { readonly encoded: string; readonly config: string } = { encoded: '', config: '' }

/** All pods of a node have one conflist: decoding it takes longer than all the rest of the file. */
function decodeConfig(encoded: string): string {
  if (lastDecoded.encoded !== encoded) lastDecoded = { encoded, config: decodeBase64(encoded) }
  return lastDecoded.config
}

function readPair(pair: Json): [string, string][] {
  return Array.isArray(pair) && pair.length === 2 ? [[text(pair[0]), text(pair[1])]] : []
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function pathOf(cacheDir: string, attachment: Attachment): string {
  return `${cacheDir}/results/${fileName(attachment)}`
}

function fileName({ network, containerId, ifname }: Attachment): string {
  return `${network}-${containerId}-${ifname}`
}
