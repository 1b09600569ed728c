// The conflist as a value: the template, the conflist with a node's ranges, and the problems of either.

import { checkNetworkName } from '../cni/environment.ts'
import { CniError, ErrInvalidNetworkConfig, formatError } from '../cni/error.ts'
import { isObject, type Json, type JsonObject, quote } from '../cni/json.ts'
import { type CniVersion, cniVersions } from '../cni/types.ts'
import { readVersion } from '../cni/version.ts'
import { leaseRoot, type Paths } from '../contract/paths.ts'

/** The problems that a plugin's own parser finds in its part of the list, with `cniVersion` and `name` in it as from a runtime. */
export type CheckPlugin = (plugin: JsonObject, cniVersion: CniVersion) => readonly string[]

/** Overrides of the template for the plugin `podwire`; undefined leaves its value. */
export interface TemplateOptions {
  readonly datapath?: string | undefined
  readonly mtu?: number | undefined
}

/** Old libcni reads `cniVersion` and fails on what it does not know; new libcni takes the highest of `cniVersions` and then calls STATUS. */
export function defaultTemplate(paths: Paths): JsonObject {
  return {
    cniVersion: '1.0.0',
    cniVersions: ['1.0.0', '1.1.0'],
    name: 'podwire',
    plugins: [
      {
        type: 'podwire',
        datapath: 'ptp',
        capabilities: { portMappings: true, bandwidth: true, ips: true, ipRanges: true, mac: true, dns: true },
        ipam: { type: 'host-local', dataDir: leaseRoot(paths) },
      },
    ],
  }
}

export function withOptions(template: JsonObject, { datapath, mtu }: TemplateOptions): JsonObject {
  return mapPlugins(template, (plugin) => {
    if (plugin.type !== 'podwire') return plugin
    return { ...plugin, ...(datapath !== undefined && { datapath }), ...(mtu !== undefined && { mtu }) }
  })
}

/** Ranges may not be in the template: a node would silently get other addresses than its podCIDRs. */
export function templateProblems(template: JsonObject): string[] {
  return pluginsOf(template).flatMap(({ ipam }, i) => {
    if (!isObject(ipam) || ipam.type !== 'host-local') return []
    const own = ['subnet', 'rangeStart', 'rangeEnd', 'gateway', 'ranges'].filter((key) => ipam[key] !== undefined)
    return own.map((key) => `plugins[${i}].ipam.${key}: remove it, the agent fills in the node's podCIDRs`)
  })
}

/**
 * One range set for each podCIDR in every host-local; a default route for each family of theirs where there are no routes; the MTU for `podwire` where the
 * template leaves it open and `mtu` is not 0; and STATUS that a node without free addresses passes, where the template leaves that open.
 */
export function withRanges(template: JsonObject, podCidrs: readonly string[], mtu: number): JsonObject {
  const ranges = podCidrs.map((subnet) => [{ subnet }])
  const families = new Set(podCidrs.map((subnet) => (subnet.includes(':') ? '::/0' : '0.0.0.0/0')))
  const routes = [...families].map((dst) => ({ dst }))
  return mapPlugins(template, (plugin) => {
    const filled = isObject(plugin.ipam) ? { ...plugin, ipam: fillIpam(plugin.ipam, { ranges, routes }) } : plugin
    return plugin.type === 'podwire' && mtu > 0 && !plugin.mtu ? { ...filled, mtu } : filled
  })
}

function fillIpam(ipam: JsonObject, filling: { readonly ranges: Json; readonly routes: Json }): JsonObject {
  const { ranges, routes } = filling
  // Other IPAMs do not know the key.
  const checkStatus = ipam.checkStatus ?? false
  if (ipam.type === 'host-local') return { ...ipam, ranges, routes: ipam.routes ?? routes, checkStatus }
  return ipam.type === 'rpc' || ipam.type === 'podwire-ipam-rpc' ? { ...ipam, checkStatus } : ipam
}

export interface Composed {
  readonly list: JsonObject
  /** As it lies on the disk. */
  readonly text: string
}

/** The template with the node's ranges; throws a CniError that names every problem where a runtime or a plugin would reject it. */
export function composeConflist(template: JsonObject, podCidrs: readonly string[], mtu: number, check: CheckPlugin): Composed {
  const list = withRanges(template, podCidrs, mtu)
  const problems = conflistProblems(list, check)
  if (problems.length > 0)
    throw new CniError(ErrInvalidNetworkConfig, 'cannot publish the conflist, the old one stays: it would be invalid', problems.join('\n'))
  return { list, text: formatConflist(list) }
}

/** Everything for which a runtime or a plugin would reject the list, with its JSON path; empty where it is valid. */
export function conflistProblems(list: JsonObject, check: CheckPlugin): string[] {
  const problems: string[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof CniError)) throw error
      problems.push(formatError(error))
      return undefined
    }
  }
  const name = typeof list.name === 'string' ? list.name : ''
  attempt(() => checkNetworkName(name))
  const offered = Array.isArray(list.cniVersions) ? list.cniVersions : []
  if (list.cniVersions !== undefined && !Array.isArray(list.cniVersions))
    problems.push(`cniVersions: expected a list, got ${quote(list.cniVersions)}`)
  const versions = [list.cniVersion, ...offered].map((version) => attempt(() => readVersion(version, cniVersions)))
  // A new runtime takes the highest.
  const cniVersion = cniVersions.findLast((version) => versions.includes(version))
  if (!Array.isArray(list.plugins) || list.plugins.length === 0)
    return [...problems, `plugins: expected a list with a plugin in it, got ${quote(list.plugins)}`]
  for (const [i, plugin] of list.plugins.entries()) {
    const place = `plugins[${i}]`
    if (!isObject(plugin)) problems.push(`${place}: expected an object, got ${quote(plugin)}`)
    else if (typeof plugin.type !== 'string' || !isFileName(plugin.type))
      problems.push(`${place}.type: expected a plugin's name, got ${quote(plugin.type)}`)
    else if (cniVersion) problems.push(...check({ ...plugin, name, cniVersion }, cniVersion).map((problem) => `${place}.${problem}`))
  }
  return problems
}

/** The plugins that are objects; empty where the list has none. */
export function pluginsOf(list: JsonObject): readonly JsonObject[] {
  return Array.isArray(list.plugins) ? list.plugins.filter(isObject) : []
}

/** As it lies on the disk. */
export function formatConflist(list: JsonObject): string {
  return `${JSON.stringify(list, undefined, 2)}\n`
}

function mapPlugins(list: JsonObject, change: (plugin: JsonObject) => JsonObject): JsonObject {
  const { plugins } = list
  return Array.isArray(plugins) ? { ...list, plugins: plugins.map((plugin: Json) => (isObject(plugin) ? change(plugin) : plugin)) } : list
}

function isFileName(text: string): boolean {
  return text !== '' && text !== '.' && text !== '..' && !text.includes('/')
}
