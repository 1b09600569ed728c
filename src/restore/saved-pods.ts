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

/** Of every network whose conflist has `podwire`; only attachments whose host end is among `links`. What cannot be read is skipped. */
export function savedPods(cacheDir: string, links: ReadonlySet<string>): SavedPod[] {
  const configOf = podwireConfigs()
  return savedAttachments(cacheDir).flatMap((cached) => {
    if (!links.has(hostLinkName(cached))) return []
    try {
      return readPod(cached, configOf(cached))
    } catch {
      // A file that another program wrote, or a result of no known version.
      return []
    }
  })
}

function readPod(cached: Cached, config: PodwireConfig | undefined): SavedPod[] {
  const { result: saved, network, containerId, ifname } = cached
  if (!config || !saved) return []
  const result = decodeResult(saved, '1.0.0', 'the saved result')
  const host = result.interfaces.find(({ name, sandbox }) => !sandbox && name === hostLinkName(cached))
  const own = result.interfaces.findIndex(({ name, sandbox }) => sandbox && name === ifname)
  if (!host || own < 0) return []
  const ips = result.ips.filter(({ interface: index }) => index === own)
  return [{ attachment: { network, containerId, ifname }, pod: podName(cached.args) || containerId, config, host, ips }]
}

/** `namespace/pod` of the CNI_ARGS. */
function podName(args: Cached['args']): string {
  const values = new Map(args)
  const [namespace, name] = [values.get('K8S_POD_NAMESPACE'), values.get('K8S_POD_NAME')]
  return namespace && name ? `${namespace}/${name}` : ''
}

/** The options of podwire in a conflist, without the pod's name. Nearly all pods share one conflist and have no capability arguments. */
function podwireConfigs(): (cached: Cached) => PodwireConfig | undefined {
  const known = new Map<string, PodwireConfig | undefined>()
  return (cached) => {
    const { config, network, capabilityArgs } = cached
    const key = `${network} ${JSON.stringify(capabilityArgs)} ${config}`
    const plugin = known.has(key) ? undefined : podwireIn(parseJson(config, 'the saved conflist'))
    if (!known.has(key)) known.set(key, plugin && readConfig(cached, plugin))
    return known.get(key)
  }
}

function readConfig({ network, capabilityArgs }: Cached, plugin: JsonObject): PodwireConfig {
  const reader = new Reader({ ...plugin, name: network, runtimeConfig: runtimeConfig(plugin, capabilityArgs) })
  const cniVersion = cniVersions.find((known) => known === plugin.cniVersion) ?? '1.1.0'
  const config = loadSegment<typeof import('../plugin/plugins/podwire/index.ts')>('podwire').readPodwireConfig(reader, {
    command: 'CHECK',
    cniVersion,
    name: network,
    args: () => new Map(),
  })
  reader.report()
  return config
}

/** The part of a conflist that is podwire's. */
function podwireIn(list: Json): JsonObject | undefined {
  if (!isObject(list) || !Array.isArray(list.plugins)) return undefined
  const plugin = list.plugins.filter(isObject).find(({ type }) => type === 'podwire')
  return plugin && { ...plugin, cniVersion: list.cniVersion ?? '' }
}
