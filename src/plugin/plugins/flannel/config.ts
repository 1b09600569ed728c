// The options of `flannel`, and the configuration that it makes of them for the plugin that does the work.

import { isObject, type Json, type JsonObject, quote } from '../../../cni/json.ts'
import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import { formatSubnet, type SubnetEnv } from './subnet-env.ts'

export interface FlannelConfig {
  readonly subnetFile: string
  /** Where the delegate's configuration is saved from ADD to DEL. */
  readonly dataDir: string
  readonly delegate: JsonObject
  readonly ipam: JsonObject
  readonly runtimeConfig: JsonObject | undefined
  readonly cniVersion: string
  readonly name: string
}

export function readFlannelConfig(reader: Reader, { cniVersion, name }: ConfigContext): FlannelConfig {
  const delegate = readObject(reader, 'delegate') ?? {}
  if (delegate.type !== undefined && (typeof delegate.type !== 'string' || delegate.type === '')) {
    reader.issue('delegate.type', `expected a plugin's name, got ${quote(delegate.type)}`)
  }
  for (const key of ['name', 'ipam']) {
    if (delegate[key] !== undefined) reader.issue(`delegate.${key}`, 'must be absent: flannel sets it')
  }
  return {
    subnetFile: reader.string('subnetFile') || '/run/flannel/subnet.env',
    dataDir: reader.string('dataDir') || '/var/lib/cni/flannel',
    delegate,
    ipam: readObject(reader, 'ipam') ?? {},
    runtimeConfig: readObject(reader, 'runtimeConfig'),
    cniVersion,
    name,
  }
}

/** The delegate's configuration: `bridge` and `host-local` with the node's subnet, where nothing else is configured. */
export function delegateConfig(config: FlannelConfig, env: SubnetEnv): JsonObject {
  const { cniVersion, name, runtimeConfig } = config
  const type = typeof config.delegate.type === 'string' ? config.delegate.type : 'bridge'
  const defaults = {
    // flanneld or the delegate masquerades, not both.
    ipMasq: !env.ipMasq,
    mtu: env.mtu,
    ...(type === 'bridge' && { isGateway: true }),
  }
  return {
    ...defaults,
    ...config.delegate,
    type,
    name,
    cniVersion,
    ...(runtimeConfig && { runtimeConfig }),
    ipam: {
      type: 'host-local',
      ...config.ipam,
      ranges: env.subnets.map((subnet) => [{ subnet: formatSubnet(subnet) }]),
      routes: [...list(config.ipam.routes), ...env.networks.map((network) => ({ dst: formatSubnet(network) }))],
    },
  }
}

function readObject(reader: Reader, key: string): JsonObject | undefined {
  const value = reader.value(key)
  if (value === undefined || isObject(value)) return value
  reader.issue(key, `expected an object, got ${quote(value)}`)
  return undefined
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}
