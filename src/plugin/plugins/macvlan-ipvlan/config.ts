// The configuration that `macvlan` and `ipvlan` share: the parent link, and what the pod's interface gets.

import { quote } from '../../../cni/json.ts'
import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import type { Dns } from '../../../cni/types.ts'
import { type Ipam, readIpam } from '../../../ipam/ipam.ts'
import type { ChildLink } from '../../../kernel/route/child-link.ts'
import type { Request } from '../../../kernel/route/request.ts'
import type { Mac } from '../../../net/mac.ts'
import { readOwnDns } from '../../pod/dns.ts'

export interface ChildConfig {
  readonly kind: 'macvlan' | 'ipvlan'
  /** What readChildMode returns of the link. */
  readonly mode: number
  readonly make: (link: ChildLink) => Request
  /** Absent: the link of the default route. */
  readonly master: string | undefined
  /** The master is a link of the pod's. */
  readonly linkInContainer: boolean
  /** 0: the master's. */
  readonly mtu: number
  readonly mac: Mac | undefined
  readonly ipam: Ipam | undefined
  /** Without IPAM the addresses are those of prevResult. */
  readonly takesPrevious: boolean
  readonly dns: Dns | undefined
}

type OfEvery = 'master' | 'linkInContainer' | 'mtu' | 'ipam' | 'dns'

export function readChildConfig(reader: Reader, context: ConfigContext): Pick<ChildConfig, OfEvery> {
  return {
    master: reader.string('master') || undefined,
    linkInContainer: reader.boolean('linkInContainer') ?? false,
    mtu: reader.integer('mtu', 0, 65535) ?? 0,
    ipam: readIpam(reader, context),
    dns: readOwnDns(reader),
  }
}

/** The mode that `mode` names, `fallback` where it names none. */
export function readMode<Modes extends Readonly<Record<string, number>>>(
  reader: Reader,
  modes: Modes,
  fallback: Extract<keyof Modes, string>,
): Extract<keyof Modes, string> {
  const name = reader.string('mode') || fallback
  for (const mode in modes) if (mode === name) return mode
  reader.issue('mode', `expected one of ${Object.keys(modes).join(', ')}, got ${quote(name)}`)
  return fallback
}
