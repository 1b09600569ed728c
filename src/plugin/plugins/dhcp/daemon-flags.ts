// The flags of `dhcp daemon`, as Go's flag package reads them: `-name value`, `--name=value`, durations with their unit.

import { parseDecimal } from '../../../net/address.ts'
import { DEFAULT_SOCKET } from './config.ts'

export interface DaemonFlags {
  readonly pidfile: string
  /** Prefix of the socket's path and every namespace's: where the node's root is mounted. */
  readonly hostprefix: string
  readonly socketpath: string
  readonly broadcast: boolean
  /** Seconds. */
  readonly timeout: number
  readonly resendmax: number
  readonly resendtimeout: number
}

export const usage = `dhcp daemon: gets, renews and releases the leases of the IPAM plugin dhcp
  -socketpath PATH     where the plugin connects (${DEFAULT_SOCKET})
  -hostprefix DIR      prefix of that path and of the namespaces' paths
  -pidfile PATH        where to write the process ID
  -broadcast           ask servers to broadcast their answers
  -timeout 10s         between two messages at most
  -resendmax 62s       the same
  -resendtimeout 208s  until an exchange is given up
`

/** The flags, or what is wrong with them. */
export function parseDaemonFlags(args: readonly string[]): DaemonFlags | string {
  const given = new Map<string, string>()
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? ''
    const dashes = arg.startsWith('--') ? 2 : arg.startsWith('-') ? 1 : 0
    const equals = arg.indexOf('=')
    const name = arg.slice(dashes, equals < 0 ? undefined : equals)
    if (dashes === 0 || !known.includes(name)) return `unknown flag or argument ${JSON.stringify(arg)}`
    if (name === 'broadcast') given.set(name, equals < 0 ? 'true' : arg.slice(equals + 1))
    else if (equals >= 0) given.set(name, arg.slice(equals + 1))
    else {
      i++
      if (i >= args.length) return `flag -${name} needs a value`
      given.set(name, args[i] ?? '')
    }
  }
  const durations = ['timeout', 'resendmax', 'resendtimeout'].map((name, i) =>
    parseDuration(given.get(name) ?? ['10s', '62s', '208s'][i] ?? ''),
  )
  const [timeout, resendmax, resendtimeout] = durations
  if (!timeout || !resendmax || !resendtimeout) return 'a duration is a number above 0 followed by ms, s, m or h: 10s, 1m30s'
  const broadcast = given.get('broadcast') ?? 'false'
  if (!['true', 'false'].includes(broadcast)) return `-broadcast: expected true or false, got ${JSON.stringify(broadcast)}`
  const pidfile = given.get('pidfile') ?? ''
  if (pidfile !== '' && !pidfile.startsWith('/')) return `Error writing pidfile ${JSON.stringify(pidfile)}: path not absolute`
  return {
    pidfile,
    hostprefix: given.get('hostprefix') ?? '',
    socketpath: given.get('socketpath') || DEFAULT_SOCKET,
    broadcast: broadcast === 'true',
    timeout,
    resendmax,
    resendtimeout,
  }
}

const known = ['pidfile', 'hostprefix', 'socketpath', 'broadcast', 'timeout', 'resendmax', 'resendtimeout']

/** Seconds of `1m30s` and the like; undefined for what is not a duration. */
function parseDuration(text: string): number | undefined {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600 }
  let total = 0
  let number = ''
  let unit = ''
  const take = () => {
    const count = parseDecimal(number)
    const length = units[unit]
    if (count === undefined || length === undefined) return false
    total += count * length
    number = ''
    unit = ''
    return true
  }
  for (const char of text) {
    const isDigit = char >= '0' && char <= '9'
    if (isDigit && unit !== '' && !take()) return undefined
    if (isDigit) number += char
    else unit += char
  }
  return take() ? total : undefined
}
