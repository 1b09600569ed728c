// Requests for the IPAM verbs as definePlugin would make them: the configuration read off JSON, its problems reported.

import type { Json, JsonObject } from '../../src/cni/json.ts'
import type { ConfigContext, GcRequest, Request, StatusRequest } from '../../src/cni/plugin.ts'
import { Reader } from '../../src/cni/reader.ts'
import type { CniVersion, Result, ValidAttachment } from '../../src/cni/types.ts'

export interface Given {
  readonly command?: ConfigContext['command']
  readonly cniVersion?: CniVersion
  readonly network?: string
  readonly containerId?: string
  readonly ifname?: string
  readonly args?: Readonly<Record<string, string>>
  readonly prevResult?: Result
  readonly valid?: readonly ValidAttachment[]
}

/** What `read` makes of the configuration; throws the reader's CniError where it has problems. */
export function readConfig<Config>(read: (reader: Reader, context: ConfigContext) => Config, json: Json, given: Given = {}): Config {
  const { command = 'ADD', cniVersion = '1.1.0', network = 'net', args = {} } = given
  const reader = new Reader(json as JsonObject)
  const config = read(reader, { command, cniVersion, name: network, args: () => new Map(Object.entries(args)) })
  reader.report()
  return config
}

export function requestFor<Config>(
  read: (reader: Reader, context: ConfigContext) => Config,
  json: Json,
  given: Given = {},
): Request<Config> & GcRequest<Config> & StatusRequest<Config> {
  const { cniVersion = '1.1.0', network = 'net', containerId = 'c1', ifname = 'eth0', prevResult, valid } = given
  const config = readConfig(read, json, given)
  return { cniVersion, network, containerId, ifname, netns: '', args: '', path: [], config, stdin: '', raw: json, prevResult, valid }
}
