// The running pods of `podwire` as the runtime's cache has them: ADD itself records nothing for this.

import { isObject, type Json, type JsonObject, parseJson } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'
import { decodeResult } from '../cni/result.ts'
import { type Attachment, cniVersions, type Interface, type IpConfig } from '../cni/types.ts'
import { loadSegment } from '../host/segment.ts'
import { type Cached, savedAttachments } from '../libcni/cache.ts'
import { runtimeConfig } from '../libcni/capabilities.ts'
import { hostLinkName } from '../plugin/link/owner.ts'
import type { PodwireConfig } from '../plugin/plugins/podwire/config.ts'

export interface SavedPod {
  readonly attachment: Attachment
  /** `namespace/pod`, or the container's id. */
  readonly pod: string
  readonly config: PodwireConfig
  /** The host end as ADD's result has it. */
  readonly host: Interface
  readonly ips: readonly IpConfig[]
}

/** Where libcni saves what a runtime adds, unless the runtime is told otherwise. */
export const RUNTIME_CACHE = '/var/lib/cni'

/** Of every network whose conflist has `podwire`; only attachments whose host end is among `links`. What cannot be read is skipped. */
export function savedPods(cacheDir: string, links: ReadonlySet<string>): SavedPod[] {
  const readPlugin = podwirePlugins()
  return savedAttachments(cacheDir).flatMap((cached) => {
    if (!links.has(hostLinkName(cached))) return []
    try {
      return readPod(cached, readPlugin(cached.config))
    } catch {
      // A file that another program wrote, or a result of no known version.
      return []
    }
  })
}

function readPod(cached: Cached, plugin: JsonObject | undefined): SavedPod[] {
  const { result: saved, network, containerId, ifname } = cached
  if (!plugin || !saved) return []
  const result = decodeResult(saved, '1.0.0', 'the saved result')
  const host = result.interfaces.find(({ name, sandbox }) => !sandbox && name === hostLinkName(cached))
  const own = result.interfaces.findIndex(({ name, sandbox }) => sandbox && name === ifname)
  if (!host || own < 0) return []
  const config = readConfig(cached, plugin)
  const ips = result.ips.filter(({ interface: index }) => index === own)
  return [{ attachment: { network, containerId, ifname }, pod: config.pod || containerId, config, host, ips }]
}

function readConfig({ args, network, capabilityArgs }: Cached, plugin: JsonObject): PodwireConfig {
  const reader = new Reader({ ...plugin, name: network, runtimeConfig: runtimeConfig(plugin, capabilityArgs) })
  const version = cniVersions.find((known) => known === plugin.cniVersion) ?? '1.1.0'
  const config = loadSegment<typeof import('../plugin/plugins/podwire/index.ts')>('podwire').readPodwireConfig(reader, {
    command: 'CHECK',
    cniVersion: version,
    name: network,
    args: () => new Map(args),
  })
  reader.report()
  return config
}

/** The part of a conflist that is podwire's. Nearly all pods share one conflist. */
function podwirePlugins(): (conflist: string) => JsonObject | undefined {
  const known = new Map<string, JsonObject | undefined>()
  return (text) => {
    if (!known.has(text)) known.set(text, podwireIn(parseJson(text, 'the saved conflist')))
    return known.get(text)
  }
}

function podwireIn(list: Json): JsonObject | undefined {
  if (!isObject(list) || !Array.isArray(list.plugins)) return undefined
  const plugin = list.plugins.filter(isObject).find(({ type }) => type === 'podwire')
  return plugin && { ...plugin, cniVersion: list.cniVersion ?? '' }
}
