// The options of `ptp`, read once into what the verbs need.

import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import type { Dns } from '../../../cni/types.ts'
import { type Ipam, readIpam } from '../../../ipam/ipam.ts'
import { type Masquerade, readMasquerade } from '../../masquerade/index.ts'
import { readOwnDns } from '../../pod/dns.ts'

export interface PtpConfig {
  readonly masquerade: Masquerade | undefined
  /** 0: the kernel's default. */
  readonly mtu: number
  /** Absent only where DEL has none. */
  readonly ipam: Ipam | undefined
  readonly dns: Dns | undefined
}

export function readPtpConfig(reader: Reader, context: ConfigContext): PtpConfig {
  const ipam = readIpam(reader, context)
  if (!ipam) reader.issue('ipam', 'is missing, or has no type')
  return {
    masquerade: readMasquerade(reader),
    mtu: reader.integer('mtu', 0, 65535) ?? 0,
    ipam,
    dns: readOwnDns(reader),
  }
}
