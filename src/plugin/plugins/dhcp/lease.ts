// A lease: a server's ACK as a result and as times.

import { CniError, ErrInternal } from '../../../cni/error.ts'
import type { Dns, Result, Route } from '../../../cni/types.ts'
import { RT_SCOPE_LINK } from '../../../kernel/route/constants.ts'
import { type Address, formatAddress } from '../../../net/address.ts'
import { formatCidr } from '../../../net/cidr.ts'
import type { Endpoint } from './frame.ts'
import {
  type DhcpMessage,
  OPTION_CLASSLESS_ROUTES,
  OPTION_DOMAIN_NAME,
  OPTION_LEASE_TIME,
  OPTION_NAME_SERVERS,
  OPTION_REBINDING_TIME,
  OPTION_RENEWAL_TIME,
  OPTION_ROUTER,
  OPTION_SERVER,
  OPTION_STATIC_ROUTES,
  OPTION_SUBNET_MASK,
  type Options,
  secondsOption,
  textOption,
} from './message.ts'

export interface Lease {
  /** Four bytes. */
  readonly address: Uint8Array
  /** The server that gave it, with the MAC that its answer came from. */
  readonly server: Endpoint
  /** T1, T2 and the end of the lease, in seconds of CLOCK_BOOTTIME: it is renewed with the server, it is rebound with any server, the address is lost. */
  readonly renewAt: number
  readonly rebindAt: number
  readonly expiresAt: number
  readonly result: Result
}

/** Of a server that names no lease time. */
const DEFAULT_SECONDS = 3600

/** The lease of an ACK that came from `from` at `now`. Throws a CniError where it has no subnet mask. */
export function leaseOf({ yiaddr, options }: DhcpMessage, from: Endpoint, now: number): Lease {
  const seconds = secondsOption(options, OPTION_LEASE_TIME) || DEFAULT_SECONDS
  const server = options.get(OPTION_SERVER)
  return {
    address: yiaddr,
    server: { address: server?.length === 4 ? server : from.address, mac: from.mac },
    renewAt: now + Math.min(secondsOption(options, OPTION_RENEWAL_TIME) || seconds / 2, seconds),
    rebindAt: now + Math.min(secondsOption(options, OPTION_REBINDING_TIME) || seconds * 0.85, seconds),
    expiresAt: now + seconds,
    result: resultOf(yiaddr, options),
  }
}

/** RFC 2131 section 4.4.5, from T1 on. */
export function phaseOf({ rebindAt, expiresAt }: Lease, now: number): 'renewing' | 'rebinding' | 'expired' {
  if (now >= expiresAt) return 'expired'
  return now >= rebindAt ? 'rebinding' : 'renewing'
}

/** The address as logs print it. */
export function formatLease({ result }: Lease): string {
  return result.ips.map(({ address }) => formatCidr(address)).join(' ')
}

function resultOf(yiaddr: Uint8Array, options: Options): Result {
  const length = maskLength(options.get(OPTION_SUBNET_MASK))
  if (length === undefined) throw new CniError(ErrInternal, 'DHCP option Subnet Mask not found in DHCPACK, or not a mask')
  const [gateway] = addressesOf(options.get(OPTION_ROUTER))
  return {
    interfaces: [],
    ips: [{ address: { address: { family: 4, bytes: yiaddr }, length }, gateway }],
    routes: routesOf(options, gateway),
    dns: dnsOf(options),
  }
}

/** Where there are classless routes, static routes and router are ignored (RFC 3442). */
function routesOf(options: Options, gateway: Address | undefined): Route[] {
  const classless = classlessRoutes(options.get(OPTION_CLASSLESS_ROUTES) ?? new Uint8Array(0))
  if (classless.length > 0) return classless
  const pairs = addressesOf(options.get(OPTION_STATIC_ROUTES))
  const routes: Route[] = []
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const [address, gw] = pairs.slice(i, i + 2)
    if (address && gw) routes.push({ dst: { address, length: classOf(address) }, gw })
  }
  if (gateway) routes.push({ dst: { address: { family: 4, bytes: new Uint8Array(4) }, length: 0 }, gw: gateway })
  return routes
}

/** RFC 3442: the length of the prefix, as many of its bytes as that needs, the router. A router of zero: the destination is on the link. */
function classlessRoutes(bytes: Uint8Array): Route[] {
  const routes: Route[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes[at] ?? 0
    const end = at + 1 + Math.ceil(length / 8)
    if (length > 32 || end + 4 > bytes.length) break
    const prefix = new Uint8Array(4)
    prefix.set(bytes.subarray(at + 1, end))
    const router = bytes.slice(end, end + 4)
    const dst = { address: { family: 4, bytes: prefix }, length } as const
    routes.push(router.some((byte) => byte !== 0) ? { dst, gw: { family: 4, bytes: router } } : { dst, scope: RT_SCOPE_LINK })
    at = end + 4
  }
  return routes
}

/** The prefix length of class A, B or C: static routes have no mask. */
function classOf({ bytes }: Address): number {
  const first = bytes[0] ?? 0
  return first < 128 ? 8 : first < 192 ? 16 : 24
}

/** Servers send only what was requested. */
function dnsOf(options: Options): Dns {
  const nameservers = addressesOf(options.get(OPTION_NAME_SERVERS)).map(formatAddress)
  const domain = textOption(options, OPTION_DOMAIN_NAME)
  return { ...(nameservers.length > 0 && { nameservers }), ...(domain && { domain }) }
}

function addressesOf(bytes: Uint8Array = new Uint8Array(0)): Address[] {
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => ({ family: 4, bytes: bytes.slice(4 * i, 4 * i + 4) }))
}

/** Undefined where the ones are not contiguous. */
function maskLength(mask: Uint8Array | undefined): number | undefined {
  if (mask?.length !== 4) return undefined
  const bits = [...mask].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  const length = bits.lastIndexOf('1') + 1
  return bits.slice(0, length).includes('0') ? undefined : length
}
