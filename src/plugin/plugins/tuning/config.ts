// The options of `tuning`: kernel parameters and attributes of the pod's interface.

import type { ConfigContext } from '../../../cni/plugin.ts'
import type { Reader } from '../../../cni/reader.ts'
import type { Mac } from '../../../net/mac.ts'
import { readTunedMac } from '../../pod/mac.ts'
import { readSysctls, type Sysctl } from '../../pod/sysctl-config.ts'

/** What is undefined stays as it is. */
export interface TuningConfig {
  readonly sysctls: readonly Sysctl[]
  readonly mac: Mac | undefined
  /** Only ever switched on: false does not switch it off, as in the reference plugin. */
  readonly promisc: boolean
  readonly mtu: number | undefined
  readonly allmulti: boolean | undefined
  readonly txQLen: number | undefined
  readonly dataDir: string
}

const DATA_DIR = '/run/cni/tuning'
/** The kernel's fields have 32 bits; what a device takes, the kernel knows. */
const MAX_MTU = 0x7fffffff
const MAX_QUEUE = 0xffffffff

/** Each key of `args.cni` overrides the same at top level, and each sysctl there the one of the same name. */
export function readTuningConfig(reader: Reader, context: ConfigContext): TuningConfig {
  const own = readKeys(reader)
  const args = reader.object('args', (given) => given.object('cni', readKeys))
  return {
    sysctls: merge(own.sysctls, args?.sysctls ?? []),
    mac: readTunedMac(reader, context),
    promisc: args?.promisc ?? own.promisc ?? false,
    // 0 leaves it as it is.
    mtu: (args?.mtu ?? own.mtu) || undefined,
    allmulti: args?.allmulti ?? own.allmulti,
    txQLen: args?.txQLen ?? own.txQLen,
    dataDir: readDataDir(reader),
  }
}

/** True where an attribute of the interface is to be changed. */
export function changesLink({ mac, promisc, mtu, allmulti, txQLen }: TuningConfig): boolean {
  return promisc || [mac, mtu, allmulti, txQLen].some((value) => value !== undefined)
}

function readKeys(reader: Reader) {
  return {
    sysctls: readSysctls(reader),
    promisc: reader.boolean('promisc'),
    mtu: reader.integer('mtu', 0, MAX_MTU),
    allmulti: reader.boolean('allmulti'),
    txQLen: reader.integer('txQLen', 0, MAX_QUEUE),
  }
}

function merge(own: readonly Sysctl[], args: readonly Sysctl[]): Sysctl[] {
  const others = own.filter(({ key }) => !args.some((other) => other.key === key))
  return [...others, ...args]
}

function readDataDir(reader: Reader): string {
  const dataDir = reader.string('dataDir') || DATA_DIR
  if (!dataDir.startsWith('/') || dataDir.includes('\0'))
    reader.issue('dataDir', `expected an absolute path, got ${JSON.stringify(dataDir)}`)
  return dataDir
}
