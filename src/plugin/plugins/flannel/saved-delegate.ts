// The delegate's configuration, saved from ADD to DEL: the node's subnet may have changed by then. A file for each container, as the reference plugin has it.

import { isObject, type JsonObject, parseJson } from '../../../cni/json.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { log } from '../../../host/log.ts'
import { makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../../../host/whole-file.ts'

/** Saves the configuration: under the container's ID, and where another attachment has that name, with the interface after it. */
export function saveDelegate(dataDir: string, attachment: Attachment, config: JsonObject): void {
  makeDirectories(dataDir, 0o700)
  const path = savedAt(dataDir, attachment) ?? freePath(dataDir, attachment)
  replaceText(path, JSON.stringify({ ...config, [OWNER]: attachment.ifname }), 0o600)
}

/** The saved configuration and its file; undefined where there is no file. */
export function savedDelegate(dataDir: string, attachment: Attachment): { readonly path: string; readonly config: JsonObject } | undefined {
  const path = savedAt(dataDir, attachment)
  const saved = path && readSaved(path)
  if (!path || !saved) return undefined
  const { [OWNER]: _, ...config } = saved
  return { path, config }
}

export function deleteDelegate(path: string): void {
  removeIfExists(path)
}

/** Removes the files of the network's containers that have no valid attachment. */
export function deleteStale(dataDir: string, network: string, valid: readonly ValidAttachment[]): void {
  for (const name of namesIn(dataDir)) {
    const saved = readSaved(`${dataDir}/${name}`)
    if (saved?.name !== network) continue
    const isValid = valid.some((entry) => name === entry.containerId || name === `${entry.containerId}-${entry.ifname}`)
    if (isValid) continue
    log.info('deleting a stale delegate', { dataDir, name })
    removeIfExists(`${dataDir}/${name}`)
  }
}

/** Key of the interface; the reference plugin, which has one attachment a container, writes none and ignores it. */
const OWNER = 'podwire/ifname'

function savedAt(dataDir: string, { network, containerId, ifname }: Attachment): string | undefined {
  const paths = [`${dataDir}/${containerId}-${ifname}`, `${dataDir}/${containerId}`]
  return paths.find((path) => {
    const saved = readSaved(path)
    return saved?.name === network && (saved[OWNER] ?? ifname) === ifname
  })
}

function freePath(dataDir: string, { containerId, ifname }: Attachment): string {
  const path = `${dataDir}/${containerId}`
  return readSaved(path) ? `${path}-${ifname}` : path
}

/** Undefined also for a file that cannot be read. */
function readSaved(path: string): JsonObject | undefined {
  try {
    const text = readWhole(path)
    const json = text === undefined ? undefined : parseJson(text, path)
    return isObject(json) ? json : undefined
  } catch {
    return undefined
  }
}
