// The options of `bridge`, read once into what the verbs need.

import { interfaceNameProblem } from '../../../cni/environment.ts'
import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import type { Dns } from '../../../cni/types.ts'
import { type Ipam, readIpam } from '../../../ipam/ipam.ts'
import type { PortVlan } from '../../../kernel/route/bridge.ts'
import type { Mac } from '../../../net/mac.ts'
import { readAccessVlan, readPortVlans } from '../../link/vlan-config.ts'
import { type Masquerade, readMasquerade } from '../../masquerade/index.ts'
import { readOwnDns } from '../../pod/dns.ts'
import { readPodMac } from '../../pod/mac.ts'

export interface BridgeConfig {
  readonly bridge: string
  readonly isGateway: boolean
  readonly isDefaultGateway: boolean
  readonly forceAddress: boolean
  readonly masquerade: Masquerade | undefined
  /** 0: the kernel's default. */
  readonly mtu: number
  readonly hairpin: boolean
  readonly promisc: boolean
  readonly isolated: boolean
  /** The access VLAN, 0 for none. */
  readonly vlan: number
  /** What the port also carries; any makes the bridge filter VLANs. */
  readonly vlans: readonly PortVlan[]
  readonly preserveDefaultVlan: boolean
  readonly macspoofchk: boolean
  readonly enabledad: boolean
  readonly disableContainerInterface: boolean
  /** Absent: a network of layer 2 only. */
  readonly ipam: Ipam | undefined
  readonly dns: Dns | undefined
  readonly mac: Mac | undefined
}

export function readBridgeConfig(reader: Reader, context: ConfigContext): BridgeConfig {
  const flag = (key: string) => reader.boolean(key) ?? false
  const vlan = readAccessVlan(reader)
  const isDefaultGateway = flag('isDefaultGateway')
  const config: BridgeConfig = {
    bridge: reader.string('bridge') || 'cni0',
    isGateway: flag('isGateway') || isDefaultGateway,
    isDefaultGateway,
    forceAddress: flag('forceAddress'),
    masquerade: readMasquerade(reader),
    mtu: reader.integer('mtu', 0, 65535) ?? 0,
    hairpin: flag('hairpinMode'),
    promisc: flag('promiscMode'),
    isolated: flag('portIsolation'),
    vlan,
    vlans: readPortVlans(reader, vlan),
    preserveDefaultVlan: flag('preserveDefaultVlan'),
    macspoofchk: flag('macspoofchk'),
    enabledad: flag('enabledad'),
    disableContainerInterface: flag('disableContainerInterface'),
    ipam: readIpam(reader, context),
    dns: readOwnDns(reader),
    mac: readPodMac(reader, context),
  }
  if (config.hairpin && config.promisc) reader.issue('hairpinMode', 'cannot be set together with promiscMode')
  if (config.ipam && config.disableContainerInterface) {
    reader.issue('disableContainerInterface', 'cannot be set together with ipam: an interface that stays down has no use for addresses')
  }
  const problem = interfaceNameProblem(config.bridge)
  if (problem) reader.issue('bridge', problem)
  return config
}
