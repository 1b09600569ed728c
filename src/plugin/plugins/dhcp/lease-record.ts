// The daemon's leases on disk, a file each, in a directory next to the socket: a daemon that is restarted takes them over.

import { isObject, type Json, type JsonObject, parseJson } from '../../../cni/json.ts'
import { decodeResult, encodeResult } from '../../../cni/result.ts'
import type { Attachment } from '../../../cni/types.ts'
import { sys } from '../../../host/sys.ts'
import { makeDirectories, namesIn, readWhole, removeIfExists, replaceText } from '../../../host/whole-file.ts'
import { formatAddress, parseAddress } from '../../../net/address.ts'
import { formatMac, parseMac } from '../../../net/mac.ts'
import type { Client } from './client-message.ts'
import { type DaemonRequest, decodeRequest, encodeRequest } from './daemon-request.ts'
import type { Exchange } from './exchange-socket.ts'
import type { Lease } from './lease.ts'

export interface LeaseRecord {
  /** The ADD that it was acquired for. */
  readonly request: DaemonRequest
  lease: Lease
  /** When to renew it, in seconds of CLOCK_BOOTTIME. */
  dueAt: number
  /** A renewal under way. */
  exchange: Exchange | undefined
}

/** What the server knows the attachment by. It is the reference plugin's, so that a server recognizes its clients after a change of plugin. */
export function clientIdOf({ containerId, network, ifname }: Attachment): string {
  return `${containerId}/${network}/${ifname}`
}

export function clientOf(request: DaemonRequest): Client {
  return { id: clientIdOf(request), provide: request.provide, request: request.request }
}

/** The namespace's path where the daemon sees it. */
export function netnsOf({ netns }: DaemonRequest, hostprefix: string): string {
  return `${hostprefix}${netns}`
}

/** The daemon's answer to ADD and CHECK. */
export function encodeAnswer({ result }: Lease): JsonObject {
  const json = parseJson(encodeResult(result, '1.1.0'), 'the result')
  return isObject(json) ? json : {}
}

/** Writes the record. The file's key `ask` is the request: daemons of earlier versions wrote it so. */
export function saveLease(directory: string, { request, lease }: LeaseRecord): void {
  makeDirectories(directory, 0o700)
  replaceText(fileOf(directory, request), JSON.stringify({ ask: encodeRequest(request), lease: encodeLease(lease) }), 0o600)
}

export function deleteLease(directory: string, request: DaemonRequest): void {
  removeIfExists(fileOf(directory, request))
}

/** All records of the directory. A file that cannot be read is removed. */
export function readLeases(directory: string): LeaseRecord[] {
  return namesIn(directory).flatMap((name) => {
    const path = `${directory}/${name}`
    try {
      const json = parseJson(readWhole(path) ?? '', path)
      if (!isObject(json) || !isObject(json.lease)) throw new RangeError(`${path} is not a lease`)
      const lease = decodeLease(json.lease)
      return [{ request: decodeRequest(JSON.stringify(json.ask ?? null)), lease, dueAt: lease.renewAt, exchange: undefined }]
    } catch {
      removeIfExists(path)
      return []
    }
  })
}

function fileOf(directory: string, request: DaemonRequest): string {
  return `${directory}/${sys.sha512(clientIdOf(request)).slice(0, 32)}.json`
}

function encodeLease(lease: Lease): JsonObject {
  const { address, server, renewAt, rebindAt, expiresAt } = lease
  return {
    address: formatAddress({ family: 4, bytes: address }),
    server: formatAddress({ family: 4, bytes: server.address }),
    serverMac: formatMac(server.mac),
    renewAt,
    rebindAt,
    expiresAt,
    result: encodeAnswer(lease),
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
