// The leases that the daemon keeps, in memory and on disk: one that is started again goes on with them. A file each, beside the socket.

import { isObject, type Json, type JsonObject, parseJson } from '../../../cni/json.ts'
import { decodeResult, encodeResult } from '../../../cni/result.ts'
import { sys } from '../../../host/sys.ts'
import { makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../../../host/whole-file.ts'
import { formatAddress, parseAddress } from '../../../net/address.ts'
import { formatMac, parseMac } from '../../../net/mac.ts'
import { type Ask, decodeAsk, encodeAsk } from './ask.ts'
import type { Exchange } from './exchange.ts'
import type { Lease } from './lease.ts'

export interface LeaseRecord {
  readonly ask: Ask
  lease: Lease
  /** Seconds of CLOCK_BOOTTIME: when it is looked after next. */
  dueAt: number
  /** A renewal under way. */
  exchange: Exchange | undefined
}

/** What an attachment is known by, here and to the server; as the Go plugin calls it, so that the server knows its clients again. */
export function clientIdOf({ containerId, network, ifname }: Pick<Ask, 'containerId' | 'network' | 'ifname'>): string {
  return `${containerId}/${network}/${ifname}`
}

export function keepLease(directory: string, { ask, lease }: LeaseRecord): void {
  makeDirectories(directory, 0o700)
  replaceText(fileOf(directory, ask), JSON.stringify({ ask: encodeAsk(ask), lease: encodeLease(lease) }), 0o600)
}

export function forgetLease(directory: string, ask: Ask): void {
  removeIfExists(fileOf(directory, ask))
}

/** All that are there; what cannot be read is removed. */
export function keptLeases(directory: string): LeaseRecord[] {
  return namesIn(directory).flatMap((name) => {
    const path = `${directory}/${name}`
    try {
      const json = parseJson(readWhole(path) ?? '', path)
      if (!isObject(json) || !isObject(json.lease)) throw new RangeError(`${path} is no lease`)
      const lease = decodeLease(json.lease)
      return [{ ask: decodeAsk(JSON.stringify(json.ask ?? null)), lease, dueAt: lease.renewAt, exchange: undefined }]
    } catch {
      removeIfExists(path)
      return []
    }
  })
}

function fileOf(directory: string, ask: Ask): string {
  return `${directory}/${sys.sha512(clientIdOf(ask)).slice(0, 32)}.json`
}

function encodeLease({ address, server, renewAt, rebindAt, expiresAt, result }: Lease): JsonObject {
  return {
    address: formatAddress({ family: 4, bytes: address }),
    server: formatAddress({ family: 4, bytes: server.address }),
    serverMac: formatMac(server.mac),
    renewAt,
    rebindAt,
    expiresAt,
    result: parseJson(encodeResult(result, '1.1.0'), 'the result'),
  }
}

function decodeLease(json: JsonObject): Lease {
  return {
    address: parseAddress(String(json.address)).bytes,
    server: { address: parseAddress(String(json.server)).bytes, mac: parseMac(String(json.serverMac)) },
    renewAt: seconds(json.renewAt),
    rebindAt: seconds(json.rebindAt),
    expiresAt: seconds(json.expiresAt),
    result: decodeResult(json.result ?? null, '1.1.0', 'the result'),
  }
}

function seconds(value: Json | undefined): number {
  if (typeof value === 'number') return value
  throw new RangeError('expected a number of seconds')
}
