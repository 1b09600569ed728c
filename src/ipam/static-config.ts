// The options of `static`, and who may override them.

import type { ConfigContext } from '../cni/plugin.ts'
import type { Reader } from '../cni/reader.ts'
import { readDns, readRoute } from '../cni/routes-and-dns.ts'
import type { Dns, Route } from '../cni/types.ts'
import { type Address, parseAddress } from '../net/address.ts'
import { type Cidr, cidrContains, parseCidr } from '../net/cidr.ts'
import { requireRoom } from './host-local-config.ts'

export interface StaticAddress {
  readonly address: Cidr
  readonly gateway?: Address | undefined
}

export interface StaticConfig {
  readonly addresses: readonly StaticAddress[]
  readonly routes: readonly Route[]
  readonly dns: Dns
}

/** Not read for DEL and GC, which have nothing to do. */
export function readStaticConfig(reader: Reader, context: ConfigContext): StaticConfig {
  if (!reader.has('ipam')) reader.issue('ipam', "IPAM config missing 'ipam' key")
  if (context.command === 'DEL' || context.command === 'GC') return { addresses: [], routes: [], dns: {} }
  const addresses = readAddresses(reader, context)
  requireRoom(
    addresses.map(({ address }) => address.address),
    reader,
    context,
  )
  return {
    addresses,
    routes: reader.object('ipam', (ipam) => ipam.objects('routes', readRoute)) ?? [],
    dns: reader.object('ipam', (ipam) => ipam.object('dns', readDns)) ?? {},
  }
}

/** `runtimeConfig.ips` replaces `args.cni.ips`, which replaces `ipam.addresses` with what CNI_ARGS adds to them. */
function readAddresses(reader: Reader, context: ConfigContext): StaticAddress[] {
  const configured = reader.object('ipam', (ipam) => ipam.objects('addresses', readAddress)) ?? []
  const own = withArgs(configured, reader, context)
  const args = reader.object('args', (given) => given.object('cni', readIps))
  const runtime = reader.object('runtimeConfig', readIps)
  return [runtime, args].find((given) => given && given.length > 0) ?? own
}

function readAddress(reader: Reader): StaticAddress | undefined {
  const text = reader.string('address') ?? ''
  const gateway = reader.address('gateway')
  const address = cidrOf(text)
  if (!address) reader.issue('address', `the 'address' field is expected to be in CIDR notation, got: '${text}'`)
  return address && { address, gateway }
}

function readIps(reader: Reader): StaticAddress[] {
  return (reader.strings('ips') ?? []).flatMap((text) => {
    const address = cidrOf(text)
    if (!address) reader.issue('ips', `an entry in the 'ips' field is NOT in CIDR notation, got: '${text}'`)
    return address ? [{ address }] : []
  })
}

/** CNI_ARGS: `IP` adds addresses, `GATEWAY` goes to every address in whose subnet it lies; both are lists with commas. */
function withArgs(configured: readonly StaticAddress[], reader: Reader, context: ConfigContext): StaticAddress[] {
  const args = context.args()
  const added = list(args.get('IP')).flatMap((text): StaticAddress[] => {
    const address = cidrOf(text)
    if (!address) reader.issue('CNI_ARGS', `the 'ip' field is expected to be in CIDR notation, got: '${text}'`)
    return address ? [{ address }] : []
  })
  const gateways = list(args.get('GATEWAY')).flatMap((text) => {
    try {
      return [parseAddress(text)]
    } catch {
      reader.issue('CNI_ARGS', `invalid gateway address: ${text}`)
      return []
    }
  })
  return [...configured, ...added].map(({ address, gateway }) => ({
    address,
    gateway: gateways.findLast((given) => cidrContains(address, given)) ?? gateway,
  }))
}

function list(text: string | undefined): string[] {
  return text ? text.split(',').map((item) => item.trim()) : []
}

function cidrOf(text: string): Cidr | undefined {
  try {
    return parseCidr(text)
  } catch {
    return undefined
  }
}
