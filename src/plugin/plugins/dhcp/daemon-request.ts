// The plugin's request to the daemon: a line of JSON each way over a Unix socket. The reference plugin has another protocol there.

import { CniError, ErrDecodingFailure } from '../../../cni/error.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../../../cni/json.ts'
import { Reader } from '../../../cni/reader.ts'
import type { Attachment, ValidAttachment } from '../../../cni/types.ts'
import { UNIX_PATH_MAX, unixAddress } from '../../../host/socket.ts'
import { sys } from '../../../host/sys.ts'

export interface DaemonRequest extends Attachment {
  readonly verb: 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS'
  readonly netns: string
  /** DHCP options to send: code and text. */
  readonly provide: readonly (readonly [number, string])[]
  /** DHCP options that are requested. */
  readonly request: readonly number[]
  /** Of GC. */
  readonly valid: readonly ValidAttachment[]
}

export function encodeRequest({ verb, network, containerId, ifname, netns, provide, request, valid }: DaemonRequest): JsonObject {
  return {
    verb,
    network,
    containerId,
    ifname,
    netns,
    provide: provide.map(([code, text]) => ({ code, text })),
    request,
    valid: valid.map((entry) => ({ containerId: entry.containerId, ifname: entry.ifname })),
  }
}

/** Throws CniError 6 for what podwire's plugin does not write. */
export function decodeRequest(line: string): DaemonRequest {
  const json = parseJson(line, 'the request')
  const reader = new Reader(isObject(json) ? json : {})
  const text = (from: Reader, key: string) => from.string(key) ?? ''
  const verb = (['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] as const).find((known) => known === reader.string('verb'))
  const request = {
    verb: verb ?? 'STATUS',
    network: text(reader, 'network'),
    containerId: text(reader, 'containerId'),
    ifname: text(reader, 'ifname'),
    netns: text(reader, 'netns'),
    provide: reader.objects('provide', (entry): [number, string] => [entry.integer('code', 1, 254) ?? 0, text(entry, 'text')]) ?? [],
    request: numbers(reader.value('request')),
    valid: reader.objects('valid', (entry) => ({ containerId: text(entry, 'containerId'), ifname: text(entry, 'ifname') })) ?? [],
  }
  if (!verb) reader.issue('verb', 'is missing or unknown')
  reader.report('invalid request', ErrDecodingFailure)
  return request
}

function numbers(value: Json | undefined): number[] {
  return Array.isArray(value) ? value.filter((item: Json) => typeof item === 'number') : []
}

/** struct sockaddr_un */
export function daemonAddress(path: string): Uint8Array {
  const name = new Uint8Array(sys.encodeUtf8(path))
  if (name.length >= UNIX_PATH_MAX) throw new CniError(ErrDecodingFailure, `socket ${path}: a path has ${UNIX_PATH_MAX - 1} bytes at most`)
  return unixAddress(name)
}

export function sendLine(fd: number, json: JsonObject): void {
  sys.send(fd, new Uint8Array(sys.encodeUtf8(`${JSON.stringify(json)}\n`)))
}
