// The options of `podwire`, the plugin that the chart ships: read once into what the verbs need.

import type { Json } from '../../../cni/json.ts'
import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import type { Dns } from '../../../cni/types.ts'
import { rangesComeWithAdd } from '../../../ipam/host-local-config.ts'
import { type Ipam, readIpam } from '../../../ipam/ipam.ts'
import type { Mac } from '../../../net/mac.ts'
import { type HostPort, readHostPorts } from '../../host-ports/mapping.ts'
import { readPodMac } from '../../pod/mac.ts'
import { readSysctls, type Sysctl } from '../../pod/sysctl-config.ts'
import { type Limits, readLimits } from '../../shaping/index.ts'

/** `ptp`: a pair and host routes. `bridge`: a port of the node's bridge. */
export type Datapath = 'ptp' | 'bridge'

export interface PodwireConfig {
  readonly datapath: Datapath
  /** Used with the datapath `bridge` only. */
  readonly bridge: string
  /** 0: that of the device of the node's default route. */
  readonly mtu: number
  readonly enabledad: boolean
  /** Absent where DEL has none, and for STATUS on a node that has no ranges yet. */
  readonly ipam: Ipam | undefined
  readonly mac: Mac | undefined
  readonly dns: Dns | undefined
  readonly sysctls: readonly Sysctl[]
  readonly hostPorts: readonly HostPort[]
  readonly limits: Limits | undefined
  /** `namespace/pod` where the runtime sends it, else ''. */
  readonly pod: string
}

export function readPodwireConfig(reader: Reader, context: ConfigContext): PodwireConfig {
  const datapath = reader.string('datapath') || 'ptp'
  if (datapath !== 'ptp' && datapath !== 'bridge') reader.issue('datapath', `expected ptp or bridge, got ${JSON.stringify(datapath)}`)
  const ipamType = reader.object('ipam', (ipam) => ipam.string('type'))
  if (!ipamType && context.command !== 'DEL') reader.issue('ipam', 'is missing, or has no type')
  return {
    datapath: datapath === 'bridge' ? 'bridge' : 'ptp',
    bridge: reader.string('bridge') || 'podwire0',
    mtu: reader.integer('mtu', 0, 65535) ?? 0,
    enabledad: reader.boolean('enabledad') ?? false,
    ipam: context.command === 'STATUS' && lacksRanges(reader, context) ? undefined : readIpam(reader, context),
    mac: readPodMac(reader, context),
    dns: reader.object('runtimeConfig', (runtime) => runtime.object('dns', readRuntimeDns)),
    sysctls: readSysctls(reader),
    hostPorts: readHostPorts(reader),
    limits: readLimits(reader),
    pod: podOf(context),
  }
}

/** host-local without a range: to ADD an error, to STATUS a node that its agent has not configured yet. Ranges of a wrong type count as present. */
function lacksRanges(reader: Reader, context: ConfigContext): boolean {
  const isNone = (ranges: Json | undefined) => ranges === undefined || (Array.isArray(ranges) && ranges.length === 0)
  const lacking = reader.object(
    'ipam',
    (ipam) => ipam.string('type') === 'host-local' && !ipam.has('subnet') && isNone(ipam.value('ranges')),
  )
  if (!lacking || rangesComeWithAdd(reader, context)) return false
  return isNone(reader.object('runtimeConfig', (runtime) => runtime.value('ipRanges')))
}

/** The capability `dns` spells its fields otherwise than a result does (CONVENTIONS.md). */
function readRuntimeDns(dns: Reader): Dns {
  return { nameservers: dns.strings('servers'), search: dns.strings('searches'), options: dns.strings('options') }
}

function podOf(context: ConfigContext): string {
  const args = context.args()
  const [namespace, name] = [args.get('K8S_POD_NAMESPACE'), args.get('K8S_POD_NAME')]
  return namespace && name ? `${namespace}/${name}` : ''
}
