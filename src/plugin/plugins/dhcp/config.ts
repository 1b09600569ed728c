// The options of `dhcp`, all under `ipam`.

import type { Reader } from '../../../cni/reader.ts'
import { parseDecimal } from '../../../net/address.ts'
import { OPTION_CLIENT_ID, OPTION_HOST_NAME, OPTION_ROUTER, OPTION_SUBNET_MASK, OPTION_USER_CLASS, OPTION_VENDOR_CLASS } from './message.ts'

export const DEFAULT_SOCKET = '/run/cni/dhcp.sock'

export interface DhcpConfig {
  readonly socketPath: string
  /** Metric of the routes, 0 for the kernel's. */
  readonly priority: number
  /** Options sent to the server: a value, or the name of the argument in CNI_ARGS that has it. */
  readonly provide: readonly { readonly code: number; readonly value: string; readonly fromArg: string }[]
  /** The requested options. */
  readonly request: readonly number[]
}

/** Those of dhcp-options(5) that the reference plugin knows by name. */
const names: Readonly<Record<string, number>> = {
  'dhcp-client-identifier': OPTION_CLIENT_ID,
  'subnet-mask': OPTION_SUBNET_MASK,
  routers: OPTION_ROUTER,
  'host-name': OPTION_HOST_NAME,
  'user-class': OPTION_USER_CLASS,
  'vendor-class-identifier': OPTION_VENDOR_CLASS,
}

export function readDhcpConfig(reader: Reader): DhcpConfig {
  const config = reader.object('ipam', readIpam)
  if (!config) reader.issue('ipam', 'is missing')
  return config ?? { socketPath: DEFAULT_SOCKET, priority: 0, provide: [], request: [] }
}

function readIpam(ipam: Reader): DhcpConfig {
  const requested = ipam.objects('request', (entry) => ({ skip: entry.boolean('skipDefault') ?? false, code: readCode(entry) })) ?? []
  const defaults = requested.some(({ skip }) => skip) ? [] : [OPTION_ROUTER, OPTION_SUBNET_MASK]
  const codes = requested.flatMap(({ code }) => (code === undefined ? [] : [code]))
  return {
    socketPath: ipam.string('daemonSocketPath') || DEFAULT_SOCKET,
    priority: ipam.integer('priority', 0, 0xffffffff) ?? 0,
    provide: ipam.objects('provide', readProvided) ?? [],
    request: [...new Set([...codes, ...defaults])],
  }
}

function readProvided(entry: Reader): DhcpConfig['provide'][number] | undefined {
  const code = readCode(entry)
  if (!entry.has('option')) entry.issue('option', 'is missing')
  const value = entry.string('value') ?? ''
  if (value.length > 255) entry.issue('value', `value too long: ${value.length} characters, an option has 255`)
  return code === undefined ? undefined : { code, value, fromArg: entry.string('fromArg') ?? '' }
}

function readCode(entry: Reader): number | undefined {
  const option = entry.string('option') ?? ''
  if (option === '') return undefined
  const code = names[option] ?? parseDecimal(option)
  if (code !== undefined && code > 0 && code < 255) return code
  entry.issue('option', `expected a number from 1 to 254 or one of ${Object.keys(names).join(', ')}, got ${JSON.stringify(option)}`)
  return undefined
}
