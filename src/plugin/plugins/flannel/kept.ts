// What ADD gave the delegate, kept for DEL: the node's subnet may be another by then. A file for each container, as the Go plugin keeps it.

import { isObject, type JsonObject, parseJson } from '../../../cni/json.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../../../host/whole-file.ts'

/** Keeps the configuration: under the container's ID, and where that is another attachment's already, with the interface behind it. */
export function keepDelegate(dataDir: string, attachment: Attachment, config: JsonObject): void {
  makeDirectories(dataDir, 0o700)
  const path = keptAt(dataDir, attachment) ?? freePath(dataDir, attachment)
  replaceText(path, JSON.stringify({ ...config, [OWNER]: attachment.ifname }), 0o600)
}

/** The kept configuration, with its file; undefined where there is none. */
export function keptDelegate(dataDir: string, attachment: Attachment): { readonly path: string; readonly config: JsonObject } | undefined {
  const path = keptAt(dataDir, attachment)
  const kept = path && readKept(path)
  if (!path || !kept) return undefined
  const { [OWNER]: _, ...config } = kept
  return { path, config }
}

export function forgetDelegate(path: string): void {
  removeIfExists(path)
}

/** Removes what is kept of the network's containers that have no valid attachment. */
export function forgetStale(dataDir: string, network: string, valid: readonly ValidAttachment[]): void {
  for (const name of namesIn(dataDir)) {
    const kept = readKept(`${dataDir}/${name}`)
    if (kept?.name !== network) continue
    const isValid = valid.some((entry) => name === entry.containerId || name === `${entry.containerId}-${entry.ifname}`)
    if (isValid) continue
    log.info('forgetting a stale delegate', { dataDir, name })
    removeIfExists(`${dataDir}/${name}`)
  }
}

/** Whose it is; the Go plugin, which has one attachment a container, writes none and reads past it. */
const OWNER = 'podwire/ifname'

function keptAt(dataDir: string, { network, containerId, ifname }: Attachment): string | undefined {
  const paths = [`${dataDir}/${containerId}-${ifname}`, `${dataDir}/${containerId}`]
  return paths.find((path) => {
    const kept = readKept(path)
    return kept?.name === network && (kept[OWNER] ?? ifname) === ifname
  })
}

function freePath(dataDir: string, { containerId, ifname }: Attachment): string {
  const path = `${dataDir}/${containerId}`
  return readKept(path) ? `${path}-${ifname}` : path
}

/** A file that cannot be read is as good as none. */
function readKept(path: string): JsonObject | undefined {
  try {
    const text = readWhole(path)
    const json = text === undefined ? undefined : parseJson(text, path)
    return isObject(json) ? json : undefined
  } catch {
    return undefined
  }
}
