// Requests and results of a plugin, in no version's format. The wire forms are in config.ts and result.ts.

import type { Address } from '../net/address.ts'
import type { Cidr } from '../net/cidr.ts'

/** Every released version of the specification, oldest first. */
export const cniVersions = ['0.1.0', '0.2.0', '0.3.0', '0.3.1', '0.4.0', '1.0.0', '1.1.0'] as const
export type CniVersion = (typeof cniVersions)[number]

/** SPEC "ADD success", `interfaces`. `sandbox` is the namespace path; absent for a link on the host. */
export interface Interface {
  readonly name: string
  readonly mac?: string | undefined
  readonly mtu?: number | undefined
  readonly sandbox?: string | undefined
  readonly socketPath?: string | undefined
  readonly pciID?: string | undefined
}

/** SPEC "ADD success", `ips`. `interface` is an index into `interfaces`. */
export interface IpConfig {
  readonly address: Cidr
  readonly gateway?: Address | undefined
  readonly interface?: number | undefined
}

/** SPEC "ADD success", `routes`. `scope` is the kernel's number: 0 global, 253 link, 254 host. */
export interface Route {
  readonly dst: Cidr
  readonly gw?: Address | undefined
  readonly mtu?: number | undefined
  readonly advmss?: number | undefined
  readonly priority?: number | undefined
  readonly table?: number | undefined
  readonly scope?: number | undefined
}

export interface Dns {
  readonly nameservers?: readonly string[] | undefined
  readonly domain?: string | undefined
  readonly search?: readonly string[] | undefined
  readonly options?: readonly string[] | undefined
}

export interface Result {
  readonly interfaces: readonly Interface[]
  readonly ips: readonly IpConfig[]
  readonly routes: readonly Route[]
  readonly dns: Dns
}

/** The key of everything that an attachment owns (SPEC 0.4.0 on: network, container, interface). */
export interface Attachment {
  readonly network: string
  readonly containerId: string
  readonly ifname: string
}

/** One entry of GC's `cni.dev/valid-attachments`. */
export interface ValidAttachment {
  readonly containerId: string
  readonly ifname: string
}
