// The verbs as a runtime calls them: a list of plugins, one after the other (cni, libcni/api.go).

import { callPlugin } from '../cni/delegate.ts'
import { type Command, checkNetworkName } from '../cni/environment.ts'
import { CniError, ErrIncompatibleCNIVersion, gatherErrors, toCniError } from '../cni/error.ts'
import { isObject, type Json, type JsonObject, parseJson, quote } from '../cni/json.ts'
import { decodeResult, encodeResult } from '../cni/result.ts'
import { type CniVersion, cniVersions, type ValidAttachment } from '../cni/types.ts'
import { deleteResult, type RuntimeAttachment, savedAttachments, savedResult, saveResult } from './cache.ts'
import { runtimeConfig } from './capabilities.ts'
import type { NetworkList } from './network-list.ts'
import { isAtLeast } from './version-order.ts'

/** Where plugins are found, and where results are saved. */
export interface Runtime {
  readonly path: readonly string[]
  readonly cacheDir: string
}

/** What GC and STATUS know of: no attachment. */
const NO_ATTACHMENT: RuntimeAttachment = { network: '', containerId: '', ifname: '', netns: '', args: [], capabilityArgs: {} }

/** Each plugin gets the result of the one before; the last one's is saved, and returned as it was printed. Nothing is undone: the runtime sends DEL. */
export function addNetwork(runtime: Runtime, list: NetworkList, attachment: RuntimeAttachment): JsonObject {
  checkNetworkName(list.name)
  let result: JsonObject | undefined
  for (const plugin of list.plugins) {
    result = naming(plugin, 'add', () => {
      const stdout = call(runtime, list, 'ADD', plugin, attachment, { prevResult: result })
      return readResult(parseJson(stdout, `the result of plugin ${plugin.type}`), list.cniVersion, `the result of plugin ${plugin.type}`)
    })
  }
  const last = result ?? {}
  saveResult(runtime.cacheDir, attachment, list.text, last)
  return last
}

/** From the last plugin to the first, each with ADD's result where that is saved. The saved result is deleted when all have succeeded. */
export function delNetwork(runtime: Runtime, list: NetworkList, attachment: RuntimeAttachment): void {
  checkNetworkName(list.name)
  const prevResult = isAtLeast(list.cniVersion, '0.4.0') ? trySavedResult(runtime, list, attachment) : undefined
  for (const plugin of list.plugins.toReversed()) {
    naming(plugin, 'delete', () => call(runtime, list, 'DEL', plugin, attachment, { prevResult }))
  }
  deleteResult(runtime.cacheDir, attachment)
}

export function checkNetwork(runtime: Runtime, list: NetworkList, attachment: RuntimeAttachment): void {
  checkNetworkName(list.name)
  if (!isAtLeast(list.cniVersion, '0.4.0')) {
    throw new CniError(
      ErrIncompatibleCNIVersion,
      `configuration version ${quote(list.cniVersion)} does not support the CHECK command`,
      'CHECK came with "0.4.0"',
    )
  }
  if (list.disableCheck) return
  const prevResult = prevResultOf(runtime, list, attachment)
  for (const plugin of list.plugins) call(runtime, list, 'CHECK', plugin, attachment, { prevResult })
}

/**
 * DEL for every saved attachment of the network that is not in the list, then GC by every plugin. `valid` undefined means none, as
 * libcni has it; it then sends the plugins no list, and here an empty one is sent.
 */
export function gcNetwork(runtime: Runtime, list: NetworkList, valid: readonly ValidAttachment[] = []): void {
  checkNetworkName(list.name)
  if (list.disableGC) return
  const isValid = (known: ValidAttachment) =>
    valid.some(({ containerId, ifname }) => containerId === known.containerId && ifname === known.ifname)
  const stale = savedAttachments(runtime.cacheDir, list.name).filter((attachment) => !isValid(attachment))
  const entries = valid.map(({ containerId, ifname }) => ({ containerID: containerId, ifname }))
  // libcni's own key, and the specification's.
  const keys = { 'cni.dev/valid-attachments': entries, 'cni.dev/attachments': entries }
  const plugins = isAtLeast(list.cniVersion, '1.1.0') ? list.plugins : []
  gatherErrors(`GC of ${list.name}`, [
    ...stale.map((attachment) => () => delNetwork(runtime, list, attachment)),
    ...plugins.map((plugin) => () => naming(plugin, 'gc', () => call(runtime, list, 'GC', plugin, NO_ATTACHMENT, keys))),
  ])
}

/** Throws the error of the first plugin that is not ready. Versions before 1.1.0 have no STATUS and are ready. */
export function networkStatus(runtime: Runtime, list: NetworkList): void {
  checkNetworkName(list.name)
  if (!isAtLeast(list.cniVersion, '1.1.0')) return
  for (const plugin of list.plugins) call(runtime, list, 'STATUS', plugin, NO_ATTACHMENT, {})
}

/** SPEC section 3, "deriving request configuration"; `capabilities` stays in, as libcni leaves it. */
function call(
  { path }: Runtime,
  { name, cniVersion }: NetworkList,
  command: Command,
  plugin: JsonObject,
  attachment: RuntimeAttachment,
  keys: Readonly<Record<string, Json | undefined>>,
): string {
  const given = runtimeConfig(plugin, attachment.capabilityArgs)
  const config = { ...plugin, name, cniVersion, ...keys, ...(Object.keys(given).length > 0 && { runtimeConfig: given }) }
  const variables = {
    CNI_COMMAND: command,
    CNI_CONTAINERID: attachment.containerId,
    CNI_NETNS: attachment.netns,
    CNI_ARGS: attachment.args.map((pair) => pair.join('=')).join(';'),
    CNI_IFNAME: attachment.ifname,
    CNI_PATH: path.join(':'),
  }
  return callPlugin(String(plugin.type), variables, { path, stdin: JSON.stringify(config) })
}

/** The result with a version in it; one of no known shape is CniError 6. Unknown keys are passed on. */
function readResult(json: Json, assumed: string, what: string): JsonObject {
  const object = json ?? {}
  decodeResult(object, knownVersion(assumed), what)
  return isObject(object) ? { ...object, cniVersion: object.cniVersion || assumed } : {}
}

/** A result that cannot be read does not prevent a DEL. */
function trySavedResult(runtime: Runtime, list: NetworkList, attachment: RuntimeAttachment): JsonObject | undefined {
  try {
    return prevResultOf(runtime, list, attachment)
  } catch {
    return undefined
  }
}

/** The saved result in the list's version, which may have changed since ADD. */
function prevResultOf({ cacheDir }: Runtime, { cniVersion }: NetworkList, attachment: RuntimeAttachment): JsonObject | undefined {
  const saved = savedResult(cacheDir, attachment)
  if (!saved || saved.cniVersion === cniVersion) return saved
  const version = knownVersion(cniVersion)
  const converted = parseJson(encodeResult(decodeResult(saved, '0.1.0', 'the saved result'), version), 'the saved result')
  return isObject(converted) ? converted : undefined
}

function knownVersion(version: string): CniVersion {
  return cniVersions.find((known) => known === version) ?? '0.1.0'
}

/** The plugin's error as libcni reports it: which of the list's plugins it was. */
function naming<T>({ type, name }: JsonObject, verb: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    const { code, message, details } = toCniError(error)
    const named = typeof name === 'string' && name !== '' ? ` name=${JSON.stringify(name)}` : ''
    throw new CniError(code, `plugin type=${JSON.stringify(type)}${named} failed (${verb}): ${message}`, details)
  }
}
