// The options of `static`, and who may override them.

import type { ConfigContext } from '../cni/plugin.ts'
import type { Reader } from '../cni/reader.ts'
import { readDns, readWantedRoute } from '../cni/routes-and-dns.ts'
import type { Dns, Route } from '../cni/types.ts'
import { type Address, formatAddress, parseAddress, unmapped } from '../net/address.ts'
import { type Cidr, cidrContains, formatCidr, networkOf, parseCidr, setApart } from '../net/cidr.ts'
import { gatewayProblem } from './gateway.ts'
import { requireRoom } from './host-local-config.ts'

export interface StaticAddress {
  readonly address: Cidr
  readonly gateway?: Address | undefined
}

/** One with its place in the configuration: only those that are used have to make sense. */
interface Placed extends StaticAddress {
  readonly issue: (problem: string) => void
  readonly gatewayIssue: (problem: string) => void
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
  const placed = readAddresses(reader, context)
  for (const entry of placed) reportProblems(entry, context)
  const addresses = placed.map(({ address, gateway }) => ({ address, gateway }))
  requireRoom(
    addresses.map(({ address }) => address.address),
    reader,
    context,
  )
  return {
    addresses,
    routes: reader.object('ipam', (ipam) => ipam.objects('routes', readWantedRoute)) ?? [],
    dns: reader.object('ipam', (ipam) => ipam.object('dns', readDns)) ?? {},
  }
}

/** CHECK accepts a reserved address: a running pod may have one, and must not be cut off. */
function reportProblems({ address, gateway, issue, gatewayIssue }: Placed, { command }: ConfigContext): void {
  const apart = command === 'CHECK' ? undefined : setApart(address)
  if (apart) issue(`${formatAddress(address.address)} is the ${apart} of ${formatCidr(networkOf(address))}`)
  const problem = gateway && gatewayProblem(gateway, address)
  if (problem) gatewayIssue(problem)
}

/** `runtimeConfig.ips` replaces `args.cni.ips`, which replaces `ipam.addresses` with what CNI_ARGS adds to them. */
function readAddresses(reader: Reader, context: ConfigContext): Placed[] {
  const configured = reader.object('ipam', (ipam) => ipam.objects('addresses', readAddress)) ?? []
  const args = reader.object('args', (given) => given.object('cni', readIps))
  const runtime = reader.object('runtimeConfig', readIps)
  // CONVENTIONS.md, "CNI_ARGS": a plugin that finds the same in `args` must ignore the variable.
  return [runtime, args].find((given) => given && given.length > 0) ?? withArgs(configured, reader, context)
}

function readAddress(reader: Reader): Placed | undefined {
  const text = reader.string('address') ?? ''
  const gateway = reader.address('gateway')
  const address = cidrOf(text)
  if (!address) reader.issue('address', `the 'address' field is expected to be in CIDR notation, got: '${text}'`)
  return address && { address, gateway, ...placeAt(reader, 'address', 'gateway') }
}

function readIps(reader: Reader): Placed[] {
  return (reader.strings('ips') ?? []).flatMap((text) => {
    const address = cidrOf(text)
    if (!address) reader.issue('ips', `an entry in the 'ips' field is NOT in CIDR notation, got: '${text}'`)
    return address ? [{ address, ...placeAt(reader, 'ips') }] : []
  })
}

/** CNI_ARGS: `IP` adds addresses, `GATEWAY` goes to every address in whose subnet it lies; both are comma-separated lists. */
function withArgs(configured: readonly Placed[], reader: Reader, context: ConfigContext): Placed[] {
  const args = context.args()
  const place = placeAt(reader, 'CNI_ARGS')
  const added = list(args.get('IP')).flatMap((text): Placed[] => {
    const address = cidrOf(text)
    if (!address) reader.issue('CNI_ARGS', `the 'ip' field is expected to be in CIDR notation, got: '${text}'`)
    return address ? [{ address, ...place }] : []
  })
  const gateways = list(args.get('GATEWAY')).flatMap((text) => {
    try {
      return [unmapped(parseAddress(text))]
    } catch {
      reader.issue('CNI_ARGS', `invalid gateway address: ${text}`)
      return []
    }
  })
  return [...configured, ...added].map((entry) => {
    const given = gateways.findLast((gateway) => cidrContains(entry.address, gateway))
    return given ? { ...entry, gateway: given, gatewayIssue: place.gatewayIssue } : entry
  })
}

function placeAt(reader: Reader, key: string, gatewayKey = key): Pick<Placed, 'issue' | 'gatewayIssue'> {
  return { issue: (problem) => reader.issue(key, problem), gatewayIssue: (problem) => reader.issue(gatewayKey, problem) }
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
