// A network as a runtime knows it: the conflist, read as libcni reads it (cni, libcni/conf.go).

import { CniError, ErrDecodingFailure, ErrInvalidNetworkConfig } from '../cni/error.ts'
import { isObject, type Json, type JsonObject, parseJson, quote } from '../cni/json.ts'
import { cniVersions } from '../cni/types.ts'
import { isNewer } from './version-order.ts'

export interface NetworkList {
  readonly name: string
  /** As written, or the highest of `cniVersions` that is known here; '' where neither is set. */
  readonly cniVersion: string
  readonly disableCheck: boolean
  readonly disableGC: boolean
  /** More plugins may be in a directory next to the list, which has the network's name. */
  readonly loadsMore: boolean
  readonly plugins: readonly JsonObject[]
  /** The list as it was read: it is saved with a result. */
  readonly text: string
}

/** Parses a conflist; `path` names it in errors: CniError 6 for what is not a list, 7 for one that cannot work. A list without plugins may get some from its directory. */
export function parseNetworkList(text: string, path: string): NetworkList {
  const list = parseObject(text, path)
  const fail = (problem: string): never => {
    throw new CniError(ErrInvalidNetworkConfig, `${path}: ${problem}`)
  }
  const { name, plugins } = list
  if (name === undefined) return fail('the list has no name')
  if (typeof name !== 'string') return fail(`name: expected a string, got ${quote(name)}`)
  const onlyInlined = readSwitch(list, 'loadOnlyInlinedPlugins', fail)
  if (plugins === undefined && onlyInlined) return fail('loadOnlyInlinedPlugins is true, and plugins is missing')
  if (plugins !== undefined && (!Array.isArray(plugins) || plugins.length === 0)) {
    return fail(`plugins: expected a list with a plugin in it, got ${quote(plugins)}`)
  }
  const inlined: readonly Json[] = Array.isArray(plugins) ? plugins : []
  return {
    name,
    cniVersion: chooseVersion(list, fail),
    disableCheck: readSwitch(list, 'disableCheck', fail),
    disableGC: readSwitch(list, 'disableGC', fail),
    loadsMore: !onlyInlined,
    plugins: inlined.map((plugin, i) => checkPlugin(plugin, `${path}: plugins[${i}]`)),
    text,
  }
}

/** One plugin's configuration, out of a list or a file of its own. */
export function checkPlugin(plugin: Json, place: string): JsonObject {
  if (!isObject(plugin)) throw new CniError(ErrDecodingFailure, `${place}: expected an object, got ${quote(plugin)}`)
  if (typeof plugin.type === 'string' && plugin.type !== '') return plugin
  throw new CniError(ErrInvalidNetworkConfig, `${place}.type: expected a plugin's name, got ${quote(plugin.type)}`)
}

export function parseObject(text: string, path: string): JsonObject {
  const json = parseJson(text, path)
  if (!isObject(json)) throw new CniError(ErrDecodingFailure, `${path}: expected a JSON object, got ${quote(json)}`)
  return json
}

/** The list that one plugin in a file of its own stands for. */
export function listOfOne(plugin: JsonObject): NetworkList {
  const { name = '', cniVersion = '' } = plugin
  return parseNetworkList(JSON.stringify({ name, cniVersion, plugins: [plugin] }), 'the configuration')
}

/** The highest that is not above what is known here (SPEC 1.1.0, `cniVersions`); one that is above stays where it stands alone. */
function chooseVersion({ cniVersion = '', cniVersions: offered }: JsonObject, fail: (problem: string) => never): string {
  if (typeof cniVersion !== 'string') return fail(`cniVersion: expected a string, got ${quote(cniVersion)}`)
  if (offered === undefined) return cniVersion
  if (!Array.isArray(offered)) return fail(`cniVersions: expected a list, got ${quote(offered)}`)
  const all = [...offered, ...(cniVersion ? [cniVersion] : [])]
  const newest = cniVersions.at(-1) ?? ''
  let chosen = ''
  for (const version of all) {
    if (typeof version !== 'string') return fail(`cniVersions: expected strings, got ${quote(version)}`)
    if (!isNewer(version, newest) && (chosen === '' || isNewer(version, chosen))) chosen = version
  }
  return chosen || cniVersion
}

/** 0.4.0 called these strings; both are read. */
function readSwitch(list: JsonObject, key: string, fail: (problem: string) => never): boolean {
  const value = list[key] ?? false
  const text = typeof value === 'string' ? value.toLowerCase() : value
  if (text === true || text === 'true') return true
  if (text === false || text === 'false') return false
  return fail(`${key}: expected true or false, got ${quote(value)}`)
}
