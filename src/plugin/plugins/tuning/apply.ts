// The changes themselves: parameters one by one, the interface in one request. The values before are saved before anything is changed.

import { CniError, ErrInvalidNetworkConfig, fail } from '../../../cni/error.ts'
import { isSysError } from '../../../host/error.ts'
import { log } from '../../../host/log.ts'
import { inNamespace } from '../../../kernel/namespace.ts'
import { transact } from '../../../kernel/netlink/socket.ts'
import { IFF_ALLMULTI, IFF_PROMISC } from '../../../kernel/route/constants.ts'
import { findLink, type Link, setLink } from '../../../kernel/route/link.ts'
import { ensureSysctl, readSysctl, trySysctl } from '../../../kernel/sysctl.ts'
import type { Pod } from '../../pod/namespace.ts'
import { namesInterface, sysctlPath } from '../../pod/sysctl-config.ts'
import type { Backup } from './backup.ts'
import { changesLink, type TuningConfig } from './config.ts'

/** The interface, where anything of it is to be changed or named in a parameter: devices of DPDK and VFIO have none. */
export function findTuned(pod: Pod, config: TuningConfig, ifname: string, netns: string): Link | undefined {
  if (!changesLink(config) && !config.sysctls.some(namesInterface)) return undefined
  const link = findLink(pod.route, { name: ifname })
  if (!link) throw new CniError(ErrInvalidNetworkConfig, `failed to get ${JSON.stringify(ifname)}: no such interface in ${netns}`)
  return link
}

/** The current values of what will be changed. */
export function observe(pod: Pod, link: Link | undefined, config: TuningConfig, ifname: string): Backup {
  const sysctls = inNamespace(pod.fd, () =>
    config.sysctls.flatMap((sysctl) => {
      const path = sysctlPath(sysctl, ifname)
      const value = readIfReadable(path)
      return value === undefined ? [] : [[path, value] as const]
    }),
  )
  return {
    mac: config.mac && link?.mac,
    promisc: link && config.promisc ? (link.flags & IFF_PROMISC) !== 0 : undefined,
    mtu: config.mtu && link?.mtu,
    allmulti: link && config.allmulti !== undefined ? (link.flags & IFF_ALLMULTI) !== 0 : undefined,
    txQLen: config.txQLen === undefined ? undefined : link?.txqlen,
    sysctls,
  }
}

/** `sysctl -w KEY=VALUE…; ip link set IFNAME address MAC mtu N promisc on allmulticast on|off txqueuelen N` */
export function tune(pod: Pod, link: Link | undefined, config: TuningConfig, ifname: string): void {
  inNamespace(pod.fd, () => {
    for (const sysctl of config.sysctls) setSysctl(sysctlPath(sysctl, ifname), sysctl.value)
  })
  if (link) changeLink(pod, link.index, { ...config, promisc: config.promisc || undefined })
}

/** As it was. What the kernel no longer accepts is logged: the interface is about to be deleted, and DEL must not fail for this. */
export function restore(pod: Pod, ifname: string, backup: Backup): void {
  inNamespace(pod.fd, () => {
    for (const [path, value] of backup.sysctls.toReversed()) {
      if (!trySysctl(path, value)) log.info('cannot restore a parameter', { path, value })
    }
  })
  const link = findLink(pod.route, { name: ifname })
  if (!link) return
  try {
    changeLink(pod, link.index, backup)
  } catch (error) {
    if (!isSysError(error)) throw error
    log.warn('cannot restore the interface', { ifname, error: error.message })
  }
}

/** Throws where the pod is not as ADD has tuned it. */
export function checkTuned(pod: Pod, link: Link | undefined, config: TuningConfig, ifname: string): void {
  inNamespace(pod.fd, () => {
    for (const sysctl of config.sysctls) {
      const path = sysctlPath(sysctl, ifname)
      const found = readSysctl(path)
      if (found === undefined || !sameWords(found, sysctl.value)) {
        fail(`tuning configured value of /proc/sys/${path} is ${sysctl.value}, current value is ${found ?? 'missing'}`)
      }
    }
  })
  if (!link) return
  const compare = (what: string, wanted: unknown, found: unknown) => {
    if (wanted !== undefined && wanted !== found) fail(`tuning configured ${what} of ${ifname} is ${wanted}, current value is ${found}`)
  }
  compare('Ethernet address', config.mac?.join(), link.mac.join())
  compare('promiscuous mode', config.promisc || undefined, (link.flags & IFF_PROMISC) !== 0)
  compare('MTU', config.mtu, link.mtu)
  compare('all-multicast mode', config.allmulti, (link.flags & IFF_ALLMULTI) !== 0)
  compare('transmit queue length', config.txQLen, link.txqlen)
}

type Change = Pick<Backup, 'mac' | 'promisc' | 'mtu' | 'allmulti' | 'txQLen'>

function changeLink(pod: Pod, index: number, { mac, promisc, mtu, allmulti, txQLen }: Change): void {
  const change = {
    ...(mac && { mac }),
    ...(mtu !== undefined && { mtu }),
    ...(promisc !== undefined && { promisc }),
    ...(allmulti !== undefined && { allmulti }),
    ...(txQLen !== undefined && { txqlen: txQLen }),
  }
  if (Object.keys(change).length > 0) transact(pod.route, [setLink({ index }, change)])
}

function setSysctl(path: string, value: string): void {
  const before = readIfReadable(path)
  if (before !== undefined && sameWords(before, value)) return
  // Some can only be written, net.ipv4.route.flush for one; others have nothing to read until they were written.
  if (before === undefined && trySysctl(path, value)) return
  ensureSysctl(path, value)
}

/** undefined for a parameter that cannot be read now; CniError 7 for one that the kernel does not have. */
function readIfReadable(path: string): string | undefined {
  try {
    const value = readSysctl(path)
    if (value === undefined) throw new CniError(ErrInvalidNetworkConfig, `sysctl: the kernel has no parameter /proc/sys/${path}`)
    return value
  } catch (error) {
    if (isSysError(error)) return undefined
    throw error
  }
}

/** The kernel writes a list with tabs, people with spaces. */
function sameWords(a: string, b: string): boolean {
  const words = (text: string) => text.replaceAll('\t', ' ').split(' ').filter(Boolean).join(' ')
  return words(a) === words(b.trim())
}
