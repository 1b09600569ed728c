// `sysctl`: kernel parameters of the pod's network, {"net.ipv4.conf.IFNAME.rp_filter": "2"}.

import { isObject } from '../../cni/json.ts'
import type { Reader } from '../../cni/reader.ts'

/** `key` is a path below /proc/sys, with IFNAME still in it. */
export interface Sysctl {
  readonly key: string
  readonly value: string
}

/** Only what lies below net/ belongs to the pod; anything else would be the node's. */
export function readSysctls(reader: Reader): Sysctl[] {
  const given = reader.value('sysctl')
  if (given === undefined) return []
  if (!isObject(given)) {
    reader.issue('sysctl', 'expected an object of names and values')
    return []
  }
  return Object.entries(given).flatMap(([name, value]) => {
    const key = name.includes('/') ? name : name.replaceAll('.', '/')
    const problem = problemOf(key, value)
    if (problem) reader.issue(`sysctl.${name}`, problem)
    return problem ? [] : [{ key, value: String(value) }]
  })
}

/** True for a parameter of the interface itself. */
export function namesInterface({ key }: Sysctl): boolean {
  return key.includes('IFNAME')
}

/** The path for an interface. The name goes in last: it may contain dots, which stay. */
export function sysctlPath({ key }: Sysctl, ifname: string): string {
  return key.replace('IFNAME', ifname)
}

function problemOf(key: string, value: unknown): string | undefined {
  if (typeof value !== 'string') return 'expected a string'
  const parts = key.split('/')
  if (parts[0] !== 'net' || parts.length < 3) return 'is not below net/: the parameter is the whole node’s'
  if (parts.some((part) => part === '' || part === '.' || part === '..')) return 'is not a name of a parameter'
  return undefined
}
